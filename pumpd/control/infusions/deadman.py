"""One pump's deadman, as its service uses it: started in time, armed before a start, renewed, and disarmed.

Promises:
- A start leaves only once the deadman has answered that it is armed (`arm` returns no reason).
- Only the state machine's own renewals renew it. Only `disarm` disarms it, which polling calls once readings have
  confirmed that the pump stopped.
- `on_trouble` is called with the reason when one fails. From then on each renewal tries to arm it or a new one; when
  that succeeds, `on_trouble` is called with "". A lapsed lease is never armed again: the pump is then being stopped.

A driver without `stop_frames`, and a port in memory, have no deadman: then all of this does nothing.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog

from pumpd.infusion import events as ev
from pumpd.pump import Capabilities, Driver, LossOfControl
from pumpd.texts import of_error, text
from pumpd.wire import has_descriptor
from pumpd.wire.guard import Guard, GuardError

log = structlog.get_logger("pumpd.control")

FOUND_WITHIN_S = 3.0  # by then the previous control is gone, and the deadman has noticed
TRY_AGAIN_S = 0.05

Note = Callable[[str, Mapping[str, Any]], None]


def on_port(capabilities: Capabilities, port: str) -> Capabilities:
    """The capabilities on this port: a port without a descriptor has no deadman."""
    if has_descriptor(port):
        return capabilities
    return replace(
        capabilities,
        loss_of_control=tuple(each for each in capabilities.loss_of_control if each is not LossOfControl.DEADMAN),
    )


def deadman_event(why: str, capabilities: Capabilities | None, at_ns: int) -> ev.Event:
    """The event for a problem with the deadman; "" means that it works again."""
    native = capabilities is not None and LossOfControl.NATIVE in capabilities.loss_of_control
    return ev.DeadmanFailed(at_ns, why, alone=not native) if why else ev.DeadmanRestored(at_ns)


class PumpDeadman:
    """`path` is the socket on which the deadman is found after a restart; `note` writes a journal entry."""

    def __init__(self, port: str, path: Path, note: Note, on_trouble: Callable[[str], None]) -> None:
        self._port, self._path, self._note, self._on_trouble = port, path, note, on_trouble
        self._guard: Guard | None = None
        self._armed = False
        self._again: asyncio.Task[None] | None = None

    @property
    def armed(self) -> bool:
        """It will stop the pump unless it is renewed, or is stopping it already."""
        return self._armed

    async def take_over(self) -> None:
        """Find the one that a previous control left behind. It holds the port, and may be stopping the pump."""
        loop = asyncio.get_running_loop()
        end = loop.time() + FOUND_WITHIN_S
        while self._guard is None and self._path.is_socket():
            try:
                self._guard = await Guard.take_over(self._path, on_trouble=self._troubled)
            except GuardError as error:
                if loop.time() >= end:
                    log.warning("deadman_not_taken_over", socket=str(self._path), why=str(error))
                    return
                await asyncio.sleep(TRY_AGAIN_S)
            else:
                break  # found, or a socket that no process listens on any more
        report = self._guard and self._guard.report
        if report:
            if report.state != "idle":
                self._armed = True
            log.warning("deadman_found", socket=str(self._path), **asdict(report))
            self._note("deadman_found", asdict(report))

    async def prepare(self, driver: Driver) -> None:
        """Start one early, so that starting the pump need not wait for it. `arm` reports what goes wrong."""
        with contextlib.suppress(GuardError):
            await self._ready(driver)

    async def test(self, driver: Driver) -> bool:
        """Whether this pump has one on its port; it was then started and answers. Raises GuardError."""
        return await self._ready(driver) is not None

    async def arm(self, driver: Driver, until_s: float) -> str:
        """Arm it to stop the pump from that instant of the loop on. Returns why that failed, or an empty text."""
        try:
            guard = await self._ready(driver)
            if guard is not None:
                await guard.arm(until_s - asyncio.get_running_loop().time())
                self._armed = True
                self._note("deadman_armed", {})
        except GuardError as error:
            return text("deadman.why", "deadman: {why}", why=of_error(error))
        return ""

    async def _ready(self, driver: Driver) -> Guard | None:
        """A deadman with this driver's stop frames and port, or None where there is none. Raises GuardError."""
        stop, fd = driver.stop_frames, driver.fileno()
        if stop is None or not has_descriptor(self._port):
            return None
        if fd is None:
            raise GuardError(text("deadman.no_port", "the port is not open"))
        if self._guard is not None and not self._guard.ended:
            await self._guard.attach(fd)
            await self._guard.set_stop(stop.frames, gap_s=stop.gap_s)
        else:
            self._guard = await Guard.spawn(fd, stop.frames, self._path, gap_s=stop.gap_s, on_trouble=self._troubled)
        return self._guard

    def renew(self, driver: Driver | None, until_s: float) -> None:
        """Extend its lease to that instant of the loop."""
        loop = asyncio.get_running_loop()
        if not self.armed or self._guard is None or self._guard.renew(until_s - loop.time()):
            return
        if driver is not None and (self._again is None or self._again.done()):
            self._again = loop.create_task(self._arm_again(driver, until_s), name=f"arm {self._path.stem} again")

    async def _arm_again(self, driver: Driver, until_s: float) -> None:
        if not await self.arm(driver, until_s):
            log.info("deadman_restored", socket=str(self._path))
            self._on_trouble("")

    async def attach(self, driver: Driver) -> None:
        """The right pump was identified on the port: an armed deadman writes there from now on."""
        if not self.armed or self._guard is None:
            return
        try:
            if (fd := driver.fileno()) is not None:
                await self._guard.attach(fd)
        except GuardError as error:
            self._troubled(of_error(error))

    async def disarm(self) -> None:
        """The pump has stopped. A deadman that does not answer is asked again later; one that has ended is not.

        It ends, and the next one starts with a duplicate of the port as it is then.
        """
        if self._guard is not None and not self._guard.ended:
            try:
                await self._guard.stand_down()
            except GuardError as error:
                log.warning("deadman_not_disarmed", socket=str(self._path), why=str(error))
                return
        self._armed = False
        self._note("deadman_stood_down", {})
        await self.let_go()

    async def let_go(self) -> None:
        """End it before the port is closed, unless it is armed: otherwise it would keep the port open."""
        guard = self._guard
        if guard is not None and not self.armed:
            self._guard = None
            await guard.close()

    async def close(self) -> None:
        """Let it end. An armed one continues on its own until the next control finds it."""
        again, guard = self._again, self._guard
        if again is not None:
            again.cancel()
            await asyncio.wait({again})
        if guard is not None:
            await guard.close()

    def _troubled(self, why: str) -> None:
        """Report it a little later: this may be called while the state machine handles an event."""
        log.error("deadman_failed", socket=str(self._path), why=why)
        asyncio.get_running_loop().call_soon(self._on_trouble, why)
