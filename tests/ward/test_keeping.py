"""Which readings the store keeps."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from pumpd.journal import Record
from pumpd.telemetry.fleet.messages import batch
from pumpd.telemetry.messages import Translator
from pumpd_ward.messages import Batch, Entry
from pumpd_ward.store.keeping import Kept, worth_keeping

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def reading(second: float, state: str = "paused", pump_state: str = "stopped", rate: float = 0) -> Entry:
    at = START + timedelta(seconds=second)
    fields = {"kind": "reading", "seq": 1, "ts": at, "boot": "b", "state": state, "pump_state": pump_state}
    return Entry.model_validate({**fields, "rate_ml_h": rate})


def kept(readings: list[Entry]) -> list[float]:
    """The seconds of those that are kept."""
    before, found = None, []
    for each in readings:
        if worth_keeping(each, before):
            before = Kept.of(each)
            found.append((each.ts - START).total_seconds())
    return found


def test_at_rest_one_a_minute_is_kept():
    assert kept([reading(second) for second in range(181)]) == [0, 60, 120, 180]


def test_while_something_may_flow_all_are_kept():
    assert len(kept([reading(second, "running", "infusing", 52.5) for second in range(50)])) == 50
    assert len(kept([reading(second, "uncertain") for second in range(50)])) == 50
    assert len(kept([reading(second, "completed", "infusing", 3) for second in range(50)])) == 50


def test_each_change_is_kept():
    assert kept([reading(0), reading(1), reading(2, pump_state="alarm"), reading(3, pump_state="alarm")]) == [0, 2]


def test_a_clock_that_was_set_back_keeps_nothing_out():
    assert kept([reading(0), reading(-7200), reading(-7199)]) == [0, -7200]


def record(number: int, kind: str = "state_changed") -> Record:
    body = '{"from":"ready","to":"running","may_flow":true}'
    return Record(number, "2026-03-01T08:00:00.000Z", 5, "boot-1", "pump-a", "s1", kind, body, f"h{number}")


def test_the_ward_understands_what_a_gateway_sends():
    made = batch("bed-3", "j1", 6, [record(7), record(9)], Translator("bed-3", {"pump-a": True}))
    got = Batch.model_validate_json(made.payload)
    assert (got.after, got.last, [each.seq for each in got.entries]) == (6, 9, [7, 9])
    first = got.entries[0]
    assert (first.kind, first.boot, first.pump, first.session) == ("state_changed", "boot-1", "pump-a", "s1")
    assert first.body["to"] == "running"
    assert first.body["simulated"] is True


def test_a_pump_that_is_real_now_was_simulated_in_the_entries_of_that_time():
    body = '{"simulated":{"pump-a":true}}'
    start = Record(1, "2026-03-01T07:00:00.000Z", 1, "boot-1", "", "", "control_started", body, "h1")
    translator = Translator("bed-3", {"pump-a": False}, {"boot-1": start}.get)
    got = Batch.model_validate_json(batch("bed-3", "j1", 6, [record(7)], translator).payload)
    assert got.entries[0].body["simulated"] is True


def test_batches_with_one_identity_hold_the_same_entries():
    translator = Translator("bed-3", {})
    one = batch("bed-3", "j1", 6, [record(7), record(9)], translator).identity
    assert one == batch("bed-3", "j1", 6, [record(7), record(9)], translator).identity
    others = [("j1", 5, [record(7), record(9)]), ("j1", 6, [record(7)]), ("j2", 6, [record(7), record(9)])]
    assert one not in {batch("bed-3", *each, translator).identity for each in others}


@pytest.mark.parametrize(
    "change",
    [{"last": 8}, {"after": 7}, {"schema": "other"}, {"gateway": "a b"}, {"entries": []}, {"after": -1}],
)
def test_a_batch_that_contradicts_itself_is_refused(change):
    entry = {"kind": "x", "seq": 7, "ts": "2026-03-01T08:00:00Z", "boot": "b"}
    whole = {"schema": "pumpd.fleet.v1", "gateway": "g", "journal": "j", "after": 6, "last": 7, "hash": "h"}
    Batch.model_validate({**whole, "entries": [entry]})
    with pytest.raises(ValidationError):
        Batch.model_validate({**whole, "entries": [entry], **change})
