"""sd_notify(3), against a real datagram socket."""

import os
import socket
from collections.abc import Iterator

import pytest

from pumpd.notify import notify, watchdog_interval_s


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path, monkeypatch) -> Iterator[socket.socket]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@pumpd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiver


def test_a_notice_is_one_datagram_of_lines(systemd):
    assert notify("READY=1", "STATUS=2 pumps, 1 infusing")
    assert systemd.recv(1000) == b"READY=1\nSTATUS=2 pumps, 1 infusing"


def test_text_cannot_smuggle_in_another_assignment(systemd):
    notify("STATUS=pump says\nSTOPPING=1")
    assert systemd.recv(1000) == b"STATUS=pump says STOPPING=1"


def test_without_systemd_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")


def test_the_watchdog_is_fed_at_half_its_time_and_only_by_the_process_it_watches(monkeypatch):
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    assert watchdog_interval_s() == 5.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert watchdog_interval_s() is None
    monkeypatch.delenv("WATCHDOG_USEC")
    assert watchdog_interval_s() is None
