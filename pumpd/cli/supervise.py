"""`pumpd run`: the processes of a gateway under one parent, for development and the demo.

On a gateway each is a systemd unit of its own.

Promises:
- A process that dies is started again after a pause, which grows while it keeps dying. This never resumes an infusion.
- No other process is started before what it needs from control is there.
- Only control ends the run, and only when it refuses its configuration. The death of another process never does.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from pumpd.exit_status import REFUSED
from pumpd.host import units
from pumpd.settings import Settings

log = structlog.get_logger("pumpd.run")

RESTART_AFTER_S = 2.0
RESTART_AFTER_MOST_S = 60.0
WELL_AFTER_S = 60.0  # a process that lived this long has not failed at its start: its next pause is short again
LOOK_EVERY_S = 0.1
END_WITHIN_S = 8.0


async def supervise(config: Path, settings: Settings) -> int:
    """Run control, and the other configured processes, until SIGTERM or SIGINT. Returns the exit status."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    control = asyncio.create_task(_keep_control(config), name="control")
    others = [
        asyncio.create_task(_keep_other(name, config, needed), name=name) for name, needed in _others(settings).items()
    ]
    waiting = asyncio.create_task(ended.wait(), name="signal")
    done, _ = await asyncio.wait([control, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in (control, waiting, *others):
        task.cancel()
    await asyncio.gather(control, waiting, *others, return_exceptions=True)
    return 0 if waiting in done else REFUSED


def _others(settings: Settings) -> dict[str, Sequence[Path]]:
    """The other processes that are configured, and the files of control without which each cannot work."""
    files = {
        "telemetry": settings.journal_path,
        "bedside": settings.tablet_socket_path,
        "vitals": settings.vitals_socket_path,
    }
    return {name: [files[name]] for name in units.needed(settings) if name in files}


async def _keep_control(config: Path) -> None:
    """Start control again whenever it ends: soon, each time. Returns when it refuses its configuration."""
    while True:
        if await _run("control", config) == REFUSED:
            return
        await asyncio.sleep(RESTART_AFTER_S)


async def _keep_other(name: str, config: Path, needed: Sequence[Path]) -> None:
    """Start the process again whenever it ends, also when it refuses its configuration: a person may mend that."""
    pauses, now = Pauses(), asyncio.get_running_loop().time
    while True:
        await _there(name, needed)
        began = now()
        await _run(name, config)
        pause = pauses.after(now() - began)
        log.warning("process_starts_again", process=name, after_s=pause, control="not affected")
        await asyncio.sleep(pause)


class Pauses:
    """How long to wait before a process is started again: twice as long each time that it dies early."""

    def __init__(self) -> None:
        self._next_s = RESTART_AFTER_S

    def after(self, lived_s: float) -> float:
        if lived_s >= WELL_AFTER_S:
            self._next_s = RESTART_AFTER_S
        pause, self._next_s = self._next_s, min(2 * self._next_s, RESTART_AFTER_MOST_S)
        return pause


async def _there(name: str, needed: Sequence[Path]) -> None:
    """Wait until all these files exist: control makes them when it starts."""
    said = False
    while missing := [str(path) for path in needed if not _exists(path)]:
        if not said:
            log.info("process_waits", process=name, missing=missing)
            said = True
        await asyncio.sleep(LOOK_EVERY_S)


def _exists(path: Path) -> bool:
    """False for a file that this user may not look for, which is no reason to end."""
    try:
        return path.exists()
    except OSError:
        return False


def program(name: str) -> list[str]:
    """How a process is started. In the Debian package each has a program of its own, which sees its own libraries."""
    if programs := os.environ.get("PUMPD_PROGRAMS"):
        return [f"{programs}/pumpd-{name}"]
    return [sys.executable, "-m", f"pumpd.{name}"]


async def _run(name: str, config: Path) -> int | None:
    """Run the process until it ends. Returns its exit status, None when it cannot be started now."""
    try:
        process = await asyncio.create_subprocess_exec(*program(name), "--config", str(config), start_new_session=True)
    except OSError as error:  # no memory, or no descriptor, for another process
        log.error("process_not_started", process=name, why=error.strerror)  # noqa: TRY400  # the reason says it all
        return None
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    log.error("process_ended", process=name, exit_status=status)
    return status


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
