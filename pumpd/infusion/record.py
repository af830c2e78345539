"""Events and infusions as JSON data and back, exactly: the journal keeps them so that an infusion can be rebuilt.

Promises:
- What is read back equals what was written, for every event and every infusion; equal values give equal data.
- The form follows from the types: a field that is added later is in the data without further work, and a type that has
  no form raises TypeError.
- Data is checked while it is read: a wrong type, an unknown field or an impossible value is a RecordError. A field that
  an older pumpd did not know takes its default, or the value from `FROM_0_1`, which also maps the names of version 0.1.

Quantities and decimals are text ("52.5 mL/h"), instants whole monotonic nanoseconds, sets sorted lists, an outcome is
named: {"outcome": "unknown", "cause": "no reply"}. A message, such as a reason, is written as its English text, and is
the same message again when it is read (`pumpd.known_texts`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from pumpd.infusion import events
from pumpd.infusion.limits import Limits
from pumpd.infusion.model import Infusion
from pumpd.known_texts import recognised
from pumpd.pump import Done, Refused, Unknown
from pumpd.quantities import Quantity, plain

T = TypeVar("T")


class RecordError(ValueError):
    """Data that does not have the form of its type; the message names the field."""


class _Form(NamedTuple):
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def to_data(value: object) -> Any:
    """A dataclass value of the infusion or the pump as JSON data. Raises TypeError where a type has no form."""
    return _form(type(value)).write(value)


def from_data(kind: type[T], data: Any) -> T:
    """The value that this data describes. Raises RecordError."""
    made: T = _form(kind).read(data)
    return made


def event_to_data(event: events.Event) -> dict[str, Any]:
    """An event with its name: {"event": "reading_taken", "at_ns": …}."""
    kind = type(event)
    return {"event": _WORDS.get(kind) or _name(kind), **_form(kind).write(event)}


def event_from_data(data: Mapping[str, Any]) -> events.Event:
    """The event that this data describes. Raises RecordError."""
    rest = dict(data)
    name = rest.pop("event", None)
    if not isinstance(name, str) or name not in EVENTS:
        raise RecordError(f"event: {name!r} is not an event of an infusion")
    return from_data(EVENTS[name], rest)


def infusion_from_data(data: Mapping[str, Any]) -> Infusion:
    """The infusion that this data describes. Raises RecordError."""
    return from_data(Infusion, data)


def _name(kind: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


EVENTS: dict[str, type[events.Event]] = {
    _name(kind): kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind not in (events.Event, events.Answered)
}

_WORDS: dict[type, str] = {kind: word for word, kind in EVENTS.items()}

_UNLIMITED_NS = 2**62


def _infusion_from_0_1(data: dict[str, Any]) -> dict[str, Any]:
    names = {"still_since_ns": "no_flow_since_ns", "stood_at": "counted_when_stopped"}
    return {names.get(name, name): value for name, value in data.items()}


def _limits_from_0_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 0.1 never withdrew an order and gave no notices, and its journals must still give the same infusions."""
    return {"loaded_within_ns": _UNLIMITED_NS, "near_end_ns": 0, "pause_notice_ns": 0} | data


