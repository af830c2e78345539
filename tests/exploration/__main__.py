"""Explore the slices, try the mutants, and write the results into the pages."""

import argparse
import resource
import sys
from dataclasses import replace

from tests.exploration import figures
from tests.exploration.mutants import MUTANTS, caught
from tests.exploration.pairs import PAIRS
from tests.exploration.search import Explorer, transitions_not_taken
from tests.exploration.slices import SLICES

BOUND = 200_000  # nodes of a slice
BOUND_OF_ALL = 30_000  # of one that need not close
COMPARE = 11  # of the merged nodes, one in so many is a candidate for a comparison


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exploration", description=__doc__)
    parser.add_argument(
        "--slice",
        action="append",
        choices=[each.name for each in (*SLICES, *PAIRS)],
        metavar="NAME",
        help='only this slice, or pair such as "alarm + counter"; may be repeated',
    )
    parser.add_argument("--ci", action="store_true", help="only what CI explores")
    parser.add_argument("--nodes", type=int, default=BOUND, help=f"bound of each slice, default {BOUND:,}")
    parser.add_argument("--mutants", action="store_true", help="only the mutants")
    parser.add_argument("--doc", action="store_true", help="the mutants too, and write the results into the pages")
    options = parser.parse_args(argv)
    explorers = [] if options.mutants else _explore(options.slice, options.nodes, ci=options.ci)
    found = [str(f) for e in explorers for f in e.found.values()]
    found += [f"merged too much [{e.slice.name}]: {text}" for e in explorers for text in e.unlike]
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if explorers:
        print(figures.slices(explorers))
        print("memory:", memory_mb, "MB")
    if explorers and not options.slice:
        print("transitions not taken:", sorted(transitions_not_taken(explorers)) or "none")
    print("\n".join(found) or "every rule holds")
    if options.mutants or options.doc:
        rows = [(mutant, caught(mutant)) for mutant in MUTANTS]
        print(figures.mutants(rows))
        wrong = [mutant.about for mutant, by in rows if bool(by) is not bool(mutant.caught_by)]
        found += wrong
        print("differ from the list:", wrong or "none")
        if options.doc and not found:
            figures.write(explorers, rows, memory_mb)
    return 1 if found else 0


def _explore(names: list[str] | None, nodes: int, *, ci: bool) -> list[Explorer]:
    explorers = []
    for each in SLICES if ci else (*SLICES, *PAIRS):
        if names and each.name not in names:
            continue
        within = each.nodes if ci else min(nodes, BOUND_OF_ALL) if each.bound else nodes
        explorers.append(Explorer(replace(each, nodes=within), every=True, compare=COMPARE).run())
        explorers[-1].forget()
        print(f"{each.name}: {explorers[-1].nodes:,} nodes", file=sys.stderr)
    return explorers


if __name__ == "__main__":
    sys.exit(main())
