"""The link: requests and replies over one port, one exchange at a time, with a lane in which a stop jumps the queue.

Promises:
- One exchange is in flight at a time, so at most one frame is ever waiting in the kernel.
- A reply is a frame that the request in flight accepts as its own; every other frame is discarded, counted and passed
  to `on_stray`. A frame that came together with a reply never counts as the reply to the next request.
- After a time-out (or `unsettle()`) a NORMAL exchange waits until the line has been quiet, and what comes is discarded.
- A STOP exchange waits only for the one exchange in flight, and for no lost reply (see `pace`): then it passes it.
  Everything that its party queued fails as certainly not sent, and so does every NORMAL exchange that the party
  requests until the stop is answered; a sequence that began before (see `epoch`) ends there. Other parties' exchanges
  wait, and continue after it.
- In the first second of a stop (`begin_stop`), its frame is sent again until it is answered, with nothing between.
- A request that was passed keeps its own reply, however late: a frame that it accepts never answers the stop.
- Bytes that came and were no reply are in the error of the exchange: answered and not understood is not silence. What
  the line returns of what was sent (an echo) is removed and is never a reply (see `heard`).
- Frames that the protocol requires to be answered at once (`respond`: an acknowledgement) are answered on arrival.
- A STOP is sent even when the task that requested it is cancelled; a queued NORMAL exchange is then not sent.
- A refused request lets others run: a plain loop of requests never keeps a stop from being sent.
- When the port is lost, everything fails at once and states whether it may have been sent. Nothing is kept for the new
  connection and nothing is sent again.
- A lost port is opened again with growing, jittered, capped pauses; the log records the loss once and the return once.
- `close` ends within a bound, whatever the port does.
"""

import asyncio
import random
from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

import structlog

from pumpd.pump import Tap
from pumpd.texts import of_error, text
from pumpd.wire.back_off import BackOff
from pumpd.wire.errors import LinkLostError, NotSentError, OvertakenError, PortError, ReplyTimeoutError
from pumpd.wire.exchanges import Job, Lane, Party, Statistics
from pumpd.wire.heard import Heard
from pumpd.wire.line import Direction, Framer, LineSettings, Opener, Transport
from pumpd.wire.pace import FIRST_S, LineFacts, Pace
from pumpd.wire.transport import open_transport
from pumpd.wire.waiting import Waiting

F = TypeVar("F")

CLOSE_TIMEOUT_S = 1.0

log = structlog.get_logger("pumpd.wire")


