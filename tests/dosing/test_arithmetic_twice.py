"""The dose is computed forward and backwards, and a program exists only when both agree (PRG-01, PRG-02)."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from pumpd.dosing import Prescription, Refusals, WeightBasis, plan, planning, reverse
from pumpd.dosing.reading import read_twice
from pumpd.pump import FewDigits, FixedStep
from pumpd.quantities import (
    Concentration,
    DosePerWeight,
    Duration,
    Mass,
    QuantityError,
    Rate,
    Volume,
    Weight,
    plain,
)
from tests.dosing.samples import COARSE, DIGITS, LIBRARY, TENTHS, program


@pytest.mark.requirement("PRG-01", "PRG-02", "PRG-11", "WIN-01")
@pytest.mark.parametrize("seed", range(20, 30))
def test_a_hundred_thousand_random_programs_are_correct(seed):
    """None above the prescribed dose, none more than 1 % below it, none too early, overrun within one rate step."""
    chance = random.Random(seed)
    entries = [(entry, Decimal(entry.split("-")[1].removesuffix("mg"))) for entry in LIBRARY.entries]
    large = {name for name, container in LIBRARY.containers.items() if container.volume > Volume(40)}
    containers = {entry: [name for name in LIBRARY.entries[entry].containers if name in large] for entry, _ in entries}
    planned = fully = 0
    for _ in range(10_000):  # and as many again with other seeds
        entry, concentration = chance.choice(entries)
        dose = Decimal(chance.randrange(1000, 10_001)).scaleb(-4)
        weight = Decimal(chance.randrange(3000, 20_001)).scaleb(-2)
        seconds = chance.choice((2400, 2400, 2700, chance.randrange(2400, 6001)))
        pump = chance.choice((TENTHS, DIGITS, COARSE))
        order = Prescription(
            entry,
            DosePerWeight(dose),
            Weight(weight),
            WeightBasis.IDEAL,
            Duration(seconds),
            chance.choice(containers[entry]),
        )
        try:
            made = plan(order, LIBRARY, pump)
        except Refusals:
            continue
        planned += 1
        prescribed = dose * weight
        given = made.vtbi.decimal * concentration
        assert prescribed * 99 / 100 <= given <= prescribed
        steps = made.pump_program.steps
        assert sum(step.volume.decimal for step in steps) == made.vtbi.decimal > 0
        assert all(step.volume.floor(pump.volume_grid) == step.volume for step in steps)
        if len(steps) == 1:
            rate, volume = steps[0].rate.decimal, steps[0].volume.decimal * 3600
            step = Decimal("0.1") if isinstance(pump.rate_grid, FixedStep) else max(rate / 1000, Decimal("0.001"))
            assert rate * seconds <= volume  # not too early
            assert volume - rate * seconds < step * seconds  # and the next rate would have been too high
            fully += volume == rate * seconds
        else:
            assert Duration(seconds) <= made.duration <= Duration(seconds).times(Decimal("1.02"))
    assert planned > 5_000
    assert 0 < fully < planned


WRONG = [
    ("rate times ten", "rate_for", lambda true: lambda *a: true(*a).times(10), "PRG-06"),
    ("an hour instead of forty minutes", "rate_for", lambda true: lambda v, t, g: true(v, Duration(3600), g), "WIN-01"),
    ("a rate step too high", "rate_for", lambda true: lambda *a: true(*a) + Rate("0.1"), "PRG-06"),
    ("a tenth of the rate", "rate_for", lambda true: lambda *a: true(*a).times(Decimal("0.1")), "WIN-01"),
]


@pytest.mark.requirement("PRG-01")
@pytest.mark.parametrize(("name", "function", "fault", "requirement"), WRONG)
def test_a_fault_in_the_forward_rate_is_caught_by_the_reverse_computation(
    monkeypatch, name, function, fault, requirement
):
    monkeypatch.setattr(planning, function, fault(getattr(planning, function)))
    with pytest.raises(Refusals) as caught:
        program(weight="73 kg")
    assert requirement in [reason.requirement for reason in caught.value.reasons]


@pytest.mark.requirement("PRG-01", "PRG-02")
@pytest.mark.parametrize(
    ("fault", "requirement"),
    [
        (lambda self, dose, grid: Volume(dose.decimal + Decimal("0.01")), "PRG-02"),
        (lambda self, dose, grid: Volume(dose.decimal * Decimal("1.3")), "PRG-02"),
        (lambda self, dose, grid: Volume(dose.decimal / 10), "PRG-02"),
        (lambda self, dose, grid: Volume(dose.decimal * Decimal("0.98")), "PRG-02"),
    ],
)
def test_a_fault_in_the_forward_volume_is_caught_by_the_reverse_computation(monkeypatch, fault, requirement):
    monkeypatch.setattr(Concentration, "volume_holding", fault)
    with pytest.raises(Refusals) as caught:
        program(weight="70 kg")
    assert requirement in [reason.requirement for reason in caught.value.reasons]


@pytest.mark.requirement("PRG-01")
def test_a_fault_in_the_exact_arithmetic_is_caught_by_the_reverse_computation(monkeypatch):
    monkeypatch.setattr(Concentration, "mass_in", lambda self, volume: Mass(volume.decimal * Decimal("1.001")))
    with pytest.raises(Refusals, match="forward and the reverse computation disagree"):
        program()


@pytest.mark.requirement("PRG-01", "PRG-03")
@pytest.mark.parametrize(
    ("kind", "unit", "text"),
    [
        (DosePerWeight, "µg/kg", "500 µg/kg"),
        (Duration, "min", "40 min"),
        (Rate, "mL/min", "1 mL/min"),
        (Mass, "g", "1 g"),
    ],
)
def test_a_wrong_conversion_of_units_is_caught_by_the_second_reader(monkeypatch, kind, unit, text):
    assert read_twice(kind, text, "field")
    monkeypatch.setattr(kind, "UNITS", {**kind.UNITS, unit: Decimal(7)})
    with pytest.raises(QuantityError, match="two readers disagree"):
        read_twice(kind, text, "field")


@pytest.mark.requirement("PRG-03")
@pytest.mark.parametrize(
    "kind", [Concentration, DosePerWeight, Duration, Mass, Rate, Volume, Weight], ids=lambda kind: kind.__name__
)
def test_both_readers_know_every_unit(kind):
    for unit in kind.UNITS:
        assert read_twice(kind, f"12.5 {unit}", "field")


@pytest.mark.requirement("PRG-15")
def test_a_step_much_faster_than_the_mean_is_caught_by_the_reverse_computation():
    """Half the dose in one minute, the rest in the remaining 39: right in sum and in time, but a bolus."""
    steps = [("1050 mL/h", "17.5 mL"), (f"{plain(Decimal('26.923'))} mL/h", "17.5 mL")]
    found = reverse.delivery(steps, "1 mg/mL", "70 kg")
    against = reverse.objections(
        found, dose_per_weight="0.5 mg/kg", weight="70 kg", duration="40 min", programmed="35 mg"
    )
    assert [reason.requirement for reason in against] == ["PRG-15"]


@pytest.mark.parametrize("text", ["", "5", "5 lb", "mL", "5 mL/lb", "5 /h", "1.2.3 mL"])
def test_the_second_reader_refuses_what_it_cannot_read(text):
    with pytest.raises(ValueError):
        reverse.read(text)


def test_the_second_reader_refuses_the_wrong_kind():
    with pytest.raises(ValueError, match="is not volume per time"):
        reverse.delivery([("35 mL", "35 mL")], "1 mg/mL", "70 kg")


@pytest.mark.requirement("PRG-02")
@pytest.mark.parametrize(
    ("pump", "requirement"),
    [
        (replace(TENTHS, volume_grid=FixedStep(Decimal(1))), "PRG-02"),
        (replace(TENTHS, rate_grid=FixedStep(Decimal(5))), "WIN-01"),
    ],
)
def test_a_pump_too_coarse_for_the_dose_is_refused_not_approximated(pump, requirement):
    with pytest.raises(Refusals) as caught:
        program(pump, dose="0.3 mg/kg", weight="46.2 kg")
    assert [reason.requirement for reason in caught.value.reasons] == [requirement]


def test_every_digit_that_the_pump_has_is_used():
    made = program(DIGITS, weight="81.3 kg")
    assert made.pump_program.steps[0].rate == Rate("60.97")
    assert FewDigits(4, 3).floor(Decimal("60.975")) == Decimal("60.97")
