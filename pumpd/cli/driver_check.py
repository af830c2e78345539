"""The bench check: bring a pump up step by step with nobody connected, run a small volume, stop it, check the stop.

Promises:
- Nothing is started before what the pump holds was read back and is what was asked for.
- It ends in a stop, whatever failed and also when it is interrupted, and says what the pump does now.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pumpd.pump import Done, Driver, Identity, Outcome, PumpProgram, PumpState, Reading, Refused, Unknown
from pumpd.quantities import Duration

T = TypeVar("T")

WATCHDOG = Duration(10)
STOP_TRIES = 3
WATCH_PERIOD_S = 0.25
RISES = 4  # of the volume counter, before delivery counts as seen
LONGEST_WATCH_S = 60.0
STANDSTILL_S = 2.0  # between the two readings that show it (STP-04)

TO_DO = {
    "identify": "Check cable, power, address and baud rate of the pump, and that no other program speaks to it.",
    "read": "Check the cable, and read the pump's display.",
    "load": "See that the pump is stopped and that rate, volume and diameter suit it; then run the check again.",
    "read back": "Do not use this pump with this driver: it does not hold the program that it was given.",
    "start": "Go to the pump. Run the check again only when it has stopped.",
    "watch": "Look at the pump: syringe, plunger holder, line. Do not use it before the cause is found.",
    "stop": "Stop the pump at its own panel, or take its power away.",
    "verify": "Stop the pump at its own panel, or take its power away. Do not use it with this driver.",
    "release": "Switch the pump off and on again, so that its watchdog does not alarm later.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, whether it passed, and what the pump reported or what went wrong."""

    name: str
    passed: bool
    said: str


class StepFailedError(Exception):
    """The check cannot go on; the step is already in the list."""


@dataclass(slots=True)
class BenchCheck:
    """Run with `run`; then `steps`, `identity`, `native_lease` and `now` hold the result."""

    driver: Driver
    program: PumpProgram
    report: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    identity: Identity | None = None
    native_lease: bool = False  # what the driver declares, until it reports what is true
    stopped: bool = False  # the pump confirmed the stop at the end
    now: Reading | None = None  # the reading at the end, None when the pump did not answer

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
            await self._stand_still()

    async def _before_flow(self) -> None:
        self.identity = await self._do("identify", self.driver.identify(), _who)
        first = await self._do("read", self.driver.read(), _reading)
        if first.state.flowing:
            self._fail("read", f"the pump is {first.state} already")
        await self._do("load", self.driver.load(self.program), lambda _: _program(self.program))
        held = await self._do("read back", self.driver.read_back(), _program)
        if held != self.program:
            self._fail("read back", f"the pump holds {_program(held)}, not {_program(self.program)}")

    async def _flow(self) -> None:
        await self._do("start", self.driver.start(WATCHDOG), lambda _: f"the pump says that it flows; {self._lease()}")
        try:
            said = await asyncio.wait_for(self._watch(), LONGEST_WATCH_S)
        except TimeoutError:
            self._fail("watch", f"no steady delivery within {LONGEST_WATCH_S:g} s; last: {self._last()}")
        else:
            self._pass("watch", said)

    async def _watch(self) -> str:
        """See the counter rise a few times, or the whole volume given."""
        rises, before = 0, None
        while True:
            reading = self.now = await self._value("watch", self.driver.read())
            if reading.alarms:
                self._fail("watch", f"the pump alarms: {', '.join(reading.alarms)}")
            if reading.delivered > self.program.vtbi:
                self._fail("watch", f"{reading.delivered} delivered, {self.program.vtbi} programmed")
            if not reading.state.flowing:
                if reading.delivered == self.program.vtbi:
                    return f"whole volume given: {_reading(reading)}"
                self._fail("watch", f"the pump does not flow: {_reading(reading)}")
            if reading.state is not PumpState.INFUSING:
                self._fail("watch", f"the pump is {reading.state}, not infusing")
            rises += before is not None and reading.delivered > before
            if rises >= RISES:
                return f"counter rises: {_reading(reading)}"
            before = reading.delivered
            await asyncio.sleep(WATCH_PERIOD_S)

    async def _stand_still(self) -> None:
        met = self.identity is not None
        for left in reversed(range(STOP_TRIES if met else 1)):
            outcome = await self.driver.stop()
            if isinstance(outcome, Done):
                self.stopped = True
                self._pass("stop", "confirmed by the pump")
                break
            if left == 0:
                self._note("stop", passed=False, said=_why(outcome))
        self.now = None
        if not met:
            return
        try:
            first = await self._value("verify", self.driver.read())
            await asyncio.sleep(STANDSTILL_S)
            second = self.now = await self._value("verify", self.driver.read())
            if first.state.flowing or second.state.flowing or first.delivered != second.delivered:
                self._fail("verify", f"the pump has not stopped: {first.delivered}, then {_reading(second)}")
            self._pass("verify", f"stopped: {second.delivered}, unchanged after {STANDSTILL_S:g} s")
            await self._do("release", self.driver.release(), lambda _: "given back, watchdog off")
        except StepFailedError:
            pass

    # -- steps -----------------------------------------------------------------------------------------------

    async def _do(self, name: str, work: Awaitable[Outcome[T]], say: Callable[[T], str]) -> T:
        value = await self._value(name, work)
        told: bool | None = getattr(self.driver, "native_lease", None)
        self.native_lease = self.native_lease if told is None else told
        if isinstance(value, Reading):
            self.now = value
        self._pass(name, say(value))
        return value

    async def _value(self, name: str, work: Awaitable[Outcome[T]]) -> T:
        outcome = await work
        if isinstance(outcome, Done):
            return outcome.value
        self._note(name, passed=False, said=_why(outcome))
        raise StepFailedError(name)

    def _pass(self, name: str, said: str) -> None:
        self._note(name, passed=True, said=said)

    def _fail(self, name: str, said: str) -> None:
        self._note(name, passed=False, said=said)
        raise StepFailedError(name)

    def _note(self, name: str, *, passed: bool, said: str) -> None:
        self.steps.append(Step(name, passed, said))
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
    """What the pump is doing, for the end of the report."""
    if check.now is not None:
        return _reading(check.now)
    return "it confirmed a stop" if check.stopped else "not known: it does not answer"
