"""Reading the machine: its files below a root directory, its processes, and what programs print. Nothing is changed.

What is not there is None or empty. What this user may not read raises PermissionError, which becomes "needs root".
"""

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

COMMAND_WITHIN_S = 20.0

Run = Callable[[Sequence[str]], str | None]


def run_program(words: Sequence[str]) -> str | None:
    """What a program prints; None if it is not there, fails to start or takes too long. Its exit status is ignored."""
    try:
        done = subprocess.run(  # noqa: S603  # fixed programs with fixed options
            list(words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=COMMAND_WITHIN_S,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout


@dataclass(frozen=True, slots=True)
class Process:
    """`started_s`: seconds after boot. `unit`: the systemd unit that it belongs to, or empty."""

    pid: int
    parent: int
    name: str
    words: tuple[str, ...]
    started_s: float
    unit: str


@dataclass(frozen=True, slots=True)
class Mount:
    """The file system that holds a path. `device`: MAJOR:MINOR."""

    point: str
    kind: str
    options: tuple[str, ...]
    device: str


class Machine:
    def __init__(self, root: Path = Path("/"), run: Run = run_program, *, is_root: bool | None = None) -> None:
        self.root, self._run = root, run
        self.is_root = os.geteuid() == 0 if is_root is None else is_root

    def at(self, path: Path | str) -> Path:
        """Where this path of the machine is. A relative one counts from the working directory, as for pumpd itself."""
        return self.root / str(Path(path).absolute()).lstrip("/")

    def text(self, path: Path | str) -> str | None:
        """The text of a file, stripped. None without the file, or when the kernel has no value for it."""
        try:
            return self.at(path).read_bytes().decode(errors="replace").strip("\0 \t\r\n")
        except PermissionError:
            raise
        except OSError:
            return None

    def number(self, path: Path | str) -> int | None:
        try:
            return int(self.text(path) or "")
        except ValueError:
            return None

    def names(self, folder: Path | str) -> list[str]:
        try:
            return sorted(each.name for each in self.at(folder).iterdir())
        except PermissionError:
            raise
        except OSError:
            return []

    def must_read(self, place: Path) -> None:
        """Raise PermissionError unless this user can read the file, or the folder and every file in it."""
        for each in (place, *(place.iterdir() if place.is_dir() else ())):
            if each.exists() and not os.access(each, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(each))

    def group(self, path: Path | str) -> str:
        """The name of the group of a file, or its number as text. Raises FileNotFoundError."""
        number = self.at(path).stat().st_gid
        for each in (self.text("/etc/group") or "").splitlines():
            fields = each.split(":")
            if len(fields) > 2 and fields[2] == str(number):
                return fields[0]
        return str(number)

    def space(self, folder: Path) -> os.statvfs_result:
        """Room and inodes of the file system of a folder."""
        return os.statvfs(self.at(folder))

    def slowest_sync_s(self, folder: Path, times: int) -> float:
        """The slowest of a few writes of 4 KiB with fsync, in a file without a name that is gone at once.

        Raises OSError where this user may not write, or the file system knows no such files.
        """
        file = os.open(self.at(folder), os.O_TMPFILE | os.O_RDWR, 0o600)
        try:
            return max(_sync_s(file) for _ in range(times))
        finally:
            os.close(file)

    def program(self, *words: str) -> str | None:
        return self._run(words)

    @cached_property
    def properties(self) -> dict[str, str]:
        """What systemd says about itself; empty where it does not run."""
        return pairs(self.program("systemctl", "show", "-p", "RuntimeWatchdogUSec,Version,SystemState") or "")

    def unit(self, name: str) -> dict[str, str]:
        """The properties of a unit; empty where systemd does not run."""
        wanted = (
            "LoadState,ActiveState,SubState,UnitFileState,ActiveEnterTimestamp,NRestarts,FragmentPath,DropInPaths,"
            "MainPID,Result,MemoryCurrent,MemoryMax"
        )
        return pairs(self.program("systemctl", "show", "-p", wanted, name) or "")

    @cached_property
    def processes(self) -> list[Process]:
        """Every process that this user may see."""
        return [found for name in self.names("/proc") if name.isdigit() and (found := self._process(int(name)))]

    def _process(self, pid: int) -> Process | None:
        stat = self.text(f"/proc/{pid}/stat") or ""
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        try:
            words = tuple(self.at(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0"))[:-1]
            group = self.text(f"/proc/{pid}/cgroup") or ""
        except OSError:  # it has ended
            return None
        if len(fields) < 20:
            return None
        unit = next((part for part in reversed(group.split("/")) if part.endswith(".service")), "")
        return Process(pid, int(fields[1]), name, words, int(fields[19]) / os.sysconf("SC_CLK_TCK"), unit)

    @cached_property
    def up_s(self) -> float:
        """Seconds since boot."""
        return float((self.text("/proc/uptime") or "0").split()[0])

    def mount(self, path: Path) -> Mount | None:
        """What is mounted where this path is."""
        place = str(path.absolute())
        found = [each for each in self._mounts() if _below(place, each.point)]
        return max(found, key=lambda each: len(each.point), default=None)

    def _mounts(self) -> Iterator[Mount]:
        """From mountinfo: `36 35 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw,errors=remount-ro`."""
        for each in (self.text("/proc/self/mountinfo") or "").splitlines():
            before, _, after = each.partition(" - ")
            fields, kind = before.split(), after.split()
            if len(fields) < 6 or len(kind) < 3:
                continue
            point = fields[4].encode().decode("unicode_escape")  # a space is written as \040
            options = (*fields[5].split(","), *kind[2].split(","))
            yield Mount(point, kind[0], options, fields[2])


def _sync_s(file: int) -> float:
    began = time.monotonic()
    os.write(file, bytes(4096))
    os.fsync(file)
    return time.monotonic() - began


def _below(place: str, point: str) -> bool:
    return point in ("/", place) or place.startswith(point.rstrip("/") + "/")


def pairs(text: str) -> dict[str, str]:
    """KEY=VALUE, a line each; values may be in quotes."""
    found = {}
    for each in text.splitlines():
        key, equals, value = each.partition("=")
        if equals:
            found[key] = value.strip('"')
    return found
