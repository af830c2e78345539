"""The rate program: digest, stepped profile, and the rest after a pause."""

import random
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import pytest
from pydantic import BaseModel

from pumpd.dosing import Refusals
from pumpd.dosing.arithmetic import lines
from pumpd.dosing.canonical import plain_data
from pumpd.dosing.seal import Manifest
from pumpd.pump import Driver, FixedStep, PumpProgram, RateStep
from pumpd.quantities import Duration, Quantity, Rate, Volume
from tests.dosing.samples import COARSE, DIGITS, LIBRARY, TENTHS, program, refused

GENTLE = {"entry": "ketamine-1mg-ml-gentle"}


def full():
    """A program with something in every field."""
    whole = program(
        DIGITS,
        duration="50 min",
        previous_weight="60 kg",
        patient="p-0042",
        ordered_by="dr-17",
        overrides={"duration_high": "slower for comfort", "weight_change": "scales were changed"},
        **GENTLE,
    )
    rest = whole.remainder(Volume("1.5"), DIGITS)
    assert rest is not None
    signed = Manifest(
        pumpd_library=1, name="ward", version=7, care_area="psychiatry", digest="0f" * 32, key="0123456789abcdef"
    )
    return replace(rest, manifest=signed)


def mutations(value):
    """The same value with one thing changed, for each thing in it, however deep: (path, mutated)."""
    if isinstance(value, Quantity):
        yield "", type(value)(value.decimal + Decimal("0.001"))
    elif isinstance(value, Enum):
        yield from (("", other) for other in type(value) if other is not value)
    elif isinstance(value, str):
        yield from (("", text) for text in (value + "x", value[:-1], value.swapcase()) if text != value)
    elif isinstance(value, Decimal):
        yield "", value + Decimal("0.000001")
    elif isinstance(value, int):
        yield "", value + 1
    elif isinstance(value, tuple):
        yield "[-1]", value[:-1]
        yield "[+1]", (*value, value[-1])
        if value[::-1] != value:
            yield "[::-1]", value[::-1]
        for place, item in enumerate(value):
            for path, other in mutations(item):
                yield f"[{place}]{path}", (*value[:place], other, *value[place + 1 :])
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            for path, other in mutations(getattr(value, name)):
                yield f".{name}{path}", value.model_copy(update={name: other})
    elif is_dataclass(value):
        for field in fields(value):
            for path, other in mutations(getattr(value, field.name)):
                if not (field.name == "steps" and not other):
                    yield f".{field.name}{path}", replace(value, **{field.name: other})
    else:
        raise AssertionError(f"{value!r} is not mutated by this test")


@pytest.mark.requirement("PRG-20")
def test_each_single_change_in_any_field_changes_the_digest():
    base = full()
    digests = {"": base.digest}
    for path, mutated in mutations(base):
        digests[path + f"#{len(digests)}"] = mutated.digest
    assert len(set(digests.values())) == len(digests)
    touched = {path.partition("#")[0].split("[")[0] for path in digests if path}
    for part in fields(base):
        assert any(path.startswith(f".{part.name}") for path in touched), part.name
    assert len(digests) > 100


@pytest.mark.requirement("PRG-20")
def test_equal_programs_have_the_same_digest_however_they_were_written():
    assert program(weight="70 kg").digest == program(weight="70.00kg", dose="500 µg/kg", duration="2400 s").digest
    assert len(program().digest) == 64
    assert int(program().digest, 16)


def test_the_digest_does_not_depend_on_the_order_of_overrides_or_library_files():
    reasons = {"dose_high": "third line", "duration_high": "slower"}
    backwards = dict(reversed(reasons.items()))
    made = [
        program(dose="0.9 mg/kg", weight="50 kg", duration="45 min", overrides=o).digest for o in (reasons, backwards)
    ]
    assert made[0] == made[1]


def test_a_type_without_a_canonical_form_is_an_error():
    with pytest.raises(TypeError, match="float has no canonical form"):
        plain_data({"a": 0.5})


