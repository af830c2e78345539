"""Writes what gateways sent into the store, many messages in one transaction.

Promises:
- A message counts once, however often and in whatever order it comes: an entry is known by gateway, boot and number,
  and a range of numbers that has arrived is not taken again.
- Two machines that send as one gateway lose nothing: each has a branch of the journal, and its own alarms.
- What is shown as true now never goes back to an older entry.
- All or nothing: after an error nothing of these messages is stored.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import asyncpg

from pumpd_ward.messages import Batch, Entry, Status
from pumpd_ward.store import sql
from pumpd_ward.store.branches import Branch, belongs, origin, runs
from pumpd_ward.store.keeping import NOT_KEPT, Kept, worth_keeping
from pumpd_ward.store.partitions import Partitions

MOST_REFUSED = 100  # messages of one subject
CHANNEL = "ward"  # on which the board hears that something has changed
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message, and when the stream stored it."""

    message: Batch | Status
    at: datetime


@dataclass(frozen=True, slots=True)
class _Taken:
    entry: Entry
    gateway: str
    journal: int
    at: datetime


async def write(connection: Connection, arrived: Sequence[Arrived], partitions: Partitions) -> None:
    """Raises asyncpg.PostgresError, and asyncpg.DataError for content that the store cannot hold."""
    seen: dict[str, datetime] = {}
    for each in arrived:
        seen[each.message.gateway] = max(each.at, seen.get(each.message.gateway, each.at))
    batches = [(each.message, each.at) for each in arrived if isinstance(each.message, Batch)]
    await partitions.cover(connection, (entry.ts for batch, _ in batches for entry in batch.entries))
    async with connection.transaction():
        names = sorted(seen)  # every worker locks gateways in this order
        await connection.execute(sql.GATEWAYS, names, [seen[name] for name in names])
        await _write_status(connection, arrived)
        taken = await _new(connection, batches)
        others = [each for each in taken if each.entry.kind not in NOT_KEPT and each.entry.kind != "reading"]
        await _write_entries(connection, others)
        await _write_readings(connection, [each for each in taken if each.entry.kind == "reading" and each.entry.pump])
        await _write_states(connection, taken)
        await connection.execute(sql.ALARM_ENDS, names)
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, json.dumps(names)[:7000])


async def refuse(connection: Connection, subject: str, why: str, payload: bytes) -> None:
    """Keep a message that cannot be understood, for a person: the newest of each subject, so that no gateway fills the
    store with them.
    """
    subject, why = (each.replace("\0", " ") for each in (subject[:200], why[:1000]))
    await connection.execute(sql.REFUSED, subject, why, payload[:65536])
    await connection.execute(sql.REFUSED_LONG_AGO, subject, MOST_REFUSED)


async def _write_status(connection: Connection, arrived: Iterable[Arrived]) -> None:
    for each in arrived:
        if isinstance(each.message, Status):
            body = each.message.model_dump(mode="json", by_alias=True)
            ahead_s = (each.message.ts - each.at).total_seconds()
            await connection.execute(sql.STATUS, each.message.gateway, json.dumps(body), each.at, ahead_s)
            if each.message.machine:
                await connection.execute(sql.MACHINE, each.message.gateway, each.message.machine, each.at)


async def _new(connection: Connection, batches: Sequence[tuple[Batch, datetime]]) -> list[_Taken]:
    """The entries of the batches that have not arrived yet, by gateway, journal and number."""
    if not batches:
        return []
    ranks = await _ranks(connection, batches)
    numbers = [batch.after for batch, _ in batches], [batch.last for batch, _ in batches]
    known = await connection.fetch(sql.ARRIVED, ranks, *numbers)
    taken = [
        _Taken(entry, batch.gateway, ranks[known_one["place"] - 1], at)
        for known_one in known
        if not known_one["arrived"]
        for batch, at in [batches[known_one["place"] - 1]]
        for entry in batch.entries
    ]
    await connection.execute(
        sql.COVERED, ranks, *numbers, [batch.hash for batch, _ in batches], [at for _, at in batches]
    )
    return sorted(taken, key=lambda each: (each.gateway, each.journal, each.entry.seq))


