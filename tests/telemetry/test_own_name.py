"""Two gateways with one name, such as a copied card: both know it, and neither takes the other's connection."""

import asyncio
import contextlib
import json
import random
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from pumpd.host.name_taken import NameTaken, is_taken
from pumpd.journal import Entry, Journal
from pumpd.settings_brokers import MqttSettings
from pumpd.telemetry import own_name
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.own_name import OwnName
from pumpd.telemetry.service import Telemetry
from tests.patience import PATIENCE_S, until

from .conftest import gateway_settings
from .test_broker import ROOT, running
from .test_true_state import kept


def birth(machine: str, state: str = "ready") -> bytes:
    return json.dumps(
        {"state": state, "boot": "b", "session": "s", "machine": machine, "ts": "t", "schema": "pumpd.telemetry.v1"}
    ).encode()


@pytest.fixture
def name(tmp_path) -> Iterator[OwnName]:
    name = OwnName("bed-3", "one", NameTaken(tmp_path / "name-taken"))
    yield name
    name.end()


async def test_another_machine_is_said_once_and_forgotten_when_it_falls_silent(name: OwnName, tmp_path):
    name.said()
    with capture_logs() as logs:
        for _ in range(3):
            name.heard("t", birth("two"), False)
        assert is_taken(tmp_path / "name-taken")
        repairing = asyncio.create_task(name.wrong())
        await asyncio.sleep(own_name.ANSWER_S + 2)
        assert repairing.done()
        name.said()
        watching = asyncio.create_task(name.wrong())
        await asyncio.sleep(own_name.GONE_S)
        assert not is_taken(tmp_path / "name-taken")
        watching.cancel()
    assert [line["event"] for line in logs] == ["gateway_name_taken", "gateway_name_free"]
    assert logs[0]["other_machine"] == "two"
    assert name.other == ""


@pytest.mark.parametrize(
    ("payload", "stored"),
    [
        (birth("two"), True),  # what the broker kept is no sign of life: the machine may have been replaced
        (birth("two", "lost"), False),
        (birth("two", "disconnected"), False),
        (birth("one"), False),
        (b"", False),
        (b"\xff" * 100, False),
        (b'{"state":"ready"}', False),
        (b"[" * 2000, False),
    ],
)
async def test_only_a_live_birth_of_another_machine_is_one(name: OwnName, tmp_path, payload, stored):
    name.heard("t", payload, stored)
    assert name.other == ""
    assert not is_taken(tmp_path / "name-taken")


@pytest.mark.requirement("RUN-18")
async def test_a_flood_of_messages_is_answered_no_more_often_than_a_single_one(name: OwnName):
    answers = 0

    async def answer() -> None:
        nonlocal answers
        while True:
            await name.wrong()
            answers += 1
            name.said()

    name.said()
    task = asyncio.create_task(answer())
    for number in range(600):
        for _ in range(50):
            name.heard("t", birth(f"machine {number}"), False)
        await asyncio.sleep(0.1)
    task.cancel()
    assert answers <= 60 / own_name.ANSWER_S + 1


def test_the_word_ends_with_the_process_that_gave_it(tmp_path):
    path = tmp_path / "name-taken"
    assert not is_taken(path)
    path.write_text("left behind")
    assert not is_taken(path)
    word = NameTaken(path)
    word.say()
    word.say()
    assert is_taken(path)
    word.end()
    assert not is_taken(path)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_nothing_that_lies_at_its_place_holds_up_control(tmp_path, kind):
    import os

    path = tmp_path / "name-taken"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    assert not is_taken(path)


@pytest.mark.realtime
async def test_two_gateways_with_one_name_both_know_it_and_stay_connected(
    settings, journal: Journal, broker, subscriber, tmp_path, monkeypatch
):
    monkeypatch.setattr(own_name, "ANSWER_S", 1.0)
    copied = tmp_path / "copy"
    copied.mkdir()
    broker.end()
    broker.lines.append("log_type all")
    broker.start()
    alarm = {"code": "occlusion", "priority": "high", "cause": "Line blocked", "action": "Check the line"}
    journal.append([Entry("alarm_raised", alarm, "pump-a", "s1")])
    with contextlib.closing(Journal(copied / "journal.sqlite3", boot="boot-2")) as other, capture_logs() as logs:
        other.append([Entry("control_started", {})])
        async with running(settings), running(gateway_settings(copied, settings.mqtt)):
            await until(lambda: len({line.get("machine") for line in logs if is_said(line)}) == 2)
            assert is_taken(settings.state_dir / "name-taken")
            assert is_taken(copied / "name-taken")
            await asyncio.sleep(5)
            # the copy empties what its list does not explain; the original says again what is true of it
            async with asyncio.timeout(PATIENCE_S):
                while f"{ROOT}/pumps/pump-a/alarms/occlusion" not in await kept(broker.port):
                    pass
    machines = {line["machine"] for line in logs if is_said(line)}
    assert {line["other_machine"] for line in logs if is_said(line)} == machines
    assert [line["event"] for line in logs].count("gateway_name_taken") == 2
    assert not [line for line in logs if line["event"] == "broker_unavailable"]
    log = (broker.folder / "mosquitto.log").read_text()
    assert log.count("as pumpd-bed-3-telemetry-") == 2, "each connected once"
    assert "already connected" not in log
    births = subscriber.payloads("/$state")
    assert {each["machine"] for each in births} == machines
    assert len(births) < 40


def is_said(line) -> bool:
    return line["event"] == "gateway_name_taken"


def test_the_identity_of_a_machine_survives_a_restart_and_differs_for_a_copy(tmp_path):
    def machine(folder) -> str:
        folder.mkdir(exist_ok=True)
        with contextlib.closing(Cursor(folder / "telemetry.sqlite3")) as cursor:
            mqtt = MqttSettings(host="127.0.0.1", tls=False)
            settings = gateway_settings(folder, mqtt)
            return Telemetry(settings, mqtt, cursor, random.Random(1), NameTaken(folder / "n"))._name.machine

    assert machine(tmp_path / "a") == machine(tmp_path / "a")
    assert machine(tmp_path / "a") != machine(tmp_path / "b")
