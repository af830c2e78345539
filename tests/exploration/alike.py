"""Whether what the abstraction left out matters: two nodes with one key must have the same future.

Whatever can happen to one can happen to the other, breaks the same rules, and leads to nodes with one key again. If
that holds for all pairs of merged nodes, the merged search says as much as the full one would. Pairs are taken so that
every set of fields in which merged nodes were seen to differ is tried, not only the frequent ones.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import NamedTuple

from pumpd.infusion import Infusion
from tests.exploration.happenings import Happening
from tests.exploration.key import key
from tests.exploration.rules import broken
from tests.exploration.slices import TICK, Slice
from tests.exploration.step import take
from tests.exploration.world import World


class Pair(NamedTuple):
    """Two nodes with the same key."""

    one: tuple[Infusion, World]
    other: tuple[Infusion, World]


def unlike(sl: Slice, alphabet: Iterable[tuple[str, Happening]], pair: Pair) -> str | None:
    """How their futures differ, and in what the nodes do; None if they do not."""
    for name, make in alphabet:
        of_one, of_other = make(*pair.one), make(*pair.other)
        if (of_one is None) is not (of_other is None):
            return f"{name}: can happen to one only; they differ in {_shown(pair)}"
        if of_one is None or of_other is None:
            continue
        one = take(sl, pair.one[0], of_one[1], of_one[0])
        other = take(sl, pair.other[0], of_other[1], of_other[0])
        if broken(one) != broken(other):
            return f"{name}: breaks {broken(one)} or {broken(other)}; they differ in {_shown(pair)}"
        if key(sl, one.after, one.world) != key(sl, other.after, other.world):
            after = _shown(Pair((one.after, one.world), (other.after, other.world)))
            return f"{name}: leads to different nodes, in {after}; they differ in {_shown(pair)}"
    return None


_TEXTS = ("reason", "stopped_by", "confirmed_by", "requests", "segment", "challenge", "confirmed", "tripped", "place")
_INFUSION = tuple(each.name for each in fields(Infusion) if each.name not in _TEXTS)
_WORLD = tuple(name for name in World._fields if name not in ("digest", "open", "permit", "used", "now", "segments"))
_WORLD_INSTANTS = {
    *("permit_at", "back_from", "idle_at", "doubted", "lease", "asked", "answered", "started", "start_at", "run_from"),
    *("run_to", "first", "stop_first", "stop_last", "loading", "ordered_at"),
}


def differ_in(pair: Pair) -> frozenset[str]:
    """The names of the fields in which they differ, instants as ages; a field of the world has a prefix."""
    (i, w), (j, v) = pair
    later = (v.now - w.now) * TICK
    moved = i.moved(later) if later else i
    found = {name for name in _INFUSION if getattr(moved, name) != getattr(j, name)}
    for name in _WORLD:
        a, b = getattr(w, name), getattr(v, name)
        if a is not b and _aged(name, a, w.now) != _aged(name, b, v.now):
            found.add(f"world.{name}")
    return frozenset(found)


def _aged(name: str, value: object, now: int) -> object:
    if name in _WORLD_INSTANTS and isinstance(value, int):
        return now - value
    if name == "still" and isinstance(value, tuple):
        return (now - value[0], value[1])
    if name == "track" and isinstance(value, tuple):
        return tuple((now - tick, counted) for tick, counted in value)
    return value


def _shown(pair: Pair) -> str:
    (i, w), (j, v) = pair
    moved = i.moved((v.now - w.now) * TICK)
    found = [f"state {i.state}"]
    for name in sorted(differ_in(pair)):
        if name.startswith("world."):
            short = name.removeprefix("world.")
            values = _aged(short, getattr(w, short), w.now), _aged(short, getattr(v, short), v.now)
        else:
            values = getattr(moved, name), getattr(j, name)
        found.append(f"{name}: {values[0]} / {values[1]}")
    return "; ".join(found)
