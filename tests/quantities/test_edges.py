"""Quantities and grids at their very edges: the longest text, equal values, the last digit of a division."""

from dataclasses import dataclass
from decimal import Decimal, Inexact

import pytest

from pumpd.pump import FewDigits, FixedStep, PumpKind
from pumpd.quantities import (
    Concentration,
    DosePerWeight,
    Duration,
    Length,
    Mass,
    QuantityError,
    Rate,
    Volume,
    Weight,
    rate_for,
)

DIGITS = {
    Mass: (6, 4),
    DosePerWeight: (6, 4),
    Weight: (3, 2),
    Volume: (4, 3),
    Length: (3, 3),
    Duration: (5, 3),
    Rate: (4, 3),
    Concentration: (4, 3),
}


@pytest.mark.requirement("PRG-24", "PRG-22")
@pytest.mark.parametrize("kind", DIGITS)
def test_the_most_digits_are_read_and_one_more_is_refused_on_either_side_of_the_point(kind):
    before, after = DIGITS[kind]
    longest = f"{'9' * before}.{'9' * after}"
    assert kind.parse(f"{longest} {kind.UNIT}", "field") == kind(longest)
    for number in (f"9{'9' * before}", f"1.{'9' * after}9"):
        with pytest.raises(QuantityError, match="more digits"):
            kind.parse(f"{number} {kind.UNIT}", "field")


@pytest.mark.requirement("PRG-24")
def test_zero_is_read_where_it_is_asked_for_and_nowhere_else():
    assert Volume.parse("0 mL", "field", zero=True) == Volume(0)
    assert Volume.parse("0.0 mL", "field", zero=True) == Volume(0)
    with pytest.raises(QuantityError, match="above 0"):
        Volume.parse("0 mL", "field")
    with pytest.raises(QuantityError, match="from 0"):
        Volume.parse("0", "field", zero=True)
    with pytest.raises(QuantityError, match="leading zero"):
        Volume.parse("00 mL", "field", zero=True)


def test_a_refusal_says_how_many_digits_and_which_units_are_accepted():
    with pytest.raises(QuantityError) as caught:
        Weight.parse("70", "weight")
    assert "a number above 0 in plain digits (at most 3 before and 2 after the point) and a unit: kg" in str(
        caught.value
    )


def test_a_text_of_eighty_characters_is_shown_whole_and_a_longer_one_is_cut():
    whole = QuantityError("field", "x" * 78, "why", "this")  # 80 with its quotation marks
    assert f"'{'x' * 78}' is refused" in whole.reason
    cut = QuantityError("field", "x" * 79, "why", "this")
    assert f"'{'x' * 79}... is refused" in cut.reason


# -- comparing ---------------------------------------------------------------------------------------------------------


def test_equal_values_are_neither_less_nor_more():
    one, other = Volume("0.5"), Volume("0.50")
    assert one <= other
    assert one >= other
    assert not one < other
    assert not one > other
    more = Volume("0.500001")
    assert one < more
    assert one <= more
    assert more > one
    assert more >= one
    assert not more <= one
    assert not one >= more


def test_only_zero_is_false():
    assert not Volume(0)
    assert not Volume("0.000")
    assert Volume("0.001")
    assert Volume("-0.001")


def test_a_difference_may_be_below_zero_and_its_amount_is_not():
    assert Volume(1) - Volume("1.5") == Volume("-0.5")
    assert abs(Volume(1) - Volume("1.5")) == Volume("0.5")
    assert abs(Volume("0.5")) == Volume("0.5")


# -- rounding ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Everything:
    """A grid that holds every number, so that the rounding of the division itself shows."""

    def floor(self, value: Decimal) -> Decimal:
        return value


@pytest.mark.requirement("PRG-02", "PRG-15")
def test_a_division_is_rounded_down_before_the_grid_and_never_to_the_nearest():
    """2/3 is 0.666..., and the nearest number of sixty digits is above it."""
    two_thirds = Concentration(3).volume_holding(Mass(2), Everything()).decimal
    assert two_thirds == Decimal("0." + "6" * 60)
    rate = rate_for(Volume(2), Duration(3 * 3600), Everything()).decimal
    assert rate == Decimal("0." + "6" * 60)


def test_sums_and_products_keep_sixty_digits_exactly_and_raise_at_the_next():
    large = Decimal(10) ** 30
    assert (Volume(large) + Volume(Decimal("1e-29"))).decimal == Decimal("1" + "0" * 30 + "." + "0" * 28 + "1")
    with pytest.raises(Inexact):
        Volume(large) + Volume(Decimal("1e-30"))
    assert Volume(large).times(Decimal("1." + "0" * 58 + "1")).decimal.as_tuple().digits[-1] == 1
    with pytest.raises(Inexact):
        Volume(large).times(Decimal("1." + "1" * 60))


@pytest.mark.requirement("PRG-02")
def test_a_floor_on_a_grid_is_a_quantity_of_the_same_kind():
    assert Volume("35.19").floor(FixedStep(Decimal("0.1"))) == Volume("35.1")
    assert Rate("0.09").floor(FixedStep(Decimal("0.1"))) == Rate(0)
    assert Volume("35.1").floor(FixedStep(Decimal("0.1"))) == Volume("35.1")


@pytest.mark.parametrize(
    ("digits", "places", "value", "held"),
    [
        (4, 3, "0.99999", "0.999"),
        (3, 3, "0.9999", "0.999"),  # a zero before the point is no digit
        (3, 3, "1.2345", "1.23"),
        (4, 3, "1", "1"),
        (4, 3, "9.99999", "9.999"),
        (4, 3, "10.0049", "10"),
        (4, 3, "99.999", "99.99"),
        (4, 3, "999.99", "999.9"),
        (4, 3, "9999.9", "9999"),
        (4, 1, "1.29", "1.2"),
        (2, 0, "99.9", "99"),
    ],
)
def test_a_grid_of_few_digits_holds_as_many_as_fit(digits, places, value, held):
    assert FewDigits(digits, places).floor(Decimal(value)) == Decimal(held)


@pytest.mark.requirement("PRG-13")
@pytest.mark.parametrize("value", ["10000", "99999.9"])
def test_a_number_with_too_many_digits_is_refused_and_not_cut(value):
    with pytest.raises(ValueError, match=r"more than 4 digits before the point"):
        FewDigits(4, 3).floor(Decimal(value))


def test_bounds_of_time_and_volume_are_exact_where_they_can_be_and_next_above_where_not():
    assert Rate("52.5").time_for(Volume(35)) == Duration(2400)
    assert Rate(7).time_for(Volume(1)) == Duration("514.286")  # 514.2857...
    assert Rate("52.5").volume_in(Duration(60)) == Volume("0.875")
    assert Rate(1).volume_in(Duration(1)) == Volume("0.000277778")  # 0.0002777...
    assert Duration("2400.0009").minutes == 40
    assert Duration("2400.06").minutes == Decimal("40.001")
    assert Duration(7200) / Duration(3600) == 2


@pytest.mark.requirement("RUN-02")
def test_a_syringe_pump_is_accurate_to_two_percent_and_a_volumetric_one_to_five():
    assert (PumpKind.SYRINGE.accuracy_percent, PumpKind.VOLUMETRIC.accuracy_percent) == (2, 5)
