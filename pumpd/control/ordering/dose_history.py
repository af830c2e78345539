"""What every patient has been given, from the journal (PRG-14, PRG-17, PRG-18, PWR-13, PWR-16).

Promises:
- The journal is read as soon as the gateway starts, in short pieces, on a thread. Neither a long journal nor a disk
  that hangs holds up a pump or a stop.
- An order waits briefly for the newest entries. After that it is refused, and not accepted later.
"""

import asyncio
import contextlib
from collections.abc import Collection
from pathlib import Path

import structlog

from pumpd.control.refused import RefusedError
from pumpd.dosing.correction import Between
from pumpd.dosing.history import Dose
from pumpd.host.own_thread import OwnThread
from pumpd.journal import Entry, JournalError, JournalReader, Record
from pumpd.journal.courses import Courses
from pumpd.journal.doses import Doses
from pumpd.journal.writer import JournalWriter

log = structlog.get_logger("pumpd.control")

PIECE = 500  # entries: some 3 ms on the loop
PAUSE_S = 0.005  # between two pieces at the start, when a pump may have to be stopped
WITHIN_S = 3.0


class DoseHistory:
    def __init__(self, path: Path, journal: JournalWriter) -> None:
        self._path, self._journal, self._doses = path, journal, Doses()
        self.courses = Courses()
        self._disk = OwnThread("dose history", self._next_piece)
        self._taking = asyncio.Lock()
        self.complete = False  # all that the journal held at the start was read

    async def run(self) -> None:
        """Read what the journal already holds, so that the first order need not wait for it."""
        try:
            more = True
            while more:
                more = await self._take_piece()
                await asyncio.sleep(PAUSE_S)
        except JournalError as error:
            log.error("dose_history_not_read", why=str(error))  # noqa: TRY400  # the next order tries again

    async def catch_up(self, *, flush: bool = True) -> None:
        """Read all that the journal holds now. `flush`: first write what was posted. Raises RefusedError."""
        try:
            async with asyncio.timeout(WITHIN_S):
                if flush:
                    await self._journal.append([])
                while await self._take_piece():
                    pass
        except TimeoutError as error:
            raise RefusedError("pumpd is still reading the earlier doses; ask again in a moment") from error
        except JournalError as error:
            raise RefusedError(f"journal: {error}; earlier doses are not known") from error

    async def record(self, entry: Entry) -> None:
        """Write an entry about earlier doses, and count with it from then on. Raises RefusedError."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._journal.append([entry])
        except (JournalError, TimeoutError) as error:
            why = str(error) or "the disk takes too long; see in the history whether it was recorded"
            raise RefusedError(f"journal: {why}") from error
        await self.catch_up(flush=False)

    def doses(self, live: Collection[str]) -> tuple[Dose, ...]:
        """Every patient's doses, as far as the journal has been read. `live`: the sessions under way."""
        return self._doses.all(live)

    def of_patient(self, patient: str, live: Collection[str]) -> tuple[Dose, ...]:
        """The same of one patient, which is much quicker with a long journal."""
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

    async def _take_piece(self) -> bool:
        """Whether there may be more."""
        async with self._taking:
            entries = await self._disk.result()
            try:
                self.courses.take(entries)
                self._doses.take(entries)
            except JournalError:
                raise
            except Exception as error:  # orders are refused; a crash loop while a pump flows would be worse
                log.exception("dose_history_not_understood")
                raise JournalError(f"journal {self._path}: pumpd cannot understand it: {error!r}") from error
        more = len(entries) == PIECE
        self.complete = self.complete or not more
        return more

    def _next_piece(self) -> list[Record]:
        """Blocks."""
        with contextlib.closing(JournalReader(self._path)) as reader:
            return reader.after(self._doses.last_id, PIECE)
