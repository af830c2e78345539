"""What systemd is told while a service runs: that it is ready, and that its loop still turns (sd_notify(3))."""

import asyncio
import contextlib
import os
import socket

EVERY_S = 10.0  # without a watchdog, nobody needs to hear more


async def alive() -> None:
    """Run until cancelled. Outside of systemd, where NOTIFY_SOCKET is not set, it does nothing."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    allowed = os.environ.get("WATCHDOG_USEC", "")
    every_s = int(allowed) / 2_000_000 if allowed.isdecimal() else EVERY_S
    said = b"READY=1\n"
    while True:
        # A notice that is not sent never stops the service: systemd restarts one that it does not hear from.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(said + b"WATCHDOG=1", "\0" + path[1:] if path.startswith("@") else path)
            said = b""
        await asyncio.sleep(every_s)
