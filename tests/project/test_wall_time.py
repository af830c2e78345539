"""Intervals use monotonic time only: which modules read the wall clock at all, and why (STA-11, WIN-07)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = [ROOT / "pumpd", *(ROOT / "drivers").glob("pumpd_drivers*")]

# Every module that may read the wall clock, and why. Only one of them takes an interval from it.
READS_IT = {
    "pumpd/bedside/bench.py": "timestamps in the engineer's panel",
    "pumpd/bedside/certificates.py": "validity of a certificate",
    "pumpd/cli/doctor.py": "compares it with the RTC, with the ends of certificates and with the date of the package",
    "pumpd/cli/journal.py": "retention, in days",
    "pumpd/cli/backup.py": "when a backup was made or restored",
    "pumpd/cli/decommission.py": "the hours since the last infusion; when it was",
    "pumpd/update/debian.py": "the hours since the last infusion; when an update ended",
    "pumpd/update/may.py": "the hours since the last infusion (PWR-14)",
    "pumpd/control/alarms/service.py": "shows when an alarm was raised",
    "pumpd/host/clock.py": "it is the clock",
    "pumpd/cli/course.py": "days of a course",
    "pumpd/control/certificate.py": "how long the certificate lasts, by the calendar",
    "pumpd/control/plasma.py": "earlier doses, by the calendar; an estimate only",
    "pumpd/control/ordering/patient_history.py": "shows the dose history, by the calendar",
    "pumpd/control/ordering/planning.py": "dose history, by the calendar (PRG-14, PRG-17, PRG-18, PRG-25)",
    "pumpd/control/ordering/service.py": "shows when an infusion was ordered (PRG-26)",
    "pumpd/control/infusions/recovery.py": "how long the machine was off: its monotonic clock does not know",
    "pumpd/control/infusions/pump_clock.py": "compares it with a pump's clock (STA-11)",
    "pumpd/control/self_test/service.py": "shows when the self-test ran",
    "pumpd/control/retention.py": "retention, in days",
    "pumpd/journal/backlog.py": "timestamps of journal entries",
    "pumpd/journal/store.py": "timestamps of journal entries",
    "pumpd/logs.py": "timestamps of log lines",
    "pumpd/telemetry/service.py": "timestamps of messages",
    "pumpd/telemetry/retaining.py": "how old the readings behind a state are that is retained",
    "pumpd/telemetry/fleet/health.py": "timestamps of messages",
    "pumpd/vitals/service.py": "compares it with the time in a monitor's message, which never makes a value younger",
    "pumpd/wire/deadman.py": "timestamps of log lines",
}
INTERVALS = {
    "pumpd/control/infusions/recovery.py",  # after a reboot there is no other clock; a negative one is the worst case
    "pumpd/control/certificate.py",  # days that a certificate lasts; nothing but a notice depends on them
}

_WALL = {"now", "utcnow", "today", "time", "time_ns", "localtime"}
_WALL_CLOCKS = {"CLOCK_REALTIME", "CLOCK_TAI"}


def _owner(call: ast.Call) -> str:
    """In `self._clock.now()`: "clock"; in `datetime.now(UTC)`: "datetime"."""
    assert isinstance(call.func, ast.Attribute)
    value = call.func.value
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    return name.lstrip("_")


def reads_wall(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _WALL_CLOCKS
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner, what = _owner(node), node.func.attr
    if what in ("time", "time_ns", "localtime"):
        return owner == "time"  # a loop's time() is monotonic
    return what in _WALL and (owner in ("datetime", "date") or owner.endswith("clock") or owner == "self")


def takes_an_interval(node: ast.AST) -> bool:
    """A difference of wall times; `utcoffset` is none."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
        return False
    left, right = (any(reads_wall(each) for each in ast.walk(side)) for side in (node.left, node.right))
    duration = isinstance(node.right, ast.Call) and ast.unparse(node.right.func).split(".")[-1] == "timedelta"
    return right or (left and not duration)


def imports_time(node: ast.AST) -> bool:
    """`from time import time` would hide from these checks."""
    return isinstance(node, ast.ImportFrom) and node.module == "time"


def found(test) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for source in SOURCES
        for path in sorted(source.rglob("*.py"))
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if test(node)
    }


@pytest.mark.requirement("STA-11", "WIN-07")
def test_no_other_module_reads_the_wall_clock():
    assert found(reads_wall) == set(READS_IT)
    assert found(imports_time) == set()


@pytest.mark.requirement("STA-11", "WIN-07")
def test_no_interval_is_taken_from_the_wall_clock():
    # `clock.py` subtracts the monotonic clock from the wall clock to detect a step.
    assert found(takes_an_interval) == INTERVALS | {"pumpd/host/clock.py"}


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("left = datetime.now(UTC) - began", True),
        ("left = self._clock.now() - began", True),
        ("left = end - time.time()", True),
        ("ns = time.clock_gettime_ns(time.CLOCK_REALTIME) - then", True),
        ("shown = self._clock.now() - timedelta(seconds=1)", False),
        ("left = end - time.monotonic()", False),
        ("left = end - loop.time()", False),
        ("left = self._now() - began_ns", False),
    ],
)
def test_an_interval_of_wall_time_is_recognised(code, seen):
    assert any(takes_an_interval(node) for node in ast.walk(ast.parse(code))) is seen
