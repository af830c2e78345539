"""What a Harvard pump does with its motor: infuses and withdraws until a target, a stall or a stop, and counts.

Promises (from the sheet):
- `prompt` is the pump's state: `:` idle, `>` infusing, `<` withdrawing, `*` stalled, `T*` target reached.
- There is no watchdog: only a target, a stall or a command ends a run.
- Volumes are the plant's record of what the motor believes it moved, never counted here.
"""

from functools import partial

from pumpd_simulators.harvard.memory import INFUSE, WITHDRAW, Program, Ramp
from pumpd_simulators.harvard.options import HarvardOptions
from pumpd_simulators.plant import Alert, Plant

RAMP_STEPS = 100  # changes of the motor's rate during a ramp


class Motor:
    """One pump's motor. Orders return an error text, "" for success."""

    def __init__(self, plant: Plant, program: Program, options: HarvardOptions) -> None:
        self.plant, self.program, self.options = plant, program, options
        self.prompt = ":"
        self.way = INFUSE
        self.rate_ml_h = 0.0  # the motor's present rate
        self._cleared = dict(zip((INFUSE, WITHDRAW), plant.moved(), strict=True))
        self._ran_s = {INFUSE: 0.0, WITHDRAW: 0.0}
        self._since: float | None = None
        self._ramping: list[Alert] = []
        self._time_limit: Alert | None = None
        plant.on_target = self._reached
        plant.on_stall = self._stalled

    @property
    def running(self) -> bool:
        return self._since is not None

    @property
    def stalled(self) -> bool:
        return self.prompt == "*"

    @property
    def at_target(self) -> bool:
        return self.prompt == "T*"

    def volume_ml(self, way: int) -> float:
        return self.plant.moved()[0 if way == INFUSE else 1] - self._cleared[way]

    def time_s(self, way: int) -> float:
        now = self.plant.now - self._since if self._since is not None and way == self.way else 0.0
        return self._ran_s[way] + now

    def clear_volume(self, way: int) -> None:
        self._cleared[way] = self.plant.moved()[0 if way == INFUSE else 1]
        self._again()

    def clear_time(self, way: int) -> None:
        self._ran_s[way] = 0.0
        if self.running and way == self.way:
            self._since = self.plant.now
        self._again()

    # -- orders ----------------------------------------------------------------------------------------------

    def run(self, way: int) -> str:
        ramp = self.program.ramps.get(way)
        amount = ramp.begin if ramp else self.program.rates.get(way)
        if amount is None:
            return "Rate not set"
        if not self.options.takes(amount.ml_h, self.program.diameter_mm):
            return "Rate out of range"
        self._halt(":")
        self.way = way
        if self.options.target_counts == "run":
            self._cleared[way], self._ran_s[way] = self.plant.moved()[0 if way == INFUSE else 1], 0.0
        self.prompt = ">" if way == INFUSE else "<"
        self._since, self.rate_ml_h = self.plant.now, amount.ml_h
        if ramp:
            self._ramp(ramp)
        self._again()
        return ""

    def stop(self) -> None:
        self._halt(":" if self.running or self.options.stp_clears_stall else self.prompt)

    def change_rate(self, way: int) -> None:
        """The rate was set, perhaps while the pump runs."""
        if self.running and way == self.way:
            self._end_ramp()
            self.rate_ml_h = self.program.rates[way].ml_h
            self._again()

    def targets_changed(self) -> None:
        self._again()

    # -- the run ---------------------------------------------------------------------------------------------

    def _left(self) -> tuple[float | None, float | None]:
        """Remaining volume (mL) and time (s) to the targets, None without one."""
        program, way = self.program, self.way
        volume = None if program.target is None else program.target.ml - self.volume_ml(way)
        time = None if program.target_time_s is None else program.target_time_s - self.time_s(way)
        return volume, time

    def _at_end(self) -> bool:
        return any(left is not None and left <= 1e-9 for left in self._left())

    def _again(self) -> None:
        """Run the motor at the present rate to the nearer target."""
        if not self.running:
            return
        if self._at_end():
            self._reached()
            return
        volume_ml, time_s = self._left()
        self.plant.run(self.way * self.rate_ml_h, volume_ml)
        if self._time_limit is not None:
            self._time_limit.cancel()
        self._time_limit = None if time_s is None else self.plant.at(self.plant.now + time_s, self._reached)

    def _ramp(self, ramp: Ramp) -> None:
        begin, now = ramp.begin.ml_h, self.plant.now
        for step in range(1, RAMP_STEPS + 1):
            part = step / RAMP_STEPS
            rate = begin + (ramp.end.ml_h - begin) * part
            last = step == RAMP_STEPS and self.options.after_ramp == "stop"
            call = self._reached if last else partial(self._step, rate)
            self._ramping.append(self.plant.at(now + ramp.time_s * part, call))

    def _step(self, rate_ml_h: float) -> None:
        self.rate_ml_h = rate_ml_h
        if self.running:
            self.plant.run(self.way * rate_ml_h, self._left()[0])

    def _reached(self) -> None:
        self._halt("T*")

    def _stalled(self) -> None:
        self._halt("*")

    def _end_ramp(self) -> None:
        for alert in self._ramping:
            alert.cancel()
        self._ramping.clear()

    def _halt(self, prompt: str) -> None:
        if self._since is not None:
            self._ran_s[self.way] += self.plant.now - self._since
        self._since, self.rate_ml_h = None, 0.0
        self._end_ramp()
        if self._time_limit is not None:
            self._time_limit.cancel()
            self._time_limit = None
        self.plant.stop()
        self.prompt = prompt
