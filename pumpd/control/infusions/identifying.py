"""A person at the pump shows which line it is on (COM-15).

Either by pulling its data cable and plugging it in again, or, where its driver can, by counting how often the pump
signals. A word alone would not show that.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import RefusedError
from pumpd.texts import text

TEST_S = 90.0  # for walking to the pump and pulling its cable
SETTLES_S = 3.0  # by then a line that went silent at the same time is noticed
LATELY_S = 120.0
LEAST_SIGNALS, MOST_SIGNALS = 2, 6


@dataclass(slots=True)
class _Test:
    """A person tests this pump's cable. `signals`: how often it has signalled; 0 when the cable is pulled."""

    pump: str
    by: str
    until_s: float
    signals: int
    settles: asyncio.TimerHandle | None = None  # its line was silent and a pump answers again


class PersonalCheck:
    """The one test that a person makes at a time on this gateway.

    `away` gives the names of the lines that have gone silent lately; `passed` is told the pump and the person.
    """

    def __init__(self, away: Callable[[], Sequence[str]], passed: Callable[[str, str], None]) -> None:
        self._loop, self._away, self._passed = asyncio.get_running_loop(), away, passed
        self._test: _Test | None = None
        self._result: dict[str, str] = {}  # by pump: what the last test of it showed

    def begin(self, pump: str, by: str, *, signals: bool = False) -> int:
        """Begin a test. Returns how often the pump must now signal; 0: pull its cable. Raises RefusedError."""
        test = self._running()
        if test is not None and test.pump != pump:
            left_s = test.until_s - self._loop.time()
            why = text(
                "identify.one_at_a_time",
                "{by} is identifying {pump}; one at a time, or nobody knows whose cable was pulled",
                by=test.by,
                pump=test.pump,
            )
            raise RefusedError(
                text(
                    "identify.ask_again",
                    "identify: {why}; ask again in {seconds} s at the latest",
                    why=why,
                    seconds=f"{left_s:.0f}",
                )
            )
        if away := self._away():
            raise RefusedError(
                text(
                    "identify.silent_a_moment_ago",
                    "identify: {pumps} went silent a moment ago; plug the cable in, then begin",
                    pumps=", ".join(away),
                )
            )
        self._end()
        count = LEAST_SIGNALS + secrets.randbelow(MOST_SIGNALS - LEAST_SIGNALS + 1) if signals else 0
        self._test = _Test(pump, by, self._loop.time() + TEST_S, count)
        self._result.pop(pump, None)
        return count

    def left_s(self, pump: str) -> float | None:
        """How long the test of this pump still waits; None when there is none."""
        test = self._running()
        return None if test is None or test.pump != pump else test.until_s - self._loop.time()

    def result(self, pump: str) -> str:
        """What the last test of this pump showed, if it failed."""
        return self._result.get(pump, "")

    def counted(self, pump: str, by: str, seen: int) -> str:
        """A person counted the signals. Returns why that identifies nothing; empty when the pump is identified."""
        test = self._running()
        if test is None or test.pump != pump or not test.signals:
            return text("identify.signal_first", "identify: let the pump signal first, then enter how often it did")
        self._end()
        if seen != test.signals:
            return text(
                "identify.wrong_count",
                "identify: that is not how often this line's pump signalled; it is another pump, or try once more",
            )
        self._passed(pump, by)
        return ""

    def came_back(self, pump: str) -> None:
        """A line was silent, and a pump of the right kind answers on it again.

        It counts once no other line has gone silent by a little later: both may have been moved at once.
        """
        test = self._running()
        if test is None or test.signals:
            return
        if pump != test.pump:
            self._end(
                text(
                    "identify.swapped",
                    "the cable that was pulled is on the port of {pump}: the cables are swapped",
                    pump=pump,
                )
            )
            return
        if test.settles is not None:
            test.settles.cancel()
        test.settles = self._loop.call_later(SETTLES_S, self._settled, test)

    def _settled(self, test: _Test) -> None:
        if others := self._away():
            self._end(
                text("identify.silent_too", "{pumps} went silent too: pull one cable only", pumps=", ".join(others))
            )
        else:
            self._end()
            self._passed(test.pump, test.by)

    def _running(self) -> _Test | None:
        if self._test is not None and self._test.settles is None and self._loop.time() >= self._test.until_s:
            self._end(text("identify.no_cable", "no cable was pulled in time"))
        return self._test

    def _end(self, result: str = "") -> None:
        test, self._test = self._test, None
        if test is not None and test.settles is not None:
            test.settles.cancel()
        if test is not None and result:
            self._result[test.pump] = result


class Identifying:
    """The pumps of a gateway whose own marks do not show which one each is, and the person who identifies them."""

    def __init__(self, runners: Mapping[str, PumpService]) -> None:
        self._runners = runners
        self.check = PersonalCheck(self._away, self._passed)

    async def identify(self, runner: PumpService, by: str, seen: int | None = None) -> PumpService:
        """Begin a test, or take the number of signals that the person counted. Raises RefusedError."""
        if runner.line.proven:
            raise RefusedError(
                text(
                    "identify.already",
                    "identify: {pump} is identified already, by {by}",
                    pump=runner.name,
                    by=runner.line.proved_by,
                )
            )
        if runner.family.monitor_only:
            raise RefusedError(
                text(
                    "identify.monitored",
                    "identify: {pump} is only monitored; nothing is ever started on it",
                    pump=runner.name,
                )
            )
        if not runner.line.identified:
            raise RefusedError(
                text(
                    "identify.not_answering",
                    "identify: {pump} does not answer now; plug its cable in, switch it on, then begin",
                    pump=runner.name,
                )
            )
        if seen is not None:
            if why := self.check.counted(runner.name, by, seen):
                raise RefusedError(why)
        elif count := self.check.begin(runner.name, by, signals=bool(runner.family.signals)):
            await runner.signal(count)
        return runner

    def to_do(self, runner: PumpService) -> str:
        """What a person must do now so that the pump is identified; empty when nothing."""
        if runner.line.proven or runner.family.monitor_only:
            return ""
        left_s = self.check.left_s(runner.name)
        if left_s is None:
            return self.check.result(runner.name) or text("identify.go", "go to the pump, then begin to identify it")
        if runner.family.signals:
            return text(
                "identify.count",
                "count: {signals}; enter how often, within {seconds} s",
                signals=runner.family.signals,
                seconds=f"{left_s:.0f}",
            )
        return text(
            "identify.pull",
            "at the pump, pull its data cable, wait 5 s, plug it in again, within {seconds} s",
            seconds=f"{left_s:.0f}",
        )

    def came_back(self, runner: PumpService) -> None:
        """The pump answers again after a silence, and has no mark of its own."""
        self.check.came_back(runner.name)

    def _away(self) -> list[str]:
        """A pump that has been silent for longer is switched off: its cable is not the one that is being moved."""
        silent = [runner for runner in self._runners.values() if not runner.line.identified]
        return [runner.name for runner in silent if runner.line.silent_s < LATELY_S]

    def _passed(self, pump: str, by: str) -> None:
        self._runners[pump].identified_by(by)
