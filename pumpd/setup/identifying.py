"""Which pump is at a port: asked by each family's own `identify`, which makes no pump flow.

Promises:
- Only `identify` is called, never a method that loads, starts or stops. No family's identify makes a pump of any family
  flow (tests/setup/test_identifying.py tries each with each).
- Only families that a person named are tried: what an unknown device does with foreign bytes, nobody knows.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pumpd.pump import Done, DriverFamily, Mark, Refused, Unknown, family

WITHIN_S = 20.0  # for one attempt; a slow family asks several questions at 300 baud
ADDRESSES = range(1, 4)  # tried besides the one of a new pump, where the family has addresses


@dataclass(frozen=True, slots=True)
class Found:
    """The pump that answered, and with which settings. `serial` is empty where the family reports none."""

    port: str
    driver: str
    model: str
    serial: str
    firmware: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What one port answered. Without a pump, `why` says for each attempt what happened."""

    port: str
    found: Found | None = None
    why: Sequence[str] = field(default_factory=tuple)


async def identified(port: str, drivers: Sequence[str], settings: Mapping[str, Any] | None = None) -> Asked:
    """Ask at a port as each of these families, until one identifies a pump. Raises UnknownFamilyError.

    `settings`: the driver's settings to use; without them those of a new pump, and then a few addresses.
    """
    why = []
    for driver in drivers:
        for each in [dict(settings)] if settings is not None else _attempts(family(driver)):
            found, reason = await _attempt(port, driver, each)
            if found is not None:
                return Asked(port, found)
            why.append(f"{_named(driver, each)}: {reason}")
            if reason.startswith("not opened"):
                return Asked(port, why=why)
    return Asked(port, why=why)


def _attempts(loaded: type[DriverFamily]) -> Iterator[dict[str, Any]]:
    usual = dict(getattr(loaded, "bench_settings", {}))  # they suit a pump of which nothing is known yet
    yield usual
    if Mark.ADDRESS in loaded.marks:
        yield from ({**usual, "address": address} for address in ADDRESSES)


async def _attempt(port: str, driver: str, settings: Mapping[str, Any]) -> tuple[Found | None, str]:
    loaded = family(driver)
    try:
        loaded.check_settings(settings)
    except ValueError as error:
        return None, str(error)
    try:
        opened = await loaded.connect(port, settings)
    except PermissionError:
        return None, "not opened: this user may not; use sudo"
    except OSError as error:
        return None, f"not opened: {error}"
    try:
        async with asyncio.timeout(WITHIN_S):
            outcome = await opened.identify()
    except TimeoutError:
        return None, f"no answer within {WITHIN_S:g} s"
    finally:
        await opened.close()
    match outcome:
        case Done(value=identity):
            usual = getattr(loaded, "bench_settings", {})
            own = {key: value for key, value in settings.items() if key not in usual}
            return Found(port, driver, identity.model, identity.serial or "", identity.firmware, own), ""
        case Refused(reasons=reasons):
            return None, "; ".join(reasons)
        case Unknown(cause=cause):
            return None, cause


def _named(driver: str, settings: Mapping[str, Any]) -> str:
    return driver if "address" not in settings else f"{driver}, address {settings['address']}"
