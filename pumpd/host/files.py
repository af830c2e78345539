"""Every file and directory of a gateway: whose it is, its mode, who reads it. One table.

What creates a file takes its mode from here; `file_check.py` compares the disk with it (SEC-18). On a gateway, files
belong to the users that the package creates. Where one person runs everything (`pumpd run` on a laptop), all of them
belong to that person, and only what is open to others deviates.
"""

import grp
import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from pumpd.settings import Settings
from pumpd.settings_brokers import BrokerSettings

USER = "pumpd"  # of control, which owns the state
OPERATORS, TABLETS, VITALS = "pumpd-operators", "pumpd-tablets", "pumpd-vitals"

# The mask with which each process creates files, as in its unit.
CONTROL_UMASK, TELEMETRY_UMASK = 0o027, 0o077

CONTROL_RUN, BEDSIDE_RUN = Path("/run/pumpd-control"), Path("/run/pumpd-bedside")
TELEMETRY_RUN = Path("/run/pumpd-telemetry")
TELEMETRY_STATE = Path("/var/lib/private/pumpd-telemetry")  # where systemd keeps it; without `private` it is a link
UPDATES = Path("/var/lib/pumpd-updates")
SITE_LIBRARY = Path("/etc/pumpd/library")


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "directory"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True)
class Owners:
    """The numbers of users and groups by name; or of the one person who runs everything."""

    users: Mapping[str, int]
    groups: Mapping[str, int]
    person: int | None = None

    @classmethod
    def of(cls, state_dir: Path) -> Self:
        """Those of this machine. One person runs everything where the state directory is not the package's user's."""
        own = _user_number(USER)
        groups = {}
        for name in (USER, OPERATORS, TABLETS, VITALS):
            try:
                groups[name] = grp.getgrnam(name).gr_gid
            except KeyError:  # the unit that needs it says so
                continue
        try:
            status = state_dir.lstat()
            owner = status.st_uid
            if owner == 0 and status.st_gid == groups.get(USER):  # a command of root has closed it (`closed.py`)
                owner = own if own is not None else owner
        except OSError:  # not there, or this user may not see it: only root sets up a gateway
            owner = own if os.geteuid() == 0 and own is not None else os.geteuid()
        if own is None or owner != own:
            return cls({}, {}, person=owner)
        return cls({"root": 0, USER: own}, {"root": 0, **groups})

    @property
    def one_person(self) -> bool:
        return self.person is not None

    def numbers(self, row: "Row") -> tuple[int, int]:
        """User and group of a row's file; -1 where it is not stated, as chown(2) takes it."""
        return self.users.get(row.owner or "", -1), self.groups.get(row.group or "", -1)


@dataclass(frozen=True, slots=True)
class At:
    """For which gateway the table is asked."""

    settings: Settings
    config: Path
    one_person: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `where`: its path, with `*` for any name, or None where this gateway has no such thing.

    `owner`, `group`: None for one that systemd or the site chooses. `site`: the site makes it, so a tighter mode is its
    own business.
    """

    name: str
    kind: Kind
    owner: str | None
    group: str | None
    mode: int
    readers: str
    where: Callable[[At], Path | None]
    secret: bool = False
    site: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A row at a path of this gateway. The path may hold `*`."""

    row: Row
    path: Path


def _state(name: str) -> Callable[[At], Path | None]:
    return lambda at: at.settings.state_dir / name


def _library(at: At) -> Path:
    return at.settings.library_dir or SITE_LIBRARY


def _folder_of(socket: Path, at: At) -> Path | None:
    """The directory of a socket, unless it is the state directory."""
    return None if socket.parent == at.settings.state_dir else socket.parent


def _telemetry(name: str) -> Callable[[At], Path | None]:
    return lambda at: (at.settings.state_dir if at.one_person else TELEMETRY_STATE) / name


