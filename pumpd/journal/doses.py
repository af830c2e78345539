"""From journal entries to doses: what every patient received, and what may still flow (PRG-14, PWR-13).

Promises:
- The journal is the only memory, so a restart does not change the doses.
- Doses are never under-booked: an infusion without a recorded end, with an unreadable entry, or with flow after its end
  is `uncertain`. It counts as the whole program, and ends as late as the program can run.
- An order that cannot be read is a JournalError: a patient's dose would be missing.
- A dose whose instants two people corrected has those of the correction (PRG-28).
- Entries are taken once, in order; unknown kinds are skipped.

This does not use `fold`: doses must outlive the events, which retention removes, and a state machine that has changed.

A patient is identified by the token of the order; nothing else about a person is kept (AUD-09).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pumpd.dosing.history import BY_NAME, NONE, Dose
from pumpd.dosing.library import Substance
from pumpd.journal.records import Record
from pumpd.journal.store import JournalError
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import NS_PER_S, Concentration, Mass, Quantity, Rate, Volume, Weight

CORRECTED = "dose_corrected"  # by two people; `started`: when it began

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError, AttributeError)

Q = TypeVar("Q", bound=Quantity)


class Doses:
    """Takes the entries of a journal as they come; `all` gives the doses. `last_id` is the last entry taken."""

    def __init__(self) -> None:
        self.last_id = 0
        self._infusions: dict[str, _Infusion] = {}

    def take(self, entries: Iterable[Record]) -> None:
        """Take entries in the order of their ids. Raises JournalError at an order that cannot be read, each time."""
        for entry in entries:
            if entry.kind == "order_accepted" and entry.session not in self._infusions:
                self._infusions[entry.session] = _ordered(entry)
            elif entry.session in self._infusions:
                self._infusions[entry.session].take(entry)
            self.last_id = entry.id

    def all(self, live: Collection[str] = ()) -> tuple[Dose, ...]:
        """The doses by order. `live` are the sessions that this process has under way, started or not."""
        found = (each.dose(session, live=session in live) for session, each in self._infusions.items())
        return tuple(dose for dose in found if dose is not None)


@dataclass(slots=True)
class _Infusion:
    """The sum of one session's entries so far. Wall time stays text, which sorts like the time itself."""

    pump: str
    patient: str
    drug: str
    substance: frozenset[str]
    treatment: str
    course: str
    weight: Weight
    weight_basis: str
    concentration: Concentration
    ordered: Mass
    longest_ns: int  # the whole program at its rates
    since: str  # the order
    last: str  # entry so far
    seen: str  # latest time so far; differs from `last` when the clock was set back
    began: str | None = None  # first entry with flow
    flowed: str = ""  # last entry with flow
    flowing: bool = False
    ended: bool = False
    set_back: bool = False
    doubtful: bool = False
    booked: Volume = Volume(0)
    reading: Record | None = None
    flowed_ns: int = 0
    corrected_ns: int | None = None  # the start, as two people corrected it

    def take(self, entry: Record) -> None:
        if entry.kind == CORRECTED:
            self._correct(entry)
            return
        if self.ended and entry.kind != "unprescribed_flow":
            return  # the pump's later entries are not about this infusion
        self.set_back |= entry.ts < self.last
        self.last, self.seen = entry.ts, max(self.seen, entry.ts)
        if self.flowing:
            self.flowed = entry.ts
        if entry.kind == "reading":  # by far the most entries; the volume never falls, so the last one is enough
            self.reading = entry
            return
        try:
            self._note(entry)
        except _UNREADABLE:
            self.doubtful = True

    def _note(self, entry: Record) -> None:
        match entry.kind:
            case "intent_start":
                self._flow(entry.ts)
            case "state_changed" if entry.fields["may_flow"]:
                self._flow(entry.ts)
            case "state_changed":
                self.flowing = False
            case "stop_confirmed":
                self.booked = max(self.booked, _volume(entry.fields, "delivered_ml"))
            case "infusion_ended":
                self.booked = max(self.booked, _volume(entry.fields, "booked_ml", "delivered_ml"))
                self.ended = True
                self.flowed_ns = int(float(entry.fields.get("running_s", 0)) * NS_PER_S)
            case "unprescribed_flow" if entry.fields["stopping"]:  # it was this infusion's pump
                self.doubtful = True

    def _correct(self, entry: Record) -> None:
        try:
            self.corrected_ns = _ns(entry.fields["started"])
        except _UNREADABLE:
            self.doubtful = True

    def _flow(self, ts: str) -> None:
        self.flowing, self.began = True, min(self.began or ts, ts)

    def dose(self, session: str, *, live: bool) -> Dose | None:
        """None when nothing can have flowed, and nothing will."""
        given, doubtful = self.booked, self.doubtful
        if self.reading is not None:
            try:
                given = max(given, _volume(self.reading.fields, "volume_infused_ml"))
            except _UNREADABLE:
                doubtful = True
        live = live and not self.ended
        if not (self.began or live or doubtful or given):
            return None
        doubtful = doubtful or not (self.ended or live)
        mass = self.concentration.mass_in(given)
        open_end = live or doubtful or self.set_back
        started_ns = _ns(self.began or self.since)
        moved_ns = 0 if self.corrected_ns is None else self.corrected_ns - started_ns
        return Dose(
            session=session,
            patient=self.patient,
            substance=self.substance,
            drug=self.drug,
            course=self.course,
            treatment=self.treatment,
            weight=self.weight,
            weight_basis=self.weight_basis,
            pump=self.pump,
            flowed_ns=self.flowed_ns,
            started_ns=started_ns + moved_ns,
            ended_ns=(_ns(self.seen) + self.longest_ns if open_end else _ns(self.flowed or self.seen)) + moved_ns,
            seen_ns=_ns(self.seen) + moved_ns,
            ordered=self.ordered,
            given=mass,
            still=max(self.ordered - mass, NONE) if live else NONE,
            running=live,
            uncertain=doubtful,
        )


