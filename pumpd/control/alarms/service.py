"""The one list of active alarms, for tablet, command line, sound, telemetry and escalation (ALM-16).

Promises:
- `active` has the alarms of every source: infusions, unprescribed flow, monitored and lost pumps, and the gateway.
- Each raised alarm in the journal is followed by exactly one clear, also across a restart. An infusion records its own
  alarms; for all others this is the only place that writes `alarm_raised` and `alarm_cleared`.
- Nothing here touches an infusion: a lost tablet is an alarm, LOW and after a minute MEDIUM, and nothing more.
- A tablet that has sent nothing for 5 s is lost; sound that it paused comes back at once (COM-11).
- A program that is not confirmed raises an alarm after 3 minutes in which nobody touched a tablet (ALM-09). After 30 s,
  as while a form is being filled in, it came while nurses were checking the review.
- Everything that happens to an alarm is journalled with the person who did it (ALM-11).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from pumpd.control import describe
from pumpd.control.alarms.board import Active, AudioResumed, Board, Change, Escalated, Key
from pumpd.control.alarms.on_record import CLEARED, RAISED
from pumpd.control.alarms.sources import heard, lost_while_flowing, of_infusions, of_pumps
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.host.sleep import until_set
from pumpd.host.turns import Turns
from pumpd.infusion import State
from pumpd.journal import Entry
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from pumpd.quantities import NS_PER_S
from pumpd.texts import text

log = structlog.get_logger("pumpd.control")

TABLET_LOST_NS = 5 * NS_PER_S  # COM-11
TABLET_GONE_NS = 60 * NS_PER_S  # COM-07
CALL_BACK_NS = 180 * NS_PER_S  # ALM-09 [P]: nobody is checking any more
CHECK_EVERY_S = 0.9  # changes that no event reports are found by then; ALM-10 asks for 1 s
PATIENCE_S = 3.0

GatewaySource = Callable[[], Iterable[AlarmCode]]


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """`pump` is empty for an alarm of the gateway itself. Instants are nanoseconds of the loop."""

    pump: str
    code: AlarmCode
    raised_ns: int
    acknowledged_by: str = ""
    acknowledged_ns: int | None = None
    escalated: bool = False

    @property
    def priority(self) -> Priority:
        return ALARM_TABLE[self.code].priority


class AlarmService:
    def __init__(
        self,
        runners: Mapping[str, PumpService],
        journal: JournalWriter,
        clock: Clock,
        sources: Sequence[GatewaySource] = (),
        left: Mapping[Key, str] | None = None,
    ) -> None:
        """`sources` give the alarms of the gateway itself. `left`: the alarms that the previous process left open in
        the journal, with the session under which each was raised.
        """
        self.board = Board()
        self.on_change: Callable[[], None] = lambda: None
        self._runners, self._journal, self._clock, self._sources = runners, journal, clock, sources
        self._turns = Turns(PATIENCE_S)
        self._wake = asyncio.Event()
        self._tablets: dict[str, int] = {}  # connected ones, and when each last sent something
        self._touched_ns = 0  # when a signed-in person last did anything
        self._no_tablet_since_ns: int | None = None  # while an infusion is under way
        self._open: dict[Key, str] = dict(left or {})  # raised and not cleared in the journal, with the session
        self._lost = {pump for pump, code in self._open if code is AlarmCode.LINK_LOST}
        self._control_failed = False

    @property
    def tablets(self) -> frozenset[str]:
        """The connected tablets."""
        return frozenset(self._tablets)

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    async def run(self) -> None:
        """Keep the list and the deadlines up to date, until cancelled."""
        while True:
            self._turns.turned()
            self._wake.clear()
            self.check()
            due = self._next_ns()
            left_s = CHECK_EVERY_S if due is None else max(0, due - self._clock.loop_ns()) / NS_PER_S + 0.001
            await until_set(self._wake, min(left_s, CHECK_EVERY_S))

    def see(self) -> None:
        """An alarm may have come or gone: check at the next pass of the event loop."""
        self._wake.set()

    def recovered(self, pump: str, session: str, codes: Collection[AlarmCode]) -> None:
        """An infusion continues with these alarms. Record what the previous process raised or cleared as it died.

        Those entries carry no session: in the session's own entries, each alarm follows from an event.
        """
        for code in sorted(codes):
            if (pump, code) not in self._open:
                self._raise((pump, code))
            self._open[pump, code] = session
        for key in [key for key, raised in self._open.items() if key[0] == pump and raised == session]:
            if key[1] not in codes:
                del self._open[key]
                self._note(CLEARED, pump, {"code": key[1].value, "by": "pumpd"})

    # -- the list ----------------------------------------------------------------------------------------------------

    def active(self) -> tuple[ActiveAlarm, ...]:
        """Every active alarm, highest first, then oldest."""
        now = self._clock.loop_ns()
        found = []
        for pump, code in self._keys(now):
            state = self.board.active.get((pump, code), Active(now))
            found.append(
                ActiveAlarm(pump, code, state.raised_ns, state.acknowledged_by, state.acknowledged_ns, state.escalated)
            )
        return tuple(sorted(found, key=lambda alarm: (-alarm.priority, alarm.raised_ns, alarm.pump, alarm.code)))

    def of_pump(self, pump: str) -> list[dict[str, Any]]:
        """The active alarms of a pump (empty: of the gateway) as JSON data, highest first, then oldest."""
        now, wall = self._clock.loop_ns(), self._clock.now()
        return [
            {
                **describe.alarm(alarm.code),
                "raised_ts": _stamp(wall, now - alarm.raised_ns),
                "acknowledged_by": alarm.acknowledged_by or None,
                "acknowledged_ts": None if alarm.acknowledged_ns is None else _stamp(wall, now - alarm.acknowledged_ns),
                "escalated": alarm.escalated,
            }
            for alarm in self.active()
            if alarm.pump == pump
        ]

    def check(self) -> None:
        """Bring board and journal up to date."""
        now, before = self._clock.loop_ns(), self.board
        self._check_tablets(now)
        self._check_lost()
        keys = self._keys(now)
        if keys != self._open.keys():
            self._record(keys)
        board, changes = self.board.update(keys, now)
        self.board, more = board.tick(now)
        self._note_changes((*changes, *more))
        if self.board is not before and self.board != before:
            self.on_change()

    def control_failed(self) -> None:
        """A part of control has died. This relies on nothing else that is checked here."""
        self._control_failed = True
        key = ("", AlarmCode.CONTROL_FAILED)
        self._raise(key)
        self.board, changes = self.board.update(frozenset(self.board.active) | {key}, self._clock.loop_ns())
        self._note_changes(changes)
        self.on_change()

    def _keys(self, now: int) -> frozenset[Key]:
        found: set[Key] = {("", code) for source in self._sources for code in source()}
        found |= of_infusions(self._runners).keys() | of_pumps(self._runners)
        found |= {(name, AlarmCode.LINK_LOST) for name in self._lost if name in self._runners}
        if waiting := self._waiting():
            found |= {
                (name, AlarmCode.CONFIRMATION_WAITING) for name, since in waiting.items() if now - since >= CALL_BACK_NS
            }
        if self._no_tablet_since_ns is not None:
            gone = now - self._no_tablet_since_ns >= TABLET_GONE_NS
            found.add(("", AlarmCode.TABLET_GONE if gone else AlarmCode.TABLET_LOST))
        if self._control_failed:
            found.add(("", AlarmCode.CONTROL_FAILED))
        return frozenset(found)

    def _record(self, keys: frozenset[Key]) -> None:
        """Write the raises and clears that no infusion writes."""
        own = of_infusions(self._runners)
        still_active = [key for key in keys & self._open.keys() if self._cleared_by_infusion(key, self._open[key])]
        for key in sorted([*(keys - self._open.keys()), *still_active]):
            if key in own:
                self._open[key] = own[key]
            else:
                self._raise(key)
        for key in sorted(self._open.keys() - keys):
            pump, code = key
            session = self._open.pop(key)
            if not self._cleared_by_infusion(key, session):
                self._note(CLEARED, pump, {"code": code.value, "by": "pumpd"}, session)

    def _raise(self, key: Key) -> None:
        pump, code = key
        self._open[key] = ""
        log.warning("alarm_raised", pump=pump, code=code.value)
        self._note(RAISED, pump, describe.alarm(code) | {"by": "pumpd"}, "")

    def _cleared_by_infusion(self, key: Key, session: str) -> bool:
        runner = self._runners.get(key[0])
        infusion = runner.infusion if runner is not None else None
        return infusion is not None and infusion.place.session == session and key[1] not in infusion.alarms

    def _check_lost(self) -> None:
        for name, runner in self._runners.items():
            if runner.active or heard(runner):
                self._lost.discard(name)
            elif lost_while_flowing(runner):
                self._lost.add(name)

    def _waiting(self) -> dict[str, int]:
        """The pumps whose program waits for confirmation, and since when nobody does anything about it."""
        return {
            name: max(runner.infusion.since_ns // self._clock.scale, self._touched_ns)
            for name, runner in self._runners.items()
            if runner.infusion is not None and runner.infusion.state is State.READY
        }

    # -- tablets and people ------------------------------------------------------------------------------------------

    def alive(self, tablet: str) -> None:
        """A tablet has sent something."""
        if tablet not in self._tablets:
            self._note("tablet_connected", "", {"tablet": tablet})
        self._tablets[tablet] = self._clock.loop_ns()
        self._wake.set()

    def touched(self) -> None:
        """A signed-in person did something, or one at the gateway asked for what is to be confirmed."""
        self._touched_ns = self._clock.loop_ns()
        self._wake.set()

    def acknowledge(self, pump: str, code: str, by: str) -> None:
        """A person has seen an alarm. Raises RefusedError when it is not active."""
        self.check()
        key = next((key for key in self.board.active if (key[0], key[1].value) == (pump, code)), None)
        if key is None:
            raise RefusedError(_not_active(pump, code))
        if self.board.active[key].acknowledged_ns is None:
            self.board = self.board.acknowledge(key, by, self._clock.loop_ns())
            self._note("alarm_acknowledged", pump, {**describe.alarm(key[1]), "by": by}, self._session(pump))
        self.on_change()

    def pause_audio(self, by: str, tablet: str) -> float:
        """Silence for a while; returns the seconds. Raises RefusedError when no alarm is active."""
        self.check()
        if self.board.highest is None:
            raise RefusedError(text("alarm.none_active", "pause_audio: no alarm is active"))
        now = self._clock.loop_ns()
        self.board = self.board.pause_audio(by, tablet, now)
        assert self.board.pause is not None  # just made
        left = (self.board.pause.until_ns - now) / NS_PER_S
        codes = sorted(code.value for _, code in self.board.active)
        self._note("alarm_audio_paused", "", {"by": by, "for_s": int(left), "codes": codes})
        self._wake.set()
        self.on_change()
        return left

    @property
    def audio(self) -> dict[str, Any] | None:
        pause = self.board.pause
        if pause is None:
            return None
        return {"paused_left_s": round(max(0, pause.until_ns - self._clock.loop_ns()) / NS_PER_S, 1), "by": pause.by}

    def _check_tablets(self, now: int) -> None:
        for tablet, last_ns in list(self._tablets.items()):
            if now - last_ns > TABLET_LOST_NS:
                del self._tablets[tablet]
                self._note("tablet_lost", "", {"tablet": tablet})
                self.board, changes = self.board.tablet_lost(tablet)
                self._note_changes(changes)
                if not self._tablets:
                    self._no_tablet_since_ns = now
        if self._no_tablet_since_ns is None:
            return
        if self._tablets or not any(runner.active for runner in self._runners.values()):
            self._no_tablet_since_ns = None

    def _next_ns(self) -> int | None:
        """When the next deadline falls, if nothing else happens first."""
        now = self._clock.loop_ns()
        due = [last_ns + TABLET_LOST_NS + 1 for last_ns in self._tablets.values()]
        due += [since + CALL_BACK_NS for since in self._waiting().values() if since + CALL_BACK_NS > now]
        if self._no_tablet_since_ns is not None and self._no_tablet_since_ns + TABLET_GONE_NS > now:
            due.append(self._no_tablet_since_ns + TABLET_GONE_NS)
        board = self.board.next_ns()
        return min(due if board is None else [*due, board], default=None)

    def _note_changes(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            match change:
                case Escalated(key=(pump, code)):
                    log.error("alarm_escalated", pump=pump, code=code.value)
                    self._note("alarm_escalated", pump, describe.alarm(code), self._session(pump))
                case AudioResumed(why=why):
                    self._note("alarm_audio_resumed", "", {"why": why.value, "by": "pumpd"})

    def _session(self, pump: str) -> str:
        runner = self._runners.get(pump)
        return runner.infusion.place.session if runner is not None and runner.infusion is not None else ""

    def _note(self, kind: str, pump: str, body: Mapping[str, Any], session: str = "") -> None:
        self._journal.post([Entry(kind, body, pump, session, self._clock.monotonic_ns())])


def _stamp(wall: datetime, ago_ns: int) -> str:
    """Wall time of an instant `ago_ns` before this one."""
    return timestamp(wall - timedelta(seconds=ago_ns / NS_PER_S))


def _not_active(pump: str, code: str) -> str:
    if not pump:
        return text("alarm.not_active", "acknowledge: no alarm {code} is active", code=repr(code))
    return text("alarm.not_active_on", "acknowledge: no alarm {code} is active on {pump}", code=repr(code), pump=pump)
