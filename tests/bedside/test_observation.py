"""WIN-10, PWR-13: two hours of observation, vital signs each quarter of an hour, a record of it, over a restart too."""

import asyncio
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.control.observation.observation import (
    LASTS_NS,
    MIN_NS,
    VITALS_EVERY_NS,
    Observation,
    ObservationError,
    Vitals,
)
from tests.bedside.tablet import bedsides

GOOD = {"systolic_mmhg": 128, "diastolic_mmhg": 82, "heart_rate_bpm": 74, "spo2_percent": 98}


def vitals(at_ns=0, **changes) -> Vitals:
    return Vitals(at_ns, "nurse", **(GOOD | changes))


async def stopped_early(here) -> None:
    await here.running()
    await asyncio.sleep(20)
    assert (await here.tablet.post("/api/stop"))["ok"]
    await here.testbed.until("stopped")


def shown(here) -> dict | None:
    return here.testbed.gateway.live.state()["pumps"][0]["observation"]


@pytest.mark.requirement("WIN-10")
async def test_after_the_infusion_the_patient_is_observed_for_two_hours_and_it_is_all_on_record(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await stopped_early(here)
        assert shown(here)["left_s"] == pytest.approx(7200, abs=2)
        for number in range(8):
            await asyncio.sleep(14 * 60)
            assert shown(here)["vitals_overdue"] is False
            await here.tablet.sign_in()
            assert (await here.tablet.ask("vitals", pump="bed1", **GOOD))["ok"]
            assert len(shown(here)["vitals"]) == number + 1
            await asyncio.sleep(60)
        assert shown(here)["left_s"] == 0
        await here.tablet.sign_in()
        assert (await here.tablet.ask("end_observation", pump="bed1"))["ok"]
        assert shown(here) is None
        (started,), (ended,) = here.bodies("observation_started"), here.bodies("observation_ended")
        assert started["lasts_s"] == 7200
        assert (ended["completed"], ended["vitals"], ended["missed"]) == (True, 8, 0)
        assert ended["by"].startswith("Nurse 2001 (badge 2001), tablet ")
        recorded = here.bodies("vitals_recorded")
        assert len(recorded) == 8
        assert recorded[0] | GOOD == recorded[0]


@pytest.mark.requirement("WIN-10", "AUD-08")
async def test_before_its_time_it_ends_with_a_reason_only_and_says_what_was_missed(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await stopped_early(here)
        await asyncio.sleep(46 * 60)
        assert shown(here)["vitals_overdue"] is True
        await here.tablet.sign_in()
        for reason in ("", "  ", "ok"):
            answer = await here.tablet.ask("end_observation", pump="bed1", reason=reason)
            assert "min are left" in answer["reasons"][0]
        assert (await here.tablet.ask("end_observation", pump="bed1", reason="moved to ward 3"))["ok"]
        (ended,) = here.bodies("observation_ended")
        assert (ended["completed"], ended["missed"], ended["reason"]) == (False, 3, "moved to ward 3")


@pytest.mark.requirement("PWR-13", "WIN-10")
async def test_the_observation_survives_a_restart_with_its_times_and_vital_signs(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await stopped_early(here)
        await asyncio.sleep(20 * 60)
        await here.tablet.sign_in()
        assert (await here.tablet.ask("vitals", pump="bed1", **GOOD))["ok"]
        key = here.tablet.key
        before = here.testbed.gateway.observations.cares["bed1"]
    async with bedsides(tmp_path, monkeypatch) as here:
        here.tablet.key = key
        assert (await here.tablet.hello())["ok"]
        after = here.testbed.gateway.observations.cares["bed1"]
        assert dict(after.summary) == dict(before.summary)
        assert (after.observation.session, after.observation.patient) == (before.observation.session, "token-1")
        assert after.observation.since_ns == before.observation.since_ns  # the machine did not restart
        assert after.observation.vitals == before.observation.vitals
        await here.tablet.sign_in()
        answer = await here.tablet.ask("end_observation", pump="bed1", reason="moved to ward 3")
        assert answer["ok"], answer
    async with bedsides(tmp_path, monkeypatch) as here:
        assert shown(here) is None  # it has ended, and stays so


async def test_an_infusion_that_never_flowed_needs_no_observation(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.ready()
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("abandoned")
        assert shown(here) is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"systolic_mmhg": 400}, "systolic_mmhg"),
        ({"diastolic_mmhg": 130}, "diastolic_mmhg: not below"),
        ({"heart_rate_bpm": 0}, "heart_rate_bpm"),
        ({"spo2_percent": 101}, "spo2_percent"),
        ({"spo2_percent": 5, "heart_rate_bpm": 999}, "heart_rate_bpm"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(changes, named):
    with pytest.raises(ObservationError, match=named):
        Observation("s", "p", 0).with_vitals(vitals(**changes))


@pytest.mark.requirement("WIN-10")
def test_vital_signs_are_due_a_quarter_of_an_hour_after_the_last():
    observation = Observation("s", "p", 0)
    assert observation.vitals_due_ns == 15 * MIN_NS
    assert observation.with_vitals(vitals(14 * MIN_NS)).vitals_due_ns == 29 * MIN_NS
    assert observation.with_vitals(vitals(105 * MIN_NS)).vitals_due_ns == 120 * MIN_NS
    assert observation.with_vitals(vitals(106 * MIN_NS)).vitals_due_ns is None


@pytest.mark.requirement("WIN-10")
@given(
    st.lists(st.integers(0, LASTS_NS + 10 * MIN_NS), max_size=12),
    st.integers(0, 2 * LASTS_NS),
    st.integers(-(10**15), 10**15),
)
def test_quarters_are_missed_or_seen_and_moving_the_clock_changes_nothing(times, now, moved):
    observation = Observation("s", "p", 0)
    for at in sorted(times):
        observation = observation.with_vitals(vitals(at))
    over = [quarter for quarter in range(8) if (quarter + 1) * VITALS_EVERY_NS <= now]
    unseen = [quarter for quarter in over if not any(min(at // VITALS_EVERY_NS, 7) == quarter for at in times)]
    assert observation.missed(now) == len(unseen)
    other = observation.moved(moved)
    assert other.missed(now + moved) == observation.missed(now)
    assert other.until_ns == observation.until_ns + moved
    assert other.moved(-moved) == observation
    assert dataclasses.replace(observation) == observation
