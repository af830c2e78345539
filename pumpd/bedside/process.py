"""The parts of bedside together: when one ends, the process ends in order and systemd starts it again."""

import asyncio

import structlog

from pumpd.bedside.app import Bedside
from pumpd.bedside.feed import Feed
from pumpd.bedside.parts import PartEndedError, together
from pumpd.bedside.served import Served
from pumpd.bedside.server import Server
from pumpd.exit_status import FAILED
from pumpd.host.metrics import Speaker
from pumpd.notify import keep_watchdog, notify

log = structlog.get_logger("pumpd.bedside")


async def serve(
    server: Server, feed: Feed, api: Bedside, served: Served, end: asyncio.Event, speaker: Speaker | None = None
) -> int:
    """Serve until `end` is set or a part ends. Returns the exit status."""
    status = 0
    optional = {} if speaker is None else {"metrics": speaker.run()}
    try:
        await together(
            end=end.wait(),
            ready=_report_ready(),
            feed=feed.run(),
            server=server.run(),
            certificate=served.run(),
            **optional,
        )
    except PartEndedError as error:
        if error.part != "end":
            log.exception("bedside_failed", part=error.part)
            status = FAILED
    notify("STOPPING=1")
    await feed.close()
    await server.close()
    await api.close()
    log.info("bedside_stopped", exit_status=status)
    return status


async def _report_ready() -> None:
    notify("READY=1", "STATUS=serving tablets")
    await keep_watchdog()
