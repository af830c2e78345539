"""The whole examination, in the order in which it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from pumpd.doctor import (
    brokers,
    clock,
    configuration,
    control,
    disk,
    files,
    journal,
    local_signals,
    ports,
    power,
    serial_ports,
    tablets,
    units,
    versions,
)
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Check, State, as_json

GROUPS = (
    control.GROUP,
    configuration.GROUP,
    units.GROUP,
    ports.GROUP,
    clock.GROUP,
    serial_ports.GROUP,
    power.POWER,
    disk.GROUP,
    journal.GROUP,
    files.GROUP,
    power.MEMORY,
    local_signals.GROUP,
    tablets.GROUP,
    brokers.GROUP,
    versions.GROUP,
)


def examine(facts: Facts) -> list[Check]:
    return [check for group in GROUPS for check in group.checks(facts)]


def counts(checks: Sequence[Check]) -> Mapping[State, int]:
    return {state: sum(check.state is state for check in checks) for state in State}


def report(facts: Facts, checks: Sequence[Check]) -> dict[str, Any]:
    """The examination as JSON data."""
    found = counts(checks)
    return {
        "gateway": None if facts.settings is None else facts.settings.gateway,
        "ts": facts.now.isoformat(timespec="seconds"),
        "root": facts.machine.is_root,
        "ok": found[State.PROBLEM] == 0,
        "problems": found[State.PROBLEM],
        "warnings": found[State.WARNING],
        "not_checked": found[State.NOT_CHECKED],
        "versions": versions.versions(facts),
        "checks": [as_json(check) for check in checks],
    }
