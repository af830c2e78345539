"""What a simulated Zyno pump does with its motor: one continuous infusion, its counter, a bolus by key, its alarms.

Promises:
- The flow ends at exactly the volume to be infused; a start after a stop delivers the rest and no more.
- A condition that halts the pump does so at the instant at which it is sensed, is logged, and prevents a start while it
  lasts.
"""

from decimal import Decimal

from pumpd_simulators.plant import Alert, Plant, Sense
from pumpd_simulators.zyno_miva.memory import CLEARED, DOWNSTREAM, SLOW_MOTOR, EventLog, Kind
from pumpd_simulators.zyno_miva.options import ZynoMivaOptions

BOLUS_RATE_ML_H = 250.0  # as in a public client

_HALTS = {
    Sense.DOOR: (Kind.DETACHED, 0),
    Sense.EMPTY: (Kind.EMPTY, 0),
    Sense.PRESSURE: (Kind.OCCLUSION, DOWNSTREAM),
    Sense.BATTERY_EMPTY: (Kind.BATTERY_DEPLETED, 0),
}


class Motor:
    def __init__(self, plant: Plant, options: ZynoMivaOptions, log: EventLog) -> None:
        self.rate = self.volume = Decimal(0)
        self.running = self.gives_bolus = False
        self._plant, self._options, self._log = plant, options, log
        self._infused_ml = 0.0  # before the motor was last set in motion
        self._moved_from: float | None = None  # the motor's counter then; None: it does not infuse
        self._ran_s, self._runs_from = 0.0, 0.0
        self._pending: Alert | None = None  # the review of the parameters, before the motor turns
        self.waits_for_ok = False
        plant.on_target = self._arrived
        plant.on_stall = lambda: self._halt(Kind.SYSTEM_ERROR, SLOW_MOTOR)
        plant.on_sense = self._sensed
        plant.pressure_limit_mmhg = options.occlusion_mmhg

    @property
    def infused_ml(self) -> float:
        if self._moved_from is None:
            return self._infused_ml
        return self._infused_ml + self._plant.moved()[0] - self._moved_from

    @property
    def left_ml(self) -> float:
        return max(0.0, float(self.volume) - self.infused_ml)

    @property
    def elapsed_s(self) -> float:
        return self._ran_s + (self._plant.now - self._runs_from if self.running else 0.0)

    # -- settings: each returns whether it was accepted ----------------------------------------------------------

    def set_rate(self, rate: Decimal | None) -> bool:
        """At the panel also of a running infusion."""
        if rate is None or not self._options.rate_min_ml_h <= float(rate) <= self._options.rate_max_ml_h:
            return False
        self.rate = rate
        self._log.add(Kind.SETTING_CHANGED)
        if self.running:
            self._turn()
        return True

    def set_volume(self, volume: Decimal | None) -> bool:
        if self.busy or volume is None or not 0 < float(volume) <= self._options.volume_max_ml:
            return False
        self.volume = volume
        self._log.add(Kind.SETTING_CHANGED)
        if not self._options.keeps_infused:
            self.clear()
        return True

    def clear(self) -> None:
        """A new infusion begins at 0."""
        self._infused_ml, self._ran_s = 0.0, 0.0

    # -- flow ----------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return self.running or self.gives_bolus or self._pending is not None or self.waits_for_ok

    def start(self) -> bool:
        """Whether it runs now, or soon will."""
        if self.busy:
            return not self.gives_bolus
        for sense, (kind, subtype) in _HALTS.items():
            if sense in self._plant.sensed:
                self._log.add(kind, subtype)
                return False
        if not self.rate or self._options.mode != "CONT" or self.left_ml <= 0:
            return False
        if self._options.needs_ok:
            self.waits_for_ok = True
        elif self._options.review_s:
            self._pending = self._plant.at(self._plant.now + self._options.review_s, self.begin)
        else:
            self.begin()
        return True

    def begin(self) -> None:
        self._pending, self.waits_for_ok, self.running = None, False, True
        self._runs_from = self._plant.now
        self._log.add(Kind.RUN)
        self._turn()

    def _turn(self) -> None:
        self._infused_ml, self._moved_from = self.infused_ml, self._plant.moved()[0]
        self._plant.run(float(self.rate), self.left_ml)

    def stop(self) -> None:
        """By WT02 or a key."""
        if (self._pending is not None or self.waits_for_ok) and self._options.review_ignores_stop:
            return
        if self.busy:
            self.rest()
            self._log.add(Kind.PAUSED)

    def rest(self) -> None:
        """Stop the motor; nothing is logged."""
        if self._pending is not None:
            self._pending.cancel()
        self._infused_ml, self._ran_s = self.infused_ml, self.elapsed_s
        self._moved_from = self._pending = None
        self.running = self.gives_bolus = self.waits_for_ok = False
        self._plant.stop()

    def give_bolus(self) -> bool:
        """A demand bolus, by a person, of a pump at rest."""
        if self.busy or not self._options.demand_bolus_ml:
            return False
        self.gives_bolus = True
        self._log.add(Kind.DOSE_GRANTED, 0x0200)
        self._plant.run(BOLUS_RATE_ML_H, self._options.demand_bolus_ml)
        return True

    def _arrived(self) -> None:
        bolus = self.gives_bolus
        self.rest()
        if bolus:
            self._log.add(Kind.DOSE_FINISHED, 1)
        elif self._options.logs_end:
            self._log.add(Kind.EMPTY)

    # -- alarms --------------------------------------------------------------------------------------------------

    def _halt(self, kind: Kind, subtype: int) -> None:
        self.rest()
        self._log.add(kind, subtype)

    def _sensed(self, sense: Sense, present: bool) -> None:  # noqa: FBT001 - the hook's signature
        if sense is Sense.PRESSURE and not present:
            self._log.add(Kind.OCCLUSION, CLEARED)
        elif present and sense in _HALTS:
            self._halt(*_HALTS[sense])
        elif present and sense is Sense.BATTERY_LOW:
            self._log.add(Kind.BATTERY_LOW)
