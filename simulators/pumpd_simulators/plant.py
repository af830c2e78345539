"""The plant: one physics for all simulated pumps. Motor, plunger, container, tube and the vein at its end.

A device commands the motor; the plant says what the motor believes it moved (the pump's own counters), what the pump's
sensors feel, and what is true (what left the tube). Between two events everything is a formula, so nothing is stepped:
a question brings the plant to the present, and one timer waits for the next event.

Promises:
- Deterministic: the same seed, commands and instants give the same truth; no other randomness.
- Events happen at their exact instant in plant time, in order, however late the question comes; what a device does
  in answer to an event takes effect at that instant, so phases follow one another without a gap.
- A motor that was given a volume stops at exactly that volume; one that is stopped moves nothing more.
- Behind an occlusion nothing reaches the patient; the pressure rises by volume over compliance until the motor
  stalls, after compliance * pressure / rate; what is stored comes out as a bolus on release.
- What a pump's sensors feel (`Sense`) changes at its exact instant, whichever way and whatever moved it, and the device
  hears of each change once, then; before the motor stands because of it.
- Nothing comes out of an empty container but air. Air is not drug: what reaches the patient as air is counted apart.

The truth counts from the making of the plant and is never cleared; no command of the pump's can touch it.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pumpd_simulators.clock import Cancellable, Clock
from pumpd_simulators.physics import PlantSettings, Sense, Truth
from pumpd_simulators.plant_air import Air
from pumpd_simulators.plant_battery import FULL_PERCENT, Battery
from pumpd_simulators.plant_drive import Drive
from pumpd_simulators.plant_marks import TINY, distance, passed

__all__ = ["Alert", "Plant", "PlantSettings", "Sense", "Truth"]

SECONDS_PER_HOUR = 3600.0
NO_DROPS_S = 5.0  # without drops while the motor runs, before a drop sensor says so (reference 2.5)


@dataclass(order=True, slots=True)
class Alert:
    """A call at an instant of plant time, which can be called off."""

    when: float
    number: int
    callback: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.callback = None


def _nothing() -> None:
    pass


def _unfelt(_: Sense, __: bool) -> None:  # noqa: FBT001 - the hook's shape
    pass


class Plant:
    """`on_target` is called when the motor has moved the volume it was given, `on_stall` when it cannot move,
    `on_sense` when a sensor begins or ceases to feel something, `on_first_run` when the motor first turns.

    A new plant has felt nothing: what its settings make it feel at once is its first event.
    """

    def __init__(self, clock: Clock, settings: PlantSettings | None = None) -> None:
        self.settings = settings = settings or PlantSettings()
        self.on_target: Callable[[], None] = _nothing
        self.on_stall: Callable[[], None] = _nothing
        self.on_sense: Callable[[Sense, bool], None] = _unfelt
        self.on_first_run: Callable[[], None] = _nothing
        self._clock = clock
        self._now = clock.now()
        self._drive = Drive(settings)
        self._air = Air(settings)
        self._battery = Battery(settings, self._now)

        self._rate = 0.0  # mL/h as commanded; negative draws back; 0 at rest
        self._speed = 0.0  # mL/s by the pump's own clock, with the rate's sign
        self._moved = {1: 0.0, -1: 0.0}  # what the motor believes it moved each way, mL
        self._way = 1  # which of them it runs, or ran last
        self._goal: float | None = None  # where that counter's target is, None: until stopped
        self._flowed = 0.0  # what came out of the tube, air and liquid, net of what was drawn back, mL
        self._stored = 0.0  # what the tube's compliance holds back, mL
        self._largest_bolus = 0.0
        self._contents = settings.contents_ml
        self._occluded = self._jammed = self._door = self._ran = False
        self._free = 0.0  # mL/s that gravity moves past the motor where nothing holds it
        self._past = 0.0  # mL/s that it does move now
        self._dry_since = math.inf  # when the motor began to infuse from an empty container
        self._limit_mmhg: float | None = None
        self._sensed: frozenset[Sense] = frozenset()

        self._alerts: list[Alert] = []
        self._count = 0
        self._event = math.inf  # instant of the next event that is the plant's own
        self._event_call: Callable[[], None] = _nothing
        self._busy = False
        self._timer: Cancellable | None = None
        self._timer_at = math.inf
        self._plan()

    # -- what a device does: command the motor, ask what its counters and sensors say ---------------------------------

    @property
    def now(self) -> float:
        """Plant time; while an event is being answered, the instant of that event."""
        self.advance()
        return self._now

    def run(self, rate_ml_h: float, volume_ml: float | None = None) -> None:
        """Turn the motor: a positive rate infuses, a negative one draws back; for a volume or until stopped."""
        if not math.isfinite(rate_ml_h) or rate_ml_h == 0:
            raise ValueError(f"a motor runs at a rate other than 0, not {rate_ml_h}")
        if volume_ml is not None and not volume_ml > 0:
            raise ValueError(f"a target volume is above 0, not {volume_ml}")
        self.advance()
        self._rate, self._way = rate_ml_h, 1 if rate_ml_h > 0 else -1
        self._speed = rate_ml_h * (1.0 + self.settings.drift_ppm / 1e6) / SECONDS_PER_HOUR
        self._goal = None if volume_ml is None else self._moved[self._way] + volume_ml
        self._plan()
        if not (self._ran or self._stuck()):
            self._ran = True
            self.on_first_run()

    def stop(self) -> None:
        self.advance()
        self._rate, self._speed, self._goal = 0.0, 0.0, None
        self._plan()

    def moved(self) -> tuple[float, float]:
        """What the motor believes it infused and drew back since the beginning, mL."""
        self.advance()
        return self._moved[1], self._moved[-1]

    def left(self) -> float | None:
        """Volume to go to the target in mL, None when the motor has none. After a stall: what was left."""
        self.advance()
        return None if self._goal is None else self._goal - self._moved[self._way]

    @property
    def sensed(self) -> frozenset[Sense]:
        """What the sensors feel now."""
        self.advance()
        return self._sensed

    @property
    def pressure_limit_mmhg(self) -> float | None:
        """Where the pump's own pressure alarm is set, above 0; None without one. Raises ValueError."""
        return self._limit_mmhg

    @pressure_limit_mmhg.setter
    def pressure_limit_mmhg(self, limit: float | None) -> None:
        if limit is not None and not 0 < limit < math.inf:
            raise ValueError(f"a pressure limit is above 0 mmHg, or None, not {limit}")
        self.advance()
        self._limit_mmhg = limit
        self._plan()

    def pressure_mmhg(self) -> float:
        self.advance()
        return self._stored / self.settings.compliance_ml_per_mmhg

    def battery_percent(self) -> float:
        self.advance()
        return self._battery.percent(self._now)

    def at(self, when: float, callback: Callable[[], None]) -> Alert:
        """Call back at an instant of plant time (at once when it has passed)."""
        self.advance()
        self._count += 1
        alert = Alert(max(when, self._now), self._count, callback)
        heapq.heappush(self._alerts, alert)
        if not self._busy:
            self._arm()
        return alert

    # -- what happens at the bench. What the sensors feel of it is told before the call returns -----------------------

    def occlude(self) -> None:
        self.advance()
        self._occluded = True
        self._meet()

    def release(self) -> float:
        """Open the line again. What was stored reaches the patient at once; returns that bolus in mL."""
        self.advance()
        bolus, self._stored = self._stored, 0.0
        self._flowed += bolus
        self._largest_bolus = max(self._largest_bolus, bolus)
        self._occluded = False
        self._meet()
        return bolus

    def jam(self) -> None:
        """The motor cannot turn: at once when it runs, or as soon as it is started."""
        self.advance()
        self._jammed = True
        self._meet()

    def free(self) -> None:
        self.advance()
        self._jammed = False
        self._meet()

    def bubble(self, volume_ml: float) -> None:
        """Air enters the tube at the container, behind what has left it; it travels with the flow."""
        if not 0 < volume_ml < math.inf:
            raise ValueError(f"a bubble's volume is above 0 mL, not {volume_ml}")
        self.advance()
        self._air.enter(self._flowed + self._stored, volume_ml)
        self._meet()

    def open_door(self) -> None:
        """The tube or plunger is let go of: the motor then moves nothing."""
        self.advance()
        self._door = True
        self._meet()

    def close_door(self) -> None:
        self.advance()
        self._door = False
        self._meet()

    def refill(self, contents_ml: float | None) -> None:
        """Another syringe or bag: with so much in it, ended (0), or without end (None). The tube stays as it is."""
        if contents_ml is not None and not 0 <= contents_ml < math.inf:
            raise ValueError(f"a container holds at least 0 mL, or None for one without end, not {contents_ml}")
        self.advance()
        self._contents = contents_ml
        self._meet()

    def free_flow(self, rate_ml_h: float) -> None:
        """Gravity flow past the motor, unless that draws back, until the container is empty; 0 ends it."""
        if not 0 <= rate_ml_h < math.inf:
            raise ValueError(f"a free flow is at least 0 mL/h, not {rate_ml_h}")
        self.advance()
        self._free = rate_ml_h / SECONDS_PER_HOUR
        self._meet()

    def mains(self, *, on: bool) -> None:
        """Off: the battery drains in `battery_h`; once it is empty the motor cannot turn. On: it is charged as fast."""
        self.advance()
        self._battery.switch(self._now, mains=on)
        self._meet()

    def discharge(self, percent: float) -> None:
        """Put the battery at a level."""
        if not 0 <= percent <= FULL_PERCENT:
            raise ValueError(f"a battery's level is between 0 and 100 percent, not {percent}")
        self.advance()
        self._battery.put(percent, self._now)
        self._meet()

    def truth(self) -> Truth:
        self.advance()
        air = self._air.delivered_ml(self._flowed)
        held = self._occluded or self._door
        motor = 0.0 if held or not self._rate else self._speed * self._drive.slope(self._way)
        return Truth(
            time_s=self._now,
            delivered_ml=self._flowed - air,
            rate_ml_h=(motor + self._past) * SECONDS_PER_HOUR,
            running=self._rate != 0.0,
            pressure_mmhg=self._stored / self.settings.compliance_ml_per_mmhg,
            occluded=self._occluded,
            jammed=self._jammed,
            largest_bolus_ml=self._largest_bolus,
            contents_ml=self._contents,
            air_ml=air,
            door_open=self._door,
            mains=self._battery.mains,
            battery_percent=self._battery.percent(self._now),
        )

    def shut(self) -> None:
        """The end of the simulation: no timer stays behind."""
        self._rate, self._speed, self._past, self._event = 0.0, 0.0, 0.0, math.inf
        self._alerts.clear()
        self._arm()

    # -- time ---------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Bring the plant to the present, letting everything happen that is due."""
        if not self._busy:
            self._advance_to(self._clock.now())

    def _advance_to(self, now: float) -> None:
        if now >= self._next():
            self._busy = True
            try:
                while (due := self._next()) <= now:
                    self._integrate(due)
                    self._happen()
            finally:
                self._busy = False
                self._arm()
        self._integrate(now)

    def _next(self) -> float:
        return min(self._event, self._alerts[0].when) if self._alerts else self._event

    def _happen(self) -> None:
        if self._alerts and self._alerts[0].when <= self._event:
            callback = heapq.heappop(self._alerts).callback
        else:
            callback, self._event = self._event_call, math.inf
        if callback is not None:
            callback()

    def _arm(self) -> None:
        when = self._next()
        if when == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._clock.call_at(when, self._tick) if when < math.inf else None

    def _tick(self) -> None:
        # A loop may call a timer a hair early: what the timer was set for is then due all the same.
        due, self._timer, self._timer_at = self._timer_at, None, math.inf
        self._advance_to(max(due, self._clock.now()))
        self._arm()

    # -- physics ------------------------------------------------------------------------------------------------

    def _integrate(self, until: float) -> None:
        span = until - self._now
        if span <= 0:
            return
        self._now = until
        flow = self._past * span
        if self._rate != 0.0:
            step = self._speed * span
            if self._goal is not None:
                step = self._way * min(abs(step), self._goal - self._moved[self._way])
            self._moved[self._way] += abs(step)
            if self._door:
                self._drive.slip(step)
            else:
                flow += self._drive.turn(step)
        if self._contents is not None:
            self._contents = max(self._contents - flow, 0.0)
        if self._occluded:
            self._stored += flow
        else:
            self._flowed += flow

    def _stuck(self) -> bool:
        """The motor cannot turn, whatever it is told."""
        return self._jammed or (not self._battery.mains and self._battery.empty(self._now))

    def _room(self) -> float:
        """What an infusing motor can move before it cannot go on, mL."""
        room = math.inf
        if self._contents is not None and not self.settings.is_peristaltic:
            room = self._contents
        if self._occluded:
            room = min(room, self.settings.compliance_ml_per_mmhg * self.settings.stall_mmhg - self._stored)
        return room

    def _marks(self) -> Iterator[float]:
        """How far ahead all that is at which something changes, mL of flow."""
        yield self._room()
        if self._contents is not None:
            yield self._contents
            yield self._contents - self.settings.near_empty_ml
        if not self._occluded:
            yield from self._air.marks(self._flowed)
        elif self._limit_mmhg is not None:
            yield self._limit_mmhg * self.settings.compliance_ml_per_mmhg - self._stored

    def _seconds_for(self, flow_ml: float) -> float:
        """How long motor and gravity take to move so much, the way they run."""
        if not self._rate or self._door:
            return flow_ml / self._past if self._past else math.inf
        low, high = 0.0, self._drive.farthest(flow_ml, self._way) / abs(self._speed)
        for _ in range(60):
            middle = (low + high) / 2.0
            if abs(self._drive.ahead(self._speed * middle)) + self._past * middle < flow_ml:
                low = middle
            else:
                high = middle
        return high

    def _feel(self) -> frozenset[Sense]:
        contents, limit, battery = self._contents, self._limit_mmhg, self._battery
        felt = (
            (Sense.PRESSURE, limit and passed(limit * self.settings.compliance_ml_per_mmhg - self._stored)),
            (Sense.AIR, self._air.felt(self._flowed)),
            (Sense.DOOR, self._door),
            (Sense.NEAR_EMPTY, contents is not None and passed(contents - self.settings.near_empty_ml)),
            (Sense.EMPTY, contents is not None and passed(contents)),
            (Sense.DROPS, self._past or self._now >= self._dry_since + NO_DROPS_S),
            (Sense.MAINS_OFF, not battery.mains),
            (Sense.BATTERY_LOW, battery.low(self._now)),
            (Sense.BATTERY_EMPTY, battery.empty(self._now)),
        )
        return frozenset(sense for sense, so in felt if so)

    def _plan(self) -> None:
        """Work out what comes next, and when. What the sensors feel comes before what the motor meets."""
        is_empty = self._contents is not None and passed(self._contents)
        self._past = 0.0 if self._occluded or is_empty or self._rate < 0 else self._free
        self._dry_since = min(self._dry_since, self._now) if is_empty and self._rate > 0 else math.inf
        self._event, self._event_call = self._now, self._tell
        if self._feel() == self._sensed:
            no_drops = self._dry_since + NO_DROPS_S
            self._event += self._battery.seconds_to_change(self._now)
            if self._now < no_drops:
                self._event = min(self._event, no_drops)
            if self._rate or self._past:
                self._plan_flow()
        if not self._busy:
            self._arm()

    def _plan_flow(self) -> None:
        way = self._way if self._rate else 1
        ahead = min(distance(each, way) for each in self._marks())
        mark = self._seconds_for(ahead) if ahead < math.inf else math.inf
        target, call, hair = math.inf, self._arrive, 0.0
        if self._rate:
            hair = TINY / abs(self._speed)
            if self._goal is not None:
                target = (self._goal - self._moved[self._way]) / abs(self._speed)
            at_end = self._rate > 0 and not self._door and passed(self._room())
            if self._stuck() or at_end:
                target, call = 0.0, self._stall
        # A plunger that meets its end in the same instant as its target has delivered.
        if target <= mark + hair:
            mark = target
        else:
            call = self._tell
        if self._now + mark <= self._event:
            self._event, self._event_call = self._now + mark, call

    def _meet(self) -> None:
        """Something changed at the bench: what it means at this instant happens now."""
        self._plan()
        if not self._busy:
            self._advance_to(max(self._now, self._clock.now()))

    def _tell(self) -> None:
        """Something changes here that is not the motor's: look again, and tell what the sensors feel."""
        if self._contents is None or not passed(self._contents):
            self._air.close(self._flowed + self._stored)
        elif self.settings.is_peristaltic and not self._air.endless:
            self._air.enter(self._flowed + self._stored)  # rollers go on, and draw air
        before, self._sensed = self._sensed, self._feel()
        self._plan()
        for sense in Sense:
            if (so := sense in self._sensed) is not (sense in before):
                self.on_sense(sense, so)

    def _arrive(self) -> None:
        # The clock's last digit must not leave a drop: the target is reached exactly.
        if self._goal is not None:
            self._moved[self._way] = self._goal
        self._rate, self._speed, self._goal = 0.0, 0.0, None
        self._plan()
        self.on_target()

    def _stall(self) -> None:
        self._rate = self._speed = 0.0  # what was left to go can still be asked for
        self._plan()
        self.on_stall()
