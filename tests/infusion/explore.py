"""Every order of events, breadth first: `advance()` beside a model of the pump, judged by the truth of that pump.

    python -m tests.infusion.explore [--nodes N] [--slice NAME] [--mutants] [--doc]

Time goes in ticks of five seconds and volume in units of 0.03 mL, half of what flows in a tick. Every limit is a few
ticks, so that the step before it, at it and after it are all walked. What is explored, and what the abstraction
leaves out, is in docs/explanations/exploration.md.

- `World` is the pump as it truly is, what is still under way on the line, and what a witness who trusts nothing but
  events and actions wrote down. No rule asks the infusion whether it was allowed to do what it did.
- `HAPPENINGS` is the alphabet. A new event is one function here, and a name in the slices that shall know it.
- `RULES` are the properties. Each is a function of one step; those over paths are in `Explorer.judge_paths`.
"""

import argparse
import resource
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from math import ceil
from typing import NamedTuple

from pumpd.infusion import Infusion, Limits, Place, State, Window, advance, begin
from pumpd.infusion import events as ev
from pumpd.infusion.states import TRANSITIONS
from pumpd.infusion.turn import ImpossibleTransitionError
from pumpd.pump import AlarmCode, Done, PumpAlarm, PumpProgram, PumpState, RateStep, Reading, Refused, Unknown
from pumpd.quantities import NS_PER_S, Length, Rate, Volume

TICK = 5 * NS_PER_S
UNIT = Decimal("0.03")  # mL
RATE, ALTERED = Rate("43.2"), Rate("64.8")  # 43.2 mL/h is two units a tick
NORMAL = 2  # units a tick
OVER = 3  # units: the most that is not above 0.1 mL
PLACE = Place(session="s-1", gateway="ward-7", pump="bed1", serial="SN-1")
FLOW = frozenset({State.STARTING, State.RUNNING, State.COMPLETING})
STANDING = frozenset({State.LOADING, State.READY, State.ARMED, State.PAUSED, State.TRIPPED})
NEVER = 99
FORGED = {
    "nonce": "another",
    "digest": "another",
    "serial": "SN-2",
    "channel": 2,
    "session": "s-2",
    "gateway": "ward-8",
    "expires_ns": 10**18,
}


@cache
def volume(units: int) -> Volume:
    return Volume(UNIT * units)


@cache
def units(millilitres: Volume) -> int:
    return int(millilitres.decimal / UNIT)


@cache
def program(vtbi: int, rate: Rate = RATE) -> PumpProgram:
    return PumpProgram((RateStep(rate, volume(vtbi)),), Length("29.2"))


@dataclass(frozen=True)
class Slice:
    """A part of the alphabet with limits of its own, in ticks. `nodes` bounds it when it is not meant to close."""

    name: str
    about: str
    groups: str
    dose: int = 2  # ticks of flow; the window is 95 %, 105 % and 150 % of it
    lease: int = 3
    stale: int = 1
    confirmation: int = 2
    deviation_floor: str = "0.5"
    mismatch_floor: str = "0.1"
    mean_percent: int = 105
    pause_single: int = 2
    pause_total: int = 3
    pauses: int = 2
    same_trips: int = NEVER
    nodes: int | None = None

    flowing_within = 2
    read_back_within = 2
    deviation_for = 2
    mean_over = 3
    stop_alarm = 2

    @property
    def most(self) -> int:
        return self.dose + 1  # the first tick at or past 105 %

    @property
    def elapsed(self) -> int:
        return ceil(self.dose * 1.5)

    def order(self) -> Infusion:
        held = program(self.dose * NORMAL)
        return Infusion(
            place=PLACE,
            segment=ev.Segment("d0", held),
            prescribed=held.vtbi,
            window=Window(self.dose * TICK),
            limits=Limits(
                stale_warn_ns=self.stale * TICK,
                lease_ns=self.lease * TICK,
                renewal_ns=TICK,
                flowing_within_ns=self.flowing_within * TICK,
                read_back_within_ns=self.read_back_within * TICK,
                stop_retry_ns=TICK,
                stop_alarm_ns=self.stop_alarm * TICK,
                still_for_ns=TICK,
                confirmation_ns=self.confirmation * TICK,
                deviation_floor=Rate(self.deviation_floor),
                deviation_for_ns=self.deviation_for * TICK,
                mismatch_floor=Volume(self.mismatch_floor),
                counter_slack=Volume("0.01"),
                mean_over_ns=self.mean_over * TICK,
                mean_percent=Decimal(self.mean_percent),
                pause_single_ns=self.pause_single * TICK,
                pause_total_ns=self.pause_total * TICK,
                pauses=self.pauses,
                same_trips=self.same_trips,
                same_trip_within_ns=self.elapsed * TICK,
            ),
            accuracy_percent=Decimal(2),
            ordered_ns=0,
        )


class World(NamedTuple):
    """Instants are ticks, volumes units; None means never or nothing."""

    now: int = 0
    # the pump
    held: tuple[int, bool] | None = None  # VTBI, and whether at the programmed rate
    flowing: bool = False
    by_panel: bool = False  # somebody at the pump made it flow
    shown: int = 0
    given: int = 0
    speed: int = NORMAL
    lied: bool = False  # its counter once said what is not true
    # the line
    start_left: bool = False  # the pump may yet take it
    start_open: bool = False  # its answer is awaited
    stop_left: bool = False
    load_open: bool = False
    back_open: bool = False
    plan: int | None = None  # what is to be planned for was counted at this
    # the witness: permission
    digest: str = "d0"
    vtbi: int = 0
    segments: int = 0
    open: ev.Binding | None = None  # the challenge as it should have been issued
    permit: ev.Binding | None = None  # a confirmation that fits in everything, not spent yet
    permit_at: int = 0
    spent: bool = False
    used: ev.Binding | None = None
    back_ok: bool = False
    idle_at: int | None = None  # asked, of the last reading, if it shows an idle pump
    latched: bool = False
    latches: tuple[AlarmCode, ...] = ()  # every one of this infusion, where the slice counts them
    uncertain: bool = False
    # the witness: flow
    lease: int | None = None
    asked: int | None = None
    answered: int = 0
    counted: int = 0
    before: int = 0  # counted by the segments before
    track: tuple[tuple[int, int], ...] = ()  # tick, counted
    started: int | None = None
    run_before: int = 0
    run_from: int | None = None
    run_to: int | None = None
    pauses: int = 0
    # the witness: stop
    stop_first: int | None = None
    stop_last: int = 0
    still: tuple[int, int] | None = None  # since, shown

    @property
    def running(self) -> int:
        if self.run_from is None:
            return self.run_before
        return self.run_before + (self.now if self.run_to is None else self.run_to) - self.run_from

    @property
    def elapsed(self) -> int:
        return 0 if self.started is None else self.now - self.started


class Step(NamedTuple):
    slice: Slice
    event: ev.Event | None
    before: Infusion
    after: Infusion
    told: World  # once the event is known, before its actions
    world: World
    actions: tuple[ev.Action, ...]
    kinds: frozenset[type]

    @property
    def reading(self) -> Reading | None:
        return self.event.reading if isinstance(self.event, ev.ReadingTaken) else None

    @property
    def stops(self) -> bool:
        """The stop leaves first, and what follows is a stop under way or its end, latched."""
        held = self.after.state in (State.STOPPING, State.UNCERTAIN, State.TRIPPED)
        return held and bool(self.after.trips) and type(self.actions[0]) is ev.StopPump


# -- what can happen ---------------------------------------------------------------------------------------------------

Outcome = tuple[ev.Event | None, World] | None
Happening = Callable[[Infusion, World], Outcome]
HAPPENINGS: dict[str, tuple[str, Happening]] = {}


def happens(group: str, name: str) -> Callable[[Happening], Happening]:
    def add(make: Happening) -> Happening:
        HAPPENINGS[name] = (group, make)
        return make

    return add


