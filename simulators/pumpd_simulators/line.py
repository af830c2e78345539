"""The line between a client and a simulated pump, and what can go wrong on it.

As on a real cable, the pump does not know: it receives nothing or garbage, or its replies are damaged or lost. Line
faults last real seconds, because only real time-outs detect them. Deterministic by seed.
"""

import asyncio
import random
from collections.abc import Callable

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Device, Operation, Send
from pumpd_simulators.faults import Fault, Kind

_CHANCE = 0.5  # that a packet is garbled while the fault lasts
_PIECE_GAP_S = 0.02
_DEAF = (Kind.SILENCE, Kind.DISCONNECT, Kind.HANG)


class Line:
    """A peer that passes everything on, except what its faults drop or change. While the clock is paused, it drops
    everything.

    `on_disconnect` drops the client for some seconds; the port that serves the line sets it. Without it, a pulled cable
    is silence. `on_crash` restarts the pump's processor after some seconds.
    """

    def __init__(self, pump: Device, seed: int = 0, clock: LoopClock | None = None) -> None:
        self.on_disconnect: Callable[[float], None] | None = None
        self.on_crash: Callable[[float], None] | None = None
        self._pump = pump
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._rng = random.Random(seed)  # noqa: S311 - repeatable faults, not secrets
        self._send: Send | None = None
        self._until: dict[Kind, float] = {}
        self._lose: list[Operation | None] = []  # replies to be lost; None: to any operation
        self._lose_requests = 0
        self._crash: dict[Operation, float] = {}
        self._delay_s = 0.0
        self._pieces_until = 0.0  # when the last piece of a split reply is sent
        self._late: set[asyncio.TimerHandle] = set()

    # -- the peer -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._pump.attach(self._from_pump)

    def feed(self, data: bytes) -> None:
        if self._clock is not None and self._clock.paused:
            return
        if self._lose_requests:
            self._lose_requests -= 1
            return
        if self._until:
            if any(self._now(kind) for kind in _DEAF) or self._now(Kind.LOST_REQUEST):
                return
            data = self._maybe_garbled(data)
        self._pump.feed(data)

    def detach(self) -> None:
        self._send = None
        self._forget_late()
        self._pump.detach()

    def _from_pump(self, data: bytes) -> None:
        if self._clock is not None and self._clock.paused:
            return
        doing = self._pump.doing
        if self._lose and (None in self._lose or doing in self._lose):
            self._lose.remove(doing if doing in self._lose else None)
            return
        if doing is not None and doing in self._crash:
            if self.on_crash is not None:
                self.on_crash(self._crash.pop(doing))
            return
        if self._until:
            if any(self._now(kind) for kind in _DEAF) or self._now(Kind.LOST_REPLY):
                return
            data = self._maybe_garbled(data)
            if self._now(Kind.DELAYED_REPLY):
                self._send_late(data, self._delay_s)
                return
            if self._now(Kind.SPLIT_REPLY):
                self._send_in_pieces(data)
                return
            if self._now(Kind.DUPLICATED_REPLY) and self._send is not None:
                self._send(data)
        if self._send is not None:
            self._send(data)

    # -- faults -------------------------------------------------------------------------------------------------

    def fire(self, fault: Fault) -> None:
        if fault.kind is Kind.LOST_REPLY and fault.duration_s is None:
            self._lose.append(fault.operation if fault.detail else None)
            return
        if fault.kind is Kind.LOST_REQUEST and fault.duration_s is None:
            self._lose_requests += 1
            return
        if fault.kind is Kind.CRASH_AFTER:
            self._crash[fault.operation] = fault.lasting_s or 0.0
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
            self._lose.clear()
        elif kind is Kind.LOST_REQUEST:
            self._lose_requests = 0
        elif kind is Kind.CRASH_AFTER:
            self._crash.clear()

    @property
    def hangs(self) -> bool:
        """Whether the pump's processor hangs, so that its keys have no effect."""
        return self._now(Kind.HANG)

    def active(self) -> list[Kind]:
        kinds = [kind for kind in list(self._until) if self._now(kind)]
        armed = {
            Kind.LOST_REPLY: self._lose,
            Kind.LOST_REQUEST: self._lose_requests,
            Kind.CRASH_AFTER: self._crash,
        }
        return [*kinds, *(kind for kind, waiting in armed.items() if waiting)]

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

    def _send_late(self, data: bytes, delay_s: float) -> None:
        def arrive() -> None:
            self._late.discard(handle)
            if self._send is not None:
                self._send(data)

        handle = self._loop.call_later(delay_s, arrive)
        self._late.add(handle)

    def _send_in_pieces(self, data: bytes) -> None:
        """After the pieces of the previous reply: bytes do not overtake each other on a line."""
        now = self._loop.time()
        begin = max(now, self._pieces_until)
        for place in range(len(data)):
            self._send_late(data[place : place + 1], begin - now + place * _PIECE_GAP_S)
        self._pieces_until = begin + len(data) * _PIECE_GAP_S

    def _forget_late(self) -> None:
        for handle in self._late:
            handle.cancel()
        self._late.clear()
