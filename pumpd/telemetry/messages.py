"""What is published: journal entries and the gateway's own state as MQTT messages. Pure.

Promises:
- Every entry becomes at least one message, so a gap in `seq` under `pumpd/v1/<gateway>/#` is a loss.
- Only the fields listed here are published: no name, weight, dose, patient token or key (AUD-09).
- Text from a pump or a person is data: it cannot add a topic level, a wildcard or a control character (SEC-12).
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pumpd.journal import Record
from pumpd.pump import AlarmCode

SCHEMA = "pumpd.telemetry.v1"
STATEMENT = "Simulation, research and integration only: not a cleared medical device."

READING_EXPIRY_S = 30  # an older reading must not be taken for a live one
STATE_EXPIRY_S = 120  # of a state in which flow may occur, and of any state that readings repeat
STATE_REFRESH_S = 30
REST_EXPIRY_S = 86_400  # of a state without flow, which no reading repeats


@dataclass(frozen=True, slots=True)
class Message:
    """One message, at QoS 1. `expiry_s` None: the broker keeps it until it is replaced."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None


# Fields of each kind that may leave the gateway. A kind that is not listed is published with _COMMON.
# None of them is free text that a person typed: the reason of a stop could contain a name.
_COMMON = ("digest", "code", "outcome", "state", "may_flow")
_FIELDS: dict[str, tuple[str, ...]] = {
    "reading": (
        *("state", "pump_state", "rate_ml_h", "volume_infused_ml", "volume_remaining_ml", "lease_s"),
        *("running_s", "elapsed_s", "pressure_mmhg", "battery_percent", "digest"),
    ),
    "state_changed": ("from", "to", "may_flow", "ipec_event"),
    "alarm_raised": ("code", "priority", "cause", "action"),
    "alarm_cleared": ("code",),
    "alarm_escalated": ("code", "priority", "cause", "action"),
    "alarm_acknowledged": ("code", "priority"),
    "alarm_audio_paused": ("for_s",),
    "alarm_audio_resumed": ("why",),
    "program_loaded": (*_COMMON, "vtbi_ml"),
    "infusion_ended": (
        "outcome",
        "stopped_by",
        "delivered_ml",
        "undelivered_ml",
        "running_s",
        "elapsed_s",
        "off_window",
    ),
    "found_flowing": ("delivered_ml",),
    "pump_ready": ("model", "firmware"),
    "control_started": ("library", "time_scale", "notice"),
    "library_accepted": ("digest", "version", "care_area"),
}

_NUMBER = re.compile(r"_(ml|ml_h|s|mmhg|percent)$")
_TEXT_MAX = 200


