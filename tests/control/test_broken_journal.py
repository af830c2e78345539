"""With an unusable journal a flowing pump is stopped, status and stop work, and nothing is started (PWR-10).

And one that cannot be written any more while an infusion runs (PWR-11). Judged by the plant's truth.
"""

import asyncio
import contextlib
import itertools
import json
import sqlite3

import pytest

from pumpd.control.process import evidence_against
from pumpd.driving import LinkDriver
from pumpd.journal import Entry, Journal, JournalError
from pumpd.pump import Unknown
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed, restart


def torn(path):
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


def flipped(path):
    """In the text of the newest entries."""
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"volume_infused_ml")
    raw[at] ^= 1
    path.write_bytes(bytes(raw))


def foreign(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE people (name TEXT)")


def no_database(path):
    path.write_bytes(b"the quick brown fox " * 1000)


def another_schema(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=77")


def odd_event(path):
    """The chain is intact, but this version of pumpd cannot interpret an entry."""
    with contextlib.closing(Journal(path, "boot-1")) as journal, contextlib.closing(sqlite3.connect(path)) as db:
        body, session = db.execute(
            "SELECT body, session FROM records WHERE kind = 'happened' ORDER BY id DESC LIMIT 1"
        ).fetchone()
        journal.append([Entry("happened", json.loads(body) | {"event": "aliens_landed"}, "bed1", session)])


def whole(path):
    """All in one file, as after a reader or an orderly end."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)


@pytest.mark.requirement("PWR-10", "PWR-04")
@pytest.mark.parametrize("damage", [torn, flipped, foreign, no_database, another_schema, odd_event])
async def test_with_an_unusable_journal_nothing_starts_and_a_flowing_pump_is_stopped(tmp_path, damage):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        await die(here)
        here.gateway.journal._journal.close()
        whole(here.journal)
        damage(here.journal)
        assert here.pump.truth()["running"]
        given = here.truth()
        async with restart(here):
            await asyncio.sleep(5)
            assert not here.pump.truth()["running"]
            assert here.truth() - given < 0.1
            status = (await here.ask(op="status")).result
            assert status["journal"] != "ok"
            assert [(alarm["code"], alarm["priority"]) for alarm in status["alarms"]] == [("journal_failed", "high")]
            for patient in ("token-1", "token-2"):  # any patient: nobody's dose history is known
                refused = await here.order(patient=patient)
                assert not refused.ok
                assert any("journal" in reason for reason in refused.reasons), refused.reasons
            assert (await here.ask(op="stop", pump="bed1", reason="test")).ok
            assert (await here.ask(op="stop", reason="test")).ok
            assert await evidence_against(here.gateway, here.gateway.journal) == ""
            await asyncio.sleep(60)
            assert not here.pump.truth()["running"]


@pytest.mark.requirement("PWR-10", "STP-03")
async def test_a_pump_of_which_nothing_is_known_is_sent_stops_until_it_has_stopped_and_alarms_meanwhile(
    tmp_path, monkeypatch
):
    sent = []

    async def lost(self):
        sent.append(asyncio.get_running_loop().time())
        return Unknown("no reply")

    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        await die(here)
        here.gateway.journal._journal.close()
        no_database(here.journal)
        with monkeypatch.context() as patched:
            patched.setattr(LinkDriver, "stop", lost)
            async with restart(here):
                await asyncio.sleep(2.5)
                assert (await here.ask(op="status")).result["pumps"][0]["alarms"][0]["code"] == "unprescribed_flow"
                await asyncio.sleep(3.5)
                (pump,) = (await here.ask(op="status")).result["pumps"]
                assert [alarm["code"] for alarm in pump["alarms"]] == ["unprescribed_flow", "stop_unconfirmed"]
                assert here.pump.truth()["running"]
                assert max(after - before for before, after in itertools.pairwise(sent)) < 0.6
                patched.undo()
                await asyncio.sleep(1)
                assert not here.pump.truth()["running"]
                assert (await here.ask(op="status")).result["pumps"][0]["alarms"] != [], (
                    "it takes two readings over two seconds"
                )
                await asyncio.sleep(3)
                assert (await here.ask(op="status")).result["pumps"][0]["alarms"] == []


@pytest.mark.requirement("PWR-11", "AUD-10")
@pytest.mark.parametrize("cause", ["database or disk is full", "attempt to write a readonly database"])
async def test_when_the_disk_fails_a_running_infusion_stops_within_a_lease_and_its_entries_are_written_later(
    tmp_path, monkeypatch, cause
):
    async with open_testbed(tmp_path, group=1) as here:
        await here.start()
        await asyncio.sleep(100)
        loop, append = asyncio.get_running_loop(), Journal._write

        def refuse(self, entries, now, removed=()):
            raise JournalError(f"journal {self.path} cannot be written: {cause}")

        monkeypatch.setattr(Journal, "_write", refuse)
        failed = loop.time()
        while here.pump.truth()["running"]:
            assert loop.time() - failed < 10, "longer than a lease"
            await asyncio.sleep(0.1)
        await here.until("tripped")
        assert not (await here.order()).ok
        status = (await here.ask(op="status")).result
        assert cause in status["journal"]
        assert status["alarms"][0]["code"] == "journal_failed"
        assert await evidence_against(here.gateway, here.gateway.journal) == "", "a restart would lose what is kept"
        await asyncio.sleep(60)
        assert "stop_confirmed" not in here.kinds()
        monkeypatch.setattr(Journal, "_write", append)
        assert await evidence_against(here.gateway, here.gateway.journal) == ""  # which makes it try again
        assert (await here.ask(op="status")).result["journal"] == "ok"
        kinds = here.kinds()
        for kind in ("stop_confirmed", "journal_restored"):
            assert kind in kinds
        codes = [entry.fields["code"] for entry in here.entries() if entry.kind == "alarm_raised"]
        assert codes.count("journal_failed") >= 1


@pytest.mark.requirement("PWR-11")
async def test_control_starts_on_a_full_disk_stops_the_pump_and_starts_no_infusion(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(100)
        await die(here)

        def refuse(self, entries, now, removed=()):
            raise JournalError(f"journal {self.path} cannot be written: database or disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(Journal, "_write", refuse)
            async with another_process(here):
                await asyncio.sleep(8)
                assert not here.pump.truth()["running"]
                assert here.state() == "tripped"
                assert not (await here.order()).ok
                await here.ask(op="clear", pump="bed1", by="nurse")
                await here.ask(op="resume", pump="bed1", by="nurse")
                await asyncio.sleep(8)
                assert here.state() == "ready"
                refused = await here.confirm()
                assert any("disk is full" in reason for reason in refused.reasons)
                assert not here.pump.truth()["running"]
