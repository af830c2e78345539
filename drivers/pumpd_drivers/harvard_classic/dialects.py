"""The words of each dialect: how an address, a program and a question are written, and how replies are read.

A dialect knows no port and sends nothing; the driver asks it for words. Source: harvard-classic.md, sections A to E.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import ClassVar

from pumpd.driving import text
from pumpd.pump import FewDigits, FixedStep, PumpProgram, PumpState
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.harvard_classic import replies
from pumpd_drivers.harvard_classic.codec import CrLfReplyFramer, LfReplyFramer, PhdReplyFramer, ReplyFramer
from pumpd_drivers.harvard_classic.settings import HarvardClassicSettings

PLACES = 3  # after the point, of a rate in mL/h and of a volume in mL
_UL_MIN = Decimal("0.06")  # 1 uL/min, in mL/h
_LARGEST = 1999  # number that a Pump 11 or a Model 22 takes


class Dialect(ABC):
    """One pump's dialect, with its settings. `never` is the reason why a pump is not programmed, "" if it can be."""

    pump: ClassVar[str]
    framer: ClassVar[type[ReplyFramer]]
    versions: ClassVar[tuple[str, ...]]  # how the text of VER begins
    states: ClassVar[Mapping[str, PumpState]]
    number: ClassVar[re.Pattern[str]]
    rate: ClassVar[re.Pattern[str]]
    counter: ClassVar[str]  # asks for the delivered volume; "" where nothing does
    target: ClassVar[str]
    fixed: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # questions, and the replies of a pump that is set right
    smallest_mm: ClassVar[Decimal] = Decimal("0.1")
    largest_mm: ClassVar[Decimal]

    def __init__(self, settings: HarvardClassicSettings) -> None:
        self.settings = settings

    @property
    def never(self) -> str:
        return ""

    @property
    def status(self) -> str:
        """A question that changes nothing, for the prompt of its reply."""
        return self.counter or "VER"

    @property
    def rate_grid(self) -> FixedStep | FewDigits:
        return self.volume_grid

    @property
    def rate_max(self) -> Rate:
        """The highest rate that can be written, whatever the syringe."""
        return Rate(10**self.volume_grid.digits - 1)

    @property
    @abstractmethod
    def volume_grid(self) -> FewDigits: ...

    @property
    def volume_max(self) -> Volume:
        return Volume(self.settings.volume_max_ml)

    @abstractmethod
    def held_mm(self, diameter: Decimal) -> Decimal:
        """The largest diameter, not above this one, that the pump holds."""

    @abstractmethod
    def program(self, program: PumpProgram, inner: Length) -> tuple[str, ...]:
        """The commands that write it. The diameter comes before the rate, because it sets the rate to 0."""

    def target_volume(self, value: Decimal) -> Volume:
        return Volume(value)

    def address(self) -> str:
        """As written in front of each command: a pump that is asked by its address replies with it."""
        return str(self.settings.address)


class Model22(Dialect):
    """Numbers are rounded to four digits if the first is a 1, otherwise to three; three fit in either case."""

    pump = "Model 22"
    framer: ClassVar[type[ReplyFramer]] = CrLfReplyFramer
    versions: ClassVar[tuple[str, ...]] = ("22.",)
    states = replies.STALLING
    number = rate = replies.NUMBER_22
    counter, target = "VOL", "TAR"
    largest_mm = Decimal(50)

    @property
    def volume_grid(self) -> FewDigits:
        return FewDigits(3, PLACES)

    def held_mm(self, diameter: Decimal) -> Decimal:
        digits = 4 if diameter.as_tuple().digits[0] == 1 else 3
        return diameter.quantize(Decimal(1).scaleb(max(diameter.adjusted() - digits + 1, -PLACES)), ROUND_DOWN)

    def program(self, program: PumpProgram, inner: Length) -> tuple[str, ...]:
        step = program.steps[0]
        return (f"MMD{inner.number}", f"MLH{step.rate.number}", f"MLT{step.volume.number}", "CLV")


