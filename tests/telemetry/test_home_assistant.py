"""Home Assistant gets devices that it can understand, can operate nothing, and is told what is no longer true."""

import asyncio
import contextlib
import json
import re
from typing import Any

import aiomqtt
import jinja2
import pytest
from structlog.testing import capture_logs

from pumpd.journal import Entry, Journal
from pumpd.settings import Settings
from pumpd.telemetry import retaining
from pumpd.telemetry.home_assistant import PLATFORMS, READINGS, HomeAssistant
from pumpd.telemetry.messages import Translator
from tests.patience import PATIENCE_S, until

from .conftest import Broker, gateway_settings, reading
from .test_broker import running
from .test_tls import authority, client, over_tls, shipped_broker
from .test_true_state import OCCLUSION, RUNNING, kept, renamed

__all__ = ["authority"]

ROOT = "pumpd/v1/bed-3"
DEVICES = "homeassistant/device/bed-3"
PUMP, GATEWAY = f"{DEVICES}/_simulated_pump-a/config", f"{DEVICES}/_gateway/config"


def described(settings: Settings, **reported: set[str]) -> dict[str, Any]:
    """What each topic of a device says."""
    translator = Translator(settings.gateway, {pump.name: pump.simulated for pump in settings.pumps})
    devices = HomeAssistant("homeassistant", settings, translator, "1.2.3").devices(reported)
    assert all(each.retain and each.expiry_s is None for each in devices)
    return {each.topic: json.loads(each.payload) for each in devices}


@pytest.fixture
def plain(tmp_path) -> Settings:
    return gateway_settings(tmp_path, None)


def test_a_pump_is_a_device_behind_its_gateway_and_says_that_it_is_simulated(plain):
    found = described(plain)
    assert set(found) == {PUMP, GATEWAY}
    device = found[PUMP]["device"]
    assert device["name"] == "pump-a (SIMULATED)"
    assert device["via_device"] in found[GATEWAY]["device"]["identifiers"]
    assert "not a cleared medical device" in device["manufacturer"]
    assert found[PUMP]["origin"] == {"name": "pumpd", "sw_version": "1.2.3"}
    assert all(re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic) for topic in found)


def test_pumps_of_two_gateways_are_never_one_device(tmp_path):
    """`a_b` of gateway `c` and `b` of gateway `c_a` would be one device if the names were only joined."""
    ids = []
    for gateway, pump in (("c", "a_b"), ("c_a", "b")):
        found = described(renamed(gateway_settings(tmp_path, None), pump, gateway))
        ids += [each["unique_id"] for device in found.values() for each in device["components"].values()]
    assert len(ids) == len(set(ids))


def test_a_simulated_pump_and_a_real_one_of_its_name_are_two_devices(plain):
    """Home Assistant keeps the entity ids of a device: a real pump's would go on saying `simulated`."""
    real = plain.model_copy(update={"pumps": (plain.pumps[0].model_copy(update={"simulated": False}),)})
    simulated, real = described(plain)[PUMP], described(real)[f"{DEVICES}/pump-a/config"]
    assert not set(simulated["device"]["identifiers"]) & set(real["device"]["identifiers"])
    ids = [{each["unique_id"] for each in found["components"].values()} for found in (simulated, real)]
    assert len(ids[0]) == len(ids[1]) > 5
    assert not ids[0] & ids[1]
    assert "simulated" not in json.dumps(real).lower()


@pytest.mark.requirement("RUN-18")
def test_nothing_can_be_operated_from_home_assistant(plain):
    for device in described(plain, **{"pump-a": set(READINGS)}).values():
        assert {each["platform"] for each in device["components"].values()} <= set(PLATFORMS)
        assert set(PLATFORMS) == {"sensor", "binary_sensor"}  # of which neither hears a command
        assert not re.search(r'"(cmd|command|set|[a-z_]*command_topic)"', json.dumps(device))


def test_a_battery_is_there_where_the_pump_reports_one(plain):
    assert "battery_percent" not in described(plain)[PUMP]["components"]
    assert "battery_percent" in described(plain, **{"pump-a": {"battery_percent"}})[PUMP]["components"]


