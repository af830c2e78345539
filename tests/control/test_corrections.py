"""A dose that a wrong clock dated in the future holds up its own patient only, and two people correct it (PRG-28)."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from pumpd.control.tablets import sign_in
from pumpd.control.tablets.staff import Person, StaffStore
from pumpd.journal import JournalReader
from pumpd.journal.replay import Replay
from tests.bedside.tablet import DOCTOR, NURSE, PIN, SECOND, _inline, staff
from tests.control.test_patient_history import history, infusion
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed
from tests.control.wall import BEGIN, Wall

pytestmark = pytest.mark.requirement("PRG-28")

VIEWER = "3001"


@pytest.fixture
def people(monkeypatch):
    """Hashes that cost a test no time."""
    monkeypatch.setattr(asyncio, "to_thread", _inline)
    monkeypatch.setattr(sign_in, "fits", lambda pin_hash, pin: pin_hash == f"hash of {pin}")

    def add(here):
        path = here.gateway.settings.staff_path
        staff(path)
        viewer = Person(VIEWER, "Viewer", ("view", "maintain"), "hash of 9172")
        StaffStore(path)._write(StaffStore(path).all() | {VIEWER: viewer})

    return add


async def correct(here, session, started, **changes):
    asked = {
        "op": "correct_dose",
        "session": session,
        "started": started if isinstance(started, str) else started.isoformat(timespec="seconds"),
        "reason": "the clock was a year ahead",
        "badge": NURSE,
        "pin": PIN[NURSE],
        "second_badge": SECOND,
        "second_pin": PIN[SECOND],
    }
    return await here.ask(**asked | changes)


async def ordered(here, patient="token-1"):
    """Whether an order is taken; it is withdrawn again. Returns the reasons against it."""
    answer = await here.order(patient=patient)
    if answer.ok:
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("abandoned")
    return answer.reasons


async def test_one_infusion_in_a_wrong_year_is_corrected_and_the_patient_is_treated_again(
    tmp_path, monkeypatch, people
):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        await infusion(here, patient="token-2")
        wall.set_wrong(days=365)
        session = await infusion(here)
        began = wall.true - timedelta(minutes=5)
        wall.set_wrong()
        wall.skip(days=3)
        [reason] = [each for each in await ordered(here) if each.startswith("history:")]
        assert "is dated 2027-03-02" in reason
        assert f"pumpd history correct {session}" in reason
        assert await ordered(here, "token-2") == ()
        found = await history(here)
        assert found["treatments"][0]["suspect"]
        [suspect] = found["suspects"]
        assert (suspect["session"], suspect["patient"], suspect["started_ts"][:10]) == (
            session,
            "token-1",
            "2027-03-02",
        )
        everyone = await here.ask(op="history")
        assert everyone.result == {"patient": None, "suspects": [suspect]}

        answer = await correct(here, session, began)
        assert answer.ok, answer.reasons
        assert answer.result["suspects"] == []
        assert answer.result["treatments"][0]["started_ts"] == began.isoformat(timespec="seconds")
        [entry] = [entry for entry in here.entries() if entry.kind == "dose_corrected"]
        body = entry.fields
        assert (entry.session, body["patient"], body["reason"]) == (session, "token-1", "the clock was a year ahead")
        assert body["before"].startswith("2027-03-02")
        assert f"badge {NURSE}" in body["by"]
        assert f"badge {SECOND}" in body["second"]
        assert PIN[NURSE] not in entry.body
        assert await ordered(here) == ()
        await die(here)
        async with another_process(here):
            await asyncio.sleep(3)
            assert await ordered(here) == ()
            assert (await history(here))["suspects"] == []
        with contextlib.closing(JournalReader(here.journal)) as reader:
            reader.verify()
            assert Replay(reader.all()).differences == []


async def test_the_corrected_dose_counts_for_spacing_and_day_from_its_corrected_start(tmp_path, monkeypatch, people):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        wall.set_wrong(days=365)
        session = await infusion(here)
        wall.set_wrong()
        wall.skip(hours=23)
        answer = await correct(here, session, BEGIN)
        assert answer.ok, answer.reasons
        when = (
            "the last infusion began 2026-03-02 09:00:00 UTC; not before 2026-03-03 09:00:00 UTC, 24 h later, the hard"
        )
        assert any(when in reason for reason in await ordered(here))
        wall.skip(hours=21)
        assert await ordered(here) == ()


async def test_a_clock_that_jumped_in_the_middle_of_an_infusion_is_mended_too(tmp_path, monkeypatch, people):
    """Only its end was in the wrong year."""
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        await here.start()
        session = here.gateway.runners["bed1"].infusion.place.session
        began = wall.true
        await asyncio.sleep(120)
        wall.set_wrong(days=365)
        await asyncio.sleep(120)
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        wall.set_wrong()
        wall.skip(days=3)
        assert (await history(here))["suspects"]
        answer = await correct(here, session, began)
        assert answer.ok, answer.reasons
        [one] = answer.result["treatments"]
        assert one["ended_ts"][:16] == (began + timedelta(seconds=241)).isoformat()[:16]
        assert await ordered(here) == ()


async def test_a_dose_less_than_a_day_ahead_is_corrected_as_well(tmp_path, monkeypatch, people):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        wall.set_wrong(hours=5)
        session = await infusion(here)
        wall.set_wrong()
        wall.skip(hours=1)
        found = await ordered(here)
        assert any("the clock is or was wrong" in reason and session in reason for reason in found)
        assert (await history(here))["suspects"] == []
        answer = await correct(here, session, BEGIN)
        assert answer.ok, answer.reasons
        assert not any("the clock is or was wrong" in reason for reason in await ordered(here))


async def test_the_new_start_lies_between_the_orders_before_and_after_it(tmp_path, monkeypatch, people):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        before = wall.true
        await infusion(here, patient="token-2")
        wall.skip(hours=1)
        wall.set_wrong(days=365)
        session = await infusion(here)
        wall.set_wrong()
        wall.skip(hours=1)
        after = wall.true
        await infusion(here, patient="token-3")
        wall.skip(days=2)
        for wrong in (before - timedelta(seconds=2), after + timedelta(seconds=2), wall.true, wall.true + timedelta(1)):
            [reason] = (await correct(here, session, wrong)).reasons
            assert f"not before {before:%Y-%m-%d %H:%M}" in reason
            assert f"not after {after:%Y-%m-%d %H:%M}" in reason
        for right in (after - timedelta(minutes=1), before + timedelta(minutes=1)):
            answer = await correct(here, session, right)  # the second one corrects the first
            assert answer.ok, answer.reasons
            assert answer.result["treatments"][0]["started_ts"] == right.isoformat(timespec="seconds")


async def test_two_different_people_who_may_confirm_or_prescribe_are_needed(tmp_path, monkeypatch, people):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        wall.set_wrong(days=365)
        session = await infusion(here)
        wall.set_wrong()
        wall.skip(hours=1)

        async def why(**changes):
            answer = await correct(here, session, changes.pop("started", BEGIN), **changes)
            assert not answer.ok
            return answer.reasons[0]

        assert await why(second_badge=NURSE, second_pin=PIN[NURSE]) == (
            "second: the second check needs another person; this badge is the first one's"
        )
        assert await why(pin="0000") == "sign-in: badge or PIN is wrong"
        assert await why(second_pin="0000") == "sign-in: badge or PIN is wrong"
        assert await why(second_badge="nobody") == "sign-in: badge or PIN is wrong"
        assert "Viewer has no role" in await why(badge=VIEWER, pin="9172")
        assert "Viewer has no role" in await why(second_badge=VIEWER, second_pin="9172")
        assert "a reason of at least 3 letters" in await why(reason="ab")
        assert "offset from UTC" in await why(started="2026-03-02T09:00:00")
        assert "offset from UTC" in await why(started="nine o'clock")
        assert "dose_corrected" not in here.kinds()
        refused = [entry for entry in here.entries() if entry.kind == "request_refused"]
        assert len(refused) == 9
        assert not any(pin in entry.body for entry in refused for pin in PIN.values())
        assert (await correct(here, session, BEGIN, second_badge=DOCTOR, second_pin=PIN[DOCTOR])).ok


async def test_what_is_not_dated_in_the_future_is_not_moved(tmp_path, monkeypatch, people):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        session = await infusion(here)
        wall.skip(hours=1)
        [reason] = (await correct(here, session, BEGIN)).reasons
        assert "which is not in the future: there is nothing to correct" in reason
        [reason] = (await correct(here, "nothing", BEGIN)).reasons
        assert reason == "session: no dose of 'nothing' is on record"
        wall.set_wrong(days=365)
        await here.start(patient="token-2")
        running = here.gateway.runners["bed1"].infusion.place.session
        wall.set_wrong()
        reasons = (await correct(here, running, wall.true)).reasons
        assert any("under way" in reason for reason in reasons)


async def test_without_a_known_time_no_dose_is_dated(tmp_path, monkeypatch, people):
    async with open_testbed(tmp_path) as here:
        people(here)
        wall = Wall(monkeypatch)
        wall.set_wrong(days=365)
        session = await infusion(here)
        wall.set_wrong()
        here.real()
        monkeypatch.setattr(type(here.gateway.clock), "kernel", lambda _: type("Kernel", (), {"synchronized": False})())
        [reason] = (await correct(here, session, BEGIN)).reasons
        assert reason.startswith("clock: the time is not known")


# -- other patients ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-14")
@pytest.mark.parametrize(("ahead", "held"), [({"days": 365}, False), ({"hours": 20}, True), ({}, True)])
async def test_after_a_change_of_settings_a_wrong_clock_holds_no_other_patient_up_for_more_than_the_observation(
    tmp_path, monkeypatch, ahead, held
):
    """A suspect dose nobody; one that is ahead by less, for two hours from the start of this process."""
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        wall.set_wrong(**ahead)
        await infusion(here)
        wall.set_wrong()
        await die(here)
        settings = here.gateway.settings.model_copy(update={"clock_trusted": True})
        async with another_process(here, settings=settings):
            await asyncio.sleep(3)
            assert bool(await ordered(here, "token-2")) is held
            await asyncio.sleep(119 * 60)
            assert bool(await ordered(here, "token-2")) is held
            await asyncio.sleep(2 * 60)
            assert await ordered(here, "token-2") == ()
            assert bool(await ordered(here, "token-1"))
