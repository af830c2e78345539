"""Write docs/safety-case.md from docs/safety/case.toml, the claims and the measurements.

With --check, write nothing; fail when the page is out of date, or names a requirement that is not in the catalogue, a
test that does not exist, or an unknown table of measurements.
"""

import re
import sys
import tomllib
from typing import Any

from tools.printed import ROOT, write_or_check
from tools.requirements_table import Project

PAGE = ROOT / "docs" / "safety-case.md"

# What each table of figures.toml may hold, and its wording.
MEASUREMENTS = {
    "exploration": {
        "states": "{} states",
        "transitions": "{} transitions",
        "slices": "{} slices",
        "mutants": "{} deliberate breaks",
        "mutants_caught": "{} caught by a rule",
    },
    "campaign": {
        "infusions": "{} random infusions",
        "violations": "{} violations",
        "crash_points": "{} crash points",
        "sessions": "{} sessions without faults",
        "high_alarms": "{} high alarms in them",
    },
    "death": {
        "deaths": "{} real deaths",
        "longest_flow_s": "longest flow after one {} s",
        "most_ml": "most {} mL",
    },
    "journal": {
        "append_p50_ms": "intent to disk p50 {} ms",
        "append_p99_ms": "p99 {} ms",
        "restart_to_reading_s": "restart to first reading {} s",
    },
}
ABOUT = {
    "exploration": "[every order of events](explanations/exploration.md)",
    "campaign": "[random infusions with many faults](how-to/campaign.md)",
    "death": "[real processes killed under real pseudo-terminals](explanations/lease.md)",
    "journal": "[benchmarks](reference/benchmarks.md)",
}


def rendered() -> tuple[str, list[str]]:
    """The page, and every error in its content."""
    project, problems = Project(ROOT), []
    catalogue, claims = project.catalogue(), set(project.claims())
    case = tomllib.loads((ROOT / "docs" / "safety" / "case.toml").read_text(encoding="utf-8"))
    measured = tomllib.loads((ROOT / "docs" / "safety" / "figures.toml").read_text(encoding="utf-8"))
    parts = ["# Safety case\n", case["claim"], _measurements(measured)]
    for number, hazard in enumerate(case["hazard"], 1):
        problems += [f"{each} is not in the catalogue" for each in hazard["requirements"] if each not in catalogue]
        problems += [f"{each} is not a test" for each in hazard["tests"] if not _exists(each)]
        problems += [f"{each} is not a table of measurements" for each in hazard["figures"] if each not in MEASUREMENTS]
        parts.append(_section(number, hazard, catalogue, claims))
    not_covered = "\n".join(f"- {each}" for each in case["not_covered"])
    return "\n".join([*parts, f"## What is not covered\n\n{not_covered}"]) + "\n", problems


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    return (
        path.exists()
        and re.search(rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )


def _measurements(measured: dict[str, dict[str, Any]]) -> str:
    lines = ["## Measurements", "", "| evidence | measured |", "|---|---|"]
    for table, words in MEASUREMENTS.items():
        values = measured.get(table, {})
        texts = [
            text.format(f"{values[key]:,}" if key in values else "(not measured yet)") for key, text in words.items()
        ]
        lines.append(f"| {ABOUT[table]} | {'; '.join(texts) if values else 'not measured yet'} |")
    return "\n".join(lines) + "\n"


def _section(number: int, hazard: dict[str, Any], catalogue: dict[str, str], claims: set[str]) -> str:
    lines = [f"## {number}. {hazard['name']}", "", f"*{hazard['category']}*", "", hazard["mechanism"], ""]
    lines += ["| requirement | | claimed |", "|---|---|---|"]
    for each in hazard["requirements"]:
        lines.append(f"| {each} | {catalogue.get(each, '')} | {'yes' if each in claims else 'not yet'} |")
    lines += ["", "Evidence:", ""]
    for test in hazard["tests"]:
        file, _, name = test.partition("::")
        lines.append(f"- [`{name}`](../tests/{file})")
    lines += [f"- {ABOUT[table]}" for table in hazard["figures"]]
    return "\n".join(lines) + "\n"


def main() -> int:
    page, problems = rendered()
    for problem in problems:
        print(f"safety case: {problem}", file=sys.stderr)
    return write_or_check(PAGE, page) or int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
