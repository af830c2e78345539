"""Why control does not answer on one of its sockets: what happened, and what that means for a pump, as far as known.

Each client adds what its reader should do. Nothing here guesses: a socket that may not be opened, for example, says
nothing about control or a pump.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pumpd.texts import capital, text

UNWATCHED = text(
    "link.unwatched",
    "pumpd does not watch the pumps now: one that was infusing is stopped by its own watchdog or its deadman process, "
    "or, without both, ends at its programmed volume",
)
NOT_AFFECTED = text("link.not_affected", "what the pumps do is not affected, and pumpd may well be watching them")
UNKNOWN = text("link.pumps_unknown", "what the pumps do is not known here")
WILL_STOP = text("link.will_stop", "a control process that starts stops every pump that it finds infusing")


@dataclass(frozen=True, slots=True)
class NotConnected:
    """`happened` and `pumps` are sentences without an end. `soon`: another try in a moment may succeed."""

    happened: str
    pumps: str
    soon: bool = False
    denied: bool = False

    def __str__(self) -> str:
        happened, pumps = capital(self.happened), capital(self.pumps)
        return text("link.happened", "{happened}. {pumps}.", happened=happened, pumps=pumps)


def not_connected(path: Path, error: OSError, lock: Path | None = None) -> NotConnected:
    """What an error in opening a connection to the socket `path` means.

    `lock` is the file that control holds while it runs (`control.lock` in the state directory), if that is known.
    """
    match error:
        case PermissionError():
            return NotConnected(
                text("link.may_not_open", "this user may not open {socket}", socket=path), NOT_AFFECTED, denied=True
            )
        case BlockingIOError() | TimeoutError():
            return NotConnected(
                text(
                    "link.too_many",
                    "control takes no more connections on {socket}: too many are waiting, or it hangs",
                    socket=path,
                ),
                UNKNOWN,
                soon=True,
            )
        case FileNotFoundError() | ConnectionRefusedError():
            return _nobody_there(path, lock)
        case _:
            return NotConnected(
                text("link.cannot_open", "{socket} cannot be opened: {why}", socket=path, why=error.strerror or error),
                UNKNOWN,
            )


def _nobody_there(path: Path, lock: Path | None) -> NotConnected:
    if lock is not None and (process := holder(lock)):
        why = text(
            "link.holds",
            "process {process} holds {directory} but takes no requests: control is starting or ending there",
            process=process,
            directory=lock.parent,
        )
        return NotConnected(why, WILL_STOP, soon=True)
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return NotConnected(
            text(
                "link.no_socket",
                "there is no socket {socket}, so no control process runs with this configuration",
                socket=path,
            ),
            UNWATCHED,
        )
    except OSError as error:
        return NotConnected(
            text("link.no_look", "{socket} cannot be looked at: {why}", socket=path, why=error.strerror or error),
            UNKNOWN,
        )
    if not stat.S_ISSOCK(kind):
        return NotConnected(
            text("link.not_a_socket", "{socket} is not a socket; something else is in its place", socket=path), UNKNOWN
        )
    return NotConnected(
        text(
            "link.no_one_there",
            "nobody answers on the socket {socket}: the control process that made it is gone",
            socket=path,
        ),
        UNWATCHED,
    )


def holder(lock: Path, table: Path = Path("/proc/locks")) -> int:
    """The process that holds a lock on this file; 0 if none is known. It takes no lock, which would be in the way of a
    control process that is just starting.
    """
    try:
        held, file = _held(table.read_text("ascii").splitlines()), lock.stat()
    except (OSError, ValueError):
        return 0
    return held.get((os.major(file.st_dev), os.minor(file.st_dev), file.st_ino), 0)


def _held(lines: Iterable[str]) -> dict[tuple[int, int, int], int]:
    """By device and inode, who holds a lock: `1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF`."""
    found = {}
    for line in lines:
        fields = line.split()
        if len(fields) >= 6 and fields[1] == "FLOCK":  # a line with `->` in second place waits for a lock
            major, minor, inode = fields[5].split(":")
            found[int(major, 16), int(minor, 16), int(inode)] = int(fields[4])
    return found
