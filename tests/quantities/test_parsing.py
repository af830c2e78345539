"""Text becomes a quantity only with a unit and in plain digits (PRG-03, PRG-24)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.quantities import (
    Concentration,
    DosePerWeight,
    Duration,
    Length,
    Mass,
    Quantity,
    QuantityError,
    Rate,
    Volume,
    Weight,
)

KINDS: list[type[Quantity]] = [Concentration, DosePerWeight, Duration, Length, Mass, Rate, Volume, Weight]


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (DosePerWeight, "0.5 mg/kg", "0.5"),
        (DosePerWeight, "500 µg/kg", "0.5"),
        (DosePerWeight, "500 mcg/kg", "0.5"),
        (Weight, "70 kg", "70"),
        (Weight, "70kg", "70"),
        (Weight, " 81.30 kg ", "81.3"),
        (Weight, "70\u00a0kg", "70"),
        (Duration, "40 min", "2400"),
        (Duration, "1.5 h", "5400"),
        (Duration, "2400 s", "2400"),
        (Rate, "52.5 mL/h", "52.5"),
        (Rate, "1.5 mL/min", "90"),
        (Mass, "0.035 g", "35"),
        (Mass, "35000 µg", "35"),
        (Volume, "49.999 ml", "49.999"),
        (Concentration, "1 mg/mL", "1"),
        (Concentration, "1000 µg/mL", "1"),
        (Length, "26.59 mm", "26.59"),
    ],
)
def test_text_with_a_unit_is_read_exactly(kind, text, number):
    assert kind.parse(text, "field").number == number


BAD_NUMBERS = [
    *("NaN", "nan", "sNaN", "inf", "Infinity", "-inf", "+70", "-70", "\u221270", "0", "0.0", "0.00", "00", "70,5"),
    *("7e1", "7E1", "70e-1", "7_0", "70.", ".5", "070", "00.5", "0x46", "70.0.1", "7 0", "", "1,000", "\u00bd"),
    *("70.12345", "12345678", "1/2", "~70", "70%", "seventy", "70\u200b", "--70", "1'000", "$70", "None", "True"),
    *("\u0667\u0660", "\uff17\uff10", "\u4e03\u5341"),
]


@pytest.mark.requirement("PRG-24")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", BAD_NUMBERS)
def test_a_bad_number_is_refused(kind, number):
    with pytest.raises(QuantityError):
        kind.parse(f"{number} {kind.UNIT}", "field")


@pytest.mark.requirement("PRG-03")
@pytest.mark.parametrize("kind", KINDS)
def test_every_missing_or_foreign_unit_is_refused(kind):
    spellings = {unit for other in KINDS for unit in other.UNITS} - set(kind.UNITS)
    wrong_case = {unit.swapcase() for unit in kind.UNITS} | {unit.upper() for unit in kind.UNITS}
    odd = {
        "",
        " ",
        "mg/kg/h",
        "mL/mg",
        "mL/h/",
        "/",
        "kg/mg",
        "h/mL",
        "L/h",
        "l/min",
        "ng",
        "lb",
        "min.",
        "hours",
        "cc",
    }
    tried = (spellings | wrong_case | odd) - set(kind.UNITS)
    assert len(tried) > 20
    for unit in tried:
        with pytest.raises(QuantityError):
            kind.parse(f"5 {unit}", "field")


@pytest.mark.requirement("PRG-24")
@pytest.mark.parametrize("value", [5, 5.0, True, None, ["5 kg"], b"5 kg", float("nan"), {"kg": 5}])
def test_anything_but_text_is_refused(value):
    with pytest.raises(QuantityError, match="text is needed"):
        Weight.parse(value, "weight")


def test_a_refusal_names_field_text_and_what_is_accepted():
    with pytest.raises(QuantityError) as caught:
        DosePerWeight.parse("0.5 mg", "dose")
    assert caught.value.field == "dose"
    assert caught.value.text == "0.5 mg"
    for part in ("dose", "'0.5 mg'", "unit", "mg/kg"):
        assert part in str(caught.value)


def test_a_refusal_does_not_repeat_a_whole_flood_of_text():
    with pytest.raises(QuantityError) as caught:
        Weight.parse("7" * 100_000, "weight")
    assert len(str(caught.value)) < 500


@pytest.mark.requirement("PRG-24")
def test_none_of_a_hundred_thousand_corrupted_texts_is_accepted():
    """Each text starts valid and is corrupted in a way that must make it invalid."""
    chance = random.Random(24)
    signs = ["+", "-", "\u2212", "±", "~"]
    poison = [
        ",",
        "_",
        "e",
        "E",
        "'",
        "x",
        "\n",
        "\t",
        "\u200b",
        "\u0660",
        "\uff17",
        "NaN",
        "inf",
        "..",
        "\u2212",
        "\x00",
    ]

    def spoil() -> tuple[type[Quantity], str]:
        kind = chance.choice(KINDS)
        unit = chance.choice(list(kind.UNITS))
        whole = str(chance.randrange(1, 999))
        number = whole + chance.choice(["", f".{chance.randrange(1, 99):02d}"])
        match chance.randrange(7):
            case 0:
                return kind, f"{chance.choice(signs)}{number} {unit}"
            case 1:
                place = chance.randrange(len(number))
                return kind, f"{number[:place]}{chance.choice(poison)}{number[place:]} {unit}"
            case 2:
                return kind, f"{number}{chance.choice(poison)}{chance.randrange(9)} {unit}"
            case 3:
                return kind, f"{'0' * chance.randrange(1, 4)}{chance.choice(['', '.', '.0', '.000'])} {unit}"
            case 4:
                return kind, f"0{whole} {unit}"
            case 5:
                return kind, number + chance.choice(
                    ["", " ", f" {unit}x", f" {unit[:-1]}\u0301", f"  {unit}", f" {unit} {unit}"]
                )
            case _:
                return kind, f"{number}{'0' * 9} {unit}"

    accepted = []
    for _ in range(100_000):
        kind, text = spoil()
        try:
            accepted.append((text, kind.parse(text, "field")))
        except QuantityError:
            continue
    assert accepted == []


@given(text=st.text(alphabet="0123456789.,-+eE_ mgkLlhins/µ\n", max_size=12) | st.text(max_size=12))
def test_whatever_is_accepted_is_plain_digits_and_a_unit(text):
    for kind in KINDS:
        try:
            quantity = kind.parse(text, "field")
        except QuantityError:
            continue
        assert quantity > kind(0)
        digits = text.strip().rstrip("mgkLlhins/µ \u00a0\u202fcu")
        assert set(digits) <= set("0123456789.")
        assert text.strip().endswith(tuple(kind.UNITS))
