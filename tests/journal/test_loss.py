"""The anchor file shows that a journal lost its newest entries, at the next start and while it is in use (PWR-15).

And it never reports a loss that is none: a process killed at any step of writing it leaves an anchor that fits.
"""

import contextlib
import os
import random
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from pumpd.journal import Anchor, Entry, Journal, JournalError, JournalReader
from pumpd.journal import anchor_file as module
from pumpd.journal.anchor_file import MOST_ORDERS, AnchorError, AnchorFile, Order, anchor_path
from pumpd.journal.doses import Doses
from pumpd.journal.loss import booked
from pumpd.journal.retention import Retention, prune
from tests.journal.test_doses import NOON, PLANNED

from .recorded import read, verify, written

pytestmark = pytest.mark.requirement("PWR-15")

ORDER = Entry("order_accepted", {"digest": "d", "program": PLANNED.fields, "peer": "x"}, "bed1", "s-1", 1, NOON)
INTENT = Entry("intent_start", {"vtbi_ml": "17.5"}, "bed1", "s-1", 2)


def notes(count: int) -> list[Entry]:
    return [Entry("noted", {"number": number, "text": "x" * 500}) for number in range(count)]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


@pytest.fixture
def folder(path) -> Path:
    path.parent.mkdir()
    return path.parent


def killed(folder: Path, to: Path) -> Path:
    """The files as a killed process leaves them. A journal's last orderly close would empty its write-ahead log."""
    shutil.copytree(folder, to)
    return to / "journal.sqlite3"


def loss(path: Path) -> str:
    with contextlib.closing(Journal(path, "boot-2")) as journal:
        return journal.kept.loss


def wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def no_wal(path):
    wal(path).unlink()


def empty_wal(path):
    wal(path).write_bytes(b"")


def random_wal(path):
    wal(path).write_bytes(random.Random(1).randbytes(wal(path).stat().st_size))


def half_a_wal(path):
    os.truncate(wal(path), wal(path).stat().st_size // 2)


def empty(path):
    path.write_bytes(b"")
    no_wal(path)


def deleted(path):
    path.unlink()
    no_wal(path)


def another(path):
    deleted(path)
    path.with_name("journal.sqlite3-shm").unlink()
    kept = anchor_path(path).read_bytes()
    written(path, notes(500))
    anchor_path(path).write_bytes(kept)


DAMAGES = [no_wal, empty_wal, random_wal, half_a_wal, empty, deleted, another]


def test_no_write_takes_more_memory_of_the_kernel_than_a_page(path, folder, monkeypatch):
    """Linux keeps what was written as one piece as one: each later write of 100 bytes would count as 64 KiB."""
    sizes, write = [], os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: sizes.append(len(data)) or write(file, data, at))
    written(path, notes(1))
    assert sum(sizes) >= anchor_path(path).stat().st_size > 0
    assert max(sizes) <= 4096


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_that_lost_its_newest_entries_shows_it_at_every_start_until_a_person_accepts_it(
    folder, path, tmp_path, damage
):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        journal.append(notes(3))
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint")
        journal.append([ORDER])
        journal.append([INTENT])
        journal.append(notes(30))
        copy = killed(folder, tmp_path / "copy")
    damage(copy)
    (copy.parent / "journal.sqlite3-shm").unlink(missing_ok=True)
    said = loss(copy)
    assert "missing" in said or "lost" in said
    for _ in range(3):
        with contextlib.closing(Journal(copy, "boot-2")) as journal:
            journal.append(notes(50))  # beyond the number of the lost entry
            assert journal.kept.loss
    with contextlib.closing(Journal(copy, "boot-3")) as journal:
        journal.kept.accept(journal.newest)
        journal.append(notes(1))
    assert loss(copy) == ""