class Link(Generic[F]):
    """One port, for one pump or for several parties (see `share`). After a change of `connections`, which counts how
    often it was opened, another pump may reply.
    """

    def __init__(
        self,
        port: str,
        line: LineSettings,
        framer: Framer[F],
        *,
        quiet_s: float = 0.2,
        facts: LineFacts | None = None,
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
        self._pace = Pace(line, facts or LineFacts())
        self._back_off = back_off or BackOff()
        self._chance = random.Random(seed)  # noqa: S311 - jitter, not a secret
        self._transport: Transport | None = None
        self._flight: Job[F] | None = None
        self._heard: Heard[F] = Heard()
        self._waiting: Waiting[F] = Waiting()
        self._quiet_at = self._quiet_limit = 0.0
        self._timer: asyncio.TimerHandle | None = None  # one for all exchanges, never after what is due next
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
            closed = NotSentError(text("link.side_closed", "this pump's side of the link was closed"))
            self._waiting.fail_queued(party, closed)

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
        self._pace.forget()
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
        self._waiting.fail_all(lambda job: LinkLostError(why, sent=job.times > 0))

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
            await asyncio.sleep(0)  # a plain loop of requests must let others run
            raise LinkLostError(self._gone, sent=False)
        party = party or self._own
        future: asyncio.Future[F] = self._loop.create_future()
        job = Job(party, lane, request, answers, timeout_s, may_repeat, future)
        if lane is not Lane.NORMAL:
            self._overtake(job)
            return await asyncio.shield(job.future)
        if party.stopping or (epoch is not None and epoch != party.epoch):
            self.statistics.overtaken += 1
            await asyncio.sleep(0)
            raise OvertakenError(text("link.overtaken", "a stop or a lost connection came first"))
        self._waiting.queue.append(job)
        if self._flight is None:
            self._next()
        return await job.future

    def begin_stop(self, party: Party[F] | None = None) -> None:
        """Until FIRST_S from now, the stop frame of this pump is sent again until it is answered."""
        party = party or self._own
        party.insists_until, party.stops_owed = self._loop.time() + FIRST_S, 0

    def unsettle(self, from_s: float = 0.0) -> None:
        """A frame of no request may still come, also after `from_s`: NORMAL exchanges wait for a quiet line."""
        self._quiet_at = max(self._loop.time(), from_s) + self._quiet_s
        self._quiet_limit = self._quiet_at + 9 * self._quiet_s
        if self._settling is None:
            self._settling = self._loop.call_at(self._quiet_at, self._settle)

    def _overtake(self, job: Job[F]) -> None:
        party, now = job.party, self._loop.time()
        party.epoch += 1
        party.stopping += 1
        job.future.add_done_callback(party.stop_ended)
        overtaken = OvertakenError(text("link.stop_first", "a stop came first"))
        self.statistics.overtaken += self._waiting.fail_queued(party, overtaken)
        if job.lane is Lane.STOP and party.stops_owed and now < party.insists_until:
            at = self._pace.question_at(now, party.stop_sent_at, self._pace.again_s(job.request))
            if at is None:
                job.fail(ReplyTimeoutError(text("link.stop_first", "a stop came first")))
                return
            job.due = at
        self._waiting.stops.append(job)
        self._proceed()

    def _next(self) -> None:
        """Send the next request: a stop; otherwise, on a quiet line, the oldest one that is still awaited."""
        waiting = self._waiting
        while self._flight is None and self._transport is not None:
            if waiting.stops:
                stop = waiting.take_stop(self._loop.time())
                if stop is None:
                    return
                self._send(self._transport, stop)
            elif waiting.queue and self._settling is None:
                job = waiting.queue.popleft()
                if not job.future.done():
                    self._send(self._transport, job)
            else:
                return

    def _send(self, transport: Transport, job: Job[F]) -> None:
        if not (self._waiting.passed and self._pace.interrupts):
            self._framer.reset()  # a partial frame from before cannot be part of the reply
        try:
            transport.write(job.request)
        except LinkLostError as error:
            job.fail(LinkLostError(of_error(error), sent=job.times > 0))
            self._lose(of_error(error))
            return
        if job is self._flight:
            self._heard.again()
        else:
            self._heard.begin(job.request, may_repeat=job.may_repeat)
        self._flight = job
        job.sent_at = now = self._loop.time()
        job.times += 1
        job.again_at = inf
        if job.times == 1:
            job.deadline = now + job.timeout_s
            self.statistics.exchanges += 1
        if now < job.party.insists_until and job.lane is not Lane.NORMAL:
            self._hasten(job, now)
        self._wake_at(min(job.deadline, job.again_at))
        self.statistics.bytes_out += len(job.request)
        if self.taps:
            self._show(Direction.OUT, job.request)

    def _hasten(self, job: Job[F], now: float) -> None:
        """In the first second of a stop, its frame is never long in coming again, whatever is not answered."""
        party, again_s = job.party, self._pace.again_s(job.request)
        if job.lane is Lane.STOP_FRAME:
            party.stop_sent_at = now
            party.stops_owed += 1
            if now + again_s < party.insists_until:
                job.again_at = now + again_s
        else:
            until = self._pace.asked_until(now, party.stop_sent_at, again_s, owed=party.stops_owed > 0)
            job.deadline = min(job.deadline, until)
            job.timeout_s = job.deadline - now

    def _wake_at(self, instant: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= instant:
                return  # it fires before, and is then set again
            self._timer.cancel()
        self._timer = self._loop.call_at(instant, self._timed)

    def _timed(self) -> None:
        self._timer = None
        now, flight = self._loop.time(), self._flight
        for job in [job for job in self._waiting.passed if now >= job.deadline]:
            self._give_up(job)
        if flight is not None and (now >= flight.deadline or (now >= flight.again_at and self._heard.frames)):
            self._flight = None  # in vain; who asked for a stop, and got an answer that is none, sends the next one
            self.statistics.timeouts += 1
            flight.fail(self._heard.why_unanswered(flight.timeout_s - (flight.deadline - now), self.line))
            self.unsettle()
        self._proceed()

    def _proceed(self) -> None:
        """Send what is due, and wake when more will be."""
        self._next()
        waiting, now, flight = self._waiting, self._loop.time(), self._flight
        if flight is not None and self._transport is not None:
            if now >= waiting.passes_from(flight, self._pace.patience_s):
                self._pass(flight)
            elif now >= flight.again_at:
                self._send(self._transport, flight)
        instants = [job.deadline for job in waiting.passed]
        if (flight := self._flight) is not None:
            instants += (flight.deadline, flight.again_at, waiting.passes_from(flight, self._pace.patience_s))
        elif waiting.stops:
            instants.append(min(job.due for job in waiting.stops))
        if instants:
            self._wake_at(min(instants))

    def _pass(self, flight: Job[F]) -> None:
        """A stop no longer waits for this reply, which may still come."""
        self._flight = None
        flight.unanswered = flight.unanswered or self._heard.why_unanswered(flight.timeout_s, self.line)
        self._waiting.passed_by_stop(flight)
        self.unsettle(flight.deadline)
        self._next()

    def _give_up(self, job: Job[F]) -> None:
        """The reply to a request that was passed does not come any more."""
        self._waiting.take_out(job)
        self.statistics.timeouts += 1
        if job.unanswered is not None:
            job.fail(job.unanswered)

    def _settle(self) -> None:
        self._settling = None
        now = self._loop.time()
        if now < self._quiet_at or self._flight is not None:
            if now >= self._quiet_limit:
                self._quiet_limit = now + 10 * self._quiet_s
                not_quiet = NotSentError(text("link.not_quiet", "the line does not become quiet"))
                self._waiting.fail_queued(None, not_quiet)
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
            self._quiet_at = max(self._quiet_at, self._loop.time() + self._quiet_s)
        echoes = self._heard.echoes
        first, *rest = self._heard.without_echo(data)
        self._read(first)
        for piece in rest:
            self._framer.reset()
            self._read(piece)
        if self._heard.echoes and not echoes:
            log.warning("line_echoes", port=self.port, why="the line returns what is sent: an adapter that echoes")
        if self._waiting.stops:
            self._proceed()
        elif self._flight is None:
            self._next()

    def _read(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if self._respond is not None and (response := self._respond(frame)):
                self._write_response(response)
            job = self._flight
            ours = job is not None and job.answers(frame)
            if self._waiting.passed and (earlier := self._waiting.accepting(frame)):
                self._answered_late(earlier, frame, ours=ours)
            elif job is not None and ours:
                self._answered(job, frame)
            else:
                self._discard(frame)

    def _answered_late(self, job: Job[F], frame: F, *, ours: bool) -> None:
        """A passed request accepts this frame. If the one in flight does too, it is nobody's: the stop comes again."""
        if ours:
            self._give_up(job)
            self._stray(frame)
        else:
            self._waiting.take_out(job)
            self._answered(job, frame)

    def _discard(self, frame: F) -> None:
        if (flight := self._flight) is not None:
            self._heard.frames.append(frame)
            if flight.again_at < inf:
                flight.again_at = min(flight.again_at, max(self._loop.time(), flight.sent_at + self._pace.soon_s))
                self._wake_at(flight.again_at)
        self._stray(frame)

    def _stray(self, frame: F) -> None:
        self.statistics.discarded += 1
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

    def _answered(self, job: Job[F], frame: F) -> None:
        statistics = self.statistics
        statistics.answered += 1
        statistics.rtt_last_s = rtt = self._loop.time() - job.sent_at
        statistics.rtt_worst_s = max(statistics.rtt_worst_s, rtt)
        if job is self._flight:
            self._in_order(job, rtt)
        if job.future.done():  # the requesting task was cancelled
            statistics.discarded += 1
        else:
            job.future.set_result(frame)

    def _in_order(self, job: Job[F], rtt: float) -> None:
        """A pump answers in order: what it was asked before this has no answer any more."""
        self._flight = None
        if job.times == 1:
            self._pace.answered(rtt)
        if job.lane is not Lane.NORMAL:  # a question that is answered in time was answered after all stops before it
            job.party.stops_owed = job.party.stops_owed - 1 if job.lane is Lane.STOP_FRAME else 0
        for each in [each for each in self._waiting.passed if each.party is job.party]:
            self._give_up(each)

    def _show(self, direction: Direction, data: bytes) -> None:
        """A tap that raises must not hold up the line: it is removed, and this is logged."""
        at_ns = int(self._loop.time() * 1e9)
        for tap in tuple(self.taps):
            try:
                tap(direction, data, at_ns)
            except Exception:
                self.taps.remove(tap)
                log.exception("tap_removed", port=self.port)
