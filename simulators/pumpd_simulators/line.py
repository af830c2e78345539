"""The line between a client and a simulated pump, and what can go wrong on it.

The pump never knows: it hears nothing, hears or says garbage, or speaks into a void, as on a real cable. Line faults
last real seconds, since only real time-outs notice them. Deterministic by seed.
"""

import asyncio
import random
from collections.abc import Callable

from pumpd_simulators.device import Peer, Send
from pumpd_simulators.faults import Fault, Kind

_CHANCE = 0.5  # that a packet is garbled while the fault lasts


class Line:
    """A peer that passes everything on, save what its faults take or change.

    `on_disconnect` is asked to drop the client for some seconds; who serves the line sets it. Without one, a pulled
    cable is silence.
    """

    def __init__(self, pump: Peer, seed: int = 0) -> None:
        self.on_disconnect: Callable[[float], None] | None = None
        self._pump = pump
        self._loop = asyncio.get_running_loop()
        self._rng = random.Random(seed)  # noqa: S311 - repeatable faults, not secrets
        self._send: Send | None = None
        self._until: dict[Kind, float] = {}
        self._lose = 0
        self._delay_s = 0.0
        self._late: set[asyncio.TimerHandle] = set()

    # -- the peer -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._pump.attach(self._from_pump)

    def feed(self, data: bytes) -> None:
        if self._until:
            if self._now(Kind.SILENCE) or self._now(Kind.DISCONNECT):
                return
            data = self._maybe_garbled(data)
        self._pump.feed(data)

    def detach(self) -> None:
        self._send = None
        self._forget_late()
        self._pump.detach()

    def _from_pump(self, data: bytes) -> None:
        if self._lose:
            self._lose -= 1
            return
        if self._until:
            if self._now(Kind.SILENCE) or self._now(Kind.DISCONNECT) or self._now(Kind.LOST_REPLY):
                return
            data = self._maybe_garbled(data)
            if self._now(Kind.DELAYED_REPLY):
                self._send_late(data)
                return
        if self._send is not None:
            self._send(data)

    # -- faults -------------------------------------------------------------------------------------------------

    def fire(self, fault: Fault) -> None:
        if fault.kind is Kind.LOST_REPLY and fault.duration_s is None:
            self._lose += 1
            return
        lasting = fault.lasting_s or 0.0
        self._until[fault.kind] = self._loop.time() + lasting
        if fault.kind is Kind.DELAYED_REPLY:
            self._delay_s = fault.delay_s
        elif fault.kind is Kind.DISCONNECT and self.on_disconnect is not None:
            self.on_disconnect(lasting)

    def clear(self, kind: Kind) -> None:
        self._until.pop(kind, None)
        if kind is Kind.LOST_REPLY:
            self._lose = 0

    def active(self) -> list[Kind]:
        kinds = [kind for kind in list(self._until) if self._now(kind)]
        return [*kinds, Kind.LOST_REPLY] if self._lose else kinds

    def shut(self) -> None:
        self._forget_late()
        self._until.clear()

    def _now(self, kind: Kind) -> bool:
        until = self._until.get(kind)
        if until is None:
            return False
        if self._loop.time() < until:
            return True
        del self._until[kind]
        return False

    def _maybe_garbled(self, data: bytes) -> bytes:
        if not data or not self._now(Kind.GARBLED) or self._rng.random() >= _CHANCE:
            return data
        changed = bytearray(data)
        changed[self._rng.randrange(len(data))] ^= self._rng.randrange(1, 256)
        return bytes(changed)

    def _send_late(self, data: bytes) -> None:
        def arrive() -> None:
            self._late.discard(handle)
            if self._send is not None:
                self._send(data)

        handle = self._loop.call_later(self._delay_s, arrive)
        self._late.add(handle)

    def _forget_late(self) -> None:
        for handle in self._late:
            handle.cancel()
        self._late.clear()
