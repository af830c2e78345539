"""What is proved of every program that planning makes, whatever was ordered: one function for each theorem.

The reverse computation (`pumpd.dosing.reverse`), which would refuse a wrong program, is switched off: the theorems hold
without it. Soft limits, which only warn, are left out.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from unittest import mock

import z3

from pumpd.dosing import Prescription, Refusals, WeightBasis, limits, planning, rest, reverse
from pumpd.dosing.library import Entry, Library
from pumpd.dosing.limits import Limits
from pumpd.dosing.rest import RestOrder, plan_rest
from pumpd.pump import Capabilities, Container, FewDigits, FixedStep, PumpProgram, RateStep
from pumpd.quantities import DosePerWeight, Duration, Mass, Rate, Volume, Weight
from tests.proof.contracts import divisions_by_contract, on_grid
from tests.proof.symbolic import Path, UnprovedError, every_path, path, term, unknown


@dataclass
class Tally:
    """How many paths end in a program, and how many in a refusal."""

    programs: int = 0
    refusals: int = 0


@contextmanager
def without_a_second_look() -> Iterator[None]:
    """No reverse computation, and no warnings."""
    with ExitStack() as stack:
        for name in ("objections", "rest_objections", "treatment_objections"):
            stack.enter_context(mock.patch.object(reverse, name, lambda *_, **__: []))
        stack.enter_context(mock.patch.object(reverse, "delivery", lambda *_: None))
        stack.enter_context(mock.patch.object(planning, "_warnings", lambda *_: []))
        for module in (limits, rest):  # how a time is shown in a reason
            stack.enter_context(mock.patch.object(module, "shown", lambda _: "#"))
        yield


def _of(quantity: Any) -> Any:
    return term(quantity.decimal)


def planned(library: Library, entry: Entry, container: Container, pump: Capabilities, *, within: bool = True) -> Tally:
    """For every dose, weight and time that can be typed: a refusal, or a program that gives at most the dose, in no
    less than the time, at rates and volumes within every limit and on the pump's grid.

    `within`: only those within the entry's hard limits, which are fewer paths. Without it also all others; none of
    these may be planned. A program in steps is planned with the promises of its divisions (`contracts`).
    """
    tally = Tally()

    def run() -> None:
        here = path()
        dose = unknown(6, 7)  # mg/kg, also from µg/kg with four places
        weight = unknown(3, 2)
        seconds = unknown(8, 4)  # also from hours and minutes
        inside = [
            *(_between(dose.term, entry.dose), _between(weight.term, entry.weight)),
            *(_between(seconds.term, entry.duration), dose.term * weight.term <= _of(entry.dose_cap.hard)),
        ]
        if within:
            here.know(*inside)
        order = Prescription(
            entry.id, DosePerWeight(dose), Weight(weight), WeightBasis.ACTUAL, Duration(seconds), container.name
        )
        try:
            made = planning.plan(order, library, pump)
        except Refusals:
            tally.refusals += 1
            return
        tally.programs += 1
        here.prove(z3.And(*inside), "planned only within the hard limits")
        steps = made.pump_program.steps
        _fits(here, steps, container, pump)
        given, strength = sum((_of(step.volume) for step in steps), term(0)), term(entry.concentration.decimal)
        here.prove(given * strength <= dose.term * weight.term, "delivered <= prescribed")
        here.prove(given <= _of(container.usable), "no more than the container gives")
        shares = [step.time for step in entry.profile] or [Fraction(1)]
        if len(shares) != len(steps) or sum(map(Fraction, shares)) != 1:
            raise UnprovedError(f"{len(steps)} steps for the parts {shares} of the time")
        for step, share in zip(steps, shares, strict=True):
            here.prove(
                _of(step.volume) * 3600 >= _of(step.rate) * seconds.term * term(share),
                "no part of the time is shorter than prescribed",
            )

    with without_a_second_look(), divisions_by_contract() if entry.profile else nullcontext():
        every_path(run)
    return tally


def _between(value: Any, hard: Limits[Any]) -> Any:
    return z3.And(value >= _of(hard.hard_min), value <= _of(hard.hard_max))


def _fits(here: Path, steps: tuple[RateStep, ...], container: Container, pump: Capabilities) -> None:
    """Each rate and volume is within every limit and on the pump's grid; the pump holds so many steps."""
    if len(steps) > pump.max_steps:
        raise UnprovedError(f"{len(steps)} steps, the pump holds {pump.max_steps}")
    for step in steps:
        here.prove(_of(step.rate) > 0, "a rate above 0")
        here.prove(_of(step.rate) >= _of(pump.rate_min), "rate >= the pump's lowest")
        here.prove(_of(step.rate) <= _of(pump.rate_max), "rate <= the pump's highest")
        here.prove(_of(step.rate) >= _of(container.minimum_rate), "rate >= the syringe's lowest")
        here.prove(_of(step.volume) > 0, "a volume above 0")
        on_grid(step.rate.decimal, pump.rate_grid, "rate on the grid")
        on_grid(step.volume.decimal, pump.volume_grid, "volume on the grid")
    here.prove(
        sum((_of(step.volume) for step in steps), term(0)) <= _of(pump.volume_max), "volume <= the pump's largest"
    )


