"""The broker is reached step by step, and the line says which step failed. Nothing of MQTT is sent."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pumpd.bedside.certificates import make
from pumpd.doctor.brokers import StepError, reach
from pumpd.doctor.examination import examine
from pumpd.doctor.line import State
from pumpd.settings_brokers import BrokerSettings
from tests.doctor.gateway import Gateway

pytestmark = pytest.mark.realtime


@pytest.fixture
def tls(tmp_path) -> Path:
    make(tmp_path / "state" / "tls", "broker", ["127.0.0.1"])
    return tmp_path / "state" / "tls"


@contextmanager
def server(context: ssl.SSLContext | None, *, greet: bool = True) -> Iterator[tuple[int, list[bytes]]]:
    """One connection, of which everything that arrives is kept. Without `greet` it never answers."""
    received: list[bytes] = []
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                if not greet:
                    ended.wait()
                    return
                try:
                    side = context.wrap_socket(connection, server_side=True) if context else connection
                    with side:
                        received.append(side.recv(100))
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], received
        finally:
            ended.set()
            thread.join()


def context(tls: Path, *, client: Path | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client)
    made.load_cert_chain(tls / "gateway.pem", tls / "gateway.key")
    if client is not None:
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def broker(port: int, trusted: Path, **more) -> BrokerSettings:
    return BrokerSettings.model_validate({"host": "127.0.0.1", "port": port, "ca_file": trusted / "ca.pem"} | more)


def test_a_good_broker_is_reached_and_nothing_is_sent(tls):
    with server(context(tls)) as (port, received):
        assert reach(broker(port, tls)) < 3
    assert b"".join(received) == b""


def test_a_broker_without_tls_is_reached(tls):
    with server(None) as (port, received):
        reach(broker(port, tls, tls=False))
    assert b"".join(received) == b""


def test_a_certificate_of_another_authority_is_named(tls, tmp_path):
    make(tmp_path / "other" / "tls", "x", ["127.0.0.1"])
    with (
        server(context(tls)) as (port, _),
        pytest.raises(StepError, match="certificate: "),
    ):
        reach(broker(port, tmp_path / "other" / "tls"))


def test_a_certificate_of_another_name_is_named(tls, tmp_path):
    make(tmp_path / "other" / "tls", "x", ["broker.example.org"])
    other = tmp_path / "other" / "tls"
    with server(context(other)) as (port, _), pytest.raises(StepError, match="IP address mismatch"):
        reach(broker(port, other))


def test_a_broker_that_wants_a_client_certificate_is_not_called_good(tls):
    with server(context(tls, client=tls / "ca.pem")) as (port, _), pytest.raises(StepError, match=r"^TLS: "):
        reach(broker(port, tls))


def test_a_closed_port_is_a_failed_connection(tls):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StepError, match="connection: Connection refused"):
        reach(broker(port, tls))


def test_a_server_that_never_greets_ends_the_wait(tls):
    with server(None, greet=False) as (port, _), pytest.raises(StepError, match="TLS: no answer"):
        reach(broker(port, tls), within_s=0.2)


def test_a_missing_file_is_named(tls):
    with pytest.raises(StepError, match=r"TLS files: .*gone\.pem: No such file"):
        reach(broker(1, tls, ca_file=tls / "gone.pem"))


def test_the_line_names_the_process_that_uses_the_broker(tmp_path, tls):
    gateway = Gateway(tmp_path / "gateway")
    gateway.given["mqtt"] = {"host": "127.0.0.1", "port": 1, "ca_file": str(tls / "ca.pem")}
    gateway.machine.units |= {"pumpd-telemetry.service": {}}
    (found,) = [each for each in examine(gateway.facts) if each.id == "broker.reachable"]
    assert (found.state, found.of) == (State.PROBLEM, "telemetry")
    assert "connection: Connection refused" in found.found
