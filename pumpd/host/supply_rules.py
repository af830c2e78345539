"""PWR-07, STA-13: which alarms the gateway's power supply raises, and when it prevents a start. Pure.

Promises:
- Minutes are never guessed from a percentage: a time is reported or declared, or it is unknown.
- An alarm stays until the supply is known to be better again.
- Nothing here stops a flow. When the gateway dies, the loss-of-control behaviour ends it (COM-13); the alarm warns.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from pumpd.pump import AlarmCode
from pumpd.texts import text

ENDING_S = 10 * 60  # PWR-07
SHORT_S = 30 * 60  # PWR-07
MARGIN_S = 5 * 60  # [P] an estimate that varies around a limit is one alarm, not many
START_S = 60 * 60  # STA-13 [P]

_BY_TIME = ((AlarmCode.SUPPLY_ENDING, ENDING_S), (AlarmCode.SUPPLY_SHORT, SHORT_S))
BATTERY_ALARMS = (AlarmCode.SUPPLY_ENDING, AlarmCode.SUPPLY_SHORT, AlarmCode.SUPPLY_ON_BATTERY)
ALARMS = (*BATTERY_ALARMS, AlarmCode.SUPPLY_UNDER_VOLTAGE, AlarmCode.SUPPLY_UNKNOWN)


class Source(StrEnum):
    MAINS = "mains"
    BATTERY = "battery"
    UNKNOWN = "unknown"  # there is or was a battery, and nothing reports what powers the gateway


@dataclass(frozen=True, slots=True)
class Supply:
    """`left_s`: how long the battery lasts at the present load; None when not known. It matters on battery only.

    `watched`: the batteries and sensors that were found, so that one that disappears is noticed.
    """

    source: Source
    left_s: int | None = None
    under_voltage: bool = False
    watched: frozenset[str] = frozenset()


def alarms(supply: Supply | None, before: Collection[AlarmCode]) -> frozenset[AlarmCode]:
    """The alarms now, given those `before`; `supply` is None where nothing can be monitored."""
    if supply is None:
        return frozenset()
    found = {AlarmCode.SUPPLY_UNDER_VOLTAGE} if supply.under_voltage else set()
    worst = next((code for code in BATTERY_ALARMS if code in before), None)
    if supply.source is Source.BATTERY:
        found.add(_of_battery(supply.left_s, worst))
    elif supply.source is Source.UNKNOWN:
        found.add(AlarmCode.SUPPLY_UNKNOWN)
        found |= {worst} if worst else set()
    return frozenset(found)


def _of_battery(left_s: int | None, before: AlarmCode | None) -> AlarmCode:
    if left_s is None:
        return before or AlarmCode.SUPPLY_ON_BATTERY
    for code, limit_s in _BY_TIME:
        already = before is not None and BATTERY_ALARMS.index(before) <= BATTERY_ALARMS.index(code)
        if left_s <= limit_s + (MARGIN_S if already else 0):
            return code
    return AlarmCode.SUPPLY_ON_BATTERY


def start_objections(supply: Supply | None) -> tuple[str, ...]:
    """Why nothing is started on this supply."""
    if supply is None:
        return ()
    reasons: list[str] = []
    if supply.under_voltage:
        reasons.append(text("supply.voltage", "its voltage is too low; replace the power supply or its cable"))
    if supply.source is Source.UNKNOWN:
        reasons.append(text("supply.source", "its source is not known; check its power supply"))
    elif supply.source is Source.BATTERY and supply.left_s is None:
        reasons.append(
            text("supply.battery", "it runs on its battery, and it is not known for how long; connect the mains")
        )
    elif supply.source is Source.BATTERY and supply.left_s is not None and supply.left_s < START_S:
        left, least = supply.left_s // 60, START_S // 60
        reasons.append(
            text(
                "supply.short",
                "its battery lasts {left} min, at least {least} min are needed; connect the mains",
                left=left,
                least=least,
            )
        )
    return tuple(
        text(
            "supply.why", "supply: the gateway's power is not good enough for a start (STA-13): {reason}", reason=reason
        )
        for reason in reasons
    )
