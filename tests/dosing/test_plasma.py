"""The plasma preview against published values and a second implementation: PyTCI's matrix exponential (PRG-23)."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing.library import Substance
from pumpd.dosing.plasma import MODELS, NOTE, Delivery, Estimate, has_models, predict
from pumpd.pump import RateStep
from pumpd.quantities import Concentration, Rate, Volume
from tests.dosing.samples import LIBRARY, program

pytestmark = pytest.mark.requirement("PRG-23")

REFERENCE = (Path(__file__).parents[2] / "docs" / "safety" / "reference.md").read_text()
AT_MIN = (5, 10, 20, 30, 40, 50, 80, 110, 150, 230)
TIMES = "\N{MULTIPLICATION SIGN}"
WITHIN = 0.5  # ng/mL, PRG-23
NAMES = [model.name for model in MODELS]

# V1 in L/kg, then k10, k12, k21, k13, k31 in 1/min, as published.
PUBLISHED = {
    "Domino": (0.063, 0.4381, 0.5921, 0.2470, 0.5900, 0.0146),
    "Clements": (1.7522, 0.0109, 0.0186, 0.0137, 0, 0),
    "Hijazi": (1.08, 0.0333, 0.0088, 0.0030, 0, 0),
    "Kamp": (25 / 70, 84 / 60 / 25, 161 / 60 / 25, 161 / 60 / 56, 79 / 60 / 25, 79 / 60 / 157),
}


def golden() -> dict[str, list[float]]:
    """The table of section 6.6, by model."""
    section = REFERENCE[REFERENCE.index("### 6.6") :]
    rows = re.findall(r"^\| (\w+) \|((?: [\d.*]+ \|){10})$", section, re.MULTILINE)
    return {name: [float(each.strip(" *")) for each in cells.split("|")[:-1]] for name, cells in rows}


def hazards() -> dict[str, list[float]]:
    """The table of hazards of section 6.6: the peaks (or, where it says so, the value at the end), by case."""
    rows = re.findall(
        r"^\| ([^|]+) \|((?: \d+ \|){4})$", REFERENCE[REFERENCE.index("**Hazard severity") :], re.MULTILINE
    )
    return {case.replace(TIMES, "x"): [float(each) for each in cells.split("|")[:-1]] for case, cells in rows}


def by_model(estimate: Estimate) -> list[float]:
    return [sum(held) for held in estimate.parts]


def steps(*pairs: tuple[str, str]) -> list[RateStep]:
    return [RateStep(Rate(rate), Volume(volume)) for rate, volume in pairs]


def standard(after_min: int = 200):
    return predict(steps(("52.5", "35")), Concentration(1), Estimate(70), after_min)


def test_the_golden_values():
    assert golden().keys() >= set(NAMES)
    band = standard()
    for index, name in enumerate(NAMES):
        found = [by_model(band.estimates[at])[index] for at in AT_MIN]
        assert found == pytest.approx(golden()[name], abs=WITHIN), name


@pytest.mark.parametrize(
    ("case", "pieces"),
    [
        ("nominal 35 mg / 40 min", [(40, 35)]),
        ("rate +5 %, volume stop at 38.1 min", [(40 / 1.05, 35)]),
        ("stop at 20 min", [(20, 17.5)]),
        ("2x concentration mix-up", [(40, 70)]),
        ("right volume in 4 min (10x rate)", [(4, 35)]),
        ("right volume in 2 min", [(2, 35)]),
        ("10x dose in 40 min", [(40, 350)]),
    ],
)
def test_the_peaks_of_the_hazards(case, pieces):
    estimate = Estimate(70)
    for minutes, mg in [*pieces, (60, 0)]:
        estimate = estimate.advanced(minutes, mg)
    assert estimate.peaks == pytest.approx(hazards()[case], abs=1)


def test_a_pause_of_ten_minutes_at_half_time_lowers_the_end():
    paused = Estimate(70).advanced(20, 17.5).advanced(10, 0).advanced(20, 17.5)
    expected = hazards()["pause 10 min at half time, same rate, conc. at end"]
    assert by_model(paused) == pytest.approx(expected, abs=1)
    assert all(
        after < before for after, before in zip(by_model(paused), hazards()["nominal 35 mg / 40 min"], strict=True)
    )


class Other:
    """The same models in PyTCI: rates in 1/s, concentrations in µg/mL."""

    def __init__(self, name: str, weight_kg: float) -> None:
        from PyTCI.models.base import Three  # it brings scipy and pandas, slow to import in each worker

        per_kg, *rates = PUBLISHED[name]
        self.model = Three()
        self.model.v1 = per_kg * weight_kg
        self.model.k10, self.model.k12, self.model.k21, self.model.k13, self.model.k31 = rates
        self.model.keo = 1  # any: the effect site is not looked at
        self.model.setup()
        self.model.set_integrator("exact")

    def after(self, minutes: float, mg: float) -> float:
        return self.model.giveoverseconds(mg / (minutes * 60), minutes * 60) * 1000


PIECES = st.lists(st.tuples(st.floats(0.02, 300), st.floats(0, 200)), min_size=1, max_size=6)


@given(PIECES, st.floats(30, 200))
def test_a_second_implementation_gives_the_same(pieces, weight_kg):
    others, estimate = [Other(name, weight_kg) for name in NAMES], Estimate(weight_kg)
    for minutes, mg in pieces:
        estimate = estimate.advanced(minutes, mg)
        expected = [other.after(minutes, mg) for other in others]
        assert by_model(estimate) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.floats(0, 200), st.floats(0, 200), st.floats(0, 2))
def test_two_short_pieces_are_one_long_one(first_min, second_min, mg_min):
    twice = Estimate(70).advanced(first_min, first_min * mg_min).advanced(second_min, second_min * mg_min)
    once = Estimate(70).advanced(first_min + second_min, (first_min + second_min) * mg_min)
    assert by_model(twice) == pytest.approx(by_model(once), rel=1e-9, abs=1e-9)


def test_a_mass_that_comes_at_once_fills_the_central_compartment():
    found = by_model(Estimate(70).advanced(0, 35))
    assert found == pytest.approx([1000 * 35 / (PUBLISHED[name][0] * 70) for name in NAMES])


def test_time_does_not_run_backwards():
    for minutes, mg in ((-1.0, 0.0), (1.0, -1.0), (float("nan"), 0.0)):
        with pytest.raises(ValueError, match="cannot have been given"):
            Estimate(70).advanced(minutes, mg)


def test_the_band_is_the_lowest_and_the_highest_model_of_each_minute():
    fields = standard(120).fields
    assert fields["minutes"] == list(range(161))
    assert len(fields["low_ng_ml"]) == len(fields["high_ng_ml"]) == 161
    table = golden()
    for at in AT_MIN[:-1]:
        values = [table[name][AT_MIN.index(at)] for name in NAMES]
        assert fields["low_ng_ml"][at] == pytest.approx(min(values), abs=1)
        assert fields["high_ng_ml"][at] == pytest.approx(max(values), abs=1)
    assert (fields["peak_low_ng_ml"], fields["peak_high_ng_ml"]) == (177, 253)
    assert fields["note"] == "estimated for an average adult, not measured" == NOTE


def test_a_program_with_steps_that_end_between_the_minutes():
    stepped = steps(("78.75", "20.13"), ("26.25", "14.87"))  # 15 min 20 s, then 33 min 59 s
    band = predict(stepped, Concentration("2"), Estimate(81.3), 30)
    times = [float(step.duration.decimal) / 60 for step in stepped]
    assert len(band.estimates) == 50 + 30 + 1
    other = Other("Kamp", 81.3)
    other.after(times[0], 40.26)
    peak = other.after(0.0001, 0)
    assert band.estimates[-1].peaks[NAMES.index("Kamp")] == pytest.approx(peak, rel=1e-3)
    other.after(times[1], 29.74)
    assert by_model(band.estimates[80])[NAMES.index("Kamp")] == pytest.approx(other.after(80 - sum(times), 0), rel=1e-4)


def test_earlier_deliveries_count_wherever_they_lie():
    continued = Estimate(70).advanced(20, 17.5).advanced(15, 0).advanced(5, 2).advanced(7, 0)
    earlier = [Delivery(5, 7, 2), Delivery(20, 27, 17.5)]
    before = Estimate(70).with_earlier(earlier)
    assert by_model(before) == pytest.approx(by_model(continued))
    assert before.peaks == pytest.approx(by_model(continued))  # from here on
    band = predict(steps(("52.5", "17.5")), Concentration(1), before)
    assert by_model(band.estimates[20]) == pytest.approx(by_model(continued.advanced(20, 17.5)))


def test_only_ketamine_has_models():
    entry = program().entry
    assert has_models(entry)
    other = Substance(key="esketamine", rxnorm="2119365")
    assert not has_models(entry.model_copy(update={"substance": other}))
    assert all(has_models(each) for each in LIBRARY.entries.values())
