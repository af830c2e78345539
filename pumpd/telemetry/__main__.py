"""`python -m pumpd.telemetry --config PATH`: publish the journal of this gateway to its MQTT broker."""

from pumpd.unneeded import EVERYWHERE, block

if __name__ == "__main__":
    block(*EVERYWHERE)  # before any other import

import argparse
import asyncio
import contextlib
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from pumpd import logs
from pumpd.extras import needs
from pumpd.host.files import TELEMETRY_UMASK, place
from pumpd.host.name_taken import NameTaken
from pumpd.process import until_signal
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import DEFAULT_PATH
from pumpd.telemetry.cursor import Cursor, CursorError
from pumpd.telemetry.messages import STATEMENT

with needs("telemetry"):
    from pumpd.telemetry.service import Telemetry

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
    os.umask(TELEMETRY_UMASK)  # also without its unit: nobody else reads or changes its cursor
    try:
        settings = Settings.load(options.config)
        if settings.mqtt is None:
            raise SettingsError([f"{options.config}: mqtt: telemetry needs this section"])
        cursor = Cursor(cursor_path(settings))
    except (SettingsError, CursorError) as error:
        print(f"pumpd telemetry: {error}", file=sys.stderr)
        return CONFIG_REFUSED
    structlog.get_logger().info("telemetry_started", gateway=settings.gateway, statement=STATEMENT)
    taken = NameTaken(place("the name is taken", settings, options.config).path)
    try:
        with contextlib.closing(cursor):
            telemetry = Telemetry(settings, settings.mqtt, cursor, random.Random(), taken)  # noqa: S311 - jitter, not a secret
            asyncio.run(until_signal(telemetry=telemetry.run()))
    except CursorError as error:
        structlog.get_logger().critical("cursor_failed", error=str(error))
        return 1
    structlog.get_logger().info("telemetry_stopped", published_up_to=cursor.position.id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
