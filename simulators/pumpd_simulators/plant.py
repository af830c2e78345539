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

The truth counts from the making of the plant and is never cleared; no command of the pump's can touch it.
"""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pumpd_simulators.clock import Cancellable, Clock

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class PlantSettings:
    """`error_percent` bounds the motor's constant error (drawn by seed), `ripple_percent` is the periodic one's size.

    At `stall_mmhg` the motor cannot go on. The defaults store 0.5 mL by then: 34 s at 52.5 mL/h.
    """

    seed: int = 0
    error_percent: float = 0.2
    ripple_percent: float = 1.0
    ripple_period_ml: float = 0.5
    compliance_ml_per_mmhg: float = 0.0005
    stall_mmhg: float = 1000.0
    contents_ml: float | None = None  # None: the container never ends

    def __post_init__(self) -> None:
        if self.error_percent < 0 or self.ripple_percent < 0 or self.error_percent + self.ripple_percent > 50:
            raise ValueError("error_percent and ripple_percent must be at least 0 and together at most 50")
        for name in ("ripple_period_ml", "compliance_ml_per_mmhg", "stall_mmhg"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0")
        if self.contents_ml is not None and not self.contents_ml > 0:
            raise ValueError("contents_ml must be above 0, or left out for a container that never ends")

    @classmethod
    def ideal(cls, contents_ml: float | None = None) -> "PlantSettings":
        """A pump without error, for arithmetic that a person can check."""
        return cls(error_percent=0.0, ripple_percent=0.0, contents_ml=contents_ml)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really so at one instant. `delivered_ml` is what has reached the patient, net of what was drawn back."""

    time_s: float
    delivered_ml: float
    rate_ml_h: float
    running: bool
    pressure_mmhg: float
    occluded: bool
    jammed: bool
    largest_bolus_ml: float
    contents_ml: float | None


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


class Plant:
    """`on_target` is called when the motor has moved the volume it was given, `on_stall` when it cannot move."""

    def __init__(self, clock: Clock, settings: PlantSettings | None = None) -> None:
        self.settings = settings = settings or PlantSettings()
        self.on_target: Callable[[], None] = _nothing
        self.on_stall: Callable[[], None] = _nothing
        self._clock = clock
        rng = random.Random(settings.seed)  # noqa: S311 - repeatable physics, not secrets
        self._gain = 1.0 + rng.uniform(-1.0, 1.0) * settings.error_percent / 100.0
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
        self._occluded = self._jammed = False

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
        self._rate, self._way = rate_ml_h, 1 if rate_ml_h > 0 else -1
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
        self._largest_bolus = max(self._largest_bolus, bolus)
        self._occluded = False
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
            delivered_ml=self._delivered,
            rate_ml_h=0.0 if self._occluded else self._rate * self._slope(),
            running=self._rate != 0.0,
            pressure_mmhg=self._stored / self.settings.compliance_ml_per_mmhg,
            occluded=self._occluded,
            jammed=self._jammed,
            largest_bolus_ml=self._largest_bolus,
            contents_ml=self._contents,
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
        """True plunger displacement for a motor position, mL."""
        return self._gain * motor + self._swing * math.sin(self._wave * motor + self._phase)

    def _slope(self) -> float:
        return self._gain + self._swing * self._wave * math.cos(self._wave * self._motor + self._phase)

    def _integrate(self, until: float) -> None:
        span = until - self._now
        if span <= 0:
            return
        self._now = until
        if self._rate == 0.0:
            return
        step = self._rate * span / SECONDS_PER_HOUR
        if self._goal is not None:
            step = self._way * min(abs(step), self._goal - self._moved[self._way])
        before = self._plunger(self._motor)
        self._motor += step
        self._moved[self._way] += abs(step)
        true_step = self._plunger(self._motor) - before
        if self._contents is not None:
            self._contents -= true_step
        if self._occluded:
            self._stored += true_step
        else:
            self._delivered += true_step

    def _motor_step_for(self, true_ml: float) -> float:
        """The motor movement (mL, infusing) whose true displacement is `true_ml`."""
        goal = self._plunger(self._motor) + true_ml
        low, high = 0.0, 2.0 * true_ml + 4.0 * self._swing
        for _ in range(60):
            middle = (low + high) / 2.0
            if self._plunger(self._motor + middle) < goal:
                low = middle
            else:
                high = middle
        return high

    def _plan(self) -> None:
        """Work out what the motor will meet next, and when."""
        self._event, self._event_call = math.inf, _nothing
        if self._rate != 0.0:
            reach = math.inf if self._goal is None else self._goal - self._moved[self._way]
            call = self._arrive
            if self._jammed:
                reach, call = 0.0, self._stall
            elif self._rate > 0:
                room = math.inf if self._contents is None else self._contents
                if self._occluded:
                    full = self.settings.compliance_ml_per_mmhg * self.settings.stall_mmhg
                    room = min(room, full - self._stored)
                # A plunger that meets its end in the same instant as its target has delivered.
                if room < math.inf and (step := self._motor_step_for(max(room, 0.0))) < reach:
                    reach, call = step, self._stall
            if reach < math.inf:
                self._event = self._now + reach / abs(self._rate) * SECONDS_PER_HOUR
                self._event_call = call
        if not self._busy:
            self._arm()

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
