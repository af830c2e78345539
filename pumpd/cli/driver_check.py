"""The bench check: with no patient connected, identify a pump, run a small volume, stop it, and verify that it stopped.

Promises:
- Nothing is started before the program was read back and is the intended one.
- It ends with a stop, whatever failed and even when interrupted, and reports what the pump is doing now.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pumpd.pump import (
    Done,
    Driver,
    Identity,
    Outcome,
    PumpProgram,
    PumpState,
    Reading,
    Refused,
    Unknown,
    no_flow_since,
    stopped,
)
from pumpd.quantities import NS_PER_S, Duration

T = TypeVar("T")

WATCHDOG = Duration(10)
STOP_TRIES = 3
WATCH_PERIOD_S = 0.25
RISES = 4  # of the volume counter before delivery counts as confirmed
LONGEST_WATCH_S = 60.0
NO_FLOW_S = 2.0  # between the two readings that confirm it (STP-04)
NO_FLOW_NS = int(NO_FLOW_S * NS_PER_S)

TO_DO = {
    "identify": "Check cable, power, address and baud rate of the pump, and that no other program uses the port.",
    "read": "Check the cable and the pump's display.",
    "load": "Check that the pump is stopped and that rate, volume and diameter suit it; then run the check again.",
    "read back": "Do not use this pump with this driver: it does not hold the program that was sent.",
    "start": "Check the pump. Run the check again only when it is stopped.",
    "watch": "Check the pump: syringe, plunger holder, line. Do not use it until the cause is found.",
    "stop": "Stop the pump at its own panel, or disconnect its power.",
    "verify": "Stop the pump at its own panel, or disconnect its power. Do not use it with this driver.",
    "release": "Switch the pump off and on again, so that its watchdog does not alarm later.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, whether it passed, and what the pump reported or what went wrong."""

    name: str
    passed: bool
    result: str


class StepFailedError(Exception):
    """The check cannot continue; the step is already in the list."""