def _metrics(of: str, folder: Path) -> Callable[[At], Path | None]:
    """What a process says of itself, where metrics are served."""

    def where(at: At) -> Path | None:
        if at.settings.metrics is None:
            return None
        return at.settings.state_dir / f"metrics-{of}.json" if at.one_person else folder / "metrics.json"

    return where


def _outside(path: Path | None) -> Path | None:
    """A file of the site; systemd makes those that it gives to a service."""
    return None if path is None or path.is_relative_to("/run/credentials") else path


def _broker(of: Callable[[Settings], BrokerSettings | None], key: str) -> Callable[[At], Path | None]:
    return lambda at: _outside(getattr(of(at.settings), key, None))


def _telemetrys(settings: Settings) -> BrokerSettings | None:
    return settings.mqtt


def _wards(settings: Settings) -> BrokerSettings | None:
    return settings.fleet


def _monitors(settings: Settings) -> BrokerSettings | None:
    return settings.vitals.broker if settings.vitals else None


_ALL = "every process and command"
_GROUP = "control; telemetry and bedside as members of its group"
_ROOT = "root, which gives it to bedside alone"
_ONE = "the process that connects"
FILE, FOLDER, SOCKET = Kind.FILE, Kind.FOLDER, Kind.SOCKET

# fmt: off
TABLE: tuple[Row, ...] = (
    Row("configuration directory", FOLDER, "root", "root", 0o755, _ALL, lambda at: at.config.parent),
    Row("configuration", FILE, "root", "root", 0o644, _ALL, lambda at: at.config),
    Row("signature of the configuration", FILE, "root", "root", 0o644, _ALL,
        lambda at: at.config.with_name(f"{at.config.name}.sig")),
    Row("drop-ins", FOLDER, "root", "root", 0o755, _ALL, lambda at: at.config.with_suffix(".d")),
    Row("drop-in", FILE, "root", "root", 0o644, _ALL, lambda at: at.config.with_suffix(".d") / "*"),
    Row("trust keys", FOLDER, "root", "root", 0o755, _ALL, lambda at: at.config.parent / "trust"),
    Row("trust key", FILE, "root", "root", 0o644, _ALL, lambda at: at.config.parent / "trust" / "*"),
    Row("drug library", FOLDER, "root", "root", 0o755, _ALL, _library),
    Row("file of the drug library", FILE, "root", "root", 0o644, _ALL, lambda at: _library(at) / "*"),

    Row("state directory", FOLDER, USER, USER, 0o750, _GROUP, lambda at: at.settings.state_dir),
    Row("journal", FILE, USER, USER, 0o640, _GROUP, _state("journal.sqlite3")),
    Row("journal's write-ahead log", FILE, USER, USER, 0o640, _GROUP, _state("journal.sqlite3-wal")),
    Row("journal's shared memory", FILE, USER, USER, 0o640, _GROUP, _state("journal.sqlite3-shm")),
    Row("journal's anchor", FILE, USER, USER, 0o600, "control", _state("journal.anchor"), secret=True),
    Row("archive of the journal", FOLDER, USER, USER, 0o750, _GROUP, _state("journal-archive")),
    Row("file of the archive", FILE, USER, USER, 0o640, _GROUP, _state("journal-archive/*")),
    Row("control's lock", FILE, USER, USER, 0o640, _GROUP, _state("control.lock")),
    Row("paired keys", FILE, USER, USER, 0o600, "control", _state("paired-keys.json")),
    Row("staff", FILE, USER, USER, 0o600, "control", _state("staff.json"), secret=True),

    Row("certificates", FOLDER, "root", "root", 0o755, "root and the group pumpd", _state("tls")),
    Row("authority", FILE, "root", "root", 0o644, "who sets up a tablet", _state("tls/ca.pem")),
    Row("authority's key", FILE, "root", "root", 0o600, "`pumpd tls`", _state("tls/ca.key"), secret=True),
    Row("certificate", FILE, "root", "root", 0o644, _ROOT, _state("tls/gateway.pem")),
    Row("certificate's key", FILE, "root", "root", 0o600, _ROOT, _state("tls/gateway.key"), secret=True),

    Row("telemetry's cursor", FILE, None, None, 0o600, "telemetry", _telemetry("telemetry.sqlite3")),
    Row("telemetry's lock", FILE, None, None, 0o600, "telemetry", _telemetry("telemetry.sqlite3.lock")),
    Row("ward's cursor", FILE, None, None, 0o600, "telemetry", _telemetry("fleet.sqlite3")),
    Row("ward's lock", FILE, None, None, 0o600, "telemetry", _telemetry("fleet.sqlite3.lock")),
    Row("the name is taken", FILE, None, None, 0o644, "control; it is empty",
        lambda at: (at.settings.state_dir if at.one_person else TELEMETRY_RUN) / "name-taken"),

    Row("control's metrics", FILE, USER, USER, 0o644, "telemetry, which serves them", _metrics("control", CONTROL_RUN)),
    Row("bedside's metrics", FILE, None, None, 0o644, "telemetry, which serves them", _metrics("bedside", BEDSIDE_RUN)),

    Row("directory of the operator socket", FOLDER, USER, OPERATORS, 0o2750, "operators",
        lambda at: _folder_of(at.settings.socket_path, at)),
    Row("operator socket", SOCKET, USER, OPERATORS, 0o660, "operators", lambda at: at.settings.socket_path),
    Row("directory of the tablet socket", FOLDER, USER, TABLETS, 0o2750, "bedside",
        lambda at: _folder_of(at.settings.tablet_socket_path, at)),
    Row("tablet socket", SOCKET, USER, TABLETS, 0o660, "bedside", lambda at: at.settings.tablet_socket_path),
    Row("directory of the vitals socket", FOLDER, USER, VITALS, 0o2750, "vitals",
        lambda at: _folder_of(at.settings.vitals_socket_path, at)),
    Row("vitals socket", SOCKET, USER, VITALS, 0o660, "vitals", lambda at: at.settings.vitals_socket_path),
    Row("deadman's socket", SOCKET, USER, None, 0o600, "control", lambda at: at.settings.deadman_socket("*")),

    Row("updates", FOLDER, "root", "root", 0o700, "root", lambda at: None if at.one_person else UPDATES),
    Row("broker's password", FILE, None, None, 0o640, _ONE, _broker(_telemetrys, "password_file"),
        secret=True, site=True),
    Row("key for the broker", FILE, None, None, 0o640, _ONE, _broker(_telemetrys, "client_key"),
        secret=True, site=True),
    Row("password for the ward's stream", FILE, None, None, 0o640, _ONE, _broker(_wards, "password_file"),
        secret=True, site=True),
    Row("key for the ward's stream", FILE, None, None, 0o640, _ONE, _broker(_wards, "client_key"),
        secret=True, site=True),
    Row("monitor broker's password", FILE, None, None, 0o640, _ONE, _broker(_monitors, "password_file"),
        secret=True, site=True),
    Row("key for the monitor broker", FILE, None, None, 0o640, _ONE, _broker(_monitors, "client_key"),
        secret=True, site=True),
    Row("key of the site's certificate", FILE, None, None, 0o640, "bedside",
        lambda at: _outside(at.settings.bedside.tls_key if at.settings.bedside else None), secret=True, site=True),
)
# fmt: on


def _user_number(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


_ROWS = {each.name: each for each in TABLE}


def row(name: str) -> Row:
    return _ROWS[name]


def mode_of(name: str) -> int:
    """The mode of a row, for what creates the file."""
    return _ROWS[name].mode


def place(name: str, settings: Settings, config: Path) -> Place:
    """One row for this gateway. Raises KeyError when it has none."""
    return next(each for each in places(settings, config) if each.row.name == name)


def places(settings: Settings, config: Path, owners: Owners | None = None) -> tuple[Place, ...]:
    """The table for this gateway."""
    owners = owners or Owners.of(settings.state_dir)
    at = At(settings, config, owners.one_person)
    return tuple(Place(each, path) for each in TABLE if (path := each.where(at)) is not None)
