"""`python -m benchmarks [--json FILE] [--family NAME]... [BENCHMARK]...`: all of them take twenty minutes.

A benchmark that fails is reported and the others still run; the exit status is then 1. A missed bound is no failure.
"""

import argparse
import functools
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import (
    alarm_delay,
    backfill,
    browser_stop,
    card,
    death,
    families,
    gateway,
    isolation,
    journal,
    load,
    polling,
    process,
    restart,
    scale,
    stop,
    stop_lost,
    stop_under_attack,
    tablet_stop,
    virtual_time,
)
from benchmarks.result import Result, table

WHOLE = {
    "process": process,
    "gateway": gateway,
    "virtual_time": virtual_time,
    "journal": journal,
    "restart": restart,
    "scale": scale,
    "card": card,
    "backfill": backfill,
    "isolation": isolation,
    "death": death,
    "tablet_stop": tablet_stop,
    "stop_under_attack": stop_under_attack,
    "browser_stop": browser_stop,
    "alarm_delay": alarm_delay,
}
EACH_FAMILY = {"polling": polling, "load": load, "stop": stop, "stop_lost": stop_lost}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("benchmark", nargs="*", metavar="BENCHMARK", help=f"one of {', '.join(WHOLE | EACH_FAMILY)}")
    parser.add_argument("--family", action="append", choices=families.own(), help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured to FILE")
    options = parser.parse_args(arguments)
    if unknown := set(options.benchmark) - set(WHOLE | EACH_FAMILY):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    results, failed = [], []
    for title, measure in _chosen(options.benchmark or [*WHOLE, *EACH_FAMILY], options.family or families.own()):
        print(f"{title} ...", file=sys.stderr, flush=True)
        try:
            results += measure()
        except Exception:  # noqa: BLE001 - whatever happened to this one, the others are still wanted
            traceback.print_exc()
            failed.append(title)
    print(table(results))
    for title in failed:
        print(f"FAILED: {title}, see its traceback above")
    if options.json:
        document = {"machine": _machine(), "results": [each.as_json() for each in results], "failed": failed}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _chosen(names: Sequence[str], chosen: Sequence[str]) -> Iterator[tuple[str, Callable[[], list[Result]]]]:
    """Title and work of each benchmark; one for each family where families are measured one by one."""
    for name in names:
        if name in WHOLE:
            yield name, WHOLE[name].measure
        else:
            for family in chosen:
                yield f"{name} {family}", functools.partial(EACH_FAMILY[name].measure, [family])


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.exit(main())
