"""Backup and restore: the same doses on the new card, never fewer than before, and nothing in clear text (SEC-13)."""

import contextlib
import fcntl
import io
import os
import shutil
import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from pumpd.backup import restore as restoring
from pumpd.backup import sealed as sealed_file
from pumpd.backup.content import COPIED, LEFT_OUT
from pumpd.backup.make import BackupError, make
from pumpd.backup.opened import Contents, RestoreError
from pumpd.backup.restore import RESTORED, STAGING, restore
from pumpd.backup.sealed import CHUNK, SealedError, SealedReader, SealedWriter
from pumpd.host.files import TABLE, Kind, Owners
from pumpd.journal import Entry, Journal, JournalReader
from pumpd.journal.copying import PIECE, newest
from tests.backup.power import PowerCutError, power_cut
from tests.backup.site import Card

CHEAP = {"n": 1 << 4, "r": 8, "p": 1}  # the key of a test is no secret
WORDS = "correct horse battery"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sealed_file, "SCRYPT", CHEAP)


@pytest.fixture
def old(tmp_path):
    card = Card(tmp_path / "old").set_up()
    card.infuse("s1")
    card.infuse("s2")
    return card


@pytest.fixture
def file(tmp_path, old):
    """A backup of the old card, which is then put where the new one will be."""
    made = tmp_path / "backup"
    make(old.settings, old.config, made, WORDS, NOON)
    return made


def back(file, card, words=WORDS, *, keep=False, damaged=False):
    return restore(file, words, card.config, "root", NOON, keep_journal=keep, replace_damaged=damaged)


def wipe(card):
    """The card is replaced by an empty one."""
    shutil.rmtree(card.folder)
    card.folder.mkdir()


def counted(card):
    """Its files, without what was set aside, or only half written when the power failed."""
    aside = [name for name in card.files() if name.endswith(".before-restore") or "/." in name]
    return {name: raw for name, raw in card.files().items() if name not in aside}


def finish(file, card):
    """The same command again. If the journal was restored before, it has an entry that says so, and is kept."""
    with contextlib.suppress(RestoreError):
        back(file, card)
        return
    back(file, card, keep=True)


# -- the whole way -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-13")
def test_on_another_card_everything_is_there_and_the_dose_history_is_the_same(old, file):
    files, doses, entries = old.files(), old.doses(), old.entries()
    assert len(doses) == 2
    wipe(old)
    done = back(file, old)
    assert (done.journal, done.left) == ("replaced", ())
    assert old.files() == files
    assert old.doses() == doses
    *same, added = old.entries()
    assert same == entries
    assert (added.kind, added.fields["backup_newest"]) == (RESTORED, done.newest)
    assert old.journal.stat().st_mode & 0o777 == 0o640
    assert (old.state / "tls" / "gateway.key").stat().st_mode & 0o777 == 0o600
    assert not (old.state / STAGING).exists()


def test_an_entry_with_any_line_break_of_unicode_stays_one_entry(old, tmp_path):
    old.append(Entry("noted", {"text": "a\u2028b\x85c\x0bd\x1ce\r\nf"}))
    make(old.settings, old.config, tmp_path / "file", WORDS, NOON)
    entries = old.entries()
    wipe(old)
    back(tmp_path / "file", old)
    assert old.entries()[:-1] == entries


def test_a_backup_is_readable_by_its_owner_only_and_holds_nothing_in_clear_text(old, file):
    assert file.stat().st_mode & 0o777 == 0o600
    raw = file.read_bytes()
    for word in (b"P-17", b"ketamine", b"the ca.key", b"secret", b"ward-7"):
        assert word not in raw
    assert [each.name for each in file.parent.iterdir()] == sorted({file.name, old.folder.name}), "and no other file"


def test_every_file_of_the_table_is_copied_or_left_out_on_purpose():
    names = {each.name for each in TABLE if each.kind is Kind.FILE}
    assert names == {*COPIED, *LEFT_OUT}
    assert not set(COPIED) & set(LEFT_OUT)


