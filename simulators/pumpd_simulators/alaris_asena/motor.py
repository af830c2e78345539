"""What a simulated Asena does with its motor: delivers its volume at its rate, counts, senses, alarms.

Promises:
- The flow ends at exactly the volume to be infused; if none is active, it ends when the syringe is empty.
- A condition that halts the pump does so at the instant at which it is sensed, and prevents a start while it lasts.
- Clearing the volume counter does not affect the rest of the volume to be infused.
"""

from collections.abc import Callable
from decimal import Decimal

from pumpd_simulators.alaris_asena.options import AlarisOptions
from pumpd_simulators.plant import Alert, Plant, Sense

NO_ALARM, OCCLUSION, BATTERY, LAPSED = "AL_NOALM", "AL_OCCLU", "AL_LBTAC", "AL_COMTO"
LOWEST_RATE_ML_H = Decimal("0.1")


def _nothing() -> None:
    pass


class Motor:
    """`alarm` is the alarm word that the pump reports; `events` counts what its log would."""

    def __init__(self, plant: Plant, options: AlarisOptions) -> None:
        self.alarm = NO_ALARM
        self.events = 0
        self.running = False
        self.rate, self.vtbi = Decimal(0), Decimal(0)  # VTBI 0: none is active
        self.confirmed = options.confirmed
        self.on_battery_empty: Callable[[], None] = _nothing
        self._plant, self._options = plant, options
        self._cleared = self._vtbi_from = plant.moved()[0]
        self._soon: Alert | None = None
        self._halts = {Sense.DOOR: options.holder_word, Sense.EMPTY: options.empty_word, Sense.PRESSURE: OCCLUSION}
        plant.on_target = self._delivered
        plant.on_stall = self._stalled
        plant.on_sense = self._sensed
        plant.pressure_limit_mmhg = options.pressure_limit_mmhg
        self.acknowledge()

    # -- settings: each returns whether it was accepted -----------------------------------------------------------

    def set_rate(self, rate_ml_h: Decimal | None) -> bool:
        if rate_ml_h is None or not LOWEST_RATE_ML_H <= rate_ml_h <= self._options.rate_max_ml_h:
            return False
        self.rate = rate_ml_h // self._options.rate_step_ml_h * self._options.rate_step_ml_h
        if self.running:
            self._turn()
        return True

    def set_vtbi(self, volume_ml: Decimal | None) -> bool:
        """None clears it: the flow then ends only when the syringe is empty."""
        if volume_ml is not None and not 0 < volume_ml <= self._options.vtbi_max_ml:
            return False
        self.vtbi, self._vtbi_from = volume_ml or Decimal(0), self._plant.moved()[0]
        if self.running:
            self._turn()
        return True

    def clear_volume(self) -> None:
        self._cleared = self._plant.moved()[0]

    def infused_ml(self) -> float:
        """What the motor believes it delivered since the counter was cleared."""
        return self._plant.moved()[0] - self._cleared

    def left_ml(self) -> float | None:
        """The rest of the volume to be infused, None without one."""
        if not self.vtbi:
            return None
        return max(0.0, float(self.vtbi) - (self._plant.moved()[0] - self._vtbi_from))

    # -- flow -----------------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Whether it runs now, or soon will. A halting condition that still lasts alarms again."""
        if self.running or self._soon is not None:
            return True
        self.acknowledge()
        for sense, word in self._halts.items():
            if sense in self._plant.sensed:
                self.halt(word)
                return False
        if not self.rate or not self.confirmed or self.left_ml() == 0:
            return False
        if self._options.start_delay_s:
            self._soon = self._plant.at(self._plant.now + self._options.start_delay_s, self._run)
        else:
            self._run()
        return True

    def _run(self) -> None:
        self._soon, self.running = None, True
        self._turn()

    def _turn(self) -> None:
        self._plant.run(float(self.rate), self.left_ml())

    def stop(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self.running = False
        self._plant.stop()

    def _delivered(self) -> None:
        self.running = False
        if self._options.vtbi_word:
            self._raise(self._options.vtbi_word)

    # -- alarms ---------------------------------------------------------------------------------------------------

    def halt(self, word: str) -> None:
        self.stop()
        self._raise(word)

    def acknowledge(self) -> None:
        """A condition that still lasts alarms again: a low battery at once, others at the next start."""
        self.alarm = BATTERY if Sense.BATTERY_LOW in self._plant.sensed else NO_ALARM

    def _raise(self, word: str) -> None:
        self.alarm = word
        self.events += 1

    def _stalled(self) -> None:
        self.halt(self._options.empty_word if Sense.EMPTY in self._plant.sensed else OCCLUSION)

    def _sensed(self, sense: Sense, present: bool) -> None:  # noqa: FBT001 - the hook's signature
        if sense is Sense.DOOR:
            self.confirmed = False  # another syringe may be in it
        if sense is Sense.BATTERY_EMPTY and present:
            self.on_battery_empty()
        elif sense is Sense.BATTERY_LOW and self.alarm in (NO_ALARM, BATTERY):
            if present:
                self._raise(BATTERY)  # it warns, and continues
            else:
                self.alarm = NO_ALARM
        elif present and self.running and sense in self._halts:
            self.halt(self._halts[sense])
