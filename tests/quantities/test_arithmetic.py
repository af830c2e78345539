"""Only meaningful operations exist, they are exact, and each rounding has a fixed direction."""

import re
from decimal import Decimal, Inexact, getcontext, localcontext
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mypy import api

from pumpd.pump import FewDigits, FixedStep
from pumpd.quantities import (
    Concentration,
    DosePerWeight,
    Duration,
    Length,
    Mass,
    Quantity,
    Rate,
    Volume,
    Weight,
    rate_for,
)

KINDS: list[type[Quantity]] = [Concentration, DosePerWeight, Duration, Length, Mass, Rate, Volume, Weight]
ROOT = Path(__file__).parents[2]

decimals = st.decimals(min_value="0.001", max_value="9999", places=3)
grids = st.sampled_from(
    [
        FixedStep(Decimal("0.1")),
        FixedStep(Decimal("0.01")),
        FixedStep(Decimal("0.3")),
        FixedStep(Decimal(5)),
        FewDigits(4, 3),
    ]
)


@pytest.mark.parametrize(("one", "other"), [(a, b) for a, b in product(KINDS, KINDS) if a is not b])
def test_different_kinds_neither_add_nor_compare(one, other):
    left, right = one(1), other(1)
    for operation in (
        lambda: left + right,
        lambda: left - right,
        lambda: left < right,
        lambda: left <= right,
        lambda: left > right,
        lambda: left >= right,
        lambda: left.share_of(right),
        lambda: left.share_of(other(0)),
    ):
        with pytest.raises(TypeError):
            operation()
    assert left != right
    assert hash(left) != hash(right)


@pytest.mark.parametrize("number", [1, 1.0, Decimal(1), "1 mL"])
def test_a_bare_number_is_not_a_quantity(number):
    with pytest.raises(TypeError):
        Volume(1) + number
    with pytest.raises(TypeError):
        Volume(1) < number  # noqa: B015  (the comparison is what is tested)
    assert Volume(1) != number


@pytest.mark.parametrize("value", [0.5, 1.0, float("nan"), True, None, b"1"])
def test_no_float_is_ever_accepted(value):
    with pytest.raises(TypeError):
        Volume(value)


@pytest.mark.parametrize("factor", [0.5, "2", None])
def test_nothing_is_scaled_by_a_float_or_text(factor):
    with pytest.raises(TypeError):
        Volume(1).times(factor)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_a_quantity_is_finite(value):
    with pytest.raises(ValueError):
        Volume(Decimal(value))
    with pytest.raises((ValueError, ArithmeticError)):
        Volume(1).times(Decimal(value))


def test_inexact_arithmetic_raises_instead_of_rounding():
    with pytest.raises(Inexact):
        Volume(Decimal("1e-40")) + Volume(Decimal("1e40"))


def test_only_weight_turns_a_dose_per_weight_into_a_dose():
    assert DosePerWeight("0.5") * Weight(70) == Mass(35)
    for other in (Mass(70), Volume(70), 70, Decimal(70)):
        with pytest.raises(TypeError):
            DosePerWeight("0.5") * other


def test_the_type_checker_refuses_meaningless_operations(tmp_path, monkeypatch):
    good = [
        "m: Mass = DosePerWeight(1) * Weight(70)",
        "v: Volume = Volume(1) + Volume(2)",
        "b: bool = Rate(1) < Rate(2)",
        "t: Duration = Rate(1).time_for(Volume(1))",
    ]
    bad = [
        "Mass(1) + Volume(1)",
        "Weight(1) - Mass(1)",
        "Rate(1) < Volume(1)",
        "DosePerWeight(1) * Mass(1)",
        "DosePerWeight(1) * 70",
        "Mass(1) * Weight(1)",
        "Volume(1) + 1",
        "Volume(0.5)",
        "Volume(1).times(0.5)",
        "Concentration(1).mass_in(Mass(1))",
        "Rate(1).time_for(Duration(1))",
        "Duration(1) / Mass(1)",
        "w: Weight = Mass(1)",
    ]
    names = "Concentration, DosePerWeight, Duration, Mass, Rate, Volume, Weight"
    snippet = tmp_path / "snippet.py"
    snippet.write_text("\n".join([f"from pumpd.quantities import {names}", *good, *bad]) + "\n")
    monkeypatch.chdir(ROOT)
    out, err, _ = api.run(["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", str(snippet)])
    flagged = {int(line) for line in re.findall(r"snippet\.py:(\d+): error", out)}
    first_bad = 2 + len(good)
    assert flagged == set(range(first_bad, first_bad + len(bad))), out + err


@given(value=decimals, grid=grids)
def test_floor_is_on_the_grid_and_not_above(value, grid):
    floor = grid.floor(value)
    assert 0 <= floor <= value
    assert grid.floor(floor) == floor
    assert value - floor < (grid.step if isinstance(grid, FixedStep) else max(Decimal("0.001"), value / 1000))


@pytest.mark.requirement("PRG-02")
@given(volume=decimals, seconds=st.integers(60, 36_000), grid=grids)
def test_a_rate_never_ends_a_volume_sooner(volume, seconds, grid):
    exact = Fraction(volume) * 3600 / seconds
    if exact >= 10_000:
        return
    rate = rate_for(Volume(volume), Duration(seconds), grid)
    assert Fraction(rate.decimal) <= exact
    assert Fraction(grid.floor(rate.decimal)) == Fraction(rate.decimal)


@given(rate=decimals, volume=decimals)
def test_times_and_bounds_are_rounded_up(rate, volume):
    time = Rate(rate).time_for(Volume(volume))
    exact = Fraction(volume) * 3600 / Fraction(rate)
    assert exact <= Fraction(time.decimal) < exact + Fraction(1, 1000)
    flowed = Rate(rate).volume_in(Duration(volume))
    exact = Fraction(rate) * Fraction(volume) / 3600
    assert exact <= Fraction(flowed.decimal) < exact + Fraction(1, 10**9)


def test_the_caller_s_decimal_context_does_not_matter():
    with localcontext() as context:
        context.prec = 2
        assert getcontext().prec == 2
        assert Volume("12.345") + Volume("0.001") == Volume("12.346")
        assert abs(Volume("-12.345")) == Volume("12.345")
        assert Duration("1.234567").ns == 1_234_567_000
        assert Rate("52.5").time_for(Volume(35)) == Duration(2400)
        assert Volume(1).share_of(Volume(3)) == Decimal("0.333333333333")
        assert Duration(2402).minutes == Decimal("40.033")


def test_text_of_a_quantity_has_no_exponent_and_no_trailing_zero():
    assert str(Volume("35.000")) == "35 mL"
    assert str(Rate(Decimal("1E+2"))) == "100 mL/h"
    assert Volume("0.50").number == "0.5"
    assert Volume("-0").number == "0"


def test_equal_values_are_equal_in_any_spelling():
    assert Volume("0.50") == Volume("0.5")
    assert hash(Volume("0.50")) == hash(Volume("0.5"))


def test_nanoseconds_and_durations_are_exact_both_ways():
    assert Duration.from_ns(2_400_000_000_001).ns == 2_400_000_000_001
    assert Duration.from_ns(1_500_000_000) == Duration("1.5")


def test_a_share_is_rounded_down_and_zero_of_nothing():
    assert Volume(2).share_of(Volume(3)) == Decimal("0.666666666666")
    assert Volume(2).share_of(Volume(0)) == 0
    assert Duration(3) / Duration(2) == Decimal("1.5")
