"""What the pump does and reports, and what people do at its panel."""

from dataclasses import replace

from pumpd.infusion import Infusion, State
from pumpd.infusion import events as ev
from pumpd.pump import PumpAlarm, PumpState, Reading
from tests.exploration.happenings.alphabet import Outcome, at_ns, happens
from tests.exploration.slices import ALTERED, NORMAL, OTHERS, RATE, RATES, TICK, units, volume
from tests.exploration.world import Line, World

NOTHING = volume(0)
# What a person makes the pump give then is not of an infusion: pumpd stops it, and orders no rest after it.
AWAY = (State.ORDERED, State.COMPLETED, State.STOPPED, State.ABANDONED)


@happens("base", "time passes")
def _sleep(i: Infusion, w: World) -> Outcome:
    if w.other[1]:
        w = w._replace(other=_flowed(w.other))
    if not w.flowing or w.held is None:
        return None, w._replace(now=w.now + 1)
    more = min(w.speed * w.pace_now // NORMAL, w.held[0] - w.shown)
    return None, w._replace(
        now=w.now + 1, shown=w.shown + more, given=w.given + more, flowing=w.shown + more < w.held[0]
    )


def _flowed(other: tuple[int, bool]) -> tuple[int, bool]:
    """The other pump, a tick later."""
    shown = min(other[0] + NORMAL, OTHERS)
    return shown, shown < OTHERS


@happens("base", "time is checked")
def _time_passed(i: Infusion, w: World) -> Outcome:
    return ev.TimePassed(at_ns(w)), w


def _read(w: World, late: int = 0, **reported: object) -> Outcome:
    """A true reading, except for altered fields. If it shows no flow, a start that was sent has been lost."""
    if w.line is not Line.OURS:
        return None if reported or w.line is Line.OUT else _read_other(w)
    state = PumpState.INFUSING if w.flowing else PumpState.STOPPED
    rate = RATES[w.pace_now] if w.held is None or w.held[1] else ALTERED
    reading = Reading((w.now - late) * TICK, at_ns(w), state, rate, volume(w.counter))
    return ev.ReadingTaken(at_ns(w), replace(reading, **reported) if reported else reading), w._replace(
        start_left=False
    )  # type: ignore[arg-type]


def _read_other(w: World) -> Outcome:
    shown, flowing = w.other
    state = PumpState.INFUSING if flowing else PumpState.STOPPED
    return ev.ReadingTaken(at_ns(w), Reading(at_ns(w), at_ns(w), state, RATE, volume(shown))), w


@happens("base", "reading")
def _reading(i: Infusion, w: World) -> Outcome:
    return _read(w)


@happens("late", "reading asked for a tick ago")
def _late(i: Infusion, w: World) -> Outcome:
    return _read(w, 1)


@happens("late", "reading asked for two ticks ago")
def _later(i: Infusion, w: World) -> Outcome:
    return _read(w, 2)


@happens("lost", "reading failed")
def _failed(i: Infusion, w: World) -> Outcome:
    return ev.ReadingFailed(at_ns(w), "no answer"), w


@happens("lost", "link lost")
def _link_lost(i: Infusion, w: World) -> Outcome:
    return ev.ReadingFailed(at_ns(w), "no port", link_lost=True), w


def _alarm(name: str, state: PumpState | None, *alarms: PumpAlarm, group: str = "alarm") -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        if state is None:
            return _read(w, alarms=alarms)
        return _read(w._replace(flowing=False), state=state, alarms=alarms)


_alarm("occlusion", PumpState.ALARM, PumpAlarm.OCCLUSION, group="occlusion")
_alarm("pump fault", PumpState.ALARM, PumpAlarm.PUMP_FAULT)
_alarm("alarm without a name", PumpState.ALARM)
_alarm("alarm of a pump that reports stopped", PumpState.STOPPED, PumpAlarm.OCCLUSION)
_alarm("alarm of a pump that keeps flowing", None, PumpAlarm.AIR_IN_LINE)
_alarm("battery low", None, PumpAlarm.BATTERY_LOW)


@happens("panel", "stopped at the panel")
def _panel_stop(i: Infusion, w: World) -> Outcome:
    return (None, w._replace(flowing=False)) if w.flowing else None


@happens("panel", "started at the panel")
def _panel_start(i: Infusion, w: World) -> Outcome:
    if w.flowing or w.held is None or w.shown >= w.held[0] or w.start_left:
        return None
    blink = w.load_open or w.plan is not None
    w = w._replace(by_hand=w.by_hand or i.state in AWAY, lied=w.lied or w.lost, blink=w.blink or blink)
    return None, w._replace(flowing=True, by_panel=True, unseen=True, stop_left=False)


@happens("panel", "flow continued past the volume at the panel")
def _panel_more(i: Infusion, w: World) -> Outcome:
    """The volume is raised by hand: the excess belongs to no program, so the bound on the volume no longer applies.

    It is raised to what the syringe holds, at most.
    """
    if w.flowing or w.held is None or w.shown < w.held[0] or w.shown + NORMAL > units(i.container or NOTHING):
        return None
    held = (w.shown + NORMAL, w.held[1])
    w = w._replace(by_hand=w.by_hand or i.state in AWAY, lied=True)
    return None, w._replace(flowing=True, by_panel=True, unseen=True, stop_left=False, held=held)


@happens("panel", "rate set at the panel")
def _panel_rate(i: Infusion, w: World) -> Outcome:
    return (None, w._replace(held=(w.held[0], False))) if w.held else None


@happens("panel", "purge")
def _purge(i: Infusion, w: World) -> Outcome:
    return _read(w, state=PumpState.PURGING)


@happens("panel", "pump waits")
def _waits(i: Infusion, w: World) -> Outcome:
    """The pump waits for a time or trigger to start by itself: no flow now, but not stopped."""
    return None if w.flowing else _read(w, state=PumpState.WAITING)


@happens("panel", "pump paused")
def _paused(i: Infusion, w: World) -> Outcome:
    return None if w.flowing else _read(w, state=PumpState.PAUSED)


@happens("unseen", "flow at the panel that no reading sees")
def _unseen(i: Infusion, w: World) -> Outcome:
    """It takes a tick, so it cannot happen in the moment between the poll for a resume and the load."""
    busy = w.flowing or w.start_left or w.load_open or w.plan is not None or i.state.may_flow
    if busy or w.held is None or w.shown + w.pace > w.held[0]:
        return None
    w = w._replace(by_hand=w.by_hand or i.state in AWAY, lied=w.lied or w.lost)
    return None, w._replace(now=w.now + 1, shown=w.shown + w.pace, given=w.given + w.pace, by_panel=True, unseen=True)


@happens("counter", "counter jumps past the volume")
def _jump(i: Infusion, w: World) -> Outcome:
    return _read(w._replace(lied=True), delivered=volume(w.vtbi + 2))


@happens("counter", "counter jumps past the volume by more than 0.1 mL, pump stopped")
def _jump_still(i: Infusion, w: World) -> Outcome:
    return None if w.flowing else _read(w._replace(lied=True), delivered=volume(w.vtbi + 4))


@happens("counter", "counter goes back")
def _back(i: Infusion, w: World) -> Outcome:
    return _read(w._replace(lied=True), delivered=volume(0))


@happens("supply", "pump loses its supply, and its count with it")
def _supply(i: Infusion, w: World) -> Outcome:
    """As the worst case the pump keeps its program. Nothing shows what it gave since the last poll.

    What a person made it give by hand since then, before or after the loss, can no longer be known.
    """
    lied = w.lied or (w.by_panel and w.unseen)
    return None, w._replace(flowing=False, start_left=False, start_open=False, shown=0, lied=lied, lost=True)


@happens("supply", "reading of a pump that reports a restart")
def _woke(i: Infusion, w: World) -> Outcome:
    return None if w.flowing else _read(w, state=PumpState.ALARM, alarms=(PumpAlarm.PUMP_RESET,))


def _speed(name: str, speed: int, group: str = "speed") -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        return (None, w._replace(speed=speed)) if w.flowing and w.speed == NORMAL else None


_speed("pump runs half as fast again", 3)
_speed("pump runs at twice the rate", 4)
_speed("pump reports infusing and gives nothing", 0)
_speed("pump runs at half the rate", 1, "slow")
