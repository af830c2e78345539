"""The MQTT brokers: reachable, and whether TLS works with the configured files. Nothing of MQTT is sent."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

from pumpd.broker_tls import tls_context
from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, line, not_checked, ok, problem, warning
from pumpd.settings import BrokerSettings, Settings

WITHIN_S = 3.0
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


def reach(broker: BrokerSettings, within_s: float = WITHIN_S) -> float:
    """Connect, greet by TLS and disconnect; returns the seconds that it took. Raises StepError, and PermissionError for
    a file that this user may not read.
    """
    began = time.monotonic()
    context = _context(broker) if broker.tls else None
    try:
        connection = socket.create_connection((broker.host, broker.port), timeout=within_s)
    except socket.gaierror as error:
        raise StepError(f"name: {error.strerror or error}") from error
    except TimeoutError as error:
        raise StepError(f"connection: no answer within {within_s:g} s") from error
    except OSError as error:
        raise StepError(f"connection: {error.strerror or error}") from error
    with connection:
        if context is not None:
            _greet(context, connection, broker.host, max(0.1, within_s - (time.monotonic() - began)))
        return time.monotonic() - began


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


GROUP = Group("MQTT", (_reachable,))