def _at(w: World) -> int:
    return w.now * TICK


@happens("base", "time passes")
def _sleep(i: Infusion, w: World) -> Outcome:
    if not w.flowing or w.held is None:
        return None, w._replace(now=w.now + 1)
    more = min(w.speed, w.held[0] - w.shown)
    return None, w._replace(
        now=w.now + 1, shown=w.shown + more, given=w.given + more, flowing=w.shown + more < w.held[0]
    )


@happens("base", "tick")
def _tick(i: Infusion, w: World) -> Outcome:
    return ev.Ticked(_at(w)), w


def _look(w: World, late: int = 0, **said: object) -> Outcome:
    """A true reading, with what the pump says altered. One that ends without flow shows that a start was lost."""
    state = PumpState.INFUSING if w.flowing else PumpState.STOPPED
    rate = RATE if w.held is None or w.held[1] else ALTERED
    reading = Reading((w.now - late) * TICK, _at(w), state, rate, volume(w.shown))
    return ev.ReadingTaken(_at(w), replace(reading, **said) if said else reading), w._replace(start_left=False)  # type: ignore[arg-type]


@happens("base", "reading")
def _reading(i: Infusion, w: World) -> Outcome:
    return _look(w)


@happens("late", "reading asked a tick ago")
def _late(i: Infusion, w: World) -> Outcome:
    return _look(w, 1) if w.now else None


@happens("late", "reading asked two ticks ago")
def _later(i: Infusion, w: World) -> Outcome:
    return _look(w, 2) if w.now > 1 else None


@happens("lost", "reading failed")
def _failed(i: Infusion, w: World) -> Outcome:
    return ev.ReadingFailed(_at(w), "no answer"), w


@happens("lost", "link lost")
def _link_lost(i: Infusion, w: World) -> Outcome:
    return ev.ReadingFailed(_at(w), "no port", link_lost=True), w


def _alarm(name: str, state: PumpState | None, *alarms: PumpAlarm, group: str = "alarm") -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        if state is None:
            return _look(w, alarms=alarms)
        return _look(w._replace(flowing=False), state=state, alarms=alarms)


_alarm("occlusion", PumpState.ALARM, PumpAlarm.OCCLUSION, group="occlusion")
_alarm("pump fault", PumpState.ALARM, PumpAlarm.PUMP_FAULT)
_alarm("alarm without a name", PumpState.ALARM)
_alarm("alarm of a pump that says stopped", PumpState.STOPPED, PumpAlarm.OCCLUSION)
_alarm("alarm of a pump that flows on", None, PumpAlarm.AIR_IN_LINE)
_alarm("battery low", None, PumpAlarm.BATTERY_LOW)


@happens("panel", "stopped at the panel")
def _panel_stop(i: Infusion, w: World) -> Outcome:
    return (None, w._replace(flowing=False)) if w.flowing else None


@happens("panel", "started at the panel")
def _panel_start(i: Infusion, w: World) -> Outcome:
    if w.flowing or w.held is None or w.shown >= w.held[0] or w.start_left:
        return None
    return None, w._replace(flowing=True, by_panel=True)


@happens("panel", "run on past its volume at the panel")
def _panel_more(i: Infusion, w: World) -> Outcome:
    """A volume raised by hand: what it gives is nobody's program, so the bound on the volume is not asked any more."""
    if w.flowing or w.held is None or w.shown < w.held[0]:
        return None
    return None, w._replace(flowing=True, by_panel=True, held=(w.shown + NORMAL, w.held[1]), lied=True)


@happens("panel", "rate set at the panel")
def _panel_rate(i: Infusion, w: World) -> Outcome:
    return (None, w._replace(held=(w.held[0], False))) if w.held and w.held[1] else None


@happens("purge", "purge")
def _purge(i: Infusion, w: World) -> Outcome:
    return _look(w, state=PumpState.PURGING)


@happens("panel", "pump waits")
def _waits(i: Infusion, w: World) -> Outcome:
    return None if w.flowing else _look(w, state=PumpState.WAITING)


@happens("panel", "pump paused")
def _paused(i: Infusion, w: World) -> Outcome:
    return None if w.flowing else _look(w, state=PumpState.PAUSED)


@happens("unseen", "flow at the panel that no reading sees")
def _unseen(i: Infusion, w: World) -> Outcome:
    if w.flowing or w.held is None or w.shown + NORMAL > w.held[0] or w.start_left or i.state.may_flow:
        return None
    return None, w._replace(shown=w.shown + NORMAL, given=w.given + NORMAL, by_panel=True)


@happens("counter", "counter jumps past the volume")
def _jump(i: Infusion, w: World) -> Outcome:
    return _look(w._replace(lied=True), delivered=volume(w.vtbi + 2))


@happens("counter", "counter jumps past the volume by more than 0.1 mL, pump stands")
def _jump_still(i: Infusion, w: World) -> Outcome:
    return None if w.flowing else _look(w._replace(lied=True), delivered=volume(w.vtbi + 4))


@happens("counter", "counter goes back")
def _back(i: Infusion, w: World) -> Outcome:
    return _look(w._replace(lied=True), delivered=volume(0)) if w.shown else None


def _speed(name: str, speed: int) -> None:
    @happens("speed", name)
    def _make(i: Infusion, w: World) -> Outcome:
        return (None, w._replace(speed=speed)) if w.flowing and w.speed == NORMAL else None


_speed("pump runs half as fast again", 3)
_speed("pump runs at twice the rate", 4)
_speed("pump says infusing and gives nothing", 0)


def _loaded(name: str, group: str, outcome: object, rate: bool | None) -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        if not w.load_open:
            return None
        w = w._replace(load_open=False)
        if rate is not None:
            w = w._replace(held=(w.vtbi, rate), shown=0)
        return ev.ProgramLoaded(_at(w), outcome), w  # type: ignore[arg-type]


_loaded("loaded", "base", Done(None), rate=True)
_loaded("load refused", "load", Refused(("no",)), rate=None)
_loaded("load not answered", "load", Unknown("silence"), rate=True)
_loaded("loaded at another rate", "load", Done(None), rate=False)


@happens("load", "loaded with a larger volume")
def _loaded_more(i: Infusion, w: World) -> Outcome:
    if not w.load_open:
        return None
    return ev.ProgramLoaded(_at(w), Done(None)), w._replace(load_open=False, held=(w.vtbi + NORMAL, True), shown=0)


@happens("base", "read back")
def _read_back(i: Infusion, w: World) -> Outcome:
    if not w.back_open or w.held is None:
        return None
    held = program(w.held[0], RATE if w.held[1] else ALTERED)
    return ev.ProgramReadBack(_at(w), Done(held)), w._replace(back_open=False)


def _no_read_back(name: str, outcome: object) -> None:
    @happens("load", name)
    def _make(i: Infusion, w: World) -> Outcome:
        return (ev.ProgramReadBack(_at(w), outcome), w._replace(back_open=False)) if w.back_open else None  # type: ignore[arg-type]


_no_read_back("read-back refused", Refused(("no",)))
_no_read_back("read-back not answered", Unknown("silence"))


@happens("base", "challenge")
def _challenge(i: Infusion, w: World) -> Outcome:
    return ev.ChallengeIssued(_at(w), f"n{w.segments}.{w.now}"), w


@happens("base", "confirmed")
def _confirmed(i: Infusion, w: World) -> Outcome:
    return None if i.challenge is None else (ev.ConfirmationGiven(_at(w), i.challenge, "nurse", "r"), w)


def _forged(name: str, value: object) -> None:
    @happens("forge", f"confirmed with another {name}")
    def _make(i: Infusion, w: World) -> Outcome:
        if i.challenge is None:
            return None
        return ev.ConfirmationGiven(_at(w), replace(i.challenge, **{name: value}), "nurse", "f"), w  # type: ignore[arg-type]


for _name, _value in FORGED.items():
    _forged(_name, _value)


