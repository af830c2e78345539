"""What our cable leads to: it goes out, and comes back on our pump or on another one that nothing distinguishes.

Whenever it comes back, the event says so before anything else is read. That no other pump is alike is said only of a
pump from elsewhere: it may be idle, or stopped, or flow with a count that ours cannot have.
"""

from pumpd.infusion import Infusion
from pumpd.infusion import events as ev
from tests.exploration.happenings.alphabet import Outcome, at_ns, happens
from tests.exploration.slices import OTHERS
from tests.exploration.world import Line, World


def _moved(w: World, line: Line, other: tuple[int, bool] = (0, False)) -> World:
    """What was on the way is lost."""
    return w._replace(line=line, other=other, start_left=False, stop_left=False)


@happens("cable", "the cable goes out")
def _out(i: Infusion, w: World) -> Outcome:
    return None if w.line is Line.OUT or i.state.ended else (None, _moved(w, Line.OUT))


@happens("cable", "the cable goes out once the pump has taken the load, before its answer")
def _out_loaded(i: Infusion, w: World) -> Outcome:
    if not w.load_open or w.flowing or w.line is not Line.OURS:
        return None
    return None, _moved(w._replace(load_open=False).loaded_now(w.vtbi), Line.OUT)


def _back(name: str, *, others: bool) -> None:
    @happens("cable", name)
    def _make(i: Infusion, w: World) -> Outcome:
        if i.state.ended:
            return None
        return ev.PumpDoubted(at_ns(w), "the link was lost", others), _moved(w, Line.OURS)


_back(BACK := "the cable is back on our pump, another is alike", others=True)
_back("the cable is back on our pump, no other is alike", others=False)


def _swapped(name: str, *, twin: bool, flowing: bool, others: bool) -> None:
    """`twin`: it has counted exactly what our pump has."""

    @happens("cable", name)
    def _make(i: Infusion, w: World) -> Outcome:
        count = w.shown if twin else abs(w.shown - 1) if flowing else 0
        if i.state.ended or (flowing and count >= OTHERS) or (twin and not flowing and not count):
            return None
        return ev.PumpDoubted(at_ns(w), "the link was lost", others), _moved(w, Line.OTHER, (count, flowing))


_swapped("the cable is on an idle pump, another is alike", twin=False, flowing=False, others=True)
_swapped("the cable is on an idle pump from elsewhere", twin=False, flowing=False, others=False)
_swapped("the cable is on a stopped pump with our count", twin=True, flowing=False, others=True)
_swapped("the cable is on a stopped pump from elsewhere with our count", twin=True, flowing=False, others=False)
_swapped("the cable is on a flowing pump with our count", twin=True, flowing=True, others=True)
_swapped("the cable is on a flowing pump with another count", twin=False, flowing=True, others=True)
_swapped("the cable is on a flowing pump from elsewhere with another count", twin=False, flowing=True, others=False)


@happens("cable", "the other pump, doubled, is started from its own bed")
def _other_starts(i: Infusion, w: World) -> Outcome:
    """Not one from elsewhere: no bed here has it."""
    if w.line is not Line.OTHER or not w.others or w.other[1] or w.other[0] >= OTHERS:
        return None
    return None, w._replace(other=(w.other[0], True), stop_left=False)


@happens("cable", "the other pump, doubled, is stopped from its own bed")
def _other_stops(i: Infusion, w: World) -> Outcome:
    return (None, w._replace(other=(w.other[0], False))) if w.other[1] else None


@happens("cable", "our pump stops away from its cable")
def _stops_away(i: Infusion, w: World) -> Outcome:
    """By its own watchdog, or from the bed that its cable leads to."""
    return (None, w._replace(flowing=False)) if w.line is not Line.OURS and w.flowing else None


@happens("cable", IDENTIFIED := "a person identifies the pump")
def _identified(i: Infusion, w: World) -> Outcome:
    """The test passes only with the cable of our pump."""
    if w.line is not Line.OURS or w.doubted is None or i.state.ended:
        return None
    return ev.PumpIdentified(at_ns(w), "nurse"), w
