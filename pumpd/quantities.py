"""Exact, typed quantities: Mass, Volume, Concentration, Weight, Rate, Duration, DosePerWeight, Length.

Promises:
- A quantity is a decimal number in the one unit of its type; no binary float ever enters.
- Only meaningful operations exist, for the type checker and at run time: a Mass plus a Volume is a TypeError.
- Sums and products are exact, or they raise. The two divisions that dosing needs round in a fixed direction:
  a rate or a volume is always rounded *down* to a grid, a time is always rounded *up*.
- Text becomes a quantity only with a unit, in plain digits: no sign, zero, comma, exponent, underscore, NaN or
  more digits than can be meant. A refusal names the field, the text and what would be accepted (PRG-03, PRG-24).
"""

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_DOWN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import lru_cache
from operator import index
from types import MappingProxyType
from typing import ClassVar, Protocol, Self, TypeVar

from pumpd import texts

NS_PER_S = 1_000_000_000

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_DOWN = Context(prec=60, rounding=ROUND_DOWN, traps=[InvalidOperation, DivisionByZero, Overflow])
_UP = Context(prec=60, rounding=ROUND_CEILING, traps=[InvalidOperation, DivisionByZero, Overflow])

_exact_sum, _exact_difference, _new = _EXACT.add, _EXACT.subtract, object.__new__

_PLAIN = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)[ \u00a0\u202f]?(?P<unit>[A-Za-zµ][A-Za-zµ/]*)?", re.ASCII)
_SECONDS_PER_HOUR = Decimal(3600)
_MILLI = Decimal("0.001")
_NANO = Decimal("0.000000001")
_PICO = Decimal("1e-12")
_LONGEST_SHOWN = 80


class QuantityError(ValueError):
    """Text that is not an acceptable quantity. `field`, `text` and `accepted` say what to correct."""

    def __init__(self, field: str, text: object, why: str, accepted: str) -> None:
        self.field, self.text, self.why, self.accepted = field, text, why, accepted
        super().__init__(f"{field}: {self.reason}")

    @property
    def reason(self) -> str:
        """The message without the field's name; a long text is shortened, because it comes from outside."""
        shown = repr(self.text)
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
        return texts.text(
            "accepted.refused",
            "{shown} is refused: {why}. Accepted: {accepted}",
            shown=shown,
            why=self.why,
            accepted=self.accepted,
        )


