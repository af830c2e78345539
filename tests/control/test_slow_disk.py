"""A disk whose every write takes seconds: the person is told, the infusion continues, and the process is not restarted.

A disk that hangs stops what flows by itself: `test_writer` has that (PWR-11, AUD-10).
"""

import asyncio
import itertools
import threading

import pytest

from pumpd.control import process
from pumpd.control.process import Watchdog, evidence_against
from pumpd.journal import Entry, Journal
from pumpd.journal.writer import ThreadWriter
from tests.control.testbed import open_testbed
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.requirement("PWR-11", "AUD-10", "RUN-16")

WATCHDOG_S = 10.0  # WatchdogSec of the unit


def slowly(journal, seconds):
    """From now on whoever waits for this journal waits so long, as behind a disk that takes that long for a write."""
    plain = journal.append

    async def append(entries):
        await asyncio.sleep(seconds)
        await plain(entries)

    journal.append = append


@pytest.mark.parametrize("seconds", [2.5, 4.9])
async def test_the_watchdog_is_fed_while_the_disk_is_slow_and_the_infusion_runs_on(tmp_path, monkeypatch, seconds):
    fed, loop = [], asyncio.get_running_loop()
    monkeypatch.setattr(process, "watchdog_interval_s", lambda: WATCHDOG_S / 2)
    monkeypatch.setattr(process, "notify", lambda *lines: fed.append(loop.time()) if "WATCHDOG=1" in lines else None)
    async with open_testbed(tmp_path) as here:
        await here.start()
        slowly(here.gateway.journal, seconds)
        here.gateway.journal.slow = True
        begun = loop.time()
        here.gateway.parts.start("watchdog", Watchdog(here.gateway, here.gateway.journal))
        await asyncio.sleep(120)
        gaps = [after - before for before, after in itertools.pairwise([begun, *fed, loop.time()])]
        assert max(gaps) < WATCHDOG_S
        assert here.state() == "running"
        assert here.pump.truth()["running"]
        alarms = (await here.ask(op="status")).result["alarms"]
        assert ("journal_slow", "low") in [(each["code"], each["priority"]) for each in alarms]
        here.gateway.journal.slow = False
        await asyncio.sleep(2)
        alarms = (await here.ask(op="status")).result["alarms"]
        assert "journal_slow" not in [each["code"] for each in alarms]


async def test_a_writer_that_does_not_answer_although_its_disk_does_is_evidence_against_the_process(tmp_path):
    async with open_testbed(tmp_path) as here:
        slowly(here.gateway.journal, 60)
        assert await evidence_against(here.gateway, here.gateway.journal) == "the journal does not answer"


@pytest.mark.realtime
async def test_the_writer_knows_that_its_disk_is_slow_while_it_writes_and_for_a_while_after(tmp_path, monkeypatch):
    monkeypatch.setattr("pumpd.journal.writer.SLOW_S", PATIENCE_S)
    writer = ThreadWriter(tmp_path / "journal.sqlite3", "boot-1")
    await writer.opened()
    await writer.append([Entry("noted", {})])
    assert not writer.slow
    plain, free = Journal.append, threading.Event()

    def append(journal, entries):
        assert free.wait(PATIENCE_S)
        return plain(journal, entries)

    monkeypatch.setattr(Journal, "append", append)
    monkeypatch.setattr("pumpd.journal.writer.SLOW_S", 0.1)
    monkeypatch.setattr("pumpd.journal.writer.HUNG_S", PATIENCE_S)
    waiting = asyncio.create_task(writer.append([Entry("noted", {})]))
    await until(lambda: writer.slow)
    assert not waiting.done()
    free.set()
    await waiting
    monkeypatch.setattr(Journal, "append", plain)
    monkeypatch.setattr("pumpd.journal.writer.SLOW_S", PATIENCE_S)
    assert writer.slow  # for a minute; the time since is what it is
    monkeypatch.setattr("pumpd.journal.writer.SLOW_FOR_S", 0.0)
    assert not writer.slow
    await writer.close()
