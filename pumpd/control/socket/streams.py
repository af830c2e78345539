"""What a client of a control socket can watch: the live state, and the bytes of a pump's line.

Promises:
- Watching changes nothing. A client that does not read costs the pumps nothing: a state waits for it and is not queued,
  packets that it does not take are dropped and counted.
- A state is collected once for all who watch: at each change, and else ten times a second at most.
- When the client is gone, nothing is left of its stream.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable

from pumpd.control.infusions.pump_service import PumpService
from pumpd.messages.state import GatewayState
from pumpd.texts import messages_in

EVERY_S = 1.0
LEAST_APART_S = 0.1
MOST_WAITING = 1000  # packets kept for a client that reads slowly


class StateStream:
    def __init__(self, state: Callable[[], GatewayState]) -> None:
        self._state = state
        self._watchers: set[asyncio.Event] = set()
        self._line, self._collected_s = b"", 0.0

    def change(self) -> None:
        """Something that is shown has changed."""
        self._line = b""
        for watcher in self._watchers:
            watcher.set()

    async def show(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write the state as a line at each change, and at least each second, until the client disconnects."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        try:
            async with _until_gone(reader) as gone:
                while not gone.done():
                    changed.clear()
                    writer.write(self._shown())
                    await writer.drain()
                    await asyncio.wait((gone,), timeout=LEAST_APART_S)
                    if not changed.is_set():
                        change = asyncio.create_task(changed.wait(), name="watch change")
                        try:
                            await asyncio.wait(
                                (gone, change), timeout=EVERY_S - LEAST_APART_S, return_when="FIRST_COMPLETED"
                            )
                        finally:
                            change.cancel()
        finally:
            self._watchers.discard(changed)

    def _shown(self) -> bytes:
        now_s = asyncio.get_running_loop().time()
        if not self._line or now_s - self._collected_s >= LEAST_APART_S:
            state = self._state()
            data = {**state, "messages": messages_in(state)}
            self._line, self._collected_s = json.dumps(data, ensure_ascii=False).encode() + b"\n", now_s
        return self._line


async def show_wire(runner: PumpService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write a line of JSON for each packet until the client disconnects: `t_ns`, `way` (out, in), `hex`, `dropped`."""
    waiting: deque[dict[str, object]] = deque()
    filled, dropped = asyncio.Event(), 0

    def tap(way: str, data: bytes, t_ns: int) -> None:
        nonlocal dropped
        if len(waiting) == MOST_WAITING:
            dropped += 1
            return
        waiting.append({"t_ns": t_ns, "way": str(way), "hex": data.hex(), "dropped": dropped})
        filled.set()

    async def send() -> None:
        while True:
            await filled.wait()
            filled.clear()
            while waiting:
                writer.write(json.dumps(waiting.popleft()).encode() + b"\n")
                await writer.drain()

    sending = asyncio.create_task(send(), name="trace packets")
    runner.line.tap(tap)
    try:
        async with _until_gone(reader) as gone:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        runner.line.untap(tap)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


@contextlib.asynccontextmanager
async def _until_gone(reader: asyncio.StreamReader) -> AsyncIterator["asyncio.Task[bytes]"]:
    """A task that is done when the client disconnects, or sends anything."""
    gone = asyncio.create_task(reader.read(1), name="watch client")
    try:
        yield gone
    finally:
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
