"""Entries to messages, without a broker."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pumpd.journal import Record
from pumpd.pump import AlarmCode
from pumpd.telemetry.messages import Message, Translator, level

ROOT = "pumpd/v1/bed-3"


def entry(kind: str, body: object, pump: str = "pump-a", number: int = 7, mono_s: float = 1.5) -> Record:
    text = body if isinstance(body, str) else json.dumps(body)
    return Record(number, "2026-01-02T03:04:05.678+00:00", int(mono_s * 1e9), "b1", pump, "s1", kind, text, "h")


def translate(*entries: Record) -> list[Message]:
    translator = Translator("bed-3", {"pump-a": True, "pump-b": False})
    return [message for record in entries for message in translator.messages(record)]


def fields(message: Message) -> dict[str, object]:
    return json.loads(message.payload, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_reading_is_telemetry_with_numbers_and_the_first_one_gives_the_state():
    body = {
        "state": "running", "pump_state": "infusing", "rate_ml_h": "52.5", "volume_infused_ml": "0.073",
        "volume_remaining_ml": "34.927", "lease_s": 9.5, "running_s": 5, "elapsed_s": 6, "pressure_mmhg": None,
        "digest": "ab",
    }  # fmt: skip
    telemetry, state = translate(entry("reading", body))
    assert telemetry.topic == f"{ROOT}/pumps/pump-a/telemetry"
    assert fields(telemetry) == {
        "seq": 7, "ts": "2026-01-02T03:04:05.678+00:00", "t_mono_s": 1.5, "boot": "b1", "pump": "pump-a",
        "simulated": True, "session": "s1", "state": "running", "pump_state": "infusing", "rate_ml_h": 52.5,
        "volume_infused_ml": 0.073, "volume_remaining_ml": 34.927, "lease_s": 9.5, "running_s": 5.0, "elapsed_s": 6.0,
        "digest": "ab",
    }  # fmt: skip
    assert (telemetry.retain, telemetry.expiry_s) == (False, 30)
    assert (state.topic, fields(state)["state"], state.retain) == (f"{ROOT}/pumps/pump-a/state", "running", True)


def test_the_retained_state_is_repeated_before_it_expires_and_never_twice_with_one_seq():
    readings = [entry("reading", {"state": "running"}, number=n, mono_s=n) for n in range(1, 301)]
    states = [message for message in translate(*readings) if message.topic.endswith("/state")]
    numbers = [fields(message)["seq"] for message in states]
    assert numbers == list(range(1, 301, 30))
    assert all(message.expiry_s == 120 for message in states)


def test_a_state_without_flow_is_kept_for_a_day_and_one_that_may_flow_is_not():
    running, _, stopped, _ = translate(
        entry("state_changed", {"from": "starting", "to": "running", "may_flow": True}),
        entry("state_changed", {"from": "stopping", "to": "stopped", "may_flow": False}),
    )
    assert (running.expiry_s, fields(running)["may_flow"]) == (120, True)
    assert (stopped.expiry_s, fields(stopped)["state"], fields(stopped)["may_flow"]) == (86_400, "stopped", False)


def test_an_alarm_is_retained_until_it_is_cleared():
    body = {"code": "occlusion", "priority": "high", "cause": "Line blocked", "action": "Check the line"}
    raised, active, event, cleared, none, event_2 = translate(
        entry("alarm_raised", body), entry("alarm_cleared", {"code": "occlusion"})
    )
    assert raised.topic == cleared.topic == f"{ROOT}/pumps/pump-a/alarms/occlusion"
    assert raised.retain
    assert raised.expiry_s is None
    assert {key: fields(raised)[key] for key in body} == body
    assert (cleared.retain, cleared.payload) == (True, b"")
    assert [fields(e)["kind"] for e in (event, event_2)] == ["alarm_raised", "alarm_cleared"]
    assert active.topic == none.topic == f"{ROOT}/pumps/pump-a/active_alarms"
    assert (active.retain, none.retain) == (True, True)
    assert fields(active)["alarms"] == [body]
    assert fields(none)["alarms"] == []


def test_an_entry_without_a_pump_is_an_event_of_the_gateway():
    (event,) = translate(entry("control_started", {"library": "ab12"}, pump=""))
    assert event.topic == f"{ROOT}/events"
    assert fields(event)["library"] == "ab12"
    assert "pump" not in fields(event)


def test_every_message_states_whether_the_pump_is_simulated():
    one, two, other = translate(*(entry("stop_requested", {}, pump=pump) for pump in ("pump-a", "pump-b", "pump-c")))
    assert (fields(one)["simulated"], fields(two)["simulated"]) == (True, False)
    assert "simulated" not in fields(other)


@pytest.mark.parametrize("now", [{"pump-a": False, "pump-b": True}, {}], ids=["configured otherwise", "gone"])
def test_an_entry_that_is_sent_late_says_whether_its_pump_was_simulated_when_it_was_written(now):
    """A simulated pump that turned real: its old entries are not a real pump's, nor the other way round."""
    start = entry("control_started", {"simulated": {"pump-a": True, "pump-b": False}}, pump="")
    translator = Translator("bed-3", now)
    translator.reads({"b1": start}.get)
    sent = [
        translator.late(entry("alarm_raised", {"code": "occlusion"}, pump=pump))[0] for pump in ("pump-a", "pump-b")
    ]
    assert [fields(each)["simulated"] for each in sent] == [True, False]


@pytest.mark.parametrize("start", [None, {}, {"simulated": "yes"}, {"simulated": {"pump-a": "yes"}}, "damaged"])
def test_where_the_start_of_a_process_does_not_say_it_the_configuration_counts(start):
    found = None if start is None else entry("control_started", start, pump="")
    translator = Translator("bed-3", {"pump-a": True}, {"b1": found}.get)
    assert fields(translator.late(entry("stop_requested", {}))[0])["simulated"] is True