@pytest.mark.requirement("PRG-11")
def test_a_program_always_has_a_volume_to_be_infused():
    for step in (RateStep(Rate(1), Volume(0)), RateStep(Rate(0), Volume(1)), RateStep(Rate(1), Volume(-1))):
        with pytest.raises(ValueError):
            PumpProgram((step,))
    with pytest.raises(ValueError):
        PumpProgram(())
    assert program(weight="81.3 kg").vtbi == Volume("40.65")
    assert program(weight="81.3 kg", entry="ketamine-2mg-ml").vtbi == Volume("20.32")


@pytest.mark.parametrize("pump", [TENTHS, DIGITS, COARSE], ids=["tenths", "digits", "coarse"])
@pytest.mark.parametrize("weight", ["40 kg", "56.7 kg", "70 kg", "81.3 kg", "97.9 kg"])
def test_a_stepped_profile_gives_dose_and_window_on_every_grid(pump, weight):
    made = program(pump, weight=weight, **GENTLE)
    gentle, rest = made.pump_program.steps
    assert gentle.volume + rest.volume == made.vtbi <= Volume(made.dose.decimal)
    for step, time in ((gentle, 600), (rest, 1800)):
        assert step.volume.floor(pump.volume_grid) == step.volume
        assert step.rate.floor(pump.rate_grid) == step.rate
        assert Fraction(step.volume.decimal) * 3600 / Fraction(step.rate.decimal) >= time
    assert abs(gentle.volume - made.vtbi.times(Decimal("0.125"))) <= Volume("0.1")
    assert gentle.rate < rest.rate <= Rate(made.vtbi.decimal * Decimal("1.5") * Decimal("1.25"))
    assert Duration(2400) <= made.duration < Duration(2448)


def test_the_gentle_profile_equals_a_calculation_by_hand():
    """35 mL: 4.37 mL in 10 min at 26.22 mL/h, 30.63 mL in 30 min at 61.26 mL/h."""
    made = program(DIGITS, **GENTLE)
    assert made.pump_program.steps == (
        RateStep(Rate("26.22"), Volume("4.37")),
        RateStep(Rate("61.26"), Volume("30.63")),
    )
    assert made.duration == Duration(2400)


def test_a_profile_is_refused_by_a_pump_that_holds_fewer_steps():
    assert refused(replace(TENTHS, max_steps=1), **GENTLE) == [("driver", "RUN-05")]
    assert refused(replace(TENTHS, max_steps=2), **GENTLE) == []


def test_a_profile_that_the_grid_cannot_hold_is_refused():
    lumps = replace(TENTHS, volume_grid=FixedStep(Decimal(35)))
    assert refused(lumps, **GENTLE) == [("driver", "PRG-11")]


@pytest.mark.requirement("PRG-15")
def test_the_rest_runs_at_the_programmed_rates_and_completes_the_dose():
    whole = program(DIGITS, **GENTLE)
    rest = whole.remainder(Volume(2), DIGITS)
    assert rest.pump_program.steps == (
        RateStep(Rate("26.22"), Volume("2.37")),
        RateStep(Rate("61.26"), Volume("30.63")),
    )
    late = whole.remainder(Volume("14.37"), DIGITS)
    assert late.pump_program.steps == (RateStep(Rate("61.26"), Volume("20.63")),)
    assert late.vtbi + Volume("14.37") == whole.vtbi


@pytest.mark.requirement("PRG-15", "PRG-02")
def test_no_chain_of_pauses_gives_more_or_faster():
    chance = random.Random(15)
    for _ in range(300):
        pump = chance.choice((TENTHS, DIGITS, COARSE))
        whole = program(pump, weight=f"{chance.randrange(4000, 9800) / 100:.2f} kg", **GENTLE)
        given, rest = Volume(0), whole
        rates = {step.rate for step in whole.pump_program.steps}
        pauses = 0
        while rest is not None and pauses < 6:
            assert {step.rate for step in rest.pump_program.steps} <= rates
            assert all(step.volume.floor(pump.volume_grid) == step.volume for step in rest.pump_program.steps)
            assert given + rest.vtbi <= whole.vtbi
            assert whole.vtbi - given - rest.vtbi <= Volume("0.1").times(2 * pauses)
            part = Volume(rest.vtbi.decimal * chance.randrange(0, 1001) / 1000)
            given, rest, pauses = given + part, rest.remainder(part, pump), pauses + 1