@happens("forge", "confirmed with another action")
def _other_action(i: Infusion, w: World) -> Outcome:
    if i.challenge is None:
        return None
    start = i.challenge.action is ev.ConfirmAction.START
    wrong = replace(i.challenge, action=ev.ConfirmAction.RESUME if start else ev.ConfirmAction.START)
    return ev.ConfirmationGiven(_at(w), wrong, "nurse", "f"), w


@happens("forge", "an old confirmation, the same request")
def _replay_same(i: Infusion, w: World) -> Outcome:
    return None if w.used is None else (ev.ConfirmationGiven(_at(w), w.used, "nurse", "r"), w)


@happens("forge", "an old confirmation, a new request")
def _replay_new(i: Infusion, w: World) -> Outcome:
    return None if w.used is None else (ev.ConfirmationGiven(_at(w), w.used, "nurse", "q"), w)


@happens("base", "pump takes the start")
def _takes_start(i: Infusion, w: World) -> Outcome:
    return (None, w._replace(flowing=True, start_left=False, by_panel=False)) if w.start_left else None


@happens("base", "start answered")
def _start_done(i: Infusion, w: World) -> Outcome:
    if not w.start_open:
        return None
    flowing = w.flowing or w.start_left
    return ev.StartAnswered(_at(w), Done(None)), w._replace(start_open=False, flowing=flowing, start_left=False)


@happens("start", "start answered, pump stands")
def _start_idle(i: Infusion, w: World) -> Outcome:
    if not (w.start_open and w.start_left):
        return None
    return ev.StartAnswered(_at(w), Done(None)), w._replace(start_open=False, start_left=False)


@happens("start", "start refused")
def _start_refused(i: Infusion, w: World) -> Outcome:
    if not (w.start_open and not w.flowing):
        return None
    return ev.StartAnswered(_at(w), Refused(("no",))), w._replace(start_open=False, start_left=False)


@happens("start", "start not answered")
def _start_unknown(i: Infusion, w: World) -> Outcome:
    return (ev.StartAnswered(_at(w), Unknown("silence")), w._replace(start_open=False)) if w.start_open else None


@happens("base", "stop")
def _stop(i: Infusion, w: World) -> Outcome:
    return ev.StopRequested(_at(w), "nurse", "stop"), w


@happens("base", "pump takes the stop")
def _takes_stop(i: Infusion, w: World) -> Outcome:
    if not w.stop_left:
        return None
    return ev.StopAnswered(_at(w), Done(None)), w._replace(
        stop_left=False, flowing=False, start_left=False, start_open=False
    )


@happens("pause", "pause")
def _pause(i: Infusion, w: World) -> Outcome:
    return ev.PauseRequested(_at(w), "nurse", "pause"), w


@happens("resume", "resume")
def _resume(i: Infusion, w: World) -> Outcome:
    return ev.ResumeRequested(_at(w), "nurse"), w


@happens("resume", "remainder planned")
def _planned(i: Infusion, w: World) -> Outcome:
    if w.plan is None:
        return None
    left = w.vtbi - w.plan
    w = w._replace(plan=None)
    if left <= 0:
        return ev.SegmentPlanned(_at(w), None), w
    return ev.SegmentPlanned(_at(w), ev.Segment(f"d{w.segments + 1}", program(left))), w


@happens("clear", "trip cleared")
def _clear(i: Infusion, w: World) -> Outcome:
    return ev.TripsCleared(_at(w), "nurse"), w


@happens("journal", "journal fails")
def _journal(i: Infusion, w: World) -> Outcome:
    return ev.JournalFailed(_at(w), "disk full"), w


@happens("restart", "control process restarted")
def _restarted(i: Infusion, w: World) -> Outcome:
    """Answers that were awaited are lost; what had left may yet be taken."""
    return ev.ControlRestarted(_at(w)), w._replace(start_open=False, load_open=False, back_open=False)


def _reconciled(name: str, group: str, more: int, reason: str, *, flowing: bool = False) -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        """A person at the pump, who sees what it shows; with a start under way, nobody can say so yet."""
        if w.start_left or w.flowing is not flowing or w.shown + more < 0:
            return None
        if flowing and w.now - w.answered > 1:
            return None  # nothing but that person knows
        return ev.DeliveryReconciled(_at(w), "nurse", volume(w.shown + more), reason), w._replace(
            lied=w.lied or more < 0
        )


_reconciled("display read", "reconcile", 0, "display read")
_reconciled("display read without a reason", "reconcile", 0, " x ")
_reconciled("display misread by two units too few", "reconcile", -2, "display read")
_reconciled("display read while it flows", "hasty", 0, "display read", flowing=True)


def _stray(name: str, make: Callable[[World], ev.Event], unless: Callable[[Infusion, World], bool]) -> None:
    @happens("stray", f"stray {name}")
    def _make(i: Infusion, w: World) -> Outcome:
        return None if unless(i, w) else (make(w), w)


_stray("start done", lambda w: ev.StartAnswered(_at(w), Done(None)), lambda i, w: w.start_open)
_stray("start refused", lambda w: ev.StartAnswered(_at(w), Refused(("no",))), lambda i, w: w.start_open)
_stray("start unknown", lambda w: ev.StartAnswered(_at(w), Unknown("?")), lambda i, w: w.start_open)
_stray("load done", lambda w: ev.ProgramLoaded(_at(w), Done(None)), lambda i, w: i.state is State.LOADING)
_stray("stop done", lambda w: ev.StopAnswered(_at(w), Done(None)), lambda i, w: False)
_stray(
    "read-back",
    lambda w: ev.ProgramReadBack(_at(w), Done(program(w.vtbi))),
    lambda i, w: i.state in (State.LOADING, State.ARMED),
)
_stray(
    "read-back of another program",
    lambda w: ev.ProgramReadBack(_at(w), Done(program(w.vtbi, ALTERED))),
    lambda i, w: i.state in (State.LOADING, State.ARMED),
)
_stray(
    "plan",
    lambda w: ev.SegmentPlanned(_at(w), ev.Segment("stolen", program(w.vtbi + 9))),
    lambda i, w: i.state is State.PAUSED,
)


# -- the witness -------------------------------------------------------------------------------------------------------


def tell(sl: Slice, i: Infusion, w: World, event: ev.Event) -> World:
    """What the witness writes down when an event arrives, before it is known what the infusion makes of it."""
    match event:
        case ev.ReadingTaken(reading=reading):
            return _tell_reading(i, w, reading)
        case ev.ChallengeIssued(nonce=nonce) if i.state is State.READY:
            action = ev.ConfirmAction.START if w.started is None else ev.ConfirmAction.RESUME
            expires = (w.now + sl.confirmation) * TICK
            binding = ev.Binding(nonce, w.digest, action, PLACE.serial, PLACE.channel, "s-1", "ward-7", expires)
            return w._replace(open=binding)
        case ev.ConfirmationGiven(binding=binding):
            if i.state is State.READY and binding == w.open and w.now * TICK < binding.expires_ns:
                return w._replace(
                    open=None,
                    permit=binding,
                    used=binding,
                    permit_at=w.now,
                    spent=False,
                    back_ok=False,
                    idle_at=None,
                )
        case ev.ProgramReadBack(outcome=Done(value=held)):
            return w._replace(back_ok=held == program(w.vtbi))
        case ev.StartAnswered(outcome=Done()) if i.state is State.STARTING:
            return w._replace(run_from=w.now)
        case ev.StartAnswered(outcome=Unknown()) if i.state is State.STARTING:
            return w._replace(uncertain=True)
        case ev.JournalFailed():
            return w._replace(permit=None)
        case ev.TripsCleared() if i.state is State.TRIPPED:
            return w._replace(latched=False)
        case ev.ControlRestarted():
            lost = w.uncertain or i.state is State.STARTING
            return w._replace(open=None, permit=None, still=None, back_ok=False, idle_at=None, uncertain=lost)
    return w


