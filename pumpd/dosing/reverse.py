"""The independent check: from the text that goes to the pump back to the dose (PRG-01, PRG-02).

Promises:
- Nothing is shared with the forward computation: it has its own text reader, arithmetic and formulas.
- A program is right only if the pump, doing exactly what its text says, gives no more than the prescribed dose, at most
  1 % less, ends no sooner than the prescribed time and at most 2 % later, and has no part much faster than the mean.
- It returns objections, never a corrected value.

PRG-01 asks for agreement to 0.1 % of the dose. Both computations are exact here, so full agreement is required.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pumpd import texts
from pumpd.dosing.refusal import Refusal

LEAST_SHARE = Fraction(99, 100)  # PRG-02: at most 1 % below
FASTEST_SHARE = Fraction(
    130, 100
)  # [P] of the mean rate; a library's profile may go to 1.25, and rounding a little above that
LONGEST_SHARE = Fraction(102, 100)  # [P] a coarser pump would reach the 42 min stop (WIN-03) with dose left

# unit -> (dimension, base units in it as a whole numerator and denominator); the bases are mg, mL, kg, s, mm
_UNITS = {
    "mg": ("drug", 1, 1),
    "g": ("drug", 1000, 1),
    "µg": ("drug", 1, 1000),
    "mcg": ("drug", 1, 1000),
    "ug": ("drug", 1, 1000),
    "mL": ("volume", 1, 1),
    "ml": ("volume", 1, 1),
    "kg": ("body", 1, 1),
    "s": ("time", 1, 1),
    "min": ("time", 60, 1),
    "h": ("time", 3600, 1),
    "mm": ("length", 1, 1),
}
_NOTHING = ("", 1, 1)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in base units with its dimension, such as ("drug", "body") for mg/kg."""

    value: Fraction
    dimension: tuple[str, str]


def read(text: str) -> Amount:
    """Read "52.5 mL/h" part by part. Raises ValueError when it cannot."""
    compact = text.replace("\u00a0", " ").replace("\u202f", " ").replace(" ", "")
    unit = compact.lstrip("0123456789.")
    whole, _, places = compact[: len(compact) - len(unit)].partition(".")
    above, slash, below = unit.partition("/")
    if above not in _UNITS or (slash and below not in _UNITS):
        raise ValueError(f"{text!r} has no known unit")
    dimension, times, over = _UNITS[above]
    divisor, part, parts = _UNITS[below] if slash else _NOTHING
    value = Fraction(int(whole + places) * times * parts, 10 ** len(places) * over * part)
    return Amount(value, (dimension, divisor))


def _of(text: str, above: str, below: str = "") -> Fraction:
    amount = read(text)
    if amount.dimension != (above, below):
        raise ValueError(f"{text!r} is not {above} per {below}")
    return amount.value


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the pump would give: milligrams, milligrams per kilogram, seconds, and its fastest step."""

    dose_mg: Fraction
    dose_mg_kg: Fraction
    seconds: Fraction
    fastest_mg_s: Fraction


def delivery(steps: Sequence[tuple[str, str]], concentration: str, weight: str) -> Delivery:
    """Follow the steps of (rate, volume) as a pump would."""
    strength = _of(concentration, "drug", "volume")
    dose = seconds = fastest = Fraction(0)
    for rate_text, volume_text in steps:
        part, rate = _of(volume_text, "volume"), _of(rate_text, "volume", "time")
        dose += part * strength
        seconds += part / rate
        fastest = max(fastest, rate * strength)
    return Delivery(dose, dose / _of(weight, "body"), seconds, fastest)


def objections(found: Delivery, *, dose_per_weight: str, weight: str, duration: str, programmed: str) -> list[Refusal]:
    """Compare with the prescription and with the dose of the forward computation; empty when all agree."""
    dose = _of(dose_per_weight, "drug", "body") * _of(weight, "body")
    time = _of(duration, "time")
    against: list[Refusal] = []
    if found.dose_mg != _of(programmed, "drug"):
        against.append(
            Refusal(
                "dose",
                texts.text("dose.computations_disagree", "the forward and the reverse computation disagree"),
                "PRG-01",
            )
        )
    if found.dose_mg > dose:
        against.append(
            Refusal(
                "dose",
                texts.text("dose.gives_more", "computed backwards, the program gives more than prescribed"),
                "PRG-02",
            )
        )
    if found.dose_mg < dose * LEAST_SHARE:
        against.append(
            Refusal(
                "dose",
                texts.text(
                    "dose.volume_steps_coarse",
                    "the pump's volume steps are too coarse: over 1 % of the dose would be lost",
                ),
                "PRG-02",
            )
        )
    if found.seconds < time:
        against.append(
            Refusal(
                "duration",
                texts.text("dose.ends_sooner", "computed backwards, the program ends sooner than prescribed"),
                "PRG-06",
            )
        )
    if found.seconds > time * LONGEST_SHARE:
        against.append(
            Refusal(
                "duration",
                texts.text(
                    "dose.rate_steps_coarse", "the pump's rate steps are too coarse: it would end over 2 % late"
                ),
                "WIN-01",
            )
        )
    if found.fastest_mg_s * time > dose * FASTEST_SHARE:
        against.append(
            Refusal(
                "dose", texts.text("dose.step_too_fast", "a step runs at more than 1.3 times the mean rate"), "PRG-15"
            )
        )
    return against


def rest_objections(
    found: Delivery, *, given: str, concentration: str, dose_per_weight: str, weight: str
) -> list[Refusal]:
    """The same for the remainder of a program; `given` is the volume that was given before it."""
    total = found.dose_mg + _of(given, "volume") * _of(concentration, "drug", "volume")
    if total > _of(dose_per_weight, "drug", "body") * _of(weight, "body"):
        return [
            Refusal(
                "dose",
                texts.text(
                    "dose.remainder_exceeds",
                    "with what was already given, the remainder would exceed the prescribed dose",
                ),
                "PRG-02",
            )
        ]
    return []


def treatment_objections(
    found: Delivery,
    *,
    booked: str,
    dose_per_weight: str,
    weight: str,
    first: Sequence[tuple[str, str]],
    concentration: str,
    duration: str,
) -> list[Refusal]:
    """The same for the rest of an interrupted treatment; `booked` is the most that its deliveries can have given,
    `first` the steps of the first one, `duration` the time that the rest should take.
    """
    against: list[Refusal] = []
    planned = delivery(first, concentration, weight)
    total = found.dose_mg + _of(booked, "drug")
    if total > planned.dose_mg or total > _of(dose_per_weight, "drug", "body") * _of(weight, "body"):
        why = texts.text("rest.exceeds", "with what may have been given, the rest would exceed the prescribed dose")
        against.append(Refusal("dose", why, "PRG-25"))
    if found.fastest_mg_s > planned.fastest_mg_s:
        against.append(
            Refusal("dose", texts.text("rest.faster", "the rest would be faster than the first program"), "PRG-25")
        )
    if found.seconds > _of(duration, "time") * LONGEST_SHARE:
        why = texts.text(
            "rest.rate_steps_coarse",
            "the pump's rate steps are too coarse: the rest would end over 2 % late; choose another time",
        )
        against.append(Refusal("duration", why, "WIN-01"))
    return against
