"""The alarms of the whole gateway: its pumps', and its own about the bedside; who has seen them, and what sounds.

Promises:
- Nothing here touches an infusion: a tablet that is lost is an alarm, LOW and after a minute MEDIUM, and nothing more.
- A tablet that was not heard of for 5 s is lost; sound that it paused comes back at once (COM-11).
- A program that nobody confirms calls for somebody after 30 s (ALM-09).
- What happens to an alarm is journalled with who did it (ALM-11).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from pumpd.control import describe
from pumpd.control.alarms.board import NS, AudioResumed, Board, Escalated, Key, Told
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.host.supply_rules import ALARMS as SUPPLY_ALARMS
from pumpd.infusion import State
from pumpd.journal import Entry, JournalReader, Record
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter
from pumpd.pump import AlarmCode

log = structlog.get_logger("pumpd.control")

TABLET_LOST_NS = 5 * NS  # COM-11
TABLET_GONE_NS = 60 * NS  # COM-07
CALL_BACK_NS = 30 * NS  # ALM-09
LOOK_BACK = 500  # rows of one kind
_OWN = (AlarmCode.TABLET_LOST, AlarmCode.TABLET_GONE, AlarmCode.CONFIRMATION_WAITING, *SUPPLY_ALARMS)


class AlarmService:
    def __init__(
        self,
        runners: Mapping[str, PumpService],
        journal: JournalWriter,
        clock: Clock,
        left: frozenset[Key] = frozenset(),
    ) -> None:
        """`left`: alarms of the gateway that the process before this one raised and never cleared."""
        self.board = Board()
        self.on_change: Callable[[], None] = lambda: None
        self._runners, self._journal, self._clock = runners, journal, clock
        self._heard: dict[str, int] = {}  # tablets that are connected, and when each was last heard of
        self._lost_ns: int | None = None  # since when no tablet is connected while an infusion is under way
        self._own = left
        self.supply: frozenset[AlarmCode] = frozenset()  # what is wrong with the gateway's own supply
        self._wake = asyncio.Event()

    @property
    def tablets(self) -> frozenset[str]:
        """Those that are connected."""
        return frozenset(self._heard)

    def see(self) -> None:
        """Something may have changed on a pump."""
        self._look()
        self._wake.set()

    def alive(self, tablet: str) -> None:
        """A tablet was heard of."""
        new = tablet not in self._heard
        self._heard[tablet] = self._clock.loop_ns()
        if new:
            self._note("tablet_connected", "", {"tablet": tablet})
            self._look()
        self._wake.set()

    def acknowledge(self, pump: str, code: str, by: str) -> None:
        """Somebody has seen an alarm. Raises RefusedError when it is not active."""
        key = next((key for key in self.board.active if (key[0], key[1].value) == (pump, code)), None)
        if key is None:
            raise RefusedError(f"acknowledge: no alarm {code!r} is active{f' on {pump}' if pump else ''}")
        if self.board.active[key].acknowledged_ns is None:
            self.board = self.board.acknowledge(key, by, self._clock.loop_ns())
            self._note("alarm_acknowledged", pump, {**describe.alarm(key[1]), "by": by})
        self.on_change()

    def pause_audio(self, by: str, tablet: str) -> float:
        """Silence for a while; returns the seconds. Raises RefusedError when nothing sounds."""
        if self.board.highest is None:
            raise RefusedError("pause_audio: no alarm is active")
        now = self._clock.loop_ns()
        self.board = self.board.pause_audio(by, tablet, now)
        assert self.board.pause is not None  # just made
        left = (self.board.pause.until_ns - now) / NS
        codes = sorted(code.value for _, code in self.board.active)
        self._note("alarm_audio_paused", "", {"by": by, "for_s": int(left), "codes": codes})
        self._wake.set()
        self.on_change()
        return left

    def of_pump(self, pump: str) -> list[dict[str, Any]]:
        """The active alarms of a pump (empty: of the gateway), highest first, then oldest."""
        now, wall = self._clock.loop_ns(), self._clock.now()
        found = []
        for (name, code), state in self.board.active.items():
            if name != pump:
                continue
            seen = state.acknowledged_ns
            found.append(
                {
                    **describe.alarm(code),
                    "raised_ts": _stamp(wall, now - state.raised_ns),
                    "acknowledged_by": state.acknowledged_by or None,
                    "acknowledged_ts": None if seen is None else _stamp(wall, now - seen),
                    "escalated": state.escalated,
                }
            )
        order = ("high", "medium", "low")
        return sorted(found, key=lambda each: (order.index(each["priority"]), each["raised_ts"], each["code"]))

    @property
    def audio(self) -> dict[str, Any] | None:
        pause = self.board.pause
        if pause is None:
            return None
        return {"paused_left_s": round(max(0, pause.until_ns - self._clock.loop_ns()) / NS, 1), "by": pause.by}

    async def run(self) -> None:
        """Keep the times, until cancelled."""
        while True:
            self._wake.clear()
            self._look()
            due = self._next_ns()
            try:
                async with asyncio.timeout(None if due is None else max(0, due - self._clock.loop_ns()) / NS + 0.001):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _look(self) -> None:
        """Bring the board up to this instant."""
        now, before = self._clock.loop_ns(), self.board
        self._look_for_tablets(now)
        own = self._own_alarms(now)
        for key in sorted(own - self._own):
            log.warning("alarm_raised", pump=key[0], code=key[1].value)
            self._note("alarm_raised", key[0], describe.alarm(key[1]) | {"by": "pumpd"})
        for key in sorted(self._own - own):
            self._note("alarm_cleared", key[0], {"code": key[1].value, "by": "pumpd"})
        self._own = own
        theirs = {
            (name, code)
            for name, runner in self._runners.items()
            if runner.infusion is not None
            for code in runner.infusion.alarms
        }
        board, told = self.board.see(frozenset(theirs) | own, now)
        self.board, more = board.tick(now)
        self._tell((*told, *more))
        if self.board is not before and self.board != before:
            self.on_change()

    def _look_for_tablets(self, now: int) -> None:
        for tablet, heard in list(self._heard.items()):
            if now - heard > TABLET_LOST_NS:
                del self._heard[tablet]
                self._note("tablet_lost", "", {"tablet": tablet})
                self.board, told = self.board.tablet_lost(tablet)
                self._tell(told)
                if not self._heard:
                    self._lost_ns = now
        if self._heard or not any(runner.active for runner in self._runners.values()):
            self._lost_ns = None

    def _own_alarms(self, now: int) -> frozenset[Key]:
        found: set[Key] = {
            (name, AlarmCode.CONFIRMATION_WAITING)
            for name, since in self._waiting().items()
            if now - since >= CALL_BACK_NS
        }
        found |= {("", code) for code in self.supply}
        if self._lost_ns is not None:
            gone = now - self._lost_ns >= TABLET_GONE_NS
            found.add(("", AlarmCode.TABLET_GONE if gone else AlarmCode.TABLET_LOST))
        return frozenset(found)

    def _waiting(self) -> dict[str, int]:
        """The pumps whose program waits for its confirmation, and since when."""
        return {
            name: runner.infusion.since_ns // self._clock.scale
            for name, runner in self._runners.items()
            if runner.infusion is not None and runner.infusion.state is State.READY
        }

    def _next_ns(self) -> int | None:
        """When there is something to look at next, should nothing else happen."""
        now = self._clock.loop_ns()
        due = [heard + TABLET_LOST_NS + 1 for heard in self._heard.values()]
        due += [since + CALL_BACK_NS for since in self._waiting().values() if since + CALL_BACK_NS > now]
        if self._lost_ns is not None and self._lost_ns + TABLET_GONE_NS > now:
            due.append(self._lost_ns + TABLET_GONE_NS)
        board = self.board.next_ns()
        return min(due if board is None else [*due, board], default=None)

    def _tell(self, told: tuple[Told, ...]) -> None:
        for each in told:
            match each:
                case Escalated(key=(pump, code)):
                    log.error("alarm_escalated", pump=pump, code=code.value)
                    self._note("alarm_escalated", pump, describe.alarm(code))
                case AudioResumed(why=why):
                    self._note("alarm_audio_resumed", "", {"why": why.value, "by": "pumpd"})

    def _note(self, kind: str, pump: str, body: Mapping[str, Any]) -> None:
        runner = self._runners.get(pump)
        own = kind in ("alarm_raised", "alarm_cleared")  # the infusion's own events did not bring it about
        session = (
            runner.infusion.place.session if runner is not None and runner.infusion is not None and not own else ""
        )
        self._journal.post([Entry(kind, body, pump, session, self._clock.monotonic_ns())])


def own_alarms_left(reader: JournalReader) -> frozenset[Key]:
    """The gateway's own alarms that the journal says are raised. Raises JournalError."""
    newest: dict[tuple[str, str], Record] = {}
    for kind in ("alarm_raised", "alarm_cleared"):
        for row in reader.last(LOOK_BACK, kind):
            key = (row.pump, str(row.fields.get("code")))
            if not row.session and (key not in newest or newest[key].id < row.id):
                newest[key] = row
    raised = [key for key, row in newest.items() if row.kind == "alarm_raised"]
    return frozenset((pump, AlarmCode(code)) for pump, code in raised if code in _OWN)


def _stamp(wall: datetime, ago_ns: int) -> str:
    """Wall time of an instant that was so long ago."""
    return timestamp(wall - timedelta(seconds=ago_ns / NS))
