"""The MQTT brokers, and the nodes of the ward's stream: reachable, and whether TLS works with the configured files.
Nothing of MQTT or NATS is sent.
"""

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cryptography import x509

from pumpd.broker_tls import tls_context
from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, line, not_checked, ok, problem, warning
from pumpd.doctor.sent import sent, served
from pumpd.doctor.tablets import validity
from pumpd.settings import Settings
from pumpd.settings_brokers import BrokerSettings

WITHIN_S = 3.0
LONGEST_INFO = 64 * 1024
LEAST_NATS = (2, 10)  # the first that can be told to write to the disk before it acknowledges
_VERSION = re.compile(rb'"version" ?: ?"(\d{1,4})\.(\d{1,4})')
REFUSAL_WITHIN_S = 0.3  # in TLS 1.3 a broker refuses a client's certificate only after the handshake


class StepError(Exception):
    """A step failed; the message says which one and why."""


def brokers(settings: Settings) -> dict[str, BrokerSettings]:
    """Each configured broker by the process that uses it."""
    found: dict[str, BrokerSettings] = {}
    if settings.mqtt is not None:
        found["telemetry"] = settings.mqtt
    if settings.vitals is not None and settings.vitals.broker is not None:
        found["vitals"] = settings.vitals.broker
    return found