@pytest.mark.requirement("PWR-13")
def test_a_lost_order_is_booked_at_its_worst_case_until_as_late_as_it_can_have_run(folder, path, tmp_path):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        journal.append([ORDER])
        journal.append([INTENT])
        copy = killed(folder, tmp_path / "copy")
    deleted(copy)
    with contextlib.closing(Journal(copy, "boot-2")) as journal, contextlib.closing(JournalReader(copy)) as reader:
        journal.append(booked(reader, journal.kept.loss, journal.kept.orders, 7))
        again = booked(reader, journal.kept.loss, journal.kept.orders, 8)
    assert [entry.kind for entry in again] == ["entries_missing"], "booked once"
    doses = Doses()
    doses.take(read(copy))
    (dose,) = doses.all()
    assert (dose.patient, dose.drug, dose.uncertain) == ("P-17", PLANNED.entry.drug, True)
    assert dose.worst == PLANNED.dose
    assert dose.started_ns == int(NOON.timestamp()) * 10**9
    assert dose.ended_ns > dose.seen_ns > dose.started_ns


@pytest.mark.requirement("PWR-13")
def test_an_order_whose_start_was_lost_is_booked_and_one_that_had_ended_is_not(folder, path, tmp_path):
    ended = [Entry("order_accepted", ORDER.body, "bed2", "s-0", 1, NOON), Entry("infusion_ended", {}, "bed2", "s-0")]
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        journal.append([*ended, ORDER])
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint")
        journal.append([INTENT])
        copy = killed(folder, tmp_path / "copy")
    no_wal(copy)
    (copy.parent / "journal.sqlite3-shm").unlink()
    with contextlib.closing(Journal(copy, "boot-2")) as journal, contextlib.closing(JournalReader(copy)) as reader:
        entries = booked(reader, journal.kept.loss, journal.kept.orders, 7)
    assert [(entry.kind, entry.session) for entry in entries] == [("entries_missing", ""), ("booked_after_loss", "s-1")]
    assert entries[0].body["booked"] == ["s-1"]


def test_the_newest_orders_are_kept_also_across_starts_and_never_more_than_there_is_room_for(folder, path):
    for number in range(MOST_ORDERS + 5):
        with contextlib.closing(Journal(path, "boot-1")) as journal:
            journal.append([Entry("order_accepted", ORDER.body, "bed1", f"s-{number}")])
    kept = AnchorFile(anchor_path(path)).read()
    assert [each.session for each in kept.orders] == [f"s-{number}" for number in range(5, MOST_ORDERS + 5)]
    file = AnchorFile(folder / "other.anchor")
    big = [Order("t", "p", f"s-{number}", {"text": "x" * 9000}) for number in range(12)]
    file.write(Anchor(1, "0" * 64), big)
    assert [each.session for each in file.read().orders] == ["s-9", "s-10", "s-11"]


def test_an_order_that_cannot_be_read_does_not_keep_the_journal_from_being_written(folder, path):
    written(path, [Entry("order_accepted", {"program": 7}, "bed1", "s-1"), ORDER])
    assert [each.session for each in AnchorFile(anchor_path(path)).read().orders] == ["s-1"]


@pytest.mark.parametrize("content", [b"", b"\0" * 65536, b"the quick brown fox " * 4000])
def test_an_anchor_file_that_cannot_be_read_is_a_loss(folder, path, content):
    written(path, notes(3))
    anchor_path(path).write_bytes(content)
    with pytest.raises(AnchorError, match=r"journal\.anchor is damaged"):
        AnchorFile(anchor_path(path)).read()
    assert "it is not known whether entries are missing" in loss(path)


def test_a_journal_without_an_anchor_file_is_one_of_an_older_version_and_gets_one(folder, path):
    (newest,) = written(path, notes(1))
    anchor_path(path).unlink()
    assert loss(path) == ""
    assert AnchorFile(anchor_path(path)).read().newest == Anchor(newest.id, newest.hash)


def test_what_retention_removes_is_no_loss(folder, path):
    written(path, notes(6000), at=NOON)
    written(path, notes(1), at=NOON.replace(year=2029))
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        prune(journal, NOON.replace(year=2030), Retention(), "test")
        assert verify(path) < 6000
    assert loss(path) == ""


# -- while it is in use ------------------------------------------------------------------------------------------------


def moved(path):
    path.rename(path.with_name("old.sqlite3"))


def replaced(path):
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


def cut_off(path):
    os.truncate(path, 4096)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), moved, replaced, cut_off])
