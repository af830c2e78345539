"""`python -m pumpd.bedside --config PATH`: serve the tablets of this gateway over HTTPS."""

import argparse
import asyncio
import contextlib
import os
import signal
import ssl
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog
import uvicorn

from pumpd import logs
from pumpd.bedside.app import Bedside
from pumpd.bedside.feed import Feed
from pumpd.bedside.link import ControlLink
from pumpd.messages.requests import DISCLAIMER
from pumpd.notify import notify, watchdog_interval_s
from pumpd.settings import DEFAULT_PATH, BedsideSettings, Settings, SettingsError

CONFIG_REFUSED = 2
END_WITHIN_S = 2
MOST_CONNECTIONS = 200

log = structlog.get_logger("pumpd.bedside")


class _Server(uvicorn.Server):
    """Signals are this process's own business: streams must be told to end before the server waits for them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def credentials(settings: Settings, bedside: BedsideSettings) -> tuple[Path, Path]:
    """Certificate and key: the configured ones, systemd's credentials, or those that `pumpd tls` made."""
    given = Path(os.environ.get("CREDENTIALS_DIRECTORY", settings.tls_dir))
    own = given if (given / "gateway.pem").exists() else settings.tls_dir
    return bedside.tls_cert or own / "gateway.pem", bedside.tls_key or own / "gateway.key"


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.3 and nothing older. Raises SettingsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError([f"bedside: certificate {cert}, key {key}: {error}; `pumpd tls` makes both"]) from error
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
        return CONFIG_REFUSED
    return asyncio.run(_serve(settings, settings.bedside, context))


async def _serve(settings: Settings, bedside: BedsideSettings, context: ssl.SSLContext) -> int:
    control = ControlLink(settings.tablet_socket_path)
    feed = Feed(control, settings.journal_path)
    served = Bedside(settings, control, feed)
    config = uvicorn.Config(
        served.app(),
        host=bedside.host,
        port=bedside.port,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=END_WITHIN_S,
        ssl_context_factory=lambda _config, _default: context,
    )
    server = _Server(config)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    tasks = [
        asyncio.create_task(feed.run(), name="feed"),
        asyncio.create_task(_say_ready(server, settings, bedside), name="ready"),
    ]
    serving = asyncio.create_task(_served(server), name="server")
    waiting = asyncio.create_task(told.wait(), name="signal")
    await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
    notify("STOPPING=1")
    await feed.close()
    await served.close()
    server.should_exit = True
    for task in (*tasks, waiting):
        task.cancel()
    await asyncio.gather(serving, *tasks, waiting, return_exceptions=True)
    log.info("bedside_stopped")
    return 0 if server.started else 1


async def _served(server: uvicorn.Server) -> None:
    try:
        await server.serve()
    except SystemExit:  # how uvicorn says that the port cannot be had; it has logged why
        log.exception("bedside_not_started", host=server.config.host, port=server.config.port)


async def _say_ready(server: uvicorn.Server, settings: Settings, bedside: BedsideSettings) -> None:
    """Ready once it listens; then the watchdog, for which a turn of the loop is the evidence."""
    while not server.started:  # noqa: ASYNC110  # uvicorn offers no event
        await asyncio.sleep(0.05)
    notify("READY=1", f"STATUS=tablets on port {bedside.port}")
    log.info("bedside_started", gateway=settings.gateway, host=bedside.host, port=bedside.port, statement=DISCLAIMER)
    interval = watchdog_interval_s()
    while interval is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)


if __name__ == "__main__":
    sys.exit(main())
