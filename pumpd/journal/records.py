"""What a journal entry is, and its place in the hash chain.

An entry's hash is SHA-256 over the hash of the previous entry and its own fields, so an edit, a deletion or a
re-ordering shows at the first entry that it affects (AUD-03). Wall time is for people; `mono_ns` with `boot` is for
intervals. Entries that retention removed leave their last hash in a later entry of kind `pruned`, so the chain
continues across the gap. Entries cut off the end, or a whole chain rewritten, show only against an `Anchor` kept
elsewhere.

Names have changed since version 0.1. The chain forbids rewriting, so old names stay on disk and are translated when
they are read: only `OLD_KINDS` and `OLD_FIELDS` know them. `pumpd.infusion.record`, which reads infusions and events,
knows what has changed inside those.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

GENESIS = "0" * 64
FORMAT = 2  # of the names in entries; `control_started` records the one of its process. 1: version 0.1

# Old kind -> kind.
OLD_KINDS = {
    "taken_up": "recovered",
    "flow_without_order": "unprescribed_flow",
    "leftover_stands": "leftover_stopped",
    "pump_met_again": "pump_identified_again",
    "rows_lost": "entries_lost",
}
# Kind -> old field -> field, at any depth of the body.
OLD_FIELDS: dict[str, dict[str, str]] = {
    "journal_restored": {"rows_kept": "entries_kept"},
    "delivery_reconciled": {"stands": "seen_stopped"},
}

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _ENCODER.encode(value)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {names.get(name, name): _renamed(each, names) for name, each in value.items()}
        case list():
            return [_renamed(each, names) for each in value]
        case _:
            return value


def names_of(kind: str) -> tuple[str, ...]:
    """The names under which entries of a kind are on disk: today's, then older ones."""
    return (kind, *(old for old, new in OLD_KINDS.items() if new == kind))


class Entry(NamedTuple):
    """Something to write: its kind in snake_case (past tense for what happened), a JSON body, units in names.

    `at`: wall time when it was handed over, because a busy disk may delay the writing; None: the time of writing.
    """

    kind: str
    body: Mapping[str, Any]
    pump: str = ""
    session: str = ""
    mono_ns: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """Number and hash of an entry, kept outside the journal. `0:000…` is the journal before its first entry."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Read "SEQ:HASH". Raises ValueError."""
        if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text, re.ASCII):
            raise ValueError(
                f"{text!r:.100} is not an anchor: the number of an entry, a colon and its hash of 64 hex digits"
            )
        seq, _, digest = text.partition(":")
        return cls(int(seq), digest)

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


START = Anchor(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Removed:
    """Entries that retention removed: `first` to `last`, and the hash of the last, from which the chain continues."""

    first: int
    last: int
    hash: str


PRUNED = "pruned"  # the kind of an entry whose `removed` lists [first, last, hash] of each gap


class Record(NamedTuple):
    """An entry as it is on disk. `ts` is UTC with milliseconds.

    `written_kind` and `body` (JSON text) are what was hashed; `kind` and `fields` are the same in today's names.
    """

    id: int
    ts: str
    mono_ns: int
    boot: str
    pump: str
    session: str
    written_kind: str
    body: str
    hash: str

    @property
    def kind(self) -> str:
        return OLD_KINDS.get(self.written_kind, self.written_kind)

    @property
    def fields(self) -> dict[str, Any]:
        """The body. Raises ValueError when it is not JSON."""
        loaded: dict[str, Any] = json.loads(self.body)
        renamed = OLD_FIELDS.get(self.kind, {})
        return _renamed(loaded, renamed) if any(f'"{old}"' in self.body for old in renamed) else loaded

    def chained_to(self, previous: str) -> str:
        """The hash that this entry must carry after an entry with hash `previous`."""
        fields = (self.ts, self.mono_ns, self.boot, self.pump, self.session, self.written_kind, self.body)
        return chain(previous, self.id, *fields)


def chain(previous: str, *fields: str | int) -> str:
    """SHA-256 over the previous hash and an entry's fields in the order of `Record`, without its own hash."""
    return hashlib.sha256("\x1f".join((previous, *map(str, fields))).encode()).hexdigest()
