"""The part of a driver that is the same for every family: outcomes, identity, limits, questions, the alarm latch.

Promises:
- A question (`ask`) is repeated after a silence and after an answer that was not understood, at most three times, and
  once after a refusal: the pump may have received something else. A command (`send_once`) is sent once, whatever the
  reply; so is a start.
- A start is sent only after the pump itself reported exactly the program that was loaded.
- A stop is sent again after whatever was not a confirmation, `stop_tries` times within one call. In its first second
  its frame alone is sent until it is answered (`Lane.STOP_FRAME`), and a question after it is not repeated.
- A pump that was not identified on this very connection is neither programmed nor started (COM-10). Reading and
  stopping are always allowed.
- A program that does not fit the pump is refused before the first byte.
- An alarm, once latched, is in every reading until a program is loaded or the pump released (RUN-11).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pumpd.driving.asking import RETRIES, DeclinedError, UnansweredError, outcome, port_failed, timed_out
from pumpd.driving.codec import Codec
from pumpd.driving.fit import program_reasons
from pumpd.driving.settings import DriverSettings
from pumpd.pump import (
    Assumption,
    Capabilities,
    Container,
    Identity,
    Mark,
    Outcome,
    PumpAlarm,
    PumpProgram,
    Reading,
    StopFrames,
    Tap,
)
from pumpd.quantities import Duration, Length, Volume
from pumpd.texts import listed, of_error, text
from pumpd.wire import FIRST_S, Lane, NotUnderstoodError, Side, WireError

ENOUGH = 2  # answers in a row, each to a stop of its own, of which only the state could be read

F = TypeVar("F")


class LinkDriver(ABC, Generic[F]):
    """A driver on one side of a link. A family implements the abstract methods.

    They raise DeclinedError for what was certainly not done and UnansweredError for what was sent without a trustworthy
    reply. `epoch` is passed to every exchange of a sequence, which a stop or a lost connection then ends.
    """

    family: ClassVar[str]
    title: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    assumptions: ClassVar[tuple[Assumption, ...]]
    monitor_only: ClassVar[bool] = False
    syringes: ClassVar[Mapping[str, Length]] = {}
    marks: ClassVar[tuple[Mark, ...]] = ()
    signals: ClassVar[str] = ""
    codec: ClassVar[Codec]
    longest_reply: ClassVar[int] = 80  # bytes, for the time that a reply takes on the line
    reply_may_come_twice: ClassVar[bool] = False  # after a silence; the second would answer a later question
    stop_tries: ClassVar[int] = 6  # within one call; the caller repeats the call until the stop is confirmed
    late_answers: ClassVar[int] = 12  # of one call, each as late as `reply_timeout_s` allows, retries included

    def __init__(self, link: Side[F], settings: DriverSettings) -> None:
        self.link = link
        self.alarms: dict[PumpAlarm, None] = {}  # in order of arrival
        self._settings_base = settings
        self._identified_on: int | None = None  # the connection on which the pump was identified
        self._loaded: PumpProgram | None = None  # what a start would run; a family forgets it where a load is used up

    # -- what a family implements ----------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities: ...

    @classmethod
    def own_address(cls, settings: Mapping[str, Any]) -> str | None:  # noqa: ARG003  # for a family that has addresses
        """The network address that only a pump which was given it answers to; None without one."""
        return None

    @classmethod
    def reports_serial(cls, settings: Mapping[str, Any]) -> bool:  # noqa: ARG003  # for a family where it depends
        """Whether a pump with these settings reports its serial number, if `marks` has that."""
        return True

    @abstractmethod
    async def _identify(self, epoch: int) -> Identity: ...

    @abstractmethod
    async def _read(self) -> Reading: ...

    @abstractmethod
    async def _load(self, program: PumpProgram, epoch: int) -> None: ...

    @abstractmethod
    async def _read_back(self, epoch: int) -> PumpProgram: ...

    @abstractmethod
    async def _start(self, watchdog: Duration, epoch: int) -> None:
        """Right after the pump reported that it holds `_loaded`."""

    async def _stop_once(self) -> None:
        """Send one stop, and return only when the pump then reports no flow; otherwise raise with what it reports."""
        raise NotImplementedError

    def flow_in(self, frame: F) -> bool | None:  # noqa: ARG002  # for a family with a status in every reply
        """What a frame of this pump reports, although it is no answer: flow, no flow, or None where that is unclear."""
        return None

    @abstractmethod
    async def _release(self, epoch: int) -> None: ...

    # -- the driver API --------------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        """How often the port was opened. After a change the pump must be identified again."""
        return self.link.connections

    @property
    def taps(self) -> list[Tap]:
        """These see all bytes of the port, including those of other pumps that share it."""
        return self.link.taps

    @property
    def stop_frames(self) -> StopFrames | None:
        """None: stopping this family needs replies."""
        return None

    @property
    def longest_call_s(self) -> float:
        line_s = self.link.line.time_for(2 * self.longest_reply)
        return FIRST_S + self.late_answers * (self._settings_base.reply_timeout_s + line_s)

    def fileno(self) -> int | None:
        return self.link.fileno()

    async def identify(self) -> Outcome[Identity]:
        return await outcome(self._identify_on_connection())

    async def read(self) -> Outcome[Reading]:
        return await outcome(self._read())

    async def load(self, program: PumpProgram) -> Outcome[None]:
        return await outcome(self._load_what_fits(program, self.link.epoch))

    async def read_back(self) -> Outcome[PumpProgram]:
        return await outcome(self._read_back(self.link.epoch))

    async def start(self, watchdog: Duration) -> Outcome[None]:
        return await outcome(self._start_what_was_loaded(watchdog, self.link.epoch))

    async def stop(self) -> Outcome[None]:
        return await outcome(self._stop())

    async def release(self) -> Outcome[None]:
        return await outcome(self._release_and_clear_alarms(self.link.epoch))

    async def signal(self, times: int) -> Outcome[None]:
        """Refused unless a family replaces `_signal`, and says in `signals` what a person then perceives."""
        return await outcome(self._signal(times, self.link.epoch))

    async def _signal(self, times: int, epoch: int) -> None:  # noqa: ARG002  # for a family that can
        raise DeclinedError(
            text("identify.cannot_show", "{family} pumps cannot show a person which one they are", family=self.family)
        )

    async def close(self) -> None:
        """Release the port. Sends nothing: a flow then ends by the pump's loss-of-control behaviour."""
        await self.link.close()

    # -- its parts -------------------------------------------------------------------------------------------

    async def _identify_on_connection(self) -> Identity:
        self._identified_on, connection = None, self.connections
        identity = await self._identify(self.link.epoch)
        if self.connections != connection:
            raise DeclinedError(
                text("link.lost_while_identifying", "the connection was lost while the pump was being identified")
            )
        self._identified_on = connection
        return identity

    def _unidentified(self) -> list[str]:
        """Why the pump counts as unidentified; empty when it was identified on this connection."""
        if self._identified_on == self.connections:
            return []
        return [
            text("link.not_identified", "the pump has not been identified on this connection: it may be another one")
        ]

    def _unfit(self, program: PumpProgram) -> list[str]:
        least = min(step.rate for step in program.steps)
        container = Container("as programmed", program.vtbi, Volume(0), least, program.diameter)
        try:
            return program_reasons(program, self.capabilities(container, self._settings_base.model_dump()))
        except ValueError as error:
            return [of_error(error)]

    async def _load_what_fits(self, program: PumpProgram, epoch: int) -> None:
        if reasons := [*self._unidentified(), *self._unfit(program)]:
            raise DeclinedError(*reasons)
        self._loaded = None
        await self._load(program, epoch)
        self._loaded = program
        self.alarms.clear()

    async def _start_what_was_loaded(self, watchdog: Duration, epoch: int) -> None:
        """Raises DeclinedError with every difference between what was loaded and what the pump reports."""
        if reasons := self._unidentified():
            raise DeclinedError(*reasons)
        loaded = self._loaded
        if loaded is None:
            raise DeclinedError(text("start.nothing_loaded", "no program was loaded for this start: load one first"))
        try:
            held = await self._read_back(epoch)
        except UnansweredError as error:
            raise DeclinedError(
                text(
                    "start.not_read_back",
                    "not started, because the program could not be read back: {why}",
                    why=of_error(error),
                )
            ) from error
        if differences := loaded.differences(held):
            raise DeclinedError(
                text(
                    "start.holds_other",
                    "the pump does not hold what was loaded ({differences}): load it again",
                    differences=listed(differences),
                )
            )
        await self._start(watchdog, epoch)

    async def _stop(self) -> None:
        """Stop, again after whatever was no confirmation. Raises the last problem."""
        told = tried = 0
        problem: Exception = UnansweredError(text("stop.not_sent", "the stop was not sent"))
        self.link.begin_stop()
        while tried < self.stop_tries:
            try:
                await self._stop_once()
            except (DeclinedError, UnansweredError) as error:
                if port_failed(error) and not tried:
                    raise
                problem = error
                tried += not (timed_out(error) and self.link.insists)
                if port_failed(error):
                    break
                told = told + 1 if self._flow_told(error) is False else 0
                if told == ENOUGH:
                    return
            else:
                return
        raise UnansweredError(of_error(problem)) from problem.__cause__

    def _flow_told(self, error: Exception) -> bool | None:
        """What could be read in an answer that was not understood as a whole. One report of flow outweighs all else."""
        if not isinstance(error.__cause__, NotUnderstoodError):
            return None
        reports = {self.flow_in(frame) for frame in error.__cause__.frames} - {None}
        return None if not reports else True in reports

    async def _release_and_clear_alarms(self, epoch: int) -> None:
        await self._release(epoch)
        self._loaded = None
        self.alarms.clear()

    def latch(self, alarm: PumpAlarm) -> None:
        self.alarms[alarm] = None

    # -- exchanges -------------------------------------------------------------------------------------------

    async def ask(
        self,
        request: bytes,
        accepts: Callable[[F], bool],
        *,
        refuses: Callable[[F], bool] = lambda _: False,
        lane: Lane = Lane.NORMAL,
        epoch: int | None = None,
    ) -> F:
        """A question: it changes nothing at the pump, so it is repeated when no reply to it came, and once when the
        reply `refuses` it. Within a stop it is not: the stop itself is then sent again.
        """
        missed = refused = 0
        while True:
            try:
                answer = await self.send_once(request, accepts, epoch, lane=lane)
            except UnansweredError as error:
                missed += 1
                if missed > RETRIES or lane is not Lane.NORMAL or not timed_out(error):
                    raise
            else:
                if missed and self.reply_may_come_twice:
                    self.link.unsettle()
                if refused or lane is not Lane.NORMAL or not refuses(answer):
                    return answer
                refused += 1

    async def send_once(
        self,
        request: bytes,
        accepts: Callable[[F], bool],
        epoch: int | None,
        *,
        lane: Lane = Lane.NORMAL,
        may_repeat: bool = False,
    ) -> F:
        """A command, sent once. `may_repeat`: the protocol confirms it by repeating it (see `pumpd.wire.Link`)."""
        timeout_s = self._settings_base.reply_timeout_s + self.link.line.time_for(len(request) + self.longest_reply)
        try:
            return await self.link.exchange(request, accepts, timeout_s, lane, epoch, may_repeat=may_repeat)
        except WireError as error:
            why = text("pump.request", "{request}: {why}", request=_readable(request), why=of_error(error))
            raise (UnansweredError(why) if error.sent else DeclinedError(why)) from error


def _readable(request: bytes) -> str:
    """A request in an error message: its text when it is text, else its bytes."""
    text = request.decode("ascii", "replace").strip()
    return text if text.isprintable() and text.isascii() else request.hex(" ")
