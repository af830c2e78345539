"""`python -m pumpd.bedside --config PATH`: serve the tablets of this gateway over HTTPS."""

from pumpd.unneeded import EMPTY_IN_BEDSIDE, EVERYWHERE, block, leave_empty

if __name__ == "__main__":
    block(*EVERYWHERE)  # before any other import
    leave_empty(EMPTY_IN_BEDSIDE)

import argparse
import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from pumpd import logs
from pumpd.bedside.feed import Feed
from pumpd.bedside.link import ControlLink
from pumpd.bedside.served import Served
from pumpd.exit_status import REFUSED
from pumpd.extras import needs
from pumpd.host import metrics
from pumpd.messages.requests import DISCLAIMER
from pumpd.settings import BedsideSettings, Settings, SettingsError
from pumpd.settings_file import DEFAULT_PATH

with needs("bedside"):
    from pumpd.bedside.app import Bedside
    from pumpd.bedside.process import serve
    from pumpd.bedside.server import Server


log = structlog.get_logger("pumpd.bedside")


def credentials(settings: Settings, bedside: BedsideSettings) -> tuple[Path, Path]:
    """Certificate and key: the configured ones, systemd's credentials, or those that `pumpd tls` made."""
    given = Path(os.environ.get("CREDENTIALS_DIRECTORY", settings.tls_dir))
    own = given if (given / "gateway.pem").exists() else settings.tls_dir
    return bedside.tls_cert or own / "gateway.pem", bedside.tls_key or own / "gateway.key"


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """A context for TLS 1.3 only. Raises SettingsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError([f"bedside: certificate {cert}, key {key}: {error}; `pumpd tls` creates both"]) from error
    return context


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pumpd.bedside", description=__doc__, epilog=DISCLAIMER)
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="configuration file (default %(default)s)")
    options = parser.parse_args(arguments)
    logs.set_up()
    try:
        settings = Settings.load(options.config)
        if settings.bedside is None:
            raise SettingsError([f"{options.config}: bedside: the tablets' server needs this section"])
        context = tls_context(*credentials(settings, settings.bedside))
    except SettingsError as error:
        print(f"pumpd bedside: {error}", file=sys.stderr)
        return REFUSED
    return asyncio.run(_run(settings, settings.bedside, context))


async def _run(settings: Settings, bedside: BedsideSettings, context: ssl.SSLContext) -> int:
    control = ControlLink(settings.tablet_socket_path, settings.lock_path)
    feed = Feed(control, settings.journal_path)
    api = Bedside(settings, control, feed)
    server = Server(api.app(), context, bedside.limits, api.hosts)
    try:
        await server.open(bedside.host, bedside.port)
    except OSError:
        log.exception("bedside_not_started", host=bedside.host, port=bedside.port)
        return 1
    log.info("bedside_started", gateway=settings.gateway, host=bedside.host, port=bedside.port, statement=DISCLAIMER)
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    served = Served(context, *credentials(settings, bedside), control)
    file = metrics.file_of("bedside", settings)

    def values() -> list[metrics.Value]:
        return [
            metrics.Value("pumpd_bedside_connections", server.connections),
            metrics.Value("pumpd_bedside_control_up", not feed.away),
        ]

    return await serve(server, feed, api, served, end, metrics.Speaker("bedside", file, values) if file else None)


if __name__ == "__main__":
    sys.exit(main())
