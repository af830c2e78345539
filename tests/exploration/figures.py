"""The results of an exploration as tables, written into the pages that quote them."""

import re
from pathlib import Path

from tests.exploration.mutants import Mutant
from tests.exploration.pairs import PAIRS, apart
from tests.exploration.search import Found
from tests.exploration.searched import Searched
from tests.exploration.slices import Slice

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = DOCS / "explanations" / "exploration.md"
BEFORE, AFTER = "<!-- figures: written by `make explore` -->\n", "<!-- end of figures -->\n"
TOML = DOCS / "safety" / "figures.toml"


def slices(searches: list[Searched]) -> str:
    lines = [
        "| slice | what happens in it | states | transitions | depth | closed | compared | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    single, of_two = _apart(searches)
    for e in single:
        counts = f"{e.nodes:,} | {e.steps:,} | {e.depth} | {'yes' if e.closed else 'no'} | {e.compared:,}"
        lines.append(f"| {e.slice.name} | {e.slice.about} | {counts} | {e.seconds:.1f} |")
    if of_two:
        lines.append(_row("pairs", "any two kinds of happenings that no slice above joins", of_two))
    lines.append(_row("**all**", "", searches))
    return "\n".join(lines) + "\n" + bounds(searches)


def _apart(searches: list[Searched]) -> tuple[list[Searched], list[Searched]]:
    """The slices, and the pairs of kinds."""
    pairs = {each.name for each in PAIRS}
    return [e for e in searches if e.slice.name not in pairs], [e for e in searches if e.slice.name in pairs]


def _row(name: str, about: str, searches: list[Searched]) -> str:
    """Several searches in one row."""
    nodes, steps, seconds = _sums(searches)
    compared, closed = sum(e.compared for e in searches), sum(e.closed for e in searches)
    depth = max(e.depth for e in searches)
    counts = f"{nodes:,} | {steps:,} | {depth} | {closed} of {len(searches)} | {compared:,}"
    return f"| {name} | {about} | {counts} | {seconds:.1f} |"


def bounds(searches: list[Searched]) -> str:
    """Beside each slice that did not close: how deep it was searched, and why that is enough, if it is known."""
    closed = [e.slice for e in searches if e.closed]
    lines = ""
    for e in searches:
        if not e.closed:
            tried = f"did not close; every order of up to {e.depth} happenings was tried."
            lines += f"\n- **{e.slice.name}** {tried} {_why(e.slice, closed)}"
    return lines


def _why(each: Slice, closed: list[Slice]) -> str:
    if not each.bound:
        return "Why that is enough is not shown yet."
    left = apart(each, closed)
    if left:
        return f"Of its kinds, {len(left)} pairs are together in no search that is closed: {', '.join(left)}."
    return f"Every two of its kinds are together in a search that is closed. {each.bound}"


def _sums(searches: list[Searched]) -> tuple[int, int, float]:
    return sum(e.nodes for e in searches), sum(e.steps for e in searches), sum(e.seconds for e in searches)


def mutants(rows: list[tuple[Mutant, Found | None]]) -> str:
    lines = ["| mutant | where | caught by | in slice | after happenings |", "|---|---|---|---|---|"]
    for mutant, found in rows:
        by = f"`{found.rule}` | {found.slice} | {found.depth}" if found else "nothing, covered twice | |"
        lines.append(f"| {mutant.about} | `{mutant.where}` | {by} |")
    return "\n".join(lines) + "\n"


def write(searches: list[Searched], rows: list[tuple[Mutant, Found | None]]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    memory_mb = max(e.memory_mb for e in searches)
    head, rest = page.split(BEFORE)
    _, tail = rest.split(AFTER)
    tables = f"{slices(searches)}\nMost memory of one search: {memory_mb} MB.\n\n### Mutants\n\n{mutants(rows)}"
    PAGE.write_text(f"{head}{BEFORE}\n{tables}\n{AFTER}{tail}", encoding="utf-8")
    nodes, steps, seconds = _sums(searches)
    caught = sum(found is not None for _, found in rows)
    single, of_two = _apart(searches)
    _write_toml(
        {
            "slices": len(single),
            "slices_closed": sum(e.closed for e in single),
            "pairs": len(of_two),
            "pairs_closed": sum(e.closed for e in of_two),
            "states": nodes,
            "transitions": steps,
            "seconds": round(seconds),
            "memory_mb": memory_mb,
            "mutants": len(rows),
            "mutants_caught": caught,
            "mutants_covered_twice": len(rows) - caught,
        }
    )


def _write_toml(values: dict[str, int]) -> None:
    """Put the values into the table [exploration], leaving the tables of others as they are."""
    table = "[exploration]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
    text, n = re.subn(
        r"^\[exploration\]\n(?:[^\[\n].*\n)*", table, TOML.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    if n != 1:
        raise LookupError(f"{TOML.name} has {n} tables named [exploration]")
    TOML.write_text(text, encoding="utf-8")