def test_a_journal_that_is_taken_away_while_it_is_in_use_is_noticed_by_the_next_write_and_the_next_check(
    folder, path, damage
):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        journal.append(notes(200))
        journal._db.execute("PRAGMA wal_checkpoint")
        journal.append(notes(1))
        journal.check()
        damage(path)
        for _ in range(2):
            with pytest.raises(JournalError, match=r"not there any more|replaced by another|cut off"):
                journal.append(notes(1))
            with pytest.raises(JournalError, match=r"journal\.sqlite3"):
                journal.check()


def test_a_journal_that_is_put_back_is_used_again(folder, path):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        journal.append(notes(1))
        moved(path)
        with pytest.raises(JournalError, match="not there any more"):
            journal.append(notes(1))
        path.with_name("old.sqlite3").rename(path)
        assert journal.append(notes(1))[0].id == 2


@pytest.mark.parametrize("damage", [no_wal, empty_wal, random_wal])
def test_a_write_ahead_log_that_is_lost_while_it_is_in_use_is_noticed_by_reading_back(
    folder, path, monkeypatch, damage
):
    monkeypatch.setattr("pumpd.journal.kept_outside.READ_BACK_S", 0.0)
    journal = Journal(path, "boot-1")
    try:
        journal.append(notes(3))
        journal.check()
        damage(path)
        with pytest.raises(JournalError, match=r"read back|is lost"):
            journal.check()
    finally:
        with contextlib.suppress(sqlite3.Error):
            journal._db.close()


# -- every crash point -------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Disk:
    """Lets so many bytes and calls of the anchor file through, then the process is killed in the middle of one."""

    left: int

    def spend(self, cost: int) -> int:
        done = min(self.left, cost)
        self.left -= done
        return done

    def pwrite(self, file, data, at):
        done = self.spend(len(data))
        REAL.pwrite(file, data[:done], at)
        if done < len(data):
            raise Killed
        return done

    def sync(self, _file):
        if not self.spend(1):
            raise Killed


REAL = os


@pytest.mark.requirement("PWR-06")
def test_a_kill_at_any_byte_of_writing_the_anchor_reports_no_loss_and_hides_none(folder, path, tmp_path, monkeypatch):
    """The anchor is written with every batch here, so a kill falls before, in and between all its parts."""

    class Os:
        def __getattr__(self, name):
            return getattr(REAL, name)

    patched = Os()
    monkeypatch.setattr(module, "os", patched)
    batches = [notes(1), [ORDER], [INTENT], [Entry("infusion_ended", {}, "bed1", "s-1")], [ORDER], notes(1)]
    budget, kills, seen_loss = 0, 0, 0
    while True:
        case = tmp_path / f"case-{budget}"
        case.mkdir()
        journal_path = case / "journal.sqlite3"
        disk = Disk(10**9)
        patched.pwrite, patched.fdatasync, patched.fsync = disk.pwrite, disk.sync, disk.sync
        journal = Journal(journal_path, "boot-1")
        journal.append([Entry("noted", {})])
        disk.left, died = budget, False
        anchored = AnchorFile(anchor_path(journal_path)).read().newest.seq
        try:
            for batch in batches:
                journal.append(batch)
                anchored = AnchorFile(anchor_path(journal_path)).read().newest.seq
        except Killed:
            died = True
        disk.left = 10**9
        copy = killed(case, tmp_path / f"copy-{budget}")
        journal.close()
        assert loss(copy) == "", budget
        lost = killed(copy.parent, tmp_path / f"lost-{budget}")
        with contextlib.closing(sqlite3.connect(lost)) as db, db:
            db.execute("DELETE FROM records WHERE id >= ?", (anchored,))
        with contextlib.closing(sqlite3.connect(lost)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # The copy was closed in order and anchored once more: what is now cut off must show.
        seen_loss += bool(loss(lost))
        assert loss(lost), budget
        for each in ("case", "copy", "lost"):
            shutil.rmtree(tmp_path / f"{each}-{budget}")
        kills += 1
        if not died:
            break
        budget += 31
    assert kills > 30
    assert seen_loss == kills
