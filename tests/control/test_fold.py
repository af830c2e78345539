"""One fold for recovery and replay: a restart survives what the previous process survived (PWR-02, AUD-05)."""

import asyncio
import sys

import pytest

from pumpd.control.infusions.pump_infusion import PumpInfusion
from pumpd.driving import LinkDriver
from pumpd.infusion import advance
from pumpd.infusion import events as ev
from pumpd.infusion.turn import ImpossibleTransitionError
from pumpd.journal import Entry, fold
from pumpd.journal.replay import Replay
from pumpd.pump import Unknown
from tests.control.test_restart import die
from tests.control.testbed import open_testbed, restart


def break_on(monkeypatch, kind):
    """`advance` fails on each event of this kind, in the running process and in every fold."""

    def broken(infusion, event):
        if isinstance(event, kind):
            raise ImpossibleTransitionError("a defect of pumpd")
        return advance(infusion, event)

    monkeypatch.setattr(sys.modules[PumpInfusion.feed.__module__], "advance", broken)
    monkeypatch.setattr(fold, "advance", broken)


@pytest.fixture
def defect(monkeypatch):
    break_on(monkeypatch, ev.PauseRequested)


@pytest.mark.requirement("PWR-02", "PWR-03")
@pytest.mark.usefixtures("defect")
async def test_a_restart_survives_an_event_that_failed_in_the_state_machine_and_stops_that_infusion(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(20)
        assert not (await here.ask(op="pause", pump="bed1", by="nurse", reason="test")).ok
        await die(here)
        async with restart(here):
            await here.until("stopped")  # nobody knows what the failed event would have made of it
            assert not here.pump.truth()["running"]
        assert Replay(here.entries()).differences == []


@pytest.mark.requirement("PWR-03", "STP-03")
@pytest.mark.parametrize("kind", [ev.ControlRestarted, ev.StopAnswered, ev.ReadingTaken, ev.TimePassed])
async def test_a_restart_whose_event_fails_and_whose_first_stop_is_lost_lets_nothing_go_on(tmp_path, monkeypatch, kind):
    plain, lost = LinkDriver.stop, [Unknown("no reply")]

    async def stop(driver):
        return lost.pop() if lost else await plain(driver)

    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(5)
        await die(here)
        break_on(monkeypatch, kind)
        monkeypatch.setattr(LinkDriver, "stop", stop)
        async with restart(here):
            await asyncio.sleep(20)
            assert not lost
            assert not here.pump.truth()["running"]


@pytest.mark.requirement("PWR-10", "PWR-04")
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("happened", {"event": "reading_taken", "at_ns": 0, "reading": "none"}),
        ("happened", {"event": "no_such_event", "at_ns": 0}),
        ("recovered", {"moved_ns": "soon"}),
        ("began", {}),
        ("began", {"infusion": {"place": 7}}),
        ("observation_started", {"patient": ["a"], "summary": 7}),
        ("vitals_recorded", {"by": "nurse", "no_such_vital": 7}),
        ("alarm_raised", {"code": {"a": 1}}),
        ("association_changed", ["nobody"]),
        ("infusion_ended", []),
    ],
)
async def test_an_entry_that_cannot_be_understood_never_prevents_control_from_starting(tmp_path, kind, body):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(20)
        session = here.gateway.runners["bed1"].infusion.place.session
        await die(here)
        here.gateway.journal._journal.append([Entry(kind, body, "bed1", session)])
        async with restart(here):
            await asyncio.sleep(6)
            assert not here.pump.truth()["running"]
            assert (await here.ask(op="status")).ok
