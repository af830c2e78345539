"""What one search covers: a part of the alphabet, with limits of a few ticks.

Time is in ticks of five seconds, volume in units of 0.03 mL, half of what flows in a tick. Every limit is a few ticks,
so that the steps before, at and after it are all explored.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from math import ceil

from pumpd.infusion import Infusion, Limits, Place, Window
from pumpd.infusion import events as ev
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import NS_PER_S, Length, Rate, Volume

TICK = 5 * NS_PER_S
UNIT = Decimal("0.03")  # mL
RATE, ALTERED = Rate("43.2"), Rate("64.8")  # 43.2 mL/h is two units per tick
NORMAL, HALF = 2, 1  # units per tick
RATES = {NORMAL: RATE, HALF: Rate("21.6")}
OVER = 3  # units: the most that does not exceed 0.1 mL
PATIENT = "P-1"
NEVER = 99
OTHERS = 6  # units that another pump of the same kind gives, with a program equal to ours
BEGAN = 2  # ticks, so that even the first reading can be two ticks late


@cache
def volume(units: int) -> Volume:
    return Volume(UNIT * units)


@cache
def units(millilitres: Volume) -> int:
    return int(millilitres.decimal / UNIT)


@cache
def place(delivery: int = 1, pump: int = 1) -> Place:
    return Place(session=f"s-{delivery}", gateway="ward-7", pump=f"bed{pump}", serial=f"SN-{pump}")


@cache
def program(vtbi: int, rate: Rate = RATE, turn: int = NEVER) -> PumpProgram:
    """One step; or a second one at half the rate, from this many units on."""
    if turn >= vtbi:
        steps: tuple[RateStep, ...] = (RateStep(rate, volume(vtbi)),)
    else:
        steps = (RateStep(rate, volume(turn)), RateStep(RATES[HALF], volume(vtbi - turn)))
    return PumpProgram(steps, Length("29.2"))


@dataclass(frozen=True)
class Slice:
    """A part of the alphabet with its own limits, in ticks. `nodes` is its bound if it is not meant to close."""

    name: str
    about: str
    groups: str
    dose: int = 2  # ticks of flow; the window is 95 %, 105 % and 150 % of it
    lease: int = 3
    stale: int = 1
    confirmation: int = 2
    deviation_floor: str = "0.5"
    mismatch_floor: str = "0.1"
    mean_percent: int = 105
    pause_single: int = 2
    pause_total: int = 3
    pauses: int = 2
    same_trips: int = NEVER
    loaded_within: int = NEVER
    identified_within: int = NEVER
    recognized_from: int = NORMAL  # units
    turn: int = NEVER  # units after which the program goes on at half its rate
    counter_step: int = 1  # units by which the pump's counter grows
    rests: int = 0  # deliveries of the treatment after the first, at most
    closes: int = NEVER  # after the first start
    expires: int = NEVER  # after the order
    after: tuple[str, ...] = ()  # what has already happened when the search begins
    nodes: int | None = None
    bound: str = ""  # why it need not close; printed beside it

    flowing_within = 2
    read_back_within = 2
    deviation_for = 2
    mean_over = 3
    stop_alarm = 2

    def groups_know(self, *groups: str) -> bool:
        """Some of these groups are in the alphabet."""
        return not self.known.isdisjoint(groups)

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(("base", *self.groups.split()))

    @property
    def container(self) -> int:
        """Units that the syringe holds: the program and one more tick of flow."""
        return self.units + NORMAL

    @property
    def units(self) -> int:
        """Units that are prescribed."""
        if self.turn == NEVER:
            return self.dose * NORMAL
        return self.turn + (self.dose - self.turn // NORMAL) * HALF

    @property
    def elapsed(self) -> int:
        return ceil(self.dose * 1.5)

    def order(self) -> Infusion:
        held = program(self.units, turn=self.turn)
        return Infusion(
            place=place(),
            segment=ev.Segment("d0", held),
            prescribed=held.vtbi,
            window=Window(self.dose * TICK),
            limits=self._limits(),
            accuracy_percent=Decimal(2),
            ordered_ns=BEGAN * TICK,
            expires_ns=None if self.expires == NEVER else (BEGAN + self.expires) * TICK,
            patient=PATIENT,
            container=volume(self.container),
        )

    def _limits(self) -> Limits:
        limits = Limits(
            stale_warn_ns=self.stale * TICK,
            lease_ns=self.lease * TICK,
            renewal_ns=TICK,
            flowing_within_ns=self.flowing_within * TICK,
            read_back_within_ns=self.read_back_within * TICK,
            loaded_within_ns=self.loaded_within * TICK,
            identified_within_ns=self.identified_within * TICK,
            recognized_from=volume(self.recognized_from),
            stop_retry_ns=TICK,
            stop_alarm_ns=self.stop_alarm * TICK,
            still_for_ns=TICK,
            confirmation_ns=self.confirmation * TICK,
            deviation_floor=Rate(self.deviation_floor),
            deviation_for_ns=self.deviation_for * TICK,
            mismatch_floor=Volume(self.mismatch_floor),
            counter_slack=Volume("0.01"),
            mean_over_ns=self.mean_over * TICK,
            mean_percent=Decimal(self.mean_percent),
            pause_single_ns=self.pause_single * TICK,
            pause_total_ns=self.pause_total * TICK,
            pauses=self.pauses,
            same_trips=self.same_trips,
            same_trip_within_ns=self.elapsed * TICK,
        )
        return limits if self.counter_step == 1 else limits.for_counter(volume(self.counter_step))


RUNNING = (
    "reading",
    "loaded",
    "read back",
    "challenge",
    "confirmed",
    "read back",
    "reading",
    "start answered",
    "reading",
)
RAN = (*RUNNING, "time passes", "reading")
PAUSED = (*RAN, "pause", "pump carries out the stop", "reading", "time passes", "reading")
ENDED = (*RAN, "stop", "pump carries out the stop", "reading", "time passes", "reading")
LOST_COUNT = (*RAN, "time passes", "pump loses its supply, and its count with it", "reading", "time passes", "reading")
DOUBTED = (
    *RUNNING[:7],
    "pump carries out the start",
    "time passes",
    "start not answered",
    "pump carries out the stop",
    "reading",
    "time passes",
    "reading",
)
TRIPPED_ONCE = (
    *RAN,
    "occlusion",
    "pump carries out the stop",
    "reading",
    "time passes",
    "reading",
    "trip cleared",
    "resume",
    "remainder planned",
    "loaded",
    "read back",
)
ALL = (
    "late lost occlusion alarm panel unseen counter speed load forge start pause resume clear journal deadman stray "
    "restart reconcile supply stale"
)

TOGETHER = (
    "What no other search has is three or more kinds at once, later than that. Every deliberate break that a rule "
    "catches shows in a narrower slice, so none needs that."
)

# `nodes` bounds what CI explores; the command explores each slice to its end, or to the bound that it is given.
SLICES = (
    Slice(
        "start",
        "loading in time, confirming, starting; forged and old confirmations",
        "load forge start",
        loaded_within=2,
        nodes=700,
    ),
    Slice(
        "expired",
        "orders that expire, the rest too",
        "treatment start load",
        dose=3,
        rests=1,
        expires=4,
        nodes=700,
    ),
    Slice("stale", "answers to earlier questions", "stale start", dose=3, confirmation=3, nodes=500),
    Slice("line", "late, lost and stray answers", "late lost start stray clear", 3, lease=4, confirmation=3, nodes=900),
    Slice(
        "alarm",
        "alarms of the pump, the journal, the deadman; clearing",
        "occlusion alarm journal deadman clear",
        dose=3,
        nodes=700,
    ),
    Slice("counter", "a counter that jumps or goes back", "counter", after=RUNNING, nodes=900),
    Slice("flow", "a pump that is too fast or gives nothing", "speed", dose=4, after=RUNNING),
    Slice(
        "mean",
        "the same, caught by the mean alone",
        "speed",
        dose=5,
        deviation_floor="90",
        mismatch_floor="9",
        after=RUNNING,
        nodes=1_200,
    ),
    Slice(
        "sum",
        "the same, caught by the sum alone",
        "speed",
        dose=5,
        deviation_floor="90",
        mean_percent=900,
        after=RUNNING,
        nodes=1_200,
    ),
    Slice(
        "drift",
        "the same, from the order on: a pump that starts before it answers",
        "speed",
        dose=5,
        deviation_floor="90",
        mean_percent=900,
        nodes=500,
    ),
    Slice(
        "slow",
        "a pump that is too slow, with a lease longer than the window",
        "slow",
        dose=3,
        lease=9,
        deviation_floor="90",
        mismatch_floor="9",
        after=RUNNING,
    ),
    Slice("doubt", "restarts, lost answers to a start, display readings", "restart reconcile start late", nodes=3_000),
    Slice("supply", "a pump that loses its supply and its count", "supply start lost", dose=3, nodes=700),
    Slice(
        "silence",
        "a pump that no longer replies; display readings",
        "lost pause reconcile restart",
        dose=3,
        after=(*RAN, "time passes", "pause", "time passes", "time passes", "time is checked"),
        nodes=900,
    ),
    Slice(
        "again", "the same trip twice", "occlusion clear resume", dose=3, same_trips=2, after=TRIPPED_ONCE, nodes=900
    ),
    Slice("panel", "a person at the pump", "panel clear", nodes=900),
    Slice(
        "rest",
        "a person at a paused pump; remainders that do not load; restarts, display readings",
        "panel pause resume load restart reconcile",
        dose=3,
        after=PAUSED,
        nodes=900,
    ),
    Slice(
        "unseen",
        "a person at a stopped pump, between two readings",
        "unseen pause resume clear restart",
        dose=3,
        after=PAUSED,
        nodes=900,
    ),
    Slice(
        "restarted",
        "a counter that starts over in a pause, and a person at that pump",
        "supply panel unseen",
        dose=3,
        after=PAUSED,
        nodes=900,
    ),
    Slice(
        "resume",
        "a resume after flow that no reading saw",
        "unseen resume",
        dose=3,
        pause_single=4,
        pause_total=5,
        after=PAUSED,
        nodes=600,
    ),
    Slice("pause", "pauses, remainders, their limits", "pause resume lost", dose=3, after=RAN, nodes=1_200),
    Slice(
        "pauses",
        "one pause, as long as the window",
        "pause resume",
        dose=3,
        pauses=1,
        pause_total=9,
        pause_single=9,
        after=RUNNING,
        nodes=700,
    ),
    Slice(
        "cable",
        "the cable on another pump, or back, from the order on",
        "cable",
        dose=3,
        loaded_within=2,
        identified_within=2,
        nodes=900,
    ),
    Slice(
        "swapped",
        "the cable on another pump, or back, of a running pump",
        "cable clear",
        dose=3,
        after=RUNNING,
        nodes=900,
    ),
    Slice(
        "rejoined",
        "the same of a paused pump: remainders, restarts, display readings",
        "cable resume clear restart reconcile",
        dose=3,
        after=PAUSED,
        nodes=900,
    ),
    Slice(
        "treatment",
        "the rest at the same rate or at half of it, pauses and all",
        "treatment pause resume",
        dose=4,
        rests=1,
        after=ENDED,
        nodes=900,
    ),
    Slice(
        "treatment again",
        "the rest of the rest",
        "treatment",
        dose=5,
        rests=2,
        after=(*ENDED, "the rest is ordered", *RAN),
        nodes=900,
    ),
    Slice(
        "closing",
        "the rest, until the time for the treatment is over",
        "treatment pause resume clear",
        dose=4,
        rests=1,
        closes=5,
        after=ENDED,
        nodes=900,
    ),
    Slice(
        "rest in doubt",
        "the rest after a lost answer to a start; restarts, display readings, late answers",
        "treatment restart reconcile start late load",
        dose=4,
        rests=2,
        after=DOUBTED,
        nodes=900,
    ),
    Slice(
        "rest uncounted",
        "the rest after a pump lost its supply and its count, and that again",
        "treatment supply lost clear",
        dose=5,
        rests=2,
        after=LOST_COUNT,
        nodes=900,
    ),
    Slice(
        "rest forged",
        "the rest with forged confirmations, and those of the delivery before",
        "treatment forge start stray stale",
        dose=3,
        rests=1,
        expires=5,
        after=ENDED,
        nodes=500,
    ),
    Slice(
        "rest by hand",
        "the rest, with a person at the pump",
        "treatment panel clear unseen",
        dose=3,
        rests=1,
        after=ENDED,
        nodes=900,
    ),
    Slice(
        "rest slow",
        "the rest of a pump that is too slow, with a lease longer than the window",
        "treatment slow",
        dose=4,
        lease=15,
        deviation_floor="90",
        mismatch_floor="9",
        rests=1,
        after=ENDED,
        nodes=900,
    ),
    Slice(
        "rest elsewhere",
        "two pumps and one patient: the rest on another pump, lost answers to a start, display readings",
        "treatment elsewhere start reconcile",
        dose=3,
        rests=1,
        after=RAN,
        nodes=900,
    ),
    Slice(
        "steps",
        "a program of two steps, the second at half the rate: pauses, remainders",
        "pause resume lost",
        dose=5,
        turn=6,
        after=RUNNING,
        nodes=900,
    ),
    Slice(
        "steps flow",
        "a program of two steps: a pump that is too fast or gives nothing",
        "speed",
        dose=5,
        turn=6,
        after=RUNNING,
        nodes=900,
    ),
    Slice(
        "coarse",
        "a counter that shows only every second tick's flow: pauses, remainders",
        "pause resume lost",
        dose=4,
        counter_step=4,
        after=RUNNING,
        nodes=900,
    ),
    Slice(
        "coarse flow",
        "a counter that shows only every second tick's flow, of a pump that is too fast or gives nothing",
        "speed",
        dose=6,
        counter_step=4,
        after=RUNNING,
        nodes=900,
    ),
    Slice("whole", "everything but cables", ALL, dose=3, nodes=300, bound=TOGETHER),
    Slice("paused", "the same, from a pause on", ALL, dose=3, after=PAUSED, nodes=300, bound=TOGETHER),
)
