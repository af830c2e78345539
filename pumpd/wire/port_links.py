"""A port that is a link to a pseudo-terminal: whether it still leads to the terminal that it was made for.

A program that makes such a link (`pumpsim --pty`, `socat`) removes it at its end, unless it is killed. The system gives
the number of its pseudo-terminal to the next program, and the link then leads there: perhaps to another pump.
"""

import os
from pathlib import Path

from pumpd.texts import text

_TERMINALS = "/dev/pts/"
_SLACK_NS = 1_000_000_000  # a program may change its terminal's mode after it has made the link
_MOST_LINKS = 40  # as in the kernel


def stale(port: str) -> str | None:
    """Why this link must not be opened, and what to do; None if it may be, or is no link."""
    link = Path(port)
    for _ in range(_MOST_LINKS):
        if not link.is_symlink():
            return None
        target = link.parent / link.readlink()
        if not os.path.lexists(target):
            return text(
                "port.link_gone",
                "it is a link to {target}, which is not there: the device is gone, or the program that made "
                "the link; check the cable, or start that program again",
                target=target,
            )
        if str(target).startswith(_TERMINALS) and target.stat().st_ctime_ns > link.lstat().st_mtime_ns + _SLACK_NS:
            return text(
                "port.link_other",
                "it is a link to {target}, which was made after the link and belongs to another program: the "
                "program that made the link has ended; remove {link}, and start that program again",
                target=target,
                link=link,
            )
        link = target
    return None
