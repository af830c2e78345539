"""The link: requests and replies over one port, one exchange at a time, with a lane in which a stop jumps the queue.

Promises:
- One exchange is in flight at a time, so at most one frame is ever waiting in the kernel.
- A reply is a frame that the request in flight accepts as its own; every other frame is discarded, counted and passed
  to `on_stray`. A frame that came together with a reply never counts as the reply to the next request.
- After a time-out (or `unsettle()`) a NORMAL exchange waits until the line has been quiet, and what comes is discarded.
- A STOP exchange waits only for the one exchange in flight. Everything that its party queued fails as certainly not
  sent, and so does every NORMAL exchange that the party requests until the stop is answered; a sequence that began
  before (see `epoch`) ends there. Other parties' exchanges wait, and continue after it.
- Bytes that came and were no reply are in the error of the exchange: answered and not understood is not silence. What
  the line returns of what was sent (an echo) is removed and is never a reply (see `heard`).
- Frames that the protocol requires to be answered at once (`respond`: an acknowledgement) are answered on arrival.
- A STOP is sent even when the task that requested it is cancelled; a queued NORMAL exchange is then not sent.
- When the port is lost, everything fails at once and states whether it may have been sent. Nothing is kept for the new
  connection and nothing is sent again.
- A lost port is opened again with growing, jittered, capped pauses; the log records the loss once and the return once.
- `close` ends within a bound, whatever the port does.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Generic, Protocol, TypeVar

import structlog

from pumpd.pump import Tap
from pumpd.texts import of_error, text
from pumpd.wire.errors import (
    LinkLostError,
    NotSentError,
    OvertakenError,
    PortError,
    WireError,
)
from pumpd.wire.heard import Heard
from pumpd.wire.line import LineSettings, OnBytes, OnLost, Transport
from pumpd.wire.transport import open_transport

F = TypeVar("F")

CLOSE_TIMEOUT_S = 1.0

log = structlog.get_logger("pumpd.wire")


class Lane(Enum):
    NORMAL = "normal"
    STOP = "stop"


class Direction(StrEnum):
    OUT = "out"
    IN = "in"


class Framer(Protocol[F]):
    """Bytes to frames, without a clock."""

    def feed(self, data: bytes) -> list[F]: ...

    def reset(self) -> None:
        """Drop a partial frame."""
        ...


Opener = Callable[[str, LineSettings, OnBytes, OnLost], Awaitable[Transport]]


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses between tries to open a lost port: `first_s`, doubled up to `cap_s`, each shortened by up to half."""

    first_s: float = 0.25
    cap_s: float = 10.0

    def pause(self, tries: int, chance: random.Random) -> float:
        return min(self.cap_s, self.first_s * 2.0 ** min(tries, 30)) * (1 - chance.random() / 2)


@dataclass(slots=True)
class Statistics:
    """Counts since the link was created."""

    exchanges: int = 0
    answered: int = 0
    timeouts: int = 0
    discarded: int = 0
    overtaken: int = 0
    lost: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    rtt_last_s: float = 0.0
    rtt_worst_s: float = 0.0


@dataclass(slots=True, eq=False)
class Party(Generic[F]):
    """One of the pumps that share a link, as the link sees it.

    `epoch` changes with every requested stop and every lost connection: a sequence of commands notes it when it begins
    and passes it to each exchange, which is refused once the sequence has been overtaken.
    """

    epoch: int = 0
    on_stray: Callable[[F], None] | None = None
    stopping: int = 0  # stops requested and not yet ended


