"""One syringe module's commands: each gets its value and returns data, or raises; and what the module reports.

Source: the protocol sheet: commands and variables [S], `d` in 0.1 mL/h and `r` in 0.001 mL [S]. How PR, PV, PB and PP
take their value is inferred there: hex in the unit of the matching variable (PP: mmHg). The rest is in `BaseAOptions`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pumpd_simulators.fresenius_base_a.motor import Motor, RefusedError
from pumpd_simulators.fresenius_base_a.options import BaseAOptions
from pumpd_simulators.plant import Plant

MANUAL, PC_CONTROL = 1, 2
_SETTINGS = frozenset({"PR", "PO", "PB", "PF", "PV", "RV", "PP", "PS", "EP", "EN"})  # need PC control


@dataclass(slots=True)
class Watched:
    """Letters enabled for unasked messages, and whether the host still has to answer the last message."""

    letters: str = ""
    sent: str = ""
    owed: bool = False


class Module:
    def __init__(self, plant: Plant, options: BaseAOptions) -> None:
        self.plant, self._options = plant, options
        self.motor = Motor(plant, options)
        self.open = False  # its session
        self.mode = MANUAL
        self.error = 0  # the bits of e, which nothing in this simulation sets
        self.watched = {"E": Watched(), "M": Watched()}
        self._texts = {"P": "", "N": ""}
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

    # -- what it reports ----------------------------------------------------------------------------------------

    def variables(self, letters: str) -> str:
        motor, bits, shown = self.motor, self._options.alarm_bits, self._options.running_mode_bits
        values = self._limit_for("LE") | {
            "a": f"{sum(bits[alarm] for alarm in motor.alarms):04X}",
            "e": f"{self.error:04X}",
            "m": f"{self.mode | (shown if motor.running else 0):04X}",
            "d": f"{motor.rate if motor.running or shown else 0:04X}",
            "r": f"{motor.volume_ul:08X}",
            "k": f"{motor.bolus_rate:04X}",
            "s": f"{motor.bolus_given:08X}",
        }
        return ";".join(letter + values[letter] for letter in _letters(letters, "".join(values)))

    def adjustments(self, letters: str) -> str:
        pressure = int(self.plant.pressure_limit_mmhg or 0)
        values = self._limit_for("LM") | {"d": f"{self.motor.rate:04X}", "p": f"{pressure:04X}"}
        return ";".join(letter + values[letter] for letter in _letters(letters, "".join(values)))

    def _limit_for(self, question: str) -> dict[str, str]:
        """The volume limit by its letter, if this question is the one that reports it."""
        reports, _, letter = self._options.limit_query.partition(";")
        return {letter: f"{self.motor.limit or 0:08X}"} if reports == question else {}

    def spontaneous(self) -> list[str]:
        """Messages that are due: changed values, and messages that the host has not answered."""
        due = []
        for kind, values in (("E", self.variables), ("M", self.adjustments)):
            watched = self.watched[kind]
            if watched.letters and (watched.owed or values(watched.letters) != watched.sent):
                watched.sent, watched.owed = values(watched.letters), True
                due.append(f"{kind};{watched.sent}")
        return due

    # -- commands: each gets the text after its `;` and returns data, or raises -----------------------------------

    def obey(self, text: str) -> str:
        """Carry out a command and return the reply's data. Raises RefusedError."""
        self.plant.advance()
        command, _, value = text.partition(";")
        known = self._commands.get(command)
        starts = text == self._options.start_command
        if known is None and not starts:
            raise RefusedError("01")
        if (command in _SETTINGS or starts) and self.mode != PC_CONTROL and command not in self._options.manual_allows:
            raise RefusedError("02")
        if starts or known is None:
            self.motor.start()
            return ""
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
        self.motor.reset()
        self.mode = MANUAL
        return ""

    def _silence(self, _: str) -> str:
        self.motor.silence()
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
        return "".join(letter + self._options.reported_model for letter in _letters(letters, "b"))

    def _set_rate(self, value: str) -> str:
        motor, rate = self.motor, self._number(value, 4)
        if not 0 < rate <= round(self._options.rate_max_ml_h * 10):
            raise RefusedError("08")
        before, motor.rate = motor.rate, rate
        if self._options.start_command and not motor.running:
            return ""
        try:
            motor.start()
        except RefusedError:
            motor.rate = before
            raise
        return ""

    def _pause(self, value: str) -> str:
        if value:
            raise RefusedError("04")
        self.motor.pause()
        return ""

    def _give_bolus(self, value: str) -> str:
        rate, _, volume = value.partition(";")
        self.motor.bolus_rate, wanted = self._number(rate, 4), self._number(volume, 8)
        self.motor.give_bolus(wanted)
        return ""

    def _empty_syringe(self, _: str) -> str:
        self.motor.empty_syringe()
        return ""

    def _set_limit(self, value: str) -> str:
        limit = self._number(value, 8)
        if not self.motor.volume_ul < limit <= self._options.vtbi_max_ml * 1000:
            raise RefusedError("08")
        self.motor.set_limit(limit)
        return ""

    def _clear_volume(self, _: str) -> str:
        self.motor.clear_volume()
        return ""

    def _set_pressure(self, value: str) -> str:
        pressure = self._number(value, 4)
        if not 0 < pressure <= 1500:
            raise RefusedError("08")
        self.plant.pressure_limit_mmhg = pressure
        return ""

    @staticmethod
    def _dynamic_pressure(value: str) -> str:
        """Accepted without effect: what it does is not public."""
        _hex(value, 1)
        return ""

    def _number(self, text: str, most: int) -> int:
        return _digits(text, most) if self._options.value_format == "decimal" else _hex(text, most)


def _letters(letters: str, known: str) -> str:
    """Raises RefusedError: 04 for no letters, 0B for a character that is no identifier, 0A for an unused letter."""
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
