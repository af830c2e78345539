"""What one benchmark gave in one run, and the file in which every whole run is kept."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.result import Result

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "figures.jsonl"  # not in git: figures belong to a machine


@dataclass(frozen=True)
class Part:
    """One benchmark, and of one family where families are measured one by one.

    `load` is the machine's load average over a minute, before and after. `cpu_s` counts all the processes it started.
    `failed` says why it has no more results; empty when it ran to its end.
    """

    benchmark: str
    family: str
    commit: str
    at: str
    machine: str
    load: tuple[float, float]
    took_s: float
    cpu_s: float
    results: tuple[Result, ...]
    failed: str = ""

    @property
    def title(self) -> str:
        return f"{self.benchmark} {self.family}".rstrip()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "results": [each.as_json() for each in self.results]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Part":
        results = tuple(Result.from_json(each) for each in fields["results"])
        return cls(**{**fields, "results": results, "load": tuple(fields["load"])})


@dataclass(frozen=True)
class Begun:
    """What is known of a part when it begins."""

    benchmark: str
    family: str
    commit: str
    at: str
    load: float

    @classmethod
    def now(cls, benchmark: str, family: str = "") -> "Begun":
        return cls(benchmark, family, _commit(), datetime.now(UTC).isoformat(timespec="seconds"), _load())

    def done(self, results: Iterable[Result], took_s: float, cpu_s: float, failed: str = "") -> Part:
        loads = (self.load, _load())
        took_s, cpu_s = round(took_s, 1), round(cpu_s, 1)
        return Part(
            self.benchmark, self.family, self.commit, self.at, _machine(), loads, took_s, cpu_s, tuple(results), failed
        )


def keep(part: Part, path: Path = KEPT) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(part.as_json()) + "\n")


def newest(path: Path = KEPT) -> list[Part]:
    """The last of each benchmark and family, in the order in which they were first run."""
    found: dict[str, Part] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            part = Part.from_json(json.loads(line))
            found[part.title] = part
    return list(found.values())


def _commit() -> str:
    """The commit of this working copy; with a plus if files other than the documentation differ from it."""
    try:
        named = _git("rev-parse", "--short=8", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return named + ("+" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _machine() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def by_benchmark(parts: Iterable[Part]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.benchmark, []).append(part)
    return found
