"""Prove the dose arithmetic of every driver's grid (docs/explanations/proof.md).

make proof                               every family, every entry and every container that fits: minutes
make proof ARGS="new-era harvard"        these families
"""

import argparse
import sys
import time
from decimal import Decimal

from tests.dosing.samples import LIBRARY
from tests.dosing.test_rest import SETTINGS, real
from tests.proof import grids
from tests.proof.contracts import holding_keeps_its_promise, rate_keeps_its_promise
from tests.proof.symbolic import UnprovedError
from tests.proof.theorem import planned, remainder, rest_planned

MOST = Decimal(9999)  # mL or mL/h: above every limit of a container
STRENGTHS = {entry.concentration for entry in LIBRARY.entries.values()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*", help="default: all")
    chosen = parser.parse_args().family or list(SETTINGS)
    failed = False
    for name in chosen:
        seen = set()
        for entry in LIBRARY.entries.values():
            for container in (LIBRARY.containers[each] for each in entry.containers):
                pump = real(name, container)
                if pump is None:
                    continue
                begin = time.process_time()
                try:
                    whole = planned(LIBRARY, entry, container, pump)
                    rest = rest_planned(LIBRARY, entry, container, pump)
                    result = (
                        f"{whole.programs:>4} paths to a program, {whole.refusals:>4} to a refusal; "
                        f"of a rest {rest.programs:>4} and {rest.refusals:>4}"
                    )
                except UnprovedError as error:
                    failed, result = True, f"NOT PROVED: {error}"
                took = time.process_time() - begin
                print(f"{name:17} {entry.id:24} {container.name:22} {result}  {took:6.1f} s", flush=True)
                for kind, grid in (("rates", pump.rate_grid), ("volumes", pump.volume_grid)):
                    if (kind, grid) in seen:
                        continue
                    seen.add((kind, grid))
                    wrong = grids.wrong(grid, MOST)
                    remainders = remainder(grid, 3)
                    rates = rate_keeps_its_promise(grid)
                    volumes = sum(holding_keeps_its_promise(each, grid) for each in STRENGTHS)
                    failed = failed or bool(wrong)
                    print(
                        f"{name:17} {kind} on {grid}: {len(wrong)} numbers wrong, {remainders} paths of a remainder, "
                        f"{rates + volumes} of the divisions' promises",
                        flush=True,
                    )
                    for line in wrong[:10]:
                        print(f"  {line}", file=sys.stderr)
        if seen:
            begin, entry = time.process_time(), LIBRARY.entries["ketamine-1mg-ml"]
            container = next((c for each in entry.containers if real(name, c := LIBRARY.containers[each])), None)
            if container is not None:
                tally = planned(LIBRARY, entry, container, real(name, container), within=False)
                print(
                    f"{name:17} outside the entry's limits too: {tally.programs} paths to a program, {tally.refusals} "
                    f"to a refusal  {time.process_time() - begin:6.1f} s",
                    flush=True,
                )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
