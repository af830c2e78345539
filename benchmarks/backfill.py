"""Telemetry filling in what a broker missed, beside a bare aiomqtt publisher of the same bytes, both to one mosquitto.

The bare one has everything ready in memory: topics, payloads, properties. It publishes at QoS 1 with as many messages
in flight as telemetry has. Telemetry reads the journal, translates, publishes and moves its cursor. They alternate, so
that other work on the machine weighs on both.
"""

import asyncio
import collections
import contextlib
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes

from benchmarks.result import Result, alone
from benchmarks.size import Size
from pumpd import mqtt
from pumpd.host.name_taken import NameTaken
from pumpd.journal import Entry, Journal, JournalReader
from pumpd.settings import Settings
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.messages import SCHEMA, Translator
from pumpd.telemetry.service import Telemetry
from tests.mosquitto import MOSQUITTO

ENTRIES = 2_000
ROUNDS = 15
AT_ONCE = 500  # entries a transaction
RATIO = 0.9
MEMORY_MB = 51.0  # what it took when it sent in one lane


def _settings(folder, port):
    pump = {"name": "bed1", "driver": "new-era", "port": "/dev/null", "serial": "1", "model": "NE-1000"}
    broker = {"host": "127.0.0.1", "port": port, "tls": False}
    return Settings.model_validate(
        {"gateway": "bench", "state_dir": folder, "mqtt": broker, "pump": [{**pump, "simulated": True}]}
    )


def _reading(number):
    body = {
        "state": "running", "pump_state": "infusing", "rate_ml_h": "52.5", "volume_infused_ml": str(number / 1000),
        "volume_remaining_ml": "20.5", "lease_s": 9.4, "running_s": number, "elapsed_s": number, "digest": "ab" * 32,
        "frames": [{"t": number, "dir": "out", "hex": "0d" * 12}, {"t": number, "dir": "in", "hex": "02" * 20}],
    }  # fmt: skip
    return Entry("reading", body, "bed1", "session-1", number * 10**9)


async def _telemetry(folder, settings, entries):
    for old in folder.glob("telemetry.sqlite3*"):
        old.unlink()
    cursor = Cursor(folder / "telemetry.sqlite3")
    cursor.completed()
    telemetry = Telemetry(settings, settings.mqtt, cursor, random.Random(1), NameTaken(folder / "name-taken"))
    begun, cpu = time.perf_counter(), time.process_time()
    task = asyncio.create_task(telemetry.run())
    while cursor.position.id < entries:  # noqa: ASYNC110 - nothing sets an Event
        await asyncio.sleep(0.01)
    took = time.perf_counter() - begun, time.process_time() - cpu
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    cursor.close()
    return took


async def _bare(port, messages):
    """As aiomqtt is meant to be used: a task for each message that is in flight."""
    left = collections.deque(messages)
    properties = {each.expiry_s: mqtt._properties(each.expiry_s, SCHEMA, PacketTypes.PUBLISH) for each in messages[:50]}
    begun, cpu = time.perf_counter(), time.process_time()
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        client.pending_calls_threshold = mqtt.WINDOW

        async def publish():
            while left:
                each = left.popleft()
                await client.publish(
                    each.topic, each.payload, qos=1, retain=each.retain, properties=properties[each.expiry_s]
                )

        await asyncio.gather(*(publish() for _ in range(mqtt.WINDOW)))
    return time.perf_counter() - begun, time.process_time() - cpu


async def _measured(folder, port, entries, rounds):
    settings = _settings(folder, port)
    with contextlib.closing(Journal(folder / "journal.sqlite3", boot="b")) as journal:
        for first in range(0, entries, AT_ONCE):
            journal.append([_reading(number) for number in range(first + 1, first + AT_ONCE + 1)])
    translator = Translator("bench", {"bed1": True})
    with contextlib.closing(JournalReader(folder / "journal.sqlite3")) as reader:
        messages = [message for entry in reader.all() for message in translator.late(entry)]
    return [(await _bare(port, messages), await _telemetry(folder, settings, entries)) for _ in range(rounds)]


async def _own_process(folder, port, entries):
    """What the process of telemetry takes at most while it fills in, in MB."""
    config = folder / "pumpd.toml"
    config.write_text(
        f'gateway = "bench"\nstate_dir = "{folder}"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n'
        '[[pump]]\nname = "bed1"\ndriver = "new-era"\nport = "/dev/null"\nserial = "1"\nmodel = "NE-1000"\n'
        "simulated = true\n",
        encoding="utf-8",
    )
    for old in folder.glob("telemetry.sqlite3*"):
        old.unlink()
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("pumpd/v1/bench/$anchor", qos=1)
        command = [sys.executable, "-m", "pumpd.telemetry", "--config", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220 - it runs on
        try:
            async for message in client.messages:
                if not message.retain and json.loads(message.payload)["seq"] == entries:
                    break
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")  # noqa: ASYNC240 - no disk
            rows = dict(row.split(":", 1) for row in status.splitlines())
        finally:
            process.terminate()
            process.wait(10)
    return int(rows["VmHWM"].split()[0]) * 1024 / 1e6


def measure(size: Size = Size.WHOLE) -> list[Result]:
    entries = size.of(ENTRIES, AT_ONCE)
    with tempfile.TemporaryDirectory() as given, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        folder, port = Path(given), probe.getsockname()[1]
        probe.close()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
        broker = subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            rounds = asyncio.run(_measured(folder, port, entries, size.of(ROUNDS, 1)))
            memory = asyncio.run(_own_process(folder, port, entries))
        finally:
            broker.terminate()
            broker.wait(10)
    bare_s, ours_s = (statistics.median(each[column][0] for each in rounds) for column in (0, 1))
    wall = statistics.median(bare[0] / ours[0] for bare, ours in rounds)
    cpu = statistics.median(bare[1] / ours[1] for bare, ours in rounds)
    details = {
        "messages_s": {"bare": round(entries / bare_s), "telemetry": round(entries / ours_s)},
        "ratio by CPU time": round(cpu, 3),
        "ratio by round": [round(bare[0] / ours[0], 2) for bare, ours in rounds],
    }
    return [
        Result("back-fill, rate over a bare aiomqtt publisher", wall, RATIO, "", at_least=True, details=details),
        Result("back-fill, memory of telemetry", memory, MEMORY_MB, "MB"),
    ]


if __name__ == "__main__":
    alone(measure)
