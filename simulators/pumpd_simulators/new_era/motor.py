"""What a New Era pump does with its motor: runs its phases, pauses, resumes, purges, counts.

Promises (from the manual, and traps for a careless driver):
- A phase ends at its volume and the next one starts; only a FUN STP phase (or the last phase) ends a program.
- The first STP pauses and keeps the rest; the second resets the program, so that RUN delivers the full volume again.
- A rate may change while pumping (its units may not) and is then not stored in the non-volatile memory.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from pumpd_simulators.new_era.memory import PHASES, Memory, Phase
from pumpd_simulators.new_era.numbers import UNITS_ML
from pumpd_simulators.new_era.options import NewEraOptions
from pumpd_simulators.plant import Alert, Plant

NOT_NOW, OUT_OF_RANGE = "?NA", "?OOR"
RUNNING = frozenset("IWXTU")


def _nothing() -> None:
    pass


class Motor:
    """`status` is the prompt in every reply. Orders return the pump's own error word, "" for success."""

    def __init__(self, options: NewEraOptions, memory: Memory, plant: Plant) -> None:
        self.options = options
        self.memory = memory
        self.plant = plant
        self.status = "S"
        self.editing = 1  # the phase that PHN selected
        self.phase = 1  # the running or paused phase
        self.on_range_alarm: Callable[[], None] = _nothing
        self.on_next_phase: Callable[[], None] = _nothing
        self._live: tuple[Decimal, str] | None = None  # a rate changed while pumping
        self._last: Phase | None = None  # the last phase that pumped, for "continue" and sticky directions
        self._left: float | None = None  # remaining mL of the paused phase
        self._pause: Alert | None = None  # end of a timed pause
        self._pause_left = 0.0
        self._cleared = list(plant.moved())
        plant.on_target = self._next_phase

    @property
    def running(self) -> bool:
        return self.status in RUNNING

    @property
    def shown(self) -> int:
        """The phase that queries are about: the running one while pumping, otherwise the selected one."""
        return self.phase if self.running else self.editing

    def rate(self, *, selected: bool = False) -> tuple[Decimal, str]:
        """Rate and units in the reply to RAT: of the running phase while pumping, or always of the selected one."""
        number = self.editing if selected else self.shown
        if self._live is not None and number == self.phase:
            return self._live
        phase = self.memory.phases[number - 1]
        return phase.rate, phase.rate_units

    def counters(self) -> tuple[float, float]:
        """Infused and withdrawn volume since they were cleared, mL: what the motor believes."""
        infused, withdrawn = self.plant.moved()
        return infused - self._cleared[0], withdrawn - self._cleared[1]

    def clear(self, *, infused: bool = True, withdrawn: bool = True) -> None:
        moved = self.plant.moved()
        self._cleared = [
            now if wanted else old for now, old, wanted in zip(moved, self._cleared, (infused, withdrawn), strict=True)
        ]

    # -- orders -------------------------------------------------------------------------------------------------

    def run(self, phase: int | None = None) -> str:
        if self.running:
            return NOT_NOW
        if self.status == "P" and phase is None:
            return self._resume()
        first = self.memory.phases[(phase or 1) - 1]
        if first.function == "RAT" and not self._in_range(first.rate_ml_h):
            return OUT_OF_RANGE
        self._live = self._last = None
        self._enter(phase or 1)
        return ""

    def stop(self) -> str:
        """STP: pause what runs, reset what is paused."""
        if self.status == "P":
            self.reset()
            return ""
        if not self.running:
            return NOT_NOW
        if self.status == "X":
            self.reset()
            return ""
        if self._pause is not None:
            self._pause_left = max(0.0, self._pause.when - self.plant.now)
            self._pause.cancel()
        self._left = self.plant.left()
        self.plant.stop()
        self._set_status("P")
        return ""

    def purge(self) -> str:
        if self.running:
            return NOT_NOW
        self.reset()
        way = -1 if self._direction(self.memory.phases[self.editing - 1]) == "WDR" else 1
        self._set_status("X")
        self._flow(way * self.options.top_ml_h(self.memory.diameter), None)
        return ""

    def reset(self) -> None:
        """End the program: no flow, and RUN starts from phase 1."""
        self.plant.stop()
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._live = self._left = None
        self.phase = 1
        self._set_status("S")

    def stall(self, after: str) -> None:
        """The motor could not turn: stopped, or paused with the rest still to deliver."""
        if after == "stopped" or self.status == "X":
            self.reset()
            return
        self._left = self.plant.left()
        self.plant.stop()
        self._set_status("P")

    def set_rate(self, value: Decimal, units: str | None) -> str:
        _, units_now = self.rate()
        new = replace(self._selected(), rate=value, rate_units=units or units_now)
        if self.status in "IW":
            if new.rate_units != units_now:
                return NOT_NOW
            if not self._in_range(new.rate_ml_h):
                return OUT_OF_RANGE
            self._live = value, units_now
            way = -1 if self.status == "W" else 1
            self.plant.run(way * new.rate_ml_h, self.plant.left())
            return ""
        if self.running or new.function != "RAT":
            return NOT_NOW
        if not self._in_range(new.rate_ml_h):
            return OUT_OF_RANGE
        if self.editing == self.phase:
            self._live = None
        self.store(new)
        return ""

    def set_direction(self, text: str) -> str:
        """INF, WDR, REV or STK; while pumping only a continuous phase may change direction."""
        phase = self._selected()
        if text == "REV":
            text = "INF" if self._direction(phase) == "WDR" else "WDR"
        if self.running:
            if self.status not in "IW" or phase.volume or text == "STK":
                return NOT_NOW
        elif phase.function != "RAT":
            return NOT_NOW
        new = replace(phase, direction=text)  # type: ignore[arg-type] # the caller passes only these words
        self.memory.phases[self.shown - 1] = new
        if self.running:
            way = -1 if text == "WDR" else 1
            self._last = new
            self._set_status("W" if way < 0 else "I")
            self.plant.run(way * self._rate_ml_h(new))
        return ""

    def set_diameter(self, value: Decimal) -> str:
        if self.running:
            return NOT_NOW
        self.memory.diameter, self.memory.volume_units = value, None
        self.clear()
        return ""

    def store(self, phase: Phase) -> None:
        self.memory.phases[self.editing - 1] = phase

    # -- the program --------------------------------------------------------------------------------------------

    def _selected(self) -> Phase:
        return self.memory.phases[self.shown - 1]

    def _in_range(self, rate_ml_h: float) -> bool:
        low = self.options.slowest_ml_h(self.memory.diameter)
        return low <= rate_ml_h <= self.options.top_ml_h(self.memory.diameter)

    def _direction(self, phase: Phase) -> str:
        if phase.direction != "STK":
            return phase.direction
        return self._last.direction if self._last is not None else "INF"

    def _rate_ml_h(self, phase: Phase) -> float:
        if self._live is not None:
            return replace(phase, rate=self._live[0], rate_units=self._live[1]).rate_ml_h
        return phase.rate_ml_h

    def _enter(self, number: int) -> None:
        """Start a phase, after carrying out any phases that take no time."""
        while number <= PHASES:
            phase = self.memory.phases[number - 1]
            self.phase = number
            match phase.function:
                case "RAT":
                    self._pump(phase)
                    return
                case "PAS":
                    self._wait(phase.argument)
                    return
                case "STP":
                    break
                case "CLD":
                    self.clear()
                case "BEP":
                    pass  # it beeps
            number += 1
        self.reset()

    def _next_phase(self) -> None:
        self._live = None
        self.on_next_phase()
        self._enter(self.phase + 1)

    def _pump(self, phase: Phase) -> None:
        if not phase.rate and self._last is not None:  # never set: the motor continues at its rate
            phase = replace(phase, rate=self._last.rate, rate_units=self._last.rate_units)
        rate = self._rate_ml_h(phase)
        if not self._in_range(rate):
            self.reset()
            self.on_range_alarm()
            return
        direction = self._direction(phase)
        self._last = replace(phase, direction="WDR" if direction == "WDR" else "INF")
        volume = float(phase.volume * UNITS_ML[self.memory.units])
        self._set_status("W" if direction == "WDR" else "I")
        self._flow(-rate if direction == "WDR" else rate, volume or None)

    def _flow(self, rate_ml_h: float, volume_ml: float | None) -> None:
        self.plant.run(rate_ml_h, volume_ml)

    def _wait(self, pause_s: float) -> None:
        self._set_status("T")
        self._pause = self.plant.at(self.plant.now + pause_s, self._waited)

    def _waited(self) -> None:
        self._pause = None
        self._next_phase()

    def _resume(self) -> str:
        if self._pause is not None:
            self._wait(self._pause_left)
            return ""
        phase = self._last
        if phase is None:
            raise AssertionError("a pause without a phase that pumped")
        stored = self.memory.phases[self.phase - 1]
        if stored.rate:
            phase = replace(phase, rate=stored.rate, rate_units=stored.rate_units)
        rate = self._rate_ml_h(phase)
        if not self._in_range(rate):
            return OUT_OF_RANGE
        self._set_status("W" if phase.direction == "WDR" else "I")
        self._flow(-rate if phase.direction == "WDR" else rate, self._left)
        return ""

    def _set_status(self, status: str) -> None:
        self.status = status
        self.memory.was_running = self.running