@lru_cache(maxsize=512)  # a reading's numbers are written several times; what is equal is written alike
def plain(value: Decimal) -> str:
    """A decimal as people write it: leading zero always, trailing zero never, no exponent ("0.5", "35")."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Grid(Protocol):
    """The numbers that a pump can hold. `floor` gives the largest of them that is not above the value."""

    def floor(self, value: Decimal) -> Decimal: ...


Q = TypeVar("Q", bound="Quantity")


class Quantity:
    """A number in the unit of its class. Ordered, hashable, immutable by convention of `__slots__` and no setters."""

    __slots__ = ("_value",)

    UNIT: ClassVar[str]
    UNITS: ClassVar[Mapping[str, Decimal]]  # accepted spelling -> factor to UNIT
    DIGITS: ClassVar[tuple[int, int]] = (6, 4)  # most digits before and after the point in text
    _value: Decimal

    def __init__(self, value: Decimal | int | str) -> None:
        if type(value) not in (Decimal, int, str):
            raise TypeError(f"{type(self).__name__} takes a Decimal, int or str, never {type(value).__name__}")
        number = value if type(value) is Decimal else Decimal(value)
        if not number.is_finite():
            raise ValueError(f"{type(self).__name__} must be finite, not {value}")
        self._value = number

    @classmethod
    def _made(cls, value: Decimal) -> Self:
        """A quantity from the result of arithmetic, which is a finite Decimal already."""
        made = object.__new__(cls)
        made._value = value
        return made

    # -- text ------------------------------------------------------------------------------------------------

    @classmethod
    def parse(cls, text: object, field: str, *, zero: bool = False) -> Self:
        """Read a positive quantity such as "0.5 mg/kg", or also 0 where `zero` allows it.

        Raises QuantityError, which names the reason.
        """

        def refused(why: str) -> QuantityError:
            return QuantityError(field, text, why, cls._accepted(zero=zero))

        before, after = cls.DIGITS
        if not isinstance(text, str):
            raise refused(texts.text("accepted.text_needed", "text is needed, not {kind}", kind=type(text).__name__))
        match = _PLAIN.fullmatch(text.strip(" "))
        if match is None:
            raise refused(texts.text("accepted.not_plain", "not a plain decimal number followed by a unit"))
        number, unit = match["number"], match["unit"]
        if unit is None:
            raise refused(texts.text("accepted.no_unit", "the unit is missing"))
        if unit not in cls.UNITS:
            raise refused(texts.text("accepted.other_unit", "its unit is not accepted here"))
        whole, _, fraction = number.partition(".")
        if len(whole) > before or len(fraction) > after:
            raise refused(texts.text("accepted.digits", "it has more digits than can be meant"))
        if len(whole) > 1 and whole.startswith("0"):
            raise refused(texts.text("accepted.leading_zero", "a leading zero can hide a wrong digit"))
        value = Decimal(number)
        if value == 0 and not zero:
            raise refused(texts.text("accepted.zero", "zero is not a quantity to give"))
        return cls(_EXACT.multiply(value, cls.UNITS[unit]))

    @classmethod
    def _accepted(cls, *, zero: bool) -> str:
        return texts.text(
            "accepted.number",
            "a number {least} in plain digits (at most {before} before and {after} after the point) and a unit: "
            "{units}",
            least=texts.text("accepted.from_0", "from 0") if zero else texts.text("accepted.above_0", "above 0"),
            before=cls.DIGITS[0],
            after=cls.DIGITS[1],
            units=texts.either(cls.UNITS),
        )

    @property
    def number(self) -> str:
        """The number alone, in the unit of the class, for a field whose name carries the unit."""
        return plain(self._value)

    def __str__(self) -> str:
        return f"{plain(self._value)} {self.UNIT}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.number!r})"

    @property
    def decimal(self) -> Decimal:
        """The value in the unit of the class."""
        return self._value

    # -- arithmetic within one kind --------------------------------------------------------------------------

    def _same(self, other: object) -> Decimal:
        if type(other) is not type(self):
            raise self._foreign(other)
        return other.decimal

    def _foreign(self, other: object) -> TypeError:
        return TypeError(f"{type(self).__name__} and {type(other).__name__} do not add or compare")

    # Every reading is evaluated with these, so they check and build in place, for speed.

    def __add__(self, other: Self) -> Self:
        kind = type(self)
        if type(other) is not kind:
            raise self._foreign(other)
        made = _new(kind)
        made._value = _exact_sum(self._value, other._value)
        return made

    def __sub__(self, other: Self) -> Self:
        kind = type(self)
        if type(other) is not kind:
            raise self._foreign(other)
        made = _new(kind)
        made._value = _exact_difference(self._value, other._value)
        return made

    def __abs__(self) -> Self:
        return self._made(self._value.copy_abs())

    def times(self, factor: Decimal | int) -> Self:
        """Scale by a plain number, exactly; never by a float."""
        return type(self)(
            _EXACT.multiply(self._value, factor if isinstance(factor, Decimal) else Decimal(index(factor)))
        )

    def share_of(self, whole: Self) -> Decimal:
        """What part of the whole this is, as a plain number, rounded down at 12 places; 0 when the whole is 0."""
        divisor = self._same(whole)
        if not divisor:
            return Decimal(0)
        return _DOWN.divide(self._value, divisor).quantize(_PICO, ROUND_DOWN, _DOWN)

    def floor(self, grid: Grid) -> Self:
        """The largest value that the grid can hold and that is not above this one."""
        return type(self)(grid.floor(self._value))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._value == other._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __lt__(self, other: Self) -> bool:
        if type(other) is not type(self):
            raise self._foreign(other)
        return self._value < other._value

    def __le__(self, other: Self) -> bool:
        if type(other) is not type(self):
            raise self._foreign(other)
        return self._value <= other._value

    def __gt__(self, other: Self) -> bool:
        if type(other) is not type(self):
            raise self._foreign(other)
        return self._value > other._value

    def __ge__(self, other: Self) -> bool:
        if type(other) is not type(self):
            raise self._foreign(other)
        return self._value >= other._value

    def __bool__(self) -> bool:
        return self._value != 0


def _units(**spelling: str) -> Mapping[str, Decimal]:
    return MappingProxyType({unit: Decimal(factor) for unit, factor in spelling.items()})


class Weight(Quantity):
    """Body weight in kilograms."""

    __slots__ = ()
    UNIT = "kg"
    UNITS = _units(kg="1")
    DIGITS = (3, 2)


class Mass(Quantity):
    """Mass of drug in milligrams."""

    __slots__ = ()
    UNIT = "mg"
    UNITS = MappingProxyType({"mg": Decimal(1), "µg": _MILLI, "mcg": _MILLI, "ug": _MILLI, "g": Decimal(1000)})


class Volume(Quantity):
    """Volume in millilitres."""

    __slots__ = ()
    UNIT = "mL"
    UNITS = _units(mL="1", ml="1")
    DIGITS = (4, 3)


class Length(Quantity):
    """Length in millimetres (a syringe's inner diameter)."""

    __slots__ = ()
    UNIT = "mm"
    UNITS = _units(mm="1")
    DIGITS = (3, 3)


class Duration(Quantity):
    """A length of time in seconds."""

    __slots__ = ()
    UNIT = "s"
    UNITS = _units(min="60", s="1", h="3600")
    DIGITS = (5, 3)

    @classmethod
    def from_ns(cls, ns: int) -> "Duration":
        return cls._made(_EXACT.multiply(Decimal(ns), _NANO))

    @property
    def ns(self) -> int:
        """Whole nanoseconds, the unit of monotonic instants."""
        return int(_EXACT.multiply(self._value, Decimal(NS_PER_S)))

    @property
    def minutes(self) -> Decimal:
        """Minutes for display, rounded down at three places."""
        return _DOWN.divide(self._value, Decimal(60)).quantize(_MILLI, ROUND_DOWN, _DOWN)

    def __truediv__(self, other: "Duration") -> Decimal:
        """How many times the other fits in, rounded down at 12 places."""
        return self.share_of(other)


class Rate(Quantity):
    """Flow in millilitres per hour."""

    __slots__ = ()
    UNIT = "mL/h"
    UNITS = MappingProxyType({"mL/h": Decimal(1), "ml/h": Decimal(1), "mL/min": Decimal(60), "ml/min": Decimal(60)})
    DIGITS = (4, 3)

    def volume_in(self, time: Duration) -> Volume:
        """Volume that flows in a time, rounded *up* to 1e-9 mL: for bounds, never for programs."""
        exact = _UP.divide(_EXACT.multiply(self._value, time.decimal), _SECONDS_PER_HOUR)
        return Volume._made(exact.quantize(_NANO, ROUND_CEILING, _UP))

    def time_for(self, volume: Volume) -> Duration:
        """Time that a volume takes at this rate, rounded *up* to the millisecond."""
        exact = _UP.divide(_EXACT.multiply(volume.decimal, _SECONDS_PER_HOUR), self._value)
        return Duration(exact.quantize(_MILLI, ROUND_CEILING, _UP))


class DosePerWeight(Quantity):
    """Dose per body weight in milligrams per kilogram."""

    __slots__ = ()
    UNIT = "mg/kg"
    UNITS = MappingProxyType({"mg/kg": Decimal(1), "µg/kg": _MILLI, "mcg/kg": _MILLI, "ug/kg": _MILLI})

    def __mul__(self, other: Weight) -> Mass:
        if type(other) is not Weight:
            return NotImplemented
        return Mass(_EXACT.multiply(self._value, other.decimal))


class Concentration(Quantity):
    """Concentration in milligrams per millilitre."""

    __slots__ = ()
    UNIT = "mg/mL"
    UNITS = MappingProxyType({"mg/mL": Decimal(1), "mg/ml": Decimal(1), "µg/mL": _MILLI, "mcg/mL": _MILLI})
    DIGITS = (4, 3)

    def mass_in(self, volume: Volume) -> Mass:
        """The drug in a volume, exactly."""
        return Mass(_EXACT.multiply(self._value, volume.decimal))

    def volume_holding(self, dose: Mass, grid: Grid) -> Volume:
        """The largest volume on the grid that holds no more than the dose."""
        return Volume(grid.floor(_DOWN.divide(dose.decimal, self._value)))


def rate_for(volume: Volume, time: Duration, grid: Grid) -> Rate:
    """The highest rate on the grid that does not deliver the volume sooner than the time."""
    exact = _DOWN.divide(_EXACT.multiply(volume.decimal, _SECONDS_PER_HOUR), time.decimal)
    return Rate(grid.floor(exact))
