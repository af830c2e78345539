"""What gateways send: batches of journal entries, and their own health. The schema is `pumpd.fleet.v1`.

Promise: whatever passes here can be stored, exported and shown. A message that does not is put aside whole.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

SCHEMA = "pumpd.fleet.v1"
SUBJECTS = (f"{SCHEMA}.*.entries", f"{SCHEMA}.*.status")  # by gateway
LONGEST_TEXT = 200  # characters; no gateway sends more
LONGEST_STATUS = 65_536  # bytes; each is sent to the page as it is


def _printable(text: str) -> str:
    """A character that turns the direction of writing, or ends a line, would change what else a page shows."""
    if not text.isprintable():
        raise ValueError("has characters that cannot be shown")
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Text = Annotated[
    str, StringConstraints(max_length=LONGEST_TEXT), AfterValidator(_printable)
]  # several fit into an index
Number = Annotated[int, Field(ge=0, lt=2**53)]  # exact in every language, and a sum of many is too


def _dated(at: datetime) -> datetime:
    if not 1970 <= at.year <= 2200:
        raise ValueError("is not a time that a gateway can have")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_dated)]

MOST = 1e12  # of any number: a few million of them can be added up, and none is an infinity elsewhere
_NUMBERS = re.compile(r"_(ml|ml_h|s|mmhg|percent)$")  # the gateways' own rule
_TEXTS = ("from", "to", "state", "pump_state", "code", "priority", "cause", "action", "outcome", "stopped_by")


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST


_BESIDES = frozenset({"kind", "seq", "ts", "boot", "pump", "session", "t_mono_s"})


class _Model(BaseModel):
    # Newer gateways may send more.
    model_config = ConfigDict(frozen=True, extra="allow")


class Entry(_Model):
    """A journal entry. What depends on its kind is in `body`."""

    kind: Text
    seq: Number
    ts: Time
    boot: Text
    pump: Text = ""
    session: Text = ""

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Self:
        for name, value in (self.model_extra or {}).items():
            if value is None:
                good = True
            elif name in _TEXTS:
                good = isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable()
            else:
                good = is_number(value) or not (_NUMBERS.search(name) or type(value) in (int, float))
            if not good:
                raise ValueError(f"{name[:40]}: is no number or text that a gateway sends")
        return self

    @property
    def body(self) -> dict[str, Any]:
        return {key: value for key, value in (self.model_extra or {}).items() if key not in _BESIDES}

    def number(self, name: str) -> float | None:
        value = (self.model_extra or {}).get(name)
        return float(value) if is_number(value) else None

    def text(self, name: str) -> str | None:
        value = (self.model_extra or {}).get(name)
        return value if isinstance(value, str) else None


class Batch(_Model):
    """Every entry that the journal has above `after`, up to `last`."""

    schema_: Literal["pumpd.fleet.v1"] = Field(alias="schema")
    gateway: Name
    journal: Name
    after: Number
    last: Number
    hash: Text
    entries: tuple[Entry, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _covers_its_entries(self) -> Self:
        numbers = [each.seq for each in self.entries]
        if numbers != sorted(set(numbers)) or numbers[0] <= self.after or numbers[-1] != self.last:
            raise ValueError("entries: must be in order, above `after`, and end at `last`")
        return self


class Pump(_Model):
    """A pump of a gateway's configuration."""

    name: Text
    model: Text = ""
    simulated: bool = False


Finite = Annotated[float, Field(ge=-MOST, le=MOST)]


class Status(_Model):
    """How a gateway is, as the page shows it. What it cannot know is left out."""

    schema_: Literal["pumpd.fleet.v1"] = Field(alias="schema")
    gateway: Name
    ts: Time
    machine: Text = ""
    """Differs between any two machines that run at once, even if one is a copy of the other."""
    version: Text | None = None
    clock_synchronized: bool | None = None
    disk_free_mb: Finite | None = None
    disk_mb: Finite | None = None
    supply: Text | None = None
    supply_left_s: Finite | None = None
    under_voltage: bool | None = None
    certificates: Mapping[Text, Time] = {}
    pumps: tuple[Pump, ...] = Field(default=(), max_length=100)
