"""What goes to the ward: batches of journal entries, and the gateway's own health. Pure.

Promises:
- A batch says which entries it covers: all that the journal has above `after`, up to its last one. A store that unites
  these ranges knows exactly what is missing, although retention leaves holes in the numbers.
- An entry holds the fields of its MQTT message, so the same ones leave the gateway and no others (AUD-09).
- Two batches have the same identity only if they hold the same entries, so a stream that drops a repeated identity
  never drops an entry.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pumpd.journal import Record
from pumpd.telemetry.messages import Translator, cut, level

SCHEMA = "pumpd.fleet.v1"
BATCH = 20  # entries

# An entry of these kinds does not wait for more.
URGENT = frozenset({"alarm_raised", "alarm_escalated", "alarm_cleared", "alarm_acknowledged"})


@dataclass(frozen=True, slots=True)
class Batch:
    """A message with some entries. `identity` is its `Nats-Msg-Id`."""

    subject: str
    identity: str
    payload: bytes
    last: Record


def subject(gateway: str, what: str) -> str:
    """Where a gateway publishes `entries` or `status`."""
    return f"{SCHEMA}.{level(gateway)}.{what}"


def fitting(
    fits: Callable[[bytes], bool], gateway: str, journal: str, after: int, entries: Sequence[Record], to: Translator
) -> Batch:
    """The first of the entries, as many as a node takes at once: `fits`. One that is too long alone is cut."""
    while True:
        made = batch(gateway, journal, after, entries, to)
        if fits(made.payload):
            return made
        if len(entries) == 1:
            return batch(gateway, journal, after, entries, to, whole=False)
        entries = entries[: len(entries) // 2]


def batch(
    gateway: str, journal: str, after: int, entries: Sequence[Record], translator: Translator, *, whole: bool = True
) -> Batch:
    """The entries in order; `after`: the number of the entry before them, 0 for the first.

    `journal` identifies the journal, so that a new one does not pass for the one that it replaced.
    """
    last = entries[-1]
    body = {
        "schema": SCHEMA,
        "gateway": gateway,
        "journal": journal,
        "after": after,
        "last": last.id,
        "hash": last.hash,
        "entries": [_entry(each, translator, whole=whole) for each in entries],
    }
    identity = f"{level(gateway)}/{level(last.boot)}/{journal}/{after}-{last.id}"
    return Batch(subject(gateway, "entries"), identity, _json(body), last)


def status(gateway: str, journal: str, sent: int, machine: str, health: Mapping[str, Any]) -> bytes:
    """How the gateway is. `sent`: the newest entry that the stream has acknowledged. `machine`: which one it is."""
    who = {"gateway": gateway, "journal": journal, "machine": machine}
    return _json({"schema": SCHEMA, **who, "sent": sent, **health})


def urgent(entries: Sequence[Record]) -> bool:
    return any(each.kind in URGENT for each in entries)


def _entry(entry: Record, translator: Translator, *, whole: bool) -> dict[str, Any]:
    """The fields that also go to the MQTT broker. Every entry has one message there with all of them."""
    (own,) = (each for each in translator.messages(entry) if each.topic.endswith(("/events", "/telemetry")))
    return {"kind": entry.kind, **json.loads((own if whole else cut(own)).payload)}


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
