"""One event as it is applied to an infusion: the verbs from which the state machine is built.

A Turn lives for one call of `advance`, collects the actions in order, and makes no transition that the table does not
list.
"""

from typing import Any

from pumpd.infusion.events import Action, ClearAlarm, RaiseAlarm, ReadPump, Record, Refuse, ReleasePump, StopPump
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import TRANSITIONS, State
from pumpd.pump import AlarmCode, word
from pumpd.texts import text


class ImpossibleTransitionError(RuntimeError):
    """A transition that the table of states does not list: a defect in pumpd. Control then stops the pump."""


class Turn:
    def __init__(self, infusion: Infusion, now_ns: int) -> None:
        self.infusion = infusion
        self.now_ns = now_ns
        self.actions: list[Action] = []

    def set(self, **changes: Any) -> None:
        self.infusion = self.infusion.but(**changes)

    def do(self, *actions: Action) -> None:
        self.actions.extend(actions)

    def refuse(self, *reasons: str) -> None:
        self.do(Refuse(reasons))

    def go(self, state: State, reason: str, **changes: Any) -> None:
        """Move to another state; the transition is recorded, and an end is summed up."""
        old = self.infusion.state
        if state not in TRANSITIONS[old]:
            raise ImpossibleTransitionError(f"{old} -> {state}: {reason}")
        if old.may_flow and not state.may_flow:
            changes["counted_when_stopped"] = self.infusion.counted
        self.set(state=state, since_ns=self.now_ns, reason=reason, **changes)
        body = {"from": old.value, "to": state.value, "may_flow": state.may_flow, "reason": reason}
        self.do(Record("state_changed", body))
        self.clear_alarms(_notices_over(state))
        if state.ended:
            self._sum_up()

    def send_stop(self) -> None:
        """Put the stop first in the list, once."""
        if not any(isinstance(action, StopPump) for action in self.actions):
            self.actions.insert(0, StopPump())
            self.set(stop_sent_ns=self.now_ns)

    def stop_flow(self, into: State, why: str, then: State, **changes: Any) -> None:
        """Move to a state that repeats the stop until it is confirmed; permission ends here."""
        self.send_stop()
        if not self.infusion.state.ending:  # a stop under way keeps the instant at which it began
            changes |= {"stop_since_ns": self.now_ns, "no_flow_since_ns": None}
        self.go(into, why, then=then, lease_until_ns=None, confirmed=None, **changes)
        self.do(ReadPump())

    def trip(self, code: AlarmCode, why: str) -> None:
        self.latch(code)
        self.stop_flow(State.STOPPING, text("trip.why", "{code}: {why}", code=word(code), why=why), then=State.TRIPPED)

    def load_failed(self, why: str) -> None:
        """The pump did not take the program: an order is over, a remainder trips."""
        if self.never_flowed:
            self.go(State.ABANDONED, why)
        else:
            self.latch(AlarmCode.START_FAILED)
            self.go(State.TRIPPED, why)

    def put_aside(self, code: AlarmCode, why: str) -> None:
        """A remainder that was being prepared trips. Its load may have been carried out, and nobody knows."""
        unknown = self.infusion.load_unknown or self.infusion.state is State.LOADING
        self.latch(code)
        self.go(State.TRIPPED, why, confirmed=None, read_back=None, load_unknown=unknown)

    @property
    def never_flowed(self) -> bool:
        """No start was sent, and no flow was seen that a person started at the pump."""
        return self.infusion.started_ns is None and self.infusion.state is not State.TRIPPED

    def latch(self, code: AlarmCode) -> None:
        if code not in self.infusion.trips:
            self.set(trips=(*self.infusion.trips, code), tripped=(*self.infusion.tripped, (code, self.now_ns)))
        self.raise_alarm(code)

    def raise_alarm(self, code: AlarmCode) -> None:
        if code not in self.infusion.alarms:
            self.set(alarms=self.infusion.alarms | {code})
            self.do(RaiseAlarm(code))

    def clear_alarms(self, codes: frozenset[AlarmCode]) -> None:
        gone = codes & self.infusion.alarms
        if gone:
            self.set(alarms=self.infusion.alarms - gone)
            self.do(*(ClearAlarm(code) for code in sorted(gone)))

    def _sum_up(self) -> None:
        infusion, window = self.infusion, self.infusion.window
        running = infusion.running_ns(self.now_ns)
        flowed = infusion.started_ns is not None
        body = {
            "outcome": infusion.state.value,
            "reason": infusion.reason,
            "stopped_by": _ipec(infusion),  # STP-10
            "delivered_ml": infusion.delivered.number,
            "booked_ml": infusion.booked(self.now_ns).number,
            "undelivered_ml": infusion.remaining.number,
            "running_s": f"{running / 1e9:.1f}",
            "elapsed_s": f"{infusion.elapsed_ns(self.now_ns) / 1e9:.1f}",
            "off_window": flowed and not window.least_ns <= running <= window.most_ns,  # WIN-06
        }
        self.do(Record("infusion_ended", body), ReleasePump())


def _notices_over(state: State) -> frozenset[AlarmCode]:
    """A notice of what is about to end ends with it."""
    over = set() if state is State.RUNNING else {AlarmCode.NEAR_END}
    if state.may_flow or state.ended:
        over.add(AlarmCode.PAUSE_ENDING)
    return frozenset(over)


def _ipec(infusion: Infusion) -> str:
    """IPEC's word for what ended it: a person, who may have wanted another source; or not specified."""
    if not infusion.stopped_by or infusion.stopped_by.startswith("pumpd"):
        return "not-specified"
    return "switching-source" if infusion.switching else "by-clinician"
