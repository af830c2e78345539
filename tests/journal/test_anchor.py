"""An anchor kept elsewhere shows what the chain alone cannot: entries cut off the end, and a rewritten chain.

And a thousand flipped bits: each is found or changes no entry, and none causes a crash.
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


def notes(count: int, text: str = "x") -> list[Entry]:
    return [Entry("noted", {"number": number, "text": text * 40}, "bed1", "s-1", number) for number in range(count)]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def entries(path) -> list[Record]:
    return written(path, notes(10))


def anchor(entry: Record) -> Anchor:
    return Anchor(entry.id, entry.hash)


def tamper(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def test_an_anchor_survives_as_text(entries):
    assert Anchor.parse(str(anchor(entries[3]))) == anchor(entries[3])
    assert Anchor.parse(f"0:{GENESIS}") == START


@pytest.mark.parametrize("text", ["", "7", "7:", f"-1:{GENESIS}", f"7:{GENESIS}0", f"7:{'G' * 64}", f"٣:{GENESIS}"])
def test_text_that_is_not_an_anchor_is_refused(text):
    with pytest.raises(ValueError, match="is not an anchor"):
        Anchor.parse(text)


@pytest.mark.requirement("AUD-03")
def test_every_anchor_of_an_intact_journal_still_holds_after_it_has_grown(path, entries):
    written(path, notes(5), boot="boot-2")
    assert verify(path, START, *map(anchor, entries)) == 15


@pytest.mark.requirement("AUD-03")
@pytest.mark.parametrize("kept", range(10))
def test_entries_cut_off_the_end_are_found(path, entries, kept):
    tamper(path, f"DELETE FROM records WHERE id > {kept}")
    assert verify(path) == kept  # the chain alone does not show it
    with pytest.raises(BrokenChainError, match=f"cut off after entry {kept}; entry 10 existed"):
        verify(path, anchor(entries[-1]))


@pytest.mark.requirement("AUD-03")
def test_a_rewritten_journal_with_its_own_chain_is_found(path, entries):
    path.unlink()
    written(path, notes(12, "y"))
    assert verify(path) == 12
    with pytest.raises(BrokenChainError, match="entry 10 is not the one anchored"):
        verify(path, anchor(entries[-1]))


@pytest.mark.requirement("AUD-03")
def test_each_of_several_anchors_is_checked(path, entries):
    with pytest.raises(BrokenChainError, match="entry 4 is not the one"):
        verify(path, anchor(entries[-1]), anchor(entries[3]), Anchor(4, GENESIS))
    with pytest.raises(BrokenChainError, match="entry 0 is not the one"):
        verify(path, Anchor(0, "1" * 64))


def test_a_part_can_be_verified_from_any_entry_on(path, entries):
    tamper(path, "UPDATE records SET body = '{}' WHERE id = 4")
    with contextlib.closing(JournalReader(path)) as reader:
        assert (
            reader.verify([anchor(entries[-1]), Anchor(2, GENESIS)], since=6) == 5
        )  # what comes before is not checked
        with pytest.raises(BrokenChainError, match="entry 4"):
            reader.verify(since=4)


def test_the_writer_knows_the_newest_entry(path):
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        assert journal.newest == START
        entry = journal.append(notes(3))[-1]
        assert journal.newest == anchor(entry)
    with contextlib.closing(Journal(path, "boot-2")) as journal:
        assert journal.newest == anchor(entry)


# -- flipped bits ------------------------------------------------------------------------------------------------------


def damage_found(path: Path, entries: list[Record], *anchors: Anchor) -> str:
    """`found` by verifying, or `harmless`: every entry is unchanged. Anything else, even a crash, fails the test."""
    found = "harmless"
    try:
        verify(path, *anchors)
        assert read(path) == entries, "a changed entry was not found"
    except JournalError:
        found = "found"
    try:
        with contextlib.closing(Journal(path, "boot-2")) as journal:
            assert journal.newest in {START, *map(anchor, entries)}, (
                "the writer would continue from an entry that never existed"
            )
    except JournalError:
        return "found, and not continued"
    return found


def flip(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.requirement("PWR-10", "AUD-03")
def test_a_flipped_bit_in_the_file_is_found_or_changes_nothing(path):
    """A thousand places. Harmless ones lie in free space of a page, and in counters that SQLite does not rely on."""
    entries = written(path, notes(150))
    raw, seen, chance = path.read_bytes(), Counter(), random.Random(10)
    for _ in range(1000):
        path.write_bytes(flip(raw, chance.randrange(len(raw) * 8)))
        seen[damage_found(path, entries, anchor(entries[-1]))] += 1
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
    assert sum(seen.values()) == 1000
    assert seen["found, and not continued"] > 400  # a small file is half empty pages of indexes


@pytest.mark.requirement("PWR-10", "AUD-03")
def test_a_flipped_bit_in_the_write_ahead_log_is_found_or_changes_nothing(path, tmp_path):
    """SQLite drops a damaged frame and everything after it: entries are cut off the end, which the anchor shows."""
    wal, copy = path.with_name(path.name + "-wal"), tmp_path / "copy" / "journal.sqlite3"
    with contextlib.closing(Journal(path, "boot-1")) as journal:
        entries = [entry for number in range(12) for entry in journal.append([notes(12)[number]])]
        raw, main = wal.read_bytes(), path.read_bytes()
    seen, chance = Counter(), random.Random(11)
    for _ in range(200):
        copy.parent.mkdir()
        copy.write_bytes(main)
        copy.with_name(copy.name + "-wal").write_bytes(flip(raw, chance.randrange(len(raw) * 8)))
        seen[damage_found(copy, entries, anchor(entries[-1]))] += 1
        shutil.rmtree(copy.parent)
    assert seen["found"] > 100  # the writer continues from what SQLite could save
    assert sum(seen.values()) == 200


@pytest.mark.requirement("PWR-10")
@pytest.mark.parametrize("number", [2, 59, 60])
def test_a_journal_whose_newest_entries_do_not_fit_is_not_continued(path, number):
    written(path, notes(60))
    tamper(path, f"UPDATE records SET body = '{{}}' WHERE id = {number}")
    raw = path.read_bytes()
    with pytest.raises(BrokenChainError, match=rf"entry {number} \(noted\) does not fit"):
        Journal(path, "boot-2")
    assert path.read_bytes() == raw
    assert len(read(path)) == 60


def test_the_writer_checks_a_fixed_number_of_entries(path, monkeypatch):
    written(path, notes(20))
    tamper(path, "UPDATE records SET body = '{}' WHERE id = 10")
    for tail, found in ((9, False), (10, False), (11, True), (19, True), (20, True), (1000, True)):
        monkeypatch.setattr("pumpd.journal.store.TAIL", tail)
        with pytest.raises(BrokenChainError, match="entry 10") if found else contextlib.nullcontext():
            Journal(path, "boot-2").close()
