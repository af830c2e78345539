"""Events and infusions as JSON data: exact both ways, for every event class, and strict in what is read."""

import json
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.infusion import Infusion, advance
from pumpd.infusion import events as ev
from pumpd.infusion.record import (
    EVENTS,
    RecordError,
    event_from_data,
    event_to_data,
    from_data,
    infusion_from_data,
    to_data,
)
from pumpd.pump import AlarmCode, Done, PumpAlarm, PumpProgram, PumpState, RateStep, Reading, Refused, Unknown
from pumpd.quantities import Quantity, Rate, Volume

from .bench import bench, infusion, program

pytestmark = pytest.mark.requirement("AUD-05")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DECIMALS = st.decimals("-9999", "9999", places=9)
POSITIVE = st.decimals("0.001", "9999", places=3)
PROGRAMS = st.builds(
    lambda steps, diameter: PumpProgram(tuple(RateStep(Rate(r), Volume(v)) for r, v in steps), diameter),
    st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=4),
    st.none(),
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type, from its annotations."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, arguments))
    if origin is Done:
        return st.builds(Done, values(arguments[0]))
    if origin is tuple and arguments[-1] is not Ellipsis:
        return st.tuples(*map(values, arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is frozenset:
        return st.frozensets(values(arguments[0]), max_size=3)
    if kind is PumpProgram:
        return PROGRAMS
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{each.name: values(hints[each.name]) for each in fields(kind)})
    if issubclass(kind, Quantity):
        return DECIMALS.map(kind)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    return {int: st.integers(), bool: st.booleans(), str: TEXT, Decimal: DECIMALS, NoneType: st.none()}[kind]


def through_json(data: object) -> Any:
    return json.loads(json.dumps(data, ensure_ascii=False, allow_nan=False))


EVENT_CLASSES = [kind for kind in vars(ev).values() if isinstance(kind, type) and issubclass(kind, ev.Event)]
EVENT_CLASSES.remove(ev.Event)
EVENT_CLASSES.remove(ev.Answered)


def test_every_event_has_its_own_name():
    assert sorted(EVENTS.values(), key=str) == sorted(EVENT_CLASSES, key=str)
    assert EVENTS["reading_taken"] is ev.ReadingTaken


@pytest.mark.parametrize("kind", EVENT_CLASSES, ids=lambda kind: kind.__name__)
def test_every_event_survives_json_unchanged(kind):
    @given(values(kind))
    def comes_back(event):
        back = event_from_data(through_json(event_to_data(event)))
        assert type(back) is kind
        assert back == event

    comes_back()


@given(values(Infusion))
def test_an_infusion_survives_json_with_every_field(one):
    back = infusion_from_data(through_json(to_data(one)))
    assert back == one
    assert kinds(back) == kinds(one)


def kinds(one: Infusion) -> dict[str, type]:
    """A text that is the same as one of pumpd's messages comes back as that message, which is a text."""
    found = {each.name: type(getattr(one, each.name)) for each in fields(Infusion)}
    return {name: str if issubclass(kind, str) and not issubclass(kind, Enum) else kind for name, kind in found.items()}


@given(PROGRAMS)
def test_a_program_survives_json_unchanged(held):
    assert from_data(PumpProgram, through_json(to_data(held))) == held


@given(values(ev.ReadingTaken))
def test_an_infusion_read_from_json_continues_like_the_original(event):
    """Equal numbers with different trailing zeros must not lead to different decisions."""
    one = bench().infusion
    back = infusion_from_data(through_json(to_data(one)))
    assert advance(back, event_from_data(through_json(event_to_data(event)))) == advance(one, event)


def test_an_event_class_with_a_field_that_has_no_form_is_an_error():
    @dataclass(frozen=True, slots=True)
    class Weighed(ev.Event):
        grams: complex

    with pytest.raises(TypeError, match=r"complex.* has no form"):
        event_to_data(Weighed(1, 2j))


def test_numbers_and_outcomes_are_written_to_be_read():
    reading = Reading(1, 2, PumpState.INFUSING, Rate("52.50"), Volume("0.07"), (PumpAlarm.EMPTY,))
    assert event_to_data(ev.ReadingTaken(3, reading)) == {
        "event": "reading_taken",
        "at_ns": 3,
        "reading": {
            "asked_ns": 1, "answered_ns": 2, "state": "infusing", "rate": "52.5 mL/h", "delivered": "0.07 mL",
            "alarms": ["empty"], "pressure_mmhg": None, "battery_percent": None, "mains": None,
            "battery_left_min": None,
        },
    }  # fmt: skip
    written = [
        event_to_data(ev.StartAnswered(1, outcome))["outcome"]
        for outcome in (Done(None), Refused(("a",)), Unknown("b"))
    ]
    assert written == [
        {"outcome": "done", "value": None},
        {"outcome": "refused", "reasons": ["a"]},
        {"outcome": "unknown", "cause": "b"},
    ]
    assert to_data(program(("52.5", "35")))["steps"] == [{"rate": "52.5 mL/h", "volume": "35 mL"}]


def test_equal_sets_give_equal_data():
    assert to_data(infusion().but(alarms=frozenset(AlarmCode)))["alarms"] == sorted(code.value for code in AlarmCode)


def test_a_field_that_an_older_pumpd_did_not_write_takes_its_default():
    data = to_data(infusion())
    del data["trips"], data["given_before"]
    assert infusion_from_data(data) == infusion()


GOOD = {"event": "reading_failed", "at_ns": 5, "cause": "no reply", "link_lost": False}
STEP = {"rate": "1 mL/h", "volume": "1 mL"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event": "reading_lost"}, "'reading_lost' is not an event"),
        ({"event": None}, "not an event"),
        ({"event": ["x"]}, "not an event"),
        ({"at_ns": "5"}, "at_ns: '5' is no int"),
        ({"at_ns": True}, "at_ns: True is no int"),
        ({"at_ns": 5.0}, "at_ns: 5.0 is no int"),
        ({"link_lost": 0}, "link_lost: 0 is no bool"),
        ({"cause": None}, "cause: None is no str"),
        ({"more": 1}, "unknown or missing: more"),
    ],
)
def test_data_that_is_not_an_event_is_refused_by_field(change, message):
    assert event_from_data(GOOD) == ev.ReadingFailed(5, "no reply", link_lost=False)
    with pytest.raises(RecordError, match=message):
        event_from_data(GOOD | change)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([STEP | {"rate": "1 mL"}], "rate: '1 mL' is no Rate in mL/h"),
        ([STEP | {"rate": "x mL/h"}], "'x' is no number"),
        ([STEP | {"rate": "NaN mL/h"}], "'NaN' is no number"),
        ([STEP | {"rate": "0 mL/h"}], "above 0"),
        ([], "at least one step"),
        ({}, "{} is no list"),
        ([{"rate": "1 mL/h"}], "missing: volume"),
        (["x"], "'x' is no dict"),
    ],
)
def test_data_that_is_not_a_program_is_refused_by_field(steps, message):
    assert from_data(PumpProgram, {"steps": [STEP], "diameter": None}).vtbi == Volume(1)
    with pytest.raises(RecordError, match=message):
        from_data(PumpProgram, {"steps": steps, "diameter": None})


