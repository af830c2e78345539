"""A late stop ends nothing that began after it, and no stop is held back by mistake (STP-12)."""

import asyncio

import pytest

from tests.control.testbed import Testbed, open_testbed


def session(here: Testbed) -> str:
    infusion = here.gateway.runners["bed1"].infusion
    assert infusion is not None
    return infusion.place.session


async def second_infusion(here: Testbed) -> str:
    """One infusion is stopped; a minute later another patient's begins. Returns the session of the first."""
    await here.start()
    first = session(here)
    assert (await here.ask(op="stop")).ok
    await here.until("stopped")
    await asyncio.sleep(60)
    await here.start(patient="token-2")
    return first


@pytest.mark.requirement("STP-12")
@pytest.mark.parametrize("late", [{"of_session": True}, {"age_s": 45}, {"of_session": True, "age_s": 0}])
async def test_a_late_stop_leaves_the_next_infusion_alone_and_says_so(tmp_path, late):
    async with open_testbed(tmp_path) as here:
        first = await second_infusion(here)
        if "of_session" in late:
            late |= {"of_session": first}
        answer = await here.ask(op="stop", pump="bed1", **late)
        assert answer.ok
        assert answer.result["stopping"] == []
        assert "already ended" in answer.result["already_ended"]["bed1"]
        await asyncio.sleep(5)
        assert here.state() == "running"
        (entry,) = [each for each in here.entries() if each.kind == "stop_too_late"]
        assert entry.pump == "bed1"
        assert (await here.ask(op="stop", pump="bed1")).result["stopping"] == ["bed1"]
        await here.until("stopped")


@pytest.mark.requirement("STP-12", "STP-01")
@pytest.mark.parametrize(
    "sent",
    [
        {"of_session": "of-nobody"},
        {"of_session": "\x00"},
        {"of_session": 7},
        {"age_s": -1},
        {"age_s": 1e9},
        {"age_s": "long ago"},
        {"age_s": 2.0},
        {"of_session": None, "age_s": None},
    ],
)
async def test_in_every_doubt_a_stop_stops(tmp_path, sent):
    async with open_testbed(tmp_path) as here:
        await second_infusion(here)
        await asyncio.sleep(5)
        assert (await here.ask(op="stop", pump="bed1", **sent)).result == {"stopping": ["bed1"]}
        await here.until("stopped")


@pytest.mark.requirement("STP-12", "STP-01")
async def test_a_stop_of_the_infusion_under_way_stops_it_however_old_it_is(tmp_path):
    async with open_testbed(tmp_path) as here:
        await second_infusion(here)
        answer = await here.ask(op="stop", pump="bed1", of_session=session(here), age_s=800)
        assert answer.result == {"stopping": ["bed1"]}
        await here.until("stopped")


@pytest.mark.requirement("STP-12")
async def test_a_late_stop_of_all_pumps_stops_those_whose_infusion_began_before_it(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2", "bed3")) as here:
        await here.start("bed1")
        await asyncio.sleep(60)
        await here.start("bed2", patient="token-2")
        answer = await here.ask(op="stop", age_s=30)
        assert answer.result["stopping"] == ["bed1", "bed3"]
        assert list(answer.result["already_ended"]) == ["bed2"]
        await here.until("stopped", pump="bed1")
        assert here.state("bed2") == "running"


@pytest.mark.requirement("STP-12")
async def test_a_late_stop_is_sent_to_a_pump_that_has_no_infusion(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        first = session(here)
        await here.ask(op="stop")
        await here.until("stopped")
        await asyncio.sleep(1)
        answers = here.kinds().count("stop_answered")
        assert (await here.ask(op="stop", of_session=first, age_s=60)).result == {"stopping": ["bed1"]}
        await asyncio.sleep(1)
        assert here.kinds().count("stop_answered") == answers + 1
