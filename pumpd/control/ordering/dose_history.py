"""What patients have been given, from the journal (PRG-14, PRG-17, PRG-18, PWR-13, PWR-16).

Promises:
- Only what is asked for is read, by index, on a thread: neither a long journal nor a disk that hangs holds up a pump or
  a stop, and the first order of a year-old gateway is as quick as any.
- An order waits briefly for the newest entries of its patient. After that it is refused, and not accepted later.
- While the patient of any order or course cannot be read, every order is refused: it could be that patient's.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from pumpd.control.refused import RefusedError
from pumpd.dosing.correction import Between
from pumpd.dosing.history import SUSPECT_AFTER, Dose
from pumpd.host.own_thread import OwnThread
from pumpd.journal import Entry, JournalError, JournalReader, Record
from pumpd.journal.courses import Courses
from pumpd.journal.doses import ORDERED, Doses
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter
from pumpd.texts import of_error, text

log = structlog.get_logger("pumpd.control")

PIECE = 500  # entries: some 3 ms on the loop
AROUND = 200  # orders before and after a dose; its instants lie between those whose times are possible
WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to read: all of a patient, or of these sessions, or of the sessions dated after a time, or of the orders
    around one.
    """

    patient: str = ""
    sessions: frozenset[str] = frozenset()
    dated_after: str = ""
    around: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    entries: list[Record] = field(default_factory=list)
    courses: list[Record] = field(default_factory=list)


