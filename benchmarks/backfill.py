"""Telemetry filling in what a broker missed, beside a bare aiomqtt publisher of the same bytes, both to one mosquitto.

The bare one has everything ready in memory: topics, payloads, properties. It publishes at QoS 1 with as many messages
in flight as telemetry has. Telemetry reads the journal, translates, publishes and moves its cursor. Alternating, so that
other work on the machine weighs on both.
"""

import asyncio
import collections
import contextlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes

from benchmarks.result import Result, alone
from benchmarks.tablet_stop import _free_port
from pumpd import mqtt
from pumpd.host.name_taken import NameTaken
from pumpd.journal import Entry, Journal, JournalReader
from pumpd.settings import Settings
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.messages import SCHEMA, Translator
from pumpd.telemetry.service import Telemetry
from tests.mosquitto import MOSQUITTO

ENTRIES = 5_000
ROUNDS = 5
RATIO = 0.9
MEMORY_MB = 51.0  # before telemetry sent in two lanes


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


async def _telemetry(folder, settings):
    for old in folder.glob("telemetry.sqlite3*"):
        old.unlink()
    cursor = Cursor(folder / "telemetry.sqlite3")
    cursor.completed()
    telemetry = Telemetry(settings, settings.mqtt, cursor, random.Random(1), NameTaken(folder / "name-taken"))
    begun = time.perf_counter()
    task = asyncio.create_task(telemetry.run())
    while cursor.position.id < ENTRIES:
        await asyncio.sleep(0.01)
    took = time.perf_counter() - begun
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    cursor.close()
    return took


async def _bare(port, messages):
    """As aiomqtt is meant to be used: a task for each message that is in flight."""
    left = collections.deque(messages)
    properties = {each.expiry_s: mqtt._properties(each.expiry_s, SCHEMA, PacketTypes.PUBLISH) for each in messages[:50]}
    begun = time.perf_counter()
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        client.pending_calls_threshold = mqtt.WINDOW

        async def publish():
            while left:
                each = left.popleft()
                await client.publish(
                    each.topic, each.payload, qos=1, retain=each.retain, properties=properties[each.expiry_s]
                )

        await asyncio.gather(*(publish() for _ in range(mqtt.WINDOW)))
    return time.perf_counter() - begun


async def _measured(folder, port):
    settings = _settings(folder, port)
    with contextlib.closing(Journal(folder / "journal.sqlite3", boot="b")) as journal:
        for first in range(0, ENTRIES, 1000):
            journal.append([_reading(number) for number in range(first + 1, first + 1001)])
    translator = Translator("bench", {"bed1": True})
    with contextlib.closing(JournalReader(folder / "journal.sqlite3")) as reader:
        messages = [message for entry in reader.all() for message in translator.late(entry)]
    rounds = []
    for _ in range(ROUNDS):
        rounds.append((await _bare(port, messages), await _telemetry(folder, settings)))
    return rounds


async def _alone(folder, port):
    """In a process of its own, for its memory."""
    await _telemetry(folder, _settings(folder, port))


def measure() -> list[Result]:
    with tempfile.TemporaryDirectory() as given:
        folder, port = Path(given), _free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8")
        broker = subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            rounds = asyncio.run(_measured(folder, port))
            command = [sys.executable, "-m", "benchmarks.backfill", "memory", str(folder), str(port)]
            memory = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
        finally:
            broker.terminate()
            broker.wait(10)
    bare, ours = (min(each[column] for each in rounds) for column in (0, 1))
    details = {"messages_s": {"bare": round(ENTRIES / bare), "telemetry": round(ENTRIES / ours)},
               "rounds_s": [[round(value, 2) for value in each] for each in rounds]}  # fmt: skip
    return [
        Result("back-fill, rate over a bare aiomqtt publisher", bare / ours, RATIO, "", at_least=True, details=details),
        Result("back-fill, memory of telemetry", memory, MEMORY_MB, "MB"),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        asyncio.run(_alone(Path(sys.argv[2]), int(sys.argv[3])))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    else:
        alone(measure)
