"""What one syringe module does with its motor: runs at a rate to its volume limit, gives boluses, raises alarms.

Source: the protocol sheet: rates in 0.1 mL/h and volumes in 0.001 mL [S].

Promises:
- Volumes are the plant's own; the flow ends at exactly the volume limit.
- An alarm that stopped the flow (occlusion, empty or missing syringe) stays until it is silenced and its cause is gone.
"""

from collections.abc import Callable
from enum import IntEnum

from pumpd_simulators.fresenius_base_a.options import BaseAOptions
from pumpd_simulators.plant import Plant, Sense


class Alarm(IntEnum):
    """Places in `alarm_bits`."""

    OCCLUSION = 0
    EMPTY = 1
    NEAR_EMPTY = 2
    NO_SYRINGE = 3
    BATTERY = 4
    LIMIT = 5


_WARNINGS = frozenset({Alarm.NEAR_EMPTY, Alarm.BATTERY})
_SENSED = {
    Sense.PRESSURE: Alarm.OCCLUSION,
    Sense.EMPTY: Alarm.EMPTY,
    Sense.NEAR_EMPTY: Alarm.NEAR_EMPTY,
    Sense.DOOR: Alarm.NO_SYRINGE,
    Sense.BATTERY_LOW: Alarm.BATTERY,
}


class RefusedError(Exception):
    """The reply is I and this number."""


class Motor:
    """`rate` is in 0.1 mL/h; `limit` is in 0.001 mL, on the counter r."""

    def __init__(self, plant: Plant, options: BaseAOptions) -> None:
        self.plant, self._options = plant, options
        self.running = False
        self.on_battery_empty: Callable[[], None] = lambda: None
        self.rate = 0
        self.limit: int | None = None
        self.bolus_rate = self.bolus_given = 0
        self._bolus = 0
        self._from_ml = plant.moved()[0]
        self._latched: set[Alarm] = set()
        self._no_near_empty = False
        plant.pressure_limit_mmhg = options.pressure_limit_mmhg
        plant.on_target, plant.on_stall, plant.on_sense = self._arrived, self._stalled, self._sensed

    # -- its state ------------------------------------------------------------------------------------------------

    @property
    def alarms(self) -> set[Alarm]:
        """The latched alarms, and the warnings whose cause is present."""
        present = self._present() & _WARNINGS
        return self._latched | (present - {Alarm.NEAR_EMPTY} if self._no_near_empty else present)

    def _present(self) -> set[Alarm]:
        return {_SENSED[sense] for sense in self.plant.sensed if sense in _SENSED}

    @property
    def volume_ul(self) -> int:
        """The counter r, in 0.001 mL."""
        return int((self.plant.moved()[0] - self._from_ml) * 1000.0 + 1e-6)

    @property
    def rate_ml_h(self) -> float:
        return self.rate / 10.0

    @property
    def limit_ml(self) -> float | None:
        return None if self.limit is None else self.limit / 1000.0

    # -- orders ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run at the set rate, to the limit if there is one. Raises RefusedError."""
        if not self.rate:
            raise RefusedError("14")
        self._require_able()
        if self.limit is not None and self.limit <= self.volume_ul:
            raise RefusedError("03")
        if not self._bolus:
            self._run()
        self.running = True

    def pause(self) -> None:
        self.plant.stop()
        self.running, self._bolus = False, 0

    def reset(self) -> None:
        self.pause()
        self.rate, self.limit = 0, None
        self.silence()

    def key_rate(self, ml_h: float) -> None:
        """Set the rate at the keys."""
        self.rate = round(ml_h * 10)
        if self.running and self.rate:
            self._run()
        elif not self.rate:
            self.pause()

    def set_limit(self, limit: int) -> None:
        self.limit = limit
        if self.running and not self._bolus:
            self._run()

    def clear_volume(self) -> None:
        """Raises RefusedError while it runs."""
        if self.running:
            raise RefusedError("03")
        self._from_ml = self.plant.moved()[0]

    def give_bolus(self, volume: int) -> None:
        """At `bolus_rate`, a volume in 0.001 mL. Raises RefusedError."""
        if not self.bolus_rate or not volume:
            raise RefusedError("08")
        contents = self.plant.truth().contents_ml
        if contents is not None and contents * 1000.0 < volume:
            raise RefusedError("15")
        self._require_able()
        self._bolus = self.bolus_given = volume
        self.running = True
        self.plant.run(self.bolus_rate / 10.0, volume / 1000.0)

    def empty_syringe(self) -> None:
        """No near-empty warning from here on. Raises RefusedError."""
        if not self.running or self.plant.truth().contents_ml is None:
            raise RefusedError("16")
        self._no_near_empty = True

    def silence(self) -> None:
        self._latched &= self._present()

    # -- flow -----------------------------------------------------------------------------------------------------

    def _require_able(self) -> None:
        if Sense.DOOR in self.plant.sensed:
            self._latched.add(Alarm.NO_SYRINGE)
        if self._latched:
            raise RefusedError("12")

    def _run(self) -> None:
        left = None if self.limit is None else self.limit / 1000.0 - (self.plant.moved()[0] - self._from_ml)
        self.plant.run(self.rate / 10.0, left)

    def _arrived(self) -> None:
        if self._bolus:
            self._bolus = 0
            if self.rate and (self.limit is None or self.limit > self.volume_ul):
                self._run()
                return
        self.running = False
        if self._options.at_limit == "alarm":
            self._latched.add(Alarm.LIMIT)

    def _stalled(self) -> None:
        self._halt(Alarm.EMPTY if Sense.EMPTY in self.plant.sensed else Alarm.OCCLUSION)

    def _sensed(self, sense: Sense, present: bool) -> None:  # noqa: FBT001 - the hook's signature
        if sense is Sense.BATTERY_EMPTY and present:
            self.on_battery_empty()
        elif (
            present
            and (alarm := _SENSED.get(sense))
            and alarm not in _WARNINGS
            and (self.running or alarm is Alarm.EMPTY)
        ):
            self._halt(alarm)

    def _halt(self, alarm: Alarm) -> None:
        self._latched.add(alarm)
        self.pause()
