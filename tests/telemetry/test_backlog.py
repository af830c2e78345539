"""A broker that was away for a day, and a slow link: nothing is lost, and what is new does not wait for what is old."""

import asyncio
import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.journal import Entry
from pumpd.settings_brokers import MqttSettings

from .conftest import gateway_settings, reading
from .pretend import Link, publishing_to

DAY = 24 * 3600
THEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def settings(state_dir):
    return gateway_settings(state_dir, MqttSettings(host="nowhere"))


def write(journal, rows: int) -> None:
    """An entry a second."""
    one = reading(1)
    for first in range(0, rows, 3600):
        seconds = range(first, min(first + 3600, rows))
        journal.append([one._replace(at=THEN + timedelta(seconds=second)) for second in seconds])


@pytest.mark.requirement("COM-08")
async def test_a_day_of_one_entry_a_second_is_kept_and_sent_in_order_with_its_times(journal, settings):
    write(journal, DAY)
    link = Link()
    async with publishing_to(link, settings) as cursor:
        while cursor.position.id < DAY:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.25)
    sent = [json.loads(message.payload) for _, message in link.sent if message.topic.endswith("/telemetry")]
    assert [each["seq"] for each in sent] == list(range(1, DAY + 1))
    for seq in (1, 3600, 3601, DAY // 2, DAY):
        assert sent[seq - 1]["ts"] == (THEN + timedelta(seconds=seq - 1)).isoformat(timespec="milliseconds")


@pytest.mark.requirement("COM-08")
@pytest.mark.parametrize(("rate", "window"), [(50, 20), (4, 20), (50, 1)])
async def test_new_readings_come_within_a_second_while_an_hour_is_filled_in_behind_them(
    journal, settings, rate, window
):
    write(journal, 3600)
    link, new = Link(rate=rate, window=window), {}
    async with publishing_to(link, settings) as cursor:
        await asyncio.sleep(0)
        for number in range(3601, 3661):
            journal.append([reading(number)])
            new[number] = asyncio.get_running_loop().time()
            await asyncio.sleep(1)
        while cursor.position.id < 3660:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(1)
    readings = link.fields("/telemetry")
    assert sorted(fields["seq"] for _, fields in readings) == list(range(1, 3661)), "nothing is lost, nothing is twice"
    delays = [at - new[fields["seq"]] for at, fields in readings if fields["seq"] in new]
    assert max(delays) <= 1.5
    assert all(("late" in fields) == (fields["seq"] <= 3600) for _, fields in readings)
    if rate == 50:
        assert readings[-1][0] < 3700 / 50 * 1.2, "what the new readings leave free is used"


async def test_a_link_too_slow_for_all_new_readings_carries_the_newest_and_every_alarm_at_once(journal, settings):
    """Two readings a second for a minute over a link of one message a second."""
    alarm = {"code": "occlusion", "priority": "high", "cause": "Line blocked", "action": "Check the line"}
    link, written = Link(rate=1), {}
    async with publishing_to(link, settings) as cursor:
        await asyncio.sleep(1)
        for number in range(1, 121):
            entry = Entry("alarm_raised", alarm, "pump-a", "s1") if number == 60 else reading(number)
            journal.append([entry])
            written[number] = asyncio.get_running_loop().time()
            await asyncio.sleep(0.5)
        while cursor.position.id < 120:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(1)
    ((raised, _),) = link.fields("/alarms/occlusion")
    assert raised - written[60] <= 5
    numbers = {
        fields.get("seq") for _, message in link.sent if message.payload for fields in [json.loads(message.payload)]
    }
    assert set(range(1, 121)) <= numbers
    live = [(at, fields["seq"]) for at, fields in link.fields("/telemetry") if "late" not in fields]
    assert live[-1][1] > 100, "the newest are not the last to come"


async def test_a_broker_that_takes_small_packets_gets_less_of_each_entry_and_every_entry(journal, settings):
    alarm = {"code": "occlusion", "priority": "high", "cause": "Line blocked " * 9, "action": "Check the line " * 9}
    link = Link(largest=340)
    async with publishing_to(link, settings) as cursor:
        await asyncio.sleep(1)
        journal.append([reading(1), Entry("alarm_raised", alarm, "pump-a", "s1"), reading(3)])
        await asyncio.sleep(2)
        assert cursor.position.id == 3
    ((_, active),) = link.fields("/alarms/occlusion")
    assert (active["code"], active["priority"], active["cut"], active["seq"]) == ("occlusion", "high", True, 2)
    assert "cause" not in active
    assert [fields["seq"] for _, fields in link.fields("/telemetry")] == [1, 3]


async def test_the_memory_of_a_link_that_is_too_slow_for_a_day_is_bounded(journal, settings, monkeypatch):
    from pumpd.telemetry import outgoing

    monkeypatch.setattr(outgoing, "MOST_SPANS", 3)
    link = Link(rate=1)
    async with publishing_to(link, settings) as cursor:
        for number in range(1, 301, 10):
            journal.append([reading(each) for each in range(number, number + 10)])
            await asyncio.sleep(4)
        while cursor.position.id < 300:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(5)
    assert {fields["seq"] for _, fields in link.fields("/telemetry")} == set(range(1, 301))


async def test_the_cursor_is_written_every_half_minute_and_not_at_all_while_nothing_happens(journal, settings):
    """Ten minutes of one entry a second, then an hour of nothing: what goes to the card."""
    written = []
    async with publishing_to(Link(), settings) as cursor:
        cursor._db.set_trace_callback(written.append)
        for number in range(1, 601):
            journal.append([reading(number)])
            await asyncio.sleep(1)
        busy = len([each for each in written if "INTO cursor" in each])
        await asyncio.sleep(3600)
        idle = len([each for each in written if "INTO cursor" in each]) - busy
    assert 15 <= busy <= 21
    assert idle <= 3


@pytest.mark.requirement("RUN-16")
async def test_while_a_broker_answers_nothing_the_journal_is_written_and_its_log_is_emptied(journal, settings):
    """Telemetry in the middle of its work holds nothing that control's writer waits for: no lock, no read."""
    write(journal, 2000)
    async with publishing_to(Link(rate=0.001), settings) as cursor:
        for number in range(2001, 2101):
            journal.append([reading(number)])
            await asyncio.sleep(1)
        assert cursor.position.id < 10, "it is stuck in the middle"
        with contextlib.closing(sqlite3.connect(journal.path, timeout=0)) as other:
            (busy, _, _) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
    assert busy == 0
