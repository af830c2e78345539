"""What is written into a real PostgreSQL."""

import itertools
import json
from datetime import timedelta

import pytest

from pumpd_ward.store import history, sql
from pumpd_ward.store.history import Span
from pumpd_ward.store.migrate import NewerSchemaError, migrate
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.writing import write

from .made import START, alarm, arrived, batch, changed, entry, reading

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

STORY = [
    (0, [changed(1, "running"), reading(2), reading(3)]),
    (3, [alarm(4, "raised"), reading(5), alarm(6, "acknowledged")]),
    (6, [alarm(7, "cleared"), changed(8, "completed"), reading(9, rate=0, state="completed")]),
    (9, [alarm(10, "raised"), alarm(11, "escalated")]),
]


async def whole(store) -> dict[str, list[tuple]]:
    tables = {
        "entry": "SELECT seq, kind FROM entry ORDER BY seq",
        "bed": "SELECT pump, state, state_seq, reading_seq, simulated FROM bed",
        "alarm": "SELECT seq, extract(second FROM acknowledged_at), extract(second FROM escalated_at),"
        " extract(second FROM cleared_at) FROM alarm ORDER BY seq",
        "journal": "SELECT gateway, covered::text, newest, hash FROM journal",
    }
    return {name: [tuple(each) for each in await store.fetch(query)] for name, query in tables.items()}


EXPECTED = {
    "entry": [
        (1, "state_changed"),
        (4, "alarm_raised"),
        (6, "alarm_acknowledged"),
        (7, "alarm_cleared"),
        (8, "state_changed"),
        (10, "alarm_raised"),
        (11, "alarm_escalated"),
    ],
    "bed": [("pump-a", "completed", 9, 9, None)],
    "alarm": [(4, 6, None, 7), (10, None, 11, None)],
    "journal": [("g1", "{[1,12)}", 11, "h11")],
}


async def test_batches_in_any_order_and_twice_give_one_truth(store):
    for order in itertools.permutations(STORY):
        await store.execute("TRUNCATE gateway, journal, gap, entry, reading, trend, bed, alarm CASCADE")
        for after, entries in (*order, *order):
            await write(store, [arrived(batch(after, entries))], Partitions())
        assert await whole(store) == EXPECTED, order


async def test_many_messages_in_one_transaction_are_the_same(store):
    await write(store, [arrived(batch(*each)) for each in (*STORY, STORY[1])], Partitions())
    assert await whole(store) == EXPECTED


async def test_a_reading_counts_once_in_the_trend(store):
    readings = [reading(number, rate=60) for number in range(1, 21)]
    await write(store, [arrived(batch(0, readings))], Partitions())
    await write(store, [arrived(batch(0, readings[:15])), arrived(batch(0, readings))], Partitions())
    await write(store, [arrived(batch(10, [*readings[10:], reading(21, rate=30)]))], Partitions())
    hour = await store.fetchrow("SELECT * FROM trend WHERE step_s = 3600")
    assert (hour["readings"], hour["rate_sum"], hour["rate_min"], hour["rate_max"]) == (21, 20 * 60 + 30, 30, 60)
    assert hour["infused_ml"] == 0.21


async def test_a_gap_is_stored_and_ends_when_it_is_filled(store):
    await write(store, [arrived(batch(0, [entry(1, "x"), entry(2, "x")]))], Partitions())
    await write(store, [arrived(batch(5, [entry(6, "x"), entry(9, "x")]))], Partitions())
    await store.execute(sql.GAPS_SEEN)
    assert [tuple(each) for each in await store.fetch("SELECT first, last, filled_at FROM gap")] == [(3, 5, None)]
    await write(store, [arrived(batch(2, [entry(5, "x")]))], Partitions())  # retention removed 3 and 4
    await store.execute(sql.GAPS_FILLED)
    assert await store.fetchval("SELECT count(*) FROM gap WHERE filled_at IS NULL") == 0


async def test_a_hole_at_the_beginning_is_a_gap_too(store):
    await write(store, [arrived(batch(4, [entry(5, "x")]))], Partitions())
    await store.execute(sql.GAPS_SEEN)
    assert [tuple(each) for each in await store.fetch("SELECT first, last FROM gap")] == [(1, 4)]


async def test_a_new_journal_replaces_what_the_previous_one_showed(store):
    await write(store, [arrived(batch(0, [changed(90, "running"), reading(91)]))], Partitions())
    await write(
        store, [arrived(batch(0, [changed(1, "ready"), reading(2, rate=0, state="ready")], journal="j2"))], Partitions()
    )
    assert await store.fetchval("SELECT state FROM bed") == "ready"
    await write(store, [arrived(batch(91, [changed(92, "running")]))], Partitions())  # late, of the previous one
    assert await store.fetchval("SELECT state FROM bed") == "ready"


