"""What one pump writes to the journal: each entry has the pump's name, the session of its infusion, and the instant."""

from collections.abc import Mapping, Sequence
from typing import Any

from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter


class PumpJournal:
    """`session` is that of the infusion on the pump; empty before the first one."""

    def __init__(self, pump: str, journal: JournalWriter, clock: Clock) -> None:
        self.pump, self.session = pump, ""
        self._journal, self._clock = journal, clock

    def entry(self, kind: str, body: Mapping[str, Any], session: str | None = None) -> Entry:
        return Entry(kind, body, self.pump, self.session if session is None else session, self._clock.monotonic_ns())

    def note(self, kind: str, body: Mapping[str, Any]) -> None:
        self.post([self.entry(kind, body)])

    def note_of(self, session: str, kind: str, body: Mapping[str, Any]) -> None:
        """An entry for a session other than the present one; empty for none."""
        self.post([self.entry(kind, body, session)])

    def post(self, entries: Sequence[Entry]) -> None:
        """Write them soon, in this order."""
        self._journal.post(entries)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write them; they are on disk when this returns. Raises JournalError."""
        await self._journal.append(entries)
