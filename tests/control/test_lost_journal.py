"""The journal lost its newest entries in the middle of an infusion (PWR-15, PWR-10): what flows is stopped, the worst
case is booked, and nothing starts until a person accepts the loss. Judged by the plant's truth.
"""

import asyncio
import contextlib
import shutil

import pytest

from pumpd.control.process import evidence_against
from pumpd.journal import Journal
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed
from tests.journal.test_loss import deleted, empty, half_a_wal, no_wal, random_wal

pytestmark = pytest.mark.requirement("PWR-15", "PWR-10")


async def killed(here, tmp_path, damage):
    """The process is killed, and the journal is what `damage` makes of the files that a kill leaves."""
    await die(here)
    copy = tmp_path / "as-killed"
    copy.mkdir()
    for each in here.journal.parent.glob("journal.*"):
        shutil.copy(each, copy)
    here.gateway.journal._journal._db.close()
    for each in here.journal.parent.glob("journal.*"):
        each.unlink()
    for each in copy.iterdir():
        if not each.name.endswith("-shm"):
            shutil.copy(each, here.journal.parent)
    damage(here.journal)


def accept(path):
    with contextlib.closing(Journal(path, "accept")) as journal:
        journal.kept.accept(journal.newest)


@pytest.mark.parametrize("damage", [no_wal, random_wal, half_a_wal, empty, deleted])
async def test_a_loss_stops_what_flows_books_the_worst_case_and_starts_nothing(tmp_path, monkeypatch, damage):
    monkeypatch.setattr("pumpd.journal.kept_outside.EVERY_S", 0.0)  # five minutes pass in a second here
    async with open_testbed(tmp_path, group=1) as here:
        here.gateway.journal._journal._db.execute("PRAGMA wal_checkpoint")  # the rest stays in the write-ahead log
        await here.start()
        await asyncio.sleep(300)
        await killed(here, tmp_path, damage)
        assert here.pump.truth()["running"]
        for _ in range(2):
            async with another_process(here):
                await asyncio.sleep(8)
                assert not here.pump.truth()["running"]
                status = (await here.ask(op="status")).result
                assert "missing" in status["journal"] or "lost" in status["journal"]
                assert ("journal_failed", "high") in [(each["code"], each["priority"]) for each in status["alarms"]]
                for patient in ("token-1", "token-2"):
                    refused = await here.order(patient=patient)
                    assert not refused.ok
                    assert any("earlier doses are not known" in reason for reason in refused.reasons), refused.reasons
                assert await evidence_against(here.gateway, here.gateway.journal) == ""
            await die(here)
        accept(here.journal)
        async with another_process(here, boot="boot-3"):
            await asyncio.sleep(8)
            assert (await here.ask(op="status")).result["journal"] == "ok"
            history = (await here.ask(op="history", patient="token-1")).result
            (treatment,) = history["treatments"]
            assert treatment["uncertain"]
            refused = await here.order(patient="token-1")
            assert any("the last infusion began" in reason for reason in refused.reasons), refused.reasons


async def test_a_journal_deleted_in_the_middle_of_an_infusion_stops_it_and_raises_the_alarm(tmp_path):
    async with open_testbed(tmp_path, group=1) as here:
        await here.start()
        await asyncio.sleep(100)
        here.journal.unlink()
        await asyncio.sleep(10)
        assert not here.pump.truth()["running"]
        assert here.state() == "tripped"
        status = (await here.ask(op="status")).result
        assert "not there any more" in status["journal"]
        assert ("journal_failed", "high") in [(each["code"], each["priority"]) for each in status["alarms"]]


async def test_a_journal_deleted_while_nothing_happens_is_noticed_by_the_watchdogs_question(tmp_path):
    async with open_testbed(tmp_path, group=1) as here:
        here.journal.unlink()
        assert await evidence_against(here.gateway, here.gateway.journal) == ""
        assert "not there any more" in (await here.ask(op="status")).result["journal"]
        assert not (await here.order()).ok