@pytest.mark.requirement("PRG-20")
def test_the_rest_is_a_separate_program_that_names_the_one_before():
    whole = program()
    first = whole.remainder(Volume(10), TENTHS)
    second = first.remainder(Volume(10), TENTHS)
    assert (whole.continues, first.continues, second.continues) == (None, whole.digest, first.digest)
    assert len({whole.digest, first.digest, second.digest}) == 3
    assert (first.given, second.given) == (Volume(10), Volume(20))
    # nothing given yet: the same steps, which must be confirmed again
    assert whole.remainder(Volume(0), TENTHS).digest != whole.digest


def test_nothing_is_left_when_all_was_given_or_less_than_the_grid_holds():
    whole = program()
    assert whole.remainder(Volume(35), TENTHS) is None
    assert whole.remainder(Volume("35.2"), TENTHS) is None
    assert whole.remainder(Volume("34.991"), TENTHS) is None
    assert whole.remainder(Volume("34.99"), TENTHS).vtbi == Volume("0.01")


def test_a_negative_volume_cannot_have_been_given():
    with pytest.raises(ValueError, match="cannot have been delivered"):
        program().remainder(Volume(-1), TENTHS)


def test_the_rest_is_only_for_the_pump_family_that_it_was_planned_for():
    with pytest.raises(Refusals, match="not for other"):
        program().remainder(Volume(1), replace(TENTHS, family="other"))


@pytest.mark.requirement("PRG-02")
def test_a_rest_that_would_exceed_the_dose_is_refused(monkeypatch):
    whole = program()
    monkeypatch.setattr(PumpProgram, "after", lambda self, delivered: self)
    with pytest.raises(Refusals, match="would exceed the prescribed dose"):
        whole.remainder(Volume(1), TENTHS)


@pytest.mark.requirement("PRG-15")
def test_the_session_api_has_no_bolus_loading_or_purge():
    commands = {name for name, value in vars(Driver).items() if callable(value) and not name.startswith("_")}
    assert commands == {
        "identify",
        "read",
        "load",
        "read_back",
        "start",
        "stop",
        "release",
        "signal",
        "close",
        "fileno",
    }


def test_the_arithmetic_reads_as_a_person_would_check_it():
    assert lines(program(weight="73 kg")) == [
        ("dose", "0.5 mg/kg x 73 kg (actual weight) = 36.5 mg"),
        ("volume", "36.5 mg / 1 mg/mL = 36.5 mL"),
        ("container", "50 mL: 50 mL - 1 mL dead = 49 mL usable"),
        ("rate", "36.5 mL / 40 min = 54.7 mL/h (rounded down to what the pump can hold)"),
        ("backwards", "36.5 mL x 1 mg/mL = 36.5 mg"),
        ("", "36.5 mg / 73 kg = 0.5 mg/kg"),
        ("", "36.5 mL / 54.7 mL/h = about 2402.193784 s"),
    ]


def test_a_review_screen_finds_every_fact():
    data = program(patient="p-0042").fields
    assert data["entry"]["drug"] == "ketamine"
    assert data["entry"]["concentration"] == "1 mg/mL"
    assert data["prescription"]["dose_per_weight"] == "0.5 mg/kg"
    assert data["prescription"]["weight"] == "70 kg"
    assert data["prescription"]["weight_basis"] == "actual"
    assert data["prescription"]["patient"] == "p-0042"
    assert data["dose"] == "35 mg"
    assert data["pump_program"]["steps"] == [{"rate": "52.5 mL/h", "volume": "35 mL"}]
    assert data["library"] == LIBRARY.digest
