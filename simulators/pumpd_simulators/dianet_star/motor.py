"""What a simulated Dianet Star pump does with its motor: set values, VTBD and reload, bolus, KVO, standby, alarms.

Promises:
- Volumes are the plant's: the counter, the rest of the VTBD and the bolus are differences of what the motor moved.
- An alarm bit for a lasting cause (door, battery, syringe nearly empty) is set as long as the cause lasts; other bits
  are set until the next start or stop [I]. A cause that forbids flow ends it at the instant at which it is sensed.
- Without a VTBD (0) the flow has no end: the maker's protocol states this, and it is the trap for a careless driver.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pumpd_drivers.dianet_star.segments import (
    HISTORY_LENGTH,
    LEAVE_8,
    LEAVE_16,
    LEAVE_32,
    Alarm,
    Refusal,
    Reload,
    Setpoint,
    State,
)
from pumpd_simulators.dianet_star.options import DianetStarOptions, Model
from pumpd_simulators.plant import Alert, Plant, Sense

MANUAL_BOLUS_S = 1.0
MUTE_S = 120.0
_HAIR_ML = 1e-6
_NOTHING_SET = Setpoint(0, 0, 0, 0, 0, 0, 0, b" " * 20)

# Each cause's alarm bit, and whether it ends the flow.
_SYRINGE_SENSES = {
    Sense.DOOR: (Alarm.SYRINGE, True),
    Sense.NEAR_EMPTY: (Alarm.SYRINGE_PRE_ALARM, False),
    Sense.EMPTY: (Alarm.EMPTY, True),
}
_VOLUMETRIC_SENSES = {
    Sense.DOOR: (Alarm.DOOR, True),
    Sense.AIR: (Alarm.AIR, True),
    Sense.DROPS: (Alarm.DROPS, True),
}
_SENSES = {
    Sense.PRESSURE: (Alarm.PRESSURE, True),
    Sense.BATTERY_LOW: (Alarm.BATTERY_PRE_ALARM, False),
    Sense.BATTERY_EMPTY: (Alarm.BATTERY_EMPTY, True),
}
_LASTING = (Sense.DOOR, Sense.AIR, Sense.NEAR_EMPTY, Sense.EMPTY, Sense.BATTERY_LOW, Sense.BATTERY_EMPTY)


def _nothing() -> None:
    pass


class Motor:
    """`rates` returns the lowest and highest allowed set rate in mL/h; `on_vtbd_end` is called when nothing follows."""

    def __init__(self, plant: Plant, model: Model, options: DianetStarOptions) -> None:
        self.plant, self._model, self._options = plant, model, options
        self._alarm_of = _SENSES | (_VOLUMETRIC_SENSES if model.volumetric else _SYRINGE_SENSES)
        self.on_vtbd_end: Callable[[], None] = _nothing
        self.rates: Callable[[], tuple[float, float]] = lambda: (options.rate_min_ml_h, options.rate_max_ml_h)
        self.drops_watched = True
        self.history: list[tuple[float, int]] = []
        plant.on_target = self._arrived
        plant.on_stall = lambda: self.fail(Alarm.PRESSURE)
        plant.on_sense = self._sensed
        self._alerts: dict[str, Alert] = {}
        self.forget()

    def forget(self) -> None:
        """As from power-up."""
        self.plant.stop()
        for alert in self._alerts.values():
            alert.cancel()
        self._alerts.clear()
        self.set = replace(_NOTHING_SET, pressure=self._options.pressure_level)
        self.reload = Reload(0, 0, 0)
        self.running = self.kvo = self.standby = False
        self.bolus = State(0)
        self._raised = Alarm(0)
        self.history.clear()
        self._bolus_end = self._vtbd_end = self._time_left_s = 0.0
        self._cleared, self._since = self.plant.moved()[0], self.plant.now
        self._limit()

    # -- what is read ----------------------------------------------------------------------------------------------

    @property
    def alarms(self) -> Alarm:
        lasting = Alarm(0)
        for sense in self.plant.sensed:
            if sense in _LASTING and sense in self._alarm_of:
                lasting |= self._alarm_of[sense][0]
        return self._raised | lasting

    @property
    def ready(self) -> bool:
        """Whether no lasting cause forbids a start. A set rate of 0 is allowed: a known client uses it for boluses."""
        return not any(self._alarm_of.get(sense, (0, False))[1] for sense in self.plant.sensed if sense in _LASTING)

    @property
    def rate(self) -> int:
        """In 0.01 mL/h: the present flow, or the set rate."""
        if self.kvo:
            return round(self._options.kvo_ml_h * 100)
        if self.bolus:
            return self.set.bolus_rate
        return self.set.rate if self.running or self._options.rate_at_rest == "set" else 0

    def vtbd_left_ml(self) -> float:
        return max(0.0, self._vtbd_end - self.plant.moved()[0]) if self.set.vtbd else 0.0

    def infused(self) -> int:
        """The counter in whole steps of 0.1 mL."""
        return int((self.plant.moved()[0] - self._cleared) * 10 + _HAIR_ML)

    def infused_min(self) -> int:
        return int((self.plant.now - self._since) // 60)

    def remaining(self) -> tuple[int, int]:
        """Remaining VTBD in 0.1 mL, and remaining minutes."""
        left = math.ceil(self.vtbd_left_ml() * 10 - _HAIR_ML)
        if self.set.time_min:
            running = self._alerts.get("time")
            return left, math.ceil((running.when - self.plant.now if running else self._time_left_s) / 60)
        return left, math.ceil(left * 600 / self.set.rate) if self.set.rate else 0

    def pressure_percent(self) -> int:
        return min(100, int(100 * self.plant.pressure_mmhg() / self._limit_mmhg))

    # -- what is written -------------------------------------------------------------------------------------------

    def take(self, new: Setpoint) -> Refusal | None:
        low, high = (round(rate * 100) for rate in self.rates())
        wrong = (
            (new.rate not in (0, LEAVE_32) and not low <= new.rate <= high)
            or (new.vtbd != LEAVE_32 and new.vtbd > round(self._options.vtbi_max_ml * 10))
            or (new.bolus_rate != LEAVE_32 and new.bolus_rate > round(self._options.bolus_max_ml_h * 100))
            or (new.pressure != LEAVE_8 and not 1 <= new.pressure <= 9)
        )
        if wrong:
            return Refusal.RANGE
        given: dict[str, Any] = {
            name: value
            for name, value, leave in (
                ("rate", self._on_step(new.rate), LEAVE_32),
                ("vtbd", new.vtbd, LEAVE_32),
                ("time_min", new.time_min, LEAVE_16),
                ("bolus_rate", new.bolus_rate, LEAVE_32),
                ("bolus_volume", new.bolus_volume, LEAVE_16),
                ("pressure", new.pressure, LEAVE_8),
                ("standby_min", new.standby_min, LEAVE_16),
            )
            if value != leave
        }
        self.set = replace(self.set, **given)
        if new.drug != b"\xff" * len(new.drug):
            self.set = replace(self.set, drug=new.drug)
        if "vtbd" in given:
            self._vtbd_end = self.plant.moved()[0] + new.vtbd / 10
        if "time_min" in given:
            self._hold_time()
            self._time_left_s = new.time_min * 60.0
        self._limit()
        self._go()
        return None

    def take_reload(self, new: Reload) -> Refusal | None:
        low, high = (round(rate * 100) for rate in self.rates())
        if new.rate not in (0, LEAVE_32) and not low <= new.rate <= high:
            return Refusal.RANGE
        if new.vtbd != LEAVE_32 and new.vtbd > round(self._options.vtbi_max_ml * 10):
            return Refusal.RANGE
        old = self.reload
        self.reload = Reload(
            old.active if new.active == LEAVE_8 else new.active,
            old.rate if new.rate == LEAVE_32 else self._on_step(new.rate),
            old.vtbd if new.vtbd == LEAVE_32 else new.vtbd,
        )
        return None

    def _on_step(self, rate: int) -> int:
        """In 0.01 mL/h."""
        step = round(self._options.rate_step_ml_h * 100)
        return rate if rate == LEAVE_32 else rate // step * step

    def start(self) -> Refusal | None:
        if not self.ready:
            return Refusal.ACTION
        self._raised = Alarm(0)
        self.standby, self.running = False, True
        self._go()
        return None

    def stop(self) -> None:
        self._raised = Alarm(0)
        self.halt()

    def halt(self) -> None:
        """No flow. The rest of the VTBD stays, and a start would continue with it."""
        self._hold_time()
        self.running = self.kvo = False
        self.bolus = State(0)
        self._go()

    def fail(self, alarm: Alarm) -> None:
        """An alarm that ends the flow."""
        self._raised |= alarm
        self.halt()

    def warn(self, alarm: Alarm) -> None:
        """An alarm that does not end the flow."""
        self._raised |= alarm

    def calm(self, alarm: Alarm) -> None:
        self._raised &= ~alarm

    def clear_volume(self) -> None:
        self._cleared = self.plant.moved()[0]

    def clear_time(self) -> None:
        self._since = self.plant.now

    def give_bolus(self, kind: State, *, on: bool) -> Refusal | None:
        """Manual: for a second, longer if requested again. By volume: until `bolus_volume` is delivered."""
        if not on:
            if kind is State.BOLUS_VOLUME:
                self.set = replace(self.set, bolus_volume=0)
            self._end_bolus()
            return None
        if not self.running or not self.set.bolus_rate or (kind is State.BOLUS_VOLUME and not self.set.bolus_volume):
            return Refusal.ACTION
        self.bolus = kind
        self._bolus_end = self.plant.moved()[0] + self.set.bolus_volume / 10
        if kind is State.BOLUS_MANUAL:
            self._after(MANUAL_BOLUS_S, "bolus", self._end_bolus)
        self._go()
        return None

    def stand_by(self, *, on: bool) -> Refusal | None:
        if on and (self.running or not self.set.standby_min):
            return Refusal.ACTION
        self.standby = on
        if on:
            self._after(self.set.standby_min * 60.0, "standby", self._standby_over)
        return None

    # -- the motor -------------------------------------------------------------------------------------------------

    def _go(self) -> None:
        rate_ml_h = self.rate / 100 if self.running or self.kvo else 0.0
        if (self.history[-1][1] if self.history else 0) != round(rate_ml_h * 100):
            self.history = [*self.history, (self.plant.now, round(rate_ml_h * 100))][-HISTORY_LENGTH:]
        if not rate_ml_h:
            self.plant.stop()
        else:
            left = self.vtbd_left_ml() if self.set.vtbd and not self.kvo else None
            if self.bolus is State.BOLUS_VOLUME:
                bolus_ml = max(self._bolus_end - self.plant.moved()[0], _HAIR_ML)
                left = bolus_ml if left is None else min(left, bolus_ml)
            if left is not None and left <= 0:
                self._arrived()
                return
            self.plant.run(rate_ml_h, left)
        if self.set.time_min and self.running and "time" not in self._alerts:
            self._after(self._time_left_s, "time", self._time_over)

    def _arrived(self) -> None:
        if self.set.vtbd and self.vtbd_left_ml() <= _HAIR_ML:
            self._vtbd_given()
        else:
            self._end_bolus()

    def _vtbd_given(self) -> None:
        self.bolus = State(0)
        if self.reload.active == 1:
            self.set = replace(self.set, rate=self.reload.rate, vtbd=self.reload.vtbd)
            self._vtbd_end = self.plant.moved()[0] + self.reload.vtbd / 10
            self.reload = Reload(0, 0, 0)
            self._go()
            return
        self.set = replace(self.set, vtbd=0)
        self.fail(Alarm.VTBD_END)
        if self._options.kvo_ml_h:
            self.kvo = True
            self.warn(Alarm.KVO_PRE_ALARM)
            self._go()
        self.on_vtbd_end()

    def _end_bolus(self) -> None:
        self.bolus = State(0)
        self._go()

    def _limit(self) -> None:
        self._limit_mmhg = self.set.pressure * self._options.pressure_step_mmhg
        self.plant.pressure_limit_mmhg = self._limit_mmhg

    # -- time and senses -------------------------------------------------------------------------------------------

    def _after(self, delay_s: float, name: str, callback: Callable[[], None]) -> None:
        if name in self._alerts:
            self._alerts.pop(name).cancel()

        def due() -> None:
            self._alerts.pop(name, None)
            callback()

        self._alerts[name] = self.plant.at(self.plant.now + delay_s, due)

    def _hold_time(self) -> None:
        """Stop counting the set time, which counts only while the pump runs."""
        if (running := self._alerts.pop("time", None)) is not None:
            self._time_left_s = max(0.0, running.when - self.plant.now)
            running.cancel()

    def _time_over(self) -> None:
        self.set = replace(self.set, time_min=0)
        self.fail(Alarm.TIME_END)

    def _standby_over(self) -> None:
        if self.standby:
            self.standby = False
            self.warn(Alarm.STANDBY_END)

    def _sensed(self, sense: Sense, present: bool) -> None:  # noqa: FBT001 - the hook's signature
        alarm, ends = self._alarm_of.get(sense, (Alarm(0), False))
        if not present or not ends or (sense is Sense.DROPS and not self.drops_watched):
            return
        if self.running or self.kvo or sense is Sense.DROPS:
            self.fail(alarm)
