"""What strangers cause in the journal is bounded in number and size, and displaces nothing else (AUD-13)."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from pumpd.control.socket.doors import Caller, Door, User
from pumpd.control.strangers import DAY_BYTES, LEFT_OUT, LONGEST_BODY, SOURCES, TOLD_EVERY_S, Strangers
from pumpd.host.clock import Clock
from pumpd.journal import Journal, JournalReader
from pumpd.journal.writer import InlineWriter
from tests.control.testbed import BEDSIDE, ORDER, open_testbed
from tests.control.wire_tap import Tap

MOST_A_DAY = 10_000_000  # bytes, AUD-13
VISITOR = Caller(Door.OPERATOR, User.OTHER, "uid 1234, pid 1")
MONITORS = Caller(Door.VITALS, User.MEMBER, "uid 991, pid 1")
MINUTES = 24 * 60


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("journal*"))


@pytest.mark.requirement("AUD-13")
@pytest.mark.parametrize(("size", "pumps"), [(60, 1), (700, 32), (LONGEST_BODY - 20, 32)])
async def test_a_day_of_floods_by_every_source_takes_ten_megabytes_at_most(tmp_path, size, pumps):
    path, body = tmp_path / "journal.sqlite3", {"reasons": ["x" * (size - 16)]}
    writer = InlineWriter(Journal(path, "boot-1"), group=500)
    strangers = Strangers(pumps, writer, Clock())
    for minute in range(MINUTES):
        for _ in range(1 if minute else 300):
            for number in range(SOURCES):
                strangers.note(f"source {number}", "request_refused", body)
            for number in range(pumps):
                if strangers.may_of_pump(f"bed{number}", "frame", body):
                    strangers._post("frame", body, f"bed{number}")
        await asyncio.sleep(60)
    strangers.close()
    await writer.close()
    assert on_disk(tmp_path) <= MOST_A_DAY
    reader = JournalReader(path)
    try:
        entries = reader.after(0, 100_000)
    finally:
        reader.close()
    left_out = sum(sum(entry.fields["counts"].values()) for entry in entries if entry.kind == LEFT_OUT)
    written = sum(entry.kind != LEFT_OUT for entry in entries)
    assert written + left_out == (MINUTES - 1 + 300) * (SOURCES + pumps), "each is written or counted"
    assert written >= SOURCES + pumps


async def test_an_entry_that_is_too_long_is_counted_and_not_written(tmp_path):
    writer = InlineWriter(Journal(tmp_path / "journal.sqlite3", "boot-1"))
    noted = []
    writer.post = noted.extend
    strangers = Strangers(1, writer, Clock())
    strangers.note("request_malformed on a socket", "request_malformed", {"problems": ["x" * LONGEST_BODY]})
    strangers.close()
    await writer.close()
    assert [(each.kind, each.body) for each in noted] == [(LEFT_OUT, {"counts": {"request_malformed on a socket": 1}})]


@pytest.mark.requirement("AUD-13")
async def test_the_flood_of_one_source_leaves_the_budget_of_the_others_alone(tmp_path):
    writer = InlineWriter(Journal(tmp_path / "journal.sqlite3", "boot-1"))
    noted = []
    writer.post = noted.extend
    strangers = Strangers(2, writer, Clock())
    for _ in range(5000):
        strangers.note("request_refused on the tablet socket", "request_refused", {"reasons": ["x"]})
        strangers.may_of_pump("bed1", "stop_requested", {"by": "x"})
    before = len(noted)
    strangers.note("request_refused on the operator socket", "request_refused", {"reasons": ["y"]})
    assert len(noted) == before + 1
    assert strangers.may_of_pump("bed2", "stop_requested", {"by": "x"})
    await asyncio.sleep(TOLD_EVERY_S + 1)
    counts = noted[-1].body["counts"]
    assert counts["request_refused on the tablet socket"] == 5000 - (before)
    assert counts["stop_requested of bed1"] > 4000
    strangers.close()
    await writer.close()


FLOOD = [
    (BEDSIDE, {"op": "stop", "pump": "bed1", "by": "x" * 200, "reason": "y" * 200}),
    (BEDSIDE, {"op": "stop", "pump": "z" * 64, "by": "x" * 200, "reason": "y" * 200}),
    (BEDSIDE, ORDER),
    (BEDSIDE, {"op": "tablet", "key": "k" * 64, "nonce": "n", "signature": "AAAA", "request": "{" * 8000}),
    (BEDSIDE, {"op": "alive", "tablet": "t" * 64}),
    (BEDSIDE, {"op": "pair_offer", "window": "w", "commitment": "a" * 64, "proof": "b" * 64}),
    (VISITOR, {"op": "stop", "pump": "bed1"}),
    (VISITOR, {"op": "status"}),
    (VISITOR, {"op": "stop", "pump": "nowhere"}),
    (MONITORS, {"op": "vital_signs", "pump": "bed1", "source": "m", "age_s": 1.0, "heart_rate_bpm": 70}),
    (MONITORS, {"op": "stop", "pump": "bed1"}),
]


@pytest.mark.requirement("AUD-13", "STP-12")
async def test_a_flood_through_every_door_displaces_no_reading_and_no_real_stop(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        await here.start("bed2")
        before, begun = on_disk(tmp_path), asyncio.get_running_loop().time()
        sent = 0
        while asyncio.get_running_loop().time() - begun < 60:
            for caller, request in FLOOD:
                await here.ask_as(caller, **request)
                sent += 1
            here.gateway.dispatch.malformed(VISITOR, ("request: is not valid JSON",))
            await asyncio.sleep(0.05)
        assert sent > 10_000
        assert here.state("bed2") == "running"
        assert (await here.ask_as(VISITOR, op="stop", pump="bed2", by="a visitor", reason="he looks pale")).ok
        await here.until("stopped", pump="bed2")
        await asyncio.sleep(TOLD_EVERY_S)
        entries = here.entries()
    assert on_disk(tmp_path) - before < DAY_BYTES / 2
    readings = [each for each in entries if each.kind == "reading" and each.fields["state"] == "running"]
    assert len(readings) >= 55
    assert max(later.mono_ns - earlier.mono_ns for earlier, later in pairwise(readings)) <= 1.5e9
    (stop,) = [each for each in entries if each.kind == "stop_requested" and each.pump == "bed2"]
    assert stop.fields == {"by": "a visitor, uid 1234, pid 1", "reason": "he looks pale"}
    first = next(each for each in entries if each.kind == "stop_requested" and each.pump == "bed1")
    assert first.fields["reason"] == "y" * 200
    assert {each.fields["op"] for each in entries if each.kind == "request_refused"} >= {"order", "stop", "alive"}
    assert sum(sum(each.fields["counts"].values()) for each in entries if each.kind == LEFT_OUT) > 5000


@pytest.mark.requirement("STP-12", "STP-01")
async def test_stops_without_end_leave_an_idle_pump_time_to_be_read_and_each_is_followed_by_one(tmp_path):
    async with open_testbed(tmp_path) as here:
        frames, sent = Tap(here.pump), 0
        await asyncio.sleep(5)
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - begun < 20:
            await here.ask_as(VISITOR, op="stop", pump="bed1")
            sent += 1
            await asyncio.sleep(0.005)
        asked = asyncio.get_running_loop().time()
        reading = here.gateway.runners["bed1"].reading
        assert reading is not None
        assert asked - reading.answered_ns / 1e9 <= 1.5
        assert sent > 3000
        assert 20 / 0.25 <= frames.count("STP") <= 20 / 0.1 + 2
        before = frames.count("STP")
        await here.ask_as(VISITOR, op="stop", pump="bed1")
        await asyncio.sleep(0.25)
        assert frames.count("STP") > before


@pytest.mark.requirement("STP-12", "STP-01")
async def test_a_stop_of_a_flowing_pump_waits_for_no_earlier_stop(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        here.gateway.runners["bed1"]._commands._next_stop_s = asyncio.get_running_loop().time() + 60
        await here.ask_as(VISITOR, op="stop", pump="bed1")
        await asyncio.sleep(0.1)
        assert not here.pump.truth()["running"]
