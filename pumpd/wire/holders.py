"""Which other processes have a port open, as far as this user may see it. Linux only; elsewhere nobody is found.

Reading all of /proc takes milliseconds: do it in a thread, and only after an error.
"""

import contextlib
import os
from pathlib import Path

from pumpd.texts import text

_PROC = Path("/proc")
_SHOWN = 3  # processes in a message
_NAME = 60  # characters of a process's name


def holders(port: str) -> list[str]:
    """Other processes that have the port open, as "NAME (pid NUMBER)". Blocks.

    The deadmen of this process hold a duplicate and are not named; nor is the other end of a pseudo-terminal.
    """
    return [name for _, name in holding(port, _PROC)]


def holding(port: str, proc: Path) -> list[tuple[int, str]]:
    """The same, each with its number. `proc`: where the kernel's list of processes is."""
    device = os.path.realpath(port)
    pseudo = device.startswith("/dev/pts/")
    found = []
    for process in proc.iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            targets = _targets(process)
            if device in targets and not (pseudo and "/dev/ptmx" in targets) and _parent(process) != os.getpid():
                found.append((int(process.name), f"{_name(process)} (pid {process.name})"))
        except OSError:  # it has ended, or belongs to another user
            continue
    return found


def in_use(port: str) -> str:
    """Why the port cannot be opened now, and what to do. Blocks."""
    found = holders(port)
    if not found and os.path.realpath(port) in _targets(_PROC / "self"):
        return text(
            "port.open_here",
            "this program has the port open already, under another name; give each pump a port of its own",
        )
    return text(
        "port.in_use",
        "the port is in use by another program{which}; end that program, or give this pump another port",
        which=_named(port, found),
    )


def bytes_taken(port: str) -> str:
    """Why bytes that the port announced were not there, and what to do. Blocks."""
    return text(
        "port.bytes_taken",
        "another program reads this port and takes the pump's replies{which}; end that program",
        which=_named(port, holders(port)),
    )


def _named(port: str, found: list[str]) -> str:
    if not found:
        return text("port.see_which", " (to see which one: sudo fuser -v {port})", port=port)
    shown = ", ".join(found[:_SHOWN])
    if len(found) > _SHOWN:
        return text("port.holders_and_more", ": {shown} and {more} more", shown=shown, more=len(found) - _SHOWN)
    return f": {shown}"


def _targets(process: Path) -> set[str]:
    """What the process has open. Raises OSError when it has ended or belongs to another user."""
    found = set()
    for entry in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(entry.readlink()))
    return found


def _name(process: Path) -> str:
    """Of the program; of an interpreter, with what it runs."""
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    name = Path(words[0]).name or (process / "comm").read_text(errors="replace").strip()
    if name.startswith("python"):
        name = " ".join([name, *(Path(word).name for word in words[1:] if word)])
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:_NAME]


def _parent(process: Path) -> int:
    """The fourth field of `stat`; the second is a name in brackets, which may hold anything."""
    return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
