"""What can happen to a command on the line: carried out or not, answered or not, late, or an unexpected answer."""

from collections.abc import Callable

from pumpd.infusion import Infusion, State
from pumpd.infusion import events as ev
from pumpd.pump import Done, Refused, Unknown
from tests.exploration.happenings.alphabet import Outcome, at_ns, happens
from tests.exploration.slices import ALTERED, NORMAL, RATES, TICK, program
from tests.exploration.world import Line, World, ordered


def _loaded_elsewhere(w: World, outcome: Done[None] | Unknown) -> Outcome:
    if isinstance(outcome, Unknown):
        return ev.ProgramLoaded(at_ns(w), outcome), w._replace(load_open=False)
    if w.line is Line.OUT or w.other[1]:
        return None
    return ev.ProgramLoaded(at_ns(w), outcome), w._replace(load_open=False, other=(0, False))


def _loaded(name: str, group: str, outcome: object, rate: bool | None) -> None:
    @happens(group, name)
    def _make(i: Infusion, w: World) -> Outcome:
        if not w.load_open or (w.flowing and isinstance(outcome, Done)):
            return None  # a flowing pump accepts no program
        if w.line is not Line.OURS:
            return None if isinstance(outcome, Refused) else _loaded_elsewhere(w, outcome)
        w = w._replace(load_open=False)
        if rate is not None and not w.flowing:
            w = w.loaded_now(w.vtbi, right=rate)
        return ev.ProgramLoaded(at_ns(w), outcome), w  # type: ignore[arg-type]


_loaded("loaded", "base", Done(None), rate=True)
_loaded("load refused", "load", Refused(("no",)), rate=None)
_loaded("load not answered", "load", Unknown("silence"), rate=True)
_loaded("loaded at another rate", "load", Done(None), rate=False)


@happens("load", "loaded with a larger volume")
def _loaded_more(i: Infusion, w: World) -> Outcome:
    if not w.load_open or w.flowing or w.line is not Line.OURS:
        return None
    return ev.ProgramLoaded(at_ns(w), Done(None)), w._replace(load_open=False).loaded_now(w.vtbi + NORMAL)


@happens("base", "read back")
def _read_back(i: Infusion, w: World) -> Outcome:
    """Another pump holds an equal program, as the worst case."""
    if not w.back_open or w.held is None or w.line is Line.OUT:
        return None
    held = (
        ordered(w) if w.line is Line.OTHER else program(w.held[0], RATES[w.pace] if w.held[1] else ALTERED, w.held_turn)
    )
    return ev.ProgramReadBack(at_ns(w), Done(held)), w._replace(back_open=False)


def _no_read_back(name: str, outcome: object) -> None:
    @happens("load", name)
    def _make(i: Infusion, w: World) -> Outcome:
        if not w.back_open or (w.line is not Line.OURS and not isinstance(outcome, Unknown)):
            return None
        return ev.ProgramReadBack(at_ns(w), outcome), w._replace(back_open=False)  # type: ignore[arg-type]


_no_read_back("read-back refused", Refused(("no",)))
_no_read_back("read-back not answered", Unknown("silence"))


def _flowing(w: World) -> World:
    """The pump that the cable leads to has carried out a start."""
    if w.line is Line.OTHER:
        return w._replace(other=(w.other[0], True))
    return w._replace(flowing=True, by_panel=False)


@happens("base", "pump carries out the start")
def _takes_start(i: Infusion, w: World) -> Outcome:
    if not w.start_left:
        return None
    w = w._replace(start_left=False)
    return None, _flowing(w)


@happens("base", "start answered")
def _start_done(i: Infusion, w: World) -> Outcome:
    if not w.start_open or w.line is Line.OUT:
        return None
    if w.start_left:
        w = _flowing(w)
    return ev.StartAnswered(at_ns(w), Done(None)), w._replace(start_open=False, start_left=False)


