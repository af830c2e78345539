"""The monitor: measures its simulated patient once a second and publishes what it measured.

Blood pressure is measured by a cuff every few minutes, and is in the message of that measurement only.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pumpd_simulators.clock import Cancellable, LoopClock
from pumpd_simulators.faults import FaultError
from pumpd_simulators.monitor.faults import COURSES, SENSORS, Kind, MonitorFault
from pumpd_simulators.monitor.patient import Patient

Publish = Callable[[bytes, bool], None]
"""Called with a message, and whether the broker should store it."""

IMPOSSIBLE = 999  # beyond what any sensor can measure


class Monitor:
    def __init__(
        self,
        clock: LoopClock,
        publish: Publish,
        *,
        seed: int = 0,
        patient: str | None = None,
        cuff_s: float = 300.0,
        faults: Iterable[MonitorFault] = (),
        waits: bool = False,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`patient`: the token that messages carry; None: they carry none. `cuff_s`: between two blood pressures.
        `waits`: the times of faults count from `begin`, not from now.
        """
        self.clock = clock
        self._publish, self._wall = publish, wall
        self._patient, self._token, self._cuff_s = Patient(seed), patient, cuff_s
        self._active: dict[Kind, MonitorFault] = {}
        self._courses: dict[Kind, _CourseNow] = {}
        self._ends: dict[Kind, Cancellable] = {}
        self._waiting: dict[MonitorFault, Cancellable | None] = {}
        self._began_s = None if waits else clock.now()
        self._cuff_due_s = 0.0
        self._late: list[tuple[float, Cancellable]] = []  # messages under way
        self._held_back: bytes | None = None  # comes after the next message
        self._values: dict[str, int | None] = {}
        self._truth: dict[str, float] = {}
        self._last: dict[str, Any] | None = None
        self.messages = 0
        for fault in faults:
            self.fire(fault)
        self._next = clock.call_at(clock.now(), self._second)

    def shut(self) -> None:
        for call in (self._next, *self._waiting.values(), *self._ends.values(), *(late for _, late in self._late)):
            if call is not None:
                call.cancel()

    # -- faults -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The times of faults count from now. Has no effect when they count already."""
        if self._began_s is None:
            self._began_s = self.clock.now()
            for fault in self._waiting:
                self.fire(fault)

    def fire(self, fault: MonitorFault) -> None:
        """Arm a fault for its time; without one it comes now."""
        if fault.at_s is None:
            self._strike(fault)
        elif self._began_s is None:
            self._waiting[fault] = None
        else:
            self._waiting[fault] = self.clock.call_at(self._began_s + fault.at_s, lambda: self._strike(fault))

    def clear(self, kind: Kind) -> None:
        """End a fault; one that waits for its time stays armed."""
        if kind not in self._active:
            raise FaultError(f"{kind} is not active: there is nothing to end")
        self._end(kind)

    def _strike(self, fault: MonitorFault) -> None:
        self._waiting.pop(fault, None)
        if (end := self._ends.pop(fault.kind, None)) is not None:
            end.cancel()
        self._active[fault.kind] = fault
        if fault.kind in COURSES:
            self._courses.setdefault(fault.kind, _CourseNow(fault)).begin(fault, self.clock.now())
        if fault.duration_s is not None:
            self._ends[fault.kind] = self.clock.call_at(
                self.clock.now() + fault.duration_s, lambda: self._end(fault.kind)
            )

    def _end(self, kind: Kind) -> None:
        self._active.pop(kind, None)
        if (end := self._ends.pop(kind, None)) is not None:
            end.cancel()
        if kind in self._courses:
            self._courses[kind].end(self.clock.now())

    # -- measuring and publishing -------------------------------------------------------------------------------

    def _second(self) -> None:
        now = self.clock.now()
        self._next = self.clock.call_at(now + 1.0, self._second)
        self._truth = self._patient.second()
        for course in self._courses.values():
            course.change(self._truth, now)
        if Kind.FROZEN not in self._active:
            self._values = self._measured(now)
        self._send(self._message(self._values))

    def _measured(self, now: float) -> dict[str, int | None]:
        """What the sensors give."""
        values: dict[str, int | None] = {sign: round(value) for sign, value in self._truth.items()}
        if now >= self._cuff_due_s:
            self._cuff_due_s = now + self._cuff_s
        else:
            for sign in SENSORS["pressure"]:
                del values[sign]
        for kind, value in ((Kind.IMPOSSIBLE, IMPOSSIBLE), (Kind.SENSOR_OFF, None)):
            if (fault := self._active.get(kind)) is not None:
                values |= dict.fromkeys(fault.signs, value)
        return values

    def _message(self, values: dict[str, int | None]) -> bytes:
        message: dict[str, Any] = {}
        if Kind.NO_CLOCK not in self._active:
            clock = self._active.get(Kind.WRONG_CLOCK)
            shown = self._wall() + timedelta(seconds=clock.offset_s if clock else 0.0)
            message["ts"] = shown.isoformat(timespec="milliseconds")
        other = self._active.get(Kind.WRONG_PATIENT)
        if (token := other.patient if other else self._token) is not None:
            message["patient"] = token
        self._last = message | values
        return json.dumps(self._last).encode()

    def _send(self, message: bytes) -> None:
        active = self._active
        if Kind.SILENT in active:
            return
        if Kind.MALFORMED in active:
            message = message[:-1]
        if Kind.OUT_OF_ORDER in active and self._held_back is None:
            self._held_back = message
            return
        flood = active.get(Kind.FLOOD)
        for _ in range(flood.messages if flood else 2 if Kind.DUPLICATE in active else 1):
            self._send_one(message)
        if self._held_back is not None:
            self._send_one(self._held_back)
            self._held_back = None

    def _send_one(self, message: bytes) -> None:
        self.messages += 1
        retain = Kind.RETAINED in self._active
        if (late := self._active.get(Kind.DELAYED)) is None:
            self._publish(message, retain)
        else:
            self._late = [call for call in self._late if call[0] > self.clock.now()]
            due = self.clock.now() + late.delay_s
            self._late.append((due, self.clock.call_at(due, lambda: self._publish(message, retain))))

    def truth(self) -> dict[str, Any]:
        """The patient's true signs, and what was published last."""
        return {
            "simulated": True,
            "monitor_time_s": self.clock.now(),
            "signs": {sign: round(value, 1) for sign, value in self._truth.items()},
            "measured": self._last,
            "messages": self.messages,
            "faults": [str(fault) for fault in self._active.values()],
            "waiting_faults": [str(fault) for fault in self._waiting],
        }


class _CourseNow:
    """How far a course of illness has gone: from 0, none of it, to 1, at its value."""

    def __init__(self, fault: MonitorFault) -> None:
        self._course = fault.course
        self._part, self._then, self._ends_at = 0.0, 0.0, 0.0

    def begin(self, fault: MonitorFault, now: float) -> None:
        self._turn(now, towards=1.0)
        self._course = fault.course

    def end(self, now: float) -> None:
        self._turn(now, towards=0.0)

    def _turn(self, now: float, towards: float) -> None:
        self._part, self._then, self._ends_at = self._now(now), now, towards

    def _now(self, now: float) -> float:
        gone = (now - self._then) / self._course.over_s if self._course.over_s else 1.0
        if self._ends_at > self._part:
            return min(self._part + gone, self._ends_at)
        return max(self._part - gone, self._ends_at)

    def change(self, truth: dict[str, float], now: float) -> None:
        sign, part = self._course.sign, self._now(now)
        before = truth[sign]
        truth[sign] = before + part * (self._course.reaches - before)
        if sign == "systolic_mmhg" and before:
            truth["diastolic_mmhg"] *= truth[sign] / before
