"""`pumpd watch`: the pumps of this gateway, or by MQTT those of any gateway, shown repeatedly."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from pumpd.cli.client import CONFIG, Config, Json, NoAnswerError, connected, fail, load_settings, refuse, show
from pumpd.cli.over_mqtt import Seen
from pumpd.cli.panels import screen
from pumpd.cli.terminal import visible
from pumpd.cli.wording import status_text
from pumpd.extras import needs
from pumpd.messages.requests import StatusRequest
from pumpd.settings_brokers import BrokerSettings

PORTS = {"mqtt": 1883, "mqtts": 8883}

File = Annotated[Path | None, typer.Option()]


def watch(
    url: Annotated[
        str | None, typer.Argument(help="With --mqtt: mqtts://HOST or mqtt://HOST. Default: the broker of [mqtt].")
    ] = None,
    *,
    mqtt: Annotated[bool, typer.Option("--mqtt", help="Show every gateway of a broker, by MQTT.")] = False,
    gateway: Annotated[str, typer.Option(help="With --mqtt: only this gateway.")] = "+",
    ca_file: File = None,
    client_cert: File = None,
    client_key: File = None,
    username: Annotated[str | None, typer.Option()] = None,
    password_file: File = None,
    every: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between two polls.")] = 0.5,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Show the status repeatedly until Ctrl-C; with --json, one line each time. By MQTT nothing can be operated."""
    if not mqtt and url is not None:
        refuse(["URL: only with --mqtt"], as_json=as_json)
    try:
        if mqtt:
            given = {
                "ca_file": ca_file,
                "client_cert": client_cert,
                "client_key": client_key,
                "username": username,
                "password_file": password_file,
            }
            broker = _broker(url, given, as_json=as_json) if url else _configured(config, as_json=as_json)
            asyncio.run(_by_mqtt(broker, gateway, every, as_json=as_json))
        else:
            _by_control(config, every, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit from None


def _by_control(config: Path, every: float, *, as_json: bool) -> None:
    settings = load_settings(config, as_json=as_json)
    try:
        on = screen(err=as_json)
        with connected(settings) as client, on.live() as live:
            while True:
                found = client.ask(StatusRequest()).result
                if as_json or not on.is_terminal:
                    show(found, status_text(visible(found)), as_json=as_json)
                else:
                    live.show(status_text(visible(found)))
                time.sleep(every)
    except NoAnswerError as error:
        fail(str(error), as_json=as_json)


def _configured(config: Path, *, as_json: bool) -> BrokerSettings:
    settings = load_settings(config, as_json=as_json)
    if settings.mqtt is None:
        refuse(
            [f"{config}: it has no section [mqtt]; name the broker: pumpd watch --mqtt mqtts://HOST"], as_json=as_json
        )
    return settings.mqtt


def _broker(url: str, given: Mapping[str, object], *, as_json: bool) -> BrokerSettings:
    """The broker at this address, or exit status 2."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
        if parts.scheme not in PORTS or not host or port is None or parts.path.strip("/") or parts.query:
            refuse([f"{url}: mqtts://HOST:PORT or mqtt://HOST:PORT is needed"], as_json=as_json)
        if parts.password is not None or parts.username is not None:
            refuse(["URL: a name goes into --username, a password into a file (--password-file)"], as_json=as_json)
        return BrokerSettings.model_validate({"host": host, "port": port, "tls": parts.scheme == "mqtts", **given})
    except (ValueError, ValidationError) as error:
        refuse([f"{url}: {error}"], as_json=as_json)


async def _by_mqtt(broker: BrokerSettings, gateway: str, every: float, *, as_json: bool) -> None:
    with needs("telemetry"):
        from pumpd.mqtt import BrokerError, watching  # noqa: PLC0415 - other commands do without MQTT
    seen, on = Seen(), screen(err=as_json)
    name = f"pumpd-watch-{secrets.token_hex(4)}"  # two terminals do not end each other's connection
    try:
        async with (
            watching(
                broker,
                name,
                [f"pumpd/v1/{gateway}/#"],
                lambda topic, payload, _stored: seen.hear(topic, payload, _now()),
            ) as made,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(made.lost())
            with on.live() as live:
                while True:
                    await asyncio.sleep(every)
                    if as_json or not on.is_terminal:
                        show(seen.data(_now()), seen.text(_now()), as_json=as_json)
                    else:
                        live.show(seen.text(_now()))
    except BrokerError as error:
        fail(str(error), as_json=as_json)
    except ExceptionGroup as errors:
        fail(str(errors.exceptions[0]), as_json=as_json)


def _now() -> float:
    return asyncio.get_running_loop().time()
