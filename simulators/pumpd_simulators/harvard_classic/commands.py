"""The commands of one classic pump, and the words of the Model 22 protocol. A command returns lines of text.

Source: the family's protocol sheet. Refusals are `?`, `OOR` (out of range) and `NA` (not now).
"""

import re
from abc import ABC, abstractmethod
from typing import ClassVar

from pumpd_drivers.harvard_classic.codec import Form
from pumpd_simulators.device import Operation
from pumpd_simulators.harvard_classic import numbers
from pumpd_simulators.harvard_classic.memory import INFUSE, REFILL, Amount, Memory
from pumpd_simulators.harvard_classic.motor import Motor, Rest
from pumpd_simulators.harvard_classic.options import HarvardClassicOptions, Model, Protocol
from pumpd_simulators.plant import Plant

Lines = list[str]

_FORMS = {
    Protocol.PUMP_11: Form.CR_LF,
    Protocol.MODEL_22: Form.CR_LF,
    Protocol.OEM: Form.CR_LF,
    Protocol.PHD_22: Form.PHD,
    Protocol.MODEL_44: Form.LF,
    Protocol.MODEL_33: Form.LF,
}


class RefusalError(ValueError):
    """The pump's refusal: `?`, `OOR` or `NA`."""


class Pump(ABC):
    """One pump, powered from the start."""

    remote = False  # its keypad is locked, because a command came

    def __init__(self, plant: Plant, model: Model, address: int, options: HarvardClassicOptions) -> None:
        self.plant, self.model, self.address, self.options = plant, model, address, options
        self.memory = Memory(options.diameter_mm)
        self.motor = Motor(plant)
        self.form = _FORMS[model.protocol]

    @abstractmethod
    def execute(self, text: str) -> Lines:
        """Carry out a command. Raises RefusalError."""

    @abstractmethod
    def operation(self, text: str) -> Operation: ...

    @property
    @abstractmethod
    def prompt(self) -> str: ...

    @abstractmethod
    def shown_address(self, given: str) -> str:
        """The address in front of the prompt, for a request that carried `given`."""

    def refusal(self, text: str) -> Lines:
        return [text]

    def power_up(self) -> None:
        """As after a power cut: stopped, with what it keeps (none of them continues by itself)."""
        self.remote = False
        self.motor.stop()
        self.motor.rest = Rest.STOPPED
        if self.options.kept_without_power != "all":
            self.motor.clear()
        if self.options.kept_without_power == "nothing":
            self.memory = Memory(self.options.diameter_mm)

    # -- what the commands of all protocols do -----------------------------------------------------------------

    def run(self, way: int) -> None:
        rate = self.memory.rates.get(way)
        if rate is None or not self.options.takes(rate.ml_h, self.memory.diameter_mm):
            raise RefusalError("OOR")
        self.motor.run(way, rate.ml_h, self.run_target(way))

    def run_target(self, way: int) -> float | None:
        """Where the counter ends a run in this direction; None: nowhere."""
        if not self.memory.target_ml or (way != INFUSE and not self.options.target_in_reverse):
            return None
        before = self.motor.volume_ml(way) if self.options.target_counts == "run" else 0.0
        return before + self.memory.target_ml

    def set_rate(self, way: int, amount: Amount) -> None:
        """The motor follows at once if it runs in that direction."""
        if not self.options.takes(amount.ml_h, self.memory.diameter_mm):
            raise RefusalError("OOR")
        self.memory.rates[way] = amount
        if self.motor.running and self.motor.way == way:
            self.motor.change(amount.ml_h)

    def set_diameter(self, value: float) -> None:
        """It sets the rates to 0."""
        if not 0.1 <= value <= self.model.largest_mm:
            raise RefusalError("OOR")
        if self.motor.running:
            raise RefusalError("NA")
        self.memory.diameter_mm = value
        self.memory.rates.clear()

    def set_target(self, value: float) -> None:
        if not 0 < value <= self.options.largest_target_ml:
            raise RefusalError("OOR")
        self.memory.target_ml = value
        if self.motor.running:
            self.motor.aim(self.run_target(self.motor.way))


