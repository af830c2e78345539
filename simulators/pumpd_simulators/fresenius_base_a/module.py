"""One syringe module: what it holds, how it runs its plant, what it tells of itself, and the commands that it takes.

Source: the protocol sheet: commands and variables [S], `d` in 0.1 mL/h and `r` in 0.001 mL [S]. How PR, PV, PB and PP
take their value is inferred there: hex in the unit of the matching variable (PP: mmHg). The rest is in `BaseAOptions`.

Promises:
- Volumes are the plant's own; the flow ends at exactly the volume limit.
- A stop by occlusion, an empty syringe or none is told in `a` until it is silenced with its cause gone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from pumpd_simulators.fresenius_base_a.options import BaseAOptions
from pumpd_simulators.plant import Plant, Sense

MANUAL, PC_CONTROL = 1, 2
_SETTINGS = frozenset({"PR", "PO", "PB", "PF", "PV", "RV", "PP", "PS", "EP", "EN"})  # need PC control


class Alarm(IntEnum):
    """Places in `alarm_bits`."""

    OCCLUSION = 0
    EMPTY = 1
    NEAR_EMPTY = 2
    NO_SYRINGE = 3
    BATTERY = 4
    LIMIT = 5


_WARNINGS = frozenset({Alarm.NEAR_EMPTY, Alarm.BATTERY})
_FELT = {
    Sense.PRESSURE: Alarm.OCCLUSION,
    Sense.EMPTY: Alarm.EMPTY,
    Sense.NEAR_EMPTY: Alarm.NEAR_EMPTY,
    Sense.DOOR: Alarm.NO_SYRINGE,
    Sense.BATTERY_LOW: Alarm.BATTERY,
}


class RefusedError(Exception):
    """The answer is I and this number."""


@dataclass(slots=True)
class Watched:
    """Letters enabled for spontaneous messages, and whether the host acknowledged the last one."""

    letters: str = ""
    said: str = ""
    owed: bool = False


class Module:
    def __init__(self, plant: Plant, options: BaseAOptions) -> None:
        self.plant, self._options = plant, options
        self.open = False  # its session
        self.mode = MANUAL
        self.running = False
        self.error = 0  # the bits of e, which nothing in this simulation sets
        self.on_battery_empty: Callable[[], None] = lambda: None
        self.watched = {"E": Watched(), "M": Watched()}
        self._rate = 0  # 0.1 mL/h
        self._limit: int | None = None  # 0.001 mL, on the counter r
        self._from_ml = plant.moved()[0]
        self._bolus = self._bolus_rate = self._bolus_given = 0
        self._latched: set[Alarm] = set()
        self._texts = {"P": "", "N": ""}
        self._no_near_empty = False
        plant.pressure_limit_mmhg = options.pressure_limit_mmhg
        plant.on_target, plant.on_stall, plant.on_sense = self._arrived, self._stalled, self._felt
        self._commands: dict[str, Callable[[str], str]] = {
            "MO": self._set_mode,
            "RZ": self._reset,
            "SI": self._silence,
            "EP": lambda value: self._write("P", value),
            "LP": lambda _: self._texts["P"],
            "AP": lambda _: "",
            "EN": lambda value: self._write("N", value),
            "LN": lambda _: self._texts["N"],
            "DE": lambda value: self._watch("E", value, _letters(value, "aemdrks")),
            "AE": lambda value: self._unwatch("E", value),
            "DM": lambda value: self._watch("M", value, _letters(value, "drp")),
            "AM": lambda value: self._unwatch("M", value),
            "LE": self.variables,
            "LM": self.adjustments,
            "LF": self._fixed,
            "PR": self._set_rate,
            "PO": self._pause,
            "PB": self._give_bolus,
            "PF": self._empty_syringe,
            "PV": self._set_limit,
            "RV": self._clear_volume,
            "PP": self._set_pressure,
            "PS": self._dynamic_pressure,
        }

    # -- what it tells ------------------------------------------------------------------------------------------

    @property
    def alarms(self) -> set[Alarm]:
        """Those latched, and those whose cause is there while it matters."""
        felt = {_FELT[sense] for sense in self.plant.sensed if sense in _FELT} & _WARNINGS
        return self._latched | (felt - {Alarm.NEAR_EMPTY} if self._no_near_empty else felt)

    @property
    def volume_ul(self) -> int:
        """The counter r, in 0.001 mL."""
        return int((self.plant.moved()[0] - self._from_ml) * 1000.0 + 1e-6)

    def variables(self, letters: str) -> str:
        bits, shown = self._options.alarm_bits, self._options.running_mode_bits
        values = self._limit_asked("LE") | {
            "a": f"{sum(bits[alarm] for alarm in self.alarms):04X}",
            "e": f"{self.error:04X}",
            "m": f"{self.mode | (shown if self.running else 0):04X}",
            "d": f"{self._rate if self.running or shown else 0:04X}",
            "r": f"{self.volume_ul:08X}",
            "k": f"{self._bolus_rate:04X}",
            "s": f"{self._bolus_given:08X}",
        }
        return ";".join(letter + values[letter] for letter in _letters(letters, "".join(values)))

    def adjustments(self, letters: str) -> str:
        pressure = int(self.plant.pressure_limit_mmhg or 0)
        values = self._limit_asked("LM") | {"d": f"{self._rate:04X}", "p": f"{pressure:04X}"}
        return ";".join(letter + values[letter] for letter in _letters(letters, "".join(values)))

    def _limit_asked(self, question: str) -> dict[str, str]:
        """The volume limit by its letter, where this question tells it."""
        asks, _, letter = self._options.limit_query.partition(";")
        return {letter: f"{self._limit or 0:08X}"} if asks == question else {}

    def spontaneous(self) -> list[str]:
        """Messages that are due: what has changed, and what the host owes an answer to."""
        due = []
        for kind, tells in (("E", self.variables), ("M", self.adjustments)):
            watched = self.watched[kind]
            if watched.letters and (watched.owed or tells(watched.letters) != watched.said):
                watched.said, watched.owed = tells(watched.letters), True
                due.append(f"{kind};{watched.said}")
        return due

    # -- commands: each gets what follows its `;` and answers with data, or raises --------------------------------

    def obey(self, text: str) -> str:
        """Carry a command out; returns the answer's data. Raises RefusedError."""
        self.plant.advance()
        command, _, value = text.partition(";")
        known = self._commands.get(command)
        starts = text == self._options.start_command
        if known is None and not starts:
            raise RefusedError("01")
        if (command in _SETTINGS or starts) and self.mode != PC_CONTROL and command not in self._options.manual_allows:
            raise RefusedError("02")
        if starts or known is None:
            return self.start()
        return known(value)

    def knows(self, command: str) -> bool:
        return command in self._commands

    def _set_mode(self, value: str) -> str:
        if value not in ("1", "2"):
            raise RefusedError("05" if value.isdigit() else "04")
        if int(value) == self.mode:
            raise RefusedError("06")
        self.mode = int(value)
        return ""

    def _reset(self, _: str) -> str:
        self.pause()
        self.mode, self._rate, self._limit = MANUAL, 0, None
        return self._silence("")

    def _silence(self, _: str) -> str:
        self._latched &= {_FELT[sense] for sense in self.plant.sensed if sense in _FELT}
        return ""

    def _write(self, which: str, value: str) -> str:
        self._texts[which] = value
        return ""

    def _watch(self, kind: str, letters: str, _: str) -> str:
        known = self.watched[kind].letters
        self.watched[kind] = Watched(known + "".join(letter for letter in letters if letter not in known))
        return ""

    def _unwatch(self, kind: str, letters: str) -> str:
        kept = "".join(letter for letter in self.watched[kind].letters if letters and letter not in letters)
        self.watched[kind] = Watched(kept)
        return ""

    def _fixed(self, letters: str) -> str:
        return "".join(letter + self._options.device_type for letter in _letters(letters, "b"))

    def _set_rate(self, value: str) -> str:
        rate = self._number(value, 4)
        if not 0 < rate <= round(self._options.highest_rate_ml_h * 10):
            raise RefusedError("08")
        if self._options.start_command and not self.running:
            self._rate = rate
            return ""
        before, self._rate = self._rate, rate
        try:
            return self.start()
        except RefusedError:
            self._rate = before
            raise

    def _pause(self, value: str) -> str:
        if value:
            raise RefusedError("04")
        self.pause()
        return ""

    def _give_bolus(self, value: str) -> str:
        rate, _, volume = value.partition(";")
        self._bolus_rate, wanted = self._number(rate, 4), self._number(volume, 8)
        if not self._bolus_rate or not wanted:
            raise RefusedError("08")
        contents = self.plant.truth().contents_ml
        if contents is not None and contents * 1000.0 < wanted:
            raise RefusedError("15")
        self._must_be_able()
        self._bolus = self._bolus_given = wanted
        self.running = True
        self.plant.run(self._bolus_rate / 10.0, wanted / 1000.0)
        return ""

    def _empty_syringe(self, _: str) -> str:
        if not self.running or self.plant.truth().contents_ml is None:
            raise RefusedError("16")
        self._no_near_empty = True
        return ""

    def _set_limit(self, value: str) -> str:
        limit = self._number(value, 8)
        if not self.volume_ul < limit <= self._options.highest_limit_ml * 1000:
            raise RefusedError("08")
        self._limit = limit
        if self.running and not self._bolus:
            self._run()
        return ""

    def _clear_volume(self, _: str) -> str:
        if self.running:
            raise RefusedError("03")
        self._from_ml = self.plant.moved()[0]
        return ""

    def _set_pressure(self, value: str) -> str:
        pressure = self._number(value, 4)
        if not 0 < pressure <= 1500:
            raise RefusedError("08")
        self.plant.pressure_limit_mmhg = pressure
        return ""

    @staticmethod
    def _dynamic_pressure(value: str) -> str:
        """Taken, and without effect: what it does is not public."""
        _hex(value, 1)
        return ""

    def _number(self, text: str, most: int) -> int:
        return _digits(text, most) if self._options.value_format == "decimal" else _hex(text, most)

    # -- flow -----------------------------------------------------------------------------------------------------

    def start(self) -> str:
        """Run at the rate that is set, to the limit where one is. Raises RefusedError."""
        if not self._rate:
            raise RefusedError("14")
        self._must_be_able()
        if self._limit is not None and self._limit <= self.volume_ul:
            raise RefusedError("03")
        if not self._bolus:
            self._run()
        self.running = True
        return ""

    def pause(self) -> None:
        self.plant.stop()
        self.running, self._bolus = False, 0

    def set_rate(self, ml_h: float) -> None:
        """At the keys."""
        self._rate = round(ml_h * 10)
        if self.running and self._rate:
            self._run()
        elif not self._rate:
            self.pause()

    @property
    def rate_ml_h(self) -> float:
        return self._rate / 10.0

    @property
    def limit_ml(self) -> float | None:
        return None if self._limit is None else self._limit / 1000.0

    def silence(self) -> None:
        self._silence("")

    def _must_be_able(self) -> None:
        if Sense.DOOR in self.plant.sensed:
            self._latched.add(Alarm.NO_SYRINGE)
        if self._latched:
            raise RefusedError("12")

    def _run(self) -> None:
        left = None if self._limit is None else self._limit / 1000.0 - (self.plant.moved()[0] - self._from_ml)
        self.plant.run(self._rate / 10.0, left)

    def _arrived(self) -> None:
        if self._bolus:
            self._bolus = 0
            if self._rate and (self._limit is None or self._limit > self.volume_ul):
                self._run()
                return
        self.running = False
        if self._options.at_limit == "alarm":
            self._latched.add(Alarm.LIMIT)

    def _stalled(self) -> None:
        self._halt(Alarm.EMPTY if Sense.EMPTY in self.plant.sensed else Alarm.OCCLUSION)

    def _felt(self, sense: Sense, so: bool) -> None:  # noqa: FBT001 - the hook's shape
        if sense is Sense.BATTERY_EMPTY and so:
            self.on_battery_empty()
        elif so and (alarm := _FELT.get(sense)) and alarm not in _WARNINGS and (self.running or alarm is Alarm.EMPTY):
            self._halt(alarm)

    def _halt(self, alarm: Alarm) -> None:
        self._latched.add(alarm)
        self.pause()


def _letters(letters: str, known: str) -> str:
    """Raises RefusedError for none (04), for what is no identifier (0B) and for what is not used (0A)."""
    if not letters:
        raise RefusedError("04")
    for letter in letters:
        if letter not in known:
            raise RefusedError("0A" if letter.islower() else "0B")
    return letters


def _digits(text: str, most: int) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{most}}}", text):
        raise RefusedError("04")
    return int(text)


def _hex(text: str, most: int) -> int:
    if not re.fullmatch(rf"[0-9A-F]{{1,{most}}}", text):
        raise RefusedError("04")
    return int(text, 16)
