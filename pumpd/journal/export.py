"""The journal as JSON Lines for somebody who has nothing of pumpd: how to verify it is in docs/reference/journal.md.

A head, a line for each row with the hash of the row before it, and a foot with the anchor of the newest row. A row's
`body` is its JSON as text, because that text is what was hashed.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pumpd.journal.records import START, Anchor
from pumpd.journal.store import JournalReader, timestamp

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: from `since` up to, not including, `until`; of one pump; of one session. None means any."""

    since: datetime | None = None
    until: datetime | None = None
    pump: str | None = None
    session: str | None = None

    @property
    def said(self) -> dict[str, str]:
        """What is asked for, as the head of the export has it; empty for the whole journal."""
        since, until = (timestamp(at) if at else None for at in (self.since, self.until))
        asked = {"since": since, "until": until, "pump": self.pump, "session": self.session}
        return {name: value for name, value in asked.items() if value is not None}


def export(reader: JournalReader, wanted: Filter) -> Iterator[str]:
    """The lines, without their ends, as the journal was when the first was asked for. Raises JournalError."""
    asked, removed = wanted.said, reader.removed()
    yield _line({"pumpd_journal": FORMAT, "filter": asked})
    at, count = START, 0
    for row in reader.all():
        if row.id != at.seq + 1 and row.id - 1 in removed:
            at = Anchor(row.id - 1, removed[row.id - 1].hash)
        fits = (
            asked.get("since", "") <= row.ts
            and ("until" not in asked or row.ts < asked["until"])
            and asked.get("pump", row.pump) == row.pump
            and asked.get("session", row.session) == row.session
        )
        if fits:
            count += 1
            yield _line({"previous": at.hash, **asdict(row)})
        at = Anchor(row.id, row.hash)
    yield _line({"anchor": str(at), "rows": count})


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False)
