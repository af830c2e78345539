"""WIN-10, WIN-12, PWR-13: two hours of observation, vital signs every 15 minutes, a record of it, across a restart."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.control.observation.observation import (
    MIN_NS,
    VITALS_EVERY_NS,
    Observation,
    ObservationError,
    Vitals,
)
from pumpd.dosing.observed import OBSERVED_NS
from tests.bedside.tablet import bedsides

GOOD = {"systolic_mmhg": 128, "diastolic_mmhg": 82, "heart_rate_bpm": 74, "spo2_percent": 98}


def vitals(at_ns=0, **changes) -> Vitals:
    return Vitals(at_ns, "nurse", **(GOOD | changes))


async def stopped_early(here) -> None:
    await here.running()
    await asyncio.sleep(20)
    assert (await here.tablet.post("/api/stop"))["ok"]
    await here.testbed.until("stopped")


def all_shown(here) -> list[dict]:
    return here.testbed.gateway.live.state()["pumps"][0]["observations"]


def shown(here) -> dict:
    (one,) = all_shown(here)
    return one


async def write_down(here, patient="token-1", **changes) -> dict:
    """Vital signs of a patient who is observed after an infusion on bed1."""
    (session,) = {each["session"] for each in all_shown(here) if each["patient"] == patient}
    await here.tablet.sign_in()
    return await here.tablet.ask("vitals", pump="bed1", session=session, **(GOOD | changes))


async def end(here, **fields) -> dict:
    return await here.tablet.ask("end_observation", pump="bed1", **({"session": shown(here)["session"]} | fields))


@pytest.mark.requirement("WIN-10")
async def test_after_the_infusion_the_patient_is_observed_for_two_hours_and_it_is_all_on_record(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await stopped_early(here)
        assert shown(here)["left_s"] == pytest.approx(7200, abs=2)
        for number in range(8):
            await asyncio.sleep(14 * 60)
            assert shown(here)["vitals_overdue"] is False
            assert (await write_down(here))["ok"]
            assert len(shown(here)["vitals"]) == number + 1
            await asyncio.sleep(60)
        assert shown(here)["left_s"] == 0
        await here.tablet.sign_in()
        assert (await end(here))["ok"]
        assert all_shown(here) == []
        (started,), (ended,) = here.bodies("observation_started"), here.bodies("observation_ended")
        assert started["lasts_s"] == 7200
        assert (ended["completed"], ended["vitals"], ended["missed"]) == (True, 8, 0)
        assert ended["by"].startswith("Nurse 2001 (badge 2001), tablet ")
        recorded = here.bodies("vitals_recorded")
        assert len(recorded) == 8
        assert recorded[0] | GOOD == recorded[0]


@pytest.mark.requirement("WIN-10", "AUD-08")
async def test_an_observation_ends_early_only_with_a_reason_and_lists_what_was_missed(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await stopped_early(here)
        await asyncio.sleep(46 * 60)
        assert shown(here)["vitals_overdue"] is True
        await here.tablet.sign_in()
        for reason in ("", "  ", "ok"):
            answer = await end(here, reason=reason)
            assert "min are left" in answer["reasons"][0]
        assert (await end(here, reason="moved to ward 3"))["ok"]
        (ended,) = here.bodies("observation_ended")
        assert (ended["completed"], ended["missed"], ended["reason"]) == (False, 3, "moved to ward 3")


@pytest.mark.requirement("PWR-13", "WIN-10")
async def test_the_observation_survives_a_restart_with_its_times_and_vital_signs(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await stopped_early(here)
        await asyncio.sleep(20 * 60)
        assert (await write_down(here))["ok"]
        key = here.tablet.key
        (before,) = here.testbed.gateway.observations.of_pump("bed1")
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        here.tablet.key = key
        assert (await here.tablet.hello())["ok"]
        (after,) = here.testbed.gateway.observations.of_pump("bed1")
        assert after == before, "the machine did not restart, so its instants are the same"
        assert after.patient == "token-1"
        await here.tablet.sign_in()
        answer = await end(here, reason="moved to ward 3")
        assert answer["ok"], answer
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        assert all_shown(here) == []  # it has ended, and stays so


async def test_an_infusion_that_never_flowed_needs_no_observation(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await here.ready()
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("abandoned")
        assert all_shown(here) == []


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
def test_impossible_numbers_are_refused_by_name(changes, named):
    with pytest.raises(ObservationError, match=named):
        Observation("s", "p", 0).with_vitals(vitals(**changes))


@pytest.mark.requirement("WIN-10")
def test_vital_signs_are_due_15_minutes_after_the_last_ones():
    observation = Observation("s", "p", 0)
    assert observation.vitals_due_ns == 15 * MIN_NS
    assert observation.with_vitals(vitals(14 * MIN_NS)).vitals_due_ns == 29 * MIN_NS
    assert observation.with_vitals(vitals(105 * MIN_NS)).vitals_due_ns == 120 * MIN_NS
    assert observation.with_vitals(vitals(106 * MIN_NS)).vitals_due_ns is None


@pytest.mark.requirement("WIN-10", "WIN-12")
def test_vital_signs_taken_exactly_when_they_are_due_are_not_missed():
    observation = Observation("s", "p", 0)
    while (due := observation.vitals_due_ns) is not None:
        assert observation.missed(due) == 0, "there is still time"
        observation = observation.with_vitals(vitals(due))
    assert len(observation.vitals) == 8
    assert observation.missed(2 * OBSERVED_NS) == 0


@pytest.mark.requirement("WIN-10", "WIN-12")
def test_vital_signs_that_are_late_by_any_time_count_for_the_next_interval_only():
    observation = Observation("s", "p", 0).with_vitals(vitals(VITALS_EVERY_NS + 1))
    assert observation.missed(VITALS_EVERY_NS + 1) == 1
    assert observation.missed(2 * VITALS_EVERY_NS + 1) == 1
    assert observation.missed(3 * VITALS_EVERY_NS + 1) == 2


@pytest.mark.requirement("WIN-10")
@given(st.lists(st.integers(0, OBSERVED_NS + 10 * MIN_NS), max_size=12), st.integers(0, 2 * OBSERVED_NS))
def test_an_interval_that_is_over_was_either_missed_or_had_vital_signs(times, now):
    observation = Observation("s", "p", 0)
    for at in sorted(times):
        observation = observation.with_vitals(vitals(at))
    ends = [number * VITALS_EVERY_NS for number in range(1, 9)]
    counted = {next((end for end in ends if at <= end), OBSERVED_NS) for at in times}
    assert observation.missed(now) == sum(end < now and end not in counted for end in ends)


# -- several patients, one pump --------------------------------------------------------------------------------------


async def two_patients(here) -> None:
    """One after the other on one pump, the second 20 minutes after the first."""
    for patient in ("token-1", "token-2"):
        await here.running(patient=patient)
        await asyncio.sleep(20)
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("stopped")
        await asyncio.sleep(20 * 60)


@pytest.mark.requirement("WIN-12")
async def test_the_next_infusion_on_the_pump_does_not_end_the_previous_patients_observation(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await two_patients(here)
        assert [each["patient"] for each in all_shown(here)] == ["token-2", "token-1"]
        second, first = all_shown(here)
        assert second["left_s"] - first["left_s"] == pytest.approx(20 * 60, abs=120)
        assert here.bodies("observation_ended") == []


@pytest.mark.requirement("WIN-12")
async def test_vital_signs_count_for_their_own_patient(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await two_patients(here)
        assert (await write_down(here, "token-1", heart_rate_bpm=61))["ok"]
        assert (await write_down(here, "token-2", heart_rate_bpm=92))["ok"]
        assert (await write_down(here, "token-1", heart_rate_bpm=62))["ok"]
        rates = {each["patient"]: [one["heart_rate_bpm"] for one in each["vitals"]] for each in all_shown(here)}
        assert rates == {"token-1": [61, 62], "token-2": [92]}


@pytest.mark.requirement("WIN-12", "PWR-13")
async def test_every_observation_of_a_pump_survives_a_restart_with_its_own_vital_signs(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await two_patients(here)
        assert (await write_down(here, "token-1"))["ok"]
        before = here.testbed.gateway.observations.under_way
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        assert here.testbed.gateway.observations.under_way == before
        assert [len(each["vitals"]) for each in all_shown(here)] == [0, 1]


@pytest.mark.requirement("WIN-12")
async def test_without_an_observation_of_that_session_on_that_pump_vital_signs_are_refused(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60, beds=("bed1", "bed2")) as here:
        await stopped_early(here)
        await here.tablet.sign_in()
        for pump, session in (("bed1", "0" * 16), ("bed2", shown(here)["session"])):
            answer = await here.tablet.ask("vitals", pump=pump, session=session, **GOOD)
            assert f"none is under way after this infusion on {pump}" in answer["reasons"][0]
        assert shown(here)["vitals"] == []


@pytest.mark.requirement("WIN-12")
async def test_an_observation_that_is_over_is_closed_on_record_when_the_next_one_begins(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await stopped_early(here)
        await asyncio.sleep(OBSERVED_NS / 10**9)
        assert shown(here)["left_s"] == 0
        await here.running(patient="token-2")
        assert shown(here)["patient"] == "token-1"
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("stopped")
        assert shown(here)["patient"] == "token-2"
        (ended,) = here.bodies("observation_ended")
        assert (ended["by"], ended["completed"], ended["missed"]) == ("pumpd", True, 8)


@pytest.mark.requirement("WIN-12", "PWR-13")
async def test_a_process_that_dies_right_after_an_infusion_leaves_the_observation_to_the_next(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
        await here.running()
        await asyncio.sleep(20)
        post = here.testbed.gateway.observations._journal.post

        def dead(entries):
            if not any(entry.kind.startswith("observation_") for entry in entries):
                post(entries)

        monkeypatch.setattr(here.testbed.gateway.observations._journal, "post", dead)
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("stopped")
        assert here.bodies("observation_started") == []
    for passed_s in (0, 60):
        async with bedsides(tmp_path, monkeypatch, shown_every_s=60) as here:
            assert (shown(here)["patient"], shown(here)["summary"]["outcome"]) == ("token-1", "stopped")
            assert shown(here)["left_s"] == pytest.approx(7200 - passed_s, abs=10)
            assert len(here.bodies("observation_started")) == 1
            await asyncio.sleep(60)
