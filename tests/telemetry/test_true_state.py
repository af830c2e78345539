"""Retained topics are state: what is on the broker is what is true, whatever happened to the broker or the settings."""

import asyncio
import contextlib
import json
import uuid
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

from pumpd.journal import Entry, Journal
from pumpd.settings import Settings
from pumpd.telemetry.cursor import Cursor
from tests.patience import PATIENCE_S, until

from .conftest import Broker, reading
from .test_broker import forget, running

pytestmark = [pytest.mark.realtime, pytest.mark.requirement("ALM-16")]

ROOT = "pumpd/v1/bed-3"
OCCLUSION = {"code": "occlusion", "priority": "high", "cause": "Line blocked", "action": "Check the line"}
RUNNING = {"from": "armed", "to": "running", "may_flow": True}


async def kept(port: int) -> dict[str, Any]:
    """Everything that the broker keeps, by topic. It sends that before what is published after the subscription."""
    found: dict[str, Any] = {}
    last = f"last/{uuid.uuid4()}"
    async with (
        aiomqtt.Client("127.0.0.1", port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5) as client,
        asyncio.timeout(PATIENCE_S),
    ):
        await client.subscribe("#", qos=1)
        await client.publish(last, qos=1)
        async for message in client.messages:
            if str(message.topic) == last:
                break
            if message.retain:
                found[str(message.topic)] = json.loads(message.payload)
    return found


async def until_kept(port: int, expected: set[str], pump: str | None = "pump-a") -> dict[str, Any]:
    """Wait until the broker keeps exactly these topics below the gateway, beside those that always hold something. They
    name this pump.
    """
    own = {f"{ROOT}/{name}" for name in ("$state", "$description", "$anchor", "active_alarms")}
    own |= {f"{ROOT}/pumps/{pump}/active_alarms"} if pump else set()

    def pumps() -> list[str]:
        described = [fields for topic, fields in found.items() if topic.endswith("/$description")]
        return [each["name"] for fields in described for each in fields["pumps"]]

    found: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not found or set(found) - own != expected or pumps() != ([pump] if pump else []):
                found = await kept(port)
                await asyncio.sleep(0.02)
    assert set(found) - own == expected
    assert pumps() == ([pump] if pump else [])
    return found


def renamed(settings: Settings, pump: str | None = None, gateway: str = "bed-3") -> Settings:
    """The same with another name of its pump, without a pump, or with another name of the gateway."""
    pumps = [] if pump is None else [settings.pumps[0].model_dump() | {"name": pump}]
    return Settings.model_validate(
        {"gateway": gateway, "state_dir": settings.state_dir, "mqtt": settings.mqtt, "pump": pumps}
    )


async def test_a_broker_without_its_store_has_every_alarm_and_state_again(settings, journal: Journal, broker: Broker):
    journal.append(
        [
            Entry("state_changed", RUNNING, "pump-a", "s1"),
            Entry("alarm_raised", OCCLUSION, "pump-a", "s1"),
            Entry("alarm_raised", {**OCCLUSION, "code": "supply_on_battery"}),
            Entry("alarm_raised", {**OCCLUSION, "code": "link_lost"}, "pump-a", "s1"),
            Entry("alarm_cleared", {"code": "link_lost"}, "pump-a", "s1"),
            *(reading(number) for number in range(250)),
        ]
    )
    expected = {
        f"{ROOT}/pumps/pump-a/state",
        f"{ROOT}/pumps/pump-a/alarms/occlusion",
        f"{ROOT}/alarms/supply_on_battery",
    }
    async with running(settings):
        before = await until_kept(broker.port, expected)
        broker.end()
        forget(broker)
        broker.start()
        after = await until_kept(broker.port, expected)
    for found in (before, after):
        assert found[f"{ROOT}/pumps/pump-a/alarms/occlusion"]["priority"] == "high"
        assert found[f"{ROOT}/pumps/pump-a/state"]["state"] == "running"
        assert found[f"{ROOT}/$state"]["state"] == "ready"


async def test_what_was_cleared_while_the_broker_was_away_is_emptied(settings, journal: Journal, broker: Broker):
    journal.append([Entry("alarm_raised", OCCLUSION, "pump-a", "s1")])
    async with running(settings):
        await until_kept(broker.port, {f"{ROOT}/pumps/pump-a/alarms/occlusion"})
    journal.append([Entry("alarm_cleared", {"code": "occlusion"}, "pump-a", "s1")])
    journal.append([reading(number) for number in range(50)])
    async with running(settings):
        await until_kept(broker.port, {f"{ROOT}/pumps/pump-a/state"})


@pytest.mark.parametrize("older", [False, True], ids=["same version", "after an older version"])
@pytest.mark.parametrize("name", ["bed9", None], ids=["renamed", "removed"])
async def test_nothing_of_a_pump_that_was_renamed_or_removed_stays(
    settings, journal: Journal, broker: Broker, name: str | None, older: bool
):
    journal.append(
        [
            Entry("state_changed", {"from": "stopping", "to": "stopped", "may_flow": False}, "pump-a", "s1"),
            Entry("alarm_raised", OCCLUSION, "pump-a", "s1"),
        ]
    )
    async with running(settings):
        await until_kept(broker.port, {f"{ROOT}/pumps/pump-a/alarms/occlusion", f"{ROOT}/pumps/pump-a/state"})
    if older:  # which kept no list of what it had retained
        with contextlib.closing(Cursor(settings.state_dir / "telemetry.sqlite3")) as cursor:
            cursor._db.execute("DELETE FROM retained")
            cursor._db.execute("PRAGMA user_version = 0")
    async with running(renamed(settings, name)):
        await until_kept(broker.port, set(), pump=name)


