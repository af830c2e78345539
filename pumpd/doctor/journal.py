"""The journal: readable, whole at its end, and of a size that the disk can hold."""

from collections.abc import Iterator
from pathlib import Path

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.journal_file import reading
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, line, not_checked, ok, problem, warning
from pumpd.journal import Anchor, BrokenChainError, JournalError
from pumpd.journal.anchor_file import AnchorError, AnchorFile, anchor_path

TAIL = 2000  # entries; `pumpd journal verify` checks all of them, which takes minutes after a year
BIG_MB, BIG_WAL_MB = 4096, 64  # [P]
MB = 1024 * 1024


@line(
    "journal.tail",
    "Journal",
    when=f"it cannot be read, its last {TAIL} entries are not what was written, or newer ones are lost: control then "
    "starts nothing and books the worst case",
    to_do="Keep the file as it is, and copy it with its -wal file. Do not trust what follows the named entry. Then see "
    "docs/reference/restart.md.",
    outside=True,
)
def _tail(facts: Facts) -> Iterator[Finding]:
    settings = facts.settings
    if settings is None:
        yield not_checked(NO_SETTINGS)
        return
    path = facts.machine.at(settings.journal_path)
    anchor = _kept(path)  # before the journal: control writes it after the entries that it names
    if not path.parent.exists():
        yield not_checked(f"there is no directory {settings.state_dir}")
        return
    try:
        with reading(facts, settings) as reader:
            newest = [] if reader is None else reader.last(1)
            if reader is None or not newest:
                what = "there is none" if reader is None else "it has no entry"
                yield warning(f"{what} in {settings.state_dir}", "Start control once: it makes the journal.")
                return
            since = max(1, newest[0].id - TAIL + 1)
            count = reader.verify([] if anchor is None else [anchor], since=since)
    except BrokenChainError as error:
        yield problem(str(error).removeprefix(f"journal {path}: "))
    except JournalError as error:
        yield not_checked(f"{NEEDS_ROOT}: {error}") if not facts.machine.is_root else problem(str(error))
    else:
        yield ok(
            f"{newest[0].id} entries, the last {count} verified; newest {newest[0].ts[:19]} UTC ({newest[0].kind})"
        )


def _kept(path: Path) -> Anchor | None:
    """The newest entry that is kept outside of the journal; None if there is none that can be read."""
    try:
        kept = AnchorFile(anchor_path(path)).read()
    except AnchorError:
        return None
    return None if kept is None else kept.newest


@line(
    "journal.anchor",
    "Journal's anchor",
    when="the second file, which shows whether the journal lost its newest entries, is damaged or cannot be read",
    to_do="Keep the file. Restart control when no infusion runs; then see `pumpd status`.",
)
def _anchor(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    path = anchor_path(facts.machine.at(facts.settings.journal_path))
    if not path.exists():
        yield not_checked("there is none yet: control makes it")
        return
    facts.machine.must_read(path)
    try:
        kept = AnchorFile(path).read()
    except AnchorError as error:
        yield problem(str(error))
        return
    yield ok("not written yet" if kept is None else f"it names entry {kept.newest.seq}")


@line(
    "journal.size",
    "Size of the journal",
    when=f"it is larger than {BIG_MB} MB, or its write-ahead log than {BIG_WAL_MB} MB: something reads it without end",
    to_do="End the program that reads it (`fuser journal.sqlite3`); `pumpd journal export`, `pumpd journal prune`.",
)
def _size(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    path = facts.machine.at(facts.settings.journal_path)
    if not path.exists():
        yield not_checked("there is no journal")
        return
    sizes = []
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            sizes.append(each.stat().st_size / MB)
        except FileNotFoundError:
            sizes.append(0.0)
    text = f"{sizes[0]:.1f} MB, write-ahead log {sizes[1]:.1f} MB"
    yield warning(text) if sizes[0] > BIG_MB or sizes[1] > BIG_WAL_MB else ok(text)


GROUP = Group("Journal", (_tail, _anchor, _size))
