"""The golden dose table of the safety reference (section 6.3): 0.5 mg/kg in 40 min, pump step 0.1 mL/h."""

from fractions import Fraction

import pytest

from pumpd.quantities import Mass, Rate, Volume
from tests.dosing.samples import program, refused

TABLE = [
    # kg, mg/mL, dose mg, volume mL, set mL/h, minutes for the volume
    ("40", 1, "20", "20", "30", "40.000"),
    ("50", 1, "25", "25", "37.5", "40.000"),
    ("60", 1, "30", "30", "45", "40.000"),
    ("70", 1, "35", "35", "52.5", "40.000"),
    ("73", 1, "36.5", "36.5", "54.7", "40.037"),
    ("81.3", 1, "40.65", "40.65", "60.9", "40.049"),
    ("90", 1, "45", "45", "67.5", "40.000"),
    ("120", 2, "60", "30", "45", "40.000"),
    ("150", 2, "75", "37.5", "56.2", "40.036"),
]


@pytest.mark.requirement("PRG-01", "PRG-02", "WIN-01")
@pytest.mark.parametrize(("weight", "concentration", "dose", "volume", "rate", "minutes"), TABLE)
def test_programs_match_the_golden_dose_table(weight, concentration, dose, volume, rate, minutes):
    planned = program(entry=f"ketamine-{concentration}mg-ml", weight=f"{weight} kg")
    assert planned.dose == Mass(dose)
    assert planned.vtbi == Volume(volume)
    assert [step.rate for step in planned.pump_program.steps] == [Rate(rate)]
    taken = Fraction(volume) / Fraction(rate) * 60
    assert f"{float(taken):.3f}" == minutes
    assert 0 <= Fraction(planned.duration.decimal) - taken * 60 < Fraction(1, 1000)
    assert taken * 60 - 2400 < Fraction(240) / Fraction(rate)


@pytest.mark.requirement("PRG-01", "PRG-12")
@pytest.mark.parametrize("weight", ["100", "110"])
def test_the_refusals_of_the_golden_table(weight):
    """100 kg would empty the 50 mL syringe completely, 110 kg would need more than it holds."""
    assert refused(weight=f"{weight} kg") == [("container", "PRG-12")]


@pytest.mark.requirement("PRG-12")
def test_the_same_dose_fits_a_larger_syringe_or_a_stronger_entry():
    assert program(weight="110 kg", container="60 mL").vtbi == Volume(55)
    assert program(weight="110 kg", entry="ketamine-2mg-ml").vtbi == Volume("27.5")


@pytest.mark.requirement("PRG-01", "PRG-12")
@pytest.mark.parametrize(
    ("weight", "dose", "volume", "rate"),
    [
        # 0.35 mg/mL in 40 min: dose / 0.35 mL, times 1.5 per hour
        ("70", "35", "100", "150"),  # the whole bag
        ("35", "17.5", "50", "75"),
        ("71.4", "35.7", "102", "153"),  # all that is usable: 100 + 7 overfill - 5 dead
    ],
)
def test_a_bag_that_is_emptied(weight, dose, volume, rate):
    planned = program(entry="ketamine-0.35mg-ml-bag", container="100 mL bag to empty", weight=f"{weight} kg")
    (step,) = planned.pump_program.steps
    assert (planned.dose, planned.programmed_dose) == (Mass(dose), Mass(dose))
    assert (step.volume, step.rate) == (Volume(volume), Rate(rate))
    assert planned.duration.minutes == 40


@pytest.mark.requirement("PRG-12", "PRG-22")
def test_a_bag_gives_no_more_than_its_volume_and_overfill():
    """71.42 kg need 35.71 mg in 102.02 mL."""
    bag = {"entry": "ketamine-0.35mg-ml-bag", "container": "100 mL bag to empty"}
    assert refused(weight="71.42 kg", **bag) == [("container", "PRG-12")]
    assert refused(weight="70 kg", **{**bag, "container": "100 mL bag"}) == [("container", "PRG-12")] * 2
