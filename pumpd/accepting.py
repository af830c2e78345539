"""Taking connections on a socket that others can flood: some file descriptors always stay free (STP-12).

Promises:
- A server takes no more connections than its descriptors allow, so that it can still open what a stop needs.
- When the system has none left all the same, a connection is dropped for the next one. The loop neither ends nor spins,
  and the log has one line a minute about it.
- A connection that ends gives its descriptor back, whether or not its other end reads the last answer (`end`).
"""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import structlog

log = structlog.get_logger("pumpd.accepting")

AT_ONCE = 64  # in one pass of the event loop
AGAIN_S = 0.05
LOG_EVERY_S = 60.0
LEAST = 4  # connections, however few descriptors there are


def places(wanted: int, each: int, reserve: int) -> int:
    """How many connections may be open at once, at most `wanted`, if each of them takes `each` descriptors.

    `reserve`: the descriptors that the process still needs for everything else. The limit of the process is raised as
    far as that is allowed and needed.
    """
    used = len(list(Path("/proc/self/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = used + reserve + wanted * each
    if soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):  # the unit may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    found = max(LEAST, min(wanted, (soft - used - reserve) // each))
    if found < wanted:
        log.warning("few_descriptors", limit=soft, connections=found, wanted=wanted)
    return found


async def connections(
    listener: socket.socket, make_room: Callable[[], object]
) -> AsyncIterator[tuple[socket.socket, str]]:
    """Each connection that comes, and the address of its other end. `make_room` drops one when none can be taken."""
    loop, taken, failed, logged_s = asyncio.get_running_loop(), 0, 0, -LOG_EVERY_S
    while True:
        try:
            client, peer = await loop.sock_accept(listener)
        except OSError as error:  # no descriptor is left, for example, or the client is already gone
            failed += 1
            if loop.time() - logged_s >= LOG_EVERY_S:
                log.warning("connection_not_taken", error=os.strerror(error.errno or 0), since_last=failed)
                failed, logged_s = 0, loop.time()
            make_room()
            await asyncio.sleep(AGAIN_S)
            continue
        yield client, str(peer[0]) if isinstance(peer, tuple) else ""
        taken += 1
        if taken % AT_ONCE == 0:
            await asyncio.sleep(0)  # a flood of connections must let other tasks run


async def end(writer: asyncio.StreamWriter, within_s: float) -> None:
    """Close a connection. What the other end has not taken by then is dropped with it."""
    writer.close()
    try:
        async with asyncio.timeout(within_s):
            await writer.wait_closed()
    except OSError:  # also TimeoutError
        pass
    finally:
        writer.transport.abort()  # nothing, where it is closed