def test_a_backup_never_replaces_a_file_and_needs_a_real_passphrase(old, file):
    with pytest.raises(BackupError, match="exists"):
        make(old.settings, old.config, file, WORDS, NOON)
    with pytest.raises(BackupError, match="at least 12 characters"):
        make(old.settings, old.config, file.with_name("new"), "short", NOON)
    assert not file.with_name("new").exists()


def test_a_damaged_journal_is_not_backed_up_as_if_it_were_whole(old, tmp_path):
    with contextlib.closing(sqlite3.connect(old.journal)) as db:
        db.execute("UPDATE records SET body = '{}' WHERE id = 3")
        db.commit()
    with pytest.raises(BackupError, match="entry 3"):
        make(old.settings, old.config, tmp_path / "no", WORDS, NOON)
    assert [each.name for each in tmp_path.iterdir()] == ["old"]


@pytest.mark.realtime
@pytest.mark.requirement("SEC-18")
@pytest.mark.parametrize("what", ["link", "pipe"])
def test_what_another_user_put_in_place_of_a_file_is_neither_read_nor_left_out(old, tmp_path, what):
    (tmp_path / "secret").write_text("of root")
    keys = old.settings.keys_path
    keys.unlink()
    if what == "link":
        keys.symlink_to(tmp_path / "secret")
    else:
        os.mkfifo(keys)
    with pytest.raises(BackupError, match=r"paired-keys\.json is a symbolic link, or no file"):
        make(old.settings, old.config, tmp_path / "backup", WORDS, NOON)
    assert not (tmp_path / "backup").exists()


def test_what_is_written_during_the_backup_is_in_it_or_not_but_the_chain_is_whole(old, tmp_path):
    """Control writes meanwhile; its log does not grow by what the backup reads."""
    for number in range(12):
        old.append(*(Entry("noted", {"n": number, "text": "x" * 500}) for _ in range(500)))
    stop, most = threading.Event(), [0]

    def write():
        with contextlib.closing(Journal(old.journal, "boot-2")) as journal:
            while not stop.is_set():
                journal.append([Entry("noted", {"text": "y" * 500})])
                most[0] = max(most[0], old.journal.with_name("journal.sqlite3-wal").stat().st_size)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = make(old.settings, old.config, tmp_path / "file", WORDS, NOON)
    finally:
        stop.set()
        writer.join()
    assert made.entries > PIECE
    assert most[0] < 12 << 20, "SQLite keeps it at about 4 MB while its checkpoints are not held up"
    wipe(old)
    assert back(tmp_path / "file", old).newest == made.newest
    assert len(old.doses()) == 2


# -- what must not happen ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-10")
def test_a_newer_journal_is_never_set_back(old, file):
    old.infuse("s3")
    before = old.files()
    with pytest.raises(RestoreError, match="their doses would be lost"):
        back(file, old)
    assert (len(old.doses()), old.files()) == (3, before)
    (old.state / "staff.json").write_text("{}")
    assert back(file, old, keep=True).journal == "kept"
    assert len(old.doses()) == 3
    assert "secret" in (old.state / "staff.json").read_text()


@pytest.mark.parametrize("keep", [False, True])
def test_two_dose_histories_are_not_joined(old, file, keep):
    wipe(old)
    old.set_up().infuse("another")
    with pytest.raises(RestoreError, match="joined"):
        back(file, old, keep=keep)
    assert [each.session for each in old.doses()] == ["another"]


def test_a_card_on_which_control_already_ran_without_an_order_is_taken_and_its_drop_ins_no_longer_count(old, file):
    files, doses = old.files(), old.doses()
    wipe(old)
    old.set_up()
    (old.config.parent / "pumpd.d" / "99-new.toml").write_text('gateway = "another"\n')
    old.append(Entry("control_started", {}))
    anchor = (old.state / "journal.anchor").read_bytes()
    assert back(file, old).journal == "replaced"
    assert old.doses() == doses
    assert old.settings.gateway == "ward-7"
    assert counted(old) == files
    assert (old.state / "journal.anchor").read_bytes() != anchor, "it belonged to the journal that was replaced"


