"""`python -m benchmarks report`: the figures in docs/reference/benchmarks.md, from the whole runs that are kept.

Of each benchmark (and family) the last run counts, with its own commit, date and load: a run of a few benchmarks
replaces only their figures. A bound that was missed, and a benchmark that failed, come first.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.part import KEPT, ROOT, Part, by_benchmark, newest
from benchmarks.result import Result

PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
BEGIN = "<!-- Figures, written by `python -m benchmarks report`: not by hand. -->"
END = "<!-- End of what it writes. -->"


def main(kept: Path = KEPT, page: Path = PAGE) -> int:
    parts = newest(kept)
    if not parts:
        print(f"No whole run is kept in {kept}: run `python -m benchmarks` first. The page is unchanged.")
        return 1
    page.write_text(written(page.read_text(encoding="utf-8"), figures(parts)), encoding="utf-8")
    print(f"{sum(len(each.results) for each in parts)} figures of {len(by_benchmark(parts))} benchmarks are in {page}")
    return 0


def written(page: str, between: str) -> str:
    """The page with this between its marks. Raises ValueError for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for figures: it needs the lines\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n\n{between}\n{END}{after}"


def figures(parts: Sequence[Part]) -> str:
    """In Markdown: what failed, what was missed, then everything by benchmark."""
    lines = ["### Failed and missed", "", *_failed(parts), *_missed(parts), ""]
    for name, those in by_benchmark(parts).items():
        lines += [f"### `{name}`", "", _origin(those), ""]
        if results := [result for part in those for result in part.results]:
            lines += ["| measure | measured | bound | ratio | |", "|---|---|---|---|---|", *map(_row, results), ""]
    return "\n".join(lines)


def _failed(parts: Sequence[Part]) -> list[str]:
    found = [f"- **Failed**: `{part.title}`: {_safe(part.failed)}" for part in parts if part.failed]
    return found or ["Every benchmark below ran to its end."]


def _missed(parts: Sequence[Part]) -> list[str]:
    missed = [result for part in parts for result in part.results if not result.met]
    total = sum(len(part.results) for part in parts)
    if not missed:
        return ["", f"All {total} bounds were met."]
    return ["", f"{total - len(missed)} of {total} bounds were met. Missed:", "", *map(_miss, missed)]


def _miss(result: Result) -> str:
    measured, bound = result.shown
    why = f": {result.why}" if result.why else ""
    return f"- {_safe(result.name)}: {measured}, bound {_safe(bound)}{_safe(why)}"


def _origin(parts: Sequence[Part]) -> str:
    """When, on which commit and under which load; one line."""
    commits = ", ".join(dict.fromkeys(f"`{part.commit}`" for part in parts))
    loads = [load for part in parts for load in part.load]
    machines = "; ".join(dict.fromkeys(part.machine for part in parts))
    took_s, cpu_s = sum(part.took_s for part in parts), sum(part.cpu_s for part in parts)
    used = f"; {took_s:.0f} s, {cpu_s:.0f} s of CPU" if cpu_s else ""
    return f"{_when(parts)}, commit {commits}, load {min(loads):.1f} to {max(loads):.1f}, {machines}{used}."


def _when(parts: Iterable[Part]) -> str:
    """When the first and the last of them began."""
    times = [datetime.fromisoformat(part.at) for part in parts]
    first, last = min(times), max(times)
    if f"{first:%F %H:%M}" == f"{last:%F %H:%M}":
        return f"{first:%-d %B %Y %H:%M} UTC"
    begun = f"{first:%H:%M}" if first.date() == last.date() else f"{first:%-d %B %Y %H:%M}"
    return f"{begun} to {last:%H:%M} UTC on {last:%-d %B %Y}"


def _row(result: Result) -> str:
    measured, bound = result.shown
    verdict = "met" if result.met else "**missed**"
    return f"| {_safe(result.name)} | {measured} | {_safe(bound)} | {result.ratio:.2f} | {verdict} |"


def _safe(text: str) -> str:
    """Nothing in it is taken for a table's or HTML's."""
    return text.replace("|", "\\|").replace("<=", "≤").replace(">=", "≥").replace("<", "&lt;")
