"""PRG-26 at the gateway: an order expires an hour after it was given, unless it was started."""

import asyncio
from datetime import datetime, timedelta

import pytest

from pumpd.control.infusions.polling import Polling
from pumpd.infusion import State
from tests.control.test_restart import die
from tests.control.test_wall_clock import STEPS, wall
from tests.control.testbed import open_testbed, restart
from tests.control.wire_tap import Tap


@pytest.fixture
def asked_seldom(monkeypatch):
    """These hours are about the order: a pump that waits is asked each 4 s, and not each second."""
    interval = Polling._interval

    def seldom(self):
        infusion = self._current.infusion
        waits = infusion is None or infusion.state.ended or infusion.state is State.READY
        return 4.0 if waits else interval(self)

    monkeypatch.setattr(Polling, "_interval", seldom)


def pump_of(here):
    return here.gateway.status()["pumps"][0]


async def ready(here):
    assert (await here.order()).ok
    await here.until("ready")


@pytest.mark.requirement("PRG-26")
async def test_an_order_of_more_than_an_hour_ago_is_not_confirmed(tmp_path):
    async with open_testbed(tmp_path) as here:
        await ready(here)
        await asyncio.sleep(4000)
        assert here.state() == "abandoned"
        answer = await here.ask(op="challenge", pump="bed1")
        assert not answer.ok
        assert here.kinds().count("order_expired") == 1
        assert "expired 60 min after it was given" in pump_of(here)["infusion"]["reason"]
        assert here.truth() == 0
        await here.start()  # an order that is given again
        assert here.state() == "running"


@pytest.mark.requirement("PRG-26")
async def test_the_pump_is_stopped_and_released_and_does_not_start_at_a_key(tmp_path, asked_seldom):
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        await ready(here)
        stops = tap.count("STP")
        await asyncio.sleep(3601)
        assert here.state() == "abandoned"
        assert tap.count("STP") == stops + 1
        assert here.kinds().count("release_answered") == 1
        assert tap.count("RUN") == 0


@pytest.mark.requirement("PRG-26", "STA-16")
async def test_the_review_says_when_it_was_ordered_and_the_state_when_it_expires(tmp_path, monkeypatch):
    step = wall(monkeypatch)
    async with open_testbed(tmp_path) as here:
        await ready(here)
        first = (await here.ask(op="challenge", pump="bed1")).result
        shown = pump_of(here)["infusion"]
        assert first["review"] == shown["review"]
        assert shown["ordered_ts"] == shown["review"]["ordered_ts"]
        valid = datetime.fromisoformat(shown["expires_ts"]) - datetime.now().astimezone()
        assert timedelta(minutes=59) < valid <= timedelta(hours=1)
        await asyncio.sleep(60)
        step(timedelta(hours=5))
        again = (await here.ask(op="challenge", pump="bed1")).result
        assert again["shown"] == first["shown"]  # what a person signs never changes between two reads
        await here.confirm(request="r-1")
        await here.until("running")
        shown = pump_of(here)["infusion"]
        assert (shown["ordered_ts"], shown["expires_ts"]) == (first["review"]["ordered_ts"], None)


@pytest.mark.requirement("PRG-26")
@pytest.mark.parametrize("forward", [True, False])
async def test_no_step_of_the_wall_clock_makes_an_order_older_or_younger(tmp_path, monkeypatch, forward, asked_seldom):
    step = wall(monkeypatch)
    async with open_testbed(tmp_path) as here:
        await ready(here)
        begun = here.gateway.runners["bed1"].infusion.ordered_ns
        for by in (by for by in STEPS if (by > timedelta(0)) is forward):
            step(by)
            await asyncio.sleep(60)
        now = here.gateway.clock.monotonic_ns()
        await asyncio.sleep((begun - now) / 1e9 + 3599)
        assert here.state() == "ready"
        await asyncio.sleep(2)
        assert here.state() == "abandoned"


@pytest.mark.requirement("PRG-26")
async def test_a_start_that_the_disk_delays_past_that_instant_is_not_sent(tmp_path, monkeypatch, asked_seldom):
    async with open_testbed(tmp_path) as here:
        tap, append = Tap(here.pump), type(here.gateway.journal).append
        await ready(here)
        infusion = here.gateway.runners["bed1"].infusion

        async def slow(self, entries):
            if any(entry.kind == "intent_start" for entry in entries):
                assert here.gateway.clock.monotonic_ns() < infusion.expires_ns
                await asyncio.sleep(4)
            await append(self, entries)

        monkeypatch.setattr(type(here.gateway.journal), "append", slow)
        await asyncio.sleep((infusion.expires_ns - here.gateway.clock.monotonic_ns()) / 1e9 - 2)
        assert (await here.confirm()).ok
        await here.until("tripped", within_s=15)
        assert tap.count("RUN") == 0
        assert here.truth() == 0
        assert "expired" in here.gateway.runners["bed1"].infusion.reason


@pytest.mark.requirement("PRG-26", "PWR-03")
async def test_a_restart_makes_no_order_valid_again(tmp_path, asked_seldom):
    async with open_testbed(tmp_path) as here:
        await ready(here)
        await asyncio.sleep(3500)
        await die(here)
        async with restart(here):
            await asyncio.sleep(5)
            assert here.state() == "abandoned"
            assert not (await here.ask(op="challenge", pump="bed1")).ok
        assert here.truth() == 0
