"""A PostgreSQL in a temporary folder, reached by a socket in that folder; never as root."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from pumpd_ward.local.child import Child, StartError
from pumpd_ward.store.rights import BOARD, INGEST

USER = "ward"


def program(name: str) -> str:
    """Raises StartError."""
    if found := shutil.which(name):
        return found
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    raise StartError(f"{name} is missing: install PostgreSQL with `apt-get install postgresql`")


def _other_user() -> int | None:
    """PostgreSQL refuses to run as root. Its own user of Debian then runs it, or else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise StartError("there is no user but root to run PostgreSQL")


class Postgres:
    """A server with an empty database, and the roles of the services. `end` stops it, `remove` deletes its folder."""

    def __init__(self) -> None:
        self._user = _other_user()
        self._roles = [BOARD, INGEST]  # that are still to be made
        memory = Path("/dev/shm")  # noqa: S108 - mkdtemp below makes a folder of its own
        place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
        # Not below the folder of a test: its parents are closed to other users. A socket's path must be short, too.
        self.folder = Path(tempfile.mkdtemp(prefix="pumpd-ward-", dir=place))
        if self._user is not None:
            os.chown(self.folder, self._user, self._user)
        data = self.folder / "data"
        command = [
            program("initdb"),
            "-D",
            str(data),
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        made = subprocess.run(  # noqa: S603 - a fixed program, found on this machine
            command, user=self._user, group=self._user, capture_output=True, text=True, check=False, cwd="/"
        )
        if made.returncode:
            raise StartError(f"initdb failed:\n{made.stderr}")
        options = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "60"}
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        self._child = Child(
            self.folder / "postgres.log", [program("postgres"), "-D", str(data), *settings], user=self._user
        )

    @property
    def dsn(self) -> str:
        """As the owner."""
        return self.dsn_of(USER)

    def dsn_of(self, role: str) -> str:
        """Without a role: as the environment says (PGUSER)."""
        return f"postgresql://{role}{'@' if role else ''}/postgres?host={self.folder}"

    @property
    def pid(self) -> int:
        return self._child.pid

    def start(self) -> None:
        ask = [program("pg_isready"), "-q", "-h", str(self.folder)]
        self._child.start(lambda: subprocess.run(ask, check=False).returncode == 0)  # noqa: S603 - as above
        while self._roles:
            make = [program("createuser"), "-h", str(self.folder), "-U", USER, self._roles[-1]]
            subprocess.run(make, check=True)  # noqa: S603 - as above
            self._roles.pop()

    def kill(self) -> None:
        """As if the power were cut: nothing is finished."""
        self._child.end(signal.SIGQUIT)

    def end(self) -> None:
        self._child.end(signal.SIGINT)  # fast: it closes connections and writes what it has

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
