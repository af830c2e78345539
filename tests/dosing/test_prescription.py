"""A prescription is read with every reason for refusal at once, and nothing is filled in."""

import random

import pytest

from pumpd.dosing import Prescription, Refusals, WeightBasis
from pumpd.quantities import DosePerWeight, Duration, Weight
from tests.dosing.samples import LIBRARY, ORDER, prescription

WHOLE_ORDER = {**ORDER, "weight_again": "70.0 kg", "patient": "p-0042", "ordered_by": "dr-17"}


def reasons(fields, **how):
    with pytest.raises(Refusals) as caught:
        Prescription.from_text(fields, **how)
    return [(reason.field, reason.requirement) for reason in caught.value.reasons]


def test_a_prescription_is_read_from_text():
    read = prescription(patient="p-0042", ordered_by="dr-17", previous_weight="68 kg")
    assert read == Prescription(
        "ketamine-1mg-ml",
        DosePerWeight("0.5"),
        Weight(70),
        WeightBasis.ACTUAL,
        Duration(2400),
        "50 mL",
        "p-0042",
        "dr-17",
        Weight(68),
    )


@pytest.mark.parametrize("field", ["entry", "dose", "weight", "weight_basis", "duration", "container"])
def test_nothing_that_is_missing_is_filled_in(field):
    without = {key: text for key, text in ORDER.items() if key != field}
    assert [name for name, _ in reasons(without)] == [field]
    assert [name for name, _ in reasons({**ORDER, field: None})] == [field]


@pytest.mark.requirement("PRG-08")
@pytest.mark.parametrize("basis", [None, "", "Actual", "lean", "actual ", 1, True, ["actual"], "body"])
def test_there_is_no_program_without_a_weight_basis(basis):
    assert reasons({**ORDER, "weight_basis": basis}) == [("weight_basis", "PRG-08")]


@pytest.mark.requirement("PRG-08")
@pytest.mark.parametrize("basis", ["actual", "ideal", "adjusted"])
def test_each_weight_basis_is_kept_as_given(basis):
    assert prescription(weight_basis=basis).weight_basis == basis


@pytest.mark.requirement("PRG-07")
def test_a_weight_that_is_typed_twice_must_be_equal():
    assert reasons({**ORDER, "weight_again": "71 kg"}) == [("weight_again", "PRG-07")]
    assert reasons({**ORDER, "weight_again": "7 kg"}) == [("weight_again", "PRG-07")]
    assert prescription(weight_again="70.00 kg").weight == Weight(70)


@pytest.mark.requirement("PRG-07")
def test_an_order_needs_the_weight_twice_a_patient_and_a_prescriber():
    assert Prescription.from_text(WHOLE_ORDER, order=True).patient == "p-0042"
    assert [field for field, _ in reasons(ORDER, order=True)] == ["weight_again", "patient", "ordered_by"]


def test_every_reason_is_given_at_once():
    bad = {"entry": "x/../y", "dose": "0.5 mg", "weight": "70", "duration": "40", "container": "", "bolus": "5 mL"}
    assert [field for field, _ in reasons(bad)] == [
        "entry", "dose", "weight", "weight_basis", "duration", "container", "prescription",
    ]  # fmt: skip


def test_one_bad_field_does_not_hide_errors_in_the_others():
    bad = {**ORDER, "dose": "0.5 mg", "weight": "700 kg", "duration": "39 min", "container": "5 mL"}
    assert [field for field, _ in reasons(bad)] == ["dose"]
    assert reasons(bad, library=LIBRARY) == [
        ("dose", "PRG-03"),
        ("container", "PRG-12"),
        ("weight", "PRG-07"),
        ("duration", "PRG-06"),
    ]


@pytest.mark.requirement("PRG-15")
@pytest.mark.parametrize("field", ["bolus", "loading_dose", "kvo", "rate", "purge", "x" * 5000])
def test_a_prescription_has_no_place_for_a_bolus_or_a_rate(field):
    assert reasons({**ORDER, field: "5 mL"}) == [("prescription", "PRG-15")]


@pytest.mark.requirement("PRG-10")
@pytest.mark.parametrize("text", ["ketamine 100 mg/mL", "../ketamine", "ketamine\n", "", " ", 1, "k" * 64, "{0}", "%s"])
def test_a_library_entry_is_a_name_and_never_free_text(text):
    assert reasons({**ORDER, "entry": text}) == [("entry", "PRG-10")]


@pytest.mark.parametrize("text", ["Jane Doe", "a/b", "a\x00", "p" * 64, "#", "+", "{}", 7])
def test_a_patient_is_a_token(text):
    assert [field for field, _ in reasons({**ORDER, "patient": text})] == ["patient"]


@pytest.mark.requirement("PRG-03")
@pytest.mark.parametrize(
    ("field", "texts"),
    [
        ("dose", ["0.5", "0.5 mg", "0.5 mg/mL", "0.5 g/kg", "0.5 mg/kg/h", "0.5 mL/kg", "0.5 kg/mg"]),
        ("weight", ["70", "70 lb", "70 g", "70 mg", "70000 g", "70 KG"]),
        ("duration", ["40", "40 m", "40 minutes", "40 ms", "40 mL", "0:40"]),
    ],
)
def test_a_wrong_unit_is_refused(field, texts):
    for text in texts:
        assert reasons({**ORDER, field: text}) == [(field, "PRG-03")]


@pytest.mark.requirement("PRG-24")
def test_noise_in_any_field_is_refused_and_never_a_crash():
    chance = random.Random(7)
    letters = "0123456789.,-+eE_ mgkLhinfNaµ/\n\x00{}%'\"\u200b"
    refused = 0
    for _ in range(5_000):
        field = chance.choice(list(ORDER))
        noise = "".join(chance.choice(letters) for _ in range(chance.randrange(12)))
        try:
            Prescription.from_text({**ORDER, field: noise})
        except Refusals as error:
            named = {reason.field for reason in error.reasons}
            refused += named == {field}
        else:  # a short plain word can be an entry's name, one that the library does not have
            assert field in ("entry", "container")
            refused += 1
    assert refused == 5_000
