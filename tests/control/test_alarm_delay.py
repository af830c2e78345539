"""ALM-10: from detecting an alarm to the state that shows it, 1 s at most. In virtual time: what pumpd waits for.

What computers and networks add is measured by `python -m benchmarks alarm_delay`, to the screen of a tablet.
"""

import asyncio
import json
import random
from dataclasses import replace

import pytest

from benchmarks.result import percentile
from pumpd.pump import AlarmCode, Done, PumpAlarm
from tests.control.testbed import open_testbed

TRIES = 120
BOUND_S = 1.0


class Watching:
    """A tablet's server, as far as control knows it: the instant at which each state arrives, and its alarms."""

    def __init__(self):
        self.codes: set[str] = set()
        self._came = asyncio.Condition()

    def write(self, line):
        state = json.loads(line)
        pumps = [alarm for pump in state["pumps"] for alarm in pump["alarms"]]
        self.codes = {alarm["code"] for alarm in [*state["alarms"], *pumps]}

    async def drain(self):
        async with self._came:
            self._came.notify_all()

    async def until(self, code, *, shown):
        async with self._came:
            await self._came.wait_for(lambda: (code in self.codes) is shown)
        return asyncio.get_running_loop().time()


@pytest.mark.requirement("ALM-10")
async def test_an_alarm_of_a_running_infusion_is_shown_within_a_second_of_the_reading_that_has_it(tmp_path):
    async with open_testbed(tmp_path) as here, watching(here) as screen:
        await here.start()
        runner, chance, loop = here.gateway.runners["bed1"], random.Random(10), asyncio.get_running_loop()
        plain, alarms, detected = runner.driver.read, (), 0.0

        async def read():
            nonlocal detected
            outcome = await plain()
            assert isinstance(outcome, Done)
            detected = loop.time()
            return Done(replace(outcome.value, alarms=alarms))

        runner.driver.read = read
        taken = []
        for _ in range(TRIES):
            await asyncio.sleep(chance.uniform(0.3, 2.5))
            alarms = (PumpAlarm.BATTERY_LOW,)
            shown = await screen.until("battery_low", shown=True)
            taken.append(shown - detected)
            alarms = ()
            await screen.until("battery_low", shown=False)
        assert here.state() == "running"
        assert percentile(taken, 99) <= BOUND_S
        assert min(taken) >= 0


@pytest.mark.requirement("ALM-10")
async def test_an_alarm_of_the_gateway_that_no_event_reports_is_shown_and_sounds_within_a_second(tmp_path):
    async with open_testbed(tmp_path) as here, watching(here) as screen:
        active, chance, loop = set(), random.Random(11), asyncio.get_running_loop()
        here.gateway.alarms._sources = (*here.gateway.alarms._sources, lambda: active)
        alarms = here.gateway.alarms

        async def until_it_sounds():
            while alarms.board.sounding is None:  # noqa: ASYNC110  # nothing tells when it does
                await asyncio.sleep(0.01)
            return loop.time()

        shown, sounded = [], []
        for _ in range(TRIES):
            await asyncio.sleep(chance.uniform(0.3, 2.5))
            active.add(AlarmCode.SUPPLY_UNKNOWN)
            began = loop.time()
            ends = await asyncio.gather(screen.until("supply_unknown", shown=True), until_it_sounds())
            shown.append(ends[0] - began)
            sounded.append(ends[1] - began)
            active.clear()
            await screen.until("supply_unknown", shown=False)
        assert percentile(shown, 99) <= BOUND_S
        assert percentile(sounded, 99) <= BOUND_S
        assert max(sounded) > 0.3, "it was looked for by time, not by luck"


class watching:  # noqa: N801  # a context
    def __init__(self, here):
        self._here, self._reader = here, asyncio.StreamReader()

    async def __aenter__(self):
        screen = Watching()
        self._task = asyncio.create_task(self._here.gateway._stream.show(self._reader, screen))
        return screen

    async def __aexit__(self, *_):
        self._reader.feed_eof()
        await self._task