@pytest.mark.parametrize("outcome", [{"outcome": "maybe"}, {"outcome": "done"}, {"cause": "x"}, "done", None])
def test_an_outcome_is_one_of_three(outcome):
    with pytest.raises(RecordError):
        event_from_data({"event": "start_answered", "at_ns": 1, "outcome": outcome})


@pytest.mark.parametrize("tripped", [[["empty"]], [["empty", 1, 2]], [["empty", "1"]], ["empty"]])
def test_a_missing_or_additional_part_is_refused(tripped):
    assert infusion_from_data(to_data(infusion()) | {"tripped": [["empty", 1]]}).tripped == ((AlarmCode.EMPTY, 1),)
    with pytest.raises(RecordError, match="tripped"):
        infusion_from_data(to_data(infusion()) | {"tripped": tripped})


def test_an_unknown_state_is_refused():
    with pytest.raises(RecordError, match="state: 'flying' is no State"):
        infusion_from_data(to_data(infusion()) | {"state": "flying"})


def test_a_reading_from_before_pumps_reported_their_mains_can_be_read():
    reading = Reading(1, 2, PumpState.INFUSING, Rate("52.5"), Volume("0.07"))
    data = event_to_data(ev.ReadingTaken(3, reading))
    for name in ("mains", "battery_left_min"):
        del data["reading"][name]
    assert event_from_data(through_json(data)) == ev.ReadingTaken(3, reading)


# -- journals of version 0.1 ---------------------------------------------------------------------------------------


def test_an_answer_of_version_0_1_counts_as_asked_when_it_was_answered():
    event = event_from_data({"event": "stop_answered", "at_ns": 7, "outcome": {"outcome": "done", "value": None}})
    assert isinstance(event, ev.StopAnswered)
    assert event.asked_at_ns == 7


def test_a_reconciliation_of_version_0_1_is_read_with_the_volume_that_was_entered_once():
    old = {"event": "delivery_reconciled", "at_ns": 7, "by": "n", "volume": "40 mL", "reason": "read", "stands": True}
    assert event_from_data(old) == ev.DeliveryReconciled(7, "n", Volume(40), "read", True, Volume(40))


def test_an_infusion_of_version_0_1_is_read_by_its_old_names_and_its_order_is_never_withdrawn():
    data = through_json(to_data(infusion()))
    data["still_since_ns"] = data.pop("no_flow_since_ns")
    data["stood_at"] = data.pop("counted_when_stopped")
    for name in ("read_back_from_ns", "container"):
        data.pop(name)
    data["limits"].pop("loaded_within_ns")
    back = infusion_from_data(data)
    assert back.container is None
    assert back.limits.loaded_within_ns > 10**18
    assert back.but(limits=infusion().limits) == infusion()
