"""The tasks of bedside in one group: when one fails, the process ends in order and systemd starts it again."""

import asyncio

import structlog

from pumpd.bedside.app import Bedside
from pumpd.bedside.feed import Feed
from pumpd.bedside.server import Server
from pumpd.notify import notify, watchdog_interval_s

FAILED = 1

log = structlog.get_logger("pumpd.bedside")


class _EndedError(Exception):
    """A signal asked the process to end."""


async def serve(server: Server, feed: Feed, api: Bedside, end: asyncio.Event) -> int:
    """Serve until `end` is set or a task fails. Returns the exit status."""
    status = 0
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_until(end), name="end")
            tasks.create_task(_report_ready(), name="ready")
            tasks.create_task(feed.run(), name="feed")
            tasks.create_task(server.run(), name="server")
    except* _EndedError:
        pass
    except* Exception as errors:
        log.exception("bedside_failed", exc_info=errors)
        status = FAILED
    notify("STOPPING=1")
    await feed.close()
    await server.close()
    await api.close()
    log.info("bedside_stopped", exit_status=status)
    return status


async def _until(end: asyncio.Event) -> None:
    await end.wait()
    raise _EndedError


async def _report_ready() -> None:
    """Report ready, then feed the watchdog: that this runs shows that the event loop runs."""
    notify("READY=1", "STATUS=serving tablets")
    interval = watchdog_interval_s()
    while interval is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)
