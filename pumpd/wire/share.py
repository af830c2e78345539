"""One port, several pumps: the modules of a rack, the channels of a head, the addresses of a chain.

Each pump's driver joins the port under its own name and gets its side of the link. The port is opened for the first
driver and closed after the last; each side has its own epoch and its own stop, so that stopping one pump does not end
another pump's commands.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from pumpd.pump import Tap
from pumpd.texts import text
from pumpd.wire.errors import PortError
from pumpd.wire.exchanges import Lane, Party, Statistics
from pumpd.wire.line import Framer, LineSettings
from pumpd.wire.link import Link
from pumpd.wire.pace import LineFacts

F = TypeVar("F")


@dataclass(slots=True)
class _Shared:
    link: Link[Any]
    sides: dict[Hashable, "Side[Any]"] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = WeakKeyDictionary()


class Side(Generic[F]):
    """One pump's side of a link, through which its driver exchanges frames."""

    def __init__(self, shared: _Shared, name: Hashable) -> None:
        self._shared, self._name = shared, name
        self._link: Link[F] = shared.link
        self._party: Party[F] = self._link.enter()

    @property
    def port(self) -> str:
        return self._link.port

    @property
    def line(self) -> LineSettings:
        return self._link.line

    @property
    def epoch(self) -> int:
        return self._party.epoch

    @property
    def connected(self) -> bool:
        return self._link.connected

    @property
    def connections(self) -> int:
        """How often the port was opened: after a change, another pump may reply."""
        return self._link.connections

    @property
    def statistics(self) -> Statistics:
        """Of the whole link, all sides together."""
        return self._link.statistics

    @property
    def taps(self) -> list[Tap]:
        """These see all bytes of the whole link, all sides together."""
        return self._link.taps

    @property
    def on_stray(self) -> Callable[[F], None] | None:
        """Receives every frame that answered no request, including frames for other sides."""
        return self._party.on_stray

    @on_stray.setter
    def on_stray(self, hook: Callable[[F], None] | None) -> None:
        self._party.on_stray = hook

    def fileno(self) -> int | None:
        return self._link.fileno()

    def exchange(
        self,
        request: bytes,
        answers: Callable[[F], bool],
        timeout_s: float,
        lane: Lane = Lane.NORMAL,
        epoch: int | None = None,
        *,
        may_repeat: bool = False,
    ) -> Coroutine[Any, Any, F]:
        """As `Link.exchange`, for this side."""
        party = self._party
        return self._link.exchange(request, answers, timeout_s, lane, epoch, party, may_repeat=may_repeat)

    def begin_stop(self) -> None:
        """As `Link.begin_stop`, for this side."""
        self._link.begin_stop(self._party)

    @property
    def insists(self) -> bool:
        """Whether this is the first second of a stop, in which nothing is sent before its frame is answered."""
        return asyncio.get_running_loop().time() < self._party.insists_until

    def unsettle(self) -> None:
        self._link.unsettle()

    async def close(self) -> None:
        """Leave the port; the last side to leave closes it. Harmless when repeated."""
        shared = self._shared
        self._link.leave(self._party)
        if shared.sides.get(self._name) is not self:
            return
        del shared.sides[self._name]
        if not shared.sides:
            _forget(shared)
            await self._link.close()


async def join(
    port: str,
    line: LineSettings,
    make_framer: Callable[[], Framer[F]],
    *,
    name: Hashable = None,
    quiet_s: float = 0.2,
    facts: LineFacts | None = None,
    respond: Callable[[F], bytes | None] | None = None,
    make_link: Callable[..., Link[F]] = Link,
) -> Side[F]:
    """Open the port, or join the drivers that have it open with the same kind of frames.

    Raises PortError (an OSError) when the port cannot be opened, was just lost, or is in use under that name.
    """
    ports = _shared.setdefault(asyncio.get_running_loop(), {})
    shared = ports.get(port)
    if shared is None:
        link = make_link(port, line, make_framer(), quiet_s=quiet_s, facts=facts, respond=respond)
        shared = ports[port] = _Shared(link)
    async with shared.lock:
        if ports.get(port) is not shared:
            raise PortError(text("port.closed_just_now", "port {port}: it was closed just now; try again", port=port))
        if name in shared.sides:
            raise PortError(
                text(
                    "port.used_here",
                    "port {port}: {name} is already in use",
                    port=port,
                    name=name if name is not None else text("port.the_port", "the port"),
                )
            )
        if shared.link.line != line or not shared.link.has_framer(make_framer):
            raise PortError(text("port.other_kind", "port {port}: it is open for another kind of pump", port=port))
        if not shared.sides:
            try:
                await shared.link.open()
            except BaseException:
                _forget(shared)
                raise
        elif not shared.link.connected:
            raise PortError(
                text("port.just_lost", "port {port}: it was just lost, and is being opened again", port=port)
            )
        side: Side[F] = Side(shared, name)
        shared.sides[name] = side
        return side


def _forget(shared: _Shared) -> None:
    ports = _shared.get(asyncio.get_running_loop(), {})
    if ports.get(shared.link.port) is shared:
        del ports[shared.link.port]
