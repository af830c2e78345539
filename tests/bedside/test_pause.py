"""A pause comes first, its reason afterwards, as an entry of its own; and what the running screen is told."""

from tests.bedside.tablet import DOCTOR, bedsides


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
