"""What a bedside monitor may publish, and what is made of it when it is wrong."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.vital_signs import MEASURABLE, Sign
from pumpd.vitals.message import BadMessageError, MonitorMessage, read

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "vital-signs.md"


def message(**fields) -> bytes:
    return json.dumps(fields).encode()


def test_signs_time_and_patient_are_read():
    whole = {"spo2_percent": 97, "heart_rate_bpm": 61.0, "systolic_mmhg": 121, "diastolic_mmhg": 79}
    got, wrong = read(message(ts="2026-12-01T09:00:00.250+01:00", patient="P-1", respiration_per_min=14, **whole))
    assert got.ts == datetime(2026, 12, 1, 8, 0, 0, 250_000, tzinfo=UTC)
    assert (got.patient, dict(got.signs), wrong) == ("P-1", {**whole, "respiration_per_min": 14}, ())


def test_a_sign_that_was_not_measured_is_null_or_left_out_and_other_fields_are_ignored():
    got, wrong = read(message(spo2_percent=None, heart_rate_bpm=70, temperature_c=36.6, name="somebody"))
    assert (dict(got.signs), got.ts, got.patient, wrong) == ({"heart_rate_bpm": 70}, None, None, ())


@pytest.mark.parametrize("value", ["97", True, 97.5, [97], {"value": 97}, 10**9, float("nan"), float("inf"), 10**400])
def test_a_sign_that_is_not_a_whole_number_is_dropped_and_the_low_saturation_beside_it_is_kept(value):
    got, wrong = read(message(heart_rate_bpm=value, spo2_percent=71))
    assert (dict(got.signs), wrong) == ({"spo2_percent": 71}, ("heart_rate_bpm",))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"97",
        b'"start"',
        b'{"spo2_percent": 97',
        b'{"a":' * 1000,
        b'{"spo2_percent": 97, "spo2_percent": 80}',
        message(ts=1764576000, spo2_percent=97),
        message(ts="2026-12-01T09:00:00", spo2_percent=97),
        message(ts="yesterday", spo2_percent=97),
        message(patient=7, spo2_percent=97),
        message(patient="Jane Roe", spo2_percent=97),
        message(patient="x" * 65, spo2_percent=97),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_without_its_text(payload):
    with pytest.raises(BadMessageError) as refused:
        read(payload)
    assert "Jane" not in str(refused.value)
    assert "yesterday" not in str(refused.value)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
    lambda value: json.dumps({"ts": value, "spo2_percent": value, "patient": value}).encode()
))  # fmt: skip
def test_whatever_arrives_is_read_or_refused(payload):
    try:
        got, _ = read(payload)
    except BadMessageError:
        return
    assert all(type(value) is int for value in got.signs.values())


def test_the_page_shows_the_schema_that_the_process_uses():
    shown = re.search(r"```json schema\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1]) == MonitorMessage.model_json_schema()


def test_the_pages_example_is_read():
    example = re.search(r"```json\n(\{.*?\})\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    got, wrong = read(example[1].encode())
    assert set(got.signs) == set(Sign)
    assert wrong == ()
    assert got.ts is not None
    assert got.ts.utcoffset() == timedelta(0)


def test_the_schema_names_the_possible_values_of_every_sign():
    properties = MonitorMessage.model_json_schema()["properties"]
    for sign, (least, most) in MEASURABLE.items():
        assert f"possible: {least} to {most}" in properties[sign]["description"]
