"""Each infusion folded from its journal entries, and compared with what the journal records about it (AUD-05).

Each folded event must have left entries behind: changes of state, alarms, refusals, ends with their volumes. The replay
compares these, and the volume that each reading records. A process may also begin an infusion a second time; then only
its instants may have moved.

An infusion without `began` is listed but not checked: retention removed its events, or an older pumpd wrote it. For a
process of an older format everything is checked except its sentences, which have been rewritten since.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pumpd.infusion import Infusion
from pumpd.infusion import events as ev
from pumpd.journal.fold import BEGAN, HAPPENED, RECOVERED, FoldError, begun, folded
from pumpd.journal.records import FORMAT, Record, canonical
from pumpd.quantities import NS_PER_S

WRITTEN_WITHIN_NS = 10 * NS_PER_S  # of an event; longer than a pump waits for its turn on the line

READING, FAILED = "reading", "internal_error"
SENTENCES = frozenset({"reason", "reasons", "error"})

# The kinds of entry that only events leave behind: everything that `advance` asks to be written.
LEFT_BEHIND = frozenset(
    {
        *("state_changed", "infusion_ended", "stop_confirmed", "read_back", "confirmation_accepted", "intent_start"),
        "baseline_recorded",
        *("resume_requested", "trips_cleared", "delivery_reconciled", "alarm_raised", "alarm_cleared", "refused"),
        *("pump_identified_by", "pump_recognized", "order_expired", "baseline_recorded"),
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """An entry that differs from the replayed infusion. For a missing one, `entry` is the event's id."""

    entry: int
    session: str
    kind: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return f"entry {self.entry} ({self.kind}) of {self.session}: recorded {self.recorded}, replayed {self.replayed}"


@dataclass(slots=True)
class Replayed:
    """An infusion as its events rebuild it. `unwritten` counts the entries that a process died before writing.

    `library`: digest, version, care area and key of the library under which it began, as far as they were recorded.
    """

    infusion: Infusion
    boot: str
    older: bool = False  # the process that is writing has an older format
    library: Mapping[str, Any] = field(default_factory=dict)
    events: int = 0
    unwritten: int = 0
    event_id: int = 0  # of the newest event
    event_ns: int = 0
    _owed: dict[str, deque[tuple[int, Mapping[str, Any]]]] = field(default_factory=dict)

    def owe(self, event: int, kind: str, body: Mapping[str, Any]) -> None:
        """The event with this id must leave such an entry behind."""
        self._owed.setdefault(kind, deque()).append((event, json.loads(canonical(body))))

    def settle(self, kind: str, body: Mapping[str, Any]) -> list[tuple[int | None, Mapping[str, Any] | None]]:
        """Settle what is owed up to this entry; returns differences as (the event's id, what it should have left).

        An event without a matching entry is missing one; (None, body) means that this entry should be `body`.
        """
        owed = self._owed.get(kind, deque())
        ignored = SENTENCES if self.older else frozenset()
        at = next((index for index, (_, made) in enumerate(owed) if _agrees(made, body, ignored)), None)
        if at is None:
            return [(None, owed.popleft()[1] if owed else None)]
        missing: list[tuple[int | None, Mapping[str, Any] | None]] = [owed.popleft() for _ in range(at)]
        owed.popleft()
        return missing

    def close(self, alive_ns: int) -> list[tuple[int, str, Mapping[str, Any]]]:
        """The process has written its last entry, at `alive_ns`; returns what is missing as (event's id, kind, body).

        A start's entries are written when the pump's loop reaches it, so the process may have died before writing them.
        """
        owed = [(event, kind, body) for kind, bodies in self._owed.items() for event, body in bodies]
        self._owed.clear()
        died = alive_ns - self.event_ns < WRITTEN_WITHIN_NS
        missing = [debt for debt in owed if not (died and debt[0] == self.event_id)]
        self.unwritten += len(owed) - len(missing)
        return missing


