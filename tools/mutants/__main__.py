"""Mutants of the core that no test notices.

    make mutants                             every mutant of every target: hours
    make mutants N=500                       a sample of 500, the same for the same seed and sources
    make mutants ARGS="dosing --seed 7"      of one target
    make mutants ARGS="--changed main"       of the files that differ from this commit
    make mutants ARGS="--only ID"            this one again
    make mutants N=500 ARGS="--cpu 600"      as many as 10 minutes of CPU time allow

The score counts what a test noticed, without the mutants of `equivalent.toml`. The exit status is 1 below --least.
"""

import argparse
import json
import resource
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tools.mutants.forks import Ended, ended_by_signal
from tools.mutants.operators import Mutant, enums_of, mutants
from tools.mutants.recorded import Seen, belongs, keep, keys_of, recalled
from tools.mutants.running import UNLIKE, Collected, allowed, import_libraries, run_outside
from tools.mutants.score import Stratum, drawn, overall
from tools.mutants.targets import ROOT, TARGETS, Target

EQUIVALENT = Path(__file__).with_name("equivalent.toml")


def equivalents() -> dict[str, str]:
    """Mutants that change nothing that can be observed, with the reason."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {each["key"]: each["reason"] for each in listed}


@cache
def _enums() -> Mapping[str, tuple[str, ...]]:
    return enums_of(path for folder in ("pumpd", "drivers") for path in (ROOT / folder).rglob("*.py"))


def all_of(target: Target, files: set[str] | None = None) -> list[Mutant]:
    """`files`: of these only."""
    found: list[Mutant] = []
    for path in target.paths():
        name = str(path.relative_to(ROOT))
        if files is None or name in files:
            found += mutants(name, path.read_text(encoding="utf-8"), _enums())
    return found


def changed_since(commit: str) -> set[str] | None:
    """None: this copy of the repository does not go back so far."""
    command = ["git", "diff", "--name-only", "--merge-base", commit]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return set(found.stdout.split()) if found.returncode == 0 else None


# -- one run -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """`by`: the test that noticed it, how its process ended, or None if nothing noticed it."""

    target: Target
    mutant: Mutant
    by: str | None
    cpu_s: float


class Run:
    """Tries mutants, each against the tests of its target: those at the edges, then those that are left."""

    def __init__(self, targets: Sequence[Target], *, quick: bool) -> None:
        """`quick`: only against the tests at the edges."""
        self.quick = quick
        mutated = sorted({str(path.relative_to(ROOT)) for target in TARGETS for path in target.paths()})
        folders = dict.fromkeys(
            test for each in targets for test in (each.edges if quick and each.edges else each.tests)
        )
        tests = [each for each in folders if (ROOT / each).exists()]
        self._keys = keys_of(tests)  # before they are collected: a file may change meanwhile
        self.collected = Collected(tests, mutated)
        self.seen = Seen()
        self._cpu_s: float = self.collected.cpu_s
        self._tests: dict[str, list[str]] = {}  # by file
        for test in self.collected.tests:
            self._tests.setdefault(test.partition("::")[0], []).append(test)
        self._noticed: list[str] = []  # the last tests that noticed a mutant
        self._imported = False

    @property
    def cpu_s(self) -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return self._cpu_s + used.ru_utime + used.ru_stime

    def close(self) -> None:
        self.collected.close()

    def tries(self, chosen: Sequence[tuple[Target, Mutant]]) -> Iterator[Tried]:
        for target, mutant in chosen:
            before = self._cpu_s
            by = self._tried(target, mutant)
            yield Tried(target, mutant, by, self._cpu_s - before)

    def _tried(self, target: Target, mutant: Mutant) -> str | None:
        files = [file for file in self._tests if belongs(file, target)]
        edges = [file for file in files if file.startswith(target.edges)]
        others = [] if self.quick and edges else [file for file in files if file not in edges]
        for stage in (edges, others):
            for file in stage:
                self._know(file)
            tests = self.seen.tests_of(stage, mutant)
            found = self._run(mutant, tests) if tests else True
            if found is not True:
                return found.why.splitlines()[-1] if isinstance(found, Ended) else str(found)
        return None

    def _know(self, file: str) -> None:
        if file not in self.seen.files:
            recorded = recalled(file, self._keys[file])
            if recorded is None:
                recorded, took = self.collected.record(self._tests[file])
                self._cpu_s += took
                keep(file, self._keys[file], recorded)
            for test in recorded.failed:
                print(f"not used, it fails without a mutant: {test}", file=sys.stderr)
            self.seen.add(file, recorded)

    def _run(self, mutant: Mutant, tests: list[str]) -> object:
        tests = [test for test in self._noticed if test in tests] + [
            each for each in tests if each not in self._noticed
        ]
        found: object = UNLIKE
        if mutant.function is not None:
            found, took = self.collected.run(mutant, *allowed(self.seen, tests))
            self._cpu_s += took
        if found == UNLIKE:
            if not self._imported:
                import_libraries(self.collected.libraries)
                self._imported = True
            found, took = run_outside(mutant, *allowed(self.seen, tests))
            self._cpu_s += took
        if isinstance(found, str):
            self._noticed = [found, *(each for each in self._noticed if each != found)][:5]
        return found


# -- the command -------------------------------------------------------------------------------------------------------


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="*", help=f"default: all of {', '.join(each.name for each in TARGETS)}")
    parser.add_argument("--n", type=int, help="the size of the sample; default: every one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changed", metavar="COMMIT", help="only files that differ from this commit")
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these mutants")
    parser.add_argument("--least", type=float, default=98.0, help="least score in percent")
    parser.add_argument("--cpu", type=float, metavar="SECONDS", help="begin no more mutants after so much CPU time")
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="only these files of tests")
    parser.add_argument("--quick", action="store_true", help="only the tests at the edges: the score is a lower bound")
    parser.add_argument("--record", type=Path, help="append each result to this file; go on where it ends")
    return parser.parse_args()


def pools_of(given: argparse.Namespace) -> dict[str, list[tuple[Target, Mutant]]]:
    named = [each for each in TARGETS if not given.target or any(each.name.startswith(name) for name in given.target)]
    files = changed_since(given.changed) if given.changed else None
    if given.changed and files is None:
        print(f"this copy does not go back to {given.changed}: all files count")
    known = equivalents()
    pools = {}
    for target in named:
        tested = replace(target, tests=tuple(given.tests), edges=()) if given.tests else target
        pool = [
            (tested, mutant)
            for mutant in all_of(target, files)
            if mutant.key not in known and (not given.only or mutant.id in given.only)
        ]
        if pool:
            pools[target.name] = pool
    return pools


def main() -> int:
    given = parsed()
    signal.signal(signal.SIGTERM, ended_by_signal)
    pools = pools_of(given)
    if not pools:
        print("no mutants: nothing that is mutated has changed")
        return 0
    chosen = drawn(pools, given.n, given.seed, lambda each: each[1].id)
    strata = {name: Stratum(len(pool)) for name, pool in pools.items()}
    targets = {target.name: target for target, _ in chosen}
    recorded = results_in(given.record)
    for target, mutant in chosen:
        if mutant.id in recorded:
            strata[target.name].count(noticed=recorded[mutant.id] is not None)
    chosen = [each for each in chosen if each[1].id not in recorded]
    with closing(Run(list(targets.values()), quick=given.quick)) as run:
        print(f"{len(run.collected.tests)} tests collected with {run.cpu_s:.0f} s of CPU", flush=True)
        for tried in run.tries(chosen):
            strata[tried.target.name].count(noticed=tried.by is not None)
            if tried.by is None:
                print(f"  nobody noticed {tried.mutant}", flush=True)
            if given.record:
                line = {"id": tried.mutant.id, "mutant": tried.mutant.key, "by": tried.by, "cpu_s": tried.cpu_s}
                with given.record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(line) + "\n")
            if given.cpu is not None and run.cpu_s > given.cpu:
                break
        spent = run.cpu_s
    return said(strata, given, spent)


def results_in(record: Path | None) -> dict[str, str | None]:
    """By the mutant's id: what noticed it."""
    if record is None or not record.exists():
        return {}
    lines = map(json.loads, record.read_text(encoding="utf-8").splitlines())
    return {line["id"]: line["by"] for line in lines}


def said(strata: Mapping[str, Stratum], given: argparse.Namespace, spent_s: float) -> int:
    for name, each in strata.items():
        if each.tried:
            share, low, high = (100 * value for value in overall([each]))
            interval = f"{share:5.1f} % [{low:.1f} to {high:.1f}]"
            print(f"{name:26} {each.noticed:>5} of {each.tried:>5} noticed {interval:24} of {each.pool}")
    share, low, high = (100 * value for value in overall(list(strata.values())))
    noticed, tried = (sum(getattr(each, name) for each in strata.values()) for name in ("noticed", "tried"))
    print(
        f"{noticed} of {tried} mutants noticed; of all {sum(each.pool for each in strata.values())}: {share:.1f} % "
        f"[{low:.1f} to {high:.1f}, 95 %] (seed {given.seed}, {len(equivalents())} equivalents left out, "
        f"{spent_s:.0f} s of CPU)"
    )
    return int(share < given.least)


if __name__ == "__main__":
    sys.exit(main())