def _reconciled_from_0_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 0.1 asked for a volume once, whatever it was."""
    if "stands" not in data:
        return data
    rest = {name: value for name, value in data.items() if name != "stands"}
    return {"volume_again": data.get("volume"), "seen_stopped": data["stands"]} | rest


FROM_0_1: dict[type, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Infusion: _infusion_from_0_1,
    Limits: _limits_from_0_1,
    events.DeliveryReconciled: _reconciled_from_0_1,
}


def _as_it_is(value: Any) -> Any:
    return value


def _form(kind: Any) -> _Form:
    """How values of a type are written and read. Raises TypeError."""
    return _made_form(kind)


@cache
def _made_form(kind: Any) -> _Form:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _sequence(tuple, arguments[0])
    if origin is tuple:
        return _fixed_tuple(tuple(map(_form, arguments)))
    if origin is frozenset:
        return _sequence(frozenset, arguments[0])
    if isinstance(kind, type):
        if kind is str:
            return _Form(str, lambda data: recognised(_checked(str, data)))  # of a message, its English text alone
        if kind in (int, bool, NoneType):
            return _Form(_as_it_is, lambda data: _checked(kind, data))
        if issubclass(kind, Quantity):
            return _Form(str, lambda data: _quantity(kind, data))
        if kind is Decimal:
            return _Form(plain, _decimal)
        if issubclass(kind, Enum):
            return _Form(lambda value: value.value, lambda data: _member(kind, data))
        if is_dataclass(kind) and kind is not Done:  # only the type of the outcome shows what a Done holds
            return _dataclass(kind)
    raise TypeError(f"{kind} has no form in the journal")


def _dataclass(kind: type) -> _Form:
    hints = get_type_hints(kind)
    forms = {each.name: _form(hints[each.name]) for each in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}

    def read(data: Any) -> Any:
        given = _checked(dict, data)
        if kind in FROM_0_1:
            given = FROM_0_1[kind](given)
        if given.keys() - forms.keys() or needed - given.keys():
            odd = sorted(map(str, given.keys() - forms.keys())) + sorted(needed - given.keys())
            raise RecordError(f"{kind.__name__}: unknown or missing: {', '.join(odd)}")
        values = {}
        for name, value in given.items():
            try:
                values[name] = forms[name].read(value)
            except RecordError as error:
                raise RecordError(f"{name}: {error}") from error
        try:
            return kind(**values)
        except (TypeError, ValueError) as error:
            raise RecordError(f"{kind.__name__}: {error}") from error

    # Each reading is written with this, so what is its own form is not passed through a call.
    plainly = [name for name, form in forms.items() if form.write is _as_it_is]
    otherwise = [(name, form.write) for name, form in forms.items() if form.write is not _as_it_is]

    def write(value: Any) -> dict[str, Any]:
        data = {name: getattr(value, name) for name in plainly}
        for name, written in otherwise:
            data[name] = written(getattr(value, name))
        return data

    return _Form(write, read)


def _union(choices: tuple[Any, ...]) -> _Form:
    if Refused in choices:
        return _outcome(choices)
    kinds = [choice for choice in choices if choice is not NoneType]
    if len(kinds) != 1:
        raise TypeError(f"one of {choices} has no form in the journal")
    form = _form(kinds[0])
    write = form.write
    return _Form(
        write if write is _as_it_is else lambda value: None if value is None else write(value),
        lambda data: None if data is None else form.read(data),
    )


def _outcome(choices: tuple[Any, ...]) -> _Form:
    """Done, Refused or Unknown: three words, and what belongs to each."""
    (held,) = (get_args(choice)[0] for choice in choices if get_origin(choice) is Done)
    value_form = _form(held)

    def write(value: Any) -> dict[str, Any]:
        if isinstance(value, Done):
            return {"outcome": "done", "value": value_form.write(value.value)}
        return {"outcome": _name(type(value)), **_form(type(value)).write(value)}

    def read(data: Any) -> Any:
        rest = dict(_checked(dict, data))
        match rest.pop("outcome", None):
            case "done" if rest.keys() == {"value"}:
                return Done(value_form.read(rest["value"]))
            case "refused":
                return _form(Refused).read(rest)
            case "unknown":
                return _form(Unknown).read(rest)
            case word:
                raise RecordError(f"outcome: {word!r} with {sorted(rest)} is none")

    return _Form(write, read)


def _sequence(kind: type, item: Any) -> _Form:
    form = _form(item)

    def write(value: Any) -> list[Any]:
        written = [form.write(each) for each in value]
        return sorted(written) if kind is frozenset else written

    return _Form(write, lambda data: kind(form.read(each) for each in _checked(list, data)))


def _fixed_tuple(forms: tuple[_Form, ...]) -> _Form:
    """A tuple of fixed length, in which each item has its own type."""

    def read(data: Any) -> Any:
        if len(_checked(list, data)) != len(forms):
            raise RecordError(f"{data!r:.80} does not have {len(forms)} parts")
        return tuple(form.read(each) for form, each in zip(forms, data, strict=True))

    return _Form(lambda value: [form.write(each) for form, each in zip(forms, value, strict=True)], read)


def _checked(kind: type[T], data: Any) -> T:
    if type(data) is not kind:
        raise RecordError(f"{data!r:.80} is no {kind.__name__}")
    return data


def _member(kind: type[Enum], data: Any) -> Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise RecordError(f"{data!r:.80} is no {kind.__name__}") from error


def _quantity(kind: type[Quantity], data: Any) -> Quantity:
    number, _, unit = _checked(str, data).partition(" ")
    if unit != kind.UNIT:
        raise RecordError(f"{data!r:.80} is no {kind.__name__} in {kind.UNIT}")
    return kind(_decimal(number))


def _decimal(data: Any) -> Decimal:
    try:
        number = Decimal(_checked(str, data))
    except InvalidOperation as error:
        raise RecordError(f"{data!r:.80} is no number") from error
    if not number.is_finite():
        raise RecordError(f"{data!r:.80} is no number")
    return number
