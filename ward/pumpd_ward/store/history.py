"""What was: one bed's trend, alarms with response times, entries by time and gateway, the health of the gateways.

An alarm or an entry cannot be later than the ward stored it. If its gateway's clock says so, that clock is ahead: it
counts at the time at which it was stored, so that it is not missing in the days that a person looks at, and `ahead_s`
says by how much. A clock that is behind cannot be told from a message that came late.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

Store = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

POINTS = 1000  # of a trend, at most about
MOST = 500  # entries and alarms in one answer
_MINUTES = timedelta(hours=16)  # up to here the trend is by the minute


@dataclass(frozen=True, slots=True)
class Span:
    begin: datetime
    end: datetime


_TREND = """
SELECT date_bin(make_interval(secs => $6), at, '2000-01-01Z') AS at, sum(rate_sum) / nullif(sum(readings), 0) AS rate,
       min(rate_min) AS rate_min, max(rate_max) AS rate_max, max(infused_ml) AS infused_ml,
       max(pressure_max) AS pressure_max
FROM trend WHERE gateway = $1 AND pump = $2 AND step_s = $3 AND at >= $4 AND at < $5
GROUP BY 1 ORDER BY 1
"""


async def trend(store: Store, gateway: str, pump: str, span: Span) -> dict[str, Any]:
    """Columns of numbers. Each point is a minute, an hour or some hours, so that a year is not more than a day."""
    stored_s = 60 if span.end - span.begin <= _MINUTES else 3600
    wide_s = (span.end - span.begin).total_seconds() / POINTS
    step_s = stored_s * max(1, round(wide_s / stored_s))
    found = await store.fetch(_TREND, gateway, pump, stored_s, span.begin, span.end, step_s)
    return {
        "step_s": step_s,
        "at": [each["at"].timestamp() for each in found],
        **{
            name: [each[name] for each in found]
            for name in ("rate", "rate_min", "rate_max", "infused_ml", "pressure_max")
        },
    }


def _within(time: str, stored: str = "stored_at") -> str:
    """That something falls into the span $1 to $2. Each part has an index."""
    return (
        f"({time} >= $1 AND {time} < $2 AND {time} <= {stored}"
        f" OR {time} > {stored} AND {stored} >= $1 AND {stored} < $2)"
    )


def _ahead(time: str) -> str:
    return f"extract(epoch FROM nullif(greatest({time} - stored_at, interval '0'), interval '0'))::float8 AS ahead_s"


_ALARMS = f"""
SELECT gateway, pump, code, priority, cause, session, raised_at, escalated_at, acknowledged_at, cleared_at,
       extract(epoch FROM acknowledged_at - raised_at)::float8 AS acknowledged_s,
       extract(epoch FROM cleared_at - raised_at)::float8 AS cleared_s, {_ahead("raised_at")}
FROM alarm
WHERE {_within("raised_at")} AND ($3::text IS NULL OR gateway = $3) AND ($4::text IS NULL OR priority = $4)
ORDER BY least(raised_at, stored_at) DESC LIMIT $5
"""  # noqa: S608 - put together from constants of this module; values are always parameters

# Alarms that no one acknowledged have no response time; they are counted, so that the others do not hide them.
_RESPONSES = f"""
SELECT priority, count(*) AS alarms, count(acknowledged_at) AS acknowledged,
       percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY extract(epoch FROM acknowledged_at - raised_at))
           AS seconds
