"""`python -m benchmarks [--json FILE] [--family NAME]... [BENCHMARK]...`: all of them, one table, in twenty minutes."""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import (
    browser_stop,
    death,
    families,
    journal,
    load,
    polling,
    process,
    restart,
    stop,
    tablet_stop,
    virtual_time,
)
from benchmarks.result import table

WHOLE = {
    "process": process,
    "virtual_time": virtual_time,
    "journal": journal,
    "restart": restart,
    "death": death,
    "tablet_stop": tablet_stop,
    "browser_stop": browser_stop,
}
EACH_FAMILY = {"polling": polling, "load": load, "stop": stop}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("benchmark", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(WHOLE | EACH_FAMILY)}")
    parser.add_argument("--family", action="append", choices=families.own(), help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there")
    arguments = parser.parse_args()
    if unknown := set(arguments.benchmark) - set(WHOLE | EACH_FAMILY):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    results = []
    for name in arguments.benchmark or WHOLE | EACH_FAMILY:
        print(f"{name} ...", file=sys.stderr, flush=True)
        if name in WHOLE:
            results += WHOLE[name].measure()
        else:
            results += EACH_FAMILY[name].measure(arguments.family or families.own())
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
