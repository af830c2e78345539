"""The vitals process against a real mosquitto, in real time."""

import asyncio
import json
import os
import re
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest
from structlog.testing import capture_logs

from tests.mosquitto import Broker
from tests.patience import PATIENCE_S, until

from .conftest import TOPIC, VitalsSocket, vitals_process

pytestmark = pytest.mark.realtime


def monitor(broker: Broker) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5)


def message(**fields) -> bytes:
    return json.dumps(fields).encode()


def connected(here) -> bool:
    return here._broker_state._cause is None


def restarted(broker: Broker, *lines: str) -> None:
    broker.end()
    broker.lines += lines
    broker.start()


async def test_what_a_monitor_publishes_reaches_control_with_its_age(broker: Broker, vitals_socket: VitalsSocket):
    async with vitals_process(broker, vitals_socket) as here, monitor(broker) as bed:
        await until(lambda: connected(here))
        now = datetime.now(UTC).isoformat()
        await bed.publish(TOPIC, message(ts=now, patient="P-1", spo2_percent=97, heart_rate_bpm=72))
        await until(lambda: bool(vitals_socket.lines))
    (got,) = vitals_socket.requests
    assert (got.pump, got.source, got.patient, got.spo2_percent, got.heart_rate_bpm) == ("bed1", TOPIC, "P-1", 97, 72)
    assert 0 <= got.age_s < 5


@pytest.mark.requirement("RUN-18")
async def test_only_the_configured_topics_are_subscribed_to_and_a_command_there_is_no_request(
    broker: Broker, vitals_socket: VitalsSocket
):
    restarted(broker, "log_type all")
    async with vitals_process(broker, vitals_socket) as here, monitor(broker) as stranger:
        await until(lambda: connected(here))
        for command in (b'{"do":"start"}', b'{"op":"stop"}', b'{"op":"order","pump":"bed1"}', b"start"):
            await stranger.publish(TOPIC, command, qos=1)
            await stranger.publish("pumpd/v1/bed-3/pumps/bed1/command", command, qos=1)
        await stranger.publish(TOPIC, message(op="stop", pump="bed2", spo2_percent=97), qos=1)
        await until(lambda: bool(vitals_socket.lines))
    (got,) = vitals_socket.requests
    assert (got.op, got.pump, got.spo2_percent) == ("vital_signs", "bed1", 97)
    log = (broker.folder / "mosquitto.log").read_text()
    subscribed = re.findall(r"Received SUBSCRIBE from pumpd-bed-3-vitals\n\S*:?\s*(\S+) \(QoS 0\)", log)
    assert subscribed == [TOPIC]
    assert log.count("Received SUBSCRIBE from pumpd") == 1
    assert "Received PUBLISH from pumpd-bed-3-vitals" not in log


async def test_a_retained_message_is_not_taken_for_a_measurement_and_a_live_one_of_the_same_monitor_is(
    broker: Broker, vitals_socket: VitalsSocket
):
    async with monitor(broker) as bed:
        await bed.publish(TOPIC, message(spo2_percent=99), qos=1, retain=True)
        async with vitals_process(broker, vitals_socket) as here:
            await until(lambda: connected(here))
            await asyncio.sleep(0.5)
            assert vitals_socket.lines == []
            assert not here.complaints.counts  # it was not even asked for
            await bed.publish(TOPIC, message(spo2_percent=91), qos=1, retain=True)
            await until(lambda: bool(vitals_socket.lines))
    assert vitals_socket.spo2 == [91]


async def test_nothing_that_was_published_while_it_was_away_counts(broker: Broker, vitals_socket: VitalsSocket):
    async with monitor(broker) as bed:
        async with vitals_process(broker, vitals_socket) as here:
            await until(lambda: connected(here))
        await bed.publish(TOPIC, message(spo2_percent=99), qos=1)
        async with vitals_process(broker, vitals_socket) as here:
            await until(lambda: connected(here))
            await bed.publish(TOPIC, message(spo2_percent=91), qos=1)
            await until(lambda: bool(vitals_socket.lines))
    assert vitals_socket.spo2 == [91]


async def test_a_broker_that_is_killed_is_found_again_and_logged_once(broker: Broker, vitals_socket: VitalsSocket):
    with capture_logs() as logs:
        async with vitals_process(broker, vitals_socket) as here:
            await until(lambda: connected(here))
            broker.end(signal.SIGKILL)
            await until(lambda: not connected(here))
            await asyncio.sleep(1.5)
            broker.start()
            await until(lambda: connected(here))
            async with monitor(broker) as bed:
                await bed.publish(TOPIC, message(spo2_percent=93))
                await until(lambda: bool(vitals_socket.lines))
    events = [line["event"] for line in logs]
    assert events.count("broker_reached") == 2
    assert 1 <= events.count("broker_unavailable") <= 2  # lost, then refused, however many attempts