class Model22(Pump):
    """Model 22, Pump 11, and the PHD 2000 in Model 22 mode."""

    _WORDS = re.compile(r"([A-Z]{3})(.*)", re.ASCII)
    _OPERATIONS: ClassVar = {"RUN": Operation.START, "REV": Operation.START, "STP": Operation.STOP,
                             "VER": Operation.IDENTIFY, "KEY": Operation.OTHER}  # fmt: skip
    _ASKS = ("DIA", "RAT", "VOL", "TAR", "RNG", "")

    @property
    def _is_11(self) -> bool:
        return self.model.protocol is Protocol.PUMP_11

    @property
    def _is_phd(self) -> bool:
        return self.model.protocol is Protocol.PHD_22

    def operation(self, text: str) -> Operation:
        word = self._compact(text)[:3]
        return self._OPERATIONS.get(word, Operation.READ if word in self._ASKS else Operation.PROGRAM)

    @property
    def prompt(self) -> str:
        if self.motor.running:
            return ">" if self.motor.way == INFUSE else "<"
        options = self.options
        if not self._is_phd:
            return "*" if self.motor.rest is Rest.STALLED else ":"
        return {
            Rest.INTERRUPTED: options.stop_prompt, Rest.TARGET: options.target_prompt,
            Rest.STALLED: options.stall_prompt,
        }.get(self.motor.rest, ":")  # fmt: skip

    def shown_address(self, given: str) -> str:
        if self._is_11:
            return f"{self.address:02d}"
        if self._is_phd:
            return str(self.address)
        return f"{self.address}{' ' if self.options.prompt_gap else ''}" if given else ""

    def refusal(self, text: str) -> Lines:
        if self._is_phd:
            return [f"  {text}"]
        return ["O O R" if text == "OOR" and self.options.spaced_oor else text]

    def run_target(self, way: int) -> float | None:
        return None if self._is_phd and not self.options.volume_mode else super().run_target(way)

    def set_diameter(self, value: float) -> None:
        super().set_diameter(value if self._is_11 or self.model.protocol is Protocol.OEM else numbers.kept_22(value))

    @staticmethod
    def _compact(text: str) -> str:
        return text.replace(" ", "").upper()

    def execute(self, text: str) -> Lines:
        text = self._compact(text)
        if not text:
            return []
        match = self._WORDS.fullmatch(text)
        word, rest = match.groups() if match else ("", "")
        optional = ("MLM", "MLH", "ULH", "CLV", "CLT", "TAR", "RNG", "KEY")
        if self._is_11 and word in optional and word not in self.options.knows.split(","):
            raise RefusalError("?")
        if not rest:
            return self._plain(word)
        value = numbers.number(rest)
        if value is None:
            raise RefusalError("?")
        if not 0 <= value <= numbers.LARGEST_22:
            raise RefusalError("OOR")
        self._numbered(word, numbers.kept_22(value) if value else 0.0, value)
        return []

    def _numbered(self, word: str, rounded: float, exact: float) -> None:
        if word in numbers.ML_H:
            for way in (INFUSE, REFILL):  # there is one rate for both directions
                self.set_rate(way, Amount(rounded, word))
            return
        match word:
            case "MMD":
                self.set_diameter(exact)
            case "MLT":
                self.set_target(rounded * self._mlt_ml)
            case _:
                raise RefusalError("?")

    @property
    def _mlt_ml(self) -> float:
        return 1e-3 if self._is_11 and self.options.mlt_unit == "ul" else 1.0

    def _plain(self, word: str) -> Lines:
        memory, motor = self.memory, self.motor
        match word:
            case "RUN":
                self.run(memory.way if self._is_11 else INFUSE)
            case "REV":
                self._reverse()
            case "STP":
                if not motor.running and self.options.stp_when_stopped == "NA":
                    raise RefusalError("NA")
                motor.stop()
            case "CLT":
                memory.target_ml = 0.0
                if motor.running:
                    motor.aim(None)
            case "CLV":
                motor.clear()
            case "KEY":
                self.remote = False
            case "DIA":
                return [numbers.shown_22(memory.diameter_mm)]
            case "RAT":
                return [self._rate()]
            case "RNG":
                return [{"MLH": "ML/H", "MLM": "ML/M", "ULH": "UL/H", "ULM": "UL/M"}[self._amount().unit]]
            case "VOL":
                return [numbers.shown_22(motor.volume_ml())]
            case "TAR":
                return [numbers.shown_22(memory.target_ml / self._mlt_ml)]
            case "VER":
                return [self.options.version or self.model.version]
            case _:
                raise RefusalError("?")
        return []

    def _reverse(self) -> None:
        """A Model 22 starts in reverse. A Pump 11 turns around, and does not start."""
        if not self._is_11:
            self.run(REFILL)
            return
        self.memory.way = -self.memory.way
        if self.motor.running:
            self.run(self.memory.way)

    def _amount(self) -> Amount:
        return self.memory.rates.get(INFUSE, Amount(0.0, "MLH"))

    def _rate(self) -> str:
        amount = self._amount()
        if not self._is_11 or self.options.rat_reply == "number":
            return numbers.shown_22(amount.value)
        unit = {"MLH": "ml/h", "MLM": "ml/m", "ULH": "ul/h", "ULM": "ul/m"}[amount.unit]
        return f"{numbers.shown_44(amount.value)} {unit}"
