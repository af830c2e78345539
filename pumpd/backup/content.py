"""What a backup holds: files of the table in `pumpd/host/files.py`, and the journal."""

import os
from dataclasses import dataclass
from pathlib import Path

from pumpd.host.files import Kind, Place, places
from pumpd.settings import Settings

ASIDE = ".before-restore"  # the end of a file's name that a restore set aside
CONFIGURATION, DROP_IN = "configuration", "drop-in"
COPIED = (
    *(CONFIGURATION, "signature of the configuration", DROP_IN, "trust key", "file of the drug library"),
    *("paired keys", "staff", "authority", "authority's key", "certificate", "certificate's key"),
    *("broker's password", "key for the broker", "monitor broker's password", "key for the monitor broker"),
    *("password for the ward's stream", "key for the ward's stream", "key of the site's certificate"),
)
# Not copied: the journal is, entry by entry, and what belongs to it is made again with it; telemetry then publishes
# from the beginning, and each message has the number by which a receiver knows it already.
LEFT_OUT = (
    *("journal", "journal's write-ahead log", "journal's shared memory", "journal's anchor", "control's lock"),
    *("telemetry's cursor", "telemetry's lock", "ward's cursor", "ward's lock", "the name is taken"),
    *("control's metrics", "bedside's metrics"),  # written again every few seconds
    "file of the archive",  # of entries that retention removed: as large as a site allows, and copied as files
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a backup, by the row that says whose it is, and its own name."""

    row: str
    name: str

    @property
    def path(self) -> str:
        """Its name in the archive."""
        return f"files/{self.row}/{self.name}"

    @classmethod
    def of(cls, path: str) -> "Member":
        """Raises ValueError for anything that is not a file of a row."""
        start, row, name = path.split("/")
        if start != "files" or row not in COPIED or name in ("", ".", ".."):
            raise ValueError(f"{path!r:.100} is not part of a backup")
        return cls(row, name)


def files(settings: Settings, config: Path) -> list[tuple[Member, Path]]:
    """Every file of this gateway that belongs in a backup and is there, whatever is in its place."""
    found = []
    for place in places(settings, config):
        if place.row.name in COPIED and place.row.kind is Kind.FILE:
            found += [(Member(place.row.name, path.name), path) for path in _at(place) if _there(path)]
    return found


def _there(path: Path) -> bool:
    return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())


def _at(place: Place) -> list[Path]:
    """The files of a row; without those that were set aside, or only half written when the power failed."""
    if place.path.name != "*":
        return [place.path]
    found = place.path.parent.glob("*")
    return sorted(path for path in found if path.suffix != ASIDE and not path.name.startswith("."))


def destination(member: Member, settings: Settings, config: Path) -> Place | None:
    """Where a file belongs on a gateway with these settings; None when such a gateway has none."""
    for place in places(settings, config):
        if place.row.name == member.row:
            path = place.path.with_name(member.name) if place.path.name == "*" else place.path
            return Place(place.row, path)
    return None
