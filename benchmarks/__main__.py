"""`python -m benchmarks [--short] [--family NAME]... [BENCHMARK]...`: all of them take more than an hour.

`--short` runs each of them once, with small numbers, to show that it works: it applies no bound, and keeps no figure.
A whole run keeps its figures, and `python -m benchmarks report` writes them into docs/reference/benchmarks.md.
Each runs in a process of its own. One that fails or takes too long is reported with the reason; what it measured before
and all others count, and the exit status is then 1. A missed bound is no failure. `peers` runs only when it is named.
"""

import argparse
import functools
import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    part,
    peers,
    polling,
    process,
    report,
    restart,
    scale,
    stop,
    stop_conditions,
    stop_lost,
    stop_under_attack,
    tablet_stop,
    virtual_time,
)
from benchmarks.part import Begun, Part
from benchmarks.result import Result, table
from benchmarks.running import run
from benchmarks.size import Size

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
    "stop_conditions": stop_conditions,
    "stop_under_attack": stop_under_attack,
    "browser_stop": browser_stop,
    "alarm_delay": alarm_delay,
}
EACH_FAMILY = {"polling": polling, "load": load, "stop": stop, "stop_lost": stop_lost}
IF_NAMED = {"peers": peers}  # needs a package registry
ALL = WHOLE | EACH_FAMILY | IF_NAMED
LIMIT_S = {Size.WHOLE: 1800.0, Size.SHORT: 300.0}  # of each; several times what it takes on a busy machine
INTERRUPTED = 130

Work = Callable[[], Iterable[Result]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmark", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(ALL)}; or report")
    parser.add_argument("--short", action="store_true", help="only show that they work")
    parser.add_argument("--family", action="append", choices=families.own(), help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what this run measured to FILE")
    options = parser.parse_args(arguments)
    if options.benchmark == ["report"]:
        return report.main()
    if unknown := set(options.benchmark) - set(ALL):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    size = Size.SHORT if options.short else Size.WHOLE
    chosen = _chosen(options.benchmark or [*WHOLE, *EACH_FAMILY], options.family, size)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the present one, with all that it started
    done: list[Part] = []
    try:
        for made in _run_all(chosen, LIMIT_S[size]):
            done.append(made)
            if size is Size.WHOLE:
                part.keep(made)
    except KeyboardInterrupt:
        print("Ended before all were done: what is below was measured before.", file=sys.stderr)
        return _told(done, size, options.json) or INTERRUPTED
    return _told(done, size, options.json)


def _chosen(names: Sequence[str], chosen: Sequence[str] | None, size: Size) -> Iterator[tuple[str, str, Work]]:
    """Each benchmark; one for each family where families are measured one by one.

    In the short form only `stop` is tried with each: what differs between them is how an infusion is brought about.
    """
    for name in names:
        if name in EACH_FAMILY:
            every = size is Size.WHOLE or name == "stop"
            for family in chosen or (families.own() if every else [families.FIRST]):
                yield name, family, functools.partial(EACH_FAMILY[name].measure, [family], size)
        else:
            yield name, "", functools.partial(ALL[name].measure, size)


def _run_all(chosen: Iterable[tuple[str, str, Work]], limit_s: float) -> Iterator[Part]:
    for name, family, work in chosen:
        print(f"{name} {family}".rstrip(), "...", file=sys.stderr, flush=True)
        begun = Begun.now(name, family)
        got = run(work, limit_s)
        yield begun.done(got.results, got.took_s, got.cpu_s, got.failed)


def _told(done: Sequence[Part], size: Size, file: Path | None) -> int:
    """Print everything that was measured; returns the exit status."""
    print(table([each for one in done for each in one.results], size))
    for one in done:
        if one.failed:
            print(f"FAILED: {one.title}: {one.failed}")
    print(f"{sum(each.took_s for each in done):.0f} s, {sum(each.cpu_s for each in done):.0f} s of CPU")
    if file is not None:
        file.write_text(json.dumps([each.as_json() for each in done], indent=2) + "\n", encoding="utf-8")
    return 1 if any(one.failed for one in done) else 0


if __name__ == "__main__":
    sys.exit(main())
