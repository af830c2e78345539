"""What a driver does with a simulated pump: how fast it polls, how it stops, and what it does without its cable.

Two drivers are tried together, each with a pump of its own, and one of them is always held. They poll in turn, and the
best of each counts: what else the machine does only makes them slower.
"""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.line import Frame, Line, Spoilt, line
from benchmarks.peers.client import Client, ClientError, Command, client
from benchmarks.size import Size
from pumpd_simulators.device import Operation

ROUNDS, ROUND_S = 6, 1.0  # a Fresenius rack ends the session when its enquiries are unanswered for three seconds
TRIES = 6
SETTLES_S = 0.3
POLLS_WITHIN_S = 3.0  # after a stop; one of them gives up a reply after 2 s
NEVER_S = 5.0  # a stop that has not left by then
GAP_S = 0.1  # between the end of one stop and the next
TOLD_WITHIN_S, BACK_WITHIN_S = 1.0, 10.0
OUT_S = 1.0  # how long the cable is out, at least


@dataclass(frozen=True)
class Unplugged:
    """`told_s`: until a poll failed; `back_s`: until one was answered again after the cable came back; None: never.

    `stop`: how a stop ended that was called without the cable. `cpu_percent`: of a core, meanwhile.
    """

    told_s: float | None
    told_as: str
    stop: str
    back_s: float | None
    cpu_percent: float

    @property
    def points(self) -> int:
        told = self.told_s is not None and self.told_s <= TOLD_WITHIN_S
        return told + (self.stop not in ("done", "hangs")) + (self.back_s is not None)


@dataclass(frozen=True)
class Polled:
    """Exchanges and readings (the rate and the volume) a second. `share`: of the exchanges that the line allows for the
    same bytes. `cpu_us`: of an exchange, in the driver's process.
    """

    per_s: float
    readings_per_s: float
    share: float
    cpu_us: float


@dataclass(frozen=True)
class Seen:
    """The best of each round of polling. `begun_anew`: how often the driver did not poll again after a stop."""

    polled: Polled
    stops_s: list[float]
    lost_s: list[float]
    unplugged: Unplugged
    begun_anew: int

    def as_details(self) -> dict[str, Any]:
        return asdict(self)


