"""A driver on a simulated pump, both on one loop in virtual time, with the true state of plant and wire."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from pumpd.pump import Capabilities, Done, Driver, Identity, Outcome, PumpProgram, Reading, StopFrames
from pumpd.quantities import Duration
from pumpd.wire import memory
from pumpd_simulators.conformance.subject import Subject
from pumpd_simulators.conformance.wire import TO_PUMP, VERY_LATE_S, Trouble, Wire
from pumpd_simulators.plant import Plant
from pumpd_simulators.virtual_time import VirtualTimeLoop

LONGEST_CALL_S = 120.0  # virtual; a longer call counts as hung
FLOW_BEGINS_S = 5.0
RECONNECTED_S = 60.0
CALM_S = VERY_LATE_S + 1.0

_names = itertools.count()


class Rig:
    def __init__(self, subject: Subject, wire: Wire, name: str, driver: Driver) -> None:
        self.subject, self.wire, self.name, self.driver = subject, wire, name, driver
        self._before_load_ml = 0.0
        self._counted = self._starts = 0  # packets sent that were counted; the starts among them

    # -- the truth -----------------------------------------------------------------------------------------------

    @property
    def plant(self) -> Plant:
        return self.wire.pump.units[self.subject.unit - 1].plant

    @property
    def flows(self) -> bool:
        return self.plant.truth().running

    @property
    def given_ml(self) -> float:
        """The volume really delivered since the program was loaded."""
        return self.plant.truth().delivered_ml - self._before_load_ml

    @property
    def starts(self) -> int:
        new = self.wire.sent[self._counted :]
        self._counted += len(new)
        self._starts += sum(map(self.subject.is_start, new))
        return self._starts

    @property
    def watchdog(self) -> Duration:
        return Duration(self.subject.watchdog_s or 10)

    @property
    def capabilities(self) -> Capabilities:
        return self.subject.family.capabilities(self.subject.container, self.subject.settings)

    # -- calls ---------------------------------------------------------------------------------------------------

    async def call(self, name: str, program: PumpProgram | None = None) -> Outcome[Any]:
        """Any call by its name, `load` with the subject's program unless another is given."""
        arguments: tuple[Any, ...] = ()
        if name == "load":
            self._before_load_ml = self.plant.truth().delivered_ml
            arguments = (program or self.subject.program,)
        elif name == "start":
            arguments = (self.watchdog,)
        try:
            async with asyncio.timeout(LONGEST_CALL_S):
                outcome: Outcome[Any] = await getattr(self.driver, name)(*arguments)
        except TimeoutError as error:
            raise AssertionError(f"{name} did not end within {LONGEST_CALL_S:g} s") from error
        return outcome

    async def must(self, name: str, program: PumpProgram | None = None) -> Any:
        outcome = await self.call(name, program)
        assert isinstance(outcome, Done), f"{name} should be done on a good line, but the outcome is {outcome}"
        return outcome.value

    async def identify(self) -> Identity:
        identity: Identity = await self.must("identify")
        return identity

    async def read(self) -> Reading:
        reading: Reading = await self.must("read")
        return reading

    async def ready(self) -> None:
        await self.must("identify")
        await self.must("load")

    async def run(self) -> None:
        """Identify, load and start the pump, until the plant flows."""
        await self.ready()
        await self.must("start")
        assert await self.until(lambda: self.flows, FLOW_BEGINS_S), "start was done, but the plant does not flow"

    async def poll(self) -> Reading | None:
        """A reading, after identifying the pump again if necessary; None when it cannot be read."""
        outcome = await self.call("read")
        if not isinstance(outcome, Done) and isinstance(await self.call("identify"), Done):
            outcome = await self.call("read")
        return outcome.value if isinstance(outcome, Done) else None

    async def until(self, condition: Callable[[], bool], within_s: float, step_s: float = 0.1) -> bool:
        """Whether the condition becomes true in that time, without polling the pump."""
        for _ in range(int(within_s / step_s)):
            if condition():
                return True
            await asyncio.sleep(step_s)
        return condition()

    async def watch(self, seconds: float) -> list[Reading]:
        """Readings at the subject's pace."""
        readings = []
        for _ in range(max(1, int(seconds / self.subject.poll_s))):
            await asyncio.sleep(self.subject.poll_s)
            readings.append(await self.read())
        return readings

    async def recover(self, what: str) -> None:
        """After a fault is over, the pump can be identified, read and stopped."""
        self.wire.disarm()
        await asyncio.sleep(CALM_S)
        for name in ("identify", "read", "stop"):
            outcome = await self.call(name)
            assert isinstance(outcome, Done), f"after {what} the outcome of {name} is {outcome}"
        assert not self.flows, f"after {what} and a stop that was done, the plant flows"

    async def load_behind_its_back(self, program: PumpProgram) -> None:
        """Another program, loaded by another host on the same wire while this driver knows nothing of it."""
        ours, other = self.wire.taken_over(), f"{self.name}-other"
        memory.serve(other, self.wire)
        try:
            driver = await self.subject.family.connect(f"memory://{other}", self.subject.settings)
            try:
                for outcome in (await driver.identify(), await driver.load(program)):
                    assert isinstance(outcome, Done), f"another host could not load {program}: {outcome}"
            finally:
                await driver.close()
        finally:
            memory.withdraw(other)
        self.wire.attach(ours)

    # -- the host gone -------------------------------------------------------------------------------------------

    async def orphaned(self, for_s: float) -> None:
        """The driver is gone with its process, and the line stays open: nothing receives what the pump sends."""
        await self.driver.close()
        self.wire.pump.attach(lambda _: None)
        await asyncio.sleep(for_s)

    async def write_unheard(self, stop: StopFrames, round_s: float) -> None:
        """One round of the deadman, lasting `round_s`."""
        for frame in stop.frames:
            self.wire.pump.feed(frame)
            await asyncio.sleep(stop.gap_s)
        await asyncio.sleep(round_s - stop.gap_s * len(stop.frames))

    async def adopted(self) -> None:
        """A new driver, as after a restart, that has identified the pump."""
        self.wire.pump.detach()
        self.driver = await self.subject.family.connect(f"memory://{self.name}", self.subject.settings)
        await self.identify()

    # -- the cable -----------------------------------------------------------------------------------------------

    async def replug(self) -> None:
        """Put the cable back and wait until the driver has the port again."""
        before = self.driver.connections
        memory.plug(self.name)
        came = await self.until(lambda: self.driver.connections > before, RECONNECTED_S)
        assert came, f"the port was not opened again within {RECONNECTED_S:g} s"

    async def exchanges(self, name: str) -> tuple[int, int]:
        """How many packets the host and the pump send in this call on a good line."""
        before, heard = len(self.wire.sent), len(self.wire.replies)
        await self.must(name)
        return len(self.wire.sent) - before, len(self.wire.replies) - heard

    def packets(self, trouble: Trouble, counts: tuple[int, int]) -> range:
        return range(counts[0] if trouble in TO_PUMP else counts[1])


@asynccontextmanager
async def rig(subject: Subject) -> AsyncIterator[Rig]:
    """A fresh driver on a fresh pump."""
    wire, name = Wire(subject.simulate(), subject.late_s), f"conformance-{next(_names)}"
    memory.serve(name, wire)
    try:
        wire.unplug = lambda: memory.unplug(name)
        bench = Rig(subject, wire, name, await subject.family.connect(f"memory://{name}", subject.settings))
        try:
            yield bench
        finally:
            await bench.driver.close()
    finally:
        memory.withdraw(name)
        wire.shut()


def on_rig(test: Callable[[Any, Rig], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    """A plain test function that runs the coroutine on a fresh rig and checks that no task is left behind."""

    async def play(suite: Any) -> None:
        async with rig(suite.subject) as bench:
            await test(suite, bench)
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"the driver left tasks behind: {left}"

    def plain(suite: Any) -> None:
        with structlog.testing.capture_logs(), asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(play(suite))

    functools.update_wrapper(plain, test)
    del plain.__wrapped__  # type: ignore[attr-defined] # pytest would treat its argument as a fixture
    return plain
