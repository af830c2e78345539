"""Which package may replace the installed one, and when the new one is healthy. Pure.

Promises:
- Only a package that a trusted key signed, for this machine and its Debian, and newer than the installed one.
- Healthy means at least as good as before: every process that ran runs and was not restarted, control gives its state,
  its journal works, and no pump that answered has stopped answering.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pumpd.host.units import CONTROL

NAME = "pumpd"

_DEBIAN = re.compile(r"\+deb(\d+)")


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package by the fields of its control file."""

    name: str
    version: str
    architecture: str

    @property
    def debian(self) -> str:
        """The Debian for which its version says that it was built, such as 12; empty when it does not say."""
        found = _DEBIAN.search(self.version)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def objections(offered: Package, installed: Package, debian: str, *, newer: bool) -> list[str]:
    """Why this package may not replace the installed one. `newer`: by dpkg's own comparison of the two versions."""
    reasons = []
    if offered.name != NAME:
        reasons.append(f"package: it is {offered.name}, not {NAME}")
    if offered.architecture != installed.architecture:
        reasons.append(f"package: it is for {offered.architecture}, this gateway is {installed.architecture}")
    if offered.debian != debian:
        built = f"Debian {offered.debian}" if offered.debian else "no Debian that its version names"
        reasons.append(f"package: it is for {built}, this gateway has Debian {debian or 'of an unknown version'}")
    if offered.version == installed.version:
        reasons.append(f"package: {installed.version} is installed already")
    elif not newer:
        reasons.append(
            f"package: {offered.version} is older than the installed {installed.version}; an older version may not be "
            "able to read the journal. If the installed one is faulty, install a newer one"
        )
    return reasons


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of systemd. `restarts`: how often it was restarted automatically since it was started."""

    active: bool
    restarts: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What runs on the gateway. `status`: control's state, None without an answer. `bedside`: whether it answers."""

    units: Mapping[str, Unit]
    status: Mapping[str, Any] | None
    bedside: bool


def unhealthy(before: Seen, now: Seen) -> list[str]:
    """What is worse than before the update; empty when the new version is healthy."""
    try:
        return [*_units(before, now), *_control(before, now)]
    except (KeyError, TypeError) as error:
        return [f"control's state is not understood: {error!r}"]


def _units(before: Seen, now: Seen) -> Iterator[str]:
    for name, unit in now.units.items():
        if not before.units[name].active:
            continue
        if not unit.active:
            yield f"{name} does not run"
        elif unit.restarts:
            yield f"{name} died and was restarted {unit.restarts} times"
    if before.bedside and not now.bedside:
        yield "bedside does not answer over HTTPS"


def _control(before: Seen, now: Seen) -> Iterator[str]:
    if not before.units[CONTROL].active or before.status is None:
        return  # it did not run either
    if now.status is None:
        yield "control does not give its state"
        return
    journal = str(now.status.get("journal"))
    if before.status.get("journal") == "ok" and journal != "ok":
        yield f"control cannot use the journal: {journal}"
    if lost := sorted(_answering(before.status) - _answering(now.status)):
        yield f"control does not reach {', '.join(lost)}"


def _answering(status: Mapping[str, Any]) -> set[str]:
    return {pump["pump"] for pump in status["pumps"] if not pump["problem"] and pump["links"]["pump"] == "ok"}
