"""Messages as gateways send them, made by hand."""

import json
from datetime import UTC, datetime, timedelta

from pumpd_ward.messages import Batch, Status
from pumpd_ward.store.writing import Arrived

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def entry(seq: int, kind: str, pump: str = "pump-a", **body: object) -> dict:
    at = START + timedelta(seconds=seq)
    return {"kind": kind, "seq": seq, "ts": at.isoformat(), "boot": "b1", "pump": pump, "session": "s1", **body}


def of(boot: str, entries: list[dict]) -> list[dict]:
    """The same entries as a run of control with this name writes them: 16 hexadecimal digits."""
    return [{**each, "boot": boot * 16} for each in entries]


def status(machine: str, gateway: str = "g1", ts: datetime = START, **health: object) -> Status:
    head = {"schema": "pumpd.fleet.v1", "gateway": gateway, "ts": ts.isoformat(), "machine": machine}
    return Status.model_validate({**head, **health})


def reading(seq: int, rate: float = 52.5, state: str = "running", **body: object) -> dict:
    numbers = {"rate_ml_h": rate, "volume_infused_ml": seq / 100, "pump_state": "infusing"}
    return entry(seq, "reading", state=state, **{**numbers, **body})


def changed(seq: int, to: str) -> dict:
    return entry(seq, "state_changed", **{"from": "x", "to": to, "may_flow": to == "running", "simulated": True})


def alarm(seq: int, kind: str, code: str = "occlusion") -> dict:
    return entry(seq, f"alarm_{kind}", code=code, priority="high", cause="The line is blocked", action="Check it")


def batch(after: int, entries: list[dict], gateway: str = "g1", journal: str = "j1") -> Batch:
    return Batch.model_validate(_fields(after, entries, gateway, journal))


def unchecked(entries: list[dict], gateway: str = "g1") -> bytes:
    """A batch as a gateway that is out of order would send it."""
    return json.dumps(_fields(0, entries, gateway, "j1")).encode()


def _fields(after: int, entries: list[dict], gateway: str, journal: str) -> dict:
    last = entries[-1]["seq"]
    head = {"schema": "pumpd.fleet.v1", "gateway": gateway, "journal": journal, "after": after, "last": last}
    return {**head, "hash": f"h{last}", "entries": entries}


def arrived(message: Batch | Status, second: float = 0) -> Arrived:
    return Arrived(message, START + timedelta(seconds=second))
