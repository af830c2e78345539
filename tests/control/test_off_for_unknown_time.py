"""The machine was off, and its clock does not show for how long: what was under way takes the safer of both answers."""

import asyncio

import pytest

from pumpd.control.infusions import recovery
from pumpd.host.clock import Clock
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed
from tests.control.wall import Wall

# How far the clock of the new boot is off, and whether the kernel says that it is right.
CLOCKS = {
    "went back": ({"hours": -4}, True),
    "continues where it was": ({"hours": -3}, False),
    "a year ahead": ({"days": 365}, False),
}


def boots_again(monkeypatch, wall, off, known):
    """The machine was off for three hours."""
    monkeypatch.setattr(recovery, "machine_boot", lambda: "another boot")
    wall.skip(hours=3)
    wall.set_wrong(**off)
    monkeypatch.setattr(Clock, "known", lambda self, *, trusted: known)


@pytest.mark.requirement("PWR-12", "WIN-05")
async def test_a_pause_is_not_resumed_when_nobody_knows_how_long_it_was(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        await here.start()
        await asyncio.sleep(600)
        assert (await here.ask(op="pause", pump="bed1", reason="test")).ok
        await here.until("paused")
        await asyncio.sleep(30)
        await die(here)
        boots_again(monkeypatch, wall, *CLOCKS["continues where it was"])
        async with another_process(here):
            await asyncio.sleep(3)
            assert here.state() == "stopped"
            assert "its clock does not show for how long" in here.gateway.runners["bed1"].infusion.reason
            assert not (await here.ask(op="resume", pump="bed1")).ok


@pytest.mark.requirement("PWR-13", "WIN-10")
@pytest.mark.parametrize("clock", CLOCKS)
async def test_an_observation_continues_when_nobody_knows_how_long_it_was(tmp_path, monkeypatch, clock):
    off, known = CLOCKS[clock]
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        await here.start()
        await here.until("completed", within_s=3000)
        await asyncio.sleep(15 * 60)
        await die(here)
        boots_again(monkeypatch, wall, off, known)
        async with another_process(here):
            await asyncio.sleep(60)
            (observed,) = here.gateway.status()["pumps"][0]["observations"]
            assert 60 * 60 < observed["left_s"] < 120 * 60
            assert "observation_ended" not in here.kinds()


@pytest.mark.requirement("PWR-13", "WIN-10")
async def test_an_observation_is_over_when_the_clock_shows_that_it_is(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        wall = Wall(monkeypatch)
        await here.start()
        await here.until("completed", within_s=3000)
        await asyncio.sleep(60)
        await die(here)
        boots_again(monkeypatch, wall, {}, known=True)
        async with another_process(here):
            await asyncio.sleep(3)
            (observed,) = here.gateway.status()["pumps"][0]["observations"]
            assert observed["left_s"] == 0