PRIVATE = {
    "weight_kg": "70", "weight": "70 kg", "weight_basis": "actual", "dose_mg": "35", "dose_per_weight": "0.5 mg/kg",
    "patient": "P-SECRET", "patient_token": "P-SECRET", "ordered_by": "P-SECRET", "actor": "P-SECRET",
    "signature": "P-SECRET", "nonce": "P-SECRET", "key": "P-SECRET", "name": "P-SECRET", "mrn": "P-SECRET",
    "reasons": ["weight: 'P-SECRET' is above 200 kg"], "program": {"patient": "P-SECRET"}, "text": "P-SECRET",
    "reason": "P-SECRET", "by": "P-SECRET", "peer": "P-SECRET", "why": "P-SECRET", "error": "P-SECRET",
}  # fmt: skip


@pytest.mark.requirement("AUD-09")
@pytest.mark.parametrize(
    "kind",
    [
        *("reading", "state_changed", "alarm_raised", "alarm_cleared", "order_accepted", "order_refused", "read_back"),
        *("program_loaded", "confirmation_accepted", "confirmation_refused", "intent_start", "start_answered"),
        *("stop_requested", "stop_confirmed", "infusion_ended", "control_started", "control_stopped"),
        "association_changed",
        "a_kind_of_next_year",
    ],
)
def test_no_private_field_leaves_the_gateway(kind):
    for message in translate(entry(kind, PRIVATE)):
        assert b"SECRET" not in message.payload
        if message.payload:
            assert not set(fields(message)) & set(PRIVATE)


@given(st.text(), st.text())
def test_foreign_text_cannot_shape_a_topic(pump, code):
    for message in translate(entry("alarm_raised", {"code": code}, pump=pump or "p")):
        levels = message.topic.split("/")
        assert not set("#+$\0") & set(message.topic.removeprefix("pumpd/v1"))
        assert len(levels) == 6
        assert all(levels)
        assert len(message.topic.encode()) < 200


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=3))
@example("NaN")  # the text is no number
@example("Infinity")
@example(math.nan)
@example(-math.inf)
def test_a_foreign_value_is_a_finite_number_or_clean_text_or_left_out(value):
    body = {"rate_ml_h": value, "volume_infused_ml": value, "state": value, "code": value, "to": value}
    for kind in ("reading", "state_changed", "alarm_raised"):
        for message in translate(entry(kind, json.dumps(body))):
            values = fields(message)
            assert isinstance(values.get("rate_ml_h", 1.0), float)
            assert all(
                not isinstance(each, str) or (len(each) <= 200 and each.isprintable()) for each in values.values()
            )


def test_long_text_is_cut_and_control_characters_become_spaces():
    (_, active, event) = translate(entry("alarm_raised", {"code": "x", "cause": "a\x1b[2J\n" + "b" * 500}))
    assert fields(event)["cause"] == "a [2J " + "b" * 194
    assert fields(active)["alarms"][0]["cause"] == "a [2J " + "b" * 194


@pytest.mark.parametrize("body", ["", "null", "[1]", '"text"', "{", "{}"])
@pytest.mark.parametrize("kind", ["reading", "state_changed", "alarm_cleared", "anything"])
def test_a_damaged_entry_is_still_published_so_that_there_is_no_gap(kind, body):
    assert any(fields(message).get("seq") == 7 for message in translate(entry(kind, body)) if message.payload)


def test_birth_and_will_of_one_connection_name_the_same_session():
    translator = Translator("bed-3", {})
    birth, will = (translator.gateway_state(state, "boot", "session", "machine", "ts") for state in ("ready", "lost"))
    assert birth.topic == will.topic == f"{ROOT}/$state"
    assert (birth.retain, will.retain) == (True, True)
    assert {**fields(birth), "state": "lost"} == fields(will)


def test_a_level_is_never_empty_and_keeps_plain_names():
    assert level("pump-a_1") == "pump-a_1"
    assert level("") == "_"
    assert level("a/b+c#d") == "a_b_c_d"


@pytest.mark.requirement("ALM-16")
def test_every_topic_on_which_an_alarm_can_be_retained_is_known():
    translator = Translator("ward-7", {"bed1": True})
    raised = {
        message.topic
        for number, (pump, code) in enumerate(((pump, code) for pump in ("", "bed1") for code in AlarmCode), start=1)
        for message in translator.messages(
            Record(number, "ts", 0, "boot-1", pump, "", "alarm_raised", f'{{"code":"{code.value}"}}', "")
        )
        if message.retain and "/alarms/" in message.topic
    }
    assert raised == set(translator.alarm_topics())


@pytest.mark.requirement("ALM-16")
@pytest.mark.parametrize("kind", ["alarm_raised", "alarm_cleared", "state_changed", "reading"])
def test_what_is_sent_late_changes_nothing_that_is_retained(kind):
    late = Translator("bed-3", {"pump-a": True}).late(entry(kind, {"code": "occlusion", "to": "running"}))
    assert [message.retain for message in late] == [False]
    assert fields(late[0])["late"] is True


def test_nothing_is_retained_of_a_pump_that_is_not_configured():
    changed = {"from": "starting", "to": "running", "may_flow": True}
    for kind, body in (
        ("alarm_raised", {"code": "occlusion"}),
        ("state_changed", changed),
        ("reading", {"state": "x"}),
    ):
        (only,) = translate(entry(kind, body, pump="bed9"))
        assert not only.retain
