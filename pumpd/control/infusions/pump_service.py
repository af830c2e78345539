"""One pump and the infusion on it: what the rest of control needs from them. `pump_part` runs it.

Promises:
- A stop is sent at once, wherever the request comes from, and overtakes everything that waits.
- Nothing but the state machine's `StartPump` makes this pump flow.
- The deadman is disarmed only once readings have confirmed that the pump stopped, with nothing under way.
- Deadlines depend on time alone, whether or not the pump answers.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from pumpd.control import describe
from pumpd.control.infusions.actions import Actions
from pumpd.control.infusions.alike import Alike
from pumpd.control.infusions.commands import Commands
from pumpd.control.infusions.deadman import PumpDeadman, deadman_event
from pumpd.control.infusions.line_record import LineRecord
from pumpd.control.infusions.polling import Polling
from pumpd.control.infusions.pump_infusion import PumpInfusion
from pumpd.control.infusions.pump_journal import PumpJournal
from pumpd.control.infusions.pump_line import PumpLine
from pumpd.control.infusions.recovery import Recovered
from pumpd.control.infusions.starting import Starting
from pumpd.control.infusions.unprescribed import UnprescribedFlow
from pumpd.control.refused import RefusedError
from pumpd.control.strangers import Strangers
from pumpd.dosing import RateProgram
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion, Limits
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import pump_idle
from pumpd.journal.writer import JournalWriter
from pumpd.known_texts import sentence
from pumpd.pump import Capabilities, Done, Driver, DriverFamily, Identity, Reading, Refused, Unknown
from pumpd.quantities import NS_PER_S
from pumpd.settings import PumpSettings
from pumpd.texts import listed, text

log = structlog.get_logger("pumpd.control")

EARLIER_MOST = 100  # sessions: more than a pump has in a day
AGE_DOUBT_S = 1.0  # a client's age of a stop may be wrong by that much


class PumpService:
    """`on_change` is called when the infusion changes state, and when an alarm comes or goes.

    `others` gives all pumps of the gateway, `came_back` is called when a pump that cannot show which one it is answers
    after a silence, `last_check` gives the gateway's objection to the start that is about to be sent; empty when there
    is none.
    """

    def __init__(
        self,
        settings: PumpSettings,
        family: type[DriverFamily],
        journal: JournalWriter,
        clock: Clock,
        limits: Limits,
        deadman_socket: Path,
        line: LineRecord,
        strangers: Strangers,
        *,
        on_change: Callable[["PumpService"], None],
        last_check: Callable[["PumpService"], str],
        others: Callable[[], Sequence["PumpService"]],
        came_back: Callable[["PumpService"], None],
    ) -> None:
        self.settings, self.family, self.limits = settings, family, limits
        self._ordered_ns: int | None = None  # of the loop: when the present infusion was ordered, if that was here
        self._earlier: deque[str] = deque(maxlen=EARLIER_MOST)  # sessions that have ended on this pump
        self.patient = ""  # with whom this pump is associated; `association` sets it
        self.pause_reason: str | None = None  # why a person paused; empty until given, None: there is nothing to ask
        self._clock, self._strangers = clock, strangers
        self._journal = own = PumpJournal(settings.name, journal, clock)
        self._current = PumpInfusion(own, self._carry_out, self._stop_ours)
        self.line = PumpLine(
            settings,
            family,
            line,
            lambda body: own.note("frame", body),
            idle=lambda: not self._current.active,
            may_note=lambda body: strangers.may_of_pump(settings.name, "frame", body),
            came_back=lambda: self._came_back(came_back),
        )
        self._alike = Alike(
            settings,
            lambda: self.unmarked,
            lambda: [other for other in others() if other is not self],
            _stop_others,
        )
        self.deadman = PumpDeadman(settings.port, deadman_socket, own.note, self._deadman_reports)
        self.unprescribed = UnprescribedFlow(settings.name, limits, own.note_of, self._stop_ours)
        starting = Starting(self._current, self.line, self.deadman, own, clock, limits, lambda: last_check(self))
        self._commands = Commands(
            self._current, self.line, starting, self.deadman, self.unprescribed, own, strangers, clock
        )
        self._actions = Actions(
            self._current,
            self._commands,
            self.line,
            self.deadman,
            own,
            clock,
            lambda: on_change(self),
            self._alike.stop,
        )
        self._polling = Polling(
            settings.port,
            self._current,
            self._commands,
            self.line,
            self.deadman,
            self.unprescribed,
            own,
            clock,
            limits,
            lambda reason: self.stop(ev.PUMPD, reason),
            self._alike,
            simulated=settings.simulated,
            monitor_only=family.monitor_only,
        )

    # -- what it is now ----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def infusion(self) -> Infusion | None:
        return self._current.infusion

    @property
    def program(self) -> RateProgram | None:
        return self._current.program

    @property
    def capabilities(self) -> Capabilities | None:
        return self._current.capabilities

    @property
    def driver(self) -> Driver | None:
        return self.line.driver

    @property
    def identity(self) -> Identity | None:
        return self.line.identity

    @property
    def reading(self) -> Reading | None:
        return self._polling.reading

    @property
    def problem(self) -> str:
        """Why the pump is not available; empty when it is."""
        return self._polling.problem

    def not_available(self) -> list[str]:
        """`problem` as a reason against an order or a confirmation."""
        if not self.problem:
            return []
        return [text("pump.not_available", "pump: {pump} is not available: {why}", pump=self.name, why=self.problem)]

    def absent(self) -> list[str]:
        """Why it is known now that nothing can be started: it is not available, or was asked again which pump it is,
        and has not said it yet.

        A pump that takes its time for another answer is not absent.
        """
        if self.problem or self.identity is not None:
            return self.not_available()
        return [why] if (why := self.line.not_proven()) else []

    @property
    def last_turn_ns(self) -> int:
        """When the pump's loop last came round, as evidence for the watchdog."""
        return self._polling.last_turn_ns

    @property
    def missing(self) -> bool:
        """The pump did not answer the last polls."""
        return self.line.missing

    @property
    def active(self) -> bool:
        return self._current.active

    @property
    def may_flow(self) -> bool:
        return self._current.may_flow

    @property
    def unmarked(self) -> bool:
        """The pump cannot show which one it is, or did not when it last answered."""
        return self.line.unmarked

    @property
    def stopped(self) -> bool:
        """Nothing may flow, and readings confirm it (STP-04)."""
        return self._polling.stopped

    # -- what may be asked of it -------------------------------------------------------------------------------------

    def order(
        self, infusion: Infusion, program: RateProgram, capabilities: Capabilities, asked: Mapping[str, Any]
    ) -> None:
        """Begin an infusion; `asked` is for its record. The caller has checked that none is active (STA-14)."""
        if self._current.session:
            self._earlier.append(self._current.session)
        self._current.begin(infusion, program, capabilities, asked, self.identity)
        self.pause_reason = None
        self._ordered_ns = self._clock.loop_ns()

    def recover(self, left: Recovered) -> None:
        """Continue with an infusion that another process had under way: what may flow is stopped, and nothing continues
        by itself.
        """
        self._current.recover(left.infusion, left.program, left.capabilities)
        self.unprescribed.holds(left.session)
        body = {"state": left.infusion.state.value, "resumable": left.program is not None, "moved_ns": left.moved_ns}
        self._journal.note("recovered", body)
        log.error("infusion_recovered", pump=self.name, state=left.infusion.state.value)
        if left.why_stopped and not left.infusion.state.may_flow:
            self.stop(ev.PUMPD, left.why_stopped)  # before anything else ends it with a reason that may be untrue
        self.feed(ev.ControlRestarted(self._now()))
        if left.why_stopped and left.infusion.state.may_flow:
            self.stop(ev.PUMPD, left.why_stopped)

    def feed(self, event: ev.Event) -> tuple[str, ...]:
        """Apply an event to the infusion. Returns the reasons when it was a request and is refused."""
        return self._current.feed(event)

    def stop_now(self) -> None:
        """Send a stop that overtakes everything, and drop the waiting commands (STP-02). Asked for twice, it is sent
        once.
        """
        self._commands.stop_now()

    def stop(self, by: str, reason: str, *, switching: bool = False) -> None:
        """Stop this pump: always, at once, with or without an infusion.

        What is written of a stop that ends nothing is limited: anyone can ask for it.
        """
        self.stop_now()
        reason = sentence(reason)  # what was sent is plain text
        asked = {"by": by, "reason": reason}
        if by == ev.PUMPD or (self.infusion is not None and self.infusion.takes_stop):
            self.feed(ev.StopRequested(self._now(), by, reason, switching))
        elif not self._strangers.may_of_pump(self.name, "stop_requested", asked):
            return
        self._journal.note("stop_requested", asked)

    def explain_pause(self, by: str, reason: str) -> None:
        """Record why the last pause of the infusion was made."""
        self.pause_reason = reason
        pause = 0 if self.infusion is None else self.infusion.pauses
        self._journal.note("pause_explained", {"by": by, "pause": pause, "reason": reason})

    def too_late(self, of_session: str | None, age_s: float | None) -> str:
        """Why a stop of this session, or of this age, must not end what is under way here; empty if it is to stop.

        Only if it is certain that the infusion under way began after the stop was asked for. In every doubt, the stop
        counts.
        """
        if not self.active or of_session == self._current.session:
            return ""
        began_after = of_session in self._earlier
        if not began_after and age_s is not None and self._ordered_ns is not None:
            began_after = self._clock.loop_ns() - self._ordered_ns < int((age_s - AGE_DOUBT_S) * NS_PER_S)
        if not began_after:
            return ""
        return text(
            "stop.too_late",
            "The infusion for which this stop was asked has already ended. Another one began on {pump} "
            "since; it was not stopped. To stop it, ask again",
            pump=self.name,
        )

    async def stop_answered(self) -> None:
        """Wait until a stop under way is answered, but no longer than that may take."""
        await self._commands.stop_answered()

    def _came_back(self, tell: Callable[["PumpService"], None]) -> None:
        """A pump of the right kind answers, and cannot show which one it is."""
        log.warning("pump_not_proven", pump=self.name)
        self._journal.note("pump_not_proven", {"others": self._alike.exist})
        if self.active:
            why = text("identity.link_was_lost", "the link was lost, and nothing shows which pump answers now")
            self.feed(ev.PumpDoubted(self._now(), why, self._alike.exist))
        tell(self)

    def identified_by(self, by: str) -> None:
        """A person has shown that the pump on this line is this one."""
        self.line.proved_by = by
        self._journal.note("pump_proven", {"by": by})
        if self.active:
            self.feed(ev.PumpIdentified(self._now(), by))

    async def signal(self, times: int) -> None:
        """Let the pump signal to a person. Raises RefusedError."""
        if self.driver is None or not self.line.identified or self.reading is None or not self.reading.state.no_flow:
            raise RefusedError(
                text(
                    "identify.no_answer",
                    "identify: {pump} does not answer, or flows; stop it at the pump first",
                    pump=self.name,
                )
            )
        match await self.line.call(self.driver.signal(times)):
            case Refused(reasons=reasons):
                raise RefusedError(*reasons)
            case Unknown(cause=cause):
                raise RefusedError(
                    text(
                        "identify.signal_unknown",
                        "identify: it is not known whether the pump signalled: {cause}",
                        cause=cause,
                    )
                )
            case Done():
                pass

    async def test_stop(self, within_s: float) -> str:
        """Send a stop to this pump while it is idle. Returns why it was not sent or not done in time, or an empty text.

        Nothing is sent to a pump that may flow, has an infusion, or may be another one.
        """
        if self.active or self.unprescribed.stopping or self.family.monitor_only:
            return text(
                "test.may_flow",
                "{pump} may flow, has an infusion or is only monitored: it was not sent a stop",
                pump=self.name,
            )
        if self.driver is None:
            return text("test.no_answer", "{pump} does not answer", pump=self.name)
        if why := self.line.not_proven():
            return why
        await self.stop_answered()  # one that was just asked for would refuse the reading
        found = await self.line.call(self.driver.read())
        if not isinstance(found, Done):
            return text("test.not_read", "{pump} cannot be read: {why}", pump=self.name, why=describe.outcome(found))
        if reasons := pump_idle.objections(found.value):
            return listed(reasons)
        outcome = await self._commands.test_stop(within_s)
        return (
            ""
            if isinstance(outcome, Done)
            else text("test.stop_not_confirmed", "a stop was not confirmed: {why}", why=describe.outcome(outcome))
        )

    async def test_deadman(self) -> bool:
        """Whether this pump has a deadman on its port; it was then started and answers. Raises GuardError."""
        return self.driver is not None and await self.deadman.test(self.driver)

    async def wait_stopped(self, within_s: float) -> None:
        """Wait until readings confirm that nothing flows and the deadman is disarmed, at most for this time."""
        if self.may_flow or self.deadman.armed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._polling.at_rest()

    # -- what runs it ------------------------------------------------------------------------------------------------

    def _stop_ours(self) -> None:
        self._commands.stop_ours()

    def _carry_out(self, actions: Sequence[ev.Action], by: str) -> None:
        self._actions.carry_out(actions, by)

    async def run(self) -> None:
        """Poll and send until cancelled. If it ends in any other way, that is a defect in pumpd."""
        await self._polling.run()

    def let_time_pass(self) -> None:
        """Check what is due by now, whether or not the pump answers."""
        self.unprescribed.let_time_pass(self._now())
        if self.active:
            self._current.let_time_pass(self._now())

    def _deadman_reports(self, why: str) -> None:
        if self.active:
            self.feed(deadman_event(why, self.capabilities, self._now()))

    def _now(self) -> int:
        return self._clock.monotonic_ns()


def _stop_others(pumps: Iterable[PumpService], why: str) -> None:
    stop_all(pumps, ev.PUMPD, why)


def stop_all(pumps: Iterable[PumpService], by: str, reason: str, *, switching: bool = False) -> list[str]:
    """Stop these pumps: a stop goes to every one of them before anything is written or shown about any of them.

    Returns the names of those for which pumpd failed; such a failure keeps no other pump from its stop.
    """
    pumps, failed = list(pumps), dict[str, None]()

    def stop(pump: PumpService) -> None:
        pump.stop(by, reason, switching=switching)

    for step in (PumpService.stop_now, stop):
        for pump in pumps:
            try:
                step(pump)
            except Exception:  # any defect
                log.exception("stop_failed", pump=pump.name)
                failed[pump.name] = None
    return list(failed)
