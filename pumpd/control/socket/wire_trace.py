"""The bytes of a pump's line, shown to a client of the control socket while everything goes on as before.

Promises:
- A client that does not read costs the pump nothing: what it cannot take is dropped and counted.
- The tap is off the line when the client is gone.
"""

import asyncio
import json
from collections import deque

from pumpd.control.infusions.pump_service import PumpService

MOST_WAITING = 1000  # packets kept for a client that reads slowly


async def show_wire(runner: PumpService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write a line of JSON for each packet until the client goes away: `t_ns`, `way` (out, in), `hex`, `dropped`."""
    waiting: deque[dict[str, object]] = deque()
    there, dropped = asyncio.Event(), 0

    def tap(way: str, data: bytes, t_ns: int) -> None:
        nonlocal dropped
        if len(waiting) == MOST_WAITING:
            dropped += 1
            return
        waiting.append({"t_ns": t_ns, "way": str(way), "hex": data.hex(), "dropped": dropped})
        there.set()

    async def send() -> None:
        while True:
            await there.wait()
            there.clear()
            while waiting:
                writer.write(json.dumps(waiting.popleft()).encode() + b"\n")
                await writer.drain()

    gone = asyncio.create_task(reader.read(1), name="trace client")
    sending = asyncio.create_task(send(), name="trace packets")
    runner.line.tap(tap)
    try:
        await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        runner.line.untap(tap)
        for task in (gone, sending):
            task.cancel()
        await asyncio.gather(gone, sending, return_exceptions=True)
