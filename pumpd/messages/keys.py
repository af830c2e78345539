"""A paired key: the public half of a tablet's or a software nurse's key, with its name, roles and kind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pumpd.regular_file import content
from pumpd.texts import text

KINDS = ("software", "tablet")


def software_nurses(path: Path) -> list[str]:
    """The names of the software nurses in the file of paired keys. None for a file that cannot be read: whatever reads
    it next says why, and confirms nothing by it.
    """
    try:
        entries = json.loads(content(path))
        return [str(each["name"]) for each in entries if each.get("kind", "software") == "software"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def with_hardware(nurses: list[str], real: list[str]) -> str:
    """Why these software nurses and these real pumps may not be together; empty if there are none."""
    if not nurses or not real:
        return ""
    return text(
        "confirmation.software_nurse",
        "software nurse {nurses}: a program may not confirm for a real pump ({pumps}). If its key is paired already, "
        "mark the pumps `simulated = true` and revoke it by `pumpd nurse revoke`, or remove it from the file of "
        "paired keys",
        nurses=", ".join(nurses),
        pumps=", ".join(real),
    )


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