async def test_control_that_was_restarted_gets_the_newest_signs(broker: Broker, vitals_socket: VitalsSocket):
    async with vitals_process(broker, vitals_socket) as here, monitor(broker) as bed:
        await until(lambda: connected(here))
        await bed.publish(TOPIC, message(spo2_percent=97), qos=1)
        await until(lambda: vitals_socket.spo2 == [97])
        await vitals_socket.close()
        await bed.publish(TOPIC, message(spo2_percent=88), qos=1)
        await bed.publish(TOPIC, message(spo2_percent=87), qos=1)
        await until(lambda: here._control_state._cause is not None)
        await vitals_socket.open()
        await until(lambda: 87 in vitals_socket.spo2)
    assert vitals_socket.requests[-1].age_s > 0


async def test_a_subscription_that_an_acl_forbids_is_an_error_and_not_silence(
    broker: Broker, vitals_socket: VitalsSocket
):
    """mosquitto 2.0.11 grants a subscription that it will never serve; MQTT 5 lets a broker refuse it in the SUBACK."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = (await reader.readexactly(1))[0]
        while kind:
            body = await reader.readexactly((await reader.readexactly(1))[0])
            if kind >> 4 == 1:  # CONNECT: CONNACK, success
                writer.write(b"\x20\x03\x00\x00\x00")
            elif kind >> 4 == 8:  # SUBSCRIBE: SUBACK, 0x87 not authorised
                writer.write(b"\x90\x04" + body[:2] + b"\x00\x87")
            kind = (await reader.read(1) or b"\x00")[0]
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    with capture_logs() as logs:
        async with vitals_process(broker, vitals_socket, port=server.sockets[0].getsockname()[1]):
            await until(lambda: any(line["event"] == "broker_unavailable" for line in logs))
    server.close()
    (error, *_) = [line["error"] for line in logs if line["event"] == "broker_unavailable"]
    assert f"refused a subscription to {TOPIC}: Not authorized" in error


def start_process(broker: Broker, folder: Path) -> subprocess.Popen[bytes]:
    config = folder / "pumpd.toml"
    config.write_text(
        f'gateway = "bed-3"\nstate_dir = "{folder}"\n'
        "[vitals.spo2_percent]\ncritical_low = 85\n[vitals.heart_rate_bpm]\ncritical_low = 40\n"
        "[vitals.systolic_mmhg]\ncritical_low = 80\n[vitals.diastolic_mmhg]\ncritical_high = 120\n"
        f'[vitals.broker]\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false\n'
        f'[vitals.topics]\nbed1 = "{TOPIC}"\n'
        '[[pump]]\nname = "bed1"\ndriver = "new-era"\nport = "/dev/null"\n'
        'serial = "1"\nmodel = "NE-1000"\nsimulated = true\n'
    )
    with (folder / "vitals.log").open("ab") as log:
        command = [sys.executable, "-m", "pumpd.vitals", "--config", str(config)]
        return subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))


def resident_kib(process: subprocess.Popen[bytes]) -> int:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


async def test_a_flood_costs_the_process_no_memory_and_control_few_requests(
    broker: Broker, vitals_socket: VitalsSocket, tmp_path: Path
):
    process = start_process(broker, tmp_path)
    try:
        async with monitor(broker) as bed:
            while not vitals_socket.lines:  # until it has subscribed
                await bed.publish(TOPIC, message(spo2_percent=97))
                await asyncio.sleep(0.1)
            before, began = resident_kib(process), asyncio.get_running_loop().time()
            for number in range(20_000):
                await bed.publish(TOPIC, message(spo2_percent=60 + number % 40, heart_rate_bpm=70))
                if number % 200 == 0:
                    await asyncio.sleep(0.02)
            await bed.publish(TOPIC, message(systolic_mmhg=130, diastolic_mmhg=80))  # the last
            await until(lambda: any(each.systolic_mmhg == 130 for each in vitals_socket.requests))
            took_s = asyncio.get_running_loop().time() - began
            after = resident_kib(process)
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert after - before < 8 * 1024  # the messages alone are 800 KiB, and 20,000 objects far more than that
    assert len(vitals_socket.lines) < 20 + 12 * took_s
    assert "flooding_messages_dropped" in (tmp_path / "vitals.log").read_text()


async def test_a_process_without_a_broker_or_with_bad_settings_says_so(tmp_path: Path):
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "bed-3"\nstate_dir = "{tmp_path}"\n')
    command = [sys.executable, "-m", "pumpd.vitals", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: ASYNC221 - nothing else runs
    assert done.returncode == 2
    assert "vitals.broker: this process needs a broker and topics" in done.stderr
