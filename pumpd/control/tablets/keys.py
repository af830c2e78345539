"""The paired keys: the public half of each, with a name, roles and a kind, in a JSON file that only control writes."""

from dataclasses import asdict, replace
from pathlib import Path

from pumpd.control.tablets.files import read_entries, write_entries
from pumpd.host.files import mode_of
from pumpd.messages.keys import PairedKey
from pumpd.texts import text


class KeyStoreError(ValueError):
    """The file of paired keys cannot be used; the message names it. Nothing can be confirmed; stop still works."""


class KeyStore:
    """Read at each use, so that a revoked key is gone at once. Changes go through `Register`, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> dict[str, PairedKey]:
        """Paired keys by id; empty when none was ever paired. Raises KeyStoreError for a file that cannot be used."""
        try:
            keys = [PairedKey.of(entry) for entry in read_entries(self.path)]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise KeyStoreError(
                text("tablet.keys_file", "paired keys {file}: {why}", file=self.path, why=error)
            ) from error
        return {key.id: key for key in keys}

    def add(self, key: PairedKey) -> PairedKey:
        """Store a key, replacing an older one with the same id."""
        self._write(self.all() | {key.id: key})
        return key

    def rename(self, key_id: str, name: str) -> None:
        """Raises KeyStoreError when there is no such key."""
        keys = self.all()
        self._write(keys | {key_id: replace(self._of(keys, key_id), name=name)})

    def revoke(self, key_id: str) -> None:
        """Remove a key. Raises KeyStoreError when there is no such key."""
        keys = self.all()
        self._of(keys, key_id)
        del keys[key_id]
        self._write(keys)

    def _of(self, keys: dict[str, PairedKey], key_id: str) -> PairedKey:
        if key_id not in keys:
            raise KeyStoreError(
                text("tablet.no_key", "paired keys {file}: no key {key}", file=self.path, key=repr(key_id))
            )
        return keys[key_id]

    def _write(self, keys: dict[str, PairedKey]) -> None:
        try:
            entries = [asdict(key) | {"roles": list(key.roles)} for key in keys.values()]
            write_entries(self.path, entries, mode=mode_of("paired keys"))
        except OSError as error:
            raise KeyStoreError(
                text("tablet.keys_file", "paired keys {file}: {why}", file=self.path, why=error.strerror)
            ) from error
