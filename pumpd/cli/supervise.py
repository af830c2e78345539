"""`pumpd run`: the processes of a gateway under one parent, for development and the demo.

On a gateway each is a systemd unit of its own. A process that dies is started again after a pause; this never resumes
an infusion.
"""

import asyncio
import contextlib
import signal
import sys
from itertools import count
from pathlib import Path

import structlog

from pumpd.settings import Settings

log = structlog.get_logger("pumpd.run")

RESTART_AFTER_S = 2.0
END_WITHIN_S = 8.0
CANNOT_START = 2  # exit status of a process that refuses its configuration: starting it again would not help


async def supervise(config: Path, settings: Settings) -> int:
    """Run control, and the other configured processes, until SIGTERM or SIGINT. Returns the exit status."""
    listens = settings.vitals is not None and settings.vitals.broker is not None
    wanted = {"telemetry": settings.mqtt, "bedside": settings.bedside, "vitals": listens}
    names = ["control", *(name for name, configured in wanted.items() if configured)]
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    tasks = {asyncio.create_task(_keep(name, config), name=name) for name in names}
    waiting = asyncio.create_task(ended.wait(), name="signal")
    done, _ = await asyncio.wait(tasks | {waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks | {waiting}:
        task.cancel()
    await asyncio.gather(*tasks, waiting, return_exceptions=True)
    return 0 if waiting in done else CANNOT_START


async def _keep(name: str, config: Path) -> None:
    """Start the process again whenever it ends. Returns when it cannot start at all: control, or another process at its
    first start. Later on no other process may end control.
    """
    for attempt in count():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"pumpd.{name}", "--config", str(config), start_new_session=True
        )
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        log.error("process_ended", process=name, exit_status=status)
        if status == CANNOT_START and (name == "control" or attempt == 0):
            return
        await asyncio.sleep(RESTART_AFTER_S)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
