"""Modes and owners of every file, by the table in `pumpd/host/files.py`."""

from collections.abc import Iterator

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, line, not_checked, ok, problem, warning
from pumpd.host.file_check import DENIED


@line(
    "files.modes",
    "Files and their modes",
    when="others may read a secret or change what pumpd trusts (red), or a file has another owner or mode than it "
    "should have (yellow)",
    to_do="Run the command that is named. If a secret was open to others, make a new one.",
    outside=True,
)
def _modes(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    closed = [each for each in facts.deviations if each.problem == DENIED]
    found = [each for each in facts.deviations if each.problem != DENIED]
    for each in found:
        made = problem if each.grave else warning
        to_do = each.to_do[0].upper() + each.to_do[1:] if each.to_do[0] != "`" else f"Run {each.to_do}"
        yield made(f"{each.path}: {each.problem}", f"{to_do}.")
    if closed:
        more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        yield not_checked(f"{NEEDS_ROOT} for {closed[0].path}{more}")
    elif not found:
        yield ok("as intended")


GROUP = Group("Files", (_modes,))
