"""The alphabet of what can happen: each letter is one small function, in a group that slices select.

A happening returns the event that pumpd sees (None if it sees nothing) and the world after it, or None if it cannot
happen now.
"""

from collections.abc import Callable

from pumpd.infusion import Infusion
from pumpd.infusion import events as ev
from tests.exploration.slices import TICK
from tests.exploration.treatment import RestOrdered
from tests.exploration.world import World

Outcome = tuple[ev.Event | RestOrdered | None, World] | None
Happening = Callable[[Infusion, World], Outcome]
HAPPENINGS: dict[str, tuple[str, Happening]] = {}


def happens(group: str, name: str) -> Callable[[Happening], Happening]:
    def add(make: Happening) -> Happening:
        HAPPENINGS[name] = (group, make)
        return make

    return add


def at_ns(w: World) -> int:
    return w.now * TICK
