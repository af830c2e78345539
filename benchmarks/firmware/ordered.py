"""What was ordered beside what the edges on the pin say: one line of the table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("infusion", "ordered", "reported", "edges", "by edges", "difference", "chip time", "real time", "chip late")
OFF_BY = 0.001  # of the ordered volume: more is a failure
ONE_STEP_MORE = 1.0


@dataclass(frozen=True)
class Infusion:
    """`reported_ml` is what the driver or the gateway computed from the pump's replies; `edges` are those forward minus
    those backward. `late_s` is how long the chip was behind its pace: its own time is then the shorter one.
    """

    name: str
    ordered_ml: float
    reported_ml: float
    edges: int
    steps_per_ml: float
    chip_s: float
    real_s: float
    late_s: float
    ended: str

    @property
    def edges_ml(self) -> float:
        return self.edges / self.steps_per_ml

    @property
    def as_ordered(self) -> bool:
        slack = self.ordered_ml * OFF_BY + ONE_STEP_MORE / self.steps_per_ml
        return self.ended == "completed" and abs(self.edges_ml - self.ordered_ml) <= slack

    def row(self) -> tuple[str, ...]:
        off = self.edges_ml - self.ordered_ml
        return (
            f"{self.name}: {self.ended}",
            f"{self.ordered_ml:.4f} mL",
            f"{self.reported_ml:.4f} mL",
            str(self.edges),
            f"{self.edges_ml:.4f} mL",
            f"{off:+.4f} mL ({100 * off / self.ordered_ml:+.3f} %)",
            f"{self.chip_s:.1f} s",
            f"{self.real_s:.1f} s",
            f"{self.late_s:.1f} s",
        )


def steps_per_ml(steps_per_mm: float, diameter_mm: float) -> float:
    """A plunger of that inner diameter, moved by a screw that needs so many steps for a millimetre."""
    return steps_per_mm * 1000 / (math.pi / 4 * diameter_mm**2)


def table(infusions: Sequence[Infusion]) -> str:
    rows = [HEAD, *(each.row() for each in infusions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
