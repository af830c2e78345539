"""NULs that mean nothing, for families whose replies are text without a check."""

import re

_IDLE = re.compile(rb"\A\x00+|(?<=\r)\x00+")


def without_idle_nuls(reply: bytes) -> bytes:
    """The bytes from the beginning of a reply, without NULs before it (a break on an idle line) and after a CR (a
    Telnet line). NULs elsewhere stay: each may stand for a byte that was lost.
    """
    return _IDLE.sub(b"", reply) if 0 in reply else reply
