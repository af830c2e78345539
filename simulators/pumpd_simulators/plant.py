"""The plant: one physics for all simulated pumps. Motor, plunger, container, tube and the vein at its end.

A device commands the motor; the plant says what the motor believes it moved (the pump's own counters) and what is
true (what left the tube). Between two events everything is a formula, so nothing is stepped: a question brings the
plant to the present, and one timer waits for the next event.

Promises:
- Deterministic: the same seed, commands and instants give the same truth; no other randomness.
- Events happen at their exact instant in plant time, in order, however late the question comes; what a device does
  in answer to an event takes effect at that instant, so phases follow one another without a gap.
- A motor that was given a volume stops at exactly that volume.
- Behind an occlusion nothing reaches the patient; the pressure rises by volume over compliance until the motor
  stalls, after compliance * pressure / rate; what is stored comes out as a bolus on release.
- What a pump's sensors feel (`Sense`) changes at its exact instant, and the device hears of it then.
- Air is not drug: what reaches the patient as air is counted apart.

The truth counts from the making of the plant and is never cleared; no command of the pump's can touch it.
"""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pumpd_simulators.clock import Cancellable, Clock
from pumpd_simulators.physics import PlantSettings, Sense, Truth

__all__ = ["Plant", "PlantSettings", "Sense", "Truth"]

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
    """

    def __init__(self, clock: Clock, settings: PlantSettings | None = None) -> None:
        self.settings = settings = settings or PlantSettings()
        self.on_target: Callable[[], None] = _nothing
        self.on_stall: Callable[[], None] = _nothing
        self.on_sense: Callable[[Sense, bool], None] = _unfelt
        self.on_first_run: Callable[[], None] = _nothing
        self._clock = clock
        rng = random.Random(settings.seed)  # noqa: S311 - repeatable physics, not secrets
        self._gain = 1.0 + rng.uniform(-1.0, 1.0) * settings.error_percent / 100.0
        self._clock_gain = 1.0 + settings.drift_ppm / 1e6
        self._wave = 2.0 * math.pi / settings.ripple_period_ml
        self._swing = settings.ripple_percent / 100.0 / self._wave
        self._phase = rng.uniform(0.0, 2.0 * math.pi)

        self._now = clock.now()
        self._rate = 0.0  # mL/h as commanded; negative draws back; 0 at rest
        self._motor = 0.0  # net position that the motor believes, mL
        self._moved = {1: 0.0, -1: 0.0}  # what the motor believes it moved each way, mL
        self._way = 1  # which of them it runs, or ran last
        self._goal: float | None = None  # where that counter's target is, None: until stopped
        self._delivered = 0.0
        self._stored = 0.0  # what the tube's compliance holds back, mL
        self._largest_bolus = 0.0
        self._contents = settings.contents_ml
        self._occluded = self._jammed = self._door = self._ran = False
        self._drive = 0.0  # where the drive is, behind the motor by up to the slack
        self._flowed = 0.0  # what has moved through the tube, air and fluid, mL
        self._bubbles: list[tuple[float, float]] = []  # (where in the flow it begins, its volume)
        self._free_ml_h = 0.0
        self._limit_mmhg: float | None = None
        self._sensed: set[Sense] = set()
        self._battery, self._battery_at, self._mains = 100.0, clock.now(), True
        self._later: dict[Sense, Alert] = {}

        self._alerts: list[Alert] = []
        self._count = 0
        self._event = math.inf  # instant of the motor's next event
        self._event_call: Callable[[], None] = _nothing
        self._busy = False
        self._timer: Cancellable | None = None
        self._timer_at = math.inf

    # -- what a device and a bench may do ---------------------------------------------------------------------

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
        if not self._ran:
            self._ran = True
            self.on_first_run()
        self._rate, self._way = rate_ml_h * self._clock_gain, 1 if rate_ml_h > 0 else -1
        self._goal = None if volume_ml is None else self._moved[self._way] + volume_ml
        self._plan()

    def stop(self) -> None:
        self.advance()
        self._rate, self._goal = 0.0, None
        self._plan()

    def moved(self) -> tuple[float, float]:
        """What the motor believes it infused and drew back since the beginning, mL."""
        self.advance()
        return self._moved[1], self._moved[-1]

    def left(self) -> float | None:
        """Volume to go to the target in mL, None when the motor has none. After a stall: what was left."""
        self.advance()
        return None if self._goal is None else self._goal - self._moved[self._way]

    def occlude(self) -> None:
        self.advance()
        self._occluded = True
        self._plan()

    def release(self) -> float:
        """Open the line again. What was stored reaches the patient at once; returns that bolus in mL."""
        self.advance()
        bolus, self._stored = self._stored, 0.0
        self._delivered += bolus
        self._flowed += bolus
        self._largest_bolus = max(self._largest_bolus, bolus)
        self._occluded = False
        self._feel(Sense.PRESSURE, so=False)
        self._plan()
        return bolus

    def jam(self) -> None:
        """The motor cannot turn: at once when it runs, or as soon as it is started."""
        self.advance()
        self._jammed = True
        self._plan()

    def free(self) -> None:
        self.advance()
        self._jammed = False
        self._plan()

    @property
    def pressure_limit_mmhg(self) -> float | None:
        """Where the pump's own pressure alarm is set; None without one."""
        return self._limit_mmhg

    @pressure_limit_mmhg.setter
    def pressure_limit_mmhg(self, limit: float | None) -> None:
        self.advance()
        self._limit_mmhg = limit
        self._feel(Sense.PRESSURE, so=limit is not None and self._occluded and self.pressure_mmhg() >= limit)
        self._plan()

    def pressure_mmhg(self) -> float:
        self.advance()
        return self._stored / self.settings.compliance_ml_per_mmhg

    @property
    def sensed(self) -> frozenset[Sense]:
        """What the sensors feel now."""
        self.advance()
        return frozenset(self._sensed)

    def bubble(self, volume_ml: float) -> None:
        """Air enters the tube at the container; it travels with the flow."""
        self.advance()
        self._bubbles.append((self._flowed, volume_ml))
        self._plan()

    def open_door(self) -> None:
        """The tube or plunger is let go of: the motor then moves nothing."""
        self.advance()
        self._door = True
        self._feel(Sense.DOOR, so=True)
        self._plan()

    def close_door(self) -> None:
        self.advance()
        self._door = False
        self._feel(Sense.DOOR, so=False)
        self._plan()

    def refill(self, contents_ml: float) -> None:
        """A new syringe or bag."""
        self.advance()
        self._contents = contents_ml
        self._bubbles = [(begin, min(volume, self._flowed - begin)) for begin, volume in self._bubbles]
        self._feel_contents()
        self._plan()

    def free_flow(self, rate_ml_h: float) -> None:
        """Gravity flow past the motor; 0 ends it."""
        self.advance()
        self._free_ml_h = rate_ml_h
        self._feel(Sense.DROPS, so=rate_ml_h > 0)

    def mains(self, *, on: bool) -> None:
        """Off: the battery drains in `battery_h`. On: it is charged as fast."""
        self._battery = self.battery_percent()
        self._battery_at, self._mains = self._now, on
        self._feel(Sense.MAINS_OFF, so=not on)
        for sense, level in ((Sense.BATTERY_LOW, self.settings.battery_low_percent), (Sense.BATTERY_EMPTY, 0.0)):
            if waiting := self._later.pop(sense, None):
                waiting.cancel()
            self._feel(sense, so=self._battery <= level)
            if not on and self._battery > level:
                hours = (self._battery - level) / 100.0 * self.settings.battery_h
                when = self._now + hours * SECONDS_PER_HOUR
                self._later[sense] = self.at(when, lambda sense=sense: self._feel(sense, so=True))  # type: ignore[misc]

    def discharge(self, percent: float) -> None:
        """Put the battery at a level."""
        self.advance()
        self._battery, self._battery_at = percent, self._now
        self.mains(on=self._mains)

    def battery_percent(self) -> float:
        self.advance()
        change = (self._now - self._battery_at) / SECONDS_PER_HOUR / self.settings.battery_h * 100.0
        return max(0.0, min(100.0, self._battery + (change if self._mains else -change)))

    def at(self, when: float, callback: Callable[[], None]) -> Alert:
        """Call back at an instant of plant time (at once when it has passed)."""
        self.advance()
        self._count += 1
        alert = Alert(max(when, self._now), self._count, callback)
        heapq.heappush(self._alerts, alert)
        if not self._busy:
            self._arm()
        return alert

    def truth(self) -> Truth:
        self.advance()
        return Truth(
            time_s=self._now,
            delivered_ml=self._delivered - self._air(),
            rate_ml_h=self._free_ml_h + (0.0 if self._occluded or self._door else self._rate * self._slope()),
            running=self._rate != 0.0,
            pressure_mmhg=self._stored / self.settings.compliance_ml_per_mmhg,
            occluded=self._occluded,
            jammed=self._jammed,
            largest_bolus_ml=self._largest_bolus,
            contents_ml=self._contents,
            air_ml=self._air(),
            door_open=self._door,
            mains=self._mains,
            battery_percent=self.battery_percent(),
        )

    def shut(self) -> None:
        """The end of the simulation: no timer stays behind."""
        self._rate, self._event = 0.0, math.inf
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

    def _plunger(self, motor: float) -> float:
        """True plunger displacement for a position of the drive, mL."""
        return self._gain * motor + self._swing * math.sin(self._wave * motor + self._phase)

    def _slope(self) -> float:
        return self._gain + self._swing * self._wave * math.cos(self._wave * self._drive + self._phase)

    def _integrate(self, until: float) -> None:
        span = until - self._now
        if span <= 0:
            return
        self._now = until
        if self._free_ml_h:
            free = self._free_ml_h * span / SECONDS_PER_HOUR
            self._moved_through(free if self._contents is None else min(free, self._contents))
        if self._rate == 0.0:
            return
        step = self._rate * span / SECONDS_PER_HOUR
        if self._goal is not None:
            step = self._way * min(abs(step), self._goal - self._moved[self._way])
        self._motor += step
        self._moved[self._way] += abs(step)
        if self._door:
            self._drive = self._motor  # it turns, and holds nothing
            return
        drive = self._drive
        ahead = self._motor - self.settings.slack_ml
        self._drive = moved = ahead if drive < ahead else min(drive, self._motor)
        true_step = self._plunger(moved) - self._plunger(drive)
        if self._occluded:
            self._stored += true_step
            if self._contents is not None:
                self._contents -= true_step
        else:
            self._moved_through(true_step)

    def _moved_through(self, volume_ml: float) -> None:
        """What leaves the container reaches the patient's end of the tube, as fluid or as air."""
        if self._contents is not None:
            self._contents = max(0.0, self._contents - volume_ml)
        self._delivered += volume_ml
        self._flowed += volume_ml

    def _air(self) -> float:
        """Air that has reached the patient, mL."""
        arrived = self._flowed - self.settings.tube_to_patient_ml
        return sum(max(0.0, min(volume, arrived - begin)) for begin, volume in self._bubbles)

    def _motor_step_for(self, true_ml: float) -> float:
        """The motor movement (mL, infusing) whose true displacement is `true_ml`."""
        play = self._drive - (self._motor - self.settings.slack_ml)
        goal = self._plunger(self._drive) + true_ml
        low, high = 0.0, 2.0 * true_ml + 4.0 * self._swing
        for _ in range(60):
            middle = (low + high) / 2.0
            if self._plunger(self._drive + middle) < goal:
                low = middle
            else:
                high = middle
        return max(play, 0.0) + high

    def _plan(self) -> None:
        """Work out what the motor will meet next, and when."""
        self._event, self._event_call = math.inf, _nothing
        if self._rate != 0.0:
            reach = math.inf if self._goal is None else self._goal - self._moved[self._way]
            call = self._arrive
            if self._jammed:
                reach, call = 0.0, self._stall
            elif self._rate > 0 and not self._door:
                for room, happens in self._ahead():
                    # A plunger that meets its end in the same instant as its target has delivered.
                    if (step := self._motor_step_for(max(room, 0.0))) < reach:
                        reach, call = step, happens
            if reach < math.inf:
                self._event = self._now + reach / abs(self._rate) * SECONDS_PER_HOUR
                self._event_call = call
        if not self._busy:
            self._arm()

    def _ahead(self) -> list[tuple[float, Callable[[], None]]]:
        """What the flow will meet: (true volume until then, what happens)."""
        ahead: list[tuple[float, Callable[[], None]]] = []
        settings, contents = self.settings, self._contents
        if contents is not None and not (settings.is_peristaltic and Sense.EMPTY in self._sensed):
            ahead.append((contents, self._ran_dry if settings.is_peristaltic else self._at_the_end))
            if contents > settings.near_empty_ml:
                ahead.append((contents - settings.near_empty_ml, self._feel_contents_near))
        if self._occluded:
            ahead.append((settings.compliance_ml_per_mmhg * settings.stall_mmhg - self._stored, self._stall))
            if self._limit_mmhg is not None and Sense.PRESSURE not in self._sensed:
                to_limit = settings.compliance_ml_per_mmhg * self._limit_mmhg - self._stored
                ahead.append((to_limit, self._pressed))
        else:
            for begin, volume in self._bubbles:
                rooms = [edge + settings.tube_to_sensor_ml - self._flowed for edge in (begin, begin + volume)]
                ahead += [(room, self._air_passes) for room in rooms if room > 1e-9]
        return [(room, happens) for room, happens in ahead if room < math.inf]

    def _feel(self, sense: Sense, *, so: bool) -> None:
        if so is (sense in self._sensed):
            return
        (self._sensed.add if so else self._sensed.discard)(sense)
        self.on_sense(sense, so)

    def _feel_contents(self) -> None:
        contents = self._contents
        self._feel(Sense.NEAR_EMPTY, so=contents is not None and contents <= self.settings.near_empty_ml + 1e-9)
        self._feel(Sense.EMPTY, so=contents is not None and contents <= 1e-9)

    def _feel_contents_near(self) -> None:
        self._contents = self.settings.near_empty_ml
        self._plan()
        self._feel_contents()

    def _at_the_end(self) -> None:
        """The plunger is at its end."""
        self._contents = 0.0
        self._feel_contents()
        self._stall()

    def _ran_dry(self) -> None:
        """The bag is empty: air follows, without end."""
        self._contents = 0.0
        self._bubbles.append((self._flowed, math.inf))
        self._feel_contents()
        self._plan()
        self.at(self._now + NO_DROPS_S, lambda: self._feel(Sense.DROPS, so=self._contents == 0.0))

    def _pressed(self) -> None:
        self._sensed.add(Sense.PRESSURE)
        self._plan()
        self.on_sense(Sense.PRESSURE, True)

    def _air_passes(self) -> None:
        here = self._flowed - self.settings.tube_to_sensor_ml + 1e-9
        so = any(begin <= here < begin + volume for begin, volume in self._bubbles)
        self._plan()
        self._feel(Sense.AIR, so=so)

    def _arrive(self) -> None:
        # The clock's last digit must not leave a drop: the target is reached exactly.
        if self._goal is not None:
            self._moved[self._way] = self._goal
        self._rate, self._goal = 0.0, None
        self._plan()
        self.on_target()

    def _stall(self) -> None:
        self._rate = 0.0  # what was left to go can still be asked for
        self._plan()
        self.on_stall()
