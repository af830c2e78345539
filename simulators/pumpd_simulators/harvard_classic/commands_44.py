"""The words of the Model 44 protocol (Model 44, PHD 2000), and those of the Model 33 twin, of which syringe A moves.

Source: the family's protocol sheet, sections C and E.
"""

import re
from typing import ClassVar

from pumpd_simulators.device import Operation
from pumpd_simulators.harvard_classic import numbers
from pumpd_simulators.harvard_classic.commands import Lines, Pump, RefusalError
from pumpd_simulators.harvard_classic.memory import INFUSE, REFILL, Amount
from pumpd_simulators.harvard_classic.motor import Rest
from pumpd_simulators.harvard_classic.options import HarvardClassicOptions, Model
from pumpd_simulators.plant import Plant

_UNITS = {"UM": "ULM", "UH": "ULH", "MM": "MLM", "MH": "MLH"}  # the host's words, and the Model 22's
_SHOWN = {"ULM": "ul/mn", "ULH": "ul/hr", "MLM": "ml/mn", "MLH": "ml/hr"}
_RATE = re.compile(r"([AB]?)([\d.]+)(UM|UH|MM|MH)?", re.ASCII)
_MODES = {"PMP": "PUMP", "VOL": "VOLUME", "PGM": "PRGRAM"}
_WAYS = {INFUSE: "INFUSE", REFILL: "REFILL"}


class _Lf(Pump):
    """What the Models 33 and 44 share: the layout, the compact words, directions and rates."""

    _NAMES: ClassVar[tuple[str, ...]]

    def shown_address(self, given: str) -> str:  # noqa: ARG002 - always shown, without a leading zero
        return str(self.address)

    def _parse(self, text: str) -> tuple[str, str]:
        """The command and its arguments; all spaces are optional."""
        text = text.replace(" ", "").upper()
        name = next((name for name in self._NAMES if text.startswith(name)), "")
        return name, text[len(name) :]

    def operation(self, text: str) -> Operation:
        if not text.strip():
            return Operation.READ
        name, rest = self._parse(text)
        known = {"RUN": Operation.START, "STP": Operation.STOP, "VER": Operation.IDENTIFY, "CLD": Operation.PROGRAM}
        return known.get(name, Operation.PROGRAM if rest else Operation.READ)

    def execute(self, text: str) -> Lines:
        if not text.strip():
            return []
        name, rest = self._parse(text)
        if not name:
            raise RefusalError("?")
        match name:
            case "RUN" if not rest:
                if self.motor.running:
                    raise RefusalError("NA")
                self.run(self.memory.way)
            case "STP" if not rest:
                if not self.motor.running:
                    raise RefusalError("NA")
                self.motor.stop()
            case "VER" if not rest:
                return [self.options.version or self.model.version]
            case "DIR":
                return self._direction(rest)
            case _:
                return self.more(name, rest)
        return []

    def more(self, name: str, rest: str) -> Lines:
        raise NotImplementedError

    def turnable(self) -> bool:
        """Whether the direction may be changed while the pump runs."""
        return True

    def _direction(self, rest: str) -> Lines:
        if not rest:
            return [_WAYS[self.memory.way]]
        way = {"INF": INFUSE, "REF": REFILL, "REV": -self.memory.way}.get(rest)
        if way is None:
            raise RefusalError("?")
        if self.motor.running and not self.turnable():
            raise RefusalError("NA")
        self.memory.way = way
        if self.motor.running:
            self.run(way)
        return []

    def amount(self, way: int, rest: str) -> Amount:
        match = _RATE.fullmatch(rest)
        value = numbers.number(match[2]) if match else None
        if match is None or value is None:
            raise RefusalError("?")
        now = self.memory.rates.get(way)
        unit = _UNITS[match[3]] if match[3] else now.unit if now else "MLH"
        return Amount(numbers.kept(value, self.options.digits), unit)

    def shown_rate(self, way: int) -> str:
        amount = self.memory.rates.get(way, Amount(0.0, "MLH"))
        return f"{numbers.shown_44(amount.value)} {_SHOWN[amount.unit]}"

    def word(self, name: str, rest: str, default: str, known: tuple[str, ...]) -> Lines:
        """A word that is only stored and reported."""
        if not rest:
            return [self.memory.words.get(name, default)]
        if rest not in known:
            raise RefusalError("?")
        self.memory.words[name] = rest
        return []


