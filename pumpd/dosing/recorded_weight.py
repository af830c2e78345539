"""A weight that a person confirms from the record instead of typing it twice (PRG-07).

It was typed twice when it was recorded, and it counted as long as a tenth more or less would have been a soft limit.
Within the 28 days of a course nobody's weight is expected to change by that much; an older record is typed again.
"""

from pumpd.dosing.history import WeightOnRecord
from pumpd.dosing.prescription import Prescription
from pumpd.dosing.refusal import Refusal
from pumpd.texts import Text, text


def objection(prescription: Prescription, record: WeightOnRecord | None, now_ns: int | None) -> Refusal | None:
    """Why this weight is not the one on record, or may not be confirmed from it; None when it may."""
    if (why := _why(prescription, record, now_ns)) is None:
        return None
    return Refusal("weight_again", why, "PRG-07")


def _why(prescription: Prescription, record: WeightOnRecord | None, now_ns: int | None) -> Text | None:
    if record is None:
        return text("dose.no_weight_on_record", "no weight of this patient is on record; type it twice")
    if (prescription.weight, prescription.weight_basis.value) != (record.weight, record.basis):
        return text(
            "dose.weight_not_on_record",
            "the weight on record is {weight}, {basis}; type the present one twice",
            weight=record.weight,
            basis=record.basis,
        )
    if now_ns is None or not record.at_ns <= now_ns < record.confirmable_until_ns:
        return text("dose.weight_record_old", "the weight on record is too old; weigh the patient and type it twice")
    return None
