"""All beds at a glance: what is true of each pump and gateway now, the most urgent first."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import asyncpg

PRIORITIES = ("high", "medium", "low")
LONGEST_S = 10 * 365 * 86_400.0  # no rate that a pump holds takes longer
OLD_S = 15  # a reading that is older is no longer live
SHOWN = ("rate_ml_h", "volume_infused_ml", "volume_remaining_ml", "pressure_mmhg", "battery_percent", "pump_state")

_GATEWAYS = """
SELECT name, seen_at, coalesce(ahead_s, 0) AS ahead_s, now() AS now,
       name IN (SELECT gateway FROM used_twice) AS twice
FROM gateway ORDER BY name
"""

_BEDS = """
SELECT gateway, pump, simulated, state, state_at, session, reading, reading_at, reading_seen_at, now() AS now
FROM bed ORDER BY gateway, pump
"""

# An alarm is open until it is cleared; those of a journal that was replaced are nobody's any more. Of two machines with
# one name, the alarms of both are open: the same code may be there twice.
_ALARMS = """
SELECT DISTINCT ON (gateway, journal, pump, code) gateway, pump, code, priority, cause, action, raised_at, escalated_at,
       acknowledged_at
FROM alarm
WHERE cleared_at IS NULL AND journal IN (SELECT rank FROM current_journal)
ORDER BY gateway, journal, pump, code, seq DESC
"""


async def board(store: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, silent_s: int) -> dict[str, Any]:
    """Beds and gateways, the most urgent first: silent ones or one name twice, then alarms by priority, then names."""
    async with store.transaction(isolation="repeatable_read", readonly=True):
        gateways = {each["name"]: each for each in await store.fetch(_GATEWAYS)}
        beds = await store.fetch(_BEDS)
        alarms: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for each in await store.fetch(_ALARMS):
            alarms[each["gateway"], each["pump"]].append(_alarm(each))
    shown = [_bed(each, gateways[each["gateway"]], alarms[each["gateway"], each["pump"]], silent_s) for each in beds]
    now = next((each["now"] for each in gateways.values()), None)
    return {
        "now": now.isoformat() if now else None,
        "beds": sorted(shown, key=_urgency),
        "gateways": sorted(
            (_gateway(each, alarms[name, ""], silent_s) for name, each in gateways.items()), key=_urgency
        ),
    }


def _gateway(row: asyncpg.Record, alarms: list[dict[str, Any]], silent_s: int) -> dict[str, Any]:
    silent_for_s = (row["now"] - row["seen_at"]).total_seconds()
    return {
        "gateway": row["name"],
        "pump": "",
        "silent": silent_for_s > silent_s,
        "twice": row["twice"],
        "age_s": round(silent_for_s, 1),
        "alarms": _sorted(alarms),
    }


def _bed(row: asyncpg.Record, gateway: asyncpg.Record, alarms: list[dict[str, Any]], silent_s: int) -> dict[str, Any]:
    reading = json.loads(row["reading"]) if row["reading"] else {}
    age_s = _age_s(row["now"], row["reading_at"], row["reading_seen_at"], gateway["ahead_s"])
    found = {
        "gateway": row["gateway"],
        "pump": row["pump"],
        "simulated": row["simulated"],
        "state": row["state"],
        "state_at": row["state_at"].isoformat() if row["state_at"] else None,
        "session": row["session"],
        "silent": (row["now"] - gateway["seen_at"]).total_seconds() > silent_s,
        "twice": gateway["twice"],
        "age_s": age_s,
        "old": age_s is None or age_s > OLD_S,
        "alarms": _sorted(alarms),
        **{name: reading.get(name) for name in SHOWN},
    }
    return {**found, "remaining_s": _remaining_s(found)}


def _age_s(now: datetime, at: datetime | None, seen_at: datetime | None, ahead_s: float) -> float | None:
    """The older of two: since the stream had it, and since the gateway took it, by a clock that may be off."""
    if at is None or seen_at is None:
        return None
    return round(max(0.0, (now - seen_at).total_seconds(), (now - at).total_seconds() + ahead_s), 1)


def _remaining_s(bed: Mapping[str, Any]) -> int | None:
    """At the present rate, while it runs. A later step of the program may be faster or slower."""
    left, rate = bed["volume_remaining_ml"], bed["rate_ml_h"]
    if bed["state"] != "running" or not left or not rate:
        return None
    seconds = float(left) / float(rate) * 3600
    return round(seconds) if seconds < LONGEST_S else None


def _alarm(row: asyncpg.Record) -> dict[str, Any]:
    times = ("raised_at", "escalated_at", "acknowledged_at")
    texts = ("code", "priority", "cause", "action")
    return {name: row[name] for name in texts} | {name: row[name].isoformat() if row[name] else None for name in times}


def _rank(priority: str) -> int:
    return PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)


def _sorted(alarms: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(alarms, key=lambda each: (_rank(each["priority"]), each["raised_at"]))


def _urgency(shown: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    most = min((_rank(each["priority"]) for each in shown["alarms"]), default=len(PRIORITIES) + 1)
    return (not (shown["silent"] or shown["twice"]), most, shown["gateway"], shown["pump"])
