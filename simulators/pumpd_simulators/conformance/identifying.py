"""Rules for identifying a pump and for what it can hold: identity, capabilities, programs, refusals."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pumpd.pump import Capabilities, Done, FixedStep, LossOfControl, PumpProgram, RateStep, Refused
from pumpd.quantities import Length, Rate, Volume
from pumpd.wire import memory
from pumpd_simulators.conformance.rig import Rig, on_rig
from pumpd_simulators.conformance.subject import Subject


class IdentityRules:
    """For a pump that is driven and for one that is only monitored."""

    subject: Subject

    def test_a_wrong_setting_is_named(self) -> None:
        with pytest.raises(ValueError, match="no_such_setting"):
            self.subject.family.check_settings({**self.subject.settings, "no_such_setting": "1"})
        with pytest.raises(ValueError, match="reply_timeout_s"):
            self.subject.family.check_settings({**self.subject.settings, "reply_timeout_s": "soon"})

    @on_rig
    async def test_the_pump_is_identified_and_identified_again(self, rig: Rig) -> None:
        first = await rig.identify()
        assert first.model
        assert await rig.identify() == first
        assert not rig.starts
        assert not rig.flows


class ProgramRules(IdentityRules):
    def test_capabilities_are_pure_and_agree_with_themselves(self) -> None:
        """No port, no loop; the limits are on their own grids; what ends a flow is declared."""
        chosen = self.subject
        pump = chosen.family.capabilities(chosen.container, chosen.settings)
        assert pump == chosen.family.capabilities(chosen.container, dict(chosen.settings))
        assert pump.family == chosen.family.family
        assert chosen.family.models, "the family names no model"
        assert Rate(0) < pump.rate_min <= pump.rate_max
        assert pump.volume_max > Volume(0)
        assert pump.rate_max == pump.rate_max.floor(pump.rate_grid), "the pump cannot hold its highest rate exactly"
        assert pump.rate_min == pump.rate_min.floor(pump.rate_grid), "the pump cannot hold its lowest rate exactly"
        assert pump.max_steps >= 1
        assert pump.loss_of_control, "nothing is declared that ends the flow when the gateway dies"
        native = LossOfControl.NATIVE in pump.loss_of_control
        assert native is (chosen.watchdog_s is not None), "subject and driver disagree about the pump's own watchdog"
        assert not native or pump.watchdog is not None

    @on_rig
    async def test_a_program_is_read_back_as_it_was_loaded(self, rig: Rig) -> None:
        await rig.identify()
        for program in (self.subject.program, *self.subject.programs, self.subject.program):
            await rig.must("load", program)
            before = len(rig.wire.sent)
            assert await rig.must("read_back") == program
            assert len(rig.wire.sent) > before, "read_back asked the pump nothing"
        assert not rig.starts
        assert not rig.flows

    @on_rig
    async def test_programs_at_the_edges_are_held_exactly_or_refused(self, rig: Rig) -> None:
        """Lowest and highest rate and volume. A program is never changed: what was loaded is read back."""
        await rig.identify()
        held = 0
        for program in _edges(rig.capabilities, self.subject.program):
            outcome = await rig.call("load", program)
            if isinstance(outcome, Done):
                held += 1
                assert await rig.must("read_back") == program
            else:
                assert isinstance(outcome, Refused), f"{program}: {outcome}"
        assert held >= 2, "the pump refuses nearly every program at the edges of its declared limits"

    @on_rig
    async def test_a_rate_set_at_the_panel_is_read_back(self, rig: Rig) -> None:
        """`read_back` reports what the pump holds, never what was sent."""
        await rig.ready()
        rig.wire.pump.press("rate", "50%", self.subject.unit)
        outcome = await rig.call("read_back")
        assert outcome != Done(self.subject.program), "the panel changed the rate, but read_back does not show it"

    @on_rig
    async def test_a_program_that_does_not_fit_is_refused_before_the_first_byte(self, rig: Rig) -> None:
        await rig.identify()
        for what, program in _misfits(rig.capabilities, self.subject):
            before = len(rig.wire.sent)
            outcome = await rig.call("load", program)
            assert isinstance(outcome, Refused), f"{what}: {outcome}"
            assert all(outcome.reasons), f"{what}: refused without a reason"
            assert rig.wire.sent[before:] == [], f"{what}: something was sent"

    @on_rig
    async def test_nothing_is_loaded_or_started_before_the_pump_is_identified(self, rig: Rig) -> None:
        for name in ("load", "start"):
            assert isinstance(await rig.call(name), Refused), name
        assert rig.wire.sent == []

    @on_rig
    async def test_a_start_without_a_program_does_not_flow(self, rig: Rig) -> None:
        """After power-up the pump holds no program."""
        await rig.identify()
        outcome = await rig.call("start")
        await asyncio.sleep(1)
        assert not rig.flows
        assert not isinstance(outcome, Done)

    @on_rig
    async def test_another_pump_on_the_cable_is_neither_loaded_nor_started(self, rig: Rig) -> None:
        """COM-10: until it is identified on this connection."""
        await rig.ready()
        first, was = await rig.identify(), rig.wire.pump
        memory.unplug(rig.name)
        rig.wire.pump = (self.subject.another or self.subject.simulate)()
        was.shut()
        await rig.replug()
        for name in ("load", "start"):
            assert isinstance(await rig.call(name), Refused), name
        assert not rig.starts
        assert not rig.flows
        second = await rig.identify()
        assert isinstance(await rig.call("start"), Refused), "a start without a load"
        assert self.subject.another is None or first.serial is None or first.serial != second.serial
        await rig.run()


def _smallest(grid: Any) -> Decimal:
    return grid.step if isinstance(grid, FixedStep) else Decimal(1).scaleb(-grid.places)


def _edges(pump: Capabilities, program: PumpProgram) -> Iterator[PumpProgram]:
    rate, volume = program.steps[0].rate, program.steps[0].volume
    middle = Rate(pump.rate_grid.floor((pump.rate_min.decimal + pump.rate_max.decimal) / 2))
    most = pump.volume_max.floor(pump.volume_grid)
    for step in (
        RateStep(pump.rate_max, volume),
        RateStep(pump.rate_max, most),
        RateStep(middle, volume),
        RateStep(pump.rate_min, volume),
        RateStep(pump.rate_min, Volume(_smallest(pump.volume_grid))),
        RateStep(rate, Volume(_smallest(pump.volume_grid))),
        RateStep(rate, most),
    ):
        yield PumpProgram((step,), program.diameter)


def _misfits(pump: Capabilities, subject: Subject) -> Iterator[tuple[str, PumpProgram]]:
    program, step = subject.program, subject.program.steps[0]
    rate_grain, volume_grain = _smallest(pump.rate_grid), _smallest(pump.volume_grid)
    below = Rate(pump.rate_grid.floor(pump.rate_min.decimal / 2)) or Rate(pump.rate_min.decimal / 2)
    yield "rate below the lowest", _one(program, replace(step, rate=below))
    yield "rate above the highest", _one(program, replace(step, rate=pump.rate_max.times(2)))
    yield "rate just above the highest", _one(program, replace(step, rate=pump.rate_max + Rate(rate_grain)))
    yield "rate off the grid", _one(program, replace(step, rate=step.rate + Rate(rate_grain / 8)))
    yield "volume above the largest", _one(program, replace(step, volume=pump.volume_max.times(2)))
    yield (
        "volume off the grid",
        _one(program, replace(step, volume=step.volume + Volume(volume_grain / 8))),
    )
    yield "too many steps", PumpProgram((step,) * (pump.max_steps + 1), program.diameter)
    if program.diameter is not None and subject.diameter_matters:
        yield "no diameter", replace(program, diameter=None)
        yield "a diameter that no syringe has", replace(program, diameter=Length(500))


def _one(program: PumpProgram, step: RateStep) -> PumpProgram:
    return PumpProgram((step,), program.diameter)
