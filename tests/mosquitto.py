"""A real mosquitto on a free loopback port, for the tests that need a broker."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Broker:
    """mosquitto with its state on disk, so that subscriptions survive a kill as they do in a real installation."""

    def __init__(self, folder: Path) -> None:
        if MOSQUITTO is None:
            pytest.fail("these tests need a real broker: install mosquitto (apt-get install mosquitto, or `make test`)")
        self.folder, self.process = folder, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.lines = ["allow_anonymous true"]

    def configuration(self) -> str:
        lines = [
            f"listener {self.port} 127.0.0.1",
            *self.lines,
            "user root",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "max_queued_messages 0",
        ]
        return "\n".join(lines) + "\n"

    def start(self) -> None:
        config = self.folder / "mosquitto.conf"
        config.write_text(self.configuration())
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"mosquitto did not start:\n{(self.folder / 'mosquitto.log').read_text()}")
            time.sleep(0.02)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
            self.process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder)
    broker.start()
    yield broker
    broker.end()
