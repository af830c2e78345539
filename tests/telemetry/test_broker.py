"""Telemetry against a real mosquitto, in real time."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from pumpd import attempts, loop_time, mqtt
from pumpd.host.name_taken import NameTaken
from pumpd.journal import Entry, Journal
from pumpd.process import end
from pumpd.settings_brokers import MqttSettings
from pumpd.telemetry import follow, service
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.service import Telemetry
from tests.patience import PATIENCE_S, until

from .conftest import Broker, Subscriber, gateway_settings, reading

pytestmark = [pytest.mark.realtime]

ROOT = "pumpd/v1/bed-3"


@contextlib.asynccontextmanager
async def running(settings) -> AsyncIterator[Cursor]:
    cursor = Cursor(settings.state_dir / "telemetry.sqlite3")
    taken = NameTaken(settings.state_dir / "name-taken")
    task = asyncio.create_task(Telemetry(settings, settings.mqtt, cursor, random.Random(1), taken).run())
    try:
        yield cursor
    finally:
        failed = task.done() and not task.cancelled() and task.exception()
        await end(task)
        cursor.close()
        assert not failed, repr(failed)


async def retained(port: int, topic: str, seconds: float = PATIENCE_S) -> Any:
    """The retained message of a topic, as a new subscriber gets it."""
    async with (
        aiomqtt.Client("127.0.0.1", port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5) as client,
        asyncio.timeout(seconds),
    ):
        await client.subscribe(topic, qos=1)
        return await anext(aiter(client.messages))


async def is_retained(port: int, topic: str) -> bool:
    with contextlib.suppress(TimeoutError):
        await retained(port, topic, 0.3)
        return True
    return False


async def test_entries_arrive_in_order_with_their_properties(settings, journal: Journal, subscriber: Subscriber):
    journal.append([reading(n) for n in range(1, 201)])
    async with running(settings) as cursor:
        await until(lambda: cursor.position.id == 200 and len(subscriber.payloads("/telemetry")) == 200)
    assert [entry["seq"] for entry in subscriber.payloads("/telemetry")] == list(range(1, 201))
    message = next(m for m in subscriber.messages if str(m.topic) == f"{ROOT}/pumps/pump-a/telemetry")
    assert message.qos == 1
    assert message.properties.ContentType == "application/json"
    assert ("schema", "pumpd.telemetry.v1") in message.properties.UserProperty
    assert 0 < message.properties.MessageExpiryInterval <= 30
    entry = subscriber.payloads("/telemetry")[6]
    assert (entry["rate_ml_h"], entry["volume_infused_ml"], entry["t_mono_s"], entry["boot"]) == (
        52.5,
        0.07,
        7.0,
        "boot-1",
    )
    assert (entry["pump"], entry["simulated"]) == ("pump-a", True)


async def test_state_and_active_alarms_are_retained_and_a_cleared_alarm_is_not(settings, journal, broker, subscriber):
    alarm = {"code": "occlusion", "priority": "high", "cause": "Line blocked", "action": "Check the line"}
    journal.append(
        [
            Entry("state_changed", {"from": "armed", "to": "running", "may_flow": True}, "pump-a", "s1"),
            Entry("alarm_raised", alarm, "pump-a", "s1"),
            Entry("alarm_raised", {**alarm, "code": "link_lost"}, "pump-a", "s1"),
            Entry("alarm_cleared", {"code": "link_lost"}, "pump-a", "s1"),
            Entry("control_stopped", {}),
        ]
    )
    async with running(settings) as cursor:
        await until(lambda: cursor.position.id == 5)
        state = await retained(broker.port, f"{ROOT}/pumps/pump-a/state")
        body = json.loads(state.payload)
        assert (body["state"], body["may_flow"], body["seq"], state.retain) == ("running", True, 1, True)
        assert 0 < state.properties.MessageExpiryInterval <= 120
        active = json.loads((await retained(broker.port, f"{ROOT}/pumps/pump-a/alarms/occlusion")).payload)
        assert (active["priority"], active["cause"], active["action"]) == ("high", "Line blocked", "Check the line")
        assert not await is_retained(broker.port, f"{ROOT}/pumps/pump-a/alarms/link_lost")
    assert [entry["kind"] for entry in subscriber.payloads("/pump-a/events")] == [
        "state_changed", "alarm_raised", "alarm_raised", "alarm_cleared",
    ]  # fmt: skip
    assert [entry["kind"] for entry in subscriber.payloads("bed-3/events")] == ["control_stopped"]


async def test_birth_will_and_clean_end_carry_boot_and_session(settings, journal, broker, subscriber, monkeypatch):
    async with running(settings):
        await until(lambda: bool(subscriber.payloads("/$description")))
        ready = json.loads((await retained(broker.port, f"{ROOT}/$state")).payload)
        assert ready["state"] == "ready"
        description = json.loads((await retained(broker.port, f"{ROOT}/$description")).payload)
        assert "not a cleared medical device" in description["statement"]
        assert description["pumps"] == [
            {"name": "pump-a", "driver": "new-era", "model": "NE-1000", "simulated": True},
        ]  # fmt: skip
    await until(lambda: len(subscriber.payloads("/$state")) == 2)
    gone = subscriber.payloads("/$state")[1]
    assert (gone["state"], gone["boot"], gone["session"]) == ("disconnected", ready["boot"], ready["session"])


def start_process(settings, tmp_path: Path, **environment: str) -> subprocess.Popen[bytes]:
    config = tmp_path / "pumpd.toml"
    broker = settings.mqtt
    config.write_text(
        f'gateway = "bed-3"\nstate_dir = "{settings.state_dir}"\n'
        f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\ntls = false\n'
        '[[pump]]\nname = "pump-a"\ndriver = "new-era"\nport = "/dev/null"\n'
        'serial = "1"\nmodel = "NE-1000"\nsimulated = true\n'
    )
    with (tmp_path / "telemetry.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pumpd.telemetry", "--config", str(config)],
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )


async def test_a_killed_process_leaves_its_will_and_the_next_resumes_at_the_cursor(
    settings, journal: Journal, subscriber: Subscriber, tmp_path: Path
):
    process = start_process(settings, tmp_path)
    journal.append([reading(n) for n in range(1, 101)])
    await until(lambda: len(subscriber.payloads("/telemetry")) >= 100)
    process.kill()
    process.wait()
    journal.append([reading(n) for n in range(101, 201)])
    await until(lambda: len(subscriber.payloads("/$state")) == 2)
    ready, lost = subscriber.payloads("/$state")
    assert (ready["state"], lost["state"]) == ("ready", "lost")
    assert (lost["boot"], lost["session"]) == (ready["boot"], ready["session"])

    process = start_process(settings, tmp_path)
    try:
        await until(lambda: subscriber.payloads("/telemetry")[-1]["seq"] == 200)
        assert subscriber.payloads("/$state")[-1]["state"] == "ready"
        assert subscriber.payloads("/$state")[-1]["session"] != ready["session"]
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    numbers = [entry["seq"] for entry in subscriber.payloads("/telemetry")]
    assert set(numbers) == set(range(1, 201)), "nothing is lost"
    assert numbers[:100] == list(range(1, 101))
    assert numbers[100:] == list(range(1, 201)), "what was acknowledged within the last half minute comes again"


async def test_a_broker_killed_mid_way_loses_nothing(
    settings, journal: Journal, broker: Broker, subscriber: Subscriber
):
    broker.end()
    broker.lines.append("log_type all")
    broker.start()
    subscriber.subscribed.clear()
    await subscriber.subscribed.wait()
    await asyncio.sleep(1.5)  # until the broker has the subscription on disk
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await until(lambda: bool(subscriber.payloads("/$state")))
            journal.append([reading(n) for n in range(1, 2001)])
            await until(lambda: len(subscriber.payloads("/telemetry")) > 300)
            broker.end(signal.SIGKILL)
            assert cursor.position.id < 2000
            journal.append([reading(n) for n in range(2001, 2101)])
            await asyncio.sleep(0.7)
            broker.start()
            await until(lambda: cursor.position.id == 2100)
            await until(lambda: subscriber.payloads("/telemetry")[-1]["seq"] == 2100)
    numbers = [entry["seq"] for entry in subscriber.payloads("/telemetry")]
    assert set(numbers) == set(range(1, 2101))
    events = [line["event"] for line in logs]
    assert events.count("broker_back") == 1
    assert 1 <= events.count("broker_unavailable") <= 2  # lost, then refused: once each, however many attempts


@pytest.mark.requirement("COM-08")
async def test_what_a_broker_acknowledged_and_lost_within_the_time_is_sent_again_and_no_more(
    settings, journal: Journal, broker: Broker, subscriber: Subscriber, monkeypatch
):
    """The broker forgets everything: it keeps nothing on disk."""
    settings = settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update={"resend_s": 1, "keepalive_s": 5})})
    broker.end()
    broker.lines.append("log_type all")
    broker.start()
    log = broker.folder / "mosquitto.log"
    journal.append([reading(n) for n in range(1, 101)])
    async with running(settings) as cursor:
        await until(lambda: cursor.position.id == 100)
        await asyncio.sleep(7.5)  # these are older than the time
        now_s = loop_time.now_s()
        monkeypatch.setattr(
            service, "loop_time", SimpleNamespace(now_s=lambda: now_s)
        )  # the others are not, however busy the machine is
        journal.append([reading(n) for n in range(101, 401)])
        await until(lambda: cursor.position.id == 400)
        before = log.stat().st_size
        broker.end(signal.SIGKILL)
        forget(broker)
        broker.start()
        journal.append([reading(401)])
        await until(lambda: cursor.position.id == 401)
    sent = re.findall(rb"Received PUBLISH from pumpd-bed-3-telemetry\S+ .*/telemetry'", log.read_bytes()[before:])
    assert len(sent) == 301


def forget(broker: Broker) -> None:
    """As a broker that was restarted without its store."""
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)


async def test_a_wrong_password_is_reported_once_and_tried_again(
    state_dir, journal, broker: Broker, tmp_path, monkeypatch
):
    monkeypatch.setattr(attempts, "FIRST_S", 0.05)
    broker.end()
    passwords = broker.folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "gateway", "right"], check=True, capture_output=True)  # noqa: ASYNC221 - a moment, and nothing else runs yet
    broker.lines = ["allow_anonymous false", f"password_file {passwords}"]
    broker.start()
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    settings = gateway_settings(
        state_dir,
        MqttSettings(host="127.0.0.1", port=broker.port, tls=False, username="gateway", password_file=secret),
    )
    journal.append([reading(1)])
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await asyncio.sleep(0.8)
            assert cursor.position.id == 0
            refused = [line for line in logs if line["event"] == "broker_unavailable"]
            assert len(refused) == 1
            assert refused[0]["log_level"] == "error"
            assert f"127.0.0.1:{broker.port}" in refused[0]["broker"]
            assert "Not authorized" in refused[0]["error"]
            assert "wrong" not in str(refused[0])
            secret.write_text("right\n")
            await until(lambda: cursor.position.id == 1)


async def test_a_publish_that_an_acl_forbids_does_not_count(state_dir, journal, broker: Broker):
    broker.end()
    acl = broker.folder / "acl"
    acl.write_text(f"topic write {ROOT}/$state\ntopic write {ROOT}/$description\n")
    acl.chmod(0o600)
    broker.lines = ["allow_anonymous true", f"acl_file {acl}"]
    broker.start()
    settings = gateway_settings(state_dir, MqttSettings(host="127.0.0.1", port=broker.port, tls=False))
    journal.append([reading(1)])
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await until(lambda: any(line["event"] == "broker_unavailable" for line in logs))
            assert cursor.position.id == 0


async def test_an_acknowledgement_with_a_refusal_does_not_count(state_dir, journal):
    """mosquitto 2.0.11 disconnects on a forbidden publish; MQTT 5 lets a broker refuse it in the PUBACK (3.4.2.1)."""

    async def refuse_rows(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length, shift = (await reader.readexactly(1))[0], 0, 0
                while True:
                    byte = (await reader.readexactly(1))[0]
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                body = await reader.readexactly(length)
                if kind >> 4 == 1:  # CONNECT: CONNACK, success
                    writer.write(b"\x20\x03\x00\x00\x00")
                elif kind >> 4 == 3:  # PUBLISH: PUBACK, 0x87 not authorised for entries
                    size = int.from_bytes(body[:2], "big")
                    reason = b"\x87" if b"/telemetry" in body[2 : 2 + size] else b"\x00"
                    writer.write(b"\x40\x04" + body[2 + size : 4 + size] + reason + b"\x00")
        writer.close()

    server = await asyncio.start_server(refuse_rows, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = gateway_settings(state_dir, MqttSettings(host="127.0.0.1", port=port, tls=False))
    journal.append([reading(1), reading(2)])
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await until(lambda: any(line["event"] == "broker_unavailable" for line in logs))
            assert cursor.position.id == 0
    server.close()
    error = next(line["error"] for line in logs if line["event"] == "broker_unavailable")
    assert "the broker refused a message: Not authorized" in error


@pytest.mark.requirement("RUN-18")
async def test_only_the_own_state_is_subscribed_and_a_command_has_no_effect(
    settings, journal: Journal, broker: Broker, subscriber: Subscriber
):
    """The broker logs every SUBSCRIBE that it gets, with its topics."""
    broker.end()
    broker.lines.append("log_type all")
    broker.start()
    subscriber.subscribed.clear()
    await subscriber.subscribed.wait()
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=PATIENCE_S) as stranger:
        await stranger.publish(f"{ROOT}/pumps/pump-a/command", b'{"do":"start"}', qos=1, retain=True)
        async with running(settings) as cursor:
            journal.append([reading(1)])
            await stranger.publish(f"{ROOT}/$state", b"ready", qos=1)
            await until(lambda: cursor.position.id == 1)
    log = (broker.folder / "mosquitto.log").read_text()
    assert "as pumpd-bed-3-telemetry" in log
    assert log.count("Received SUBSCRIBE from pumpd-bed-3-telemetry") == 1
    subscribed = re.findall(r"\d+: pumpd-bed-3-telemetry\S* \d (\S+)", log)
    assert set(subscribed) == {f"{ROOT}/$state"}
    heard = set(re.findall(r"Sending PUBLISH to pumpd-bed-3-telemetry\S+ \(.*'(\S+)', ", log))
    assert heard <= {f"{ROOT}/$state"}


async def test_a_late_will_of_an_old_session_names_the_old_session(settings, journal, broker, subscriber):
    """One client identifier per machine, so a new connection ends the old one, whose will comes before the birth."""
    cursor = Cursor(settings.state_dir / "telemetry.sqlite3")
    taken = NameTaken(settings.state_dir / "name-taken")
    machine = Telemetry(settings, settings.mqtt, cursor, random.Random(1), taken)._name.machine
    cursor.close()
    will = aiomqtt.Will(f"{ROOT}/$state", b'{"state":"lost","session":"old"}', qos=1, retain=True)
    with contextlib.suppress(aiomqtt.MqttError):
        async with aiomqtt.Client(
            "127.0.0.1",
            broker.port,
            identifier=f"pumpd-bed-3-telemetry-{machine}",
            will=will,
            timeout=PATIENCE_S,
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as old:
            async with running(settings):
                await until(lambda: len(subscriber.payloads("/$state")) == 2)
                assert [entry["state"] for entry in subscriber.payloads("/$state")] == ["lost", "ready"]
                assert json.loads((await retained(broker.port, f"{ROOT}/$state")).payload)["state"] == "ready"
            async for _ in old.messages:
                pass


async def test_a_replaced_journal_is_published_from_its_start(settings, journal: Journal, subscriber, state_dir):
    journal.append([reading(n) for n in range(1, 6)])
    async with running(settings) as cursor:
        await until(lambda: cursor.position.id == 5)
    journal.close()
    for file in state_dir.glob("journal.sqlite3*"):
        file.unlink()
    with contextlib.closing(Journal(state_dir / "journal.sqlite3", boot="boot-2")) as other, capture_logs() as logs:
        other.append([reading(n) for n in range(1, 8)])
        async with running(settings) as cursor:
            await until(lambda: cursor.position.id == 7)

    def republished():
        return [entry["seq"] for entry in subscriber.payloads("/telemetry") if entry["boot"] == "boot-2"]

    await until(lambda: len(republished()) >= 7)  # the broker has them; the subscriber follows at its own pace
    assert republished() == [1, 2, 3, 4, 5, 6, 7]
    assert "journal_replaced" in [line["event"] for line in logs]


async def test_telemetry_waits_for_a_journal_that_does_not_exist_yet(settings, state_dir, subscriber, monkeypatch):
    monkeypatch.setattr(follow, "RETRY_S", 0.05)
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await asyncio.sleep(0.4)
            with contextlib.closing(Journal(state_dir / "journal.sqlite3", boot="boot-1")) as journal:
                journal.append([reading(1)])
                await until(lambda: cursor.position.id == 1)
    events = [line["event"] for line in logs]
    assert events.count("journal_unavailable") == 1
    assert events.count("journal_back") == 1


def test_properties_describe_the_message():
    properties: Properties = mqtt._properties(7, "s.v1", PacketTypes.PUBLISH)
    assert (properties.MessageExpiryInterval, properties.UserProperty) == (7, [("schema", "s.v1")])
