"""`python -m benchmarks [--json FILE]`: every benchmark, one table. About two minutes, on loopback alone."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import polling, process, stop, virtual_time
from benchmarks.result import table


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there")
    arguments = parser.parse_args()
    results = []
    for benchmark in (process, polling, virtual_time, stop):
        print(f"{benchmark.__name__} ...", file=sys.stderr, flush=True)
        results += benchmark.measure()
    print(table(results))
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
    if arguments.json:
        document = {"machine": machine, "results": [each.as_json() for each in results]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
