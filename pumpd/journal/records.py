"""What a journal row is, and its place in the hash chain.

A row's hash is SHA-256 over the previous row's hash and the row's own fields, so an edit, a deletion or a re-ordering
shows at the first row that it touches (AUD-03). Wall time is for people; `mono_ns` with `boot` is for
intervals. Rows that retention took away leave their last hash in a later row of kind `pruned`, so the chain holds over
the gap. Rows cut off the end, or a whole chain made anew, only an `Anchor` shows that was kept elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GENESIS = "0" * 64


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _ENCODER.encode(value)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to write: its kind in snake_case (past tense for what happened), a JSON body, units in names.

    `at`: wall time when it was handed over for writing, which a busy disk may put off; None: that of writing.
    """

    kind: str
    body: Mapping[str, Any]
    pump: str = ""
    session: str = ""
    mono_ns: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """Number and hash of a row, to be kept where the journal is not. `0:000…` is the journal before its first row."""

    seq: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """Read "SEQ:HASH". Raises ValueError."""
        if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text, re.ASCII):
            raise ValueError(f"{text!r:.100} is no anchor: the number of a row, a colon and its hash of 64 hex digits")
        seq, _, digest = text.partition(":")
        return cls(int(seq), digest)

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


START = Anchor(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows that retention took away: from `first` to `last`, and the hash of the last, from which the chain goes on."""

    first: int
    last: int
    hash: str


PRUNED = "pruned"  # the kind of a row whose `removed` lists [first, last, hash] of each gap


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the journal. `ts` is UTC with milliseconds, `body` the JSON text as it was hashed."""

    id: int
    ts: str
    mono_ns: int
    boot: str
    pump: str
    session: str
    kind: str
    body: str
    hash: str

    @property
    def fields(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded

    def chained_to(self, previous: str) -> str:
        """The hash that this row must carry after a row with hash `previous`."""
        return chain(previous, self.id, self.ts, self.mono_ns, self.boot, self.pump, self.session, self.kind, self.body)


def chain(previous: str, *fields: str | int) -> str:
    """SHA-256 over the previous row's hash and a row's fields in the order of `Record`, without its own hash."""
    return hashlib.sha256("\x1f".join((previous, *map(str, fields))).encode()).hexdigest()
