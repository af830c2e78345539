"""One pump as it is spoken to: its driver while the port is open, who answered, and every byte on record (AUD-01).

Promises:
- After the port was lost and opened again `met` is false until the pump has said anew who it is (COM-10).
- What went over the line in a call is written down when the call ends, however it ends.
- Whoever watches the bytes keeps watching over lost connections.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from pumpd.control.infusions.identity import wrong_pump
from pumpd.control.infusions.line_record import LineRecord
from pumpd.pump import Done, Driver, DriverFamily, Identity, Outcome, Refused, Tap, Unknown
from pumpd.settings import PumpSettings

T = TypeVar("T")


class PumpLine:
    """`note_frame` writes a row of bytes; `idle` says whether looks that say the same again need one each."""

    def __init__(
        self,
        settings: PumpSettings,
        family: type[DriverFamily],
        record: LineRecord,
        note_frame: Callable[[Mapping[str, Any]], None],
        idle: Callable[[], bool],
    ) -> None:
        self._settings, self._family, self._record = settings, family, record
        self._note_frame, self._idle = note_frame, idle
        self.driver: Driver | None = None
        self.identity: Identity | None = None
        self._met_on = 0  # the driver's connection on which the pump was identified
        self._taps: list[Tap] = []

    @property
    def met(self) -> bool:
        return self.driver is not None and self.driver.connections == self._met_on

    async def open(self) -> str:
        """Open the port. Returns what is wrong, or nothing."""
        port = self._settings.port
        try:
            self.driver = await self._family.connect(port, self._settings.settings)
        except (OSError, ValueError) as error:
            said = str(error)
            return said if port in said else f"port {port}: {said}"
        for tap in (self._record.tap, *self._taps):
            if tap not in self.driver.taps:  # of a port that others have open it may be there already
                self.driver.taps.append(tap)
        return ""

    async def close(self) -> None:
        driver, self.driver = self.driver, None
        for body in self._record.rest():
            self._note_frame(body)
        if driver is not None:
            await driver.close()

    async def identify(self, driver: Driver) -> str:
        """Ask the pump who it is; `identity` is then that, or None. Returns what is wrong, or nothing."""
        self.identity, connection = None, driver.connections
        match await self.call(driver.identify()):
            case Done(value=identity):
                self.identity, self._met_on = identity, connection
                return wrong_pump(self._settings, identity)
            case Refused(reasons=reasons):
                return "; ".join(reasons)
            case Unknown(cause=cause):
                return f"no pump answers on {self._settings.port}: {cause}"

    async def call(self, call: Awaitable[Outcome[T]]) -> Outcome[T]:
        """Let a call of the driver end, and write down the bytes that went over the line meanwhile."""
        try:
            return await call
        finally:
            self.note_frames()

    def note_frames(self) -> None:
        for body in self.frames(idle=self._idle()):
            self._note_frame(body)

    def frames(self, *, idle: bool) -> list[Mapping[str, Any]]:
        """What is to be written of the line now, for a row of the caller's."""
        return self._record.take(idle=idle)

    def tap(self, hook: Tap) -> None:
        """Show the bytes of this pump's line from now on, over lost connections too, until `untap`."""
        self._taps.append(hook)
        if self.driver is not None:
            self.driver.taps.append(hook)

    def untap(self, hook: Tap) -> None:
        self._taps.remove(hook)
        if self.driver is not None and hook in self.driver.taps:
            self.driver.taps.remove(hook)
