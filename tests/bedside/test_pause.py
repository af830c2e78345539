"""A pause comes first, its reason afterwards, as an entry of its own; and what the running screen is told."""

import asyncio

import pytest

from pumpd.infusion import events as ev
from tests.bedside.tablet import DOCTOR, FORM, bedsides


def shown(here):
    return here.testbed.gateway.live.pump(here.testbed.gateway.runners["bed1"])


async def test_a_pause_waits_for_no_reason_and_the_reason_is_an_entry_of_its_own(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        assert (await here.tablet.ask("pause", pump="bed1"))["ok"]
        await here.testbed.until("paused")
        assert shown(here)["pause"]["reason"] == ""
        assert here.bodies("pause_explained") == []
        session = shown(here)["infusion"]["session"]
        answer = await here.tablet.ask("pause_reason", pump="bed1", session=session, reason="patient asked")
        assert answer["ok"]
        assert shown(here)["pause"]["reason"] == "patient asked"
        (entry,) = here.bodies("pause_explained")
        assert (entry["reason"], entry["pause"]) == ("patient asked", 1)
        assert entry["by"].startswith(f"Nurse {DOCTOR} (badge {DOCTOR}), tablet ")
        assert here.testbed.state() == "paused"  # it changes nothing but the record


async def test_the_reason_may_still_come_after_the_end_and_only_for_the_infusion_that_was_paused(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        session = shown(here)["infusion"]["session"]
        early = await here.tablet.ask("pause_reason", pump="bed1", session=session, reason="none was made")
        assert not early["ok"]
        assert (await here.tablet.ask("pause", pump="bed1"))["ok"]
        await here.testbed.until("paused")
        await here.testbed.ask(op="stop", pump="bed1")
        await here.testbed.until("stopped")
        other = await here.tablet.ask("pause_reason", pump="bed1", session="another", reason="patient asked")
        assert not other["ok"]
        assert "no longer on this pump" in other["reasons"][0]
        assert (await here.tablet.ask("pause_reason", pump="bed1", session=session, reason="patient asked"))["ok"]
        assert len(here.bodies("pause_explained")) == 1


async def test_a_pause_with_its_reason_still_does_both(tmp_path, monkeypatch):
    """As a page of an older version asks, and the command line."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        assert (await here.tablet.ask("pause", pump="bed1", reason="check the line"))["ok"]
        await here.testbed.until("paused")
        assert shown(here)["pause"]["reason"] == "check the line"
        assert shown(here)["infusion"]["reason"].startswith("check the line (by ")


@pytest.mark.parametrize("state", ["paused", "tripped"])
async def test_a_stop_of_a_stopped_pump_is_sent_at_once_and_then_the_rest_is_offered(tmp_path, monkeypatch, state):
    """What becomes of the treatment is asked afterwards: a stop waits for no answer."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await asyncio.sleep(60)
        if state == "paused":
            assert (await here.tablet.ask("pause", pump="bed1"))["ok"]
        else:
            here.testbed.gateway.runners["bed1"].feed(journal_failed(here))
        await here.testbed.until(state)
        assert shown(here)["rest"] is None
        sent = stops_sent(here)
        assert (await here.testbed.ask(op="stop", pump="bed1")).ok
        assert here.testbed.state() == "stopped"
        await asyncio.sleep(0.1)
        assert stops_sent(here) > sent
        rest = shown(here)["rest"]
        assert float(rest["left_ml"]) > 30
        assert (rest["patient"], rest["treatment"]) == (FORM["patient"], shown(here)["infusion"]["session"])


def journal_failed(here):
    return ev.JournalFailed(here.testbed.gateway.runners["bed1"]._now(), "disk full")


def stops_sent(here):
    """How often the pump was sent a stop frame, as far as it has been recorded."""
    frames = [frame for entry in here.testbed.entries() if entry.kind == "frame" for frame in [entry.fields]]
    return sum("535450" in str(frame) for frame in frames)


async def test_the_running_screen_is_told_who_started_when_and_how_much_drug_flows(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        before = shown(here)["infusion"]
        assert (before["started_ts"], before["confirmed_by"], "dose_rate_mg_h" in before) == (None, None, False)
        assert (await here.tablet.confirm())["ok"]
        await here.testbed.until("running")
        infusion = shown(here)["infusion"]
        assert infusion["confirmed_by"].startswith(f"Nurse {DOCTOR} (badge {DOCTOR})")
        assert infusion["started_ts"] is not None
        assert infusion["rate_ml_h"] == "52.5"
        assert infusion["dose_rate_mg_h"] == "52.5"  # of 1 mg/mL
        assert (shown(here)["pause"]["left_s"], shown(here)["pause"]["reason"]) == (None, None)