def rest_planned(library: Library, entry: Entry, container: Container, pump: Capabilities) -> Tally:
    """For every first program of one step, every amount that may have been given of it and every time: a refusal, or a
    rest that gives, with that amount, at most the first program, at no higher rate.
    """
    tally = Tally()

    def run() -> None:
        here = path()
        rate, volume, booked = unknown(4, 3), unknown(4, 3), unknown(6, 12)
        here.know(rate.term > 0, volume.term > 0, volume.term <= _of(container.usable), rate.term <= 1200)
        first = PumpProgram((RateStep(Rate(rate), Volume(volume)),), container.diameter)
        order = Prescription(
            entry.id,
            DosePerWeight(unknown(6, 7)),
            Weight(unknown(3, 2)),
            WeightBasis.ACTUAL,
            Duration(2400),
            container.name,
        )
        wanted = RestOrder("s-1", order, first, "0" * 64, Mass(booked))
        try:
            made = plan_rest(wanted, library, pump)
        except Refusals:
            tally.refusals += 1
            return
        tally.programs += 1
        steps, strength = made.pump_program.steps, term(entry.concentration.decimal)
        _fits(here, steps, container, pump)
        given = sum((_of(step.volume) for step in steps), term(0))
        here.prove(booked.term + given * strength <= volume.term * strength, "booked and rest <= the first program")
        for step in steps:
            here.prove(_of(step.rate) <= rate.term, "no faster than the first program")

    with without_a_second_look():
        every_path(run)
    return tally


def remainder(grid: FixedStep | FewDigits, steps: int) -> int:
    """For every program and every volume that was given of it: what is left is, with that volume, no more than the
    program, at the rates of its last steps. Returns the number of paths.
    """

    def run() -> None:
        here = path()
        volumes = [unknown(4, 3) for _ in range(steps)]
        rates = [unknown(4, 3) for _ in range(steps)]
        given = unknown(4, 9)
        here.know(*(each.term > 0 for each in (*volumes, *rates)))
        whole = PumpProgram(tuple(RateStep(Rate(r), Volume(v)) for r, v in zip(rates, volumes, strict=True)))
        left = whole.after(Volume(given))
        total = sum((each.term for each in volumes), term(0))
        if left is None:
            here.prove(given.term >= total, "nothing is left only when all was given")
            return
        floored = [step.volume.floor(grid) for step in left.steps]
        least = sum((_of(each) for each in floored), term(0))
        here.prove(given.term + least <= total, "given and remainder <= the program")
        for step, rate in zip(reversed(left.steps), reversed(rates), strict=False):
            here.prove(_of(step.rate) == rate.term, "the programmed rates")

    return every_path(run)