async def _ranks(connection: Connection, batches: Sequence[tuple[Batch, datetime]]) -> list[int]:
    """The journal, or the branch of it, of each batch. The gateways' rows are locked: no other worker does this now."""
    branches: dict[tuple[str, str], dict[int, Branch]] = defaultdict(dict)
    lowest: dict[str, int] = {}
    for batch, _ in batches:
        lowest[batch.gateway] = min(batch.after, lowest.get(batch.gateway, batch.after))
    for row in await connection.fetch(sql.BRANCHES, list(lowest), list(lowest.values())):
        of = branches[row["gateway"], row["name"]]
        branch = of.setdefault(row["rank"], Branch(row["rank"], row["branch"], row["newest"]))
        if row["run"] is not None:
            branch.runs[row["run"]] = row["first"], row["last"]
    found: dict[int, int] = {}
    written: dict[tuple[int, str], tuple[int, int]] = {}
    for place in sorted(range(len(batches)), key=lambda place: batches[place][0].last):
        batch, at = batches[place]
        of = branches[batch.gateway, batch.journal]
        branch_of = belongs(batch, of.values())
        if branch_of is None:
            number = max((each.number for each in of.values()), default=-1) + 1
            comes_from = origin(batch, of.values())
            rank = await connection.fetchval(sql.NEW_BRANCH, batch.gateway, batch.journal, number, *comes_from, at)
            branch_of = of[rank] = Branch(rank, number, 0)
        branch_of.add(batch)
        written.update({(branch_of.rank, name): branch_of.runs[name] for name in runs(batch)})
        found[place] = branch_of.rank
    await connection.execute(
        sql.BOOTS,
        *([rank for rank, _ in written], [name for _, name in written]),
        *([first for first, _ in written.values()], [last for _, last in written.values()]),
    )
    return [found[place] for place in range(len(batches))]


async def _write_entries(connection: Connection, taken: Sequence[_Taken]) -> None:
    if taken:
        await connection.execute(
            sql.ENTRIES,
            *_columns(taken),
            [each.journal for each in taken],
            [each.entry.kind for each in taken],
            [json.dumps(each.entry.body) for each in taken],
        )
        raised = [each for each in taken if each.entry.kind == "alarm_raised"]
        await connection.executemany(sql.ALARM, [_alarm(each) for each in raised])


def _alarm(each: _Taken) -> tuple[Any, ...]:
    entry = each.entry
    texts = (entry.text(name) or "" for name in ("code", "priority", "cause", "action"))
    return each.gateway, each.journal, entry.seq, entry.pump, entry.session, entry.ts, *texts


async def _write_readings(connection: Connection, taken: Sequence[_Taken]) -> None:
    if not taken:
        return
    kept = await _kept_before(connection, taken)
    keep: list[_Taken] = []
    for each in taken:
        key = (each.gateway, each.entry.pump)
        if worth_keeping(each.entry, kept.get(key)):
            kept[key] = Kept.of(each.entry)
            keep.append(each)
    newest = {(each.gateway, each.entry.pump): each for each in taken}
    numbers = [[each.entry.number(name) for each in keep] for name in sql.NUMBERS]
    texts = [[each.entry.text(name) for each in keep] for name in ("state", "pump_state")]
    await connection.execute(sql.READINGS, *_columns(keep), *texts, *numbers)
    await connection.executemany(
        sql.BED_READING,
        [
            (
                *(gateway, pump, each.journal, each.entry.seq, each.entry.ts, each.at),
                json.dumps(each.entry.body),
                *(kept[gateway, pump].ts, kept[gateway, pump].state),
                *(kept[gateway, pump].pump_state, kept[gateway, pump].rate_ml_h),
            )
            for (gateway, pump), each in sorted(newest.items())
        ],
    )


async def _kept_before(connection: Connection, taken: Sequence[_Taken]) -> dict[tuple[str, str], Kept]:
    found = await connection.fetch(sql.KEPT, sorted({each.gateway for each in taken}))
    return {
        (one["gateway"], one["pump"]): Kept(
            one["kept_at"], one["kept_state"], one["kept_pump_state"], one["kept_rate_ml_h"]
        )
        for one in found
    }


async def _write_states(connection: Connection, taken: Sequence[_Taken]) -> None:
    newest: dict[tuple[str, str], tuple[_Taken, str]] = {}
    for (gateway, pump), entries in groupby(
        sorted(taken, key=lambda each: (each.gateway, each.entry.pump)),
        key=lambda each: (each.gateway, each.entry.pump),
    ):
        for each in entries:
            state = each.entry.text("to" if each.entry.kind == "state_changed" else "state")
            if pump and state and each.entry.kind in ("state_changed", "reading"):
                newest[gateway, pump] = each, state
    await connection.executemany(
        sql.BED_STATE,
        [
            (
                *(gateway, pump, each.journal, each.entry.seq, each.entry.ts, state, each.entry.session),
                _flag(each.entry.body, "simulated"),
            )
            for (gateway, pump), (each, state) in sorted(newest.items())
        ],
    )


def _columns(taken: Sequence[_Taken]) -> tuple[list[Any], ...]:
    """Gateway, boot, number, time, pump and session of each."""
    return (
        [each.gateway for each in taken],
        [each.entry.boot for each in taken],
        [each.entry.seq for each in taken],
        [each.entry.ts for each in taken],
        [each.entry.pump for each in taken],
        [each.entry.session for each in taken],
    )


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None