async def test_a_broker_to_which_a_gateway_comes_back_keeps_nothing_of_the_time_before(
    settings, journal: Journal, broker: Broker, tmp_path
):
    """What was emptied on another broker in the meantime is still on this one."""
    (tmp_path / "other").mkdir()
    other = Broker(tmp_path / "other")
    other.start()
    try:
        there = settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update={"port": other.port})})
        journal.append([Entry("alarm_raised", OCCLUSION, "pump-a", "s1")])
        async with running(settings):
            await until_kept(broker.port, {f"{ROOT}/pumps/pump-a/alarms/occlusion"})
        async with running(there):
            await until_kept(other.port, {f"{ROOT}/pumps/pump-a/alarms/occlusion"})
            journal.append([Entry("alarm_cleared", {"code": "occlusion"}, "pump-a", "s1")])
            await until_kept(other.port, set())
        async with running(settings):
            await until_kept(broker.port, set())
    finally:
        other.end()


async def test_nothing_of_a_gateway_that_was_renamed_stays_where_the_broker_allows_it(
    settings, journal: Journal, broker: Broker
):
    journal.append([Entry("alarm_raised", OCCLUSION, "pump-a", "s1")])
    async with running(settings):
        await until_kept(broker.port, {f"{ROOT}/pumps/pump-a/alarms/occlusion"})
        async with asyncio.timeout(PATIENCE_S):
            while f"{ROOT}/$anchor" not in await kept(broker.port):
                pass
    with capture_logs() as logs:
        async with running(renamed(settings, "pump-a", "bed-4")):
            await until_kept(
                broker.port,
                {
                    f"pumpd/v1/bed-4/{name}"
                    for name in (
                        *("$state", "$description", "$anchor", "active_alarms"),
                        *("pumps/pump-a/alarms/occlusion", "pumps/pump-a/active_alarms"),
                    )
                },
            )
            found = await kept(broker.port)
    assert not [topic for topic in found if topic.startswith(f"{ROOT}/")]
    (said,) = [line for line in logs if line["event"] == "retained_under_another_name"]
    assert said["count"] == 6


@pytest.mark.parametrize("age_s", [130, -3600], ids=["old", "before the clock was set back"])
async def test_a_state_in_which_flow_may_occur_is_not_kept_longer_than_its_readings_are_fresh(
    settings, journal: Journal, broker: Broker, age_s: int
):
    """Control died while the broker was away, two minutes and more ago: its pump's state is unknown."""
    from datetime import UTC, datetime, timedelta

    then = datetime.now(UTC) - timedelta(seconds=age_s)
    journal.append([Entry("state_changed", RUNNING, "pump-a", "s1", at=then)])
    async with running(settings) as cursor:
        await until(lambda: cursor.position.id == 1)
        await until_kept(broker.port, set())


async def test_a_will_of_an_older_connection_does_not_stay_as_the_gateways_state(settings, journal, broker: Broker):
    """After a power failure the broker finds out late, and says `lost` of a gateway that is back."""
    async with running(settings):
        await until_kept(broker.port, set())
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5
        ) as late:
            lost = {"state": "lost", "boot": "b0", "session": "old", "machine": "m0", "ts": "t", "schema": "s"}
            await late.publish(f"{ROOT}/$state", json.dumps(lost), qos=1, retain=True)
        async with asyncio.timeout(PATIENCE_S):
            while (await kept(broker.port))[f"{ROOT}/$state"]["state"] != "ready":
                pass


async def test_hostile_retained_messages_below_the_own_name_are_neither_read_nor_obeyed(
    settings, journal: Journal, broker: Broker
):
    """A thousand topics that this gateway never made stay as they are; telemetry hears none of them."""
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5
    ) as stranger:
        for number in range(1000):
            await stranger.publish(f"{ROOT}/pumps/x{number}/command", b'{"do":"start"}', qos=0, retain=True)
        await stranger.publish(f"{ROOT}/$state", b"\x00" * 3000, qos=1, retain=True)
    journal.append([reading(1)])
    async with running(settings) as cursor:
        await until(lambda: cursor.position.id == 1)
        found = await kept(broker.port)
    assert found[f"{ROOT}/$state"]["state"] == "ready"
    assert len([topic for topic in found if topic.endswith("/command")]) == 1000


@pytest.mark.requirement("COM-08")
async def test_a_message_that_nobody_gets_is_kept_where_the_site_requires_a_subscriber(
    settings, journal: Journal, broker: Broker
):
    required = settings.mqtt.model_copy(update={"requires_subscriber": True})
    settings = settings.model_copy(update={"mqtt": required})
    journal.append([reading(1), reading(2)])
    with capture_logs() as logs:
        async with running(settings) as cursor:
            await until(lambda: any(line["event"] == "broker_unavailable" for line in logs))
            assert cursor.position.id == 0
            (error, *_) = [line["error"] for line in logs if line["event"] == "broker_unavailable"]
            assert "No matching subscribers" in error
            properties = Properties(1)
            async with aiomqtt.Client(
                "127.0.0.1",
                broker.port,
                identifier="store",
                timeout=PATIENCE_S,
                protocol=aiomqtt.ProtocolVersion.V5,
                clean_start=False,
                properties=properties,
            ) as store:
                await store.subscribe("pumpd/#", qos=1)
                await until(lambda: cursor.position.id == 2)
