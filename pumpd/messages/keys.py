"""A paired key: the public half of a tablet's or a software nurse's key, with its name, roles and kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("software", "tablet")


@dataclass(frozen=True, slots=True)
class PairedKey:
    """A paired key. `id` is the start of the SHA-256 of the public half, which `public_pem` holds.

    A `tablet` sends signed requests with a person signed in on it; a `software` key confirms on its own.
    """

    id: str
    name: str
    roles: tuple[str, ...]
    public_pem: str
    kind: str = "software"

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "PairedKey":
        """Read the file's form, or the older form with a single role. Raises KeyError, TypeError, ValueError."""
        fields = dict(entry)
        roles = (fields.pop("role"),) if "role" in fields else tuple(fields.pop("roles"))
        key = cls(roles=roles, **fields)
        if not all(isinstance(each, str) for each in (key.id, key.name, key.public_pem, *roles)):
            raise TypeError(f"key {key.id!r} has a field that is not text")
        if key.kind not in KINDS:
            raise ValueError(f"key {key.id!r} is of an unknown kind: {key.kind!r}")
        return key
