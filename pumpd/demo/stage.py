"""What the demo runs: an MQTT broker, `pumpsim` on a pseudo-terminal, and the gateway, each in its own process."""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iotcore import Broker
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from pumpd.cli.client import ControlClient, NoAnswerError
from pumpd.demo.monitor import monitor_command, vitals_sections
from pumpd.demo.script import Script
from pumpd.demo.stage_error import StageError
from pumpd.demo.tablet import certify
from pumpd.library.files import default_library
from pumpd.library.signing import throwaway
from pumpd.messages.requests import StatusRequest
from pumpd.settings import Settings

START_WITHIN_S = 20.0
PUMP = "bed1"
LOOPBACK = "127.0.0.1"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Telemetry:
    """A subscriber that counts what the gateway publishes."""

    def __init__(self, port: int) -> None:
        self.messages = 0
        self.topics: set[str] = set()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("pumpd/v1/#", qos=1)
        self._client.on_message = lambda _client, _data, message: self._received(message.topic)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _received(self, topic: str) -> None:
        self.messages += 1
        self.topics.add(topic)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Stage:
    settings: Settings
    client: ControlClient
    telemetry: Telemetry
    truth_url: str
    tablet: str = ""  # its address; empty without one
    monitor: int | None = None  # its control port; None without one

    def truth(self) -> dict[str, Any]:
        """What the simulated pump really did, from its control port."""
        with urllib.request.urlopen(self.truth_url, timeout=5) as answer:  # noqa: S310  # http on loopback
            found: dict[str, Any] = json.load(answer)
            return found


@contextlib.contextmanager
def stage(folder: Path, script: Script) -> Iterator[Stage]:
    """Start and connect everything, and end it all afterwards. Raises StageError."""
    with contextlib.ExitStack() as stack:
        broker = _free_port()
        stack.enter_context(_broker(folder, broker))
        telemetry = Telemetry(broker)
        stack.callback(telemetry.close)
        control_port = _free_port()
        port = folder / "pump"
        simulator = stack.enter_context(_process(folder, "pumpsim", _pumpsim(port, script, control_port)))
        config, tablet = _write_config(folder, port, script.speed, broker), ""
        if script.tablet_host:
            tablet_port = script.tablet_port or _free_port()
            certify(folder, script.tablet_host)
            _add(config, _tablet_section(script.tablet_host, tablet_port, control_port))
            name = "localhost" if script.tablet_host == LOOPBACK else script.tablet_host
            tablet = f"https://{name}:{tablet_port}"
        if script.monitor is not None:
            _add(config, vitals_sections(PUMP, broker))
        settings = Settings.load(config)
        gateway = [sys.executable, "-m", "pumpd", "run", "--config", str(config)]
        stack.enter_context(_process(folder, "gateway", gateway))  # it waits for its pump by itself
        _await_ready(folder, "pumpsim", simulator)
        client = _connect(folder, settings)
        stack.enter_context(client)
        monitor_port = None
        if script.monitor is not None:
            monitor_port = _free_port()
            command = monitor_command(broker, script.speed, script.seed, script.monitor, monitor_port)
            _await_ready(folder, "monitor", stack.enter_context(_process(folder, "monitor", command)))
        truth = f"http://127.0.0.1:{control_port}/truth"
        yield Stage(settings, client, telemetry, truth, tablet, monitor_port)


@contextlib.contextmanager
def _broker(folder: Path, port: int) -> Iterator[None]:
    """An MQTT 5 broker on loopback. It does not also serve 3.1.1, because rumqttd dies when it passes such clients a
    message with properties.
    """
    path = folder / "broker.toml"
    path.write_text(
        f"""id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 65536
max_inflight_count = 200
dynamic_filters = true
""",
        encoding="utf-8",
    )
    with Broker(config_path=str(path)):
        yield


@contextlib.contextmanager
def _process(folder: Path, name: str, command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process whose output goes to a file in the folder. It is terminated at the end, also when the demo is killed;
    and killed if that does not help.
    """
    if (setpriv := shutil.which("setpriv")) is not None:  # of util-linux, which every Debian has
        command = [setpriv, "--pdeathsig", "TERM", "--", *command]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)  # noqa: S603  # pumpd's programs
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _log_end(folder: Path, name: str) -> str:
    text = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    return "\n".join(text.splitlines()[-5:]) or "nothing"


def _pumpsim(port: Path, script: Script, control: int) -> list[str]:
    command = [sys.executable, "-m", "pumpd_simulators", "new-era", "--pty", str(port), "--speed", str(script.speed)]
    command += ["--address", "1", "--seed", str(script.seed), "--control", f"127.0.0.1:{control}"]
    for fault in script.faults:
        command += ["--fault", fault]
    return command


def _await_ready(folder: Path, name: str, simulator: "subprocess.Popen[bytes]") -> None:
    assert simulator.stdout is not None
    ready, _, _ = select.select([simulator.stdout], [], [], START_WITHIN_S)
    line = os.read(simulator.stdout.fileno(), 4096) if ready else b""
    if not line.startswith(b"ready"):
        raise StageError(f"{name} did not start; its log ends: {_log_end(folder, name)}")


def _write_config(folder: Path, port: Path, speed: int, broker: int) -> Path:
    """Write the configuration, with a library signed by a key that is made here and thrown away: a start needs a
    signature even in a demo.
    """
    path = folder / "pumpd.toml"
    path.write_text(
        f"""gateway = "demo"
state_dir = "{folder}"
{throwaway(default_library(), folder / "library")}
[simulation]
time_scale = {speed}

[mqtt]
host = "127.0.0.1"
port = {broker}
tls = false

[[pump]]
name = "{PUMP}"
driver = "new-era"
port = "{port}"
model = "ne-1000"
serial = "SIMULATED-1"
simulated = true
settings = {{ address = 1 }}
""",
        encoding="utf-8",
    )
    return path


def _tablet_section(host: str, port: int, control_port: int) -> str:
    return f"""
[bedside]
host = "{host}"
port = {port}

[bedside.bench]
{PUMP} = "http://127.0.0.1:{control_port}"
"""


def _add(config: Path, sections: str) -> None:
    with config.open("a", encoding="utf-8") as file:
        file.write(sections)


def _connect(folder: Path, settings: Settings) -> ControlClient:
    """Wait until the gateway answers and its pump is ready."""
    end = time.monotonic() + START_WITHIN_S
    client: ControlClient | None = None
    while time.monotonic() < end:
        try:
            client = client or ControlClient(settings.socket_path)
            if not client.ask(StatusRequest()).result["pumps"][0]["problem"]:
                return client
        except NoAnswerError:
            client = None
        time.sleep(0.05)
    raise StageError(f"the gateway did not start; its log ends: {_log_end(folder, 'gateway')}")
