"""A backup that is being read: its files, the settings in them, and its journal."""

import contextlib
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from pumpd.backup.content import CONFIGURATION, DROP_IN, Member
from pumpd.backup.make import FORMAT, MANIFEST
from pumpd.backup.sealed import SealedError, SealedReader
from pumpd.journal import JournalError, JournalReader
from pumpd.journal.copying import JournalCopy, newest, read_piece
from pumpd.journal.records import START, Anchor
from pumpd.settings import Settings, SettingsError


class RestoreError(Exception):
    """Nothing on this card was changed; the message says why and what to do."""


@dataclass
class Contents:
    """`files`: everything but the journal. `gateway`, `made` and `newest` are known after `copy_journal`."""

    settings: Settings
    files: Mapping[Member, bytes]
    _rest: Iterator[tuple[str, bytes]]
    _sealed: SealedReader
    _digests: dict[str, str]
    gateway: str = ""
    made: str = ""
    newest: Anchor = field(default=START)

    def copy_journal(self, path: Path) -> None:
        """Write the journal to a new file, and verify it, the manifest and the end of the backup.

        Raises RestoreError.
        """
        manifest: dict[str, object] = {}
        try:
            with contextlib.closing(JournalCopy(path)) as copy:
                for name, data in self._rest:
                    if name == MANIFEST:
                        manifest = json.loads(data)
                    elif name.startswith("journal/"):
                        copy.add(read_piece(data))
                    else:
                        raise RestoreError(f"{name!r:.100} is not part of a backup")
            self._sealed.finish()
            self.gateway, self.made = str(manifest["gateway"]), str(manifest["made"])
            self.newest = Anchor.parse(str(manifest["newest"]))
            own = {name: digest for name, digest in self._digests.items() if name != MANIFEST}
            if manifest["pumpd_backup"] != FORMAT or manifest["sha256"] != own:
                raise RestoreError("the backup is not what its manifest says")
            with contextlib.closing(JournalReader(path)) as reader:
                count = reader.verify()
            if (count, newest(path)) != (manifest["entries"], self.newest):
                raise RestoreError("the journal in the backup is not what its manifest says")
        except (JournalError, SealedError) as error:
            raise RestoreError(f"the journal in the backup cannot be used: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise RestoreError(f"the backup is not complete: {error!r}") from error


@contextlib.contextmanager
def opened(file: Path, passphrase: str, config: Path) -> Iterator[Contents]:
    """Open a backup and read its files. Raises RestoreError."""
    with contextlib.ExitStack() as stack:
        digests: dict[str, str] = {}
        try:
            sealed = SealedReader(stack.enter_context(file.open("rb")), passphrase)
            archive = stack.enter_context(tarfile.open(fileobj=sealed, mode="r|"))  # type: ignore[call-overload]  # it needs only read()
        except OSError as error:
            raise RestoreError(f"{file}: {error.strerror or error}") from error
        except (SealedError, tarfile.TarError) as error:
            raise RestoreError(f"{file}: {error}") from error
        members, files = _members(archive, digests), dict[Member, bytes]()
        first: list[tuple[str, bytes]] = []
        for name, data in members:
            if not name.startswith("files/"):
                first = [(name, data)]
                break
            try:
                files[Member.of(name)] = data
            except ValueError as error:
                raise RestoreError(str(error)) from error
        yield Contents(_settings(files, config), files, chain(first, members), sealed, digests)


def _members(archive: tarfile.TarFile, digests: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    try:
        for info in archive:
            part = archive.extractfile(info)
            data = part.read() if part is not None else b""
            digests[info.name] = hashlib.sha256(data).hexdigest()
            archive.members = []  # type: ignore[attr-defined]  # it would keep each one
            yield info.name, data
    except (SealedError, tarfile.TarError, OSError) as error:
        raise RestoreError(f"the backup cannot be read: {error}") from error


def _settings(files: Mapping[Member, bytes], config: Path) -> Settings:
    """The settings in a backup. Nothing of it stays on the disk; a configuration holds no secret."""
    with tempfile.TemporaryDirectory(prefix="pumpd-restore-") as folder:
        place = Path(folder) / config.name
        for member, data in files.items():
            if member.row == CONFIGURATION:
                place.write_bytes(data)
            elif member.row == DROP_IN:
                place.with_suffix(".d").mkdir(exist_ok=True)
                (place.with_suffix(".d") / member.name).write_bytes(data)
        try:
            return Settings.load(place)
        except SettingsError as error:
            raise RestoreError(
                f"the configuration in the backup cannot be used by this version of pumpd: {error}; install the "
                "version that made it"
            ) from error
