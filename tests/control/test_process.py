"""The control process as systemd starts it, against `pumpsim` on a real pseudo-terminal. Each test takes seconds."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumpd.journal import JournalReader
from pumpd.settings_file import Read
from tests.patience import PATIENCE_S
from tests.signed import signed_toml

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).parents[2]

CONFIG = """
gateway = "ward-7"
state_dir = "{folder}/state"
{library}
[[pump]]
name = "bed1"
driver = "new-era"
port = "{port}"
serial = "ASSET-1"
model = "ne-1000"
simulated = true
settings.address = 1
"""


class Process:
    def __init__(self, folder: Path, config: str, **environment: str) -> None:
        self.folder = folder
        self.notices: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        file = folder / "pumpd.toml"
        file.write_text(config, encoding="utf-8")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "pumpd.control", "--config", str(file)],
            env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify")} | environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self, line: str) -> None:
        """Wait until this line has been sent to systemd."""
        end = time.monotonic() + PATIENCE_S
        while not any(line in notice.splitlines() for notice in self.notices):
            left = end - time.monotonic()
            assert left > 0, (line, self.notices)
            self._socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                self.notices.append(self._socket.recv(4096).decode())

    def ask(self, **fields: object) -> dict:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(self.folder / "state" / "control.sock"))
            client.sendall(json.dumps(fields).encode() + b"\n")
            with client.makefile() as answers:
                return json.loads(answers.readline())

    def pump(self, **wanted: object) -> dict:
        """The pump's status once it has these values."""
        end = time.monotonic() + PATIENCE_S
        while True:
            pump = self.ask(op="status")["result"]["pumps"][0]
            if all(pump[key] == value for key, value in wanted.items()):
                return pump
            assert time.monotonic() < end, pump
            time.sleep(0.02)

    def end(self) -> tuple[int, list[dict]]:
        """Exit status and the log, which has one JSON object per line."""
        _, err = self.popen.communicate(timeout=PATIENCE_S)
        return self.popen.returncode, [json.loads(line) for line in err.splitlines()]

    def kinds(self) -> list[str]:
        reader = JournalReader(self.folder / "state" / "journal.sqlite3")
        try:
            reader.verify()
            return [entry.kind for entry in reader.after(0)]
        finally:
            reader.close()

    def started(self) -> dict[str, Any]:
        """What the process recorded of its start."""
        reader = JournalReader(self.folder / "state" / "journal.sqlite3")
        try:
            return dict(reader.last(1, "control_started")[0].fields)
        finally:
            reader.close()

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()
        self._socket.close()


@contextlib.contextmanager
def control(folder: Path, port: str, change: str = "", **environment: str) -> Iterator[Process]:
    process = Process(folder, CONFIG.format(folder=folder, library=signed_toml(), port=port) + change, **environment)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def port(tmp_path) -> Iterator[str]:
    """A simulated NE-1000 on a pseudo-terminal."""
    path = tmp_path / "pump"
    simulator = subprocess.Popen(
        [sys.executable, "-m", "pumpd_simulators", "new-era", "--address", "1", "--pty", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert simulator.stdout is not None
    try:
        assert simulator.stdout.readline() == f"ready {path}\n"
        yield str(path)
    finally:
        simulator.terminate()
        simulator.communicate(timeout=PATIENCE_S)


@pytest.mark.requirement("STP-01")
def test_control_starts_serves_stops_and_ends(tmp_path, port):
    with control(tmp_path, port, WATCHDOG_USEC="400000") as process:
        process.hear("READY=1")
        pump = process.pump(problem="", pump_state="stopped")
        assert pump["model"].casefold() == "ne-1000"
        assert pump["simulated"] is True
        process.hear("WATCHDOG=1")
        assert process.ask(op="stop")["ok"]
        socket_path = tmp_path / "state" / "control.sock"
        assert socket_path.is_socket()
        process.popen.send_signal(signal.SIGTERM)
        status, lines = process.end()
        assert status == 0
        assert not socket_path.exists()
        assert [line["event"] for line in lines] == ["control_started", "pump_ready", "control_stopping"]
        assert process.kinds()[0] == "control_started"
        started = process.started()
        assert started["configuration"] == Read(tmp_path / "pumpd.toml").digest
        assert started["simulated"] == {"bed1": True}
        assert process.kinds()[-1] == "control_stopped"
        assert "stop_answered" in process.kinds()


def test_a_second_process_is_refused_and_the_first_continues(tmp_path, port):
    (tmp_path / "second").mkdir()
    with control(tmp_path, port) as first:
        first.hear("READY=1")
        same_place = f'socket = "{tmp_path}/state/control.sock"\n'
        config = same_place + CONFIG.format(folder=tmp_path / "second", library=signed_toml(), port=port)
        second = Process(tmp_path / "second", config)
        status, lines = second.end()
        second.close()
        assert status == 2
        assert lines[-1]["event"] == "control_not_started"
        assert "another pumpd control process is running" in lines[-1]["why"]
        first.pump(problem="")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ('mistyped = "x"\n', ["pumpd.toml", "pump.0.mistyped"]),
        ("settings.addres = 1\n", ["pump bed1", "settings.addres"]),
        (None, ["pumpd.toml", "cannot be read"]),
    ],
)
def test_a_wrong_configuration_ends_with_status_2_and_one_clear_line(tmp_path, change, named):
    with control(tmp_path, "/dev/no-such-port", change or "") as process:
        if change is None:
            (tmp_path / "pumpd.toml").unlink()  # long before the interpreter is up
        status, lines = process.end()
        assert status == 2
        assert [line["event"] for line in lines] == ["control_not_started"]
        assert lines[0]["level"] == "error"
        for part in named:
            assert part in lines[0]["why"]
        assert "READY=1" not in process.notices


def test_a_missing_port_is_named_and_the_rest_works(tmp_path):
    with control(tmp_path, "/dev/no-such-port") as process:
        process.hear("READY=1")
        pump = process.pump(problem="port /dev/no-such-port: there is no such port; check that the cable is plugged in")
        assert pump["pump_state"] is None
        process.popen.send_signal(signal.SIGINT)
        assert process.end()[0] == 0
        assert "pump_unavailable" in process.kinds()
