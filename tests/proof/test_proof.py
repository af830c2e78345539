"""The short form of `make proof`: each family's grids and limits with one container, and proofs that must fail."""

from dataclasses import replace
from decimal import Decimal
from unittest import mock

import pytest

from pumpd.dosing import planning
from pumpd.pump import FewDigits, FixedStep, capabilities
from pumpd.quantities import Duration, Rate, Volume
from tests.dosing.samples import COARSE, DIGITS, LIBRARY, TENTHS
from tests.dosing.test_rest import SETTINGS, real
from tests.proof import grids
from tests.proof.contracts import holding_keeps_its_promise, rate_keeps_its_promise
from tests.proof.symbolic import Exact, UnprovedError, every_path, path, unknown
from tests.proof.theorem import Tally, planned, remainder, rest_planned

ENTRY = LIBRARY.entries["ketamine-1mg-ml"]
SYRINGE = LIBRARY.containers["50 mL"]


def first_container(name):
    """The first of the entry's containers that the family takes."""
    return next((LIBRARY.containers[each] for each in ENTRY.containers if real(name, LIBRARY.containers[each])), None)


@pytest.mark.requirement("PRG-01", "PRG-02", "PRG-13", "WIN-01")
@pytest.mark.parametrize("name", SETTINGS)
def test_whatever_is_ordered_a_family_s_program_is_within_dose_time_and_limits(name):
    container = first_container(name)
    found = planned(LIBRARY, ENTRY, container, real(name, container))
    assert found.programs > 0
    assert found.refusals > 0


@pytest.mark.requirement("PRG-02", "WIN-01")
@pytest.mark.parametrize("grid", [TENTHS.rate_grid, DIGITS.rate_grid], ids=["step", "digits"])
def test_each_division_keeps_the_promise_that_stands_for_it_in_programs_of_several_steps(grid):
    assert rate_keeps_its_promise(grid) > 0
    assert holding_keeps_its_promise(ENTRY.concentration, grid) > 0


def test_a_division_that_breaks_its_promise_is_found():
    """The next number above it on the grid is too high a rate, and too large a volume."""
    above = FixedStep.floor
    with mock.patch.object(FixedStep, "floor", lambda grid, value: Exact().add(above(grid, value), grid.step)):
        with pytest.raises(UnprovedError, match="the promise of a division"):
            rate_keeps_its_promise(TENTHS.rate_grid)
        with pytest.raises(UnprovedError, match="the promise of a division"):
            holding_keeps_its_promise(ENTRY.concentration, TENTHS.volume_grid)


def test_code_that_ends_with_an_error_for_some_number_is_found():
    def run():
        if Rate(unknown(4, 3)) > Rate(9000):
            raise ValueError("too fast")

    with pytest.raises(UnprovedError, match="the code ends with ValueError"):
        every_path(run)


@pytest.mark.requirement("PRG-25")
@pytest.mark.parametrize("name", SETTINGS)
def test_whatever_was_given_of_it_the_rest_is_no_more_and_no_faster(name):
    container = first_container(name)
    found = rest_planned(LIBRARY, ENTRY, container, real(name, container))
    assert found.programs > 0
    assert found.refusals > 0


@pytest.mark.requirement("PRG-15", "PRG-02")
@pytest.mark.parametrize("grid", [TENTHS.volume_grid, DIGITS.volume_grid], ids=["step", "digits"])
@pytest.mark.parametrize("steps", [1, 2])
def test_whatever_was_given_of_a_program_its_remainder_is_no_more_than_the_rest(grid, steps):
    assert remainder(grid, steps) > steps


@pytest.mark.parametrize("grid", [TENTHS.rate_grid, TENTHS.volume_grid, DIGITS.rate_grid, COARSE.volume_grid])
def test_a_grid_rounds_down_to_the_next_number_that_it_holds(grid):
    assert grids.wrong(grid, Decimal(9999), every=97) == []


def test_the_numbers_of_a_grid_of_digits_are_all_that_it_holds():
    two = [str(each) for each in grids.numbers(FewDigits(2, 1), Decimal(99))]
    assert two[:2] == ["0.0", "0.1"]
    assert two[99:102] == ["9.9", "10", "11"]
    assert len(two) == 190


# -- a proof that cannot fail proves nothing ---------------------------------------------------------------------------

WRONG = {
    "ten times the rate": ("rate_for", lambda true: lambda *a: true(*a).times(10)),
    "a shorter time": ("rate_for", lambda true: lambda volume, _, grid: true(volume, Duration(2399), grid)),
    "one step more": ("rate_for", lambda true: lambda *a: true(*a) + Rate("0.1")),
    "a rate off the grid": ("rate_for", lambda true: lambda *a: true(*a).times(Decimal("0.95"))),
    "no limit of the pump": ("unfit_rate", lambda _: lambda *_: []),
    "no largest volume": ("unfit_volume", lambda _: lambda *_: []),
    "no limits of the entry": ("check", lambda _: lambda *_: []),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arithmetic_is_not_proved(what):
    name, change = WRONG[what]
    tight = replace(TENTHS, rate_max=Rate(50), volume_max=Volume(40))
    with (
        mock.patch.object(planning, name, change(getattr(planning, name))),
        pytest.raises(UnprovedError, match=r"counter-example|multiples"),
    ):
        planned(LIBRARY, ENTRY, SYRINGE, tight, within=what != "no limits of the entry")


class Nearest(FixedStep):
    """A grid that rounds up."""

    def floor(self, value):
        return capabilities._DOWN.add(super().floor(value), self.step)


def test_a_grid_that_rounds_up_is_found_by_the_proof_and_by_counting():
    up = replace(TENTHS, volume_grid=Nearest(Decimal("0.01")))
    with pytest.raises(UnprovedError, match=r"delivered <= prescribed|no more than the container gives"):
        planned(LIBRARY, ENTRY, SYRINGE, up)
    assert grids.wrong(up.volume_grid, Decimal(1)) != []


def test_each_path_is_run_once_and_only_those_that_some_number_takes():
    seen = []

    def run():
        number = unknown(2, 0)
        if number < 10:
            seen.append("small")
            if number > 20:
                seen.append("never")
        elif number >= 50:
            seen.append("large")
        path().prove(number.term < 100, "two digits")

    assert every_path(run) == 3
    assert sorted(seen) == ["large", "small"]


def test_nothing_that_no_pump_can_hold_is_planned():
    none = replace(TENTHS, rate_max=Rate("0.5"))
    found = planned(LIBRARY, ENTRY, SYRINGE, none)
    assert found == Tally(programs=0, refusals=found.refusals)
    assert found.refusals > 0