class _Trial:
    """`client` is a new process whenever the last one hangs."""

    def __init__(self, served: Line, command: Command, folder: Path) -> None:
        self._served, self._command, self._folder = served, command, folder
        self._stack = contextlib.AsyncExitStack()
        self._chance = random.Random(7)
        self.begun_anew = -1
        self.client: Client

    async def connect(self) -> None:
        """It polls; the one before has ended."""
        self.begun_anew += 1
        await self._stack.aclose()
        port, log = self._folder / "pump", self._folder / "log"
        self.client = await self._stack.enter_async_context(client(self._command, port, log))
        await asyncio.sleep(SETTLES_S)

    async def close(self) -> None:
        await self._stack.aclose()

    @contextlib.asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        self.client.go()
        yield
        self.client.hold()

    async def polled(self, seconds: float) -> Polled:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(SETTLES_S)
        before, first, begun = await self.client.counts(), len(self._served.frames), loop.time()
        await asyncio.sleep(seconds)
        after, passed = await self.client.counts(), loop.time() - begun
        frames = [each for each in self._served.frames[first:] if each.answered]
        if not frames or after["failed"] > before["failed"]:
            raise ClientError(f"it does not poll: {after['problem'] or 'nothing was asked'}")
        on_line_s = sum(len(each.data) + len(each.answer) for each in frames) * self._served.byte_s
        cpu_s, readings = after["cpu_s"] - before["cpu_s"], after["answered"] - before["answered"]
        return Polled(len(frames) / passed, readings / passed, on_line_s / passed, cpu_s / len(frames) * 1e6)

    async def stops(self, tries: int, first: Callable[[], Awaitable[None]]) -> list[float]:
        """Seconds from each call of stop to the last byte of its frame; `first` comes before each."""
        taken = []
        for _ in range(tries):
            await asyncio.sleep(self._chance.uniform(GAP_S, 2 * GAP_S))
            await first()
            await asyncio.sleep(self._chance.uniform(0, self._served.longest_poll_s()))
            count = len(self._served.frames)
            self.client.stop()
            asked = (await self.client.heard("asked"))["asked"]
            frame = await self._frame(count)
            taken.append(NEVER_S if frame is None else frame.ended - asked)
            if frame is None or await self._ended() == "hangs" or not await self._polls():
                await self.connect()
        return taken

    async def _polls(self) -> bool:
        answered = (await self.client.counts())["answered"]
        return await self._until(lambda now: now["answered"] > answered, POLLS_WITHIN_S) is not None

    async def _frame(self, count: int) -> Frame | None:
        """The next stop frame after so many frames."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEVER_S):
                while True:
                    for frame in self._served.frames[count:]:
                        if frame.doing is Operation.STOP:
                            return frame
                    await asyncio.sleep(0.002)
        return None

    async def _ended(self) -> str:
        """How the call of stop ended."""
        try:
            return str((await self.client.heard("stop"))["stop"])
        except ClientError:
            return "hangs"

    async def lose_a_reply(self) -> None:
        self._served.spoil(Spoilt.LOST)
        try:
            async with asyncio.timeout(NEVER_S):
                await self._served.struck.wait()
        except TimeoutError:
            raise ClientError("it does not poll") from None

    async def unplugged(self) -> Unplugged:
        loop = asyncio.get_running_loop()
        before, out = await self.client.counts(), loop.time()
        self._served.port.unplug()
        told_s = await self._until(lambda now: now["failed"] > before["failed"], NEVER_S)
        await asyncio.sleep(max(0.0, out + OUT_S - loop.time()))
        now = await self.client.counts()
        used = (now["cpu_s"] - before["cpu_s"]) / (loop.time() - out)
        self.client.stop()
        await self.client.heard("asked")
        stop = await self._ended()
        answered = (await self.client.counts())["answered"]
        self._served.port.plug()
        back_s = await self._until(lambda now: now["answered"] > answered, BACK_WITHIN_S)
        return Unplugged(told_s, now["problem"], stop, back_s, round(100 * used, 1))

    async def _until(self, true: Callable[[dict[str, Any]], bool], within_s: float) -> float | None:
        """Seconds until its counts are so; None when they are not in time."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while loop.time() - begun < within_s:
            if true(await self.client.counts()):
                return round(loop.time() - begun, 3)
            await asyncio.sleep(0.01)
        return None


async def side_by_side(family: str, commands: Sequence[Command], size: Size) -> list[Seen]:
    """What each of these did. Raises ClientError when one does not connect or poll."""
    async with contextlib.AsyncExitStack() as stack:
        trials: list[_Trial] = []
        for command in commands:
            trials.append(await stack.enter_async_context(_opened(family, command)))
            trials[-1].client.hold()
        polled: list[list[Polled]] = [[] for _ in trials]
        for _ in range(size.of(ROUNDS, 1)):
            for trial, rounds in zip(trials, polled, strict=True):
                async with trial.going():
                    rounds.append(await trial.polled(size.of(ROUND_S, 0.5)))
        seen = []
        for trial, rounds in zip(trials, polled, strict=True):
            async with trial.going():
                tries = size.of(TRIES, 1)
                stops_s, lost_s = await trial.stops(tries, _nothing), await trial.stops(tries, trial.lose_a_reply)
                seen.append(Seen(_best(rounds), stops_s, lost_s, await trial.unplugged(), trial.begun_anew))
        return seen


def _best(rounds: Sequence[Polled]) -> Polled:
    """Of each value."""
    return Polled(
        max(each.per_s for each in rounds),
        max(each.readings_per_s for each in rounds),
        max(each.share for each in rounds),
        min(each.cpu_us for each in rounds),
    )


@contextlib.asynccontextmanager
async def _opened(family: str, command: Command) -> AsyncIterator[_Trial]:
    with tempfile.TemporaryDirectory() as name:
        async with line(family, Path(name) / "pump") as served:
            made = _Trial(served, command, Path(name))
            try:
                await made.connect()
                yield made
            finally:
                await made.close()


async def _nothing() -> None:
    pass
