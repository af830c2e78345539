"""An anchor kept elsewhere shows what the chain alone cannot: rows cut off the end, and a chain made anew.

And a thousand flipped bits: each is found or changes no row, and none is a crash.
"""

import contextlib
import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from pumpd.journal import START, Anchor, BrokenChainError, Entry, Journal, JournalError, JournalReader, Record
from pumpd.journal.records import GENESIS

from .recorded import read, verify, written


def entries(count: int, text: str = "x") -> list[Entry]:
    return [Entry("noted", {"number": number, "text": text * 40}, "bed1", "s-1", number) for number in range(count)]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def rows(path) -> list[Record]:
    return written(path, entries(10))


def anchor(row: Record) -> Anchor:
    return Anchor(row.id, row.hash)


def tamper(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def test_an_anchor_is_text_that_comes_back(rows):
    assert Anchor.parse(str(anchor(rows[3]))) == anchor(rows[3])
    assert Anchor.parse(f"0:{GENESIS}") == START


@pytest.mark.parametrize("text", ["", "7", "7:", f"-1:{GENESIS}", f"7:{GENESIS}0", f"7:{'G' * 64}", f"٣:{GENESIS}"])
def test_text_that_is_no_anchor_is_refused(text):
    with pytest.raises(ValueError, match="is no anchor"):
        Anchor.parse(text)


@pytest.mark.requirement("AUD-03")
def test_every_anchor_of_a_whole_journal_holds_also_after_it_has_grown(path, rows):
    written(path, entries(5), boot="boot-2")
    assert verify(path, START, *map(anchor, rows)) == 15


@pytest.mark.requirement("AUD-03")
@pytest.mark.parametrize("kept", range(10))
def test_rows_cut_off_the_end_are_found(path, rows, kept):
    tamper(path, f"DELETE FROM records WHERE id > {kept}")
    assert verify(path) == kept  # the chain alone does not show it
    with pytest.raises(BrokenChainError, match=f"cut off after entry {kept}, entry 10 was there"):
        verify(path, anchor(rows[-1]))


@pytest.mark.requirement("AUD-03")
def test_a_journal_made_anew_with_a_chain_of_its_own_is_found(path, rows):
    path.unlink()
    written(path, entries(12, "y"))
    assert verify(path) == 12
    with pytest.raises(BrokenChainError, match="entry 10 is not the one anchored"):
        verify(path, anchor(rows[-1]))


@pytest.mark.requirement("AUD-03")
def test_of_several_anchors_each_is_looked_for(path, rows):
    with pytest.raises(BrokenChainError, match="entry 4 is not the one"):
        verify(path, anchor(rows[-1]), anchor(rows[3]), Anchor(4, GENESIS))
    with pytest.raises(BrokenChainError, match="entry 0 is not the one"):
        verify(path, Anchor(0, "1" * 64))


def test_a_part_can_be_verified_from_a_row_on(path, rows):
    tamper(path, "UPDATE records SET body = '{}' WHERE id = 4")
    with contextlib.closing(JournalReader(path)) as reader:
        assert reader.verify([anchor(rows[-1]), Anchor(2, GENESIS)], since=6) == 5  # what is before is not looked at
        with pytest.raises(BrokenChainError, match="entry 4"):
            reader.verify(since=4)


def test_the_writer_knows_the_newest_row(path):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        assert journal.newest == START
        row = journal.append(entries(3))[-1]
        assert journal.newest == anchor(row)
    with contextlib.closing(Journal(path, "boot-2")) as journal:
        assert journal.newest == anchor(row)


# -- flipped bits ------------------------------------------------------------------------------------------------------


def judge(path: Path, rows: list[Record], *anchors: Anchor) -> str:
    """`found` by verifying, else `harmless`: every row is as it was. Anything else fails the test, a crash too."""
    found = "harmless"
    try:
        verify(path, *anchors)
        assert read(path) == rows, "a changed row passed for whole"
    except JournalError:
        found = "found"
    try:
        with contextlib.closing(Journal(path, "boot-2")) as journal:
            assert journal.newest in {START, *map(anchor, rows)}, "the writer would go on from a row that never was"
    except JournalError:
        return "found, and not gone on with"
    return found


def flip(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.requirement("PWR-10", "AUD-03")
def test_a_flipped_bit_in_the_file_is_found_or_changes_nothing(path):
    """A thousand places. Harmless ones lie in free space of a page, and in counters that SQLite does not rely on."""
    rows = written(path, entries(150))
    raw, seen, chance = path.read_bytes(), Counter(), random.Random(10)
    for _ in range(1000):
        path.write_bytes(flip(raw, chance.randrange(len(raw) * 8)))
        seen[judge(path, rows, anchor(rows[-1]))] += 1
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
    assert sum(seen.values()) == 1000
    assert seen["found, and not gone on with"] > 600  # most of the file is rows


@pytest.mark.requirement("PWR-10", "AUD-03")
def test_a_flipped_bit_in_the_write_ahead_log_is_found_or_changes_nothing(path, tmp_path):
    """SQLite drops a damaged frame and all after it: rows are cut off the end, which the anchor shows."""
    wal, copy = path.with_name(path.name + "-wal"), tmp_path / "copy" / "journal.sqlite3"
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        rows = [row for number in range(12) for row in journal.append([entries(12)[number]])]
        raw, main = wal.read_bytes(), path.read_bytes()
    seen, chance = Counter(), random.Random(11)
    for _ in range(200):
        copy.parent.mkdir()
        copy.write_bytes(main)
        copy.with_name(copy.name + "-wal").write_bytes(flip(raw, chance.randrange(len(raw) * 8)))
        seen[judge(copy, rows, anchor(rows[-1]))] += 1
        shutil.rmtree(copy.parent)
    assert seen["found"] > 100  # the writer goes on from what SQLite could save
    assert sum(seen.values()) == 200


@pytest.mark.requirement("PWR-10")
@pytest.mark.parametrize("number", [2, 59, 60])
def test_a_journal_whose_newest_rows_do_not_fit_is_not_gone_on_with(path, number):
    written(path, entries(60))
    tamper(path, f"UPDATE records SET body = '{{}}' WHERE id = {number}")
    raw = path.read_bytes()
    with pytest.raises(BrokenChainError, match=rf"entry {number} \(noted\) does not fit"):
        Journal(path, "boot-2")
    assert path.read_bytes() == raw
    assert len(read(path)) == 60


def test_the_writer_looks_at_so_many_rows_and_no_more(path, monkeypatch):
    written(path, entries(20))
    tamper(path, "UPDATE records SET body = '{}' WHERE id = 10")
    for tail, found in ((9, False), (10, False), (11, True), (19, True), (20, True), (1000, True)):
        monkeypatch.setattr("pumpd.journal.store.TAIL", tail)
        with pytest.raises(BrokenChainError, match="entry 10") if found else contextlib.nullcontext():
            Journal(path, "boot-2").close()
