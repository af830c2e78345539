"""A network between a tablet and the gateway that can fail: `python -m tests.browser.relay FROM TO`, both ports.

Stopped (SIGSTOP), it carries nothing and reports nothing, like a dead access point. Continued, it works again. From
SIGUSR1 on, every connection hangs for ever, old or new; from SIGUSR2 on, only those do that hang already.
"""

import asyncio
import contextlib
import signal
import sys


class Relay:
    def __init__(self, there: int) -> None:
        self._there, self._holding = there, False
        self._carrying: set[asyncio.Event] = set()  # one for each connection: set while it works

    def hold(self) -> None:
        self._holding = True
        for works in self._carrying:
            works.clear()

    def hold_no_more(self) -> None:
        self._holding = False

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        works = asyncio.Event()
        if not self._holding:
            works.set()
        self._carrying.add(works)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._there)
        await asyncio.gather(_carry(reader, far_writer, works), _carry(far_reader, writer, works))
        self._carrying.discard(works)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, works: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            await works.wait()
            writer.write(data)
            await writer.drain()
    await works.wait()  # nobody learns of the end of a connection that hangs
    writer.close()


async def relay(here: int, there: int) -> None:
    made = Relay(there)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, made.hold)
    loop.add_signal_handler(signal.SIGUSR2, made.hold_no_more)
    server = await asyncio.start_server(made.join, "127.0.0.1", here)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(relay(int(sys.argv[1]), int(sys.argv[2])))
