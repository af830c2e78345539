"""Explore the slices, try the mutants, and write the results into the pages.

Each slice that is done is kept in `.exploration/` until a source changes: a run that was ended goes on.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict

from pumpd.infusion.states import TRANSITIONS
from tests.exploration import figures
from tests.exploration.mutants import MUTANTS, caught
from tests.exploration.searched import ALL, Searched, search_all
from tests.exploration.slices import SLICES
from tests.kept import ROOT, Kept, code

BOUND = 200_000  # nodes of a slice
BOUND_OF_ALL = 30_000  # of one that need not close
KEPT = ".exploration"
SEARCHED = ("pumpd", "tests/exploration")  # all that a search depends on


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exploration", description=__doc__)
    parser.add_argument(
        "--slice",
        action="append",
        choices=ALL,
        metavar="NAME",
        help='only this slice, or pair such as "alarm + counter"; may be repeated',
    )
    parser.add_argument("--ci", action="store_true", help="only what CI explores")
    parser.add_argument("--nodes", type=int, default=BOUND, help=f"bound of each slice, default {BOUND:,}")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, one a core")
    parser.add_argument("--mutants", action="store_true", help="only the mutants")
    parser.add_argument(
        "--doc", action="store_true", help="the mutants too, and write the results into the pages; not with --slice"
    )
    options = parser.parse_args(argv)
    try:
        searches = [] if options.mutants else _explore(options)
    except KeyboardInterrupt:
        print(f"Ended. What was done is kept in {KEPT}; the same command goes on.", file=sys.stderr)
        return 130
    found = [text for e in searches for text in e.wrong]
    if searches:
        print(figures.slices(searches))
    if searches and not options.slice:
        taken = set().union(*(e.transitions for e in searches))
        left = {(before, after) for before, ways in TRANSITIONS.items() for after in ways} - taken
        print("transitions not taken:", sorted(left) or "none")
    print("\n".join(found) or "every rule holds")
    if options.mutants or options.doc:
        rows = [(mutant, caught(mutant)) for mutant in MUTANTS]
        print(figures.mutants(rows))
        wrong = [mutant.about for mutant, by in rows if bool(by) is not bool(mutant.caught_by)]
        found += wrong
        print("differ from the list:", wrong or "none")
        if options.doc and not options.slice and not found:
            figures.write(searches, rows)
    return 1 if found else 0


def _explore(options: argparse.Namespace) -> list[Searched]:
    """In the order of the slices, whatever was done first."""
    names = options.slice or ([each.name for each in SLICES] if options.ci else list(ALL))
    wanted = [(name, _bound(name, options)) for name in names]
    kept = Kept(ROOT / KEPT, code(*SEARCHED))
    done = {(each.name, each.bound): each for each in map(Searched.read, kept.lines())}
    with kept.more() as lines:
        for each in search_all([each for each in wanted if each not in done], options.workers):
            done[each.name, each.bound] = each
            lines.write(json.dumps(asdict(each)) + "\n")
            lines.flush()
            print(f"{each.name}: {each.nodes:,} nodes, {each.seconds:.0f} s", file=sys.stderr)
    return [done[each] for each in wanted]


def _bound(name: str, options: argparse.Namespace) -> int | None:
    if options.ci:
        return ALL[name].nodes
    return min(options.nodes, BOUND_OF_ALL) if ALL[name].bound else options.nodes


if __name__ == "__main__":
    sys.exit(main())