@dataclass(slots=True)
class BenchCheck:
    """Run with `run`; then `steps`, `identity`, `native_lease` and `now` hold the result."""

    driver: Driver
    program: PumpProgram
    report: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    identity: Identity | None = None
    native_lease: bool = False  # as the driver declares, until the pump shows otherwise
    stopped: bool = False  # the pump confirmed the stop at the end
    now: Reading | None = None  # the last reading, None when the pump did not reply

    @property
    def failed(self) -> Step | None:
        return next((step for step in self.steps if not step.passed), None)

    async def run(self) -> None:
        try:
            await self._before_flow()
            await self._flow()
        except StepFailedError:
            pass
        finally:  # also when interrupted
            await self._stop_and_verify()

    async def _before_flow(self) -> None:
        self.identity = await self._do("identify", self.driver.identify(), _who)
        first = await self._do("read", self.driver.read(), _reading)
        if not first.state.no_flow:
            self._fail("read", f"the pump is already {first.state}")
        await self._do("load", self.driver.load(self.program), lambda _: _program(self.program))
        held = await self._do("read back", self.driver.read_back(), _program)
        if held != self.program:
            self._fail("read back", f"the pump holds {_program(held)}, not {_program(self.program)}")

    async def _flow(self) -> None:
        await self._do("start", self.driver.start(WATCHDOG), lambda _: f"the pump reports flow; {self._lease()}")
        try:
            result = await asyncio.wait_for(self._watch(), LONGEST_WATCH_S)
        except TimeoutError:
            self._fail("watch", f"no steady delivery within {LONGEST_WATCH_S:g} s; last: {self._last()}")
        else:
            self._pass("watch", result)

    async def _watch(self) -> str:
        """Wait until the counter has risen a few times, or the whole volume is delivered."""
        rises, before = 0, None
        while True:
            reading = self.now = await self._value("watch", self.driver.read())
            if reading.alarms:
                self._fail("watch", f"the pump alarms: {', '.join(reading.alarms)}")
            if reading.delivered > self.program.vtbi:
                self._fail("watch", f"{reading.delivered} delivered, {self.program.vtbi} programmed")
            if not reading.state.flowing:
                if reading.delivered == self.program.vtbi:
                    return f"whole volume delivered: {_reading(reading)}"
                self._fail("watch", f"the pump does not flow: {_reading(reading)}")
            if reading.state is not PumpState.INFUSING:
                self._fail("watch", f"the pump is {reading.state}, not infusing")
            rises += before is not None and reading.delivered > before
            if rises >= RISES:
                return f"counter rises: {_reading(reading)}"
            before = reading.delivered
            await asyncio.sleep(WATCH_PERIOD_S)

    async def _stop_and_verify(self) -> None:
        identified = self.identity is not None
        for left in reversed(range(STOP_TRIES if identified else 1)):
            outcome = await self.driver.stop()
            if isinstance(outcome, Done):
                self.stopped = True
                self._pass("stop", "confirmed by the pump")
                break
            if left == 0:
                self._note("stop", passed=False, result=_why(outcome))
        self.now = None
        if not identified:
            return
        try:
            first = await self._value("verify", self.driver.read())
            await asyncio.sleep(NO_FLOW_S)
            second = self.now = await self._value("verify", self.driver.read())
            since_ns = no_flow_since(no_flow_since(None, None, first), first, second)
            if not stopped(since_ns, second, NO_FLOW_NS):
                self._fail("verify", f"the pump has not stopped: {first.delivered}, then {_reading(second)}")
            self._pass("verify", f"no flow: {second.delivered}, unchanged after {NO_FLOW_S:g} s")
            await self._do("release", self.driver.release(), lambda _: "released, watchdog off")
        except StepFailedError:
            pass

    # -- steps -----------------------------------------------------------------------------------------------

    async def _do(self, name: str, work: Awaitable[Outcome[T]], describe: Callable[[T], str]) -> T:
        value = await self._value(name, work)
        found: bool | None = getattr(self.driver, "native_lease", None)
        self.native_lease = self.native_lease if found is None else found
        if isinstance(value, Reading):
            self.now = value
        self._pass(name, describe(value))
        return value

    async def _value(self, name: str, work: Awaitable[Outcome[T]]) -> T:
        outcome = await work
        if isinstance(outcome, Done):
            return outcome.value
        self._note(name, passed=False, result=_why(outcome))
        raise StepFailedError(name)

    def _pass(self, name: str, result: str) -> None:
        self._note(name, passed=True, result=result)

    def _fail(self, name: str, result: str) -> None:
        self._note(name, passed=False, result=result)
        raise StepFailedError(name)

    def _note(self, name: str, *, passed: bool, result: str) -> None:
        self.steps.append(Step(name, passed, result))
        self.report(self.steps[-1])

    def _lease(self) -> str:
        if self.native_lease:
            return f"the pump's own watchdog is armed ({WATCHDOG})"
        return "the pump has no watchdog: only the programmed volume would end its flow"

    def _last(self) -> str:
        return _reading(self.now) if self.now else "no reading"


def _who(identity: Identity) -> str:
    serial = f", serial {identity.serial}" if identity.serial else ", reports no serial number"
    return f"{identity.model}, firmware {identity.firmware}{serial}"


def _reading(reading: Reading) -> str:
    alarms = f", alarms: {', '.join(reading.alarms)}" if reading.alarms else ""
    return f"{reading.state}, {reading.rate}, {reading.delivered} delivered{alarms}"


def _program(program: PumpProgram) -> str:
    steps = ", then ".join(f"{step.volume} at {step.rate}" for step in program.steps)
    return f"{steps}, syringe {program.diameter}" if program.diameter else steps


def _why(outcome: Refused | Unknown) -> str:
    if isinstance(outcome, Refused):
        return "; ".join(outcome.reasons)
    return f"not known whether it was done: {outcome.cause}"


def pump_now(check: BenchCheck) -> str:
    """What the pump is doing now, for the end of the report."""
    if check.now is not None:
        return _reading(check.now)
    return "it confirmed a stop" if check.stopped else "not known: it does not reply"