@happens("start", "start answered, pump stays stopped")
def _start_idle(i: Infusion, w: World) -> Outcome:
    if not (w.start_open and w.start_left):
        return None
    return ev.StartAnswered(at_ns(w), Done(None)), w._replace(start_open=False, start_left=False)


@happens("start", "start refused")
def _start_refused(i: Infusion, w: World) -> Outcome:
    if not (w.start_open and not w.flowing and w.line is Line.OURS):
        return None
    return ev.StartAnswered(at_ns(w), Refused(("no",))), w._replace(start_open=False, start_left=False)


@happens("start", "start not answered")
def _start_unknown(i: Infusion, w: World) -> Outcome:
    return (ev.StartAnswered(at_ns(w), Unknown("silence")), w._replace(start_open=False)) if w.start_open else None


@happens("base", "pump carries out the stop")
def _takes_stop(i: Infusion, w: World) -> Outcome:
    if not w.stop_pending:  # a stop that was sent before is answered
        answered = i.state.ending and w.line is not Line.OUT
        return (ev.StopAnswered(at_ns(w), Done(None)), w._replace(stop_left=False)) if answered else None
    if w.line is Line.OTHER:
        return ev.StopAnswered(at_ns(w), Done(None)), w._replace(stop_left=False, other=(w.other[0], False))
    return ev.StopAnswered(at_ns(w), Done(None)), w._replace(
        stop_left=False, flowing=False, start_left=False, start_open=False
    )


def _stale(name: str, make: Callable[[World, int], ev.Event], when: Callable[[Infusion, World], bool]) -> None:
    """An answer to a question asked a tick ago, before the step that it would prove."""

    @happens("stale", f"{name} asked for a tick ago")
    def _make(i: Infusion, w: World) -> Outcome:
        return (make(w, (w.now - 1) * TICK), w) if when(i, w) else None


_stale(
    "read-back",
    lambda w, asked: ev.ProgramReadBack(at_ns(w), Done(ordered(w)), asked_ns=asked),
    lambda i, w: i.state in (State.LOADING, State.ARMED) and w.now - 1 < w.back_from,
)
_stale(
    "load",
    lambda w, asked: ev.ProgramLoaded(at_ns(w), Done(None), asked_ns=asked),
    lambda i, w: i.state is State.LOADING and w.now == w.loading,
)
_stale(
    "start",
    lambda w, asked: ev.StartAnswered(at_ns(w), Done(None), asked_ns=asked),
    lambda i, w: i.state is State.STARTING and w.now == w.start_at,
)


def _stray(name: str, make: Callable[[World], ev.Event], unless: Callable[[Infusion, World], bool]) -> None:
    @happens("stray", f"stray {name}")
    def _make(i: Infusion, w: World) -> Outcome:
        return None if unless(i, w) else (make(w), w)


_stray("start done", lambda w: ev.StartAnswered(at_ns(w), Done(None)), lambda i, w: w.start_open)
_stray("start refused", lambda w: ev.StartAnswered(at_ns(w), Refused(("no",))), lambda i, w: w.start_open)
_stray("start unknown", lambda w: ev.StartAnswered(at_ns(w), Unknown("?")), lambda i, w: w.start_open)
_stray("load done", lambda w: ev.ProgramLoaded(at_ns(w), Done(None)), lambda i, w: i.state is State.LOADING)
_stray("stop done", lambda w: ev.StopAnswered(at_ns(w), Done(None)), lambda i, w: False)
_stray(
    "read-back",
    lambda w: ev.ProgramReadBack(at_ns(w), Done(ordered(w))),
    lambda i, w: i.state in (State.LOADING, State.ARMED),
)
_stray(
    "read-back of another program",
    lambda w: ev.ProgramReadBack(at_ns(w), Done(program(w.vtbi, ALTERED))),
    lambda i, w: i.state in (State.LOADING, State.ARMED),
)
_stray(
    "plan",
    lambda w: ev.SegmentPlanned(at_ns(w), ev.Segment("stolen", program(w.vtbi + 9))),
    lambda i, w: i.state is State.PAUSED,
)