class Replay:
    """Takes the entries one by one, in order. `infusions` are by session; `unrecorded` sessions have no `began`."""

    def __init__(self, entries: Iterable[Record] = (), *, whole: bool = True) -> None:
        """`whole`: the entries begin with the first one, so that no infusion began before them."""
        self._whole = whole
        self.infusions: dict[str, Replayed] = {}
        self.unrecorded: set[str] = set()
        self.differences: list[Difference] = []
        self._alive_ns: dict[str, int] = {}  # time of the newest entry of each process
        self._older: set[str] = set()  # processes of an older format
        for entry in entries:
            self.take(entry)
        self.finish()

    def take(self, entry: Record) -> None:
        self._alive_ns[entry.boot] = entry.mono_ns
        if entry.kind == "control_started" and f'"format":{FORMAT}' not in entry.body:
            self._older.add(entry.boot)
        if not entry.session:
            return
        try:
            body = entry.fields
            if not isinstance(body, dict):
                raise TypeError("not a JSON object")
        except (TypeError, ValueError, RecursionError) as error:
            self._differs(entry, f"a body that cannot be read ({error})", "a JSON object")
            return
        if entry.kind == BEGAN:
            self._begin(entry, body)
            return
        one = self.infusions.get(entry.session)
        if one is None:
            if entry.kind == HAPPENED and self._whole:
                self._differs(entry, "an event", f"no entry `{BEGAN}` before it")
            elif entry.kind == HAPPENED or entry.kind in LEFT_BEHIND:
                self.unrecorded.add(entry.session)
            return
        self._close(entry.session, one, entry.boot)
        if entry.kind in (HAPPENED, RECOVERED):
            self._fold(entry, body, one)
        elif entry.kind == READING:
            self._read(entry, body, one.infusion)
        elif entry.kind in LEFT_BEHIND or (entry.kind == FAILED and "event" in body):
            self._compare(entry, body, one)

    def finish(self) -> None:
        """The journal ends here, for now."""
        for session, one in self.infusions.items():
            self._close(session, one, "")
        self.differences.sort(key=lambda difference: difference.entry)

    def _close(self, session: str, one: Replayed, boot: str) -> None:
        """Settle what an earlier process owes when another one continues."""
        if boot != one.boot:
            for event, kind, body in one.close(self._alive_ns[one.boot]):
                self.differences.append(Difference(event, session, kind, "nothing", canonical(body)))
            one.boot, one.older = boot, boot in self._older

    def _differs(self, entry: Record, recorded: str, replayed: str) -> None:
        self.differences.append(Difference(entry.id, entry.session, entry.kind, recorded, replayed))

    def _begin(self, entry: Record, body: Mapping[str, Any]) -> None:
        try:
            infusion = begun(entry)
        except FoldError as error:
            self._differs(entry, str(error), "an infusion")
            self.unrecorded.add(entry.session)
            return
        before = self.infusions.get(entry.session)
        if before is None:
            self.infusions[entry.session] = Replayed(
                infusion, entry.boot, entry.boot in self._older, _library(body.get("build"))
            )
            return
        if _volumes(infusion) != _volumes(before.infusion):
            self._differs(entry, canonical(_volumes(infusion)), canonical(_volumes(before.infusion)))
        before.infusion = infusion

    def _fold(self, entry: Record, body: Mapping[str, Any], one: Replayed) -> None:
        try:
            one.infusion, step = folded(one.infusion, entry, body)
        except FoldError as error:
            self._differs(entry, str(error), "an event" if entry.kind == HAPPENED else "a number of nanoseconds")
            return
        if step is None:
            return
        one.events += 1
        one.event_id, one.event_ns = entry.id, entry.mono_ns
        if step.error is not None:
            one.owe(entry.id, FAILED, {"error": repr(step.error), "event": type(step.event).__name__})
        for action in step.actions:
            match action:
                case ev.Record(kind=kind, body=body):
                    one.owe(entry.id, kind, body)
                case ev.RaiseAlarm(code=code):
                    one.owe(entry.id, "alarm_raised", {"code": code.value})
                case ev.ClearAlarm(code=code):
                    one.owe(entry.id, "alarm_cleared", {"code": code.value})
                case ev.Refuse(reasons=reasons):
                    one.owe(entry.id, "refused", {"reasons": list(reasons)})
                case _:
                    pass  # sent to the pump, not written

    def _read(self, entry: Record, body: Mapping[str, Any], infusion: Infusion) -> None:
        made = _volumes(infusion)
        if not _agrees(made, body):
            self._differs(entry, canonical({key: body.get(key) for key in made}), canonical(made))

    def _compare(self, entry: Record, body: Mapping[str, Any], one: Replayed) -> None:
        for event, missing in one.settle(entry.kind, body):
            if event is not None and missing is not None:
                self.differences.append(Difference(event, entry.session, entry.kind, "nothing", canonical(missing)))
            elif missing is not None:
                self._differs(entry, canonical({key: body.get(key) for key in missing}), canonical(missing))
            elif not (entry.kind == "alarm_cleared" and one.infusion.state.ended):  # after its end
                self._differs(entry, canonical(body), "nothing")


def _library(build: Any) -> Mapping[str, Any]:
    """What the beginning of an infusion records about its library; an older pumpd wrote less, or nothing."""
    if not isinstance(build, Mapping):
        return {}
    manifest = build.get("manifest")
    known = manifest if isinstance(manifest, Mapping) else {}
    return {"digest": build.get("library"), **{each: known.get(each) for each in ("version", "care_area", "key")}}


def _volumes(infusion: Infusion) -> dict[str, str]:
    """State and volumes of an infusion, under the names of a `reading` entry."""
    return {
        "state": infusion.state.value,
        "volume_infused_ml": infusion.delivered.number,
        "volume_remaining_ml": infusion.remaining.number,
        "digest": infusion.segment.digest,
    }


def _agrees(made: Mapping[str, Any], body: Mapping[str, Any], ignored: Collection[str] = ()) -> bool:
    """Whether the entry contains everything that the replay has; it may contain more."""
    return all(key in ignored or (key in body and body[key] == value) for key, value in made.items())
