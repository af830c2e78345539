"""The line to one pump: its driver while the port is open, which pump answered, and a record of every byte (AUD-01).

Promises:
- `proven` is true for an identified pump that has shown which one it is, by its own mark or through a person, since
  the last time when `identified` was false (COM-15).
- `identified` is false after the port was opened again, after a silence longer than two polls, and after the pump
  reported a reset, until the pump has been identified again (COM-10): behind an adapter, a cable can be moved to
  another pump while the port stays open.
- The bytes of a call are recorded when the call ends, however it ends.
- A tap stays in place when a connection is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pumpd.control.infusions.identity import proof, wrong_pump
from pumpd.control.infusions.line_record import LineRecord
from pumpd.pump import Done, Driver, DriverFamily, Identity, Outcome, Refused, Tap, Unknown, mark_of, word
from pumpd.settings import PumpSettings
from pumpd.texts import listed, of_error, text

T = TypeVar("T")

SILENCE_S = 2.0  # two polls; the line does not get faster when clinical time does
LOST_AFTER_FAILURES = 2


class PumpLine:
    """`note_frame` writes an entry of bytes; `idle` says whether polls with the same bytes need one entry each.
    `may_note` is asked before bytes of an idle pump are written, which anyone can cause by a stop.

    `came_back` is called when a pump of the right kind answers after a silence, and has no mark of its own.
    """

    def __init__(
        self,
        settings: PumpSettings,
        family: type[DriverFamily],
        record: LineRecord,
        note_frame: Callable[[Mapping[str, Any]], None],
        idle: Callable[[], bool],
        may_note: Callable[[Mapping[str, Any]], bool],
        came_back: Callable[[], None],
    ) -> None:
        self._settings, self._family, self._record = settings, family, record
        self._note_frame, self._idle, self._may_note, self._came_back = note_frame, idle, may_note, came_back
        self.driver: Driver | None = None
        self.identity: Identity | None = None
        self.failures = 0  # questions without an answer, since the last reading
        self._identified_on: int | None = None  # the driver's connection on which the right pump was identified
        self._asked_on: int | None = None  # the connection on which identification was last tried
        self._other = False  # it identified itself as another pump
        self.proved_by = ""  # its mark, or the person who identified it
        self.unmarked = mark_of(family, settings.settings) is None  # until it answers: then, whether it showed its mark
        self._heard_s = 0.0  # when it last answered, in the loop's time
        self._taps: list[Tap] = []

    @property
    def missing(self) -> bool:
        """The pump did not answer the last polls."""
        return self.failures >= LOST_AFTER_FAILURES

    @property
    def silent_s(self) -> float:
        """Time since the pump last answered."""
        return asyncio.get_running_loop().time() - self._heard_s

    @property
    def identified(self) -> bool:
        """The configured pump is on the line, and has not been silent since it was identified."""
        if self.driver is None or self.driver.connections != self._identified_on:
            return False
        return asyncio.get_running_loop().time() - self._heard_s <= SILENCE_S

    @property
    def may_be_ours(self) -> bool:
        """Not known to be another pump, and asked to identify itself since the port was opened, answered or not."""
        return self.driver is not None and self.driver.connections == self._asked_on and not self._other

    @property
    def proven(self) -> bool:
        """It is known which pump answers."""
        return self.identified and bool(self.proved_by)

    def not_proven(self) -> str:
        """Why nothing may be started on this line now; empty when it is known which pump answers."""
        if not self.identified:
            return text("identity.again", "the pump did not answer for a while and must be identified again first")
        return (
            ""
            if self.proved_by
            else text("identity.not_shown", "nothing shows which pump answers; identify it, standing at the pump")
        )

    def doubt(self) -> None:
        """The pump reports something that a different pump would also report: it must be identified again."""
        self._identified_on = None

    def heard(self) -> bool:
        """Note an answer to a poll. False when the pump must be identified before the answer counts as its own."""
        if not self.identified:
            return False
        self.failures, self._heard_s = 0, asyncio.get_running_loop().time()
        return True

    def missed(self) -> None:
        self.failures += 1

    async def open(self) -> str:
        """Open the port. Returns what is wrong, or an empty text."""
        port = self._settings.port
        try:
            self.driver = await self._family.connect(port, self._settings.settings)
        except (OSError, ValueError) as error:
            why = of_error(error)
            return why if port in why else text("port.why", "port {port}: {why}", port=port, why=why)
        for tap in (self._record.tap, *self._taps):
            if tap not in self.driver.taps:  # a shared port has it already
                self.driver.taps.append(tap)
        return ""

    async def close(self) -> None:
        driver, self.driver, self._identified_on, self._asked_on = self.driver, None, None, None
        for body in self._record.rest():
            self._note_frame(body)
        if driver is not None:
            await driver.close()

    async def identify(self, driver: Driver) -> str:
        """Ask the pump to identify itself, and set `identity`, None without an answer. Returns what is wrong, or an
        empty text.
        """
        self.identity, self._identified_on, connection, self.proved_by = None, None, driver.connections, ""
        outcome = await self.call(driver.identify())
        self._asked_on, self._other = connection, False
        match outcome:
            case Done(value=identity):
                self.identity = identity
                if wrong := wrong_pump(self._settings, identity):
                    self._other = True
                    return wrong
                self._identified_on, self._heard_s = connection, asyncio.get_running_loop().time()
                mark = proof(self._family, self._settings, identity)
                self.unmarked = mark is None
                self.proved_by = "" if mark is None else word(mark)
                if not self.proved_by:
                    self._came_back()
                return ""
            case Refused(reasons=reasons):
                return listed(reasons)
            case Unknown(cause=cause):
                return text(
                    "identity.none", "no pump was identified on {port}: {cause}", port=self._settings.port, cause=cause
                )

    async def read_clock(self, driver: Driver) -> None:
        """Ask a pump that reports its time for the present one. Another pump must be identified."""
        match await self.ask(driver.identify()):
            case Done(value=identity) if identity == self.identity:
                self.identity = identity
            case Done() | Refused():
                self.doubt()
            case Unknown():
                pass

    async def ask(self, call: Awaitable[Outcome[T]]) -> Outcome[T]:
        """Make a call that counts as a failed poll when it gets no answer."""
        outcome = await self.call(call)
        if isinstance(outcome, Unknown):
            self.missed()
        return outcome

    async def call(self, call: Awaitable[Outcome[T]]) -> Outcome[T]:
        """Make a call of the driver, and record the bytes that go over the line meanwhile.

        A long call may hide a silence, so a reply after one does not prove which pump gave it.
        """
        try:
            outcome = await call
        finally:
            self.note_frames()
        if self.identified and isinstance(outcome, Done):
            self._heard_s = asyncio.get_running_loop().time()
        return outcome

    def note_frames(self) -> None:
        for body in self.frames(idle=self._idle()):
            self._note_frame(body)

    def frames(self, *, idle: bool) -> list[Mapping[str, Any]]:
        """What is now to be recorded of the line, for an entry that the caller writes."""
        return self._record.take(idle=idle, may=self._may_note)

    def tap(self, hook: Tap) -> None:
        """Pass on the bytes of this pump's line from now on, also after lost connections, until `untap`."""
        self._taps.append(hook)
        if self.driver is not None:
            self.driver.taps.append(hook)

    def untap(self, hook: Tap) -> None:
        self._taps.remove(hook)
        if self.driver is not None and hook in self.driver.taps:
            self.driver.taps.remove(hook)
