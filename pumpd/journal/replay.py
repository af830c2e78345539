"""Each infusion rebuilt from its journal rows, and compared with what the journal says of it (AUD-05).

A row `began` holds the infusion as it was ordered, a row `happened` each event that was fed to `advance`. Folding
`advance` over them gives the infusion again, and with each event the rows that it must have left behind: changes of
state, alarms, refusals, ends with their volumes. These, and what each reading says was given, are looked for.
A restarted process says by how much it moved the instants of an infusion that it took up: another boot of the machine
counts them from another zero. It may also begin the infusion again, with its instants moved and nothing else.

An infusion without `began` is named and not judged: retention took its events away, or an older pumpd wrote it.
"""

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pumpd.infusion import Infusion, advance
from pumpd.infusion import events as ev
from pumpd.infusion.record import RecordError, event_from_data, infusion_from_data
from pumpd.journal.records import Record, canonical
from pumpd.quantities import NS_PER_S

WRITTEN_WITHIN_NS = 10 * NS_PER_S  # of an event; longer than a pump's turn takes to come

BEGAN, HAPPENED, RECOVERED, READING, FAILED = "began", "happened", "recovered", "reading", "internal_error"

# The kinds of row that an event leaves behind, and no other way does: all that `advance` asks to have written.
LEFT_BEHIND = frozenset(
    {
        *("state_changed", "infusion_ended", "stop_confirmed", "read_back", "confirmation_accepted", "intent_start"),
        *("resume_requested", "trips_cleared", "delivery_reconciled", "alarm_raised", "alarm_cleared", "refused"),
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the events make of the infusion. For one that is missing, `row` is the event's."""

    row: int
    session: str
    kind: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return f"row {self.row} ({self.kind}) of {self.session}: recorded {self.recorded}, replayed {self.replayed}"


@dataclass(slots=True)
class Replayed:
    """An infusion as its events make it. `unwritten` counts rows that a process which died did not get to write.

    `library`: digest, version, care area and key of the library that it began by, as far as they were written down.
    """

    infusion: Infusion
    boot: str
    library: Mapping[str, Any] = field(default_factory=dict)
    events: int = 0
    unwritten: int = 0
    event_row: int = 0  # of the newest event
    event_ns: int = 0
    _owed: dict[str, deque[tuple[int, Mapping[str, Any]]]] = field(default_factory=dict)

    def owe(self, row: int, kind: str, body: Mapping[str, Any]) -> None:
        """The event of this row must leave such a row behind."""
        self._owed.setdefault(kind, deque()).append((row, json.loads(canonical(body))))

    def settle(self, kind: str, said: Mapping[str, Any]) -> list[tuple[int | None, Mapping[str, Any] | None]]:
        """Take what is owed up to this row; returns what is wrong as (event's row, what it should have left).

        An event's row without a match is missing; (None, body) stands for this row, which should be `body`.
        """
        owed = self._owed.get(kind, deque())
        at = next((index for index, (_, body) in enumerate(owed) if _agrees(body, said)), None)
        if at is None:
            return [(None, owed.popleft()[1] if owed else None)]
        missing: list[tuple[int | None, Mapping[str, Any] | None]] = [owed.popleft() for _ in range(at)]
        owed.popleft()
        return missing

    def close(self, alive_ns: int) -> list[tuple[int, str, Mapping[str, Any]]]:
        """The process has written its last row, at `alive_ns`; returns what is missing as (event's row, kind, body).

        A start's rows go down when its turn comes, so what the newest event owes may have died with the process.
        """
        owed = [(row, kind, body) for kind, bodies in self._owed.items() for row, body in bodies]
        self._owed.clear()
        died = alive_ns - self.event_ns < WRITTEN_WITHIN_NS
        missing = [debt for debt in owed if not (died and debt[0] == self.event_row)]
        self.unwritten += len(owed) - len(missing)
        return missing


class Replay:
    """Takes the rows one by one, in order. `infusions` are by session; `unrecorded` sessions have no `began`."""

    def __init__(self, rows: Iterable[Record] = ()) -> None:
        self.infusions: dict[str, Replayed] = {}
        self.unrecorded: set[str] = set()
        self.differences: list[Difference] = []
        self._alive_ns: dict[str, int] = {}  # newest row of each process
        for row in rows:
            self.take(row)
        self.finish()

    def take(self, row: Record) -> None:
        self._alive_ns[row.boot] = row.mono_ns
        if not row.session:
            return
        try:
            said = row.fields
            if not isinstance(said, dict):
                raise TypeError("no JSON object")
        except (TypeError, ValueError, RecursionError) as error:
            self._differs(row, f"a body that cannot be read ({error})", "a JSON object")
            return
        if row.kind == BEGAN:
            self._begin(row, said)
            return
        one = self.infusions.get(row.session)
        if one is None:
            if row.kind == HAPPENED:
                self._differs(row, "an event", f"no row `{BEGAN}` before it")
            elif row.kind in LEFT_BEHIND:
                self.unrecorded.add(row.session)
            return
        self._close(row.session, one, row.boot)
        if row.kind == HAPPENED:
            self._happen(row, said, one)
        elif row.kind == RECOVERED:
            one.infusion = one.infusion.moved(said.get("moved_ns", 0))
        elif row.kind == READING:
            self._read(row, said, one.infusion)
        elif row.kind in LEFT_BEHIND or (row.kind == FAILED and "event" in said):
            self._compare(row, said, one)

    def finish(self) -> None:
        """The journal ends here, for now."""
        for session, one in self.infusions.items():
            self._close(session, one, "")
        self.differences.sort(key=lambda difference: difference.row)

    def _close(self, session: str, one: Replayed, boot: str) -> None:
        """Settle what an earlier process owes, where another one goes on."""
        if boot != one.boot:
            for row, kind, body in one.close(self._alive_ns[one.boot]):
                self.differences.append(Difference(row, session, kind, "nothing", canonical(body)))
            one.boot = boot

    def _differs(self, row: Record, recorded: str, replayed: str) -> None:
        self.differences.append(Difference(row.id, row.session, row.kind, recorded, replayed))

    def _begin(self, row: Record, said: Mapping[str, Any]) -> None:
        try:
            infusion = infusion_from_data(said["infusion"])
        except (RecordError, KeyError) as error:
            self._differs(row, f"what is no infusion ({error})", "an infusion")
            self.unrecorded.add(row.session)
            return
        before = self.infusions.get(row.session)
        if before is None:
            self.infusions[row.session] = Replayed(infusion, row.boot, _library(said.get("build")))
            return
        if _standing(infusion) != _standing(before.infusion):
            self._differs(row, canonical(_standing(infusion)), canonical(_standing(before.infusion)))
        before.infusion = infusion

    def _happen(self, row: Record, said: Mapping[str, Any], one: Replayed) -> None:
        try:
            event = event_from_data(said)
        except RecordError as error:
            self._differs(row, f"what is no event ({error})", "an event")
            return
        one.events += 1
        one.event_row, one.event_ns = row.id, row.mono_ns
        try:
            one.infusion, actions = advance(one.infusion, event)
        except Exception as error:  # noqa: BLE001  # as it was then: it is written down, and the infusion stays
            one.owe(row.id, FAILED, {"error": repr(error), "event": type(event).__name__})
            return
        for action in actions:
            match action:
                case ev.Record(kind=kind, body=body):
                    one.owe(row.id, kind, body)
                case ev.RaiseAlarm(code=code):
                    one.owe(row.id, "alarm_raised", {"code": code.value})
                case ev.ClearAlarm(code=code):
                    one.owe(row.id, "alarm_cleared", {"code": code.value})
                case ev.Refuse(reasons=reasons):
                    one.owe(row.id, "refused", {"reasons": list(reasons)})
                case _:
                    pass  # done to the pump, not written

    def _read(self, row: Record, said: Mapping[str, Any], infusion: Infusion) -> None:
        made = _standing(infusion)
        if not _agrees(made, said):
            self._differs(row, canonical({key: said.get(key) for key in made}), canonical(made))

    def _compare(self, row: Record, said: Mapping[str, Any], one: Replayed) -> None:
        for event_row, body in one.settle(row.kind, said):
            if event_row is not None and body is not None:
                self.differences.append(Difference(event_row, row.session, row.kind, "nothing", canonical(body)))
            elif body is not None:
                self._differs(row, canonical({key: said.get(key) for key in body}), canonical(body))
            elif not (row.kind == "alarm_cleared" and one.infusion.state.ended):  # the next order clears what is left
                self._differs(row, canonical(said), "nothing")


def _library(build: Any) -> Mapping[str, Any]:
    """What the beginning of an infusion says of its library; an older pumpd wrote less, or nothing."""
    if not isinstance(build, Mapping):
        return {}
    manifest = build.get("manifest")
    told = manifest if isinstance(manifest, Mapping) else {}
    return {"digest": build.get("library"), **{each: told.get(each) for each in ("version", "care_area", "key")}}


def _standing(infusion: Infusion) -> dict[str, str]:
    """Where an infusion stands, in the words of a reading's row."""
    return {
        "state": infusion.state.value,
        "volume_infused_ml": infusion.delivered.number,
        "volume_remaining_ml": infusion.remaining.number,
        "digest": infusion.segment.digest,
    }


def _agrees(made: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether the row says all that the replay does; it may say more."""
    return all(key in said and said[key] == value for key, value in made.items())
