"""The journal records every byte on the line, every driver call, and the build and settings of each infusion."""

import asyncio
import contextlib
import importlib.metadata
import itertools

import pytest

from pumpd.control.infusions.line_record import MOST_BYTES, LineRecord
from pumpd.journal import JournalReader
from tests.control.testbed import open_testbed

NS = 1_000_000_000


def recorded(entries, pumps=("bed1",)):
    """The bytes on the line, by direction, as the entries have them."""
    found, last = {"out": b"", "in": b""}, []
    for entry in entries:
        if entry.kind not in ("reading", "frame") or entry.pump not in pumps:
            continue
        for body in entry.fields["frames"] if entry.kind == "reading" else [entry.fields]:
            last = body.get("packets", last)
            for _ in range(body.get("times", 1)):
                for way, _, text in last:
                    found[way] += bytes.fromhex(text)
    return found


@pytest.mark.requirement("AUD-01")
async def test_every_byte_of_the_line_is_in_the_journal(tmp_path):
    seen = {"out": b"", "in": b""}

    def listen(way, data, _):
        seen[way] += data

    async with open_testbed(tmp_path, faults=["lost-reply@100s", "garbled@300s", "split-reply@400s"]) as here:
        here.gateway.runners["bed1"].line.tap(listen)
        await asyncio.sleep(200)  # idle: identical polls
        await here.start()
        await asyncio.sleep(300)
        await here.ask(op="pause", pump="bed1", reason="test")
        await here.until("paused")
        await here.ask(op="stop", pump="bed1", reason="test")
        await asyncio.sleep(90)
        kinds = here.kinds()
    entries = here.entries()
    for way, data in recorded(entries).items():
        assert data.endswith(seen[way]), way
        assert len(seen[way]) > 5000
    idle = [entry for entry in entries if entry.kind == "frame" and "times" in entry.fields]
    assert len(idle) < 10, "a poll without news needs no entry"
    assert kinds.count("reading") > 290


@pytest.mark.requirement("AUD-01")
async def test_every_call_of_the_driver_has_a_record(tmp_path):
    leaves = {
        "identify": "pump_ready",
        "load": "program_loaded",
        "read_back": "program_read_back",
        "start": "start_answered",
        "stop": "stop_answered",
        "release": "release_answered",
    }
    calls = []
    async with open_testbed(tmp_path) as here:
        driver = here.gateway.runners["bed1"].driver

        def spy(name, real):
            def called(*given):
                calls.append(name)
                return real(*given)

            setattr(driver, name, called)

        for name in leaves.keys() - {"identify"}:
            spy(name, getattr(driver, name))
        await here.start()
        await asyncio.sleep(30)
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        await asyncio.sleep(5)
        kinds = here.kinds()
    assert set(calls) == set(leaves) - {"identify"}
    for name, kind in leaves.items():
        assert kinds.count(kind) == (calls.count(name) or 1), name


async def test_pumps_on_one_port_record_each_byte_once(tmp_path):
    seen = {"out": b"", "in": b""}
    racks = {"rack": {"name": "new-era", "options": {"network": "0,7"}}}
    each = {
        "bed1": {"port": "memory://rack", "settings": {"address": 0}},
        "bed2": {"port": "memory://rack", "settings": {"address": 7}},
    }

    def listen(way, data, _):
        seen[way] += data

    async with open_testbed(tmp_path, beds=("bed1", "bed2"), each=each, racks=racks) as here:
        here.gateway.runners["bed1"].line.tap(listen)
        await here.start("bed2")
        await asyncio.sleep(120)
        await here.ask(op="stop", pump="bed2", reason="test")
        await here.until("stopped", pump="bed2")
        await asyncio.sleep(5)
    for way, data in recorded(here.entries(), ("bed1", "bed2")).items():
        assert len(data) < 1.2 * len(seen[way])
        assert len(data) >= len(seen[way])


def test_identical_polls_are_counted_for_a_minute_and_any_different_byte_ends_the_count():
    line = LineRecord()

    def poll(at_s, reply=b"\x02ok\x03"):
        line.tap("out", b"RAT\r", at_s * NS)
        line.tap("in", reply[:2], at_s * NS + 5)
        line.tap("in", reply[2:], at_s * NS + 7)
        return line.take(idle=True)

    whole = [["out", 0, b"RAT\r".hex()], ["in", 5, b"\x02ok\x03".hex()]]
    assert poll(0) == [{"t_ns": 0, "packets": whole}]
    entries = [body for second in range(1, 100) for body in poll(second)]
    assert entries == [{"t_ns": 1 * NS, "until_ns": 61 * NS, "times": 61}]
    other = poll(100, b"\x02no\x03")
    assert other[0] == {"t_ns": 62 * NS, "until_ns": 99 * NS, "times": 38}
    assert other[1]["packets"][1] == ["in", 5, b"\x02no\x03".hex()]
    assert poll(101) != []
    assert line.rest() == []
    line.tap("out", b"RAT\r", 0)
    assert line.take(idle=False)[0]["packets"] == [["out", 0, b"RAT\r".hex()]]
    assert line.take(idle=False) == []


def test_the_record_of_a_babbling_line_is_cut_and_states_how_much_is_missing():
    line = LineRecord(scale=60)
    for number in range(100):
        line.tap("in", b"x" * 1000, number)
    (body,) = line.take(idle=True)
    assert sum(len(text) for _, _, text in body["packets"]) == 2 * MOST_BYTES
    assert body["bytes_left_out"] == 100_000 - MOST_BYTES


@pytest.mark.requirement("PWR-08")
async def test_at_any_instant_the_disk_holds_what_was_given_to_within_one_poll(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(5)
        a_poll = (
            52.5 / 3600 * 1.05 + 0.01
        )  # mL: the flow between two polls, the time of a reading, and the counter's own step
        for _ in range(200):
            await asyncio.sleep(0.37)
            with contextlib.closing(JournalReader(here.journal)) as reader:
                (entry,) = reader.last(1, "reading")
            assert here.truth() - float(entry.fields["volume_infused_ml"]) <= a_poll
        instants = [entry.mono_ns for entry in here.entries() if entry.kind == "reading"][10:]
        assert max(after - before for before, after in itertools.pairwise(instants)) <= 1.01 * NS


@pytest.mark.requirement("AUD-11")
async def test_a_session_records_the_build_and_the_pump_that_it_ran_with(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        began = next(entry for entry in here.entries() if entry.kind == "began").fields
        library = here.gateway.library.digest
    assert began["build"]["pumpd"] == importlib.metadata.version("pumpd")
    assert began["build"]["drivers"] == {"new-era": f"pumpd-drivers {importlib.metadata.version('pumpd-drivers')}"}
    assert began["build"]["library"] == library
    assert len(began["build"]["settings"]) == 64
    assert began["identity"]["model"].casefold() == "ne-1000"
    assert began["identity"]["firmware"]
    assert began["infusion"]["place"]["serial"] == "ASSET-bed1"