def test_the_same_backup_again_changes_nothing_that_counts(old, file):
    doses = old.doses()
    wipe(old)
    back(file, old)
    with pytest.raises(RestoreError, match="1 entries more"):
        back(file, old)
    assert old.doses() == doses


@pytest.mark.requirement("PWR-10")
def test_a_damaged_journal_is_set_aside_only_on_request_and_its_anchor_stays_as_the_witness(old, file):
    anchor = old.state / "journal.anchor"
    anchor.write_bytes(b"entry 99 existed")
    raw = b"damaged" + old.journal.read_bytes()
    old.journal.write_bytes(raw)
    with pytest.raises(RestoreError, match="--replace-damaged"):
        back(file, old)
    assert old.journal.read_bytes() == raw
    assert back(file, old, damaged=True).journal == "damaged"
    assert len(old.doses()) == 2
    assert anchor.read_bytes() == b"entry 99 existed"
    (aside,) = old.state.glob("journal-damaged-*.sqlite3")
    assert aside.read_bytes() == raw
    assert old.entries()[-1].fields["journal"] == "damaged"


@pytest.mark.requirement("PWR-15")
def test_a_card_that_lost_its_journal_is_known_by_its_anchor(old, file):
    old.infuse("s3")
    old.journal.unlink()
    with pytest.raises(RestoreError, match="existed on this card"):
        back(file, old)
    assert back(file, old, damaged=True).journal == "damaged"
    with contextlib.closing(Journal(old.journal, "boot-2")) as journal:
        assert "entry" in journal.kept.loss, "control sees at its start that doses are missing"
        assert [each.session for each in journal.kept.orders] == ["s1", "s2", "s3"]


def test_what_root_restores_belongs_to_control(old, file, monkeypatch):
    owner, given = old.state.stat(), {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.update({path.name: (user, group)}))
    old.journal.unlink()
    (old.state / "journal.anchor").unlink()
    back(file, old)
    assert given == dict.fromkeys(("journal.sqlite3", "journal.anchor"), (owner.st_uid, owner.st_gid))


@pytest.mark.requirement("SEC-18")
def test_what_root_restores_it_restores_in_a_directory_that_is_closed_to_its_user(old, file, monkeypatch):
    """So nobody swaps the staging folder, or a file in it, between two steps."""
    seen, put, copy = [], restoring._put_journal, Contents.copy_journal

    def copying(contents, path):
        seen.append((path.parent.parent.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777))
        copy(contents, path)

    def putting(path, *rest, **more):
        seen.append(path.parent.stat().st_mode & 0o777)
        put(path, *rest, **more)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("chown", "fchown"):
        monkeypatch.setattr(os, name, lambda *_: None)
    monkeypatch.setattr(Owners, "of", lambda _: Owners({"root": 0, "pumpd": 54_321}, {"root": 0, "pumpd": 54_322}))
    monkeypatch.setattr(Contents, "copy_journal", copying)
    monkeypatch.setattr(restoring, "_put_journal", putting)
    back(file, old)
    assert seen == [(0o700, 0o700), 0o700]
    assert old.state.stat().st_mode & 0o777 == 0o750


def test_nothing_is_restored_under_a_running_control(old, file):
    with old.settings.lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = old.entries()
        with pytest.raises(RestoreError, match="a control process runs on it"):
            back(file, old)
    assert old.entries() == before


def test_an_older_backup_of_a_copied_card_is_brought_up_to_date(old, file, tmp_path):
    old.infuse("s3")
    make(old.settings, old.config, tmp_path / "newer", WORDS, NOON)
    doses = old.doses()
    wipe(old)
    back(file, old)
    (old.state / "journal.anchor").unlink()
    with contextlib.closing(sqlite3.connect(old.journal)) as db:  # without the entry of the restore
        db.execute("DELETE FROM records WHERE id = (SELECT max(id) FROM records)")
        db.commit()
    assert back(tmp_path / "newer", old).journal == "replaced"
    assert old.doses() == doses


