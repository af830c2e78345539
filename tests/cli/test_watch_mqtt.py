"""`pumpd watch --mqtt`: what gateways publish, on a terminal; what is old or hostile is not shown as the present."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.cli.over_mqtt import MOST_ALARMS, MOST_GATEWAYS, MOST_PUMPS, Seen
from pumpd.journal import Entry, Record
from pumpd.telemetry.messages import STATEMENT, Translator
from tests.cli.test_terminal import HOSTILE, UNSAFE
from tests.mosquitto import Broker, broker
from tests.patience import PATIENCE_S

__all__ = ["broker"]

ROOT = Path(__file__).parents[2]
TOPICS = ("$state", "$description", "alarms/x", "pumps/p/state", "pumps/p/telemetry", "pumps/p/alarms/x", "")
ALARM = {"code": "occlusion", "priority": "high", "cause": "Line blocked", "action": "Check the line"}


def published(*entries: Entry, gateway: str = "ward-7") -> list[tuple[str, bytes]]:
    """What telemetry of a gateway with one simulated pump publishes."""
    translator = Translator(gateway, {"bed1": True})
    pumps = [{"name": "bed1", "driver": "new-era", "model": "ne-1000", "simulated": True}]
    found = [translator.gateway_state("ready", "b", "s", "m", "t"), translator.description("1.2.3", pumps)]
    for number, entry in enumerate(entries, 1):
        body = json.dumps(entry.body)
        record = Record(number, "t", number * 10**9, "b", entry.pump, entry.session, entry.kind, body, "h")
        found += translator.messages(record)
    return [(each.topic, each.payload) for each in found]


def seen(*messages: tuple[str, bytes], now_s: float = 0.0) -> Seen:
    made = Seen()
    for topic, payload in messages:
        made.hear(topic, payload, now_s)
    return made


RUNNING = (
    Entry("state_changed", {"from": "armed", "to": "running", "may_flow": True}, "bed1", "s1"),
    Entry(
        "reading",
        {
            "state": "running", "rate_ml_h": "52.5", "volume_infused_ml": "0.875", "volume_remaining_ml": "34.125",
            "running_s": 60, "lease_s": 9.5,
        },
        "bed1",
        "s1",
    ),
    Entry("alarm_raised", ALARM, "bed1", "s1"),
)  # fmt: skip


def test_a_pump_is_shown_with_its_state_readings_and_alarms():
    assert seen(*published(*RUNNING)).text(1.0).splitlines() == [
        f"gateway ward-7, connected; pumpd 1.2.3; {STATEMENT}",
        "bed1: SIMULATED ne-1000 (new-era)",
        "  running",
        "  0.875 mL given, 34.125 mL left, 52.5 mL/h, 1:00 min of flow",
        "  lease 9.5 s",
        "  HIGH: Line blocked. Check the line.",
    ]


def test_an_old_reading_is_not_shown_as_the_present():
    text = seen(*published(*RUNNING)).text(90.0)
    assert "52.5" not in text
    assert "no reading for 1:30 min" in text


def test_of_a_gateway_that_is_not_connected_nothing_counts_as_present():
    lost = Translator("ward-7", {}).gateway_state("lost", "b", "s", "m", "t")
    text = seen(*published(*RUNNING), (lost.topic, lost.payload)).text(1.0)
    assert "NOT CONNECTED (lost)" in text
    assert "not known here" in text
    assert "52.5" not in text


def test_what_is_emptied_is_gone_and_what_is_late_is_not_shown():
    late = json.dumps({"rate_ml_h": 9.0, "late": True}).encode()
    text = seen(
        *published(*RUNNING),
        ("pumpd/v1/ward-7/pumps/bed1/state", b""),
        ("pumpd/v1/ward-7/pumps/bed1/alarms/occlusion", b""),
        ("pumpd/v1/ward-7/pumps/bed1/telemetry", late),
    ).text(1.0)
    assert "state not known" in text
    assert "HIGH" not in text
    assert "52.5 mL/h" in text


@pytest.mark.requirement("SEC-12")
@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_no_text_from_a_broker_controls_the_terminal_or_looks_like_a_line_of_its_own(hostile):
    fields = json.dumps(
        {"state": hostile, "version": hostile, "statement": hostile, "priority": "high", "cause": hostile,
         "action": hostile, "pumps": [{"name": hostile, "driver": hostile, "model": hostile}]}
    ).encode()  # fmt: skip
    below = f"pumpd/v1/{hostile.replace('/', '')}"
    made = seen(*((f"{below}/{end}", fields) for end in ("$state", "$description", "alarms/x", "pumps/y/state")))
    text = made.text(0.0)
    assert not UNSAFE & set(text)
    assert "bed2: stopped" not in [line.strip() for line in text.splitlines()]


def test_a_flood_of_topics_takes_a_fixed_number_of_places():
    made, alarm = Seen(), json.dumps(ALARM).encode()
    for number in range(1000):
        made.hear(f"pumpd/v1/g{number}/$state", b'{"state": "ready"}', 0)
        made.hear(f"pumpd/v1/g0/pumps/p{number}/state", b"{}", 0)
        made.hear(f"pumpd/v1/g0/alarms/a{number}", alarm, 0)
    data = made.data(0)
    assert len(data) == MOST_GATEWAYS
    assert len(data[0]["pumps"]) == MOST_PUMPS
    assert len(data[0]["alarms"]) == MOST_ALARMS


@given(
    st.sampled_from(TOPICS),
    st.binary(max_size=50)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(
            st.sampled_from(["state", "pumps", "name", "priority", "cause", "rate_ml_h", "late"]), each, max_size=4
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip
def test_anything_may_come_and_is_shown_or_left_out(below, payload):
    made = seen((f"pumpd/v1/g/{below}", payload))
    assert made.text(1.0)
    json.dumps(made.data(1.0), allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mqtt://host"], "only with --mqtt"),
        (["--mqtt", "http://host"], "mqtts://HOST:PORT"),
        (["--mqtt", "mqtts://nurse:secret@host"], "--password-file"),
        (["--mqtt", "mqtts://"], "mqtts://HOST:PORT"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_words(arguments, said, tmp_path):
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "g"\nstate_dir = "{tmp_path}"\n')
    result = CliRunner().invoke(app, ["watch", *arguments, "--config", str(config)])
    assert result.exit_code == 2
    assert said in result.output
    assert "secret@" not in result.output


def test_without_an_address_the_configured_broker_is_used(tmp_path):
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "g"\nstate_dir = "{tmp_path}"\n')
    result = CliRunner().invoke(app, ["watch", "--mqtt", "--config", str(config)])
    assert (result.exit_code, "no section [mqtt]" in result.output) == (2, True)
    config.write_text(config.read_text() + '[mqtt]\nhost = "127.0.0.1"\nport = 1\ntls = false\n')
    result = CliRunner().invoke(app, ["watch", "--mqtt", "--config", str(config)])
    assert (result.exit_code, "no connection to 127.0.0.1:1" in result.output) == (1, True)


@pytest.mark.realtime
async def test_what_a_broker_keeps_is_shown(broker: Broker):
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, timeout=PATIENCE_S, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        for topic, payload in published(*RUNNING):
            await client.publish(topic, payload, qos=1, retain=True)
        watching = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pumpd", "watch", "--mqtt", f"mqtt://127.0.0.1:{broker.port}"),
            *("--json", "--every", "0.1"),
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                found = []
                while not (found and found[0]["pumps"] and found[0]["pumps"][0]["reading"]):
                    found = json.loads(await watching.stdout.readline())
        finally:
            with contextlib.suppress(ProcessLookupError):
                watching.kill()
            await watching.communicate()
    (pump,) = found[0]["pumps"]
    assert (pump["pump"], pump["state"], pump["reading"]["rate_ml_h"]) == ("bed1", "running", 52.5)
    assert [each["code"] for each in pump["alarms"]] == ["occlusion"]
