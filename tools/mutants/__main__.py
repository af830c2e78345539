"""Mutants of the core that no test notices.

    make mutants                             every mutant of every target: hours
    make mutants N=500                       a sample of 500, the same for the same seed and sources
    make mutants ARGS="dosing --seed 7"      of one target
    make mutants ARGS="--changed main"       of the files that differ from this commit
    make mutants ARGS="--only ID"            this one again

The score counts what a test noticed, without the mutants of `equivalent.toml`. The exit status is 1 below --least.
"""

import argparse
import json
import random
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

from tools.mutants.operators import Mutant, enums_of, mutants
from tools.mutants.running import Ended, Seen, run
from tools.mutants.targets import ROOT, TARGETS, Target

EQUIVALENT = Path(__file__).with_name("equivalent.toml")


def equivalents() -> dict[str, str]:
    """Mutants that change nothing that can be observed, with the reason."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {each["key"]: each["reason"] for each in listed}


def all_of(target: Target) -> list[Mutant]:
    enums = enums_of(path for folder in ("pumpd", "drivers") for path in (ROOT / folder).rglob("*.py"))
    found: list[Mutant] = []
    for path in target.paths():
        found += mutants(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"), enums)
    return found


def changed_since(commit: str) -> set[str]:
    base = subprocess.run(["git", "merge-base", commit, "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    command = ["git", "diff", "--name-only", base.stdout.strip()]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="*", help=f"default: all of {', '.join(each.name for each in TARGETS)}")
    parser.add_argument("--n", type=int, help="the size of the sample; default: every one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changed", metavar="COMMIT", help="only files that differ from this commit")
    parser.add_argument("--only", nargs="+", metavar="ID", help="only these mutants")
    parser.add_argument("--least", type=float, default=98.0, help="least score in percent")
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="only these files of tests")
    parser.add_argument("--quick", action="store_true", help="only the tests at the edges: the score is a lower bound")
    parser.add_argument("--record", type=Path, help="append each result to this file, one JSON object a line")
    given = parser.parse_args()
    named = [each for each in TARGETS if not given.target or any(each.name.startswith(name) for name in given.target)]
    files = changed_since(given.changed) if given.changed else None
    pool = [
        (target, mutant)
        for target in named
        for mutant in all_of(target)
        if (files is None or mutant.path in files) and (not given.only or mutant.id in given.only)
    ]
    known = equivalents()
    pool = [(target, mutant) for target, mutant in pool if mutant.key not in known]
    if given.n is not None and given.n < len(pool):
        pool = random.Random(given.seed).sample(pool, given.n)  # noqa: S311 - a sample that can be drawn again
    counts: dict[str, list[int]] = {}
    survivors = []
    for target in named:
        chosen = {mutant.id: mutant for of, mutant in pool if of is target}
        if not chosen:
            continue
        if given.tests:
            target = replace(target, tests=tuple(given.tests), edges=())  # noqa: PLW2901 - the same with other tests
        begin = time.monotonic()
        count = counts[target.name] = [0, 0]
        for said in run(target, list(chosen.values()), quick=given.quick):
            if isinstance(said, Seen):
                for test in sorted(said.failed):
                    print(f"not used, it fails without a mutant: {test}", file=sys.stderr)
                continue
            mutant, found = chosen[said[0]], said[1]
            count[0] += 1
            count[1] += found is not True
            if found is True:
                survivors.append(mutant)
                print(f"  nobody noticed {mutant}", flush=True)
            if given.record:
                by = found.why.splitlines()[-1] if isinstance(found, Ended) else found
                with given.record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"id": mutant.id, "mutant": mutant.key, "by": by}) + "\n")
        print(f"{target.name:26} {count[1]:>5} of {count[0]:>5} noticed  {time.monotonic() - begin:7.1f} s", flush=True)
    tried, noticed = (sum(count[at] for count in counts.values()) for at in (0, 1))
    if not tried:
        print("no mutants: nothing that is mutated has changed")
        return 0
    score = 100 * noticed / tried
    print(f"{noticed} of {tried} mutants noticed: {score:.1f} % (seed {given.seed}, {len(known)} equivalents left out)")
    return int(score < given.least)


if __name__ == "__main__":
    sys.exit(main())
