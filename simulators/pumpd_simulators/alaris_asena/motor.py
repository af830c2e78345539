"""What a simulated Asena does: gives its volume at its rate, counts, feels, alarms.

Promises:
- The flow ends at exactly the volume to be infused; without one that is active it ends at the syringe's end.
- What halts the pump halts it at the instant at which it is felt, and it does not start again while that is so.
- Clearing the volume counter does not touch what is left of the volume to be infused.
"""

from collections.abc import Callable
from decimal import Decimal

from pumpd_simulators.alaris_asena.options import AlarisOptions
from pumpd_simulators.plant import Alert, Plant, Sense

NO_ALARM, OCCLUSION, BATTERY, LAPSED = "AL_NOALM", "AL_OCCLU", "AL_LBTAC", "AL_COMTO"
LEAST_RATE_ML_H = Decimal("0.1")


def _nothing() -> None:
    pass


class Motor:
    """`alarm` is the word that the pump says of itself; `events` counts what its log would."""

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
        plant.on_target = self._given
        plant.on_stall = self._stalled
        plant.on_sense = self._felt
        plant.pressure_limit_mmhg = options.pressure_limit_mmhg
        self.acknowledge()

    # -- settings: each tells whether it was taken ----------------------------------------------------------------

    def set_rate(self, rate_ml_h: Decimal | None) -> bool:
        if rate_ml_h is None or not LEAST_RATE_ML_H <= rate_ml_h <= self._options.rate_max_ml_h:
            return False
        self.rate = rate_ml_h // self._options.rate_step * self._options.rate_step
        if self.running:
            self._turn()
        return True

    def set_vtbi(self, volume_ml: Decimal | None) -> bool:
        """None takes it off: the flow then has no end but the syringe's."""
        if volume_ml is not None and not 0 < volume_ml <= self._options.vtbi_max_ml:
            return False
        self.vtbi, self._vtbi_from = volume_ml or Decimal(0), self._plant.moved()[0]
        if self.running:
            self._turn()
        return True

    def clear_volume(self) -> None:
        self._cleared = self._plant.moved()[0]

    def infused_ml(self) -> float:
        """What the motor believes it gave since the counter was cleared."""
        return self._plant.moved()[0] - self._cleared

    def left_ml(self) -> float | None:
        """To go to the volume to be infused, None without one."""
        if not self.vtbi:
            return None
        return max(0.0, float(self.vtbi) - (self._plant.moved()[0] - self._vtbi_from))

    # -- flow -----------------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Whether it runs then, or soon will. Something that halts it and is still so alarms again."""
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

    def _given(self) -> None:
        self.running = False
        if self._options.vtbi_word:
            self._say(self._options.vtbi_word)

    # -- alarms ---------------------------------------------------------------------------------------------------

    def halt(self, word: str) -> None:
        self.stop()
        self._say(word)

    def acknowledge(self) -> None:
        """What is still so comes again: a low battery at once, what halts the pump when it is started."""
        self.alarm = BATTERY if Sense.BATTERY_LOW in self._plant.sensed else NO_ALARM

    def _say(self, word: str) -> None:
        self.alarm = word
        self.events += 1

    def _stalled(self) -> None:
        self.halt(self._options.empty_word if Sense.EMPTY in self._plant.sensed else OCCLUSION)

    def _felt(self, sense: Sense, so: bool) -> None:  # noqa: FBT001 - the hook's shape
        if sense is Sense.DOOR:
            self.confirmed = False  # another syringe may be in it
        if sense is Sense.BATTERY_EMPTY and so:
            self.on_battery_empty()
        elif sense is Sense.BATTERY_LOW and self.alarm in (NO_ALARM, BATTERY):
            if so:
                self._say(BATTERY)  # it warns, and goes on
            else:
                self.alarm = NO_ALARM
        elif so and self.running and sense in self._halts:
            self.halt(self._halts[sense])
