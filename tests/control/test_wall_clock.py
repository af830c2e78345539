"""Steps of the wall clock, of a second to a year, change nothing in an infusion: intervals are monotonic (STA-11)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.host import clock
from pumpd.journal import backlog
from pumpd.journal.replay import Replay
from tests.control.testbed import open_testbed

STEPS = [
    timedelta(seconds=1),
    timedelta(seconds=-1),
    timedelta(hours=1),  # daylight saving time, on a machine that keeps local time
    timedelta(hours=-1),
    timedelta(days=365),
    timedelta(days=-365),
]


def wall(monkeypatch):
    """A wall clock that `step` sets."""
    off = [timedelta(0)]
    real = datetime

    class Stepped(datetime):
        @classmethod
        def now(cls, tz=None):
            return real.now(tz) + off[0]

    for room in (clock, backlog):
        monkeypatch.setattr(room, "datetime", Stepped)

    def step(by):
        off[0] = by

    return step


async def infusion(here, step, steps):
    await here.start()
    for by in steps:
        await asyncio.sleep(300)
        step(by)
        assert here.state() == "running"
        assert (await here.ask(op="status")).result["pumps"][0]["alarms"] == []
    await here.until("completed", within_s=2600)
    await here.gateway.journal.append([])  # what was posted before is on disk
    return next(entry.fields for entry in here.entries() if entry.kind == "infusion_ended")


@pytest.mark.requirement("WIN-07", "STA-11", "PWR-12")
async def test_steps_of_the_wall_clock_do_not_change_an_infusion(tmp_path, monkeypatch):
    ends = []
    for name, steps in (("quiet", [timedelta(0)] * len(STEPS)), ("steps", STEPS)):
        (tmp_path / name).mkdir()
        async with open_testbed(tmp_path / name) as here:
            ends.append(await infusion(here, wall(monkeypatch), steps))
            replay = Replay(here.entries())
            assert not replay.differences
            assert [one.infusion.state.value for one in replay.infusions.values()] == ["completed"]
            assert len({entry.ts[:4] for entry in here.entries()}) == (1 if name == "quiet" else 3), (
                "the record has them"
            )
    assert ends[0] == ends[1]
    assert ends[0]["off_window"] is False


@pytest.mark.requirement("WIN-07")
@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_window_closes_when_its_time_is_up_whatever_the_wall_clock_says(tmp_path, monkeypatch, by):
    ends = []
    for name, step_by in (("quiet", timedelta(0)), ("step", by)):
        (tmp_path / name).mkdir()
        async with open_testbed(tmp_path / name) as here:
            step, loop = wall(monkeypatch), asyncio.get_running_loop()
            await here.start()
            begun = loop.time()
            await asyncio.sleep(60)
            await here.ask(op="pause", pump="bed1", reason="test")
            await here.until("paused")
            step(step_by)
            await here.until("stopped", within_s=400)
            ended_s = here.gateway.runners["bed1"].infusion.since_ns / 1e9
            ends.append(ended_s - begun)
    assert ends[0] == pytest.approx(ends[1], abs=0.01)


def test_the_stepped_clock_steps(monkeypatch):
    step = wall(monkeypatch)
    step(timedelta(days=365))
    assert clock.Clock().now() - datetime.now(UTC) > timedelta(days=364)
