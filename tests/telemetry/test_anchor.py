"""The anchor leaves the machine with the telemetry, and later reveals a journal that was cut."""

import asyncio
import contextlib
import itertools
import json
import sqlite3

import pytest
from structlog.testing import capture_logs

from pumpd.journal import Anchor, BrokenChainError, JournalReader
from pumpd.settings_brokers import MqttSettings
from pumpd.telemetry.messages import Translator
from pumpd.telemetry.service import ANCHOR_S
from tests.patience import until

from .conftest import gateway_settings, reading
from .pretend import Link, publishing_to
from .test_broker import running

pytestmark = pytest.mark.requirement("AUD-03")


def test_an_anchor_is_retained_and_never_expires():
    message = Translator("bed-3", {}).anchor(7, "ab" * 32, "2026-01-02T03:04:05.678+00:00")
    assert (message.topic, message.retain, message.expiry_s) == ("pumpd/v1/bed-3/$anchor", True, None)
    assert json.loads(message.payload) == {
        "seq": 7, "hash": "ab" * 32, "ts": "2026-01-02T03:04:05.678+00:00", "schema": "pumpd.telemetry.v1",
    }  # fmt: skip


async def test_an_anchor_is_published_once_a_minute_after_its_entry_and_after_the_last_entry(journal, state_dir):
    """Virtual time: an entry every 10 s for 200 s, then silence for an hour."""
    link = Link()
    with capture_logs() as logs:
        async with publishing_to(link, gateway_settings(state_dir, MqttSettings(host="nowhere"))):
            for number in range(1, 21):
                journal.append([reading(number)])
                await asyncio.sleep(10)
            await asyncio.sleep(3600)
    messages = [(at, message.topic, json.loads(message.payload)) for at, message in link.sent if message.payload]
    anchors = [(at, fields["seq"]) for at, topic, fields in messages if topic.endswith("/$anchor")]
    assert all(ANCHOR_S <= later - at <= ANCHOR_S + 1 for (at, _), (later, _) in itertools.pairwise(anchors))
    assert [seq for _, seq in anchors] == [1, 7, 13, 19, 20]
    for number, (_, topic, fields) in enumerate(messages):
        if topic.endswith("/$anchor"):  # never before its entry was published
            assert fields["seq"] in [earlier.get("seq") for _, _, earlier in messages[:number]]
    logged = [line["anchor"] for line in logs if line["event"] == "anchor"]
    assert [int(anchor.partition(":")[0]) for anchor in logged] == [1, 7, 13, 19, 20], "in the system's log, too"


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
