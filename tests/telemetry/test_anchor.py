"""The anchor leaves the machine with the telemetry, and later reveals a journal that was cut."""

import contextlib
import itertools
import json
import random
import sqlite3

import pytest

from pumpd.journal import Anchor, BrokenChainError, JournalReader
from pumpd.mqtt import Publisher
from pumpd.process import end
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.messages import Translator
from pumpd.telemetry.service import ANCHOR_S, Telemetry

from .conftest import gateway_settings, reading, until
from .test_broker import running

pytestmark = pytest.mark.requirement("AUD-03")


def test_an_anchor_is_retained_and_never_expires():
    message = Translator("bed-3", {}).anchor(7, "ab" * 32, "2026-01-02T03:04:05.678+00:00")
    assert (message.topic, message.retain, message.expiry_s) == ("pumpd/v1/bed-3/$anchor", True, None)
    assert json.loads(message.payload) == {
        "seq": 7, "hash": "ab" * 32, "ts": "2026-01-02T03:04:05.678+00:00", "schema": "pumpd.telemetry.v1",
    }  # fmt: skip


class Broker(Publisher):
    """Accepts everything at once and remembers it with its time."""

    def __init__(self, loop) -> None:
        self.loop, self.anchors, self.messages = loop, [], []

    async def publish(self, message) -> None:
        if message.topic.endswith("/$anchor"):
            self.anchors.append((self.loop.time(), json.loads(message.payload)["seq"], self.messages[-1]))
        elif message.payload:
            self.messages.append(json.loads(message.payload).get("seq"))


async def test_an_anchor_is_published_once_a_minute_after_its_entry_and_after_the_last_entry(journal, state_dir):
    """Virtual time: an entry every 10 s for 200 s, then silence for an hour."""
    import asyncio

    settings = gateway_settings(state_dir, None)
    with contextlib.closing(Cursor(state_dir / "telemetry.sqlite3")) as cursor:
        broker = Broker(asyncio.get_running_loop())
        telemetry = Telemetry(settings, settings.mqtt, cursor, random.Random(1))
        task = asyncio.create_task(telemetry._publish_journal(broker))
        for number in range(1, 21):
            journal.append([reading(number)])
            await asyncio.sleep(10)
        await asyncio.sleep(3600)
        await end(task)
    times = [at for at, _, _ in broker.anchors]
    assert all(ANCHOR_S <= later - at <= ANCHOR_S + 1 for at, later in itertools.pairwise(times))
    assert all(seq == entry for _, seq, entry in broker.anchors)  # never before its entry was published
    assert [seq for _, seq, _ in broker.anchors] == [1, 7, 13, 19, 20]


@pytest.mark.realtime
async def test_what_the_broker_keeps_reveals_entries_cut_off_the_end(settings, journal, subscriber):
    journal.append([reading(number) for number in range(1, 6)])
    async with running(settings):
        await until(lambda: subscriber.payloads("/$anchor"))
    (published,) = subscriber.payloads("/$anchor")
    anchor = Anchor(published["seq"], published["hash"])
    assert anchor == journal.newest
    journal.append([reading(6)])
    with contextlib.closing(JournalReader(journal.path)) as reader:
        assert reader.verify([anchor]) == 6
        with contextlib.closing(sqlite3.connect(journal.path)) as db, db:
            db.execute("DELETE FROM records WHERE id > 4")
        assert reader.verify() == 4
        with pytest.raises(BrokenChainError, match="cut off after entry 4; entry 5 existed"):
            reader.verify([anchor])