def level(text: str) -> str:
    """One topic level: letters, digits, `_`, `-`; anything else becomes `_`, and it is never empty."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:64] or "_"


def _value(key: str, value: Any) -> Any:
    """A value fit to send, or None: a finite number, a bool, or text without control characters."""
    if _NUMBER.search(key):
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str | int):
        return "".join(char if char.isprintable() else " " for char in str(value)[:_TEXT_MAX])
    return None


def _ipec_event(old: Any, new: Any) -> str | None:
    """IPEC's delivery events: START when a segment's flow is seen, then STOP or COMP, once each (AUD-06).

    `running` is entered only when flow is first seen, and is never re-entered, so each transition is one event.
    """
    if new == "running":
        return "START"
    if old == "completing" and new == "completed":
        return "COMP"
    return "STOP" if old in ("running", "completing") and new in ("pausing", "stopping") else None


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class Translator:
    """Turns entries into messages for one gateway. It remembers, per pump, when the retained state was last sent.

    `simulated` tells for each pump by name whether it is simulated; messages of other pumps carry no such flag.
    """

    def __init__(self, gateway: str, simulated: Mapping[str, bool]) -> None:
        self._root = f"pumpd/v1/{level(gateway)}"
        self._simulated = simulated
        self._state_sent: dict[str, int] = {}

    @property
    def state_topic(self) -> str:
        return f"{self._root}/$state"

    def gateway_state(self, state: str, boot: str, session: str, ts: str) -> Message:
        """`ready` is the birth message, `lost` the will, `disconnected` comes before a clean end.

        Boot and session are the same in the birth and the will of one connection, so that a reader of a late `lost`
        sees that it is not about the present connection.
        """
        fields = {"state": state, "boot": boot, "session": session, "ts": ts, "schema": SCHEMA}
        return Message(self.state_topic, _json(fields), retain=True)

    def description(self, version: str, pumps: Sequence[Mapping[str, Any]]) -> Message:
        fields = {"schema": SCHEMA, "version": version, "statement": STATEMENT, "pumps": list(pumps)}
        return Message(f"{self._root}/$description", _json(fields), retain=True)

    def anchor(self, seq: int, entry_hash: str, ts: str) -> Message:
        """Number and hash of the newest published entry: kept elsewhere, they reveal a journal that was cut off
        (AUD-03).
        """
        fields = {"seq": seq, "hash": entry_hash, "ts": ts, "schema": SCHEMA}
        return Message(f"{self._root}/$anchor", _json(fields), retain=True)

    def no_alarms(self) -> list[Message]:
        """Messages that empty every alarm topic: a new journal does not know which alarms the previous one raised."""
        roots = [self._root, *(f"{self._root}/pumps/{level(pump)}" for pump in self._simulated)]
        return [Message(f"{root}/alarms/{level(code)}", b"", retain=True) for root in roots for code in AlarmCode]

    def messages(self, entry: Record) -> list[Message]:
        """What to publish for an entry, in order; never empty."""
        try:
            body = dict(entry.fields)
        except (TypeError, ValueError):  # damaged: its existence is published, so that `seq` has no gap
            body = {}
        if entry.kind == "reading" and entry.pump:
            telemetry = Message(f"{self._pump(entry)}/telemetry", self._payload(entry, body), expiry_s=READING_EXPIRY_S)
            return [telemetry, *self._refreshed_state(entry, body)]
        if entry.kind == "state_changed" and (event := _ipec_event(body.get("from"), body.get("to"))):
            body["ipec_event"] = event
        out = [Message(f"{self._pump(entry)}/events", self._payload(entry, body, kind=entry.kind))]
        if entry.pump and entry.kind == "state_changed":
            out.insert(0, self._state(entry, str(body.get("to", "")), body.get("may_flow")))
        if entry.kind in ("alarm_raised", "alarm_cleared"):
            topic = f"{self._pump(entry)}/alarms/{level(str(body.get('code', '')))}"
            raised = entry.kind == "alarm_raised"
            out.insert(0, Message(topic, self._payload(entry, body) if raised else b"", retain=True))
        return out

    def _pump(self, entry: Record) -> str:
        return f"{self._root}/pumps/{level(entry.pump)}" if entry.pump else self._root

    def _refreshed_state(self, entry: Record, body: Mapping[str, Any]) -> list[Message]:
        """The state again when its expiry is near. It has the reading's `seq`, so no `seq` is sent twice."""
        due = abs(entry.mono_ns - self._state_sent.get(entry.pump, entry.mono_ns - 10**18)) >= STATE_REFRESH_S * 10**9
        return [self._state(entry, body["state"], None)] if due and body.get("state") else []

    def _state(self, entry: Record, state: str, may_flow: Any) -> Message:
        self._state_sent[entry.pump] = entry.mono_ns
        fields = {"state": _value("state", state)}
        if isinstance(may_flow, bool):
            fields["may_flow"] = may_flow
        expiry = REST_EXPIRY_S if may_flow is False else STATE_EXPIRY_S
        payload = _json(self._head(entry) | fields)
        return Message(f"{self._pump(entry)}/state", payload, retain=True, expiry_s=expiry)

    def _payload(self, entry: Record, body: Mapping[str, Any], **extra: str) -> bytes:
        fields = {key: _value(key, body.get(key)) for key in _FIELDS.get(entry.kind, _COMMON)}
        return _json(self._head(entry) | extra | {key: value for key, value in fields.items() if value is not None})

    def _head(self, entry: Record) -> dict[str, Any]:
        head: dict[str, Any] = {"seq": entry.id, "ts": entry.ts, "t_mono_s": entry.mono_ns / 1e9, "boot": entry.boot}
        if entry.pump:
            head["pump"] = _value("pump", entry.pump)
            if entry.pump in self._simulated:
                head["simulated"] = self._simulated[entry.pump]
        if entry.session:
            head["session"] = _value("session", entry.session)
        return head
