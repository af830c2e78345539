"""Print every line of `pumpd doctor` into docs/reference/doctor.md; `--check` compares it."""

import sys

from pumpd.doctor.examination import GROUPS
from tools.printed import ROOT, write_or_check

PAGE = ROOT / "docs" / "reference" / "doctor.md"

HEAD = """# What `pumpd doctor` checks

Each line that can be yellow or red, and what to do then. Printed from the checks in `pumpd/doctor/` by
`tools/doctor_page.py`. How to use the command: [check a gateway](../how-to/doctor.md). pumpd is not a cleared medical
device: it is for simulation, research and integration only.

A line is **red** (`problem`) where a real pump may not be started or watched, or something is lost; **yellow**
(`warning`) where something should be done soon. On a machine with simulated pumps only, most red lines are yellow.
What this user may not see is `not_checked`: neither.
"""


def page() -> str:
    parts = [HEAD]
    for group in GROUPS:
        parts += [f"\n## {group.title}\n\n", "| line | wrong when | what to do |\n|---|---|---|\n"]
        parts += [f"| {one.title}<br>`{one.id}` | {_cell(one.when)} | {_cell(one.to_do)} |\n" for one in group.lines]
    return "".join(parts)


def _cell(text: str) -> str:
    return (text[0].upper() + text[1:]).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))