def _tell_reading(i: Infusion, w: World, r: Reading) -> World:
    asked, shown = r.asked_ns // TICK, units(r.delivered)
    counted = max(w.counted, shown) if i.state.may_flow else w.counted
    still: tuple[int, int] | None = None
    if not r.state.flowing and (w.stop_first is None or asked >= w.stop_first):
        still = w.still if w.still is not None and w.still[1] == shown else (w.now, shown)
    idle = r.state is PumpState.STOPPED and shown == 0 and not any(a.stops_flow for a in r.alarms)
    track = w.track
    if i.state in (State.STARTING, State.RUNNING) and r.state.flowing:
        if not track:
            track = ((w.now if w.run_from is None else w.run_from, 0),)
        elif track[-1][0] < w.now:
            track = (*track, (w.now, counted))
    return w._replace(
        asked=asked, answered=w.now, counted=counted, still=still, idle_at=asked if idle else None, track=track
    )


def carry(sl: Slice, i: Infusion, after: Infusion, w: World, actions: tuple[ev.Action, ...]) -> World:
    """What the actions put on the line, and what the witness writes down of them."""
    for action in actions:
        match action:
            case ev.StopPump():
                first = w.stop_first is None
                w = w._replace(
                    stop_left=True,
                    stop_last=w.now,
                    stop_first=w.now if first else w.stop_first,
                    still=None if first else w.still,
                )
            case ev.StartPump():
                w = w._replace(
                    start_left=True,
                    start_open=True,
                    stop_left=False,
                    permit=None,
                    spent=True,
                    started=w.now if w.started is None else w.started,
                    run_from=w.now,
                    run_to=None,
                    track=(),
                    still=None,
                    by_panel=False,
                    stop_first=None,
                )
            case ev.LoadProgram(program=planned):
                w = w._replace(load_open=True)
                if after.segment.digest != w.digest:
                    w = w._replace(
                        digest=after.segment.digest,
                        vtbi=units(planned.vtbi),
                        segments=w.segments + 1,
                        before=w.before + w.counted,
                        counted=0,
                        run_before=w.running,
                        run_from=None,
                        run_to=None,
                        open=None,
                    )
            case ev.ReadBackProgram():
                w = w._replace(back_open=True)
            case ev.PlanRemainder(delivered=delivered):
                w = w._replace(plan=units(delivered))
            case ev.RenewLease(until_ns=until):
                w = w._replace(lease=until // TICK)
            case ev.Record(kind="delivery_reconciled"):
                w = w._replace(counted=units(after.counted), latched=False)
    new = tuple(code for code in after.trips if code not in i.trips)
    if new:
        w = w._replace(latched=True, latches=(*w.latches, *new) if sl.same_trips < NEVER else ())
    if after.state is not i.state:
        if i.state is State.ARMED and after.state is not State.STARTING:
            w = w._replace(permit=None)
        if after.state is State.PAUSING:
            w = w._replace(pauses=w.pauses + 1)
        if after.state is State.COMPLETING or (i.state.ending and not after.state.may_flow):
            w = w._replace(run_to=w.still[0] if w.still and w.run_to is None else w.run_to)
        if not after.state.may_flow:
            w = w._replace(stop_first=None, lease=None)
        loading = after.state is State.LOADING
        back = w.back_open and (loading or after.state is State.ARMED)  # an answer after that is a stray one
        w = w._replace(load_open=loading and w.load_open, back_open=back)
        if after.state is not State.PAUSED:
            w = w._replace(plan=None)
    return w


# -- the rules ---------------------------------------------------------------------------------------------------------

Rule = Callable[[Step], bool]
RULES: dict[str, tuple[str, Rule]] = {}
_WHEN: dict[str, list[tuple[str, Rule]]] = {"start": [], "flow": [], "ending": [], "standing": [], "always": []}


def rule(when: str) -> Callable[[Rule], Rule]:
    """`when`: the steps that are asked: with a StartPump, from a flow, from a stop under way, from a stand, all."""

    def add(holds: Rule) -> Rule:
        name = holds.__name__
        RULES[name] = (holds.__doc__ or "", holds)
        _WHEN[when].append((name, holds))
        return holds

    return add


@rule("start")
def start_is_confirmed(s: Step) -> bool:
    """StartPump rests on a confirmation that fits in every field, unexpired, of the program that is loaded."""
    permit = s.told.permit
    return s.told.spent or (
        permit is not None and s.told.now * TICK < permit.expires_ns and permit.digest == s.told.digest
    )


@rule("start")
def one_start_a_confirmation(s: Step) -> bool:
    """A confirmation is spent by one StartPump."""
    return not s.told.spent


@rule("start")
def start_is_read_back(s: Step) -> bool:
    """Since the confirmation the pump's program was read back and is the confirmed one."""
    return s.told.back_ok


@rule("start")
def start_is_idle(s: Step) -> bool:
    """Since the confirmation the pump was seen idle, counter at zero, without alarm, and that is a tick old at most."""
    w = s.told
    return w.idle_at is not None and w.idle_at >= w.permit_at and w.now - w.idle_at <= 1


@rule("start")
def start_is_prompt(s: Step) -> bool:
    """From the confirmation to the start there are less than the ticks allowed for reading back."""
    return s.told.now - s.told.permit_at < s.slice.read_back_within


@rule("start")
def start_is_journalled(s: Step) -> bool:
    """The intent is recorded before the start."""
    names = [a.kind if isinstance(a, ev.Record) else type(a).__name__ for a in s.actions]
    return "intent_start" in names and names.index("intent_start") < names.index("StartPump")


@rule("start")
def latch_holds_against_start(s: Step) -> bool:
    """No start while a trip is latched."""
    return not s.told.latched


@rule("start")
def uncertain_never_flows(s: Step) -> bool:
    """After a start whose answer was lost nothing is started again."""
    return not s.told.uncertain


@rule("start")
def start_within_the_window(s: Step) -> bool:
    """No start after the window closed or the pauses were used up."""
    w = s.told
    return w.running < s.slice.most and w.elapsed < s.slice.elapsed and not _pauses_used_up(s)


def _pauses_used_up(s: Step) -> bool:
    w = s.told
    if w.started is None:
        return False
    long = w.run_to is not None and w.now - w.run_to >= s.slice.pause_single
    return long or w.elapsed - w.running >= s.slice.pause_total


@rule("always")
def stop_is_taken(s: Step) -> bool:
    """From every state a stop sends StopPump and leads out of everything that is not a stop under way or an end."""
    if not isinstance(s.event, ev.StopRequested):
        return True
    sent = bool(s.actions) and type(s.actions[0]) is ev.StopPump
    return sent and (s.after.state.ended or s.after.state in (State.STOPPING, State.UNCERTAIN, State.TRIPPED))


@rule("always")
def busy_pump_is_left_alone(s: Step) -> bool:
    """An order that finds the pump not idle is abandoned, and what runs there is not stopped."""
    r = s.reading
    if s.before.state is not State.ORDERED or r is None or r.state is PumpState.STOPPED:
        return True
    return s.after.state is State.ABANDONED and not s.kinds & {ev.StopPump, ev.LoadProgram}


@rule("always")
def stop_goes_first(s: Step) -> bool:
    """StopPump is the first action, once, and no start is beside it."""
    if ev.StopPump not in s.kinds:
        return True
    names = [type(a) for a in s.actions]
    return names[0] is ev.StopPump and names.count(ev.StopPump) == 1 and ev.StartPump not in s.kinds


@rule("always")
def table_is_kept(s: Step) -> bool:
    """Each step that is recorded is in the table, and they join what was to what is."""
    at = s.before.state.value
    for action in s.actions:
        if isinstance(action, ev.Record) and action.kind == "state_changed":
            if action.body["from"] != at or State(action.body["to"]) not in TRANSITIONS[State(at)]:
                return False
            at = action.body["to"]
    return at == s.after.state.value


@rule("always")
def only_a_person_unlatches(s: Step) -> bool:
    """Trips go by a person alone, and from TRIPPED otherwise only a stop or flow at the pump leads away."""
    if not s.before.trips or isinstance(s.event, ev.TripsCleared | ev.DeliveryReconciled):
        return True
    kept = set(s.before.trips) <= set(s.after.trips)
    if s.before.state is not State.TRIPPED or isinstance(s.event, ev.StopRequested):
        return kept
    return kept and s.after.state in (State.TRIPPED, State.STOPPING)


@rule("always")
def no_flow_where_none_is_said(s: Step) -> bool:
    """A pump that truly flows, and not by its panel, is in a state that may flow."""
    return not s.world.flowing or s.world.by_panel or s.after.state.may_flow


@rule("always")
def delivered_is_bounded(s: Step) -> bool:
    """What truly reached the patient is never above the prescribed volume plus 0.1 mL."""
    return s.world.lied or s.world.given <= s.slice.dose * NORMAL + OVER


@rule("always")
def booked_covers_the_truth(s: Step) -> bool:
    """What is booked is never less than what was given, while the pump keeps its rate."""
    w = s.world
    if w.speed > NORMAL or w.lied or (w.by_panel and (w.flowing or w.given > w.before + w.counted)):
        return True
    return w.given <= units(s.after.booked(w.now * TICK))


@rule("always")
def lease_rests_on_a_reading(s: Step) -> bool:
    """A lease reaches as far as its reading allows, and that reading is fresh; time alone renews nothing."""
    w = s.told
    for action in s.actions:
        if isinstance(action, ev.RenewLease):
            base = w.now if ev.StartPump in s.kinds else w.asked
            if base is None or w.asked is None:
                return False
            if action.until_ns > (base + s.slice.lease) * TICK or w.now - w.asked > 1:
                return False
    return True


@rule("always")
def an_end_is_an_end(s: Step) -> bool:
    """After the end nothing but stops, refusals, alarms and records comes."""
    return not s.before.state.ended or s.kinds <= {ev.StopPump, ev.Refuse, ev.Record, ev.RaiseAlarm}


@rule("always")
def uncertain_knows_status_and_stop(s: Step) -> bool:
    """From UNCERTAIN nothing is loaded, leased, planned or started; TRIPPED, or STOPPED by a person, are the ways."""
    if s.before.state is not State.UNCERTAIN:
        return True
    wrong = {ev.StartPump, ev.LoadProgram, ev.RenewLease, ev.PlanRemainder, ev.ReadBackProgram}
    ways = {State.UNCERTAIN, State.TRIPPED}
    if isinstance(s.event, ev.DeliveryReconciled):
        ways.add(State.STOPPED)
    return not s.kinds & wrong and s.after.state in ways


@rule("always")
def restart_starts_nothing(s: Step) -> bool:
    """A restart stops what may flow, first of all, and drops what was being prepared."""
    if not isinstance(s.event, ev.ControlRestarted):
        return True
    if s.before.state.may_flow and (not s.actions or type(s.actions[0]) is not ev.StopPump):
        return False
    calm = s.after.state.ended or s.after.state.ending or s.after.state in (State.PAUSED, State.TRIPPED)
    return calm and not s.kinds & {ev.StartPump, ev.LoadProgram, ev.RenewLease}


@rule("always")
def restart_in_starting_is_uncertain(s: Step) -> bool:
    """A restart before it was known whether the pump started leads to UNCERTAIN."""
    if not isinstance(s.event, ev.ControlRestarted) or s.before.state is not State.STARTING:
        return True
    return s.after.state is State.UNCERTAIN and s.stops


@rule("always")
def reconciling_is_refused_when_wrong(s: Step) -> bool:
    """A display read without a reason, below the pump's own count, while it is seen to flow, or without doubt."""
    event = s.event
    if not isinstance(event, ev.DeliveryReconciled):
        return True
    r, below = s.before.reading, units(event.volume) < s.told.counted
    fresh = r is not None and s.told.now * TICK - r.asked_ns <= s.slice.stale * TICK and not s.before.link_lost
    flows = fresh and r is not None and r.state.flowing
    calm = s.before.state in FLOW and AlarmCode.DELIVERY_UNCERTAIN not in s.before.alarms
    wrong = len(event.reason.strip()) < 3 or below or flows or calm
    done = any(isinstance(a, ev.Record) and a.kind == "delivery_reconciled" for a in s.actions)
    return not (wrong and done)


@rule("always")
def lost_start_is_uncertain(s: Step) -> bool:
    """A start that is not answered leads to UNCERTAIN, at once and with a stop."""
    event = s.event
    if s.before.state is not State.STARTING or not isinstance(event, ev.StartAnswered):
        return True
    return not isinstance(event.outcome, Unknown) or (s.after.state is State.UNCERTAIN and s.stops)


@rule("flow")
def refused_start_stops(s: Step) -> bool:
    """A start that was refused ends in a stop."""
    event = s.event
    if s.before.state is not State.STARTING or not isinstance(event, ev.StartAnswered):
        return True
    return not isinstance(event.outcome, Refused) or s.stops


@rule("flow")
def no_flow_in_time_stops(s: Step) -> bool:
    """A start without flow seen after its answer within its time is stopped."""
    if s.event is None or s.before.state is not State.STARTING or s.after.state is not State.STARTING:
        return True
    return s.told.now * TICK - s.before.since_ns < s.slice.flowing_within * TICK


@rule("flow")
def running_was_seen(s: Step) -> bool:
    """RUNNING follows an answer to the start and a reading, asked for after it, of a pump that infuses."""
    if s.before.state is not State.STARTING or s.after.state is not State.RUNNING:
        return True
    w = s.told
    return not w.start_open and w.asked is not None and w.run_from is not None and w.asked >= w.run_from


@rule("flow")
def lapsed_lease_stops(s: Step) -> bool:
    """The first event at or after the lease's end stops."""
    return s.event is None or s.told.lease is None or s.told.now < s.told.lease or s.after.state not in FLOW


@rule("flow")
def alarm_stops(s: Step) -> bool:
    """An alarm of the pump stops and latches."""
    r = s.reading
    alarm = r is not None and (r.state is PumpState.ALARM or any(a.stops_flow for a in r.alarms))
    return not alarm or s.stops


@rule("flow")
def change_at_the_panel_stops(s: Step) -> bool:
    """Flow that is not infusing at the programmed rate, a stand before the volume, flow after it: each stops."""
    r, w = s.reading, s.told
    if r is None or r.state is PumpState.ALARM:
        return True
    if r.state is PumpState.INFUSING:
        return (r.rate == RATE and s.before.state is not State.COMPLETING) or s.stops
    early = s.before.state is State.RUNNING and w.counted < w.vtbi - 1
    return not (r.state.flowing or early) or s.stops


@rule("flow")
def too_much_counted_stops(s: Step) -> bool:
    """A counter past the volume by more than 0.05 mL stops."""
    return s.reading is None or s.told.counted < s.told.vtbi + 2 or s.stops


@rule("flow")
def counter_going_back_stops(s: Step) -> bool:
    """A counter that goes back stops."""
    back = s.reading is not None and units(s.reading.delivered) < s.told.counted
    return s.before.state is not State.RUNNING or not back or s.stops


def _growth(s: Step, since: tuple[int, int]) -> tuple[int, int]:
    """Counted since, and programmed for that time."""
    w = s.told
    return w.counted - since[1], min(NORMAL * (w.now - since[0]), w.vtbi - since[1])


def _judged(s: Step) -> tuple[tuple[int, int], ...]:
    """The track up to now, of a reading that shows flow while running and adds a point to it; else nothing."""
    r, track = s.reading, s.told.track
    steady = s.before.state is State.RUNNING and r is not None and r.state.flowing
    return track if steady and len(track) > 1 and track[-1][0] == s.told.now else ()


@rule("flow")
def twice_the_rate_stops(s: Step) -> bool:
    """Twice the programmed growth, or more, over a tick or more stops at once."""
    track = _judged(s)
    if not track:
        return True
    counted, expected = _growth(s, track[-2])
    return not (expected > 0 and counted >= 2 * expected) or s.stops


@rule("flow")
def no_growth_stops(s: Step) -> bool:
    """No growth over a tick or more while the pump says that it infuses stops."""
    track = _judged(s)
    if not track:
        return True
    counted, expected = _growth(s, track[-2])
    return not (expected > 0 and counted == 0) or s.stops


def _longest(s: Step, ticks: int) -> tuple[int, int]:
    """Growth over the longest stretch within the time for a mean, if it is so long; else (0, 0)."""
    track = _judged(s)
    if not track:
        return 0, 0
    old = [point for point in track if s.told.now - point[0] >= s.slice.mean_over]
    oldest = old[-1] if old else track[0]
    return _growth(s, oldest) if s.told.now - oldest[0] >= ticks else (0, 0)


@rule("flow")
def faster_than_programmed_stops(s: Step) -> bool:
    """Where the floor is tight, a unit too much over the time for a deviation stops."""
    counted, expected = _longest(s, s.slice.deviation_for)
    return s.slice.deviation_floor != "0.5" or counted - expected < 1 or s.stops


@rule("flow")
def mean_rate_is_bounded(s: Step) -> bool:
    """Where nothing else looks at it, a mean above 105 % over the time for a mean stops."""
    counted, expected = _longest(s, s.slice.mean_over)
    return s.slice.mean_percent != 105 or counted - expected < 1 or s.stops


@rule("flow")
def mismatch_stops(s: Step) -> bool:
    """Where the floor is tight, four units more counted than the rate adds up to stop."""
    r, w = s.reading, s.told
    if s.slice.mismatch_floor != "0.1" or s.before.state is not State.RUNNING or r is None:
        return True
    return not w.track or w.counted - NORMAL * (w.now - w.track[0][0]) < 4 or s.stops


@rule("flow")
def whole_volume_not_too_soon(s: Step) -> bool:
    """The whole volume before 95 % of the time stops."""
    w = s.told
    whole = s.reading is not None and w.before + w.counted >= s.slice.dose * NORMAL - 1
    return s.before.state is not State.RUNNING or not whole or w.running >= s.slice.dose or s.stops


@rule("flow")
def window_closes(s: Step) -> bool:
    """At the first event after 105 % of flow, or 150 % in all, no flow is permitted."""
    w = s.told
    closed = s.event is not None and (w.running >= s.slice.most or w.elapsed >= s.slice.elapsed)
    return not closed or s.after.state not in FLOW


@rule("flow")
def journal_failing_stops(s: Step) -> bool:
    """A journal that cannot be written stops."""
    return not isinstance(s.event, ev.JournalFailed) or s.stops


@rule("flow")
def pauses_are_counted(s: Step) -> bool:
    """Not more pauses than allowed."""
    return s.world.pauses <= s.slice.pauses


@rule("flow")
def completed_when_given(s: Step) -> bool:
    """COMPLETED only with the volume counted, and after two readings a tick apart that show it standing still."""
    if s.after.state is not State.COMPLETED:
        return True
    return s.told.before + s.told.counted >= s.slice.dose * NORMAL - 1 and _proved(s)


def _proved(s: Step) -> bool:
    w = s.told
    return w.still is not None and w.answered - w.still[0] >= 1


@rule("ending")
def stop_is_proved(s: Step) -> bool:
    """A stop ends with two readings asked for after it, a tick apart, no flow, volume unchanged; or by a person."""
    return s.after.state.may_flow or isinstance(s.event, ev.DeliveryReconciled) or _proved(s)


@rule("ending")
def stop_is_repeated(s: Step) -> bool:
    """Until a reading shows a stand, the stop is sent again a tick after the last."""
    if s.event is None or not s.after.state.ending or s.told.still is not None:
        return True
    return s.world.now - s.world.stop_last < 1


@rule("ending")
def unconfirmed_stop_alarms(s: Step) -> bool:
    """Two ticks after the stop, unproved, its alarm is up."""
    w = s.world
    late = s.event is not None and s.after.state.ending and w.stop_first is not None
    if not late or w.now - (w.stop_first or 0) < s.slice.stop_alarm:
        return True
    return AlarmCode.STOP_UNCONFIRMED in s.after.alarms


@rule("ending")
def trip_ends_tripped(s: Step) -> bool:
    """A stop with a trip latched ends in TRIPPED, and an alarm or too much volume during a stop is latched."""
    r, w = s.reading, s.told
    if r is not None:
        cause = r.state is PumpState.ALARM or any(a.stops_flow for a in r.alarms) or w.counted >= w.vtbi + 2
        if cause and not s.after.trips:
            return False
    return s.after.state.may_flow or not s.after.trips or s.after.state is State.TRIPPED


@rule("standing")
def flow_at_a_stand_stops(s: Step) -> bool:
    """A pump that is seen neither standing nor in alarm, where nobody started it, is stopped and latched."""
    r = s.reading
    quiet = r is None or r.state in (PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM)
    return quiet or s.stops


@rule("standing")
def pause_is_bounded(s: Step) -> bool:
    """At the first event after its pauses or its window are used up, an infusion that stands is over."""
    if s.event is None or s.before.state is State.TRIPPED or isinstance(s.event, ev.StopRequested):
        return True
    w = s.told
    over = w.started is not None and (w.elapsed >= s.slice.elapsed or w.running >= s.slice.most or _pauses_used_up(s))
    return not over or s.after.state not in (State.LOADING, State.READY, State.ARMED, State.PAUSED, State.STARTING)


@rule("standing")
def same_trip_again_ends(s: Step) -> bool:
    """The same trip as often as the limit says ends the infusion when it is cleared."""
    if not isinstance(s.event, ev.TripsCleared) or s.before.state is not State.TRIPPED:
        return True
    often = any(s.told.latches.count(code) >= s.slice.same_trips for code in s.before.trips)
    return not often or s.after.state is State.STOPPED


@rule("standing")
def final_trip_ends(s: Step) -> bool:
    """A trip that nobody may resume from ends the infusion when it is cleared."""
    if not isinstance(s.event, ev.TripsCleared) or s.before.state is not State.TRIPPED:
        return True
    return s.after.state is State.STOPPED or not set(s.before.trips) - _RESUMABLE


_RESUMABLE = frozenset(
    AlarmCode(word)
    for word in "occlusion air_in_line empty door_open link_lost lease_lapsed pump_watchdog control_restarted".split()  # noqa: SIM905
)


@rule("standing")
def read_back_before_ready(s: Step) -> bool:
    """READY follows a read-back that is equal."""
    if s.before.state is not State.LOADING or s.after.state is not State.READY:
        return True
    return isinstance(s.event, ev.ProgramReadBack) and s.told.back_ok


PATH_RULES = {
    "stop_reaches_no_flow": "From every node: stop, the pump takes it, readings; then, within eight steps, no flow.",
    "an_end_is_in_reach": "From every node some events lead to an end.",
    "every_way_is_taken": "Each way of the table is taken by some slice; one that never is has no reason to be there.",
}


def broken(step: Step) -> str | None:
    """The first rule that the step breaks."""
    state = step.before.state
    asked = [_WHEN["always"]]
    if ev.StartPump in step.kinds:
        asked.insert(0, _WHEN["start"])
    if state in FLOW:
        asked.append(_WHEN["flow"])
    elif state.ending:
        asked.append(_WHEN["ending"])
    elif state in STANDING:
        asked.append(_WHEN["standing"])
    for rules in asked:
        for name, holds in rules:
            if not holds(step):
                return name
    return None


# -- the abstraction ---------------------------------------------------------------------------------------------------

_SEEING = frozenset({State.ARMED, *FLOW})


def key(sl: Slice, i: Infusion, w: World) -> tuple[object, ...]:
    """What tells two nodes apart. Instants become ages, cut where no rule and no limit can tell them apart any more.

    Left out: texts, records, names; which alarms are shown (but not whether flow deviation is, which is judged by);
    which trips are latched (but not whether, and whether a person may resume after them); and in each state what
    nothing looks at until it is written anew. `same` in the tests samples pairs of one key and has them live on.
    """
    now, at, state = w.now, w.now * TICK, i.state
    pump = (w.held, w.flowing, w.by_panel, w.shown, w.given, w.speed, w.lied, w.start_left, w.stop_left)
    if state.ended:  # all that is left to ask: does stop go out, and does anything else
        return (state, *pump) if w.flowing or w.start_left else (state, w.stop_left, w.held is None)
    far = max(sl.elapsed, sl.lease) + 2

    def age(ns: int | None, cut: int = far) -> int:
        return -1 if ns is None else min((at - ns) // TICK, cut)

    def ago(tick: int | None, cut: int = far) -> int:
        return -1 if tick is None else min(now - tick, cut)

    groups, r = sl.groups.split(), i.reading
    resumable = set(i.trips) <= _RESUMABLE
    final = not resumable or (state.ending and "clear" not in groups and "pause" not in groups)
    done = final and state not in FLOW and "reconcile" not in groups and "hasty" not in groups
    if done:  # nothing is planned, loaded or started any more; what may yet flow still counts
        moving = w.flowing or w.start_left or "panel" in groups or "unseen" in groups
        left = w.held[0] - w.shown if w.held and moving else 0
        pump = (w.flowing, w.by_panel, w.given - w.shown, left, w.speed if moving else 0, w.start_left, w.stop_left)
    body: tuple[object, ...] = () if r is None else (r.state,)
    if r is not None and state in _SEEING:
        old = sl.lease + 2 if state in FLOW else 2
        alarmed = any(alarm.stops_flow for alarm in r.alarms)
        body = (r.state, age(r.asked_ns, old), age(r.answered_ns, old), r.rate == RATE, r.delivered, alarmed)
    if state is State.ARMED:
        body += (age(i.since_ns, 3), i.read_back is None, _remains(i.confirmed, at), w.back_ok, ago(w.idle_at, 2))
        body += (w.idle_at is not None and w.idle_at >= w.permit_at, ago(w.permit_at, 3), w.permit is None)
    elif state in FLOW:
        body += (
            age(i.since_ns, 2) if state is State.STARTING else 0,
            None if i.lease_until_ns is None else max((i.lease_until_ns - at) // TICK, 0),
            i.start_answered,
            age(i.flow_since_ns),
            min(i.integral, volume(sl.dose * 6)),  # past that it is a mismatch whatever is counted
            tuple((age(x.at_ns), x.delivered) for x in i.samples),
            tuple((ago(t), c) for t, c in w.track),
            age(i.still_since_ns),
            AlarmCode.FLOW_DEVIATION in i.alarms,
            None if w.lease is None else max(w.lease - now, 0),
        )
    elif state.ending:
        # An alarm of the last reading is latched by now, and its age is nobody's business but of the evidence.
        proof = None
        if r is not None and i.still_since_ns is not None:
            proof = (units(r.delivered) - w.shown, min((r.answered_ns - i.still_since_ns) // TICK, 1))
        body = (
            proof,
            age(i.stop_since_ns, sl.stop_alarm),
            age(i.stop_sent_ns, 1),
            -1 if final else age(i.still_since_ns, sl.pause_single),
            None if final else i.then,
            w.still is None or ago(w.still[0], sl.pause_single if not final else 1),
            ago(w.stop_last, 1),
            ago(w.stop_first, sl.stop_alarm),
        )
    clock: tuple[object, ...] = ()
    if i.started_ns is not None and not final:
        clock = (
            age(i.started_ns, sl.elapsed),
            min(i.running_ns(at) // TICK, sl.most),
            age(i.flow_ended_ns, sl.pause_single),
            i.pauses,
            w.plan,
        )
    return (
        state,
        body,
        clock,
        () if done else (i.counted, i.given_before, w.counted, units(i.segment.program.vtbi)),
        bool(i.trips),
        resumable,
        final,
        _remains(i.challenge, at),
        _remains(w.open, at),
        w.used is not None,
        pump,
        w.start_open,
        w.load_open,
        w.back_open,
        w.latched,
        w.uncertain,
        min(i.unaccounted, volume(sl.dose * NORMAL)),  # no more is ever booked
        AlarmCode.DELIVERY_UNCERTAIN in i.alarms,
        ()
        if sl.same_trips == NEVER
        else frozenset((code, age(at_ns, sl.elapsed), n) for n, (code, at_ns) in _latest(i, sl.same_trips)),
    )


def _latest(i: Infusion, most: int) -> list[tuple[int, tuple[AlarmCode, int]]]:
    """The youngest trips of each kind, numbered from the youngest on, no more than the limit looks at."""
    seen: dict[AlarmCode, int] = {}
    kept = []
    for code, at_ns in reversed(i.tripped):
        seen[code] = seen.get(code, 0) + 1
        if seen[code] <= most:
            kept.append((seen[code], (code, at_ns)))
    return kept


def _remains(binding: ev.Binding | None, at: int) -> int:
    return -1 if binding is None else max((binding.expires_ns - at) // TICK, 0)


# -- the search --------------------------------------------------------------------------------------------------------


@dataclass
class Found:
    """A rule that does not hold, and the shortest way there."""

    rule: str
    slice: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule} [{self.slice}]: " + " > ".join(self.path)


@dataclass
class Explorer:
    slice: Slice
    every: bool = False  # go on after a rule broke, and note the first path for each
    pairs_wanted: int = 0
    found: dict[str, Found] = field(default_factory=dict)
    nodes: int = 0
    steps: int = 0
    closed: bool = False
    seconds: float = 0.0
    ways: set[tuple[State, State]] = field(default_factory=set)
    pairs: list[tuple[Infusion, World, Infusion, World]] = field(default_factory=list)

    def __post_init__(self) -> None:
        wanted = {"base", *self.slice.groups.split()}
        assert wanted <= {group for group, _ in HAPPENINGS.values()}, wanted
        self.alphabet = [(name, make) for name, (group, make) in HAPPENINGS.items() if group in wanted]
        self._number = {name: n for n, (name, _) in enumerate(self.alphabet)}
        self._came: list[tuple[int, int]] = []  # parent and happening of each node
        self._edges: list[list[int]] = []  # target of each happening, -1 where it cannot be
        self._calm: list[bool] = []  # no flow, none to be assumed
        self._ended: list[bool] = []

    def run(self, nodes: int | None = None) -> "Explorer":
        began = time.perf_counter()
        self._search(self.slice.nodes if nodes is None else nodes)
        if not self.found or self.every:
            self._judge_paths()
        self.seconds = time.perf_counter() - began
        return self

    def _search(self, most: int | None) -> None:
        sl = self.slice
        start, _ = begin(sl.order())
        world = World(vtbi=sl.dose * NORMAL)
        known = {key(sl, start, world): 0}
        queue = deque([(start, world)])
        concrete = {0: (start, world)} if self.pairs_wanted else {}
        self._add(start, world, (-1, -1))
        here = -1
        while queue:
            if most is not None and len(known) >= most:
                break
            i, w = queue.popleft()
            here += 1
            edges = [-1] * len(self.alphabet)
            self._edges.append(edges)
            for n, (_, make) in enumerate(self.alphabet):
                outcome = make(i, w)
                if outcome is None:
                    continue
                self.steps += 1
                nxt = self._step(here, n, i, w, *outcome)
                if nxt is None:
                    if self.every:
                        edges[n] = -2
                        continue
                    return
                mark = key(sl, *nxt)
                there = known.get(mark)
                if there is None:
                    there = known[mark] = len(known)
                    queue.append(nxt)
                    self._add(*nxt, (here, n))
                    if self.pairs_wanted:
                        concrete[there] = nxt
                elif self.pairs_wanted and self.steps % self.pairs_wanted == 0:
                    self.pairs.append((*concrete[there], *nxt))
                edges[n] = there
        self.nodes, self.closed = len(known), not queue

    def _add(self, i: Infusion, w: World, came: tuple[int, int]) -> None:
        self._came.append(came)
        self._calm.append(not (w.flowing or w.start_left or i.state.may_flow))
        self._ended.append(i.state.ended)

    def _step(
        self, here: int, n: int, i: Infusion, was: World, event: ev.Event | None, w: World
    ) -> tuple[Infusion, World] | None:
        try:
            step = take(self.slice, i, w, event)
        except ImpossibleTransitionError:
            self._note("table_is_kept", here, n)
            return None
        name = broken(step)
        if name is not None:
            self._note(name, here, n)
            return None
        if step.after.state is not i.state:
            self._note_ways(step)
        return step.after, step.world

    def _note_ways(self, step: Step) -> None:
        for action in step.actions:
            if isinstance(action, ev.Record) and action.kind == "state_changed":
                self.ways.add((State(action.body["from"]), State(action.body["to"])))

    def _note(self, name: str, here: int, n: int | None = None) -> None:
        if name in self.found:
            return
        path = [] if n is None else [self.alphabet[n][0]]
        while here > 0:
            here, n = self._came[here]
            path.append(self.alphabet[n][0])
        self.found[name] = Found(name, self.slice.name, tuple(reversed(path)))

    def _judge_paths(self) -> None:
        for node in range(len(self._edges)):
            if not self._stops(node):
                self._note("stop_reaches_no_flow", node)
                break
        if self.closed:
            self._judge_ends()

    def _stops(self, node: int) -> bool:
        """Stop, taken by the pump, then readings a tick apart."""
        for name in ("stop", "pump takes the stop", *("reading", "time passes") * 4):
            if node >= len(self._edges):
                return True  # not walked: the bound of the slice is nearer than eight steps
            there = self._edges[node][self._number[name]]
            if there == -2:
                return True  # a rule broke on this way, which says enough
            node = node if there < 0 else there
        return self._calm[node]

    def _judge_ends(self) -> None:
        back: list[list[int]] = [[] for _ in self._came]
        for node, edges in enumerate(self._edges):
            for there in edges:
                if there >= 0:
                    back[there].append(node)
        reached = list(self._ended)
        queue = deque(node for node, ended in enumerate(reached) if ended)
        while queue:
            for node in back[queue.popleft()]:
                if not reached[node]:
                    reached[node] = True
                    queue.append(node)
        if not all(reached):
            self._note("an_end_is_in_reach", reached.index(False))


def take(sl: Slice, i: Infusion, w: World, event: ev.Event | None) -> Step:
    """One step: what is told, what the infusion makes of it, and what its actions do to the world."""
    if event is None:
        return Step(sl, None, i, i, w, w, (), frozenset())
    told = tell(sl, i, w, event)
    after, actions = advance(i, event)
    world = carry(sl, i, after, told, actions)
    return Step(sl, event, i, after, told, world, actions, frozenset(map(type, actions)))


ALL = (
    "late lost occlusion alarm panel counter speed load forge start pause resume clear journal stray restart reconcile"
)

# `nodes` bounds what CI walks of a slice; the command walks those to their end too, save `whole`, which has none near.
SLICES = (
    Slice("start", "loading, confirming, starting; forged and old confirmations", "load forge start"),
    Slice("line", "late, lost and stray answers", "late lost start stray clear", dose=3, lease=4, confirmation=3),
    Slice("alarm", "alarms of the pump, the journal, clearing", "occlusion alarm journal clear", dose=3),
    Slice("counter", "a counter that jumps or goes back", "counter"),
    Slice("flow", "a pump that is too fast or gives nothing", "speed", dose=4),
    Slice("mean", "the same, seen by the mean alone", "speed", dose=5, deviation_floor="90", mismatch_floor="9"),
    Slice("sum", "the same, seen by the sum alone", "speed", dose=5, deviation_floor="90", mean_percent=900),
    Slice("doubt", "restarts, answers lost to a start, displays read", "restart reconcile start late"),
    Slice("again", "the same trip twice", "occlusion clear resume", same_trips=2, nodes=2_000),
    Slice(
        "stand",
        "somebody at a pump that stands in a pause; remainders that do not load",
        "panel pause resume load restart",
        dose=3,
        nodes=3_000,
    ),
    Slice("panel", "somebody at the pump", "panel clear", nodes=3_000),
    Slice("pause", "pauses, remainders, their budgets", "pause resume lost", dose=3, nodes=3_000),
    Slice(
        "pauses",
        "one pause, as long as the window",
        "pause resume",
        3,
        3,
        pauses=1,
        pause_total=9,
        pause_single=9,
        nodes=2_000,
    ),
    Slice("whole", "all of it", ALL, dose=3, nodes=1_500),
)
WHOLE = 150_000  # nodes of `whole` that the command walks


@dataclass(frozen=True)
class Gap:
    """A rule that the machine as it is does not keep: the event that shows it, and what would mend it."""

    slice: Slice
    rule: str
    about: str


GAPS = (
    Gap(
        Slice("purge", "a purge at the pump", "purge"),
        "change_at_the_panel_stops",
        "a purge in STARTING, or once the volume is given, is not stopped at once",
    ),
    Gap(
        Slice("hasty", "a display read while the pump flows", "hasty start"),
        "no_flow_where_none_is_said",
        "a display read right after an unanswered start ends the stop, on a reading from before that start",
    ),
    Gap(
        Slice("unseen", "flow at the panel between two readings", "unseen pause resume", dose=3),
        "delivered_is_bounded",
        "flow that began and ended between two readings of a pause is not counted, and is given again",
    ),
)


def report(explorers: list[Explorer]) -> str:
    lines = ["| slice | what happens in it | nodes | steps | closed | seconds |", "|---|---|---|---|---|---|"]
    for e in explorers:
        end = "yes" if e.closed else "no"
        lines.append(f"| {e.slice.name} | {e.slice.about} | {e.nodes:,} | {e.steps:,} | {end} | {e.seconds:.1f} |")
    nodes, steps, seconds = (sum(getattr(e, name) for e in explorers) for name in ("nodes", "steps", "seconds"))
    lines.append(f"| **all** | | {nodes:,} | {steps:,} | | {seconds:.1f} |")
    return "\n".join(lines) + "\n"


def ways_not_taken(explorers: list[Explorer]) -> set[tuple[State, State]]:
    return {(a, b) for a, ways in TRANSITIONS.items() for b in ways} - set().union(*(e.ways for e in explorers))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Walk every order of events, and judge by the pump's truth.")
    parser.add_argument("--slice", action="append", choices=[s.name for s in SLICES], help="only these")
    parser.add_argument("--ci", action="store_true", help="only CI's share")
    parser.add_argument("--nodes", type=int, help=f"bound of `whole`, {WHOLE} untold")
    parser.add_argument("--mutants", action="store_true", help="only the mutants")
    parser.add_argument("--doc", action="store_true", help="write docs/explanations/exploration.md")
    told = parser.parse_args(argv)
    explorers: list[Explorer] = []
    if not told.mutants:
        for each in SLICES:
            if not told.slice or each.name in told.slice:
                most = each.nodes if told.ci else (told.nodes or WHOLE) if each.name == "whole" else None
                explorers.append(Explorer(replace(each, nodes=most), every=True).run())
                print(f"{each.name}: {explorers[-1].nodes:,} nodes", file=sys.stderr)
        print(report(explorers))
        if not told.slice:
            print("ways not taken:", sorted(ways_not_taken(explorers)) or "none")
        print("memory:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB")
    found = [str(f) for e in explorers for f in e.found.values()]
    print("\n".join(found) or "every rule holds")
    if told.mutants or told.doc:
        from tests.infusion import mutants

        table = mutants.table()
        print(table)
        if told.doc:
            mutants.write_page(report(explorers), table)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
