"""Notices from a service to systemd: `READY=1`, `STATUS=...`, `WATCHDOG=1`, `STOPPING=1` (sd_notify(3)).

Outside systemd, where NOTIFY_SOCKET is not set, it does nothing. A failed notice never stops the service: systemd
restarts a service that it does not hear from.
"""

import asyncio
import os
import socket

WITHOUT_WATCHDOG_S = 60.0  # nothing is sent then, and nothing is waited for


def notify(*lines: str) -> bool:
    """Send the lines as one notice and return whether it was sent. A line break inside a line becomes a space."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    message = "\n".join(" ".join(line.splitlines()) for line in lines)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            sender.sendto(message.encode(), address)
    except OSError:
        return False
    return True


def watchdog_interval_s() -> float | None:
    """Seconds between `WATCHDOG=1` notices: half of what systemd allows this process. None without a watchdog."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000


async def keep_watchdog() -> None:
    """Feed the watchdog until cancelled. A pass of the event loop is the evidence: whatever blocks the loop blocks
    this. What is missing elsewhere, such as a broker, does not.
    """
    interval_s = watchdog_interval_s()
    while True:
        if interval_s is not None:
            notify("WATCHDOG=1")
        await asyncio.sleep(interval_s or WITHOUT_WATCHDOG_S)
