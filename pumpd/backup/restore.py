"""Put a backup onto a card: nothing is changed before all of it was read, authenticated and verified.

Promises:
- The journal on the card is never set back: one that has entries which the backup does not have is kept, or nothing is
  done. Two dose histories are never joined.
- Interrupted at any step, the card has the old journal or the whole new one; the same command finishes it.
- A journal that was damaged is kept beside the new one, and its anchor stays: it shows control that doses are missing,
  which then count at their worst (PWR-10, PWR-15).
- Root restores into a directory that is closed to its own user meanwhile: nobody can swap a path in it.
"""

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pumpd.backup.content import ASIDE, destination, files
from pumpd.backup.opened import Contents, RestoreError, opened
from pumpd.host.closed import closed
from pumpd.host.file_writing import make_folder, make_trusted, write
from pumpd.host.files import Owners, row
from pumpd.host.lock import ControlRunsError, alone
from pumpd.journal import Entry, Journal, JournalError, JournalReader
from pumpd.journal.anchor_file import AnchorError, AnchorFile, anchor_path
from pumpd.journal.copying import holds, newest
from pumpd.journal.courses import ORDERED
from pumpd.settings import Settings

RESTORED = "restored"  # the kind of the journal entry
STAGING = "restore.new"
_COUNTED = (
    "What was given since the backup would not be known. To restore the backup all the same, with these doses counted "
    "at their worst: --replace-damaged"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """`journal`: what became of the one on the card: replaced, kept, or damaged and set aside.

    `left`: files that a gateway with this configuration has no place for.
    """

    gateway: str
    made: str
    newest: str
    state_dir: Path
    journal: str
    left: tuple[str, ...] = ()


def restore(
    file: Path, passphrase: str, config: Path, by: str, now: datetime, *, keep_journal: bool, replace_damaged: bool
) -> Restored:
    """Restore. `keep_journal`: everything but the journal. `replace_damaged`: the journal here cannot be read.

    Raises RestoreError before anything is changed, OSError or JournalError when the card fails in the middle: then the
    same command again.
    """
    with contextlib.ExitStack() as stack:
        backup = stack.enter_context(opened(file, passphrase, config))
        settings = backup.settings
        owners = Owners.of(settings.state_dir)
        staging = settings.state_dir / STAGING
        try:
            make_trusted(row("state directory"), settings.state_dir, owners)
            stack.enter_context(alone(settings.lock_path, owners))
            stack.enter_context(closed(settings.state_dir, owners, own=_written(settings.journal_path)))
            shutil.rmtree(staging, ignore_errors=True)  # of a restore that was interrupted
            staging.mkdir(mode=0o700)
        except ControlRunsError as error:
            raise RestoreError(str(error)) from error
        except OSError as error:
            raise RestoreError(f"{settings.state_dir}: {error.strerror or error}") from error
        stack.callback(shutil.rmtree, staging, ignore_errors=True)
        copy = staging / "journal.sqlite3"
        backup.copy_journal(copy)
        journal = _decided(settings, copy, keep_journal=keep_journal, replace_damaged=replace_damaged)
        if journal == "replaced" and (missing := _missing(settings.journal_path, copy)):
            if not replace_damaged:
                raise RestoreError(f"{missing}. {_COUNTED}")
            journal = "damaged"
        # From here on the card is changed, the journal first: without it, nothing else is of use.
        if journal != "kept":
            _put_journal(settings.journal_path, copy, now, damaged=journal == "damaged")
        left = _put_files(backup, config, owners)
        _record(settings, backup, by, journal)
    return Restored(backup.gateway, backup.made, str(backup.newest), settings.state_dir, journal, left)


def _written(journal: Path) -> tuple[Path, ...]:
    """The files of the state directory that are written by their path; `write` follows no link by itself."""
    return (journal, *_logs(journal), anchor_path(journal))


def _logs(journal: Path) -> tuple[Path, ...]:
    return tuple(journal.with_name(journal.name + end) for end in ("-wal", "-shm"))


def _decided(settings: Settings, copy: Path, *, keep_journal: bool, replace_damaged: bool) -> str:
    """What becomes of the journal on the card. Raises RestoreError where a dose would be lost."""
    here = settings.journal_path
    if not here.exists():
        return "replaced"
    try:
        mine, in_backup = newest(here), holds(copy, newest(here))
        continued, orders = holds(here, newest(copy)), _has_orders(here)
    except JournalError as error:
        if replace_damaged:
            return "damaged"
        raise RestoreError(f"{error}. {_COUNTED}") from error
    if keep_journal:
        if continued or not orders:
            return "kept" if continued else "replaced"
        raise RestoreError("the journal on this card is not that of the backup: two dose histories cannot be joined")
    if in_backup or not orders:
        return "replaced"
    if continued:
        more = mine.seq - newest(copy).seq
        raise RestoreError(
            f"the journal on this card has {more} entries more than the backup: their doses would be lost. To restore "
            "everything else and keep this journal: --keep-journal"
        )
    raise RestoreError(
        "this card has a dose history of its own, which the backup does not have: two histories cannot be joined. Use "
        "another card"
    )


def _missing(journal: Path, copy: Path) -> str:
    """What the anchor on this card names, and the journal of the backup does not hold; empty when it holds it."""
    try:
        kept = AnchorFile(anchor_path(journal)).read()
    except AnchorError as error:
        return str(error)
    if kept is None or not kept.orders or holds(copy, kept.newest):
        return ""
    return f"{anchor_path(journal)}: entry {kept.newest.seq} existed on this card, and the backup does not have it"


def _has_orders(path: Path) -> bool:
    """Whether any infusion or course was ordered here."""
    with contextlib.closing(JournalReader(path)) as reader:
        return any(reader.newest(kind) is not None for kind in ("order_accepted", "began", "infusion_ended", ORDERED))


def _put_journal(path: Path, copy: Path, now: datetime, *, damaged: bool) -> None:
    """Replace the journal in one step. Raises OSError."""
    logs = _logs(path)
    if damaged:
        aside = path.with_name(f"journal-damaged-{now:%Y%m%dT%H%M%SZ}.sqlite3")
        if path.exists():
            os.link(path, aside)  # the old one stays in its place until the new one replaces it
        for log in logs:
            with contextlib.suppress(FileNotFoundError):
                log.rename(aside.with_name(aside.name + log.name.removeprefix(path.name)))
    else:
        if path.exists():
            with contextlib.closing(Journal(path, "restore")):  # its log becomes part of it, and is removed
                pass
        anchor_path(path).unlink(missing_ok=True)  # it names no dose that the backup does not have
        for log in logs:
            log.unlink(missing_ok=True)
    _like("journal", copy, path.parent)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    copy.replace(path)
    _sync(path.parent)


def _like(name: str, path: Path, state: Path) -> None:
    """Give a file the owner and mode of its row: made by root, it would keep control out."""
    wanted = row(name)
    if os.geteuid() == 0:
        user, group = Owners.of(state).numbers(wanted)
        status = state.stat()
        os.chown(path, user if user != -1 else status.st_uid, group if group != -1 else status.st_gid)
    path.chmod(wanted.mode)


def _sync(folder: Path) -> None:
    opened_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened_folder)
    finally:
        os.close(opened_folder)


