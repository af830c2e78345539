"""Plays a transcript: the host's side to a simulator, the pump's side to a driver. `transcript` states the rules."""

import asyncio
import itertools
import shlex
from collections.abc import Callable, Iterator
from typing import Any

from pumpd.pump import Done, Driver, DriverFamily, Identity, Outcome, PumpProgram, Reading, Refused
from pumpd.wire import memory
from pumpd_simulators.bench import SimulatedPump, simulate
from pumpd_simulators.faults import key_press, seconds
from pumpd_simulators.plant import PlantSettings
from pumpd_simulators.transcript import ENDS, Dialogue, Step, TranscriptError, call

PATIENCE_S = 10.0  # virtual, for expected bytes; a driver asks four times before it gives up
CALL_S = 120.0

_names = itertools.count()


def words_of(value: object) -> str:
    """A call's result, in the words that `done` is compared with."""
    match value:
        case Identity():
            return f"{value.model} {value.firmware} {value.serial or 'no serial'}"
        case Reading():
            more = [f"{value.pressure_mmhg} mmHg"] if value.pressure_mmhg is not None else []
            more += [f"{value.battery_percent} %"] if value.battery_percent is not None else []
            return " ".join(
                [value.state, str(value.rate), str(value.delivered), *(value.alarms or ["no alarm"]), *more]
            )
        case PumpProgram():
            steps = " + ".join(f"{step.volume} at {step.rate}" for step in value.steps)
            return f"{steps}, {value.diameter}" if value.diameter else steps
        case _:
            return ""


class _Received:
    """Bytes that one side sent and that were not yet compared."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._more = asyncio.Event()

    def add(self, data: bytes) -> None:
        self.data += data
        self._more.set()

    async def due(self, count: int) -> None:
        """Wait until this many bytes have arrived, at most PATIENCE_S."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(self.data) < count:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            return

    def take(self) -> bytes:
        taken = bytes(self.data)
        self.data.clear()
        return taken


async def replay_on_simulator(dialogue: Dialogue, family: str) -> None:
    """On the running loop, which should be one of virtual time. Raises TranscriptError."""
    options = _options(dialogue)
    model = options.pop("model", None)
    pump = simulate(family, model=model, options=options, plant=PlantSettings.ideal())
    received = _Received()
    pump.attach(received.add)
    try:
        for step, replies in _with_replies(dialogue.steps):
            if step is not None:
                await _act(step, pump)
            expected = b"".join(line.data for line in replies)
            await received.due(len(expected))
            for _ in range(3):
                await asyncio.sleep(0)
            if (came := received.take()) != expected:
                at = replies[0] if replies else step or Step(dialogue.where, "===", dialogue.name)
                raise at.fail(f"the simulator should send {expected!r}\n{' ' * len(at.where)}  but sent {came!r}")
    finally:
        pump.detach()
        pump.shut()


def _with_replies(steps: list[Step]) -> Iterator[tuple[Step | None, list[Step]]]:
    """Each event, and what the pump sends before the next one."""
    event: Step | None = None
    replies: list[Step] = []
    for step in steps:
        if step.verb == "<":
            replies.append(step)
        elif step.verb not in ("call", *ENDS):
            yield event, replies
            event, replies = step, []
    yield event, replies


async def _act(step: Step, pump: SimulatedPump) -> None:
    match step.verb:
        case ">":
            pump.feed(step.data)
        case "wait":
            await asyncio.sleep(seconds(step.text.replace(" ", ""), "the wait"))
        case "fault":
            pump.fire(step.text)
        case "panel":
            keys, _, unit = step.text.partition("#")
            pump.press(*key_press(keys), int(unit or 1))
        case _:
            pump.power(on=step.text == "on")


def _options(dialogue: Dialogue) -> dict[str, Any]:
    """`--serial D101754 --no-echo` as the family's options; the family converts the texts."""
    options: dict[str, Any] = {}
    words = shlex.split(dialogue.simulator or "")
    while words:
        flag = words.pop(0)
        if not flag.startswith("--"):
            raise TranscriptError(f"{dialogue.where}: simulator: {flag!r} is not an option (--name value)")
        name, equals, value = flag[2:].partition("=")
        if equals:
            options[name] = value
        elif words and not words[0].startswith("--"):
            options[name] = words.pop(0)
        else:
            options[name.removeprefix("no-")] = not name.startswith("no-")
    return options


class _Script:
    """The peer of a driver: it receives, and sends what the transcript contains."""

    def __init__(self) -> None:
        self.received = _Received()
        self._send: Callable[[bytes], None] | None = None

    def attach(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def feed(self, data: bytes) -> None:
        self.received.add(data)

    def detach(self) -> None:
        self._send = None

    def send(self, data: bytes) -> None:
        if self._send is not None:
            self._send(data)


async def replay_on_driver(dialogue: Dialogue, family: type[DriverFamily]) -> None:
    """On the running loop, which should be one of virtual time. Raises TranscriptError."""
    script, name = _Script(), f"transcript-{next(_names)}"
    settings = dict(word.split("=", 1) for word in shlex.split(dialogue.settings or ""))
    memory.serve(name, script)
    waiting: asyncio.Task[Outcome[Any]] | None = None
    try:
        driver = await family.connect(f"memory://{name}", settings)
        try:
            for step in dialogue.steps:
                waiting = await _play(step, script, driver, waiting)
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.wait({waiting}, timeout=1.0)
            await driver.close()
    finally:
        memory.withdraw(name)


async def _play(
    step: Step, script: _Script, driver: Driver, waiting: asyncio.Task[Outcome[Any]] | None
) -> asyncio.Task[Outcome[Any]] | None:
    match step.verb:
        case "call":
            return asyncio.ensure_future(call(step.text)(driver))
        case ">":
            received = script.received
            await received.due(len(step.data))
            came = received.data[: len(step.data)]
            if came != step.data:
                ended = f"\n  the call has ended: {waiting.result()}" if waiting and waiting.done() else ""
                raise step.fail(f"the host should send {step.data!r}\n  but sent {bytes(received.data)!r}{ended}")
            del received.data[: len(step.data)]
        case "<":
            script.send(step.data)
        case "wait":
            await asyncio.sleep(seconds(step.text.replace(" ", ""), "the wait"))
        case "done" | "refused" | "unknown":
            assert waiting is not None  # checked when the transcript was read
            await asyncio.wait({waiting}, timeout=CALL_S)
            _ended(step, waiting, script)
            return None
        case _:  # events at the pump are the simulator's part
            pass
    return waiting


def _ended(step: Step, waiting: asyncio.Task[Outcome[Any]], script: _Script) -> None:
    outcome = waiting.result() if waiting.done() else "nothing: it still waits"
    if extra := script.received.take():
        raise step.fail(f"the host also sent {extra!r}; the call returned {outcome}")
    if type(outcome).__name__.lower() != step.verb:
        raise step.fail(f"the call returned {outcome}")
    result = words_of(outcome.value) if isinstance(outcome, Done) else _why(outcome)
    words = (word.rstrip(",;:") for word in result.split())
    for word in step.text.split(" #")[0].split():
        if word.rstrip(",;:") not in words:
            raise step.fail(f"the call returned {result!r}")


def _why(outcome: Any) -> str:
    return "; ".join(outcome.reasons) if isinstance(outcome, Refused) else str(outcome.cause)
