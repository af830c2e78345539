"""A prescription: what a prescriber ordered, read from text, with all reasons for refusal at once.

Promises:
- Nothing is filled in: drug entry, dose, weight, its basis, duration and container must all be given (PRG-08).
- Every quantity is text with a unit, read by two independent readers (PRG-01, PRG-03, PRG-24).
- An order also needs the weight typed twice, a patient token and who ordered it (PRG-07).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pumpd import texts
from pumpd.dosing.checks import refusals_for
from pumpd.dosing.library import Library
from pumpd.dosing.reading import read_twice
from pumpd.dosing.refusal import Refusal, Refusals
from pumpd.quantities import DosePerWeight, Duration, Quantity, QuantityError, Weight

Q = TypeVar("Q", bound=Quantity)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}", re.ASCII)

ACCEPTED_PATIENT = texts.text("accepted.patient", "a patient token, never a name")
ACCEPTED_COURSE = texts.text("accepted.course", "a token for the course")


def is_token(text: str) -> bool:
    """Whether this can identify a patient here: a token that the site assigns, never a name."""
    return _TOKEN.fullmatch(text) is not None


_REQUIREMENT = {
    "weight_basis": "PRG-08",
    "entry": "PRG-10",
    "container": "PRG-12",
    "weight_again": "PRG-07",
}


class WeightBasis(StrEnum):
    """Which weight was used. There is no default; it matters most for a BMI of 30 or more (PRG-08)."""

    ACTUAL = "actual"
    IDEAL = "ideal"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class Prescription:
    """What was ordered. `entry` and `container` are names in the library; `patient` is a token, never a name."""

    entry: str
    dose_per_weight: DosePerWeight
    weight: Weight
    weight_basis: WeightBasis
    duration: Duration
    container: str
    patient: str = ""
    ordered_by: str = ""
    previous_weight: Weight | None = None
    course: str = ""  # the prescriber's token for the course of this infusion

    @classmethod
    def from_text(
        cls, fields: Mapping[str, object], *, library: Library | None = None, order: bool = False
    ) -> "Prescription":
        """Read `fields` by name; None and a missing key are the same. Raises Refusals with every reason.

        With a `library`, the fields that could be read are checked even when others could not; `plan` checks all.

        Keys: entry, dose, weight, weight_again, weight_basis, duration, container, patient, ordered_by,
        previous_weight, course. For an `order`, weight_again, patient and ordered_by are also needed.
        """
        form = _Form({key: value for key, value in fields.items() if value is not None})
        entry = form.match("entry", _NAME, texts.text("accepted.entry", "the id of a library entry"))
        dose = form.quantity(DosePerWeight, "dose")
        weight = form.quantity(Weight, "weight")
        again = form.quantity(Weight, "weight_again", needed=order)
        basis = form.basis()
        duration = form.quantity(Duration, "duration")
        container = form.match(
            "container", _NAME, texts.text("accepted.container", 'a container of the library such as "50 mL"')
        )
        patient = form.match("patient", _TOKEN, ACCEPTED_PATIENT, needed=order)
        ordered_by = form.match("ordered_by", _TOKEN, texts.text("accepted.ordered_by", "who ordered it"), needed=order)
        previous = form.quantity(Weight, "previous_weight", needed=False)
        course = form.match("course", _TOKEN, ACCEPTED_COURSE, needed=False)
        if weight is not None and again is not None and weight != again:
            form.refuse(
                "weight_again",
                texts.text(
                    "order.weights_differ", "{again} is not the {first} that was typed first", again=again, first=weight
                ),
                "PRG-07",
            )
        form.refuse_unknown()
        if form.refusals and library is not None:
            form.refusals += refusals_for(
                library, entry_id=entry, container=container, dose=dose, weight=weight, duration=duration
            )
        if form.refusals or dose is None or weight is None or basis is None or duration is None:
            raise Refusals(form.refusals)
        return cls(entry, dose, weight, basis, duration, container, patient, ordered_by, previous, course)


def read_duration(text: object) -> Duration:
    """The time for the rest of a treatment. Raises Refusals."""
    try:
        return read_twice(Duration, text, "duration")
    except QuantityError as error:
        raise Refusals([Refusal("duration", error.reason, "PRG-03")]) from error


class _Form:
    """Takes fields one by one and keeps every refusal."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._left = fields
        self.refusals: list[Refusal] = []

    def refuse(self, field: str, reason: str, requirement: str = "") -> None:
        self.refusals.append(Refusal(field, reason, requirement or _REQUIREMENT.get(field, "PRG-03")))

    def _take(self, field: str, accepted: str, *, needed: bool) -> object | None:
        value = self._left.pop(field, None)
        if value is None and needed:
            self.refuse(field, texts.text("order.missing", "is missing. Accepted: {accepted}", accepted=accepted))
        return value

    def quantity(self, kind: type[Q], field: str, *, needed: bool = True) -> Q | None:
        text = self._take(
            field,
            texts.text("accepted.number_and_unit", "a number and a unit: {units}", units=texts.either(kind.UNITS)),
            needed=needed,
        )
        if text is None:
            return None
        try:
            return read_twice(kind, text, field)
        except QuantityError as error:
            self.refuse(field, error.reason)
            return None

    def match(self, field: str, pattern: re.Pattern[str], accepted: str, *, needed: bool = True) -> str:
        text = self._take(field, accepted, needed=needed)
        if text is None:
            return ""
        if not isinstance(text, str) or pattern.fullmatch(text) is None:
            error = QuantityError(
                field,
                text,
                texts.text("accepted.characters", "it has characters that are not allowed, or it is too long"),
                accepted,
            )
            self.refuse(field, error.reason)
            return ""
        return text

    def basis(self) -> WeightBasis | None:
        accepted = texts.either(WeightBasis)
        text = self._take("weight_basis", accepted, needed=True)
        if text is None:
            return None
        if not isinstance(text, str) or text not in list(WeightBasis):
            self.refuse(
                "weight_basis",
                QuantityError("", text, texts.text("accepted.no_basis", "not a weight basis"), accepted).reason,
            )
            return None
        return WeightBasis(text)

    def refuse_unknown(self) -> None:
        for field in sorted(self._left):
            self.refuse(
                "prescription",
                texts.text("order.unknown_field", "{field} is not a field of a prescription", field=repr(field[:63])),
                "PRG-15",
            )