class Model44(_Lf):
    _NAMES = ("RUN", "STP", "RAT", "RFR", "DIA", "TGT", "MOD", "DIR", "DEL", "CLD", "SYR", "VER", "AF")

    @property
    def prompt(self) -> str:
        if self.motor.running:
            return ">" if self.motor.way == INFUSE else "<"
        options = self.options
        return {
            Rest.INTERRUPTED: options.stop_prompt, Rest.TARGET: options.target_prompt,
            Rest.STALLED: options.stall_prompt,
        }.get(self.motor.rest, ":")  # fmt: skip

    def refusal(self, text: str) -> Lines:
        return [f"  {text}"]

    def turnable(self) -> bool:
        return self.memory.mode == "PMP"

    def run_target(self, way: int) -> float | None:
        return super().run_target(way) if self.memory.mode == "VOL" else None

    def set_diameter(self, value: float) -> None:
        super().set_diameter(value)
        self.memory.words["AF"] = "OFF"

    def more(self, name: str, rest: str) -> Lines:
        memory, motor = self.memory, self.motor
        if name in ("RAT", "RFR"):
            way = INFUSE if name == "RAT" else REFILL
            if not rest:
                return [f"  {self.shown_rate(way)}"]
            self.set_rate(way, self.amount(way, rest))
            return []
        if name == "DEL" and not rest:
            return [f"  {numbers.shown_44(motor.volume_ml())}"]
        if name == "AF" and not self.options.has_autofill:
            raise RefusalError("?")
        if not rest and name != "CLD":
            return self._asked(name)
        if motor.running:
            raise RefusalError("NA")
        match name:
            case "CLD" if not rest:
                motor.clear()
                motor.rest = Rest.STOPPED
            case "DIA":
                self.set_diameter(self._number(rest))
            case "TGT":
                self.set_target(numbers.kept(self._number(rest), self.options.digits))
            case "SYR":
                memory.words["SYR"] = numbers.shown_44(self._number(rest))
            case "MOD" if rest in _MODES:
                memory.mode = rest
            case "AF":
                return self.word(name, rest, "OFF", ("ON", "OFF"))
            case _:
                raise RefusalError("?")
        return []

    def _asked(self, name: str) -> Lines:
        memory = self.memory
        match name:
            case "DIA":
                return [f"  {numbers.shown_44(memory.diameter_mm)}"]
            case "TGT":
                return [f"  {numbers.shown_44(memory.target_ml)}"]
            case "SYR":
                return [f"  {memory.words.get('SYR', numbers.shown_44(0.0))}"]
            case "MOD":
                return [_MODES[memory.mode]]
            case "AF":
                return self.word(name, "", "OFF", ())
            case _:
                raise RefusalError("?")

    @staticmethod
    def _number(rest: str) -> float:
        value = numbers.number(rest)
        if value is None:
            raise RefusalError("?")
        return value


class Model33(_Lf):
    """Serial changes are lost at power-off unless SAV saved them. There is no target and no counter."""

    _NAMES = ("RUN", "STP", "RAT", "DIA", "MOD", "DIR", "PAR", "SAV", "VER", "OUT", "IN")

    @property
    def prompt(self) -> str:
        if self.motor.running:
            return ">" if self.motor.way == INFUSE else "<"
        return "*" if self.motor.rest is Rest.STALLED else ":"

    def run_target(self, way: int) -> float | None:  # noqa: ARG002 - it has none
        return None

    def __init__(self, plant: Plant, model: Model, address: int, options: HarvardClassicOptions) -> None:
        super().__init__(plant, model, address, options)
        self._saved = self.memory.copy()

    def power_up(self) -> None:
        super().power_up()
        self.memory = self._saved.copy()

    def more(self, name: str, rest: str) -> Lines:
        match name:
            case "RAT":
                return self._rate(rest)
            case "DIA":
                return self._diameter(rest)
            case "MOD":
                return self.word("MOD", rest, "CON", ("AUT", "PRO", "CON"))
            case "PAR":
                return self.word("PAR", rest, "ON", ("ON", "OFF"))
            case "SAV" if not rest:
                self._saved = self.memory.copy()
                return []
            case "IN" | "OUT":
                return self._pin(name, rest)
            case _:
                raise RefusalError("?")

    def _rate(self, rest: str) -> Lines:
        if rest[:1] == "B":
            if self.memory.words.get("MOD") != "PRO":
                raise RefusalError("NA")  # syringe B has a rate of its own only in proportional mode
            return self.word("RAT B", rest[1:], self.shown_rate(self.memory.way), (rest[1:],))
        way = self.memory.way
        if not rest.removeprefix("A"):
            return [self.shown_rate(way)]
        amount = self.amount(way, rest)
        for each in (INFUSE, REFILL):
            self.set_rate(each, amount)
        return []

    def _diameter(self, rest: str) -> Lines:
        if rest[:1] not in ("A", "B"):
            raise RefusalError("?")
        if not (value := rest[1:]):
            kept = self.memory.words.get("DIA B") if rest == "B" else None
            return [kept or numbers.shown_44(self.memory.diameter_mm)]
        number = numbers.number(value)
        if number is None:
            raise RefusalError("?")
        if rest[0] == "B":
            self.memory.words["DIA B"] = numbers.shown_44(number)
        else:
            self.set_diameter(number)
        return []

    def _pin(self, name: str, rest: str) -> Lines:
        pin, value = rest[:1], rest[1:]
        if pin not in (("6", "7", "8") if name == "IN" else ("4", "5")):
            raise RefusalError("NA")
        return self.word(f"{name} {pin}", value, "OFF", ("ON", "OFF"))
