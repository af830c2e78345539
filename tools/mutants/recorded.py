"""Which test runs which line of what is mutated, kept in `.mutants/` until a source changes."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from tools.mutants.operators import Mutant
from tools.mutants.targets import ROOT, Target

KEPT = ROOT / ".mutants"
SOURCES = ("pumpd", "drivers", "simulators", "tests")


@dataclass
class Recorded:
    """One file of tests: the CPU seconds of each of its tests, and the numbers of those that run each line of each
    mutated file.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    slept: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@cache
def sources_hash() -> str:
    """Of all that a test may run, but for the tests themselves."""
    whole = hashlib.sha256(sys.version.encode())
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.name.startswith("test_"):
                whole.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return whole.hexdigest()


def key_of(test_file: str) -> str:
    """Of this file of tests and all that it may run, as they are now."""
    return hashlib.sha256(sources_hash().encode() + (ROOT / test_file).read_bytes()).hexdigest()


def keys_of(tests: Iterable[str]) -> dict[str, str]:
    """Of each file of tests among these files and folders."""
    files = [
        path for each in tests for path in ([ROOT / each] if each.endswith(".py") else (ROOT / each).rglob("*.py"))
    ]
    return {name: key_of(name) for name in (str(path.relative_to(ROOT)) for path in files)}


def _kept(test_file: str) -> Path:
    return KEPT / f"{test_file.replace('/', '.')}.json"


def recalled(test_file: str, key: str) -> Recorded | None:
    """What was kept for these sources."""
    try:
        kept = json.loads(_kept(test_file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if kept.pop("key") != key:
        return None
    found = Recorded(**kept)
    found.lines = {path: {int(line): tests for line, tests in of.items()} for path, of in found.lines.items()}
    return found


def keep(test_file: str, key: str, recorded: Recorded) -> None:
    KEPT.mkdir(exist_ok=True)
    kept = {"key": key, **asdict(recorded)}
    _kept(test_file).write_text(json.dumps(kept), encoding="utf-8")


class Seen:
    """What the unchanged code does under the files of tests that were recorded until now."""

    def __init__(self) -> None:
        self.files: dict[str, Recorded] = {}
        self.seconds: dict[str, float] = {}
        self.slept: dict[str, float] = {}

    def add(self, test_file: str, recorded: Recorded) -> None:
        self.files[test_file] = recorded
        self.seconds |= recorded.seconds
        self.slept |= recorded.slept

    def tests_of(self, test_files: Iterable[str], mutant: Mutant) -> list[str]:
        """Those of these files that can notice it, the fastest first: of a function, those that run its line; else
        those that run its file, then all others.
        """
        running: set[str] = set()
        every: set[str] = set()
        failed: set[str] = set()
        for recorded in (self.files[file] for file in test_files):
            lines = recorded.lines.get(mutant.path, {})
            names = list(recorded.seconds)
            running.update(names[number] for line in _span(mutant, lines) for number in lines.get(line, ()))
            failed.update(recorded.failed)
            if mutant.function is None:
                every.update(names)
        return sorted((running | every) - failed, key=lambda test: (test not in running, self.seconds[test]))


def belongs(test_file: str, target: Target) -> bool:
    return any(test_file == each or test_file.startswith(f"{each}/") for each in target.tests)


def _span(mutant: Mutant, lines: Mapping[int, object]) -> Iterable[int]:
    """Its lines. One that begins no statement counts with the one before that does."""
    if mutant.function is None:
        return lines
    first = next((line for line in range(mutant.line, 0, -1) if line in lines), mutant.line)
    return range(first, mutant.line + mutant.before.count("\n") + 1)
