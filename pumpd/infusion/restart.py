"""What is decided after a restart, for each state of the pump and of the journal (PWR-04): one decision in each cell.

`advance` carries the decisions out, beginning with the event ControlRestarted; where there is no infusion, control
does. The tests check both against this table, cell by cell; docs/reference/restart.md is printed from it. No decision
lets anything start, or continue, by itself (PWR-03).
"""

from dataclasses import dataclass
from enum import StrEnum

from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State


class Found(StrEnum):
    """The pump as this process found it."""

    FLOWING = "flowing"
    STOPPED = "stopped"
    RESET = "stopped, its counter lost"
    SILENT = "does not answer"


class Left(StrEnum):
    """The journal as the previous process left it."""

    NOTHING = "nothing under way"
    PREPARED = "an order before its first flow"
    STARTING = "a start without an answer"
    RUNNING = "a flow, or a pause being made"
    STOPPING = "a stop under way"
    UNCERTAIN = "uncertain whether it started"
    PAUSED = "a pause"
    TRIPPED = "a trip"
    REMAINDER = "a remainder being prepared"
    UNREADABLE = "not readable or not consistent"


@dataclass(frozen=True, slots=True)
class Decision:
    """`stop`: stops are sent until readings confirm that the pump stopped. `state`: the state that the infusion then
    has.
    """

    stop: bool
    state: State | None
    text: str


_WAIT = Decision(stop=False, state=None, text="nothing; orders are taken")
_AWAY = Decision(stop=False, state=None, text="the pump is not available; control keeps trying, no order is taken")
_STOP = Decision(stop=True, state=None, text="stop; no infusion explains the flow")
_DROP = Decision(stop=False, state=State.ABANDONED, text="the order and its confirmation are dropped")
_DROP_AND_STOP = Decision(stop=True, state=State.ABANDONED, text="the order is dropped; stop, pumpd did not start it")
_DOUBT = Decision(stop=True, state=State.TRIPPED, text="stop; it may have started: a person reads the pump's display")
_DOUBT_AWAY = Decision(stop=True, state=State.UNCERTAIN, text="stop; alarm at 3 s; the worst case is booked")
_END = Decision(stop=True, state=State.TRIPPED, text="stop; a person clears, then resumes with a new confirmation")
_END_BOOKED = Decision(stop=True, state=State.TRIPPED, text="stop; the worst case is booked until a person reads it")
_END_AWAY = Decision(stop=True, state=State.STOPPING, text="stop; alarm at 3 s; the worst case is booked")
_STOPPED = Decision(stop=True, state=State.STOPPED, text="stop; the infusion has ended")
_KEEP_PAUSE = Decision(stop=False, state=State.PAUSED, text="it stays paused; a person resumes with a new confirmation")
_KEEP_TRIP = Decision(stop=False, state=State.TRIPPED, text="it stays tripped until a person clears it")
_PANEL = Decision(stop=True, state=State.TRIPPED, text="stop; it was started at its panel")
_NONE = Decision(stop=False, state=None, text="nothing is started; high alarm")
_STOP_NONE = Decision(stop=True, state=None, text="stop; nothing is started; high alarm")

DECISIONS: dict[Left, dict[Found, Decision]] = {
    left: dict(zip(Found, decisions, strict=True))
    for left, decisions in {
        #                FLOWING         STOPPED      RESET        SILENT
        Left.NOTHING: (_STOP, _WAIT, _WAIT, _AWAY),
        Left.PREPARED: (_DROP_AND_STOP, _DROP, _DROP, _DROP),
        Left.STARTING: (_DOUBT, _DOUBT, _DOUBT, _DOUBT_AWAY),
        Left.RUNNING: (_END, _END, _END_BOOKED, _END_AWAY),
        Left.STOPPING: (_STOPPED, _STOPPED, _END_BOOKED, _END_AWAY),
        Left.UNCERTAIN: (_DOUBT, _DOUBT, _DOUBT, _DOUBT_AWAY),
        Left.PAUSED: (_PANEL, _KEEP_PAUSE, _KEEP_PAUSE, _KEEP_PAUSE),
        Left.TRIPPED: (_PANEL, _KEEP_TRIP, _KEEP_TRIP, _KEEP_TRIP),
        Left.REMAINDER: (_PANEL, _KEEP_TRIP, _KEEP_TRIP, _KEEP_TRIP),
        Left.UNREADABLE: (_STOP_NONE, _NONE, _NONE, _NONE),
    }.items()
}


def left_by(infusion: Infusion | None) -> Left:
    """The table's entry for an infusion as the journal gives it, or for none under way."""
    if infusion is None or infusion.state.ended:
        return Left.NOTHING
    match infusion.state:
        case State.STARTING:
            return Left.STARTING
        case State.RUNNING | State.COMPLETING | State.PAUSING:
            return Left.RUNNING
        case State.STOPPING:
            return Left.STOPPING
        case State.UNCERTAIN:
            return Left.UNCERTAIN
        case State.PAUSED:
            return Left.PAUSED
        case State.TRIPPED:
            return Left.TRIPPED
        case _:
            return Left.PREPARED if infusion.started_ns is None else Left.REMAINDER


def table() -> str:
    """The decisions as a Markdown table."""
    lines = [f"| the journal has | {' | '.join(f'pump {found.value}' for found in Found)} |", "|---|---|---|---|---|"]
    for left, decisions in DECISIONS.items():
        cells = [f"{one.text}{f' (`{one.state.value}`)' if one.state else ''}" for one in decisions.values()]
        lines.append(f"| {left.value} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
