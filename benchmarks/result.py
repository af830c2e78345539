"""One measured value beside its bound, and the table of them."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.size import Size


@dataclass(frozen=True)
class Result:
    """`at_least` reverses the bound: more is better. `details` holds everything else that was measured.

    `why`: why the bound is missed where it is, if that is known.
    """

    name: str
    measured: float
    bound: float
    unit: str
    at_least: bool = False
    details: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def ratio(self) -> float:
        """Measured over bound."""
        return self.measured / self.bound

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def shown(self) -> tuple[str, str]:
        """The value and its bound, each with its unit."""
        sign = ">=" if self.at_least else "<="
        return f"{self.measured:.4g} {self.unit}".rstrip(), f"{sign} {self.bound:.4g} {self.unit}".rstrip()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 3), "met": self.met}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Result":
        return cls(**{name: value for name, value in fields.items() if name not in ("ratio", "met")})


def table(results: Sequence[Result], size: Size = Size.WHOLE) -> str:
    """With its bounds, if the benchmarks ran whole."""
    rows = [("measure", "measured", "bound", "ratio", "")]
    rows += [(each.name, *each.shown, f"{each.ratio:.2f}", "met" if each.met else "MISSED") for each in results]
    if size is Size.SHORT:
        rows = [row[:2] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def alone(measure: Callable[..., Iterable[Result]], names: Callable[[Sequence[str]], Sequence[str]] | None = None):
    """Run one benchmark by itself: print its table, and its details as JSON lines on standard error.

    `names`: checks the names on the command line, for a benchmark that takes some.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="only show that it works")
    if names is not None:
        parser.add_argument("name", nargs="*", help="only this one; default: all")
    given = parser.parse_args()
    size = Size.SHORT if given.short else Size.WHOLE
    results = list(measure(size) if names is None else measure(names(given.name), size))
    print(table(results, size))
    for each in results:
        print(json.dumps(each.as_json()), file=sys.stderr)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]
