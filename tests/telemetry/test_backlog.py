"""A broker that was away for hours: nothing is lost, and each entry keeps the time at which it happened."""

import asyncio
import contextlib
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.mqtt import Publisher
from pumpd.process import end
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.service import Telemetry

from .conftest import gateway_settings, reading

ROWS = 2 * 3600  # a day takes ten seconds of CPU, and no bound lies between
THEN = datetime(2026, 3, 1, tzinfo=UTC)


class Broker(Publisher):
    def __init__(self) -> None:
        self.published: list[tuple[int, str]] = []

    async def publish(self, message) -> None:
        if message.topic.endswith("/telemetry"):
            fields = json.loads(message.payload)
            self.published.append((fields["seq"], fields["ts"]))


@pytest.mark.requirement("COM-08")
async def test_hours_of_one_entry_per_second_are_kept_and_sent_in_order_with_their_times(journal, state_dir):
    settings = gateway_settings(state_dir, None)
    one = reading(1)
    for hour in range(2):
        begun = THEN + timedelta(hours=hour)
        journal.append([replace(one, at=begun + timedelta(seconds=second)) for second in range(3600)])
    with contextlib.closing(Cursor(state_dir / "telemetry.sqlite3")) as cursor:
        broker = Broker()
        telemetry = Telemetry(settings, settings.mqtt, cursor, random.Random(1))
        task = asyncio.create_task(telemetry._publish_journal(broker))
        while cursor.position.id < ROWS:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.25)
        await end(task)
    assert [seq for seq, _ in broker.published] == list(range(1, ROWS + 1))
    for seq in (1, 3600, 3601, ROWS):
        assert broker.published[seq - 1][1] == (THEN + timedelta(seconds=seq - 1)).isoformat(timespec="milliseconds")
