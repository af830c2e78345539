"""One step of the exploration: an event, what the infusion made of it, and what that did to the world."""

from typing import NamedTuple

from pumpd.infusion import Infusion, State, advance, begin
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, Reading
from tests.exploration.slices import Slice
from tests.exploration.treatment import RestOrdered
from tests.exploration.witness import note_actions, note_event
from tests.exploration.world import World

FLOW = frozenset({State.STARTING, State.RUNNING, State.COMPLETING})
AT_REST = frozenset({State.LOADING, State.READY, State.ARMED, State.PAUSED, State.TRIPPED})
# After these a person may clear the trip and resume. Listed here again, to check the state machine's own list.
RESUMABLE = frozenset(
    {
        AlarmCode.OCCLUSION,
        AlarmCode.AIR_IN_LINE,
        AlarmCode.EMPTY,
        AlarmCode.DOOR_OPEN,
        AlarmCode.LINK_LOST,
        AlarmCode.LEASE_LAPSED,
        AlarmCode.PUMP_WATCHDOG,
        AlarmCode.CONTROL_RESTARTED,
        AlarmCode.DEADMAN_FAILED,
        AlarmCode.IDENTITY_DOUBTED,
    }
)


class Step(NamedTuple):
    slice: Slice
    event: ev.Event | RestOrdered | None
    before: Infusion
    after: Infusion
    noted: World  # once the event is known, before its actions
    world: World
    actions: tuple[ev.Action, ...]
    kinds: frozenset[type]

    @property
    def reading(self) -> Reading | None:
        """What our pump reports, as far as the witness knows."""
        return None if self.in_doubt else self.answer

    @property
    def answer(self) -> Reading | None:
        """What the pump reports that answers, whichever it is."""
        return self.event.reading if isinstance(self.event, ev.ReadingTaken) else None

    @property
    def in_doubt(self) -> bool:
        """Since the cable came back nobody has identified the pump, and control has not recognized it."""
        return self.noted.doubted is not None

    @property
    def stops(self) -> bool:
        """The stop is sent first, and the state is then a stop under way or its end, with a latched trip."""
        held = self.after.state in (State.STOPPING, State.UNCERTAIN, State.TRIPPED)
        return held and bool(self.after.trips) and type(self.actions[0]) is ev.StopPump


def take(sl: Slice, i: Infusion, w: World, event: ev.Event | RestOrdered | None) -> Step:
    """One step: the witness notes the event, the infusion advances, and its actions change the world."""
    if event is None:
        return Step(sl, None, i, i, w, w, (), frozenset())
    if isinstance(event, RestOrdered):
        infusion, begun = begin(event.infusion)
        return Step(sl, event, infusion, infusion, w, w, begun, frozenset(map(type, begun)))
    noted = note_event(sl, i, w, event)
    after, actions = advance(i, event)
    if any(isinstance(action, ev.PumpRecognized) for action in actions):
        noted = note_event(sl, i, w._replace(doubted=None), event)  # from this reading on it counts
    world = note_actions(sl, i, after, noted, actions)
    return Step(sl, event, i, after, noted, world, actions, frozenset(map(type, actions)))