FROM alarm
WHERE {_within("raised_at")} AND ($3::text IS NULL OR gateway = $3)
GROUP BY priority
"""  # noqa: S608 - put together from constants of this module; values are always parameters


async def alarms(store: Store, span: Span, gateway: str | None, priority: str | None) -> dict[str, Any]:
    found = await store.fetch(_ALARMS, span.begin, span.end, gateway, priority, MOST)
    responses = await store.fetch(_RESPONSES, span.begin, span.end, gateway)
    return {
        "alarms": [_plain(each) for each in found],
        "more": len(found) == MOST,
        "responses": {
            each["priority"]: {
                "alarms": each["alarms"],
                "acknowledged": each["acknowledged"],
                "median_s": each["seconds"][0] if each["seconds"] else None,
                "ninety_percent_s": each["seconds"][1] if each["seconds"] else None,
            }
            for each in responses
        },
    }


_ENTRIES = f"""
SELECT gateway, boot, seq, ts, pump, session, kind, body, {_ahead("ts")} FROM entry
WHERE {_within("ts")} AND ($3::text IS NULL OR gateway = $3) AND ($4::text IS NULL OR pump = $4)
  AND ($5::text IS NULL OR kind = $5)
ORDER BY least(ts, stored_at) DESC, seq DESC LIMIT $6
"""  # noqa: S608 - put together from constants of this module; values are always parameters


async def entries(store: Store, span: Span, gateway: str | None, pump: str | None, kind: str | None) -> dict[str, Any]:
    found = await store.fetch(_ENTRIES, span.begin, span.end, gateway, pump, kind, MOST)
    return {
        "entries": [_plain(each) | {"body": json.loads(each["body"])} for each in found],
        "more": len(found) == MOST,
    }


_FLEET = """
SELECT name AS gateway, seen_at, status, status_at, ahead_s, now() AS now,
       (SELECT coalesce(sum(last - first + 1), 0)::bigint FROM gap WHERE gap.gateway = name AND filled_at IS NULL)
           AS missing,
       name IN (SELECT gateway FROM used_twice) AS twice
FROM gateway ORDER BY name
"""


async def fleet(store: Store, silent_s: int) -> dict[str, Any]:
    found = await store.fetch(_FLEET)
    return {
        "gateways": [
            {
                "gateway": each["gateway"],
                "silent": (each["now"] - each["seen_at"]).total_seconds() > silent_s,
                "age_s": round((each["now"] - each["seen_at"]).total_seconds(), 1),
                "ahead_s": each["ahead_s"],
                "missing": each["missing"],
                "twice": each["twice"],
                "status": json.loads(each["status"]) if each["status"] else {},
            }
            for each in found
        ],
        "refused": await store.fetchval("SELECT count(*) FROM refused"),
    }


_INFUSIONS = f"""
SELECT ended.gateway, ended.pump, ended.session, ended.ts AS ended_at,
       (SELECT min(ts) FROM entry WHERE entry.gateway = ended.gateway AND entry.session = ended.session
          AND entry.kind = 'state_changed' AND entry.body ->> 'to' = 'running') AS started_at,
       (SELECT (body ->> 'vtbi_ml')::float8 FROM entry WHERE entry.gateway = ended.gateway
          AND entry.session = ended.session AND entry.kind = 'program_loaded' AND entry.body ? 'vtbi_ml'
        ORDER BY ts LIMIT 1) AS programmed_ml,
       ended.body ->> 'outcome' AS outcome, ended.body ->> 'stopped_by' AS stopped_by,
       (ended.body ->> 'delivered_ml')::float8 AS delivered_ml,
       (ended.body ->> 'undelivered_ml')::float8 AS undelivered_ml,
       (ended.body ->> 'running_s')::float8 AS running_s
FROM entry AS ended
WHERE ended.kind = 'infusion_ended' AND {_within("ended.ts", "ended.stored_at")}
  AND ($3::text IS NULL OR ended.gateway = $3)
ORDER BY ended.ts
"""  # noqa: S608 - put together from constants of this module; values are always parameters


async def infusions(store: Store, span: Span, gateway: str | None) -> Sequence[dict[str, Any]]:
    return [dict(each) for each in await store.fetch(_INFUSIONS, span.begin, span.end, gateway)]


async def all_alarms(store: Store, span: Span, gateway: str | None) -> Sequence[dict[str, Any]]:
    found = await store.fetch(_ALARMS.replace("DESC LIMIT $5", "LIMIT $5"), span.begin, span.end, gateway, None, None)
    return [dict(each) for each in found]


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