class DoseHistory:
    def __init__(self, path: Path, journal: JournalWriter, others: Collection[str] = ()) -> None:
        """`others`: sessions whose doses the order of any patient needs."""
        self._path, self._journal, self._others = path, journal, frozenset(others)
        self._doses = Doses()
        self.courses = Courses()
        self._wanted = _Wanted()
        self._disk = OwnThread("dose history", lambda: self._read(self._wanted))
        self._taking = asyncio.Lock()
        self._known: dict[str, int] = {}  # by patient in lower case: the last order or course that was read

    async def run(self, patients: Iterable[str] = ()) -> None:
        """Read what these patients were given, so that nothing need wait for it."""
        try:
            for patient in patients:
                await self._take(_Wanted(patient))
            await self._take(_Wanted())
        except JournalError as error:
            log.error("dose_history_not_read", why=str(error))  # noqa: TRY400  # the next order tries again

    def knows(self, patient: str) -> bool:
        """Whether the doses of this patient were read."""
        return patient.casefold() in self._known

    async def catch_up(self, patient: str, *, flush: bool = True) -> None:
        """Read what the journal holds about this patient now. `flush`: first write what was posted.

        Raises RefusedError.
        """
        await self._in_time(_Wanted(patient), flush=flush)

    async def catch_up_session(self, session: str) -> None:
        """The same for the dose of one session, and for the orders around it. Raises RefusedError."""
        await self._in_time(_Wanted(sessions=frozenset({session})))
        if (number := self._doses.number(session)) is not None:
            await self._in_time(_Wanted(around=number))

    async def suspects(self, now: datetime, live: Collection[str]) -> tuple[Dose, ...]:
        """The doses of all patients with instants so far in the future that they say nothing. Raises RefusedError."""
        bound = timestamp(datetime.fromtimestamp(now.timestamp() + SUSPECT_AFTER.ns / 1e9, now.tzinfo))
        await self._in_time(_Wanted(dated_after=bound))
        now_ns = int(now.timestamp() * 1e9)
        return tuple(dose for dose in self._doses.all(live) if dose.suspect(now_ns))

    async def record(self, entry: Entry, patient: str) -> None:
        """Write an entry about this patient's doses, and count with it from then on. Raises RefusedError."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._journal.append([entry])
        except (JournalError, TimeoutError) as error:
            why = of_error(error) or text(
                "journal.see_in_history", "the disk takes too long; see in the history whether it was recorded"
            )
            raise RefusedError(text("journal.why", "journal: {cause}", cause=why)) from error
        await self.catch_up(patient, flush=False)

    def of_patient(self, patient: str, live: Collection[str]) -> tuple[Dose, ...]:
        """The patient's doses, as far as they were read. `live`: the sessions under way."""
        return self._doses.of_patient(patient, live)

    def of_sessions(self, sessions: Collection[str], live: Collection[str]) -> tuple[Dose, ...]:
        """The same of these sessions."""
        return self._doses.of_sessions(sessions, live)

    def possible(self, session: str, now_ns: int) -> Between:
        """When this dose can have begun, by the order of the entries. Raises KeyError."""
        return self._doses.possible(session, now_ns)

    def corrected(self, session: str) -> bool:
        """Whether two people have corrected when this dose began. Raises KeyError."""
        return self._doses.corrected(session)

    async def _in_time(self, wanted: _Wanted, *, flush: bool = True) -> None:
        """Raises RefusedError."""
        try:
            async with asyncio.timeout(WITHIN_S):
                if flush:
                    await self._journal.append([])
                await self._take(wanted)
        except TimeoutError as error:
            raise RefusedError(
                text("history.still_reading", "pumpd is still reading the earlier doses; ask again in a moment")
            ) from error
        except JournalError as error:
            raise RefusedError(
                text("journal.doses_unknown", "journal: {why}; earlier doses are not known", why=error)
            ) from error

    async def _take(self, wanted: _Wanted) -> None:
        """Raises JournalError."""
        async with self._taking:
            self._wanted = wanted
            found = await self._disk.result()
            try:
                for at in range(0, len(found.entries), PIECE):
                    self._doses.take(found.entries[at : at + PIECE])
                    await asyncio.sleep(0)
                self.courses.take(found.courses)
            except JournalError:
                raise
            except Exception as error:  # orders are refused; a crash loop while a pump flows would be worse
                log.exception("dose_history_not_understood")
                raise JournalError(f"journal {self._path}: pumpd cannot understand it: {error!r}") from error
            if wanted.patient:
                last = max((entry.id for entry in found.courses), default=0)
                whose = wanted.patient.casefold()
                self._known[whose] = max(last, self._known.get(whose, 0))

    def _read(self, wanted: _Wanted) -> _Read:
        """Blocks. Raises JournalError."""
        with contextlib.closing(JournalReader(self._path)) as reader:
            if (unreadable := reader.about_nobody()) is not None:
                what = f"the patient of entry {unreadable.id} ({unreadable.kind}) cannot be read"
                raise JournalError(f"journal {self._path}: {what}, so a dose would be missing")
            sessions = set(wanted.sessions | self._others)
            about = []
            if wanted.patient:
                about = reader.about(wanted.patient, self._known.get(wanted.patient.casefold(), 0))
                sessions |= {entry.session for entry in about if entry.kind == ORDERED}
                sessions |= set(self._doses.sessions_of(wanted.patient))
            if wanted.dated_after:
                sessions |= set(reader.sessions_dated_after(wanted.dated_after))
            if wanted.around:
                sessions |= {entry.session for entry in reader.around(wanted.around, ORDERED, AROUND)}
            return _Read([entry for each in sorted(sessions) for entry in self._of_session(reader, each)], about)

    def _of_session(self, reader: JournalReader, session: str) -> list[Record]:
        """What is new of a session: its few entries, and the last reading before its end."""
        after = self._doses.taken(session)
        entries = reader.kept_of(session, after)
        if not after and not any(entry.kind == ORDERED for entry in entries):
            return []
        end = next((entry.id for entry in entries if entry.kind == "infusion_ended"), None)
        reading = None if self._doses.ended(session) else reader.last_reading(session, end)
        if end is None:  # once more, so that nothing is missing that was written before that reading
            entries = reader.kept_of(session, after)
        if reading is not None and reading.id > after:
            entries.append(reading)
        return sorted(entries, key=lambda entry: entry.id)
