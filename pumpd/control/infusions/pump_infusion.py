"""The infusion on one pump: events go in, the actions of the state machine come out and are carried out at once.

Promises:
- Every event is in the journal, except passing time that changes nothing; so the journal gives the same infusion again.
- A defect in the state machine, or in what carries out its actions, reaches no caller and ends in a stop that is
  repeated until readings confirm it: nothing continues (PWR-03).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from pumpd.control import describe
from pumpd.control.infusions.pump_journal import PumpJournal
from pumpd.dosing import RateProgram
from pumpd.infusion import Infusion, State, advance, begin
from pumpd.infusion import events as ev
from pumpd.infusion.record import event_to_data, to_data
from pumpd.pump import Capabilities, Identity
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

CarryOut = Callable[[Sequence[ev.Action], str], None]


OVERDUE_PERCENT = 110  # of the time between two polls


class PumpInfusion:
    """`carry_out` is given the actions of an event, and who caused it: a person or "pumpd". `stop_now` sends a stop."""

    def __init__(self, journal: PumpJournal, carry_out: CarryOut, stop_now: Callable[[], None]) -> None:
        self.infusion: Infusion | None = None
        self.program: RateProgram | None = None
        self.capabilities: Capabilities | None = None
        self._journal, self._carry_out, self._stop_now = journal, carry_out, stop_now

    @property
    def active(self) -> bool:
        return self.infusion is not None and not self.infusion.state.ended

    @property
    def may_flow(self) -> bool:
        return self.infusion is not None and self.infusion.state.may_flow

    @property
    def session(self) -> str:
        return self.infusion.place.session if self.infusion is not None else ""

    def begin(
        self,
        infusion: Infusion,
        program: RateProgram,
        capabilities: Capabilities,
        asked: Mapping[str, Any],
        identity: Identity | None,
    ) -> None:
        infusion, actions = begin(infusion)
        self._hold(infusion, program, capabilities)
        body = {**asked, "infusion": to_data(infusion), "identity": describe.identity(identity)}
        self._journal.note("began", body)
        self._carry_out(actions, "pumpd")

    def recover(self, infusion: Infusion, program: RateProgram | None, capabilities: Capabilities | None) -> None:
        """Hold an infusion that another process had under way, in the state it left."""
        self._hold(infusion, program, capabilities)

    def _hold(self, infusion: Infusion, program: RateProgram | None, capabilities: Capabilities | None) -> None:
        self.infusion, self.program, self.capabilities = infusion, program, capabilities
        self._journal.session = infusion.place.session

    def let_time_pass(self, now_ns: int) -> None:
        """Feed the passing of time, if that changes anything."""
        event = ev.TimePassed(now_ns)
        if self.infusion is not None and not _just_checked(self.infusion, now_ns) and _matters(self.infusion, event):
            self.feed(event)

    def feed(self, event: ev.Event) -> tuple[str, ...]:
        """Apply an event to the infusion. Returns the reasons when it was a request and is refused."""
        if self.infusion is None:
            return (text("infusion.none", "there is no infusion on this pump"),)
        self._journal.note("happened", event_to_data(event))  # a journal failure here is fed first
        try:
            self.infusion, actions = advance(self.infusion, event)
            self._carry_out(actions, getattr(event, "by", "pumpd"))
        except Exception as error:  # any defect in pumpd must end in a stop
            log.exception("infusion_failed", pump=self._journal.pump)
            self._stop_now()
            self._journal.note("internal_error", {"error": repr(error), "event": type(event).__name__})
            why = text("infusion.failed", "pumpd failed and stops the pump: {error}", error=error)
            if not isinstance(event, ev.StopRequested):  # so that the stop is repeated until readings confirm it
                self.feed(ev.StopRequested(event.at_ns, "pumpd", why))
            return (why,)
        return tuple(reason for action in actions if isinstance(action, ev.Refuse) for reason in action.reasons)


def _just_checked(infusion: Infusion, now_ns: int) -> bool:
    """While it runs, each reading asks every interlock; time alone is asked once a reading is overdue."""
    if infusion.state is not State.RUNNING or infusion.reading is None:
        return False
    return now_ns - infusion.reading.answered_ns < infusion.limits.poll_ns * OVERDUE_PERCENT // 100


def _matters(infusion: Infusion, event: ev.Event) -> bool:
    try:
        after, actions = advance(infusion, event)
    except Exception:  # noqa: BLE001  # `feed` raises it again, and stops the pump
        return True
    return after is not infusion or bool(actions)
