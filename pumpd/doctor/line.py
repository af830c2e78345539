"""A line of the doctor's page: what it is about, when it is red, what to do then, and the function that checks it.

docs/reference/doctor.md is printed from the lines, so the page and the command say the same.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pumpd.doctor.facts import Facts

WITHIN_S = 10.0  # longer than the slowest check takes on a good machine; a disk that hangs must not hang the doctor
NEEDS_ROOT = "needs root"


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check showed. `of`: which one, where a line is about several things. `to_do`: better advice than the
    line's own, where the finding allows it.
    """

    state: State
    found: str
    to_do: str = ""
    of: str = ""


def ok(found: str, *, of: str = "") -> Finding:
    return Finding(State.OK, found, of=of)


def warning(found: str, to_do: str = "", *, of: str = "") -> Finding:
    return Finding(State.WARNING, found, to_do, of)


def problem(found: str, to_do: str = "", *, of: str = "") -> Finding:
    return Finding(State.PROBLEM, found, to_do, of)


def not_checked(why: str, *, of: str = "") -> Finding:
    return Finding(State.NOT_CHECKED, why, of=of)


def bad(facts: Facts, found: str, to_do: str = "", *, of: str = "") -> Finding:
    """A problem where a pump is real; on a machine with simulated pumps only, a warning."""
    return Finding(State.PROBLEM if facts.real else State.WARNING, found, to_do, of)


def missing(facts: Facts, found: str, to_do: str = "") -> Finding:
    """Something that a gateway should have: a warning where a pump is real; on any other machine it does not matter."""
    return warning(found, to_do) if facts.real else not_checked(found)


Look = Callable[[Facts], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A finding as it is shown and printed as JSON."""

    id: str
    title: str
    state: State
    found: str
    what_to_do: str
    of: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`when`: in which cases the line is yellow or red. `to_do`: what to do then.

    `outside`: what it finds may hold text from outside, which no bundle for support contains.
    """

    id: str
    title: str
    when: str
    to_do: str
    look: Look
    outside: bool = False

    def checks(self, facts: Facts, within_s: float = WITHIN_S) -> list[Check]:
        return [self._check(each) for each in _looked(self.look, facts, within_s)]

    def _check(self, finding: Finding) -> Check:
        wrong = finding.state in (State.WARNING, State.PROBLEM)
        to_do = (finding.to_do or self.to_do) if wrong else ""
        return Check(self.id, self.title, finding.state, finding.found, to_do, finding.of)


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    lines: tuple[Line, ...]

    def checks(self, facts: Facts) -> list[Check]:
        return [replace(each, group=self.title) for line in self.lines for each in line.checks(facts)]


def line(id_: str, title: str, *, when: str, to_do: str, outside: bool = False) -> Callable[[Look], Line]:
    """Make a line of the function that checks it."""
    return lambda look: Line(id_, title, when, to_do, look, outside)


def _looked(look: Look, facts: Facts, within_s: float) -> list[Finding]:
    """The findings, on a thread of their own: a disk or a bus that does not answer holds up one line only."""
    found: list[Finding] = []
    thread = threading.Thread(target=_collect, args=(look, facts, found), daemon=True)
    thread.start()
    thread.join(within_s)
    if thread.is_alive():
        return [*found, problem(f"no answer within {within_s:g} s", "Find out what hangs: `dmesg | tail`.")]
    return list(found)


def _collect(look: Look, facts: Facts, found: list[Finding]) -> None:
    try:
        found.extend(_each(look, facts))
    except Exception as error:  # noqa: BLE001  # a defect in a check proves nothing about what it checks
        found.append(not_checked(f"pumpd failed: {error!r}"))


def _each(look: Look, facts: Facts) -> Iterator[Finding]:
    try:
        yield from look(facts)
    except PermissionError as error:
        yield not_checked(f"{NEEDS_ROOT}{f' for {error.filename}' if error.filename else ''}")


def as_json(check: Check) -> dict[str, Any]:
    return {
        "group": check.group,
        "id": check.id,
        "of": check.of,
        "title": check.title,
        "state": check.state.value,
        "found": check.found,
        "what_to_do": check.what_to_do,
    }
