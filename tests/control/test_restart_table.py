"""Every cell of the table of decisions after a restart, on the real gateway, checked against the plant (PWR-04)."""

import asyncio
import contextlib

import pytest

from pumpd.control.infusions.recovery import DamagedError, recover
from pumpd.driving import LinkDriver
from pumpd.infusion.restart import DECISIONS, Found, Left, left_by
from pumpd.infusion.states import TRANSITIONS, State
from pumpd.journal import JournalError, JournalReader
from pumpd.pump import PumpState, Unknown
from pumpd.wire import memory
from pumpd_simulators.faults import Fault
from tests.control.test_restart import die
from tests.control.testbed import open_testbed, restart

CELLS = [(left, found) for left, row in DECISIONS.items() for found in row]


async def lead_to(here, left, monkeypatch):
    """Bring an infusion into this state by what people and pumps can do."""
    assert (await here.order()).ok
    await here.until("ready")
    if left is Left.NOTHING:
        assert (await here.ask(op="stop", pump="bed1", reason="test")).ok
        await here.until("abandoned")
    if left in (Left.PREPARED, Left.NOTHING):
        return
    if left in (Left.STARTING, Left.UNCERTAIN):
        real = LinkDriver.start

        async def lost(self, watchdog):
            await real(self, watchdog)
            if left is Left.STARTING:
                await asyncio.sleep(60)
            return Unknown("no reply")

        async def silent(self):
            return Unknown("no reply")

        monkeypatch.setattr(LinkDriver, "start", lost)
        if left is Left.UNCERTAIN:
            monkeypatch.setattr(LinkDriver, "stop", silent)
        assert (await here.confirm()).ok
        await here.until(left.name.lower())
        await asyncio.sleep(1)
        return
    assert (await here.confirm()).ok
    await here.until("running")
    await asyncio.sleep(20)
    if left in (Left.PAUSED, Left.REMAINDER):
        assert (await here.ask(op="pause", pump="bed1", reason="test")).ok
        await here.until("paused")
        if left is Left.REMAINDER:
            assert (await here.ask(op="resume", pump="bed1", by="nurse")).ok
            await here.until("ready")
    elif left is Left.TRIPPED:
        here.pump.fire(Fault.parse("occlusion/5s"))
        here.pump.fire(Fault.parse("front-panel:stop"))
        await here.until("tripped")
        await asyncio.sleep(6)
    elif left is Left.STOPPING:
        assert (await here.ask(op="stop", pump="bed1", reason="test")).ok
        assert here.state() == "stopping"


async def make(here, found):
    """What happened to the pump while no process ran."""
    flows = here.pump.truth()["running"]
    if found is Found.FLOWING and not flows:
        here.pump.fire(Fault.parse("front-panel:start"))
    elif found is Found.STOPPED and flows:
        here.pump.fire(Fault.parse("front-panel:stop"))
    elif found is Found.RESET:
        here.pump.fire(Fault.parse("power-cut/1s"))
        await asyncio.sleep(2)
    elif found is Found.SILENT:
        memory.unplug("bed1")
    await asyncio.sleep(0.2)


def journal_has(here):
    """The row of the table that applies to the journal's present files."""
    with contextlib.suppress(JournalError, DamagedError), contextlib.closing(JournalReader(here.journal)) as reader:
        runner = here.gateway.runners["bed1"]
        clock = here.gateway.clock
        found = recover(reader, runner.settings, runner.family, here.gateway.library, clock, time_known=True)
        return left_by(found.infusion if found else None)
    return Left.UNREADABLE


@pytest.mark.requirement("PWR-04", "PWR-02", "PWR-03")
@pytest.mark.parametrize(("left", "found"), CELLS, ids=[f"{left.name}-{found.name}" for left, found in CELLS])
async def test_each_cell_is_as_in_the_table(tmp_path, monkeypatch, left, found):
    decision = DECISIONS[left][found]
    async with open_testbed(tmp_path) as here:
        with monkeypatch.context() as patched:
            await lead_to(here, Left.RUNNING if left is Left.UNREADABLE else left, patched)
            await die(here)
        if left is Left.UNREADABLE:
            here.gateway.journal._journal.close()
            here.journal.write_bytes(b"the quick brown fox " * 1000)
        assert journal_has(here) is left
        await make(here, found)
        given, flowed, stops = here.truth(), here.pump.truth()["running"], []
        assert flowed == (found is Found.FLOWING) or found is Found.SILENT
        real = LinkDriver.stop

        async def heard(self):
            stops.append(self)
            return await real(self)

        monkeypatch.setattr(LinkDriver, "stop", heard)
        async with restart(here):
            runner = here.gateway.runners["bed1"]
            spied = runner._commands.stop_now

            def asked():
                stops.append(runner)
                spied()

            runner._commands.stop_now = asked
            stops += [runner] * (runner._commands._stopping is not None)  # requested while control was starting
            await asyncio.sleep(8)
            assert bool(stops) == decision.stop
            assert here.state() == (decision.state.value if decision.state else None)
            if found is Found.SILENT:
                if decision.stop and left is not Left.UNREADABLE:
                    codes = {each["code"] for each in (await here.ask(op="status")).result["pumps"][0]["alarms"]}
                    assert {"stop_unconfirmed", "delivery_uncertain"} <= codes
                    booked = runner.infusion.booked(here.gateway.clock.monotonic_ns())
                    assert float(booked.decimal) >= here.truth() - 0.02
                assert not (await here.order(patient="token-9")).ok
                return
            assert not here.pump.truth()["running"]
            assert here.truth() - given < 0.15
            if (
                runner.reading is not None
                and runner.reading.state is PumpState.PAUSED
                and not runner_busy(decision)
                and left is not Left.UNREADABLE
            ):
                refused = await here.order(patient="token-9")
                assert any("the pump is paused, not idle: stop it first" in reason for reason in refused.reasons)
                assert (await here.ask(op="stop", pump="bed1", reason="as the refusal says")).ok
                await asyncio.sleep(3)
            taken = (await here.order(patient="token-9")).ok
            assert taken == (left is not Left.UNREADABLE and not runner_busy(decision))


def runner_busy(decision):
    return decision.state is not None and not decision.state.ended


def test_every_state_has_a_row_and_no_decision_starts_anything():
    assert all(set(row) == set(Found) for row in DECISIONS.values())
    assert set(DECISIONS) == set(Left)
    for row in DECISIONS.values():
        for found, decision in row.items():
            assert decision.state not in (State.STARTING, State.RUNNING)
            assert decision.stop or found is not Found.FLOWING
    assert set(TRANSITIONS) == set(State)
