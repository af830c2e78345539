"""The Microliter OEM pump, a relative of the Pump 11: a rate, a target and a counter for each direction.

Source: the family's protocol sheet, section B, from a public client. No driver of pumpd controls it; it is simulated
for such clients.
"""

import re

from pumpd_simulators.harvard_classic import numbers
from pumpd_simulators.harvard_classic.commands import Lines, Model22, RefusalError
from pumpd_simulators.harvard_classic.memory import INFUSE, REFILL, Amount
from pumpd_simulators.harvard_classic.motor import Rest
from pumpd_simulators.harvard_classic.options import HarvardClassicOptions, Model
from pumpd_simulators.plant import Plant


class MicroliterOem(Model22):
    """A W behind a word means withdrawing. Targets are in microlitres."""

    _WORDS = re.compile(r"([A-Z]{3}W?)(.*)", re.ASCII)

    def __init__(self, plant: Plant, model: Model, address: int, options: HarvardClassicOptions) -> None:
        super().__init__(plant, model, address, options)
        self._targets: dict[int, float] = {}

    @property
    def prompt(self) -> str:
        if self.motor.running:
            return super().prompt
        return {Rest.TARGET: "*T", Rest.STALLED: "*"}.get(self.motor.rest, ":")

    def shown_address(self, given: str) -> str:  # noqa: ARG002 - always shown
        return f"{self.address:02d}"

    def run_target(self, way: int) -> float | None:
        return self._targets.get(way)

    def _numbered(self, word: str, rounded: float, exact: float) -> None:
        way = REFILL if word.endswith("W") else INFUSE
        match word.removesuffix("W"):
            case unit if unit in numbers.ML_H:
                self.set_rate(way, Amount(exact, unit))
            case "ULT":
                self._targets[way] = exact / 1000
            case _:
                super()._numbered(word, rounded, exact)

    def _plain(self, word: str) -> Lines:
        way = REFILL if word.endswith("W") else INFUSE
        match word.removesuffix("W"):
            case "RUN":
                self.run(way)
            case "RAT":
                amount = self.memory.rates.get(way, Amount(0.0, "ULM"))
                return [f"{numbers.shown_44(amount.value)} {amount.unit[:2].lower()}/{amount.unit[2].lower()}"]
            case "CLT":
                self._targets.pop(way, None)
            case "CLV":
                self.motor.clear(way)
            case _ if word.endswith("W"):
                raise RefusalError("?")
            case _:
                return super()._plain(word)
        return []
