"""The divisions of dosing as contracts: proved by themselves, then used in their place where a program has steps.

A program in steps divides once for its volume and once for each rate, and the solver does not finish a path with
several divisions. So each division is proved once, for every number, to keep what it promises; then it is replaced by
any number on the grid that keeps the promise. What follows from the promises holds for the code too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any
from unittest import mock

import z3

from pumpd.dosing import planning
from pumpd.pump import FewDigits, FixedStep
from pumpd.quantities import Concentration, Duration, Mass, Rate, Volume, rate_for
from tests.proof.symbolic import Sym, UnprovedError, every_path, made, path, term, unknown

Grid = FixedStep | FewDigits
DIGITS = 12  # before the point: more than any quantity of an order can have
LEAST_S = 1  # of a part of the time; shorter ones have rates of any size


def holding_keeps_its_promise(strength: Concentration, grid: Grid) -> int:
    """`volume_holding`, for every dose: no more than the dose, on the grid, or ValueError. Returns the paths."""

    def run() -> None:
        dose = unknown(9, 9)
        try:
            volume = strength.volume_holding(Mass(dose), grid)
        except ValueError:
            return
        _keeps(volume, grid, _within(volume.decimal, strength.decimal, dose))

    return every_path(run)


def rate_keeps_its_promise(grid: Grid) -> int:
    """`rate_for`, for every volume and time: in no less than it, on the grid, or ValueError. Returns the paths."""

    def run() -> None:
        volume, time = unknown(6, 6), unknown(8, 8)
        path().know(time.term >= LEAST_S)
        try:
            rate = rate_for(Volume(volume), Duration(time), grid)
        except ValueError:
            return
        _keeps(rate, grid, _in_no_less(volume, rate.decimal, time))

    return every_path(run)


@contextmanager
def divisions_by_contract() -> Iterator[None]:
    """`planning` divides by the promises within this."""

    def volume_holding(strength: Concentration, dose: Mass, grid: Grid) -> Volume:
        volume = _any_on(grid)
        path().know(_within(volume, strength.decimal, dose.decimal))
        return Volume(volume)

    def any_rate(volume: Volume, time: Duration, grid: Grid) -> Rate:
        path().prove(term(time.decimal) >= LEAST_S, "a part of the time is at least a second")
        rate = _any_on(grid)
        path().know(_in_no_less(volume.decimal, rate, time.decimal))
        return Rate(rate)

    with (
        mock.patch.object(Concentration, "volume_holding", volume_holding),
        mock.patch.object(planning, "rate_for", any_rate),
    ):
        yield


def _within(volume: object, strength: object, dose: object) -> z3.BoolRef:
    return term(volume) * term(strength) <= term(dose)


def _in_no_less(volume: object, rate: object, time: object) -> z3.BoolRef:
    return term(rate) * term(time) <= term(volume) * 3600


def _any_on(grid: Grid) -> Sym:
    """Any number that the grid holds; it may also have none, as for one with too many digits."""
    number = path().fresh()
    path().know(number >= 0, number < 10**DIGITS)
    if isinstance(grid, FixedStep):
        return made(number, DIGITS, -int(grid.step.as_tuple().exponent), Fraction(grid.step))
    for before in range(1, grid.digits + 1):
        if path().decide(number < 10**before):
            places = min(grid.places, grid.digits - before)
            return made(number, before, places, Fraction(1, 10**places))
    raise ValueError("more digits before the point than the grid has")


def _keeps(quantity: Volume | Rate, grid: Grid, promise: z3.BoolRef) -> None:
    path().prove(z3.And(term(quantity.decimal) >= 0, promise), "the promise of a division")
    on_grid(quantity.decimal, grid, "on the grid")


def on_grid(value: Any, grid: Grid, what: str) -> None:
    """Its step is one of the grid's, by how it was made."""
    step = value.step
    if step is None:
        raise UnprovedError(f"{what}: of which step it is a multiple is not known")
    if isinstance(grid, FixedStep):
        if (step / Fraction(grid.step)).denominator != 1:
            raise UnprovedError(f"{what}: multiples of {step} are not multiples of {grid.step}")
        return
    places = next((count for count in range(grid.places + 1) if (step * 10**count).denominator == 1), None)
    if places is None:
        raise UnprovedError(f"{what}: multiples of {step} have more than {grid.places} places")
    path().prove(value.term < 10 ** max(1, grid.digits - places), what)
