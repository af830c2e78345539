"""A pure bench for the state machine: a pump that keeps its own true volumes, and a shell that carries out actions.

Nothing here is asynchronous. Time is `now_ns`; a started pump flows until its volume, its watchdog or a stop.
The test chooses what the line does to a command: carried out or not, answered or not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from itertools import count

from pumpd.infusion import Infusion, Limits, Place, State, Window, advance, begin
from pumpd.infusion import events as ev
from pumpd.pump import Done, Outcome, PumpAlarm, PumpProgram, PumpState, RateStep, Reading, Refused, Unknown
from pumpd.quantities import NS_PER_S, Duration, Length, Rate, Volume
from pumpd.texts import Text

S = NS_PER_S
MIN = 60 * S
DIAMETER = Length("29.2")
PLACE = Place(session="s-1", gateway="ward-7", pump="bed1", serial="SN-1", channel=1)
PATIENT = "P-1"


def program(*steps: tuple[str, str]) -> PumpProgram:
    return PumpProgram(tuple(RateStep(Rate(r), Volume(v)) for r, v in steps or (("52.5", "35"),)), DIAMETER)


def infusion(
    held: PumpProgram | None = None, now_ns: int = 0, minutes: int = 40, limits: Limits | None = None
) -> Infusion:
    held = held or program()
    return Infusion(
        place=PLACE,
        segment=ev.Segment("digest-1", held),
        prescribed=held.vtbi,
        window=Window.of(Duration(minutes * 60)),
        limits=limits or Limits(),
        accuracy_percent=Decimal(2),
        ordered_ns=now_ns,
        patient=PATIENT,
    )


@dataclass
class Pump:
    """What a pump truly does. `given` is everything that reached the patient, `counter` is what the pump shows."""

    now_ns: int = 0
    held: PumpProgram | None = None
    flowing: bool = False
    counter: Fraction = Fraction(0)
    given: Fraction = Fraction(0)
    watchdog_ns: int | None = None
    heard_ns: int = 0
    alarms: tuple[PumpAlarm, ...] = ()
    rate_error: Fraction = Fraction(1)
    panel_rate: Rate | None = None
    starts: int = 0
    mains: bool | None = None
    battery_left_min: int | None = None

    def until(self, now_ns: int) -> None:
        """Flow up to an instant."""
        end = now_ns
        if self.flowing and self.watchdog_ns is not None and self.heard_ns + self.watchdog_ns <= now_ns:
            end = max(self.now_ns, self.heard_ns + self.watchdog_ns)
        self._flow(end)
        if self.flowing and end < now_ns:
            self.flowing, self.alarms = False, (PumpAlarm.PUMP_WATCHDOG,)
        self.now_ns = now_ns

    def _flow(self, end: int) -> None:
        while self.flowing and self.held and self.now_ns < end:
            left = Fraction(self.held.vtbi.decimal) - self.counter
            step = Fraction(self._step_end()) - self.counter
            rate = Fraction(self.rate.decimal) * self.rate_error / (3600 * S)
            more = min(rate * (end - self.now_ns), step, left)
            self.counter += more
            self.given += more
            if more == left:
                self.flowing = False
                return
            if more < step:
                return
            self.now_ns += int(more / rate)

    def _step_end(self) -> Decimal:
        assert self.held
        total = Decimal(0)
        for step in self.held.steps:
            total += step.volume.decimal
            if self.counter < total:
                return total
        return total

    @property
    def rate(self) -> Rate:
        if self.panel_rate is not None:
            return self.panel_rate
        return self.held.rate_at(self.shown) if self.held else Rate(0)

    @property
    def shown(self) -> Volume:
        """The counter as the pump reports it: hundredths of a millilitre, rounded down."""
        return Volume(Decimal(int(self.counter * 100)) / 100)

    def reading(self, asked_ns: int) -> Reading:
        idle = PumpState.ALARM if any(alarm.stops_flow for alarm in self.alarms) else PumpState.STOPPED
        reported = (PumpState.INFUSING if self.flowing else idle, self.rate, self.shown, self.alarms)
        return Reading(asked_ns, self.now_ns, *reported, mains=self.mains, battery_left_min=self.battery_left_min)


Answer = Callable[[], bool]


@dataclass
class Bench:
    """Carries out actions on the pump. `line` decides each exchange: ok, lost-request, lost-reply, down."""

    infusion: Infusion
    pump: Pump = field(default_factory=Pump)
    now_ns: int = 0
    line: Callable[[str], str] = lambda _what: "ok"
    done: list[ev.Action] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    digests: count = field(default_factory=lambda: count(2))
    auto: bool = True  # answer loads, read-backs and starts at once

    def __post_init__(self) -> None:
        self.infusion, actions = begin(self.infusion)
        self.carry_out(actions)

    @property
    def state(self) -> State:
        return self.infusion.state

    def send(self, event: ev.Event) -> tuple[ev.Action, ...]:
        self.infusion, actions = advance(self.infusion, event)
        self.check_order(actions)
        self.check_messages(actions)
        self.carry_out(actions)
        return actions

    @staticmethod
    def check_messages(actions: tuple[ev.Action, ...]) -> None:
        """What a person is told is a message, so that it can be said in their language."""
        for action in actions:
            match action:
                case ev.Refuse(reasons=reasons):
                    assert all(isinstance(reason, Text) for reason in reasons), reasons
                case ev.Record(kind="state_changed", body=body):
                    assert isinstance(body["reason"], Text), body

    @staticmethod
    def check_order(actions: tuple[ev.Action, ...]) -> None:
        kinds = [type(action) for action in actions]
        if ev.StopPump in kinds:
            assert kinds[0] is ev.StopPump, "a stop goes out before anything else"
            assert kinds.count(ev.StopPump) == 1
            assert ev.StartPump not in kinds
        if ev.StartPump in kinds:
            intent = [a for a in actions if isinstance(a, ev.Record) and a.kind == "intent_start"]
            assert len(intent) == 1, "the intent is journalled with every start"
            assert actions.index(intent[0]) < kinds.index(ev.StartPump), "and before it"

    def carry_out(self, actions: tuple[ev.Action, ...]) -> None:
        for action in actions:
            self.done.append(action)
            match action:
                case ev.StopPump():
                    if self._exchange("stop", self._stop):
                        self.send(ev.StopAnswered(self.now_ns, Done(None)))
                case ev.Refuse(reasons=reasons):
                    self.refused += reasons
                case ev.ReadPump() if self.auto:
                    self.read()
                case ev.LoadProgram(program=held) if self.auto:
                    self.send(ev.ProgramLoaded(self.now_ns, self._outcome("load", lambda held=held: self._load(held))))
                case ev.ReadBackProgram() if self.auto:
                    outcome: Outcome[PumpProgram] = Unknown("no answer")
                    if self._exchange("read_back", lambda: None) and self.pump.held:
                        outcome = Done(self.pump.held)
                    self.send(ev.ProgramReadBack(self.now_ns, outcome))
                case ev.StartPump(watchdog=watchdog):
                    outcome_start = self._outcome("start", lambda watchdog=watchdog: self._start(watchdog))
                    self.send(ev.StartAnswered(self.now_ns, outcome_start))
                case ev.PlanRemainder(delivered=delivered):
                    self.send(ev.SegmentPlanned(self.now_ns, self._remainder(delivered)))

    def _exchange(self, what: str, effect: Callable[[], None]) -> bool:
        """True when the pump's answer arrived."""
        line = self.line(what)
        self.pump.until(self.now_ns)
        if line in ("ok", "lost-reply"):
            self.pump.heard_ns = self.now_ns
            effect()
        return line == "ok"

    def _outcome(self, what: str, effect: Callable[[], None]) -> Outcome[None]:
        return Done(None) if self._exchange(what, effect) else Unknown("no answer")

    def _stop(self) -> None:
        self.pump.flowing = False

    def _load(self, held: PumpProgram) -> None:
        self.pump.held, self.pump.counter, self.pump.alarms, self.pump.panel_rate = held, Fraction(0), (), None

    def _start(self, watchdog: Duration) -> None:
        self.pump.flowing, self.pump.watchdog_ns = True, watchdog.ns
        self.pump.starts += 1

    def _remainder(self, delivered: Volume) -> ev.Segment | None:
        left = self.infusion.segment.program.after(delivered)
        if left is None:
            return None
        return ev.Segment(f"digest-{next(self.digests)}", left)

    # -- what a test calls ------------------------------------------------------------------------------------------

    def read(self) -> None:
        asked = self.now_ns
        if self._exchange("read", lambda: None):
            self.send(ev.ReadingTaken(self.now_ns, self.pump.reading(asked)))
        else:
            self.send(ev.ReadingFailed(self.now_ns, "no answer"))

    def wait(self, ns: int, every: int = S) -> None:
        """Let time pass with a reading every second, as the shell does."""
        end = self.now_ns + ns
        while self.now_ns < end:
            self.now_ns = min(end, self.now_ns + every)
            self.pump.until(self.now_ns)
            if not self.state.ended:
                self.read()

    def silence(self, ns: int, every: int = S) -> None:
        """Let time pass while every reading fails."""
        end = self.now_ns + ns
        while self.now_ns < end:
            self.now_ns = min(end, self.now_ns + every)
            self.pump.until(self.now_ns)
            self.send(ev.ReadingFailed(self.now_ns, "no answer"))

    def challenge(self, nonce: str = "n-1") -> ev.Binding | None:
        """What is to be signed, with the wristband scanned."""
        self.send(ev.ChallengeIssued(self.now_ns, nonce))
        open_ = self.infusion.challenge
        return open_ and replace(open_, wristband=PATIENT)

    def confirm(
        self,
        binding: ev.Binding | None = None,
        request: str = "r-1",
        nonce: str = "n-1",
        associated: str = PATIENT,
    ) -> None:
        binding = binding or self.challenge(nonce)
        assert binding is not None, self.refused
        self.send(ev.ConfirmationGiven(self.now_ns, binding, "nurse-1", request, associated))

    def run(self) -> "Bench":
        """Confirm the order and wait until it is RUNNING."""
        assert self.state is State.READY, (self.state, self.infusion.reason)
        self.confirm()
        self.wait(S)
        assert self.state is State.RUNNING, (self.state, self.infusion.reason, self.refused)
        return self

    def kinds(self) -> list[type]:
        return [type(action) for action in self.done]

    def count(self, kind: type) -> int:
        return self.kinds().count(kind)

    @property
    def given(self) -> Fraction:
        self.pump.until(self.now_ns)
        return self.pump.given


def bench(held: PumpProgram | None = None, **more: object) -> Bench:
    return Bench(infusion(held), **more)


__all__ = ["MIN", "PATIENT", "PLACE", "Bench", "Pump", "Refused", "S", "bench", "infusion", "program"]
