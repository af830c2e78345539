"""The keys that may confirm: the public half of each, with a name and a role, in a JSON file of the control process."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


class KeyStoreError(ValueError):
    """The file of paired keys cannot be used; the message names it. Nothing can be confirmed, stop still works."""


@dataclass(frozen=True, slots=True)
class PairedKey:
    """A paired key. `id` is the start of the SHA-256 of the public half, which `public_pem` holds."""

    id: str
    name: str
    role: str
    public_pem: str


class KeyStore:
    """Read anew at each use, so that a revoked key is gone at once. Writing the file is what makes pairing local."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> dict[str, PairedKey]:
        """Paired keys by id; none when nothing was ever paired. Raises KeyStoreError for a file that is not ours."""
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))
            return {row["id"]: PairedKey(**row) for row in rows}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise KeyStoreError(f"paired keys {self.path}: {error}") from error

    def add(self, key: PairedKey) -> PairedKey:
        """Keep a key, in the place of an older one with the same id."""
        self._write(self.all() | {key.id: key})
        return key

    def revoke(self, key_id: str) -> None:
        """Take a key away. Raises KeyStoreError when it is not there."""
        keys = self.all()
        if key_id not in keys:
            raise KeyStoreError(f"paired keys {self.path}: no key {key_id!r}")
        del keys[key_id]
        self._write(keys)

    def _write(self, keys: dict[str, PairedKey]) -> None:
        beside = self.path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump([asdict(key) for key in keys.values()], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
