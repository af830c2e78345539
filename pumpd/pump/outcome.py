"""How a command to a pump ended: *done*, *certainly not done*, or *unknown*. There is no bool (COM-02).

A write proves nothing; only a reply does. After `Unknown` the caller may read the status and stop, and nothing else.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pumpd.text import shown
from pumpd.texts import Text

T_co = TypeVar("T_co", covariant=True)


def _printable(reason: str) -> str:
    """The reason on one line, and still the message that it was."""
    if reason.isprintable() or not isinstance(reason, Text):
        return shown(reason)
    parameters = {name: _printable(value) for name, value in reason.parameters.items()}
    return Text(shown(reason), reason.message, parameters)


@dataclass(frozen=True, slots=True)
class Done(Generic[T_co]):
    """The pump confirmed that it was done, with the value it reported."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly not done: never sent, or the pump refused. `reasons` say why."""

    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "reasons", tuple(map(_printable, self.reasons)))


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, but no trustworthy answer came: it may have been done. Never send it again (COM-03)."""

    cause: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "cause", _printable(self.cause))


Outcome = Done[T_co] | Refused | Unknown
