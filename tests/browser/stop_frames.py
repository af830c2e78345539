"""The stop frames on the lines of simulated pumps: when the last byte of each was sent."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from tests.browser.gateway import RealGateway, wait_until

BYTE_S = 10 / 19200  # the NE-1000's line
SENT_WITHIN_S = 20.0  # patience of a test


class StopFrames:
    """From control's tap on the line of each pump, as monotonic seconds of the last byte."""

    def __init__(self, gateway: RealGateway) -> None:
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.sent: dict[str, list[float]] = {bed: [] for bed in gateway.beds}
        for bed in gateway.beds:
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(gateway.state / "control.sock"))
            client.sendall(json.dumps({"op": "trace", "pump": bed}).encode() + b"\n")
            self._sockets.append(client)
            thread = threading.Thread(target=self._follow, args=(bed, client.makefile("rb")), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _follow(self, bed: str, lines: Iterable[bytes]) -> None:
        with contextlib.suppress(OSError):
            for line in lines:
                packet: dict[str, Any] = json.loads(line)
                data = bytes.fromhex(packet.get("hex", ""))
                if packet.get("way") == "out" and b"STP" in data:
                    self.sent[bed].append(packet["t_ns"] / 1e9 + len(data) * BYTE_S)

    def after(self, press: Callable[[], object], beds: Collection[str]) -> float:
        """Seconds from just before `press` to the end of the next stop frame, on the slowest of these beds."""
        before = {bed: len(self.sent[bed]) for bed in beds}
        at = time.monotonic()
        press()
        for bed in beds:
            wait_until(lambda bed=bed: len(self.sent[bed]) > before[bed], SENT_WITHIN_S, f"a stop frame to {bed}")
        return max(self.sent[bed][before[bed]] for bed in beds) - at

    def close(self) -> None:
        for client in self._sockets:
            client.shutdown(socket.SHUT_RDWR)
            client.close()
        for thread in self._threads:
            thread.join()
