"""One step of the exploration: an event, what the infusion made of it, and what that did to the world."""

from typing import NamedTuple

from pumpd.infusion import Infusion, State, advance
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, Reading
from tests.exploration.slices import Slice
from tests.exploration.witness import carry, tell
from tests.exploration.world import World

FLOW = frozenset({State.STARTING, State.RUNNING, State.COMPLETING})
STANDING = frozenset({State.LOADING, State.READY, State.ARMED, State.PAUSED, State.TRIPPED})
# After these a person may clear the trip and resume: said here once more, so that the machine's list is judged too.
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
    }
)


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


def take(sl: Slice, i: Infusion, w: World, event: ev.Event | None) -> Step:
    """One step: what is told, what the infusion makes of it, and what its actions do to the world."""
    if event is None:
        return Step(sl, None, i, i, w, w, (), frozenset())
    told = tell(sl, i, w, event)
    after, actions = advance(i, event)
    world = carry(sl, i, after, told, actions)
    return Step(sl, event, i, after, told, world, actions, frozenset(map(type, actions)))