@dataclass(slots=True, eq=False)
class _Job(Generic[F]):
    party: Party[F]
    request: bytes
    answers: Callable[[F], bool]
    timeout_s: float
    may_repeat: bool
    future: "asyncio.Future[F]"
    sent_at: float = 0.0
    deadline: float = 0.0

    def fail(self, error: WireError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Link(Generic[F]):
    """One port and its exchanges, for one pump or for several parties (see `share`).

    `connections` counts how often the port was opened: after a change, another pump may reply.
    """

    def __init__(
        self,
        port: str,
        line: LineSettings,
        framer: Framer[F],
        *,
        quiet_s: float = 0.2,
        back_off: BackOff | None = None,
        seed: int | None = None,
        opener: Opener = open_transport,
        respond: Callable[[F], bytes | None] | None = None,
    ) -> None:
        self.port, self.line = port, line
        self.connections = 0
        self.statistics = Statistics()
        self.taps: list[Tap] = []  # these see all bytes, in both directions
        self._respond = respond
        self._own: Party[F] = Party()
        self._parties: list[Party[F]] = [self._own]
        self.on_change: Callable[[bool], None] | None = None
        self._framer, self._quiet_s, self._opener = framer, quiet_s, opener
        self._back_off = back_off or BackOff()
        self._chance = random.Random(seed)  # noqa: S311 - jitter, not a secret
        self._transport: Transport | None = None
        self._flight: _Job[F] | None = None
        self._heard: Heard[F] = Heard()
        self._stops: deque[_Job[F]] = deque()
        self._queue: deque[_Job[F]] = deque()
        self._quiet_at = self._quiet_limit = 0.0
        self._timer: asyncio.TimerHandle | None = None  # one for all exchanges, never after the present deadline
        self._settling: asyncio.TimerHandle | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._closed = False
        self._gone: str = text("link.not_open", "not open yet")

    # -- parties ---------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        return self._own.epoch

    @property
    def on_stray(self) -> Callable[[F], None] | None:
        return self._own.on_stray

    @on_stray.setter
    def on_stray(self, hook: Callable[[F], None] | None) -> None:
        self._own.on_stray = hook

    def enter(self) -> Party[F]:
        """Add a party to this link."""
        party: Party[F] = Party()
        self._parties.append(party)
        return party

    def has_framer(self, make_framer: Callable[[], Framer[F]]) -> bool:
        """Whether this link uses the same kind of framer."""
        return type(make_framer()) is type(self._framer)

    def leave(self, party: Party[F]) -> None:
        """Remove a party; whatever it still had queued is certainly not sent."""
        if party in self._parties:
            self._parties.remove(party)
            self._fail_queued(party, NotSentError(text("link.side_closed", "this pump's side of the link was closed")))

    # -- the connection --------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def fileno(self) -> int | None:
        """The port's descriptor, for the process that stops the pump when this process no longer can."""
        return self._transport.fileno() if self._transport else None

    async def open(self) -> None:
        """Open the port once. Raises PortError (an OSError); nothing is retried until the port has been open."""
        if self._closed or self._transport is not None:
            raise PortError(
                text("link.is_closed", "port {port}: this link is closed", port=self.port)
                if self._closed
                else text("link.is_open", "port {port}: this link is already open", port=self.port)
            )
        self._loop = asyncio.get_running_loop()
        self._framer.reset()
        self._adopt(await self._opener(self.port, self.line, self._on_bytes, self._lose))

    def _adopt(self, transport: Transport) -> None:
        if self._closed:
            transport.close()
            raise PortError(
                text(
                    "link.closed_while_opened",
                    "port {port}: this link was closed while the port was being opened",
                    port=self.port,
                )
            )
        self._transport = transport
        self._heard = Heard()  # this may be another line
        self.connections += 1
        if self.on_change:
            self.on_change(True)

    async def close(self) -> None:
        """Fail everything queued, close the port, stop trying to reopen it. Harmless when repeated."""
        self._closed = True
        self._drop(text("link.closed", "closed"))
        task, self._reopening = self._reopening, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_TIMEOUT_S)

    def _lose(self, why: str) -> None:
        if self._transport is None:
            return
        log.warning("link_lost", port=self.port, why=why)
        self._drop(why)
        self.statistics.lost += 1
        self._reopening = self._loop.create_task(self._reopen())
        if self.on_change:
            self.on_change(False)

    def _drop(self, why: str) -> None:
        self._gone = why
        for party in self._parties:
            party.epoch += 1
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.fail(LinkLostError(why, sent=True))
        for queue in (self._stops, self._queue):
            while queue:
                queue.popleft().fail(LinkLostError(why, sent=False))

    async def _reopen(self) -> None:
        tries = 0
        while not self._closed:
            await asyncio.sleep(self._back_off.pause(tries, self._chance))
            tries += 1
            try:
                await self.open()
            except OSError as error:
                self._gone = of_error(error)
            else:
                log.info("link_restored", port=self.port, tries=tries)
                return

    # -- exchanges -------------------------------------------------------------------------------------------

    async def exchange(
        self,
        request: bytes,
        answers: Callable[[F], bool],
        timeout_s: float,
        lane: Lane = Lane.NORMAL,
        epoch: int | None = None,
        party: Party[F] | None = None,
        *,
        may_repeat: bool = False,
    ) -> F:
        """Send a request and wait for its reply, at most `timeout_s` after it was sent.

        `may_repeat`: by the protocol, the reply may be the request itself, byte for byte. It is then told from an echo
        only on a line that has echoed before.

        Raises NotSentError (OvertakenError) when nothing was sent, ReplyTimeoutError when it was sent and no reply came
        (NotUnderstoodError when something else did), LinkLostError, whose `sent` distinguishes the two, when the port
        is gone.
        """
        if self._transport is None:
            raise LinkLostError(self._gone, sent=False)
        party = party or self._own
        job: _Job[F] = _Job(party, request, answers, timeout_s, may_repeat, self._loop.create_future())
        if lane is Lane.STOP:
            self._overtake(job)
            return await asyncio.shield(job.future)
        if party.stopping or (epoch is not None and epoch != party.epoch):
            self.statistics.overtaken += 1
            raise OvertakenError(text("link.overtaken", "a stop or a lost connection came first"))
        self._queue.append(job)
        if self._flight is None:
            self._next()
        return await job.future

    def unsettle(self) -> None:
        """A frame that belongs to no request may still come: let NORMAL exchanges wait until the line is quiet."""
        now = self._loop.time()
        self._quiet_at = now + self._quiet_s
        self._quiet_limit = now + 10 * self._quiet_s
        if self._settling is None:
            self._settling = self._loop.call_at(self._quiet_at, self._settle)

    def _overtake(self, job: _Job[F]) -> None:
        party = job.party
        party.epoch += 1
        party.stopping += 1
        job.future.add_done_callback(lambda future: self._stop_ended(party, future))
        self.statistics.overtaken += self._fail_queued(
            party, OvertakenError(text("link.stop_first", "a stop came first"))
        )
        self._stops.append(job)
        self._next()

    def _fail_queued(self, party: Party[F], error: WireError) -> int:
        """Fail everything that a party has queued; returns how many exchanges failed."""
        queued = [job for job in self._queue if job.party is party]
        for job in queued:
            self._queue.remove(job)
            job.fail(error)
        return len(queued)

    @staticmethod
    def _stop_ended(party: Party[F], future: "asyncio.Future[F]") -> None:
        party.stopping -= 1
        if not future.cancelled():
            future.exception()  # seen, even when the task that requested the stop was cancelled

    def _next(self) -> None:
        """Send the next request: a stop; otherwise, on a quiet line, the oldest one that is still awaited."""
        while self._flight is None and self._transport is not None:
            if self._stops:
                self._send(self._transport, self._stops.popleft())
            elif self._queue and self._settling is None:
                job = self._queue.popleft()
                if not job.future.done():
                    self._send(self._transport, job)
            else:
                return

    def _send(self, transport: Transport, job: _Job[F]) -> None:
        self._framer.reset()  # a partial frame from before cannot be part of the reply
        try:
            transport.write(job.request)
        except LinkLostError as error:
            job.fail(error)
            self._lose(of_error(error))
            return
        self._flight = job
        self._heard.begin(job.request, may_repeat=job.may_repeat)
        job.sent_at = self._loop.time()
        job.deadline = job.sent_at + job.timeout_s
        self._wake_at(job.deadline)
        self.statistics.exchanges += 1
        self.statistics.bytes_out += len(job.request)
        if self.taps:
            self._show(Direction.OUT, job.request)

    def _wake_at(self, deadline: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return  # it fires earlier, and is then set again
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._timed)

    def _timed(self) -> None:
        self._timer = None
        job = self._flight
        if job is None:
            return
        if self._loop.time() < job.deadline:
            self._wake_at(job.deadline)
        else:
            self._expire(job)

    def _expire(self, job: _Job[F]) -> None:
        self._flight = None
        self.statistics.timeouts += 1
        job.fail(self._heard.why_unanswered(job.timeout_s, self.line))
        self.unsettle()
        self._next()

    def _settle(self) -> None:
        self._settling = None
        now = self._loop.time()
        if now < self._quiet_at or self._flight is not None:
            if now >= self._quiet_limit:
                self._quiet_limit = now + 10 * self._quiet_s
                while self._queue:
                    self._queue.popleft().fail(NotSentError(text("link.not_quiet", "the line does not become quiet")))
            if self._flight is not None:
                self._quiet_at = now + self._quiet_s
            self._settling = self._loop.call_at(self._quiet_at, self._settle)
            return
        self._next()

    def _on_bytes(self, data: bytes) -> None:
        statistics = self.statistics
        statistics.bytes_in += len(data)
        if self.taps:
            self._show(Direction.IN, data)
        if self._settling is not None:
            self._quiet_at = self._loop.time() + self._quiet_s
        echoes = self._heard.echoes
        first, *rest = self._heard.without_echo(data)
        self._read(first)
        for piece in rest:
            self._framer.reset()
            self._read(piece)
        if self._heard.echoes and not echoes:
            log.warning("line_echoes", port=self.port, why="the line returns what is sent: an adapter that echoes")
        if self._flight is None:
            self._next()

    def _read(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if self._respond is not None and (response := self._respond(frame)):
                self._write_response(response)
            job = self._flight
            if job is not None and job.answers(frame):
                self._answered(job, frame)
            else:
                self._discard(frame)

    def _discard(self, frame: F) -> None:
        self.statistics.discarded += 1
        if self._flight is not None:
            self._heard.frames.append(frame)
        for party in self._parties:
            if party.on_stray is not None:
                party.on_stray(frame)

    def _write_response(self, response: bytes) -> None:
        if self._transport is None:
            return
        try:
            self._transport.write(response)
        except LinkLostError as error:
            self._lose(of_error(error))
            return
        self._heard.responded(response)
        self.statistics.bytes_out += len(response)
        if self.taps:
            self._show(Direction.OUT, response)

    def _answered(self, job: _Job[F], frame: F) -> None:
        self._flight = None
        statistics = self.statistics
        statistics.answered += 1
        statistics.rtt_last_s = rtt = self._loop.time() - job.sent_at
        statistics.rtt_worst_s = max(statistics.rtt_worst_s, rtt)
        if job.future.done():  # the requesting task was cancelled
            statistics.discarded += 1
        else:
            job.future.set_result(frame)

    def _show(self, direction: Direction, data: bytes) -> None:
        """A tap that raises must not hold up the line: it is removed, and this is logged."""
        at_ns = int(self._loop.time() * 1e9)
        for tap in tuple(self.taps):
            try:
                tap(direction, data, at_ns)
            except Exception:
                self.taps.remove(tap)
                log.exception("tap_removed", port=self.port)
