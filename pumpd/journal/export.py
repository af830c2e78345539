"""The journal as JSON Lines for readers without pumpd: docs/reference/journal.md explains how to verify it.

A head, a line for each entry with the hash of the previous entry, and a foot with the anchor of the newest entry. An
entry's `body` is its JSON as text and its `kind` the name on disk, because those were hashed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pumpd.journal.reader import JournalReader
from pumpd.journal.records import START, Anchor, Record
from pumpd.journal.store import timestamp

FORMAT = 2  # 1, of version 0.1: the foot counted `rows`


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries: from `since` up to but not including `until`; of one pump; of one session. None means any."""

    since: datetime | None = None
    until: datetime | None = None
    pump: str | None = None
    session: str | None = None

    @property
    def asked(self) -> dict[str, str]:
        """The filter as the head of the export states it; empty for the whole journal."""
        since, until = (timestamp(at) if at else None for at in (self.since, self.until))
        asked = {"since": since, "until": until, "pump": self.pump, "session": self.session}
        return {name: value for name, value in asked.items() if value is not None}


def export(reader: JournalReader, wanted: Filter) -> Iterator[str]:
    """The lines, without line ends, up to the newest entry when the last one is requested. Raises JournalError.

    The journal is read in pieces: a reader that pauses holds up neither the writer nor its checkpoints.
    """
    asked, gaps = wanted.asked, reader.gaps()
    yield line({"pumpd_journal": FORMAT, "filter": asked})
    at, count = START, 0
    for entry in reader.all():
        if entry.id != at.seq + 1 and (gap := gaps.get(entry.id - 1)) is not None:
            at = Anchor(gap.last, gap.hash)
        fits = (
            asked.get("since", "") <= entry.ts
            and ("until" not in asked or entry.ts < asked["until"])
            and asked.get("pump", entry.pump) == entry.pump
            and asked.get("session", entry.session) == entry.session
        )
        if fits:
            count += 1
            yield entry_line(entry, at.hash)
        at = Anchor(entry.id, entry.hash)
    yield line({"anchor": str(at), "entries": count})


def entry_line(entry: Record, previous: str) -> str:
    """The line of an entry. `previous`: the hash of the entry before it."""
    return line({"previous": previous, **_columns(entry)})


def _columns(entry: Record) -> dict[str, Any]:
    return {
        "id": entry.id,
        "ts": entry.ts,
        "mono_ns": entry.mono_ns,
        "boot": entry.boot,
        "pump": entry.pump,
        "session": entry.session,
        "kind": entry.written_kind,
        "body": entry.body,
        "hash": entry.hash,
    }


def line(fields: dict[str, Any]) -> str:
    """JSON without a line end."""
    return json.dumps(fields, ensure_ascii=False)
