"""What is published: journal entries and the gateway's own state as MQTT messages. Pure.

Promises:
- Every entry becomes at least one message, so a gap in `seq` under `pumpd/v1/<gateway>/#` is a loss.
- Only the fields of `models.py` are published: no name, weight, dose, patient token or key (AUD-09).
- What is retained says what is true when it is sent. An entry that is sent late changes nothing that is retained.
- Text from a pump or a person is data: it cannot add a topic level, a wildcard or a control character (SEC-12).
"""

import functools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pumpd.journal import Record
from pumpd.pump import AlarmCode
from pumpd.telemetry import codes
from pumpd.telemetry.models import FIELDS, OTHER, SCHEMA, Alarm, Head, own_fields

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


_NUMBER = re.compile(r"_(ml|ml_h|s|mmhg|percent)$")
_TEXT_MAX = 200


@functools.cache
def _is_number(key: str) -> bool:
    return _NUMBER.search(key) is not None


def level(text: str) -> str:
    """One topic level: letters, digits, `_`, `-`; anything else becomes `_`, and it is never empty."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:64] or "_"


def _value(key: str, value: Any) -> Any:
    """A value fit to send, or None: a finite number, a bool, or text without control characters."""
    if value is None:
        return None
    if _is_number(key):
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _TEXT_MAX and value.isprintable():
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


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _json(fields: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(fields).encode()


_OF_AN_ALARM = own_fields(Alarm)
_KEPT_OF_A_CUT_ONE = (*Head.model_fields, "kind", "code", "priority", "state", "may_flow", "schema", "machine")


def cut(message: Message) -> Message:
    """The same message with as few fields as make sense, for a broker that takes no packet of the whole size."""
    if not message.payload:
        return message
    fields = json.loads(message.payload)
    kept = {key: fields[key] for key in _KEPT_OF_A_CUT_ONE if key in fields}
    return replace(message, payload=_json(kept | {"cut": True}))


StartOf = Callable[[str], Record | None]  # of a process, by the `boot` of its entries: the entry of its start


def _no_start(_: str) -> None:
    return None


class Translator:
    """Turns entries into messages for one gateway. It remembers, per pump, when the retained state was last sent.

    `simulated` tells for each configured pump by name whether it is simulated. What happened to another pump is an
    event; nothing is retained of it.

    An entry says whether its pump was simulated when it was written, which may be long ago: by the start of the process
    that wrote it, which `start_of` finds. Where that says nothing, as in a journal of an older version, the present
    configuration counts.
    """

    def __init__(self, gateway: str, simulated: Mapping[str, bool], start_of: StartOf = _no_start) -> None:
        self._root = f"pumpd/v1/{level(gateway)}"
        self._simulated, self._start_of = simulated, start_of
        self._then: tuple[str, Mapping[str, Any]] = ("", {})  # the last process, and what its start says of its pumps
        self._state_sent: dict[str, int] = {}
        self._open: dict[tuple[str, str], Record] = {}  # active alarms, by pump and code

    def reads(self, start_of: StartOf) -> None:
        """From now on the entries are of this journal."""
        self._start_of = start_of

    @property
    def root(self) -> str:
        return self._root

    @property
    def state_topic(self) -> str:
        return f"{self._root}/$state"

    @property
    def always_retained(self) -> set[str]:
        """The topics of the gateway itself, on which something is true as long as it has its name."""
        return {f"{self._root}/{name}" for name in ("$state", "$description", "$anchor")}

    def gateway_state(self, state: str, boot: str, session: str, machine: str, ts: str) -> Message:
        """`ready` is the birth message, `lost` the will, `disconnected` comes before a clean end.

        Boot, session and machine are the same in the birth and the will of one connection, so that a reader of a late
        `lost` sees that it is not about the present connection.
        """
        fields = {"state": state, "boot": boot, "session": session, "machine": machine, "ts": ts, "schema": SCHEMA}
        return Message(self.state_topic, _json(fields), retain=True)

    def description(self, version: str, pumps: Sequence[Mapping[str, Any]]) -> Message:
        fields = {"schema": SCHEMA, "version": version, "statement": STATEMENT, "pumps": list(pumps)}
        return Message(f"{self._root}/$description", _json(fields | {"mdc": codes.of_fields()}), retain=True)

    def anchor(self, seq: int, entry_hash: str, ts: str) -> Message:
        """Number and hash of the newest published entry: kept elsewhere, they reveal a journal that was cut off
        (AUD-03).
        """
        fields = {"seq": seq, "hash": entry_hash, "ts": ts, "schema": SCHEMA}
        return Message(f"{self._root}/$anchor", _json(fields), retain=True)

    def alarm_topics(self, pumps: Iterable[str] = ()) -> list[str]:
        """Every topic on which an alarm of this gateway, its pumps or these pumps can be retained."""
        names = {level(pump) for pump in (*self._simulated, *pumps) if pump}
        roots = [self._root, *(f"{self._root}/pumps/{name}" for name in sorted(names))]
        return [f"{root}/alarms/{level(code)}" for root in roots for code in AlarmCode]

    def pump_topics(self, pumps: Iterable[str] = ()) -> list[str]:
        """The topics of the same pumps on which something else is retained: state, and all active alarms in one."""
        names = sorted({level(pump) for pump in (*self._simulated, *pumps) if pump})
        return [f"{self.pump_root(name)}/{what}" for name in names for what in ("state", "active_alarms")]

    def messages(self, entry: Record) -> list[Message]:
        """What to publish for an entry that is the newest, in order; never empty."""
        body = _body(entry)
        if entry.kind == "reading" and entry.pump:
            return [self._own(entry, body), *self._refreshed_state(entry, body)]
        return [*self.retained(entry), self._own(entry, body)]

    def late(self, entry: Record) -> list[Message]:
        """The same for an entry that is sent after newer ones."""
        return [self._own(entry, _body(entry), late=True)]

    def retained(self, entry: Record) -> list[Message]:
        """What this entry changes of what is retained."""
        body = _body(entry)
        if entry.pump and entry.pump not in self._simulated:
            return []
        if entry.pump and entry.kind == "state_changed":
            return [self.state(entry, str(body.get("to", "")), body.get("may_flow"))]
        if entry.kind == "alarm_raised":
            self._open[entry.pump, str(body.get("code", ""))] = entry
            return [self.alarm(entry), self.active_alarms(entry.pump)]
        if entry.kind == "alarm_cleared":
            code = str(body.get("code", ""))
            self._open.pop((entry.pump, code), None)
            empty = Message(f"{self.pump_root(entry.pump)}/alarms/{level(code)}", b"", retain=True)
            return [empty, self.active_alarms(entry.pump)]
        return []

    def alarm(self, entry: Record) -> Message:
        """An active alarm, by the entry that raised it."""
        body = _body(entry)
        topic = f"{self.pump_root(entry.pump)}/alarms/{level(str(body.get('code', '')))}"
        return Message(topic, self._payload(entry, body), retain=True)

    def alarms_are(self, opened: Mapping[tuple[str, str], Record]) -> list[Message]:
        """These alarms are active, by pump and code, and no others: what is to be retained for it."""
        self._open = {key: entry for key, entry in opened.items() if not key[0] or key[0] in self._simulated}
        alarms = [self.alarm(entry) for entry in self._open.values()]
        return [*alarms, *(self.active_alarms(pump) for pump in ("", *self._simulated))]

    def active_alarms(self, pump: str) -> Message:
        """All active alarms of a pump, or of the gateway itself (empty), also when there is none."""
        found = [self._shown(entry) for key, entry in sorted(self._open.items()) if key[0] == pump]
        return Message(self.active_alarms_topic(pump), _json({"alarms": found, "schema": SCHEMA}), retain=True)

    def active_alarms_topic(self, pump: str) -> str:
        return f"{self.pump_root(pump)}/active_alarms"

    def _shown(self, entry: Record) -> dict[str, Any]:
        body = _body(entry)
        fields = {key: _value(key, body.get(key)) for key in _OF_AN_ALARM}
        return {key: value for key, value in fields.items() if value is not None}

    def state(self, entry: Record, state: str, may_flow: Any, old_s: int = 0) -> Message:
        """The state of a pump, as this entry gave it so many seconds ago."""
        self._state_sent[entry.pump] = entry.mono_ns
        fields = {"state": _value("state", state)}
        if isinstance(may_flow, bool):
            fields["may_flow"] = may_flow
        expiry = REST_EXPIRY_S if may_flow is False else max(1, STATE_EXPIRY_S - old_s)
        payload = _json(self._head(entry) | fields)
        return Message(f"{self.pump_root(entry.pump)}/state", payload, retain=True, expiry_s=expiry)

    def _own(self, entry: Record, body: dict[str, Any], *, late: bool = False) -> Message:
        extra: dict[str, Any] = {"late": True} if late else {}
        if entry.kind == "reading" and entry.pump:
            payload = self._payload(entry, body, extra)
            return Message(f"{self.pump_root(entry.pump)}/telemetry", payload, expiry_s=READING_EXPIRY_S)
        if entry.kind == "state_changed" and (event := _ipec_event(body.get("from"), body.get("to"))):
            body["ipec_event"] = event
            extra["mdc"] = codes.EVENTS[event].sent()
        return Message(f"{self.pump_root(entry.pump)}/events", self._payload(entry, body, {"kind": entry.kind} | extra))

    def pump_root(self, pump: str) -> str:
        """Above the topics of a pump, or of the gateway itself (empty)."""
        return f"{self._root}/pumps/{level(pump)}" if pump else self._root

    def _refreshed_state(self, entry: Record, body: Mapping[str, Any]) -> list[Message]:
        """The state again when its expiry is near. It has the reading's `seq`, so no `seq` is sent twice."""
        due = abs(entry.mono_ns - self._state_sent.get(entry.pump, entry.mono_ns - 10**18)) >= STATE_REFRESH_S * 10**9
        known = entry.pump in self._simulated
        return [self.state(entry, body["state"], None)] if known and due and body.get("state") else []

    def _payload(self, entry: Record, body: Mapping[str, Any], extra: dict[str, Any] | None = None) -> bytes:
        fields = {key: _value(key, body.get(key)) for key in FIELDS.get(entry.kind, OTHER)}
        given = {key: value for key, value in fields.items() if value is not None}
        return _json(self._head(entry) | (extra or {}) | given)

    def _head(self, entry: Record) -> dict[str, Any]:
        head: dict[str, Any] = {"seq": entry.id, "ts": entry.ts, "t_mono_s": entry.mono_ns / 1e9, "boot": entry.boot}
        if entry.pump:
            head["pump"] = _value("pump", entry.pump)
            simulated = self._was_simulated(entry)
            if simulated is not None:
                head["simulated"] = simulated
        if entry.session:
            head["session"] = _value("session", entry.session)
        return head

    def _was_simulated(self, entry: Record) -> bool | None:
        if entry.boot != self._then[0]:  # entries come in order, so this one will be asked for again
            start = self._start_of(entry.boot)
            pumps = _body(start).get("simulated") if start is not None else None
            self._then = entry.boot, pumps if isinstance(pumps, dict) else {}
        said = self._then[1].get(entry.pump)
        return said if isinstance(said, bool) else self._simulated.get(entry.pump)


def _body(entry: Record) -> dict[str, Any]:
    """Of a damaged entry, nothing: its existence is published, so that `seq` has no gap."""
    try:
        return dict(entry.fields)
    except (TypeError, ValueError):
        return {}
