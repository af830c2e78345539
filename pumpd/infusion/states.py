"""The states of an infusion and the table of transitions between them.

`may_flow` is what must be assumed of the pump: in such a state pumpd keeps a lease, polls, and has a stop ready. The
table is complete: `advance()` makes no other transition, and docs/reference/states.md is printed from it.
"""

from enum import StrEnum

from pumpd.texts import Text, text


class State(StrEnum):
    ORDERED = "ordered"
    LOADING = "loading"
    READY = "ready"
    ARMED = "armed"
    STARTING = "starting"
    RUNNING = "running"
    COMPLETING = "completing"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    UNCERTAIN = "uncertain"
    TRIPPED = "tripped"
    COMPLETED = "completed"
    STOPPED = "stopped"
    ABANDONED = "abandoned"

    @property
    def may_flow(self) -> bool:
        return self in _MAY_FLOW

    @property
    def ended(self) -> bool:
        return self in _ENDED

    @property
    def ending(self) -> bool:
        """A stop is under way and is repeated until it is confirmed."""
        return self in _ENDING

    @property
    def word(self) -> Text:
        """Its name as a message, for a reason that names it."""
        return _WORDS[self]


_WORDS: dict[str, Text] = {
    State.ORDERED: text("state.ordered", "ordered"),
    State.LOADING: text("state.loading", "loading"),
    State.READY: text("state.ready", "ready"),
    State.ARMED: text("state.armed", "armed"),
    State.STARTING: text("state.starting", "starting"),
    State.RUNNING: text("state.running", "running"),
    State.COMPLETING: text("state.completing", "completing"),
    State.PAUSING: text("state.pausing", "pausing"),
    State.PAUSED: text("state.paused", "paused"),
    State.STOPPING: text("state.stopping", "stopping"),
    State.UNCERTAIN: text("state.uncertain", "uncertain"),
    State.TRIPPED: text("state.tripped", "tripped"),
    State.COMPLETED: text("state.completed", "completed"),
    State.STOPPED: text("state.stopped", "stopped"),
    State.ABANDONED: text("state.abandoned", "abandoned"),
}

_MAY_FLOW = frozenset({State.STARTING, State.RUNNING, State.COMPLETING, State.PAUSING, State.STOPPING, State.UNCERTAIN})
_ENDED = frozenset({State.COMPLETED, State.STOPPED, State.ABANDONED})
_ENDING = frozenset({State.PAUSING, State.STOPPING, State.UNCERTAIN})

MEANING: dict[State, str] = {
    State.ORDERED: "accepted; nothing sent to the pump yet; waiting to see it idle, for a limited time",
    State.LOADING: "the program is being written to the pump and read back, for a limited time",
    State.READY: "the pump holds exactly the ordered program; waiting for a nurse's confirmation, for a limited time",
    State.ARMED: "confirmed; the pump and its program are read one last time before the start",
    State.STARTING: "start sent; waiting to see flow at the programmed rate",
    State.RUNNING: "flowing under a lease",
    State.COMPLETING: "the pump reports that the volume is given; waiting for readings that confirm it stopped",
    State.PAUSING: "stop sent in order to pause; waiting for readings that confirm it stopped",
    State.PAUSED: "no flow; may be resumed with a new confirmation while the budget lasts",
    State.STOPPING: "stop sent; repeated until readings confirm that the pump stopped",
    State.UNCERTAIN: "the answer to a start was lost; only status, stop and a person's reading; worst case booked",
    State.TRIPPED: "stopped by an interlock, latched until a person clears it",
    State.COMPLETED: "the whole volume was given",
    State.STOPPED: "ended before its volume",
    State.ABANDONED: "ended before any flow",
}

_STOP = "stop requested"
_PAUSE = "pause requested, or blood pressure not measured for too long"
_TRIP = "an interlock tripped"
_RESTART = "control restarted, or the pump's identity is in doubt, while a remainder was being prepared"
_DOUBT = "the pump's identity is in doubt, before the first flow: a person must identify it"
_RECONCILED = "a person read at the pump how much it gave"
_DROPPED = "order expired, stop requested, or control restarted, before the first flow"
_PANEL = "flow or change seen at the pump"

