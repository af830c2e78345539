"""The cables of a bench: which pump is at the end of which port, and what people and hubs do to them.

Ports and pumps have the same names: at first each port leads to the pump of its name. After `swap("bed1", "bed2")` a
host at port bed1 speaks with pump bed2. Plants, keys and `truth()` stay with their pump, whatever leads to it.

    bench.swap("bed1", "bed2", away_s=0.4)     # both ports vanish and come back with the other pump
    bench.pull("bed1", "bed2", away_s=2)       # both vanish together, and come back as they were
    bench.reset_hub(away_s=2, swapped=True)    # all ports vanish together; each comes back with the next one's pump
    bench.move("bed1", to="bed2")              # bed1's pump is now at port bed2; nothing is at port bed1
    bench.double("bed1", "bed2")               # both ports lead to the pump at bed1
    bench.join("bed1", "bed2")                 # both pumps are at port bed1, on one line; nothing is at port bed2
    bench.restore()                            # every port leads to its own pump again

Each takes `away_s`, in seconds of the loop's time, and `seen=False` for a cable that is moved at the pump's end: the
adapter and its port stay, and the host sees only silence.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from pumpd_simulators.device import Device, Peer, Send
from pumpd_simulators.line import Line


class CableError(ValueError):
    """There is no such port, or a cable cannot be moved like that. The message lists the ports."""


class Port(Protocol):
    """What serves an outlet to hosts. Both are harmless when repeated."""

    def unplug(self) -> None:
        """The host loses the port, which cannot be opened until `plug`."""
        ...

    def plug(self) -> None: ...


class Pump(Peer, Protocol):
    @property
    def device(self) -> Device: ...

    @property
    def line(self) -> Line: ...


class _PumpEnd:
    """A pump and the ports with a host from which a cable leads to it. All of them receive what it sends."""

    def __init__(self, name: str, pump: Pump) -> None:
        self.name, self.pump = name, pump
        self._hosts: list[Send] = []

    def enter(self, host: Send) -> None:
        self._hosts.append(host)
        if len(self._hosts) == 1:
            self.pump.attach(self._send)

    def leave(self, host: Send) -> None:
        self._hosts.remove(host)
        if not self._hosts:
            self.pump.detach()

    def _send(self, data: bytes) -> None:
        for host in tuple(self._hosts):
            host(data)


class Outlet:
    """A port's end towards the pumps: the peer that a port in memory, a pseudo-terminal or a TCP port serves.

    `port` is what serves it now; without one, moving a cable is silence and nothing else.
    """

    def __init__(self, end: _PumpEnd) -> None:
        self.port: Port | None = None
        self._ends: tuple[_PumpEnd, ...] = (end,)
        self._device = end.pump.device
        self._host: Send | None = None

    @property
    def device(self) -> Device:
        """The pump whose speed the line has; that of the last one while nothing is plugged in."""
        return self._device

    def attach(self, send: Send) -> None:
        self._host = send
        for end in self._ends:
            end.enter(send)

    def opened(self) -> None:
        """A host opened a port that is attached all the time."""
        for end in self._ends:
            end.pump.line.opened()

    def feed(self, data: bytes) -> None:
        for end in self._ends:
            end.pump.feed(data)

    def detach(self) -> None:
        if self._host is not None:
            for end in self._ends:
                end.leave(self._host)
            self._host = None

    def lead_to(self, ends: Iterable[_PumpEnd]) -> None:
        host = self._host
        self.detach()
        self._ends = tuple(ends)
        if self._ends:
            self._device = self._ends[0].pump.device
        if host is not None:
            self.attach(host)


class Cables:
    """The outlets of all pumps, by name, and what is done to their cables. See the module's text for the operations.

    They raise CableError for a name that is not a port. An operation on a port that is still away replaces the one
    before: the port comes back at the later operation's time.
    """

    def __init__(self, pumps: Mapping[str, Pump]) -> None:
        self._ends = {name: _PumpEnd(name, pump) for name, pump in pumps.items()}
        self.outlets = {name: Outlet(end) for name, end in self._ends.items()}
        self._leads: dict[str, tuple[str, ...]] = {name: (name,) for name in pumps}
        self._back: dict[str, asyncio.TimerHandle] = {}
        for name, pump in pumps.items():
            pump.line.on_disconnect = lambda seconds, name=name: self.pull(*self.ports_of(name), away_s=seconds)
            pump.line.on_hub_reset = lambda seconds, swapped: self.reset_hub(away_s=seconds, swapped=swapped)

    def serve(self, serve: Callable[[str, Outlet], Port]) -> None:
        """Serve every outlet under its name: `bench.serve(memory.serve)`."""
        for name, outlet in self.outlets.items():
            outlet.port = serve(name, outlet)

    def pumps_at(self, port: str) -> tuple[str, ...]:
        """The pumps at the end of a port, once it is back."""
        self._known(port)
        return self._leads[port]

    def ports_of(self, pump: str) -> tuple[str, ...]:
        """The ports from which a cable leads to the pump."""
        self._known(pump)
        return tuple(port for port, pumps in self._leads.items() if pump in pumps)

    def pull(self, *ports: str, away_s: float, seen: bool = True) -> None:
        """These ports vanish together and come back together, as they were."""
        self._wire({port: self.pumps_at(port) for port in ports}, away_s, seen=seen)

    def reset_hub(self, *, away_s: float, swapped: bool = False) -> None:
        """All ports vanish together. If they come back swapped, each leads to what was at the next one."""
        ports = tuple(self.outlets)
        behind = (*ports[1:], ports[0]) if swapped else ports
        self._wire({port: self.pumps_at(other) for port, other in zip(ports, behind, strict=True)}, away_s, seen=True)

    def swap(self, a: str, b: str, *, away_s: float = 0.0, seen: bool = True) -> None:
        """Each port leads to what was at the other."""
        self._wire({a: self.pumps_at(b), b: self.pumps_at(a)}, away_s, seen=seen)

    def move(self, a: str, to: str, *, away_s: float = 0.0, seen: bool = True) -> None:
        """What was at port `a` is at port `to`. Nothing is at port `a`; what was at `to` has no port."""
        self._two(a, to)
        self._wire({a: (), to: self.pumps_at(a)}, away_s, seen=seen)

    def double(self, a: str, b: str, *, away_s: float = 0.0, seen: bool = True) -> None:
        """Port `b` leads to the pump at port `a` too; what was at `b` has no port. Port `a` does not vanish."""
        self._two(a, b)
        self._wire({b: self.pumps_at(a)}, away_s, seen=seen)

    def join(self, a: str, b: str, *, away_s: float = 0.0, seen: bool = True) -> None:
        """Port `a` leads to both pumps, as on one line: both hear the host, and both answer. Nothing is at `b`."""
        self._two(a, b)
        both = dict.fromkeys((*self.pumps_at(a), *self.pumps_at(b)))
        self._wire({a: tuple(both), b: ()}, away_s, seen=seen)

    def restore(self, *, away_s: float = 0.0, seen: bool = True) -> None:
        """Every port whose cable was moved leads to its own pump again."""
        self._wire({port: (port,) for port, pumps in self._leads.items() if pumps != (port,)}, away_s, seen=seen)

    def shut(self) -> None:
        """The end of the simulation: no timer is left."""
        for timer in self._back.values():
            timer.cancel()
        self._back.clear()

    def _wire(self, leads: Mapping[str, tuple[str, ...]], away_s: float, *, seen: bool) -> None:
        ports = tuple(leads)
        self._leads |= leads
        for port in ports:
            outlet = self.outlets[port]
            if (timer := self._back.pop(port, None)) is not None:
                timer.cancel()
            if seen and outlet.port is not None:
                outlet.port.unplug()
            outlet.lead_to(())
        if away_s > 0:
            for port in ports:
                self._back[port] = asyncio.get_running_loop().call_later(away_s, self._return, (port,))
        else:
            self._return(ports)

    def _return(self, ports: Sequence[str]) -> None:
        for port in ports:
            self._back.pop(port, None)
            outlet = self.outlets[port]
            outlet.lead_to(self._ends[name] for name in self._leads[port])
            # A port that nothing is plugged into is there if the cable was moved at the pump's end; otherwise not.
            if outlet.port is not None and self._leads[port]:
                outlet.port.plug()

    def _two(self, a: str, b: str) -> None:
        if a == b:
            raise CableError(f"{a} is one port; two are needed")

    def _known(self, name: str) -> None:
        if name not in self._ends:
            raise CableError(f"there is no port {name!r}; known: {', '.join(self._ends)}")


def outlet(pump: Pump) -> Outlet:
    """The outlet of a pump that is alone on its bench."""
    return Cables({"pump": pump}).outlets["pump"]