def _ordered(entry: Record) -> _Infusion:
    try:
        program = entry.fields["program"]
        order, drug, steps = program["prescription"], program["entry"], program["pump_program"]["steps"]
        held = PumpProgram(tuple(RateStep(_read(Rate, step["rate"]), _read(Volume, step["volume"])) for step in steps))
        return _Infusion(
            pump=entry.pump,
            patient=order["patient"],
            drug=drug["drug"],
            substance=_substance(drug),
            treatment=program.get("treatment") or "",
            weight=_read(Weight, order["weight"]),
            weight_basis=order["weight_basis"],
            course=order.get("course") or "",
            concentration=_read(Concentration, drug["concentration"]),
            ordered=_read(Mass, program["dose"]),
            longest_ns=held.duration.ns,
            since=entry.ts,
            last=entry.ts,
            seen=entry.ts,
        )
    except _UNREADABLE as error:
        raise JournalError(f"journal entry {entry.id}: the order cannot be read, so a dose would be missing") from error


def _substance(drug: Mapping[str, Any]) -> frozenset[str]:
    """By what the dose is known. pumpd 0.1 recorded only a name."""
    known = drug.get("substance")
    if known is None:
        return frozenset({BY_NAME + drug["drug"]})
    return Substance.model_validate(known).identifiers


def _read(kind: type[Q], text: str) -> Q:
    """A quantity as pumpd writes it, which may have more places than a person may type."""
    number, _, unit = text.partition(" ")
    if unit != kind.UNIT:
        raise ValueError(f"{text!r} is not in {kind.UNIT}")
    return kind(number)


def _volume(body: Mapping[str, Any], *keys: str) -> Volume:
    """The value of the first key that exists. Raises KeyError."""
    return Volume(body[next((key for key in keys if key in body), keys[0])])


def _ns(ts: str) -> int:
    return (datetime.fromisoformat(ts) - _EPOCH) // _MICROSECOND * 1000