TRANSITIONS: dict[State, dict[State, str]] = {
    State.ORDERED: {
        State.LOADING: "pump seen idle, without alarm",
        State.ABANDONED: "pump not idle, or silent for too long, order expired, stop requested, or control restarted",
    },
    State.LOADING: {
        State.ORDERED: _DOUBT,
        State.READY: "program read back, equal to the order",
        State.ABANDONED: "load or read-back failed or took too long, before the first flow; or " + _DROPPED,
        State.TRIPPED: "load or read-back of a remainder failed or took too long; or " + _RESTART,
        State.STOPPED: "stop requested, or pause budget or window used up",
        State.STOPPING: _PANEL,
    },
    State.READY: {
        State.ORDERED: _DOUBT,
        State.TRIPPED: _RESTART,
        State.ARMED: "confirmation accepted",
        State.ABANDONED: _DROPPED,
        State.STOPPED: "stop requested, or pause budget or window used up",
        State.STOPPING: _PANEL,
    },
    State.ARMED: {
        State.ORDERED: _DOUBT,
        State.STARTING: "pump idle, program read back again, every interlock permits",
        State.READY: "an interlock refused; a new confirmation is needed",
        State.TRIPPED: _RESTART,
        State.ABANDONED: _DROPPED,
        State.STOPPED: "stop requested, or pause budget or window used up",
        State.STOPPING: _PANEL,
    },
    State.STARTING: {
        State.RUNNING: "pump answered and reports flow at the programmed rate",
        State.UNCERTAIN: "the answer to the start was lost, or control died before it was known",
        State.PAUSING: _PAUSE,
        State.STOPPING: "stop requested, start refused, no flow in time, or " + _TRIP,
    },
    State.RUNNING: {
        State.COMPLETING: "pump stopped by itself with the volume given",
        State.PAUSING: _PAUSE,
        State.STOPPING: "stop requested, or " + _TRIP,
    },
    State.COMPLETING: {
        State.COMPLETED: "two readings, no flow, volume unchanged",
        State.STOPPING: "stop requested, or " + _TRIP,
    },
    State.PAUSING: {
        State.PAUSED: "two readings, no flow, volume unchanged",
        State.STOPPING: "stop requested, control restarted, or " + _TRIP,
        State.STOPPED: _RECONCILED,
    },
    State.PAUSED: {
        State.LOADING: "resume requested: the remainder is loaded, read back and confirmed again",
        State.STOPPED: "stop requested, nothing left, or pause budget or window used up",
        State.STOPPING: _PANEL,
    },
    State.STOPPING: {
        State.STOPPED: "two readings, no flow, volume unchanged; or " + _RECONCILED,
        State.TRIPPED: "two readings, no flow, volume unchanged, after a trip, and no person asked for a stop since",
    },
    State.UNCERTAIN: {
        State.TRIPPED: "two readings, no flow, volume unchanged",
        State.STOPPED: _RECONCILED,
    },
    State.TRIPPED: {
        State.PAUSED: "a person cleared a trip that may be resumed",
        State.STOPPED: "a person cleared any other trip, or stop requested, or the window closed, or " + _RECONCILED,
        State.STOPPING: _PANEL,
    },
    State.COMPLETED: {},
    State.STOPPED: {},
    State.ABANDONED: {},
}


def table() -> str:
    """The states and their transitions as a Markdown page."""
    lines = ["| state | flow | meaning |", "|---|---|---|"]
    lines += [f"| `{s}` | {'may flow' if s.may_flow else 'no'} | {MEANING[s]} |" for s in State]
    lines += ["", "| from | to | when |", "|---|---|---|"]
    lines += [f"| `{a}` | `{b}` | {why} |" for a, ways in TRANSITIONS.items() for b, why in ways.items()]
    return "\n".join(lines) + "\n"