class Phd2000As22(Model22):
    """A PHD 2000 in its Model 22 protocol: another layout, and `*` after a stop. A run after a withdrawal needs a STP
    before it, or the pump does not answer.
    """

    pump = "PHD 2000 in Model 22 mode"
    framer = PhdReplyFramer
    versions = ("22.", "PHD")
    states = replies.INTERRUPTING

    @property
    def never(self) -> str:
        if self.settings.volume_mode:
            return ""
        return text(
            "harvard_classic.volume_mode",
            "volume_mode: a PHD 2000 in Model 22 mode obeys its target volume only in volume mode, which "
            "cannot be asked for. Set the pump to its Model 44 protocol (dialect 44), or set it to "
            "volume mode at its keypad and say so in the settings",
        )

    def program(self, program: PumpProgram, inner: Length) -> tuple[str, ...]:
        return ("STP", *super().program(program, inner))


class Pump11(Model22):
    """As a Model 22, with two-digit addresses. Its REV turns the direction around, so that it is never sent."""

    pump = "Pump 11"
    versions = ("11",)
    rate = replies.RATE_11
    largest_mm = Decimal(35)

    @property
    def rate_grid(self) -> FixedStep | FewDigits:
        return FixedStep(_UL_MIN) if self.settings.rate_command == "ULM" else self.volume_grid

    @property
    def rate_max(self) -> Rate:
        return Rate(_LARGEST * _UL_MIN) if self.settings.rate_command == "ULM" else super().rate_max

    @property
    def volume_max(self) -> Volume:
        largest = super().volume_max
        return largest if self._mlt_ml == 1 else min(largest, Volume(_LARGEST * self._mlt_ml))

    @property
    def _mlt_ml(self) -> Decimal:
        return Decimal(1) if self.settings.mlt_unit == "ml" else Decimal("0.001")

    def held_mm(self, diameter: Decimal) -> Decimal:
        return diameter.quantize(Decimal("0.01"), ROUND_DOWN)

    def program(self, program: PumpProgram, inner: Length) -> tuple[str, ...]:
        step = program.steps[0]
        ul_min = self.settings.rate_command == "ULM"
        rate = f"ULM{Rate(step.rate.decimal / _UL_MIN).number}" if ul_min else f"MLH{step.rate.number}"
        target = Volume(step.volume.decimal / self._mlt_ml)
        return (f"MMD{inner.number}", rate, f"MLT{target.number}", "CLV")

    def target_volume(self, value: Decimal) -> Volume:
        return Volume(value * self._mlt_ml)

    def address(self) -> str:
        return f"{self.settings.address:02d}"


class Model44(Dialect):
    """Only in mode VOL does a target end a run. Autofill would refill and continue, so it has to be off."""

    pump = "Model 44"
    framer = LfReplyFramer
    versions: ClassVar[tuple[str, ...]] = ("44", "PHD")
    states = replies.WAITING
    number, rate = replies.NUMBER_44, replies.RATE_44
    counter, target = "DEL", "TGT"
    fixed: ClassVar[Mapping[str, tuple[str, ...]]] = {"MOD": ("VOLUME",), "DIR": ("INFUSE",), "AF": ("OFF", "?")}
    largest_mm = Decimal(50)

    @property
    def volume_grid(self) -> FewDigits:
        return FewDigits(self.settings.digits, PLACES)

    def held_mm(self, diameter: Decimal) -> Decimal:
        return diameter.quantize(Decimal(1).scaleb(-PLACES), ROUND_DOWN)

    def program(self, program: PumpProgram, inner: Length) -> tuple[str, ...]:
        step = program.steps[0]
        return (
            "CLD",  # also ends an interrupted run
            "MOD VOL",
            "DIR INF",
            f"DIA {inner.number}",
            f"RAT {step.rate.number} MH",
            f"TGT {step.volume.number}",
        )


class Model33(Model44):
    """A twin, in which `*` is a stalled motor. It is identified and stopped, nothing else."""

    pump = "Model 33"
    versions = ("33V",)
    states = replies.STALLING
    counter = ""

    @property
    def never(self) -> str:
        return text(
            "harvard_classic.model_33",
            "dialect: for a Model 33 no source shows a target volume or a delivered volume, so nothing "
            "in the pump would end a run; it is only identified and stopped",
        )


def dialect(settings: HarvardClassicSettings) -> Dialect:
    """The words for a pump with these settings."""
    if settings.phd_2000:
        return Phd2000As22(settings)
    return _BY_NAME[settings.dialect](settings)


_BY_NAME: Mapping[str, type[Dialect]] = {"11": Pump11, "22": Model22, "33": Model33, "44": Model44}