@line(
    "broker.reachable",
    "MQTT broker",
    when="it cannot be reached within 3 s, or TLS fails; the line says at which step",
    to_do="Name: see `host` and the DNS. Connection: is the broker running, and does a firewall let this gateway "
    "through? TLS: compare `ca_file`, and the name in the broker's certificate.",
)
def _reachable(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    for name, broker in brokers(facts.settings).items():
        where = f"{broker.host}:{broker.port}"
        try:
            took_s = reach(broker)
        except PermissionError as error:
            yield not_checked(f"{NEEDS_ROOT} for {error.filename}", of=name)
        except StepError as error:
            yield problem(f"{where}: {error}", of=name)
        else:
            how = "TLS good" if broker.tls else "without TLS"
            found = f"{where}: {how}, {took_s * 1000:.0f} ms"
            yield (
                ok(found, of=name)
                if broker.tls or broker.host in ("localhost", "127.0.0.1", "::1")
                else warning(found, "Set `tls = true`: the network can read and change what is published.", of=name)
            )


@line(
    "fleet.reachable",
    "Ward's stream",
    when="no node can be reached within 3 s, TLS fails, or nats-server is older than 2.10 (red); the same of one of "
    "several (yellow); the line says at which step",
    to_do="As for a broker, with `[fleet]`. The journal keeps everything until a node is back.",
)
def _stream(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    fleet = facts.settings.fleet
    if fleet is None:
        return
    failed: dict[str, str] = {}
    hosts = (fleet.host, *fleet.others)
    for host in hosts:
        where = f"{host}:{fleet.port}"
        try:
            took_s = reach(fleet, host=host, greets=True)
        except PermissionError as error:
            yield not_checked(f"{NEEDS_ROOT} for {error.filename}", of=host)
        except StepError as error:
            failed[host] = f"{where}: {error}"
        else:
            yield ok(f"{where}: {'TLS good' if fleet.tls else 'without TLS'}, {took_s * 1000:.0f} ms", of=host)
    for host, why in failed.items():
        yield problem(why, of=host) if len(failed) == len(hosts) else warning(why, of=host)


def connections(settings: Settings) -> dict[str, BrokerSettings]:
    """Everything that this gateway connects to outside, by its section."""
    monitors = settings.vitals.broker if settings.vitals is not None else None
    found = {"mqtt": settings.mqtt, "fleet": settings.fleet, "vitals.broker": monitors}
    return {section: each for section, each in found.items() if each is not None}


@line(
    "broker.certificate",
    "Certificates for brokers",
    when="one of `client_cert` and `ca_file` cannot be read or has ended (red), or ends within 30 days (yellow)",
    to_do="Renew it at the site's authority, and restart the service that uses it.",
)
def _certificates(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    for section, broker in connections(facts.settings).items():
        files = {"client_cert": broker.client_cert, "ca_file": broker.ca_file} if broker.tls else {}
        for key, path in files.items():
            if path is not None:
                yield from _ends(facts, path, f"{section}.{key}")


def _ends(facts: Facts, path: Path, of: str) -> Iterator[Finding]:
    try:
        held = x509.load_pem_x509_certificates(facts.machine.at(path).read_bytes())
    except PermissionError:
        yield not_checked(f"{NEEDS_ROOT} for {path}", of=of)
        return
    except OSError as error:
        yield problem(f"{path}: {error.strerror}", of=of)
        return
    except ValueError:
        yield problem(f"{path}: it holds no certificate", of=of)
        return
    first = min(held, key=lambda each: each.not_valid_after_utc)
    wrong = list(validity(first, facts.now, str(path)))
    good = ok(f"until {first.not_valid_after_utc:%Y-%m-%d}")
    yield from (replace(each, of=of) for each in (wrong or [good]))


def reach(broker: BrokerSettings, within_s: float = WITHIN_S, *, host: str = "", greets: bool = False) -> float:
    """Connect, greet by TLS and disconnect; returns the seconds that it took. Raises StepError, and PermissionError for
    a file that this user may not read.

    `host`: instead of the broker's. `greets`: the server speaks before TLS begins, as NATS does.
    """
    began = time.monotonic()
    host = host or broker.host
    context = _context(broker) if broker.tls else None
    try:
        connection = socket.create_connection((host, broker.port), timeout=within_s)
    except socket.gaierror as error:
        raise StepError(f"name: {error.strerror or error}") from error
    except TimeoutError as error:
        raise StepError(f"connection: no answer within {within_s:g} s") from error
    except OSError as error:
        raise StepError(f"connection: {error.strerror or error}") from error
    with connection:
        if greets:
            _hear(connection)
        if context is not None:
            _greet(context, connection, host, max(0.1, within_s - (time.monotonic() - began)))
        return time.monotonic() - began


def _hear(connection: socket.socket) -> None:
    """The first line of a NATS server. Raises StepError."""
    heard = b""
    try:
        while b"\r\n" not in heard and len(heard) < LONGEST_INFO:
            if not (more := connection.recv(4096)):
                break
            heard += more
    except OSError as error:
        raise StepError("greeting: the server did not say what it is") from error
    if not heard.startswith(b"INFO "):
        raise StepError("greeting: this is no NATS server")
    if (version := _VERSION.search(heard)) and (int(version[1]), int(version[2])) < LEAST_NATS:
        found = f"{int(version[1])}.{int(version[2])}"
        raise StepError(
            f"greeting: nats-server {found} acknowledges before its disk has a message, and a power cut may lose it; "
            "the ward needs 2.10 or later"
        )


def _context(broker: BrokerSettings) -> ssl.SSLContext:
    for file in (broker.ca_file, broker.client_cert, broker.client_key):
        _readable(file)
    try:
        return tls_context(broker)
    except (OSError, ssl.SSLError) as error:
        raise StepError(f"TLS files: {error}") from error


def _readable(file: Path | None) -> None:
    if file is None:
        return
    try:
        file.open("rb").close()
    except PermissionError:
        raise
    except OSError as error:
        raise StepError(f"TLS files: {file}: {error.strerror}") from error


def _greet(context: ssl.SSLContext, connection: socket.socket, host: str, within_s: float) -> None:
    connection.settimeout(within_s)
    try:
        with context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=True) as greeted:
            greeted.settimeout(REFUSAL_WITHIN_S)
            with contextlib.suppress(TimeoutError):  # a broker waits for the client to begin
                if not greeted.recv(1):
                    raise StepError("TLS: the broker closed the connection after the handshake")
    except ssl.SSLCertVerificationError as error:
        raise StepError(f"TLS: the broker's certificate: {error.verify_message}") from error
    except TimeoutError as error:
        raise StepError(f"TLS: no answer within {WITHIN_S:g} s") from error
    except (OSError, ssl.SSLError) as error:
        raise StepError(f"TLS: {getattr(error, 'reason', None) or error.strerror or error}") from error


GROUP = Group("MQTT and the ward", (_reachable, _stream, _certificates, sent, served))
