"""STA-07, RUN-07, RUN-09: a nurse enters vital signs on a tablet, before an infusion and during it."""

import asyncio

import pytest

from tests.bedside.tablet import bedsides
from tests.control.monitor import VITALS, Monitor

GOOD = {"systolic_mmhg": 124, "diastolic_mmhg": 78, "heart_rate_bpm": 72, "spo2_percent": 97}
STREAM = {"heart_rate_bpm": 72, "spo2_percent": 97}
CONFIGURED = {"top": {"vitals": VITALS}}


def shown(here):
    return here.testbed.gateway.live.state()["pumps"][0]["vitals"]


def infusion(here):
    return here.testbed.gateway.runners["bed1"].infusion


async def enter(here, session="", **changes):
    return await here.tablet.ask("vitals", pump="bed1", session=session, **(GOOD | changes))


@pytest.mark.requirement("STA-07", "STA-08")
async def test_a_blood_pressure_that_a_nurse_enters_permits_the_start_and_is_on_record(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, **CONFIGURED) as here:
        monitor = Monitor(here.testbed, stream=STREAM, cuff_every_s=None)
        sending = asyncio.create_task(monitor.run())
        assert (await here.tablet.sign_in())["ok"]
        refused = await enter(here)
        assert "has no patient" in refused["reasons"][0]
        assert (await here.tablet.ask("associate", pump="bed1", patient="token-1"))["ok"]
        await asyncio.sleep(2)
        assert shown(here)["reasons"] == ["blood pressure: not measured yet; measure it"]
        assert (await enter(here, respiration_per_min=14))["ok"]
        assert shown(here)["ready"]
        by_name = {each["name"]: each for each in shown(here)["signs"]}
        assert (by_name["systolic_mmhg"]["value"], by_name["systolic_mmhg"]["source"]) == (124, "tablet")
        assert by_name["respiration_per_min"]["value"] == 14
        await asyncio.sleep(2)
        assert {each["source"] for each in shown(here)["signs"] if each["name"] in STREAM} == {"monitor"}
        (entered,) = here.bodies("vitals_entered")
        assert entered.pop("by").startswith("Nurse ")
        assert entered == {**GOOD, "respiration_per_min": 14}
        await here.running(patient="token-1")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.requirement("RUN-07")
async def test_an_entry_during_the_infusion_counts_and_a_critical_one_stops_it(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, **CONFIGURED) as here:
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("associate", pump="bed1", patient="token-1"))["ok"]
        monitor = Monitor(here.testbed, stream=STREAM)
        sending = asyncio.create_task(monitor.run())
        await here.running(patient="token-1")
        session = infusion(here).place.session
        assert (await enter(here, session, systolic_mmhg=150))["ok"]
        await asyncio.sleep(2)
        assert 150 in [each.value for each in infusion(here).vitals]
        assert here.testbed.state() == "running"
        wrong = await enter(here, session, spo2_percent=5)
        assert wrong["reasons"] == ["spo2_percent: 5 is not between 50 and 100"]
        assert (await enter(here, session, systolic_mmhg=190))["ok"]
        assert here.testbed.state() == "stopping"
        assert [code.value for code in infusion(here).trips] == ["vitals_critical"]
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_an_entry_of_another_session_goes_to_no_infusion(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, **CONFIGURED) as here:
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("associate", pump="bed1", patient="token-1"))["ok"]
        answer = await enter(here, "0123456789abcdef")
        assert "none is under way after this infusion" in answer["reasons"][0]
        assert {each["level"] for each in shown(here)["signs"]} == {"missing"}


async def test_without_the_section_an_entry_before_an_infusion_is_refused(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("associate", pump="bed1", patient="token-1"))["ok"]
        assert "not configured" in (await enter(here))["reasons"][0]


async def test_the_observation_takes_respiration_too(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await asyncio.sleep(20)
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("stopped")
        (each,) = here.testbed.gateway.live.state()["pumps"][0]["observations"]
        assert (await enter(here, each["session"], respiration_per_min=14))["ok"]
        assert (await enter(here, each["session"]))["ok"]
        (each,) = here.testbed.gateway.live.state()["pumps"][0]["observations"]
        assert [vitals["respiration_per_min"] for vitals in each["vitals"]] == [14, None]
        assert [body.get("respiration_per_min") for body in here.bodies("vitals_recorded")] == [14, None]
