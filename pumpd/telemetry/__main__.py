"""`python -m pumpd.telemetry --config PATH`: publish the journal of this gateway to its MQTT broker."""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from pumpd import logs
from pumpd.notify import notify, watchdog_interval_s
from pumpd.settings import DEFAULT_PATH, MqttSettings, Settings, SettingsError
from pumpd.telemetry.cursor import Cursor, CursorError
from pumpd.telemetry.messages import STATEMENT
from pumpd.telemetry.service import Telemetry, end

CONFIG_REFUSED = 2


def cursor_path(settings: Settings) -> Path:
    """Under systemd in the service's own directory, because it may not write to control's; otherwise in the state
    directory.
    """
    return Path(os.environ.get("STATE_DIRECTORY", settings.state_dir)) / "telemetry.sqlite3"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pumpd.telemetry", description=__doc__, epilog=STATEMENT)
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="configuration file (default %(default)s)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    options = parser.parse_args(arguments)
    logs.set_up(options.log_level)
    try:
        settings = Settings.load(options.config)
        if settings.mqtt is None:
            raise SettingsError([f"{options.config}: mqtt: telemetry needs this section"])
        cursor = Cursor(cursor_path(settings))
    except (SettingsError, CursorError) as error:
        print(f"pumpd telemetry: {error}", file=sys.stderr)
        return CONFIG_REFUSED
    structlog.get_logger().info("telemetry_started", gateway=settings.gateway, statement=STATEMENT)
    with contextlib.closing(cursor):
        try:
            asyncio.run(_serve(settings, settings.mqtt, cursor))
        except CursorError as error:
            structlog.get_logger().critical("cursor_failed", error=str(error))
            return 1
    structlog.get_logger().info("telemetry_stopped", published_up_to=cursor.position.id)
    return 0


async def _serve(settings: Settings, mqtt: MqttSettings, cursor: Cursor) -> None:
    """Serve until a signal. A task that ends earlier is an error and ends the process: systemd starts it again."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    telemetry = Telemetry(settings, mqtt, cursor, random.Random())  # noqa: S311 - jitter, not a secret
    works = [
        asyncio.create_task(telemetry.run(), name="telemetry"),
        asyncio.create_task(_keep_watchdog(), name="watchdog"),
    ]
    signalled = asyncio.create_task(ended.wait(), name="signals")
    notify("READY=1", "STATUS=starting")
    done, _ = await asyncio.wait([*works, signalled], return_when=asyncio.FIRST_COMPLETED)
    notify("STOPPING=1")
    for task in (*works, signalled):
        await end(task)
    for task in works:
        if not task.cancelled():
            task.result()  # raises the error that ended it
    if signalled not in done:
        raise RuntimeError(f"{', '.join(task.get_name() for task in done)} ended although nothing ended it")


async def _keep_watchdog() -> None:
    """A pass of the event loop is the evidence: whatever blocks the loop blocks this. A missing broker or journal does
    not.
    """
    interval = watchdog_interval_s()
    while True:
        if interval is not None:
            notify("WATCHDOG=1")
        await asyncio.sleep(interval or 60.0)


if __name__ == "__main__":
    sys.exit(main())
