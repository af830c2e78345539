"""The active alarms of a gateway: who has seen them, what sounds, and what happens when nobody acts. Pure.

Promises:
- Acknowledging records who has seen an alarm and ends its escalation. It clears nothing and silences nothing.
- Sound is paused for 120 s at most, for the alarms that are active at that moment. A later alarm, a higher one, or the
  loss of the tablet that paused it brings the sound back (ALM-05, ALM-06, COM-11).
- A HIGH alarm that nobody has acknowledged for 60 s escalates, once (ALM-14).

A frozen value with time as an argument; instants are monotonic nanoseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from pumpd.quantities import NS_PER_S

AUDIO_PAUSE_NS = 120 * NS_PER_S  # ALM-05
ESCALATE_NS = 60 * NS_PER_S  # ALM-14 [P]

Key = tuple[str, AlarmCode]  # pump (empty: the gateway), code


@dataclass(frozen=True, slots=True)
class Active:
    raised_ns: int
    acknowledged_by: str = ""
    acknowledged_ns: int | None = None
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class AudioPause:
    until_ns: int
    by: str
    tablet: str  # the pause ends when this tablet is lost; empty: none


class Ended(StrEnum):
    """Why the sound is back."""

    TIME = "time"
    NEW_ALARM = "new_alarm"
    TABLET_LOST = "tablet_lost"
    NO_ALARM = "no_alarm"


@dataclass(frozen=True, slots=True)
class Escalated:
    key: Key


@dataclass(frozen=True, slots=True)
class AudioResumed:
    why: Ended


Change = Escalated | AudioResumed


@dataclass(frozen=True, slots=True)
class Board:
    active: Mapping[Key, Active] = field(default_factory=dict)
    pause: AudioPause | None = None

    def update(self, keys: frozenset[Key], now_ns: int) -> tuple["Board", tuple[Change, ...]]:
        """Set the alarms that are active now."""
        if keys == self.active.keys() and (keys or self.pause is None):
            return self, ()
        new = keys - self.active.keys()
        kept = {key: state for key, state in self.active.items() if key in keys}
        board = replace(self, active=kept | {key: Active(now_ns) for key in sorted(new)})
        if self.pause is not None and (new or not keys):
            return replace(board, pause=None), (AudioResumed(Ended.NEW_ALARM if new else Ended.NO_ALARM),)
        return board, ()

    def tick(self, now_ns: int) -> tuple["Board", tuple[Change, ...]]:
        """Apply the passing of time."""
        changes: list[Change] = []
        board = self
        for key, state in self.active.items():
            at = _escalates_ns(key, state)
            if at is not None and now_ns >= at:
                board = board._with(key, replace(state, escalated=True))
                changes.append(Escalated(key))
        if self.pause is not None and now_ns >= self.pause.until_ns:
            board = replace(board, pause=None)
            changes.append(AudioResumed(Ended.TIME))
        return board, tuple(changes)

    def acknowledge(self, key: Key, by: str, now_ns: int) -> "Board":
        """A person has seen it. Raises KeyError when it is not active; a second time changes nothing."""
        state = self.active[key]
        if state.acknowledged_ns is not None:
            return self
        return self._with(key, replace(state, acknowledged_by=by, acknowledged_ns=now_ns))

    def pause_audio(self, by: str, tablet: str, now_ns: int) -> "Board":
        return replace(self, pause=AudioPause(now_ns + AUDIO_PAUSE_NS, by, tablet))

    def tablet_lost(self, tablet: str) -> tuple["Board", tuple[Change, ...]]:
        if self.pause is None or self.pause.tablet != tablet:
            return self, ()
        return replace(self, pause=None), (AudioResumed(Ended.TABLET_LOST),)

    def next_ns(self) -> int | None:
        """When `tick` next has something to do."""
        ends = [at for key, state in self.active.items() if (at := _escalates_ns(key, state)) is not None]
        if self.pause is not None:
            ends.append(self.pause.until_ns)
        return min(ends, default=None)

    @property
    def highest(self) -> Priority | None:
        return max((ALARM_TABLE[code].priority for _, code in self.active), default=None)

    @property
    def sounding(self) -> Priority | None:
        """The priority whose signal sounds now."""
        return None if self.pause is not None else self.highest

    def _with(self, key: Key, state: Active) -> "Board":
        return replace(self, active={**self.active, key: state})


def _escalates_ns(key: Key, state: Active) -> int | None:
    if ALARM_TABLE[key[1]].priority is not Priority.HIGH or state.escalated or state.acknowledged_ns is not None:
        return None
    return state.raised_ns + ESCALATE_NS
