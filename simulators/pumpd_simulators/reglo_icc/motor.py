"""What one channel of a simulated Reglo ICC does with its motor: its modes, runs, pauses, calibration, totals.

Source: the family's protocol sheet. Promises:
- A run that is not possible as set is refused with a reason (`cause`): nothing is rounded to fit.
- Volumes are the plant's; in modes with a volume the motor stops at exactly that volume.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pumpd_simulators.plant import Alert, Plant
from pumpd_simulators.reglo_icc.memory import (
    FLOW,
    RPM,
    TIME,
    TIME_PAUSE,
    VOLUME,
    VOLUME_PAUSE,
    VOLUME_TIME,
    Settings,
    number,
    of_channel,
)
from pumpd_simulators.reglo_icc.options import RegloIccOptions

WITH_VOLUME, WITH_TIME, IN_CYCLES = (VOLUME, VOLUME_TIME, VOLUME_PAUSE), (TIME, TIME_PAUSE), (VOLUME_PAUSE, TIME_PAUSE)
TOP_RPM = 100.0

PUMPING, PAUSED, STOPPED, CALIBRATING = "A", "B", "C", "D"  # as in an event
FINISHED, BY_HAND, TOO_HOT = "A", "1", "2"  # why it stopped, as in an event


class Channel:
    """`on_change` gets the state and, for a stop, the reason."""

    def __init__(self, plant: Plant, options: RegloIccOptions, on_change: Callable[[str, str], None]) -> None:
        self.plant, self.options = plant, options
        self.settings = self.factory = Settings(by_flow=options.flow_setpoint)
        self.state = STOPPED
        self.memory = of_channel(options)
        self.cause = ("C", 0.0)
        self.cycles_left = 0
        self.overloaded = False
        self._on_change = on_change
        self._total_from = 0.0
        self._run_from = 0.0
        self._ran_s, self._turns_from = 0.0, math.inf
        self._left: tuple[float | None, float | None] = (None, None)  # remaining volume and time of the paused part
        self._ends_at: float | None = None
        self._alert: Alert | None = None
        plant.on_target = self._part_done
        plant.on_stall = self._stalled

    @property
    def runs(self) -> bool:
        """Whether it runs; a timed pause between two cycles is part of the run."""
        return self.state in (PUMPING, CALIBRATING)

    @property
    def total_ml(self) -> float:
        return sum(self.plant.moved()) - self._total_from

    @property
    def dosed_ml(self) -> float:
        """Since the last start."""
        return sum(self.plant.moved()) - self._run_from

    @property
    def ran_s(self) -> float:
        """The total time during which the motor turned."""
        return self._ran_s + max(0.0, self.plant.now - self._turns_from)

    def clear_total(self) -> None:
        self._total_from = sum(self.plant.moved())

    def flow_ml_min(self) -> float:
        """The flow of a run with these settings; 0 when they allow none."""
        kept = self.settings
        if kept.mode == VOLUME_TIME:
            return float(kept.volume_ml / kept.run_s * 60) if kept.run_s else 0.0
        if kept.mode == RPM or (kept.mode != FLOW and not kept.by_flow):
            return float(kept.speed_rpm) / TOP_RPM * self.options.rate_max_ml_min
        return float(kept.flow_ml_min)

    def keep(self, **changes: Any) -> bool:
        """Change settings; False when the running channel refuses."""
        if self.runs and self.options.locked_while_running:
            free = {RPM: "speed_rpm", FLOW: "flow_ml_min"}.get(self.settings.mode)
            if self.state == CALIBRATING or set(changes) != {free}:
                return False
        self.settings = replace(self.settings, **changes)
        if self.state == PUMPING and self.settings.mode in (RPM, FLOW):
            if 0 < self.flow_ml_min() <= self.options.rate_max_ml_min:
                self._turn(None)
            else:
                self.stop()
        return True

    def turn_to(self, flow_ml_min: Decimal) -> None:
        """A person changes the flow, possibly during a run."""
        self.settings = replace(self.settings, flow_ml_min=flow_ml_min)
        if self.plant.truth().running:
            self._turn(self.plant.left())

    # -- the run ---------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """False when it runs already, or when the settings allow no run; `cause` is then the reason."""
        if self.runs:
            return False
        resumed, self._left = self._left, (None, None)
        again = self.state == PAUSED and self.options.pause_resumes
        if (cause := self._cannot()) is not None:
            self.cause = cause
            return False
        if not again:
            self.cycles_left, self._run_from = self.settings.cycles, sum(self.plant.moved())
        self.state = PUMPING
        self._on_change(PUMPING, "")
        self._part(*(resumed if again else (None, None)))
        return True

    def _cannot(self) -> tuple[str, float] | None:
        kept, options = self.settings, self.options
        if kept.mode in IN_CYCLES and not kept.cycles:
            return ("C", 0.0)
        if kept.mode in WITH_VOLUME and not 0 < kept.volume_ml <= options.vtbi_max_ml:
            return ("V", options.vtbi_max_ml)
        is_timeless = kept.mode in WITH_TIME and not kept.run_s
        if not is_timeless and 0 < self.flow_ml_min() < options.rate_min_ml_min * (1 - 1e-9):
            return ("R", options.rate_min_ml_min)
        if is_timeless or not 0 < self.flow_ml_min() <= options.rate_max_ml_min * (1 + 1e-9):
            return ("R", options.rate_max_ml_min)
        return None

    def _part(self, volume_ml: float | None = None, time_s: float | None = None) -> None:
        """Run to the next pause or the end: a whole cycle, unless its remaining volume or time is given."""
        kept = self.settings
        if kept.mode in WITH_TIME:
            self._ends_at = self.plant.now + (float(kept.run_s) if time_s is None else time_s)
            self._alert = self.plant.at(self._ends_at, self._part_done)
        self._turn((volume_ml or float(kept.volume_ml)) if kept.mode in WITH_VOLUME else None)

    def _turn(self, volume_ml: float | None) -> None:
        self._run(self.flow_ml_min(), volume_ml, clockwise=self.settings.clockwise)

    def _run(self, flow_ml_min: float, volume_ml: float | None, *, clockwise: bool) -> None:
        self._turns_from = min(self._turns_from, self.plant.now)
        self.plant.run((flow_ml_min if clockwise else -flow_ml_min) * 60.0, volume_ml)

    def calibrate(self) -> bool:
        """Deliver the nominal target volume in the calibration time [I]; False when that is not possible."""
        volume_ml, time_s = float(number(self.memory["xU"])), float(self.memory["xW"]) / 10
        flow_ml_min = volume_ml / time_s * 60 if time_s else 0.0
        if self.runs or not 0 < flow_ml_min <= self.options.rate_max_ml_min:
            return False
        self.state, self.cycles_left, self._run_from = CALIBRATING, 0, sum(self.plant.moved())
        self._on_change(CALIBRATING, "")
        self._run(flow_ml_min, volume_ml, clockwise=self.memory["xR"] == "J")
        return True

    def _part_done(self) -> None:
        self._halt()
        if self.settings.mode in IN_CYCLES:
            self.cycles_left -= 1
            if self.cycles_left > 0:
                self._alert = self.plant.at(self.plant.now + float(self.settings.pause_s), self._part)
                return
        self._end(FINISHED)

    def stop(self, why: str = BY_HAND) -> None:
        if self.state != STOPPED:
            self._halt()
            self._end(why)

    def pause(self) -> None:
        """In modes without an end this is a stop (as public clients describe it)."""
        if self.state != PUMPING or self.settings.mode in (RPM, FLOW):
            self.stop()
            return
        self._left = self.plant.left(), (self._ends_at - self.plant.now if self._ends_at is not None else None)
        self._halt()
        self.state = PAUSED
        self._on_change(PAUSED, "")

    def silence(self) -> None:
        """The supply failed: nothing turns, and no event is sent."""
        self._halt()
        self.state, self.overloaded = STOPPED, False

    def wake(self) -> None:
        if not self.options.keeps_settings:
            self.settings = self.factory
        if not self.options.keeps_total:
            self.clear_total()
        self.cause = ("C", 0.0)

    def _halt(self) -> None:
        if self._alert is not None:
            self._alert.cancel()
        self._alert = self._ends_at = None
        self._ran_s, self._turns_from = self.ran_s, math.inf
        self.plant.stop()

    def _end(self, why: str) -> None:
        self.state = STOPPED
        self._on_change(STOPPED, why)

    def _stalled(self) -> None:
        self.overloaded = self.options.after_stall == "overload"
        self.stop(TOO_HOT)  # no source states how a stall is reported
