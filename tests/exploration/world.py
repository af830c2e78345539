"""The true pump, what is still under way on the line, and the notes of a witness.

The witness trusts nothing but events and actions. No rule asks the infusion whether it was allowed to do what it did.
"""

from enum import StrEnum
from math import ceil
from typing import NamedTuple

from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, PumpProgram
from pumpd.quantities import Volume
from tests.exploration.slices import BEGAN, HALF, NEVER, NORMAL, RATES, program


class Line(StrEnum):
    """What our cable leads to."""

    OURS = "our pump"
    OUT = "nothing"
    OTHER = "another pump of the same kind"


class Recorded(NamedTuple):
    """A delivery, as its end is recorded."""

    ordered: Volume
    booked: Volume
    running_ns: int


class World(NamedTuple):
    """Instants are ticks, volumes units; None means never or nothing."""

    now: int
    # the pump
    held: tuple[int, bool] | None = None  # VTBI, and whether at the programmed rate
    flowing: bool = False
    by_panel: bool = False  # a person at the pump made it flow
    shown: int = 0
    given: int = 0
    pace: int = NORMAL  # units per tick of the program that it holds
    held_turn: int = NEVER  # units after which that program goes on at half its rate
    step: int = 1  # units by which its counter grows
    before_flows: bool = False  # the pump before it still flowed, or could still be started, when it took its place
    pump: int = 1  # which one: the rest of a treatment may be given by another
    speed: int = NORMAL  # units per tick, where that program says NORMAL
    lied: bool = False  # its counter has shown something untrue
    unseen: bool = False  # it flowed by its panel since the last reading
    lost: bool = False  # it has lost its supply and its count since then
    blink: bool = False  # it was started by hand between the poll for a resume and the load
    # the cable
    line: Line = Line.OURS
    other: tuple[int, bool] = (0, False)  # what the other pump that answers has counted, and whether it flows
    # the line
    start_left: bool = False  # the pump may still carry it out
    start_open: bool = False  # its answer is awaited
    stop_left: bool = False
    load_open: bool = False
    back_open: bool = False
    plan: int | None = None  # the count for which the remainder is to be planned
    loading: int = 0  # when the order or its remainder began to wait for the load
    # the witness: permission
    digest: str = "d0"
    vtbi: int = 0
    rate: int = NORMAL  # units per tick, as ordered
    turn: int = NEVER  # units after which it goes on at half its rate, as ordered
    segments: int = 0
    open: ev.Binding | None = None  # the challenge as it should have been issued
    permit: ev.Binding | None = None  # a confirmation that matches in every field, not used yet
    permit_at: int = 0
    spent: bool = False
    used: ev.Binding | None = None
    back_from: int = 0  # a read-back asked for earlier proves nothing
    back_ok: bool = False
    idle_at: int | None = None  # when the last reading was asked for, if it shows an idle pump
    latched: bool = False
    latches: tuple[AlarmCode, ...] = ()  # all of this infusion, if the slice counts them
    uncertain: bool = False
    # the witness: which pump answers
    doubted: int | None = None  # since when that is not known
    others: bool = False  # it may be another bed's
    mismatched: bool = False  # a reading since then contradicted
    quiet: bool = False  # the last reading since then showed no flow
    # the witness: flow
    lease: int | None = None
    asked: int | None = None
    answered: int = 0
    counted: int = 0
    loaded: bool = False  # the counter belongs to the present segment
    reported: int | None = None  # the counter, at the last reading
    grew: bool = False  # it grew up to that reading, while nothing here let the pump flow
    before: int = 0  # counted in earlier segments
    track: tuple[tuple[int, int], ...] = ()  # tick, counted
    started: int | None = None
    start_at: int = 0  # the last StartPump
    run_before: int = 0
    run_from: int | None = None
    run_to: int | None = None
    pauses: int = 0
    # the witness: the treatment
    delivery: int = 1
    ordered_at: int = BEGAN
    rests: int = 0  # that may still be ordered
    closes: int = NEVER  # ticks after the first start
    ordered: int = 0  # by this delivery
    window: int = 0  # ticks in which it flows
    first: int | None = None  # the first start of all
    earlier: int = 0  # given by the deliveries before this one
    flowed: int = 0  # ticks that they flowed
    by_hand: bool = False  # the pump was started at its panel, and no infusion had it, or has read of it
    record: tuple[Recorded, ...] = ()  # what the journal says of each delivery that ended after its start
    # the witness: stop
    stop_first: int | None = None
    stop_last: int = 0
    wanted: bool = False  # a person asked for a stop while one was under way that a trip began
    still: tuple[int, int] | None = None  # since, shown

    @property
    def pace_now(self) -> int:
        return self.pace if self.shown < self.held_turn else HALF

    def rate_at(self, given: int) -> int:
        """Units per tick, as ordered, once so much of the program was given."""
        return self.rate if given < self.turn else HALF

    def growth(self, given: int, ticks: int) -> int:
        """Units that the program gives in these ticks, once so much of it was given."""
        at = given
        for _ in range(ticks):
            at = min(at + self.rate_at(at), self.vtbi)
        return max(at - given, 0)

    @property
    def slack(self) -> int:
        """Units by which a difference of what the counter shows may be off."""
        return 0 if self.step == 1 else self.step

    @property
    def counter(self) -> int:
        """Units that its counter shows."""
        return self.shown - self.shown % self.step

    def loaded_now(self, vtbi: int, *, right: bool = True) -> "World":
        """The pump has taken the ordered program, with this volume; a load clears its counter, and what nobody saw."""
        lied = self.lied or self.blink
        return self._replace(held=(vtbi, right), pace=self.rate, held_turn=self.turn, shown=0, lied=lied)

    @property
    def stop_pending(self) -> bool:
        """A stop is on its way that will change something. What reaches an idle pump changes nothing."""
        flows = self.other[1] if self.line is Line.OTHER else self.flowing
        return self.stop_left and (flows or self.start_left)

    @property
    def running(self) -> int:
        if self.run_from is None:
            return self.run_before
        return self.run_before + (self.now if self.run_to is None else self.run_to) - self.run_from

    @property
    def elapsed(self) -> int:
        return 0 if self.started is None else self.now - self.started

    @property
    def whole(self) -> int:
        """Ticks in which this delivery gives everything."""
        return -(-self.ordered // self.rate)

    @property
    def most(self) -> int:
        return self.window + 1  # the first tick at or beyond 105 %

    @property
    def longest(self) -> int:
        return ceil(self.window * 1.5)

    @property
    def window_closed(self) -> bool:
        """No flow is permitted any more, by the time that it flowed or by the time since the start."""
        return self.started is not None and (self.flowed + self.running >= self.most or self.elapsed >= self.longest)


def ordered(w: World) -> PumpProgram:
    """The program that the pump should hold."""
    return program(w.vtbi, RATES[w.rate], w.turn)
