"""The plant: one physics for all simulated pumps. Motor, plunger, container, tube and the vein at its end.

A device commands the motor; the plant reports what the motor believes it moved (the pump's own counters), what the
pump's sensors detect, and what is true (what left the tube). Between two events everything is a formula, so nothing is
stepped: a query brings the plant to the present, and one timer waits for the next event.

Promises:
- Deterministic: the same seed, commands and instants give the same truth; no other randomness.
- Events happen at their exact instant in plant time, in order, however late the query comes; a device's response to an
  event takes effect at that instant, so phases follow one another without a gap.
- A motor with a target volume stops at exactly that volume; a stopped motor moves nothing more.
- Behind an occlusion nothing reaches the patient; the pressure rises by volume over compliance until the motor stalls,
  after compliance * pressure / rate; the stored volume comes out as a bolus on release.
- What a pump's sensors detect (`Sense`) changes at its exact instant, in either direction and whatever moved it. The
  device gets each change once, at that instant, before the motor stops because of it.
- Only air comes out of an empty container. Air is not drug: air that reaches the patient is counted separately.

The truth counts from the making of the plant and is never cleared; no pump command can change it.
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
NO_DROPS_S = 5.0  # time without drops while the motor runs until a drop sensor reports it (reference 2.5)


@dataclass(order=True, slots=True)
class Alert:
    """A call at an instant of plant time, which can be cancelled."""

    when: float
    number: int
    callback: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.callback = None


def _nothing() -> None:
    pass


def _ignored(_: Sense, __: bool) -> None:  # noqa: FBT001 - the hook's signature
    pass


class Plant:
    """`on_target` is called when the motor has moved its target volume, `on_stall` when it cannot move, `on_sense` when
    a sensor starts or stops detecting something, `on_first_run` when the motor first turns.

    A new plant has detected nothing: what its settings make it detect at once is its first event.
    """

    def __init__(self, clock: Clock, settings: PlantSettings | None = None) -> None:
        self.settings = settings = settings or PlantSettings()
        self.on_target: Callable[[], None] = _nothing
        self.on_stall: Callable[[], None] = _nothing
        self.on_sense: Callable[[Sense, bool], None] = _ignored
        self.on_first_run: Callable[[], None] = _nothing
        self._clock = clock
        self._now = clock.now()
        self._drive = Drive(settings)
        self._air = Air(settings)
        self._battery = Battery(settings, self._now)

        self._rate = 0.0  # mL/h as commanded; negative draws back; 0 at rest
        self._speed = 0.0  # mL/s by the pump's own clock, with the rate's sign
        self._moved = {1: 0.0, -1: 0.0}  # what the motor believes it moved in each direction, mL
        self._way = 1  # its present or last direction
        self._goal: float | None = None  # that counter's target, None: until stopped
        self._flowed = 0.0  # what came out of the tube, air and liquid, less what was drawn back, mL
        self._stored = 0.0  # what the tube's compliance holds back, mL
        self._largest_bolus = 0.0
        self._contents = settings.contents_ml
        self._occluded = self._jammed = self._door = self._ran = False
        self._free = 0.0  # mL/s that gravity moves past the motor if nothing prevents it
        self._past = 0.0  # mL/s that it moves now
        self._dry_since = math.inf  # when the motor began to infuse from an empty container
        self._limit_mmhg: float | None = None
        self._sensed: frozenset[Sense] = frozenset()

        self._alerts: list[Alert] = []
        self._count = 0
        self._event = math.inf  # instant of the plant's own next event
        self._event_call: Callable[[], None] = _nothing
        self._busy = False
        self._timer: Cancellable | None = None
        self._timer_at = math.inf
        self._plan()

    # -- what a device does: command the motor, read its counters and sensors -----------------------------------------

    @property
    def now(self) -> float:
        """Plant time; while an event is being handled, the instant of that event."""
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
        """Remaining volume to the target in mL, None without a target. After a stall: what was left."""
        self.advance()
        return None if self._goal is None else self._goal - self._moved[self._way]

    @property
    def sensed(self) -> frozenset[Sense]:
        """What the sensors detect now."""
        self.advance()
        return self._sensed

    @property
    def pressure_limit_mmhg(self) -> float | None:
        """The level of the pump's own pressure alarm, above 0; None without one. Raises ValueError."""
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

    # -- what happens at the bench. The device gets what its sensors detect before the call returns -------------------

    def occlude(self) -> None:
        self.advance()
        self._occluded = True
        self._happen_now()

    def release(self) -> float:
        """Open the line again. The stored volume reaches the patient at once; returns that bolus in mL."""
        self.advance()
        bolus, self._stored = self._stored, 0.0
        self._flowed += bolus
        self._largest_bolus = max(self._largest_bolus, bolus)
        self._occluded = False
        self._happen_now()
        return bolus

    def jam(self) -> None:
        """The motor cannot turn: it stalls at once if it runs, or as soon as it is started."""
        self.advance()
        self._jammed = True
        self._happen_now()

    def free(self) -> None:
        self.advance()
        self._jammed = False
        self._happen_now()

    def bubble(self, volume_ml: float) -> None:
        """Air enters the tube at the container; it travels with the flow."""
        if not 0 < volume_ml < math.inf:
            raise ValueError(f"a bubble's volume is above 0 mL, not {volume_ml}")
        self.advance()
        self._air.enter(self._flowed + self._stored, volume_ml)
        self._happen_now()

    def open_door(self) -> None:
        """The tube or plunger is released: the motor then moves nothing."""
        self.advance()
        self._door = True
        self._happen_now()

    def close_door(self) -> None:
        self.advance()
        self._door = False
        self._happen_now()

    def refill(self, contents_ml: float | None) -> None:
        """Another syringe or bag with these contents: 0 is empty, None never empties. The tube stays as it is."""
        if contents_ml is not None and not 0 <= contents_ml < math.inf:
            raise ValueError(f"a container holds at least 0 mL, or None for one that never empties, not {contents_ml}")
        self.advance()
        self._contents = contents_ml
        self._happen_now()

    def free_flow(self, rate_ml_h: float) -> None:
        """Gravity flow past the motor until the container is empty, except while the motor draws back; 0 ends it."""
        if not 0 <= rate_ml_h < math.inf:
            raise ValueError(f"a free flow is at least 0 mL/h, not {rate_ml_h}")
        self.advance()
        self._free = rate_ml_h / SECONDS_PER_HOUR
        self._happen_now()

    def mains(self, *, on: bool) -> None:
        """Off: the battery drains in `battery_h`; once empty, the motor cannot turn. On: it charges as fast."""
        self.advance()
        self._battery.switch(self._now, mains=on)
        self._happen_now()

    def discharge(self, percent: float) -> None:
        """Set the battery's level."""
        if not 0 <= percent <= FULL_PERCENT:
            raise ValueError(f"a battery's level is between 0 and 100 percent, not {percent}")
        self.advance()
        self._battery.put(percent, self._now)
        self._happen_now()

    @property
    def running(self) -> bool:
        """As in `truth()`, for those who ask for nothing else."""
        self.advance()
        return self._rate != 0.0

    @property
    def delivered_ml(self) -> float:
        """As in `truth()`, for those who ask for nothing else."""
        self.advance()
        return self._flowed - self._air.delivered_ml(self._flowed)

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
        """The end of the simulation: no timer is left."""
        self._rate, self._speed, self._past, self._event = 0.0, 0.0, 0.0, math.inf
        self._alerts.clear()
        self._arm()

    # -- time ---------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Bring the plant to the present, with all events that are due."""
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
        # A loop may call a timer slightly early: the event that it was set for is due all the same.
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
        """Whether the motor cannot turn."""
        return self._jammed or (not self._battery.mains and self._battery.empty(self._now))

    def _room(self) -> float:
        """What an infusing motor can still move before it stalls, mL."""
        room = math.inf
        if self._contents is not None and not self.settings.is_peristaltic:
            room = self._contents
        if self._occluded:
            room = min(room, self.settings.compliance_ml_per_mmhg * self.settings.stall_mmhg - self._stored)
        return room

    def _marks(self) -> Iterator[float]:
        """The distances to the points at which something changes, in mL of flow."""
        yield self._room()
        if self._contents is not None:
            yield self._contents
            yield self._contents - self.settings.near_empty_ml
        if not self._occluded:
            yield from self._air.marks(self._flowed)
        elif self._limit_mmhg is not None:
            yield self._limit_mmhg * self.settings.compliance_ml_per_mmhg - self._stored

    def _seconds_for(self, flow_ml: float) -> float:
        """How long motor and gravity take to move this volume, in their present direction."""
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

    def _detect(self) -> frozenset[Sense]:
        contents, limit, battery = self._contents, self._limit_mmhg, self._battery
        detected = (
            (Sense.PRESSURE, limit and passed(limit * self.settings.compliance_ml_per_mmhg - self._stored)),
            (Sense.AIR, self._air.detected(self._flowed)),
            (Sense.DOOR, self._door),
            (Sense.NEAR_EMPTY, contents is not None and passed(contents - self.settings.near_empty_ml)),
            (Sense.EMPTY, contents is not None and passed(contents)),
            (Sense.DROPS, self._past or self._now >= self._dry_since + NO_DROPS_S),
            (Sense.MAINS_OFF, not battery.mains),
            (Sense.BATTERY_LOW, battery.low(self._now)),
            (Sense.BATTERY_EMPTY, battery.empty(self._now)),
        )
        return frozenset(sense for sense, present in detected if present)

    def _plan(self) -> None:
        """Find the next event and its instant. What the sensors detect comes before what happens to the motor."""
        is_empty = self._contents is not None and passed(self._contents)
        self._past = 0.0 if self._occluded or is_empty or self._rate < 0 else self._free
        self._dry_since = min(self._dry_since, self._now) if is_empty and self._rate > 0 else math.inf
        self._event, self._event_call = self._now, self._sense
        if self._detect() == self._sensed:
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
        # A plunger that reaches its end at the same instant as its target has delivered.
        if target <= mark + hair:
            mark = target
        else:
            call = self._sense
        if self._now + mark <= self._event:
            self._event, self._event_call = self._now + mark, call

    def _happen_now(self) -> None:
        """Something changed at the bench: its immediate effects happen now."""
        self._plan()
        if not self._busy:
            self._advance_to(max(self._now, self._clock.now()))

    def _sense(self) -> None:
        """Something other than the motor's state changes: read the sensors again, and report what changed."""
        if self._contents is None or not passed(self._contents):
            self._air.close(self._flowed + self._stored)
        elif self.settings.is_peristaltic and not self._air.endless:
            self._air.enter(self._flowed + self._stored)  # the rollers continue, and draw air
        before, self._sensed = self._sensed, self._detect()
        self._plan()
        for sense in Sense:
            if (present := sense in self._sensed) is not (sense in before):
                self.on_sense(sense, present)

    def _arrive(self) -> None:
        # The clock's rounding error must not leave a rest: the target is reached exactly.
        if self._goal is not None:
            self._moved[self._way] = self._goal
        self._rate, self._speed, self._goal = 0.0, 0.0, None
        self._plan()
        self.on_target()

    def _stall(self) -> None:
        self._rate = self._speed = 0.0  # the remaining volume can still be read
        self._plan()
        self.on_stall()
