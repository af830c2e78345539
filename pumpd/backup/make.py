"""Make a backup: read everything once, seal it, and leave no part of it in clear text on any disk.

Control may run: nothing here takes a lock or writes below its directories, and the journal is read in pieces.
"""

import contextlib
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pumpd.backup.content import files
from pumpd.backup.sealed import LEAST_PASSPHRASE, SealedWriter
from pumpd.host.file_writing import InTheWayError, read_below
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.copying import pieces
from pumpd.journal.records import START
from pumpd.regular_file import content
from pumpd.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
MODE = 0o600


class BackupError(Exception):
    """There is no backup; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """What is in a backup. `newest`: the anchor of the journal's newest entry."""

    gateway: str
    made: str
    entries: int
    newest: str
    files: int


def check_passphrase(passphrase: str) -> None:
    """Raises BackupError."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise BackupError(f"the passphrase needs at least {LEAST_PASSPHRASE} characters: it protects keys and orders")


def make(settings: Settings, config: Path, target: Path, passphrase: str, now: datetime) -> Made:
    """Write the backup to a new file that only its owner can read. Raises BackupError; then there is no new file."""
    check_passphrase(passphrase)
    partial = target.with_name(f"{target.name}.partial")
    if target.exists():
        raise BackupError(f"{target} exists; choose another name")
    try:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()  # of a backup that was interrupted
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE), "wb") as file:
            sealed = SealedWriter(file, passphrase)
            manifest = _write(sealed, settings, config, now)
            sealed.close()
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except JournalError as error:
        raise BackupError(
            f"{error}. Nothing was backed up; keep the file as it is, and copy it by hand with control stopped"
        ) from error
    except OSError as error:
        if isinstance(error, InTheWayError):
            raise BackupError(f"{error}. Nothing was backed up") from error
        raise BackupError(f"{error.filename or target}: {error.strerror or error}; use sudo, or make room") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return made_of(manifest)


def made_of(manifest: Mapping[str, Any]) -> Made:
    """Raises KeyError, TypeError for something else than a manifest."""
    return Made(
        str(manifest["gateway"]), str(manifest["made"]), int(manifest["entries"]), str(manifest["newest"]),
        sum(each.startswith("files/") for each in manifest["sha256"]),
    )  # fmt: skip


def _read(path: Path, settings: Settings) -> bytes:
    """A file of the gateway. In the state directory, which another user owns, no link is followed. Raises OSError."""
    if path.is_relative_to(settings.state_dir):
        return read_below(path, beneath=settings.state_dir)
    return content(path)


def _write(sealed: SealedWriter, settings: Settings, config: Path, now: datetime) -> dict[str, Any]:
    digests: dict[str, str] = {}
    at, count = START, 0
    with tarfile.open(fileobj=sealed, mode="w|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]  # it needs only write()

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), MODE, int(now.timestamp())
            archive.addfile(info, io.BytesIO(data))
            digests[name] = hashlib.sha256(data).hexdigest()

        for member, path in files(settings, config):
            add(member.path, _read(path, settings))
        if settings.journal_path.exists():
            with contextlib.closing(JournalReader(settings.journal_path)) as reader:
                for number, (lines, anchor, entries) in enumerate(pieces(reader), start=1):
                    add(f"journal/{number:06}", lines)
                    at, count = anchor, count + entries
        manifest = {
            "pumpd_backup": FORMAT,
            "gateway": settings.gateway,
            "made": now.isoformat(timespec="seconds"),
            "pumpd": version("pumpd"),
            "entries": count,
            "newest": str(at),
            "sha256": dict(digests),
        }
        add(MANIFEST, json.dumps(manifest).encode())
    return manifest