def test_the_device_links_to_the_tablets_page_where_it_has_a_name(plain):
    named = Settings.model_validate(plain.model_dump(by_alias=True) | {"bedside": {"names": ["ward-7.local"]}})
    assert "configuration_url" not in described(plain)[PUMP]["device"]
    assert described(named)[PUMP]["device"]["configuration_url"] == "https://ward-7.local:8443/"


# -- what the templates make of the messages ---------------------------------------------------------------------------


def rendered(settings: Settings, component: str, payload: str, shown: str = "unknown") -> str:
    """As Home Assistant does it: `value_json` is there when the payload is JSON, `this.state` is what is shown now."""
    environment = jinja2.Environment(autoescape=False)
    environment.filters["is_number"] = environment.tests["is_number"] = _is_number
    made = environment.from_string(described(settings)[PUMP]["components"][component]["value_template"])
    values: dict[str, Any] = {"value": payload, "this": {"state": shown}}
    with contextlib.suppress(ValueError):
        values["value_json"] = json.loads(payload)
    return made.render(values)


def _is_number(value: Any) -> bool:
    try:
        return float(value) == float(value)
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize(
    ("payload", "shown", "expected"),
    [
        ('{"rate_ml_h": 52.5}', "3", "52.5"),
        ('{"state": "running"}', "3", "None"),  # this reading has no rate: unknown
        ('{"rate_ml_h": 9.0, "late": true}', "3", "3"),
        ('{"rate_ml_h": 9.0, "late": true}', "unavailable", "None"),
        ("", "3", "3"),
        ("not json", "unavailable", "None"),
    ],
)
def test_a_late_reading_is_not_shown_as_the_present(plain, payload, shown, expected):
    assert rendered(plain, "rate_ml_h", payload, shown) == expected


@pytest.mark.parametrize(
    ("payload", "expected"), [('{"state": "running"}', "running"), ("", "None"), ('{"cut": true}', "None")]
)
def test_an_emptied_state_is_unknown(plain, payload, expected):
    assert rendered(plain, "state", payload) == expected


def alarms(*priorities: str) -> str:
    return json.dumps({"alarms": [{"code": "x", "priority": each} for each in priorities]})


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (alarms("high"), ("ON", "OFF")),
        (alarms("low", "medium"), ("OFF", "ON")),
        (alarms(), ("OFF", "OFF")),
        ('{"cut": true}', ("None", "None")),  # not known is not none
        ("", ("None", "None")),
    ],
)
def test_an_alarm_is_on_by_its_priority_and_off_only_when_it_is_known(plain, payload, expected):
    assert tuple(rendered(plain, f"alarm_{each}", payload) for each in ("high", "medium")) == expected


# -- on a broker -------------------------------------------------------------------------------------------------------


def with_devices(settings: Settings, prefix: str | None = "homeassistant") -> Settings:
    return settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update={"home_assistant": prefix})})