# -- power cuts --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SEC-13", "PWR-06")
@pytest.mark.parametrize("fresh", ["empty", "control ran", "older"])
def test_a_power_cut_at_any_change_of_the_card_loses_no_dose_and_the_restore_can_be_finished(old, file, fresh):
    files, doses = old.files(), old.doses()
    kept = Card(old.folder.with_name("kept"))
    if fresh == "older":
        with contextlib.closing(sqlite3.connect(old.journal)) as db:
            (count,) = db.execute("SELECT count(*) FROM records").fetchone()
            db.execute("DELETE FROM records WHERE id > ?", (count // 2,))
            db.commit()
    else:
        wipe(old)
        if fresh == "control ran":
            old.set_up().append(Entry("control_started", {}))
    shutil.copytree(old.folder, kept.folder)
    before = old.doses() if old.journal.exists() else ()
    cut = 0
    while True:
        wipe(old)
        shutil.copytree(kept.folder, old.folder, dirs_exist_ok=True)
        try:
            with power_cut(cut):
                back(file, old)
            break
        except PowerCutError:
            cut += 1
        if old.journal.exists():
            assert old.doses() in (before, doses), "the old or the new journal, whole"
        finish(file, old)
        assert old.doses() == doses, cut
        assert counted(old) == files, cut
    assert cut > 30, "every change was tried"


@pytest.mark.requirement("PWR-06")
def test_a_power_cut_during_a_backup_leaves_no_file_that_looks_like_one(old, tmp_path):
    target, cut = tmp_path / "new", 0
    while True:
        try:
            with power_cut(cut):
                make(old.settings, old.config, target, WORDS, NOON)
            break
        except PowerCutError:
            cut += 1
        if target.exists():  # the power failed afterwards
            break
    assert cut >= 2
    wipe(old)
    assert back(target, old).journal == "replaced"


# -- the sealed file ---------------------------------------------------------------------------------------------------


def sealed(data):
    file = io.BytesIO()
    writer = SealedWriter(file, WORDS)
    writer.write(data)
    writer.close()
    return file.getvalue()


def unsealed(raw, words=WORDS):
    return SealedReader(io.BytesIO(raw), words).read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5])
def test_what_was_sealed_is_read(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert unsealed(sealed(data[:size])) == data[:size]


def test_a_wrong_passphrase_and_every_kind_of_damage_is_an_error():
    raw, head = sealed(b"x" * (2 * CHUNK + 5)), sealed(b"").index(b"\n") + 1
    first, second, third = head, head + CHUNK + 16, head + 2 * (CHUNK + 16)
    damaged = {
        "wrong words": (raw, "another passphrase"),
        "a bit": (raw[:-1] + bytes([raw[-1] ^ 1]), WORDS),
        "a bit of the head": (raw[:20] + bytes([raw[20] ^ 1]) + raw[21:], WORDS),
        "cut off in a chunk": (raw[:-3], WORDS),
        "cut off between chunks": (raw[:third], WORDS),
        "without its first chunk": (raw[:first] + raw[second:], WORDS),
        "two chunks exchanged": (raw[:first] + raw[second:third] + raw[first:second] + raw[third:], WORDS),
        "something appended": (raw + b"x", WORDS),
        "another file": (b"PK" + raw, WORDS),
        "empty": (b"", WORDS),
    }
    for what, (wrong, words) in damaged.items():
        with pytest.raises(SealedError):
            pytest.fail(f"{what} was read: {unsealed(wrong, words)!r:.20}")


def test_a_backup_that_was_cut_off_restores_nothing(old, file):
    entries = old.entries()
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(RestoreError):
        back(file, old)
    assert old.entries() == entries


def test_the_newest_entry_is_what_the_backup_names(old, file):
    with contextlib.closing(JournalReader(old.journal)) as reader:
        assert newest(old.journal).seq == reader.last(1)[0].id
