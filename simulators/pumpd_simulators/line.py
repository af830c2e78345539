"""The line between a client and a simulated pump, and what can go wrong on it.

As on a real cable, the pump does not know: it receives nothing or garbage, or its replies are damaged or lost. Line
faults last real seconds, because only real time-outs detect them; quirks of an adapter stay. Deterministic by seed.
"""

import asyncio
import math
import random
from collections.abc import Callable

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Device, Operation, Send
from pumpd_simulators.faults import Fault, Kind

_CHANCE = 0.5  # that a packet is garbled while the fault lasts
_CUT = (Kind.SILENCE, Kind.DISCONNECT, Kind.HUB_RESET)
_BATCH = 62  # bytes at which an FTDI chip does not wait for its latency timer
_FLOW_CONTROL = b"\x11\x13"  # XON and XOFF
_PARITY = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in range(128)) + bytes(range(128, 256))


class Line:
    """A peer that passes everything on, except what its faults drop or change. While the clock is paused, it drops
    everything.

    `on_disconnect` drops the client for some seconds; the port that serves the line sets it. Without it, a pulled cable
    is silence. `on_hub_reset` does so to all ports of the bench, and can swap them. `on_crash` restarts the pump's
    processor after some seconds.
    """

    def __init__(self, pump: Device, seed: int = 0, clock: LoopClock | None = None) -> None:
        self.on_disconnect: Callable[[float], None] | None = None
        self.on_hub_reset: Callable[[float, bool], None] | None = None
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
        self._detail: dict[Kind, Fault] = {}  # of the kinds that have one
        self._pieces_until = 0.0  # when the last piece of a split reply is sent
        self._late: set[asyncio.TimerHandle] = set()
        self._batch = bytearray()  # what waits for the adapter's latency timer
        self._fresh_out = self._fresh_in = True  # nothing has passed since the port was opened

    # -- the peer -----------------------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        self._send = send
        self._pump.attach(self._from_pump)
        self.opened()

    def opened(self) -> None:
        """A host opened the port. A pseudo-terminal's port says so by itself: it is attached all the time."""
        self._fresh_out = self._fresh_in = True
        if self._now(Kind.DTR_RESET) and self.on_crash is not None:
            self.on_crash(self._detail[Kind.DTR_RESET].detail_s)

    def feed(self, data: bytes) -> None:
        if self._clock is not None and self._clock.paused:
            return
        if self._until:
            if any(self._now(kind) for kind in _CUT):
                return
            data = self._through_adapter(data)
        if self._lose_requests:
            self._lose_requests -= 1
            return
        if self._until:
            if not data or self._now(Kind.HANG) or self._now(Kind.LOST_REQUEST):
                return
            data = self._maybe_garbled(data)
        self._pump.feed(data)

    def _through_adapter(self, data: bytes) -> bytes:
        if self._now(Kind.ECHO) or self._now(Kind.SHORTED):
            self._to_host(data)
        if self._now(Kind.SHORTED):
            return b""
        if self._now(Kind.XON_XOFF):
            data = data.translate(None, _FLOW_CONTROL)
        if self._fresh_out and self._now(Kind.NUL) and self._detail[Kind.NUL].detail == "command":
            data = b"\0" + data
        self._fresh_out = False
        return data

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
            if any(self._now(kind) for kind in (*_CUT, Kind.HANG, Kind.LOST_REPLY, Kind.SHORTED)):
                return
            data = self._maybe_garbled(self._with_quirks(data))
        self._to_host(data)

    def _with_quirks(self, data: bytes) -> bytes:
        """A reply, as its bytes arrive at the host's end."""
        if self._now(Kind.CR_NUL):
            data = data.replace(b"\r", b"\r\0")
        if self._now(Kind.NUL):
            where = self._detail[Kind.NUL].detail or "each"
            if where == "each" or (where == "first" and self._fresh_in):
                data = b"\0" + data
            elif where == "inside":
                data = data[: len(data) // 2] + b"\0" + data[len(data) // 2 :]
        self._fresh_in = False
        if self._now(Kind.PARITY):
            data = data.translate(_PARITY)
        if self._now(Kind.XON_XOFF):
            data = data.translate(None, _FLOW_CONTROL)
        if self._now(Kind.SECOND_READER) and self._rng.random() * 100 < self._detail[Kind.SECOND_READER].number:
            data = data[self._rng.randrange(1, len(data) + 1) :]
        return data

    def _to_host(self, data: bytes) -> None:
        """At the time and in the pieces in which the adapter passes them on."""
        if self._now(Kind.DELAYED_REPLY):
            self._send_later(data, self._detail[Kind.DELAYED_REPLY].detail_s)
        elif self._now(Kind.SPLIT_REPLY):
            self._send_in_pieces(data)
        elif self._now(Kind.LATENCY):
            self._send_in_batches(data)
        else:
            if self._now(Kind.DUPLICATED_REPLY):
                self._send_now(data)
            self._send_now(data)

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
        lasting = math.inf if fault.lasting_s is None else fault.lasting_s
        self._until[fault.kind] = self._loop.time() + lasting
        self._detail[fault.kind] = fault
        if fault.kind is Kind.DISCONNECT and self.on_disconnect is not None:
            self.on_disconnect(lasting)
        elif fault.kind is Kind.HUB_RESET and self.on_hub_reset is not None:
            self.on_hub_reset(lasting, fault.detail == "swapped")

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

    def _send_now(self, data: bytes) -> None:
        if self._send is not None and data:
            self._send(data)

    def _send_later(self, data: bytes, delay_s: float) -> None:
        self._later(delay_s, lambda: self._send_now(data))

    def _send_in_pieces(self, data: bytes) -> None:
        """After the pieces of the previous reply: bytes do not overtake each other on a line."""
        now, gap_s = self._loop.time(), self._detail[Kind.SPLIT_REPLY].detail_s
        begin = max(now, self._pieces_until)
        for place in range(len(data)):
            self._send_later(data[place : place + 1], begin - now + place * gap_s)
        self._pieces_until = begin + len(data) * gap_s

    def _send_in_batches(self, data: bytes) -> None:
        waiting = bool(self._batch)
        self._batch += data
        if len(self._batch) >= _BATCH:
            self._flush()
        elif not waiting:
            self._later(self._detail[Kind.LATENCY].detail_s, self._flush)

    def _flush(self) -> None:
        batch = bytes(self._batch)
        self._batch.clear()
        self._send_now(batch)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        def arrive() -> None:
            self._late.discard(handle)
            act()

        handle = self._loop.call_later(delay_s, arrive)
        self._late.add(handle)

    def _forget_late(self) -> None:
        for handle in self._late:
            handle.cancel()
        self._late.clear()
        self._batch.clear()