def _put_files(backup: Contents, config: Path, owners: Owners) -> tuple[str, ...]:
    """Write every file to its place, with its owner and mode; returns those that have none. Raises OSError.

    Files that the backup does not have, such as a drop-in of this card, are renamed, so that they no longer count.
    """
    state, left = backup.settings.state_dir, []
    for member, path in files(backup.settings, config):
        if member not in backup.files:
            path.rename(path.with_name(path.name + ASIDE))
    for member, data in backup.files.items():
        place = destination(member, backup.settings, config)
        if place is None:
            left.append(f"{member.row} ({member.name})")
            continue
        folder = place.path.parent
        if folder == backup.settings.tls_dir:
            make_folder(row("certificates"), folder, owners, beneath=state)
        else:
            make_trusted(row("state directory" if folder == state else "configuration directory"), folder, owners)
        write(place.row, place.path, data, owners, beneath=state if folder == backup.settings.tls_dir else folder)
    return tuple(left)


def _record(settings: Settings, backup: Contents, by: str, journal: str) -> None:
    """The journal says that it was continued on another card, or with other files. Raises JournalError."""
    body = {
        "backup_made": backup.made,
        "backup_newest": str(backup.newest),
        "gateway": backup.gateway,
        "machine": _machine(),
        "journal": journal,
        "by": by,
    }
    with contextlib.closing(Journal(settings.journal_path, "restore")) as opened_journal:
        opened_journal.append([Entry(RESTORED, body)])
    if (anchor := anchor_path(settings.journal_path)).exists():
        _like("journal's anchor", anchor, settings.state_dir)


def _machine() -> str:
    """A short mark of this machine, which does not reveal its id."""
    try:
        return hashlib.sha256(Path("/etc/machine-id").read_bytes()).hexdigest()[:16]
    except OSError:
        return ""
