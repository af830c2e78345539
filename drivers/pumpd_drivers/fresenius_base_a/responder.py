"""What the host must answer at once: acknowledge frames, reply to unasked messages, answer ENQ with DC4.

Promises:
- While a module runs, ENQ is answered only as long as the module is polled within its lease: a hung control loop stops
  answering, and the pump then does whatever it does without DC4 (not public).
- A lapsed lease stays lapsed until the module is stopped or released.
"""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from pumpd.quantities import Duration
from pumpd_drivers.fresenius_base_a.codec import ACK, DC4, ENQ, NAK, Frame, Garbage, Heard, Signal


@dataclass(slots=True)
class _Lease:
    length_s: float
    until: float


@dataclass(slots=True, weakref_slot=True)
class Responder:
    """The host's immediate answers on one port, and the leases of the modules that run on it."""

    leases: dict[int, _Lease] = field(default_factory=dict)

    def respond(self, heard: Heard) -> bytes | None:
        match heard:
            case Signal(byte) if byte == ENQ:
                return Signal(DC4).to_bytes() if self.polled else None
            case Frame(address, _) if heard.letter in ("E", "M"):
                return Signal(ACK).to_bytes() + Frame(address, heard.letter).to_bytes()
            case Frame():
                return Signal(ACK).to_bytes()
            case Garbage() if heard.error:
                return Signal(NAK, heard.error).to_bytes()
        return None

    @property
    def polled(self) -> bool:
        """Whether every running module has been polled within its lease."""
        now = asyncio.get_running_loop().time()
        return all(now < lease.until for lease in self.leases.values())

    def begin(self, module: int, lease: Duration) -> None:
        length_s = lease.ns / 1e9
        self.leases[module] = _Lease(length_s, asyncio.get_running_loop().time() + length_s)

    def renew(self, module: int) -> None:
        now = asyncio.get_running_loop().time()
        if (lease := self.leases.get(module)) and now < lease.until:
            lease.until = now + lease.length_s

    def end(self, module: int) -> None:
        self.leases.pop(module, None)


_responders: WeakValueDictionary[str, Responder] = WeakValueDictionary()


def responder_of(port: str) -> Responder:
    """The responder that the drivers on a port share, for as long as one of them lives."""
    return _responders.setdefault(port, Responder())
