"""`python -m pumpd.telemetry --config PATH`: publish the journal of this gateway to its MQTT broker and to the ward."""

from pumpd.unneeded import EVERYWHERE, block

if __name__ == "__main__":
    block(*EVERYWHERE)  # before any other import

import argparse
import asyncio
import contextlib
import os
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pumpd import logs
from pumpd.exit_status import REFUSED
from pumpd.extras import needs
from pumpd.host import units
from pumpd.host.files import TELEMETRY_UMASK
from pumpd.host.name_taken import NameTaken, path_of
from pumpd.process import until_signal
from pumpd.settings import MetricsSettings, Settings, SettingsError
from pumpd.settings_file import DEFAULT_PATH
from pumpd.telemetry.cursor import Cursor, CursorError
from pumpd.telemetry.messages import STATEMENT
from pumpd.telemetry.sink import Sink

with needs("telemetry"):
    from pumpd.telemetry.service import Telemetry
if TYPE_CHECKING:
    from pumpd.telemetry.exporter import Exporter


def cursor_path(settings: Settings, name: str = "telemetry.sqlite3") -> Path:
    """Under systemd in the service's own directory, because it may not write to control's; otherwise in the state
    directory.
    """
    return Path(os.environ.get("STATE_DIRECTORY", settings.state_dir)) / name


def sinks(settings: Settings, taken: NameTaken, open_files: contextlib.ExitStack) -> dict[str, tuple[Sink, Cursor]]:
    """Each configured sink with its own cursor. Raises CursorError."""
    made: dict[str, tuple[Sink, Cursor]] = {}
    if settings.mqtt is not None:
        cursor = open_files.enter_context(contextlib.closing(Cursor(cursor_path(settings))))
        jitter = random.Random()  # noqa: S311 - not a secret
        made["telemetry"] = Telemetry(settings, settings.mqtt, cursor, jitter, taken), cursor
    if settings.fleet is not None:
        with needs("fleet"):
            from pumpd.telemetry.fleet.cursor import FleetCursor  # noqa: PLC0415 - loaded only where there is a ward
            from pumpd.telemetry.fleet.service import Fleet  # noqa: PLC0415 - as above
        sent = open_files.enter_context(contextlib.closing(FleetCursor(cursor_path(settings, "fleet.sqlite3"))))
        made["fleet"] = Fleet(settings, settings.fleet, sent, random.Random()), sent  # noqa: S311 - jitter
    return made


def exporter(settings: Settings, metrics: MetricsSettings, made: Mapping[str, tuple[Sink, Cursor]]) -> "Exporter":
    """Serves the metrics of every process, also of the sinks."""
    with needs("metrics"):
        from pumpd.telemetry.exporter import Exporter  # noqa: PLC0415 - loaded only where metrics are served
    return Exporter(settings, metrics, made)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pumpd.telemetry", description=__doc__, epilog=STATEMENT)
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="configuration file (default %(default)s)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    options = parser.parse_args(arguments)
    logs.set_up(options.log_level)
    os.umask(TELEMETRY_UMASK)  # also without its unit: nobody else reads or changes its cursor
    with contextlib.ExitStack() as open_files:
        try:
            settings = Settings.load(options.config)
            if "telemetry" not in units.needed(settings):
                raise SettingsError([f"{options.config}: mqtt: telemetry needs this section, `fleet` or `metrics`"])
            taken = NameTaken(path_of(settings))
            made = sinks(settings, taken, open_files)
        except (SettingsError, CursorError) as error:
            print(f"pumpd telemetry: {error}", file=sys.stderr)
            return REFUSED
        structlog.get_logger().info("telemetry_started", gateway=settings.gateway, statement=STATEMENT)
        try:
            works = {name: sink.run() for name, (sink, _) in made.items()}
            if settings.metrics is not None:
                works["metrics"] = exporter(settings, settings.metrics, made).run()
            asyncio.run(until_signal(**works))
        except CursorError as error:
            structlog.get_logger().critical("cursor_failed", error=str(error))
            return 1
        for name, (_, cursor) in made.items():
            structlog.get_logger().info(f"{name}_stopped", published_up_to=cursor.position.id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
