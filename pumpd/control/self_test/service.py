"""The self-test before each session: signals, stop button, clock, disk, watchdog, deadman and stop path (STA-09).

Promises:
- All tests run at the same time and end within `WITHIN_S`. One that fails, or takes longer, refuses the order.
- The stop is a real one, sent as any other. It goes only to a pump that is identified, idle and without an infusion.
- Whatever a machine does not have is `absent`, which is shown and refuses nothing.
- A defect in a test is a failed test.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from pumpd.control.alarms.sounder import Sounder
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.local_signals.lines import Line
from pumpd.control.local_signals.service import LocalSignals
from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter
from pumpd.messages.state import SelfTestResult, SelfTestState
from pumpd.notify import watchdog_interval_s
from pumpd.texts import listed, of_error, text
from pumpd.wire.guard import GuardError

log = structlog.get_logger("pumpd.control")

WITHIN_S = 3.0  # an order as a whole may take 4 s
DISK_WITHIN_S = 2.0
STOP_WITHIN_S = 2.0
HARDWARE_WATCHDOG = Path("/sys/class/watchdog/watchdog0/state")


class FailedError(Exception):
    """What was tested does not work."""


class AbsentError(Exception):
    """Something that this machine does not have."""


class SelfTest:
    def __init__(
        self,
        gate: StartGate,
        sounders: Sequence[Sounder],
        local: LocalSignals | None,
        journal: JournalWriter,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.last: dict[str, SelfTestState] = {}  # by pump
        self._gate, self._sounders, self._journal, self._clock = gate, sounders, journal, clock
        self._local = local
        self._changed = changed
        self._fed_ns = clock.loop_ns()

    def watchdog_fed(self) -> None:
        """Systemd was just sent a sign of life."""
        self._fed_ns = self._clock.loop_ns()

    async def run(self, pump: PumpService, by: str) -> SelfTestState:
        """Test everything for this pump. Raises RefusedError for a pump that is not to be tested."""
        if pump.family.monitor_only:
            raise RefusedError(
                text(
                    "self_test.monitored",
                    "self-test: {pump} is only monitored; nothing is ever started on it",
                    pump=pump.name,
                )
            )
        if pump.active:
            raise RefusedError(
                text(
                    "self_test.has_infusion",
                    "self-test: {pump} has an infusion; it is tested before the next one",
                    pump=pump.name,
                )
            )
        tests: dict[str, Awaitable[str]] = {
            "speaker": self._speaker(),
            "stop_button": self._stop_button(),
            "clock": self._time(pump),
            "disk": self._disk(pump, by),
            "watchdog": self._watchdog(),
            "hardware_watchdog": self._hardware_watchdog(),
            "deadman": _deadman(pump),
            "stop_path": _stop_path(pump),
        }
        results = await asyncio.gather(*(_result(what, test) for what, test in tests.items()))
        found = SelfTestState(
            ts=timestamp(self._clock.now()),
            passed=all(each["state"] != "failed" for each in results),
            results=list(results),
        )
        self.last[pump.name] = found
        body = {"by": by, "passed": found["passed"], "results": found["results"]}
        self._journal.post([Entry("self_test", body, pump.name, "", self._clock.monotonic_ns())])
        self._changed()
        return found

    async def _speaker(self) -> str:
        if not self._sounders:
            raise AbsentError(
                text("self_test.no_output", "no alarm output is configured: only the pump and the tablets sound")
            )
        if wrong := [why for each in self._sounders if (why := each.test())]:
            raise FailedError(listed(wrong))
        return text("self_test.outputs_work", "each alarm output, a buzzer or a light, was switched on and read back")

    async def _stop_button(self) -> str:
        if self._local is None or not self._local.has(Line.STOP_BUTTON):
            raise AbsentError(
                text("self_test.no_button", "no stop button is configured: stop at a tablet or at the pump")
            )
        if why := self._local.test_button():
            raise FailedError(why)
        return text("self_test.button_works", "its line is read, and it is not pressed")

    async def _time(self, pump: PumpService) -> str:
        begun = self._clock.loop_ns()
        await asyncio.sleep(0.001)
        if self._clock.loop_ns() <= begun:
            raise FailedError(text("self_test.clock_stopped", "the monotonic clock does not run: restart the gateway"))
        if reasons := self._gate.clock_objections(pump):
            raise FailedError(listed(reasons))
        return text("self_test.clock_works", "it runs, and the gateway has no objection to its time")

    async def _disk(self, pump: PumpService, by: str) -> str:
        entry = Entry("self_test_begun", {"by": by}, pump.name, "", self._clock.monotonic_ns())
        try:
            async with asyncio.timeout(DISK_WITHIN_S):
                await self._journal.append([entry])
        except TimeoutError as error:
            raise FailedError(
                text(
                    "self_test.not_on_disk",
                    "an entry was not on disk after {seconds} s; see what the disk does",
                    seconds=f"{DISK_WITHIN_S:g}",
                )
            ) from error
        except JournalError as error:
            raise FailedError(
                text("self_test.not_recorded", "{why}; nothing is started that cannot be recorded", why=error)
            ) from error
        return text("self_test.disk_works", "an entry of the journal was written and synced")

    async def _watchdog(self) -> str:
        every_s = watchdog_interval_s()
        if every_s is None:
            raise AbsentError(text("self_test.systemd_absent", "systemd does not watch this process"))
        silent_s = (self._clock.loop_ns() - self._fed_ns) / 1e9
        if silent_s > 2 * every_s:
            raise FailedError(
                text(
                    "self_test.systemd_silent",
                    "systemd was last sent a sign of life {seconds} s ago: read the log of control",
                    seconds=f"{silent_s:.0f}",
                )
            )
        return text("self_test.systemd_works", "systemd is sent signs of life in time")

    async def _hardware_watchdog(self) -> str:
        if _hardware_watchdog_state() != "active":
            raise AbsentError(text("self_test.watchdog_absent", "this machine has none, or does not use it"))
        return text("self_test.watchdog_works", "it is active")


_NAMES = {
    "speaker": text("self_test.speaker", "speaker"),
    "stop_button": text("self_test.stop_button", "stop button"),
    "clock": text("self_test.clock", "clock"),
    "disk": text("self_test.disk", "disk"),
    "watchdog": text("self_test.watchdog", "watchdog"),
    "hardware_watchdog": text("self_test.hardware_watchdog", "hardware watchdog"),
    "deadman": text("self_test.deadman", "deadman"),
    "stop_path": text("self_test.stop_path", "stop path"),
}


def _hardware_watchdog_state() -> str:
    try:
        return HARDWARE_WATCHDOG.read_text().strip()
    except OSError:
        return ""


async def _deadman(pump: PumpService) -> str:
    try:
        there = await pump.test_deadman()
    except GuardError as error:
        raise FailedError(of_error(error)) from error
    if not there:
        raise AbsentError(text("self_test.deadman_absent", "this pump has none on this port"))
    return text("self_test.deadman_works", "it was started, has the pump's stop and port, and answers")


async def _stop_path(pump: PumpService) -> str:
    if why := await pump.test_stop(STOP_WITHIN_S):
        raise FailedError(why)
    return text("self_test.stop_works", "a stop was sent, and the pump confirmed it")


async def _result(what: str, test: Awaitable[str]) -> SelfTestResult:
    try:
        async with asyncio.timeout(WITHIN_S):
            return SelfTestResult(what=what, state="passed", detail=await test)
    except AbsentError as error:
        return SelfTestResult(what=what, state="absent", detail=of_error(error))
    except FailedError as error:
        return SelfTestResult(what=what, state="failed", detail=of_error(error))
    except TimeoutError:
        return SelfTestResult(
            what=what,
            state="failed",
            detail=text("self_test.no_result", "no result within {seconds} s", seconds=f"{WITHIN_S:g}"),
        )
    except Exception as error:  # a defect in a test proves nothing about what it tests
        log.exception("self_test_failed", what=what)
        return SelfTestResult(
            what=what, state="failed", detail=text("pump.failed", "pumpd failed: {error}", error=repr(error))
        )


def reasons(found: SelfTestState) -> list[str]:
    """Why nothing may be ordered after this test; empty when it passed."""
    return [
        text(
            "self_test.result",
            "self-test: {what}: {detail}",
            what=_NAMES[each["what"]],
            detail=each["detail"],
        )
        for each in found["results"]
        if each["state"] == "failed"
    ]