async def test_rest_is_thinned_across_batches(store):
    for start in range(1, 200, 20):
        quiet = [reading(number, rate=0, state="paused") for number in range(start, start + 20)]
        await write(store, [arrived(batch(start - 1, quiet))], Partitions())
    assert [each["seq"] for each in await store.fetch("SELECT seq FROM reading ORDER BY seq")] == [1, 61, 121, 181]
    assert await store.fetchval("SELECT reading_seq FROM bed") == 200


async def test_rest_that_comes_again_is_not_thinned_in_another_way(store):
    rest = [reading(number, rate=0, state="paused") for number in range(1, 41)]
    later = [reading(41, rate=0, state="ready")]
    for after, readings in ((0, rest[:20]), (20, rest[20:]), (40, later), (20, rest[20:])):
        await write(store, [arrived(batch(after, readings))], Partitions())
    assert [each["seq"] for each in await store.fetch("SELECT seq FROM reading ORDER BY seq")] == [1, 41]


async def test_what_has_no_content_outside_of_a_gateway_is_counted_and_not_kept(store):
    await write(store, [arrived(batch(0, [entry(1, "happened"), entry(2, "frame"), entry(3, "x")]))], Partitions())
    assert await store.fetchval("SELECT array_agg(kind) FROM entry") == ["x"]
    assert await store.fetchval("SELECT covered::text FROM journal") == "{[1,4)}"


async def test_a_clock_that_is_far_off_goes_into_the_default_part(store):
    far = {**entry(1, "x"), "ts": "1970-01-01T00:00:05Z"}
    await write(store, [arrived(batch(0, [far]))], Partitions())
    assert await store.fetchval("SELECT count(*) FROM entry_default") == 1


async def test_old_months_of_readings_are_removed_and_the_trend_stays(store):
    now = await store.fetchval("SELECT now()")
    await write(
        store, [arrived(batch(0, [reading(1), entry(2, "x"), {**reading(3), "ts": now.isoformat()}]))], Partitions()
    )
    age = (now.year - START.year) * 12 + now.month - START.month
    await Partitions().remove_readings(store, age)
    assert await store.fetchval("SELECT count(*) FROM reading") == 2
    await Partitions().remove_readings(store, age - 1)
    assert await store.fetchval("SELECT array_agg(seq) FROM reading") == [3]
    assert await store.fetchval("SELECT sum(readings) FROM trend WHERE step_s = 60") == 2
    assert await store.fetchval("SELECT count(*) FROM entry") == 1


async def test_a_schema_of_a_newer_version_is_left_alone(store):
    await migrate(store)
    await store.execute("INSERT INTO schema_version VALUES (99)")
    with pytest.raises(NewerSchemaError, match="nothing was changed"):
        await migrate(store)


async def test_the_body_of_an_entry_is_kept_without_what_has_its_own_column(store):
    await write(store, [arrived(batch(0, [changed(1, "running")]))], Partitions())
    body = json.loads(await store.fetchval("SELECT body FROM entry"))
    assert body == {"from": "x", "to": "running", "may_flow": True, "simulated": True}


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=2), timedelta(days=365)], ids=str)
async def test_what_a_gateway_whose_clock_is_ahead_sends_is_in_the_days_in_which_it_arrived(store, ahead):
    """Otherwise its alarms are missing in the last day, until that time has come."""
    now = await store.fetchval("SELECT now()") - timedelta(minutes=1)
    told = [alarm(1, "raised"), alarm(2, "acknowledged"), entry(3, "infusion_ended", outcome="stopped")]
    dated = [{**each, "ts": (now + ahead + timedelta(seconds=each["seq"])).isoformat()} for each in told]
    await write(store, [arrived(batch(0, dated))], Partitions())
    lately, later = (Span(at - timedelta(days=1), at + timedelta(hours=1)) for at in (now, now + timedelta(days=365)))
    found = await history.alarms(store, lately, None, None)
    entries = (await history.entries(store, lately, None, None, None))["entries"]
    assert [each["code"] for each in found["alarms"]] == ["occlusion"]
    assert found["responses"]["high"]["alarms"] == 1
    assert [each["seq"] for each in entries] == [3, 2, 1]
    assert len(await history.all_alarms(store, lately, None)) == len(await history.infusions(store, lately, None)) == 1
    assert (await history.alarms(store, later, None, None))["alarms"] == []
    assert (await history.entries(store, later, None, None, None))["entries"] == []
    for each in (*found["alarms"], *entries):
        if ahead:
            assert each["ahead_s"] == pytest.approx(ahead.total_seconds(), abs=600)
        else:
            assert each["ahead_s"] is None
