"""The versions, configuration and library under which a session runs, recorded when it begins (AUD-11).

An infusion that another build began is stopped and not resumed, and nothing is started within two hours of its end
(PWR-14): an update or a changed configuration takes effect when no patient is being infused or observed.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from pumpd.dosing import Library
from pumpd.dosing.history import Dose
from pumpd.dosing.observed import observed_until_ns
from pumpd.journal import JournalReader, Record
from pumpd.journal.records import canonical
from pumpd.pump import families
from pumpd.settings import Settings
from pumpd.texts import text

LOOK_BACK = 100  # infusions: more than eight pumps can begin in that time

Build = Mapping[str, object]


def build(settings: Settings, library: Library) -> Build:
    """Version of pumpd and of each driver that is used; digests of the settings and of the library."""
    used = {pump.driver for pump in settings.pumps}
    configured = canonical(settings.model_dump(mode="json"))
    return {
        "pumpd": _version("pumpd"),
        "drivers": {name: _driver_version(name) for name in sorted(used)},
        "settings": hashlib.sha256(configured.encode()).hexdigest(),
        "library": library.digest,
        "manifest": library.manifest.model_dump() if library.manifest else None,
    }


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


@cache
def _driver_version(family: str) -> str:
    point = families().get(family)
    return "not installed" if point is None or point.dist is None else f"{point.dist.name} {point.dist.version}"


def begun_under_another(reader: JournalReader, now: Build) -> frozenset[str]:
    """The sessions of the last infusions that began under another build than this. Raises JournalError."""
    return frozenset(entry.session for entry in reader.last(LOOK_BACK, "began") if _build_of(entry) != now)


def _build_of(entry: Record) -> object:
    try:
        return entry.fields.get("build")
    except (ValueError, AttributeError):
        return None


def objections(doses: Collection[Dose], now: datetime, since_ns: int) -> list[str]:
    """Why nothing is started yet: a patient who was infused under another build is still observed (PWR-14).

    `doses` are those that another build began. `since_ns`: when this process began, by when they had ended.
    """
    now_ns = int(now.timestamp() * 1e9)
    until_ns = observed_until_ns(doses, now_ns, since_ns)
    if now_ns >= until_ns:
        return []
    until = datetime.fromtimestamp(until_ns / 1e9, UTC).isoformat(timespec="minutes")
    why = text(
        "gateway.build_changed",
        "pumpd, its configuration or its library has changed since an infusion that is still being observed",
    )
    return [
        text(
            "gateway.nothing_started",
            "gateway: {why}; nothing is started until {until}, unless the previous one is installed again",
            why=why,
            until=until,
        )
    ]
