"""What gateways send: batches of journal entries, and their own health. The schema is `pumpd.fleet.v1`."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

SCHEMA = "pumpd.fleet.v1"
SUBJECTS = f"{SCHEMA}.*.*"  # gateway, then `entries` or `status`

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Text = Annotated[str, StringConstraints(max_length=500)]
Number = Annotated[int, Field(ge=0, lt=2**62)]


def _dated(at: datetime) -> datetime:
    if not 1970 <= at.year <= 2200:
        raise ValueError("is not a time that a gateway can have")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_dated)]

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

    @property
    def body(self) -> dict[str, Any]:
        return {key: value for key, value in (self.model_extra or {}).items() if key not in _BESIDES}

    def number(self, name: str) -> float | None:
        value = (self.model_extra or {}).get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

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


class Status(_Model):
    """How a gateway is. The page shows what it finds; only these have to be there."""

    schema_: Literal["pumpd.fleet.v1"] = Field(alias="schema")
    gateway: Name
    ts: Time
    machine: Text = ""
    """Differs between any two machines that run at once, even if one is a copy of the other."""