async def until_devices(port: int, expected: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with asyncio.timeout(PATIENCE_S):
        while {topic for topic in found if "/device/" in topic} != expected or not found:
            found = await kept(port)
    return found


@pytest.mark.realtime
@pytest.mark.requirement("ALM-16")
async def test_what_the_entities_read_is_on_the_broker(settings, journal: Journal, broker: Broker):
    journal.append([Entry("state_changed", RUNNING, "pump-a", "s1"), Entry("alarm_raised", OCCLUSION, "pump-a", "s1")])
    async with running(with_devices(settings)):
        found = await until_devices(broker.port, {PUMP, GATEWAY})
        read = {each["state_topic"] for topic in (PUMP, GATEWAY) for each in found[topic]["components"].values()} - {
            f"{ROOT}/pumps/pump-a/telemetry"
        }  # a reading is not retained
        async with asyncio.timeout(PATIENCE_S):
            while not read <= set(found):
                found = await kept(broker.port)
    assert [each["code"] for each in found[f"{ROOT}/pumps/pump-a/active_alarms"]["alarms"]] == ["occlusion"]
    assert found[f"{ROOT}/active_alarms"]["alarms"] == []


@pytest.mark.realtime
async def test_a_device_goes_with_its_pump_and_all_go_with_the_option(settings, journal: Journal, broker: Broker):
    with capture_logs() as logs:
        async with running(with_devices(settings)):
            await until_devices(broker.port, {PUMP, GATEWAY})
        async with running(with_devices(renamed(settings))):
            await until_devices(broker.port, {GATEWAY})
        async with running(with_devices(settings, "other")):
            await until_devices(broker.port, {each.replace("homeassistant", "other") for each in (PUMP, GATEWAY)})
        async with running(settings):
            await until_devices(broker.port, set())
    assert "retained_under_another_name" not in [line["event"] for line in logs]


@pytest.mark.realtime
@pytest.mark.parametrize("name", ["bed-3", "bed-4"], ids=["another prefix", "another gateway"])
async def test_a_device_is_gone_before_another_one_can_want_its_names(settings, journal: Journal, broker: Broker, name):
    """Home Assistant would give the new one ids that end in `_2`, for ever."""
    async with running(with_devices(settings)):
        await until_devices(broker.port, {PUMP, GATEWAY})
    heard = []
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5
    ) as connected:
        await connected.subscribe("+/device/+/+/config", qos=1)
        changed = with_devices(renamed(settings, "pump-a", name), "other")
        async with running(changed), asyncio.timeout(PATIENCE_S):
            async for message in connected.messages:
                if not (message.retain and message.payload):
                    heard.append("described" if message.payload else "removed")
                if len(heard) == 4:
                    break
    assert heard == ["removed", "removed", "described", "described"]


@pytest.mark.realtime
async def test_a_state_that_becomes_unknown_is_emptied_for_those_who_are_connected(
    settings, journal: Journal, broker: Broker, monkeypatch
):
    """A broker forgets an expired message, and tells nobody who has it already."""
    from datetime import UTC, datetime, timedelta

    monkeypatch.setattr(retaining, "CHECK_S", 0.2)
    then = datetime.now(UTC) - timedelta(seconds=117)
    journal.append([Entry("state_changed", RUNNING, "pump-a", "s1", at=then)])
    heard = []
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5
    ) as connected:
        await connected.subscribe(f"{ROOT}/pumps/pump-a/state", qos=1)
        async with running(settings), asyncio.timeout(PATIENCE_S):
            async for message in connected.messages:
                heard.append(message.payload)
                if not message.payload:
                    break
    assert [bool(each) for each in heard] == [True, False]


@pytest.mark.realtime
async def test_a_broker_that_does_not_allow_the_devices_gets_everything_else(authority, state_dir, journal: Journal):
    journal.append([reading(1)])
    with shipped_broker(authority.folder) as shipped, capture_logs() as logs:
        async with running(with_devices(over_tls(shipped, state_dir, "bed-3"))) as cursor:
            await until(lambda: "devices_not_described" in [line["event"] for line in logs])
            journal.append([reading(number) for number in range(2, 9)])
            await until(lambda: cursor.position.id == 8)


@pytest.mark.realtime
async def test_the_example_acl_with_its_lines_for_home_assistant_allows_the_devices(
    authority, state_dir, journal: Journal
):
    authority.issue("home-assistant")
    with shipped_broker(authority.folder) as shipped:
        acl = shipped.folder / "pumpd.acl"
        acl.write_text(re.sub(r"(?m)^#(pattern|user|topic)", r"\1", acl.read_text()))
        shipped.end()
        shipped.start()
        async with client(shipped, "home-assistant") as home:
            await home.subscribe("homeassistant/#", qos=1)
            async with running(with_devices(over_tls(shipped, state_dir, "bed-3"))), asyncio.timeout(PATIENCE_S):
                topics = {str((await anext(aiter(home.messages))).topic) for _ in range(2)}
    assert topics == {PUMP, GATEWAY}
