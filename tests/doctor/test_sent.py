"""The ward's stream is reached step by step; what was not sent has an age; metrics are asked for once."""

import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pumpd.bedside.certificates import make
from pumpd.doctor.brokers import StepError, reach
from pumpd.doctor.examination import examine
from pumpd.doctor.line import Check, State
from pumpd.host.files import place
from pumpd.telemetry.cursor import Position
from pumpd.telemetry.fleet.cursor import FleetCursor
from tests.doctor.gateway import NOW, Gateway
from tests.doctor.test_brokers import broker, context

pytestmark = pytest.mark.realtime


@contextlib.contextmanager
def speaking(*said: bytes, tls: Path | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says this first, then greets by TLS if it has a certificate; what it hears is kept."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                for each in said:
                    connection.sendall(each)
                side = context(tls).wrap_socket(connection, server_side=True) if tls else connection
                received.append(side.recv(1000))
                side.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], received
        finally:
            thread.join()


@pytest.fixture
def tls(tmp_path) -> Path:
    make(tmp_path / "state" / "tls", "node", ["127.0.0.1"])
    return tmp_path / "state" / "tls"


def found(gateway: Gateway, of: str) -> list[Check]:
    return [each for each in examine(gateway.facts) if each.id == of]


def test_a_node_speaks_before_tls_begins_and_hears_nothing(tls):
    with speaking(b'INFO {"server_id":"x",', b'"tls_required":true} \r\n', tls=tls) as (port, received):
        assert reach(broker(port, tls), greets=True) < 3
    assert b"".join(received) == b""


def test_what_is_no_node_is_said(tls):
    with speaking(b"220 smtp ready\r\n") as (port, _), pytest.raises(StepError, match="no NATS server"):
        reach(broker(port, tls, tls=False), greets=True)


OLD = [("2.9.10", True), ("2.10.0", False), ("2.14.1-x", False), ("3.0.1", False)]


@pytest.mark.parametrize(("version", "old"), OLD)
def test_a_node_that_acknowledges_before_its_disk_has_a_message_is_named(tls, version, old):
    said = contextlib.nullcontext() if not old else pytest.raises(StepError, match=r"nats-server 2\.9 .* needs 2\.10")
    with speaking(f'INFO {{"server_id":"x","version":"{version}"}}\r\n'.encode()) as (port, _), said:
        reach(broker(port, tls, tls=False), greets=True)


def test_one_node_of_several_that_is_away_is_a_warning_and_none_a_problem(tmp_path, tls):
    gateway = Gateway(tmp_path / "gateway")
    with speaking(b"INFO {}\r\n") as (port, _):
        gateway.given["fleet"] = {"host": "127.0.0.1", "port": port, "tls": False, "others": ["127.0.0.2"]}
        states = {each.of: each.state for each in found(gateway, "fleet.reachable")}
    assert states == {"127.0.0.1": State.OK, "127.0.0.2": State.WARNING}
    assert {each.state for each in found(gateway, "fleet.reachable")} == {State.PROBLEM}


@pytest.mark.parametrize(
    ("days", "state"), [(-1, State.PROBLEM), (20, State.WARNING), (31, State.OK)], ids=["ended", "ends", "good"]
)
def test_a_certificate_that_ends_is_said_for_each_section(tmp_path, tls, days, state):
    from cryptography import x509

    gateway = Gateway(tmp_path / "gateway")
    mine = gateway.write("/etc/pumpd/fleet.pem", (tls / "gateway.pem").read_text())
    ends = min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(mine.read_bytes()))
    gateway.now = ends - timedelta(days=days)
    gateway.given["fleet"] = {"host": "127.0.0.1", "port": 1, "client_cert": "/etc/pumpd/fleet.pem"}
    (check,) = found(gateway, "broker.certificate")
    assert (check.of, check.state) == ("fleet.client_cert", state)


def test_a_certificate_that_is_not_there_is_named(tmp_path):
    gateway = Gateway(tmp_path / "gateway")
    gateway.given["fleet"] = {"host": "127.0.0.1", "port": 1, "ca_file": "/etc/pumpd/gone.pem"}
    (check,) = found(gateway, "broker.certificate")
    assert check.state is State.PROBLEM
    assert "gone.pem: No such file" in check.found


def cursor_at(gateway: Gateway, number: int) -> Path:
    """The cursor of the ward as it is after this many entries were acknowledged."""
    facts = gateway.facts
    path = facts.machine.at(place("ward's cursor", facts.settings, facts.config).path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(FleetCursor(path)) as cursor:
        cursor.advance(Position(number, "h"))
    return path


@pytest.mark.parametrize(
    ("sent", "later", "state"),
    [
        (2, timedelta(days=9), State.OK),
        (1, timedelta(minutes=59), State.OK),
        (1, timedelta(minutes=62), State.WARNING),
    ],
    ids=["all", "lately", "long ago"],
)
def test_what_is_not_sent_is_yellow_when_it_is_old(tmp_path, sent, later, state):
    gateway = Gateway(tmp_path / "gateway")  # its journal has two entries
    gateway.given["fleet"] = {"host": "127.0.0.1", "port": 1}
    path = cursor_at(gateway, sent)
    before = {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()}
    gateway.now = NOW + later
    (check,) = found(gateway, "telemetry.sent")
    assert (check.of, check.state) == ("fleet", state), check.found
    assert {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()} == before


def test_nothing_was_ever_sent_and_a_damaged_cursor_are_said(tmp_path):
    gateway = Gateway(tmp_path / "gateway")
    gateway.given["fleet"] = {"host": "127.0.0.1", "port": 1}
    assert found(gateway, "telemetry.sent")[0].found == "nothing was ever sent"
    cursor_at(gateway, 1).write_bytes(b"x" * 5000)
    assert found(gateway, "telemetry.sent")[0].state is State.PROBLEM


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b'HTTP/1.1 200 OK\r\n\r\npumpd_up{process="control"} 1.0\npumpd_up{process="telemetry"} 1.0\n', State.OK),
        (b'HTTP/1.1 200 OK\r\n\r\npumpd_up{process="control"} 0.0\npumpd_up{process="telemetry"} 1.0\n', State.PROBLEM),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", State.PROBLEM),
    ],
)
def test_metrics_are_asked_for(tmp_path, answer, state):
    gateway = Gateway(tmp_path / "gateway")
    with speaking(answer) as (port, received):
        gateway.given["metrics"] = {"port": port}
        (check,) = found(gateway, "metrics.served")
    assert check.state is state, check.found
    assert received[0].startswith(b"GET /metrics ")


def test_metrics_that_nobody_serves_are_a_problem_and_without_the_section_there_is_no_line(tmp_path):
    gateway = Gateway(tmp_path / "gateway")
    assert found(gateway, "metrics.served") == []
    with socket.create_server(("127.0.0.1", 0)) as free:
        gateway.given["metrics"] = {"port": free.getsockname()[1]}
    (check,) = found(gateway, "metrics.served")
    assert (check.state, "refused" in check.found) == (State.PROBLEM, True)


def test_sqlite_can_read_a_cursor_that_is_in_use(tmp_path):
    gateway = Gateway(tmp_path / "gateway")
    gateway.given["fleet"] = {"host": "127.0.0.1", "port": 1}
    path = cursor_at(gateway, 1)
    with contextlib.closing(sqlite3.connect(path)) as used:
        used.execute("UPDATE cursor SET id = 2")
        used.commit()
        assert found(gateway, "telemetry.sent")[0].found == "everything, up to entry 2"
