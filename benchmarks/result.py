"""One measured value beside its bound, and the table of them."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """`at_least` reverses the bound: more is better. `details` holds everything else that was measured."""

    name: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Measured over bound."""
        return self.measured / self.bound

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 3), "met": self.met}


def table(results: Sequence[Result]) -> str:
    rows = [("measure", "measured", "bound", "ratio", "")]
    for each in results:
        sign = ">=" if each.at_least else "<="
        rows.append(
            (
                each.name,
                f"{each.measured:.4g} {each.unit}",
                f"{sign} {each.bound:.4g} {each.unit}",
                f"{each.ratio:.2f}",
                "met" if each.met else "MISSED",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def alone(measure: Callable[[], list[Result]]) -> None:
    """Run one benchmark by itself: print its table, and its details as JSON lines on standard error."""
    results = measure()
    print(table(results))
    for each in results:
        print(json.dumps(each.as_json()), file=sys.stderr)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]
