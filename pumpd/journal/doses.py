"""From journal entries to doses: what every patient received, and what may still flow (PRG-14, PWR-13).

Promises:
- The journal is the only memory, so a restart does not change the doses.
- Doses are never under-booked: an infusion without a recorded end, with an unreadable entry, with flow after its end,
  or of which the journal lost entries, is `uncertain`. It counts as the whole program, and ends as late as the program
  can run.
- An order that cannot be read is a JournalError: a patient's dose would be missing.
- A dose whose instants two people corrected has those of the correction, and lasted as long as the monotonic clock
  shows (PRG-28).
- Entries of a session are taken once, in order; unknown kinds are skipped. Of its readings the last one is enough.

This does not use `fold`: doses must outlive the events, which retention removes, and a state machine that has changed.

A patient is identified by the token of the order; nothing else about a person is kept (AUD-09).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pumpd.dosing.correction import Between, between
from pumpd.dosing.history import BY_NAME, DAY, NONE, Dose
from pumpd.dosing.library import Substance
from pumpd.journal.chain import JournalError
from pumpd.journal.records import Record
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import NS_PER_S, Concentration, Mass, Quantity, Rate, Volume, Weight
from pumpd.texts import text

ORDERED = "order_accepted"
AFTER_THE_END = ("unprescribed_flow", "delivery_reconciled")  # still about the infusion
BOOKED = "booked_after_loss"  # the journal lost what followed the order
CORRECTED = "dose_corrected"  # by two people; `started`: when it began

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError, AttributeError)

Q = TypeVar("Q", bound=Quantity)


class Doses:
    """Takes the entries of sessions as they come; `all` gives the doses."""

    def __init__(self) -> None:
        self._infusions: dict[str, _Infusion] = {}

    def take(self, entries: Iterable[Record]) -> None:
        """Take entries; those of a session in the order of their ids. One that was taken before is left out.

        Raises JournalError at an order that cannot be read, each time.
        """
        for entry in entries:
            one = self._infusions.get(entry.session)
            if one is None and entry.kind == ORDERED:
                self._infusions[entry.session] = _ordered(entry)
            elif one is not None and entry.id > one.taken:
                one.take(entry)
                one.taken = entry.id

    def taken(self, session: str) -> int:
        """The last entry of this session that was taken; 0 when there is none."""
        one = self._infusions.get(session)
        return 0 if one is None else one.taken

    def number(self, session: str) -> int | None:
        """The entry of its order; None when it was not taken."""
        one = self._infusions.get(session)
        return None if one is None else one.number

    def ended(self, session: str) -> bool:
        """Whether its end was taken."""
        one = self._infusions.get(session)
        return one is not None and one.ended

    def sessions_of(self, patient: str) -> list[str]:
        """The sessions of a patient that were taken; case does not matter."""
        whose = patient.casefold()
        return [session for session, one in list(self._infusions.items()) if one.patient.casefold() == whose]

    def all(self, live: Collection[str] = ()) -> tuple[Dose, ...]:
        """The doses by order. `live` are the sessions that this process has under way, started or not."""
        return self._doses(self._infusions, live)

    def of_patient(self, patient: str, live: Collection[str] = ()) -> tuple[Dose, ...]:
        """The doses of one patient; case does not matter."""
        return self._doses(self.sessions_of(patient), live)

    def of_sessions(self, sessions: Collection[str], live: Collection[str] = ()) -> tuple[Dose, ...]:
        """The doses of these sessions."""
        return self._doses((each for each in self._infusions if each in sessions), live)

    def _doses(self, sessions: Iterable[str], live: Collection[str]) -> tuple[Dose, ...]:
        found = (self._infusions[each].dose(each, live=each in live) for each in sessions)
        return tuple(dose for dose in found if dose is not None)

    def possible(self, session: str, now_ns: int) -> Between:
        """When the dose of this session can have begun, by the order of the entries. Raises KeyError."""
        one = self._infusions[session]
        others = [(each.number, each.ordered_ns) for name, each in self._infusions.items() if name != session]
        return between(one.began_number or one.number, others, one.lasted_ns, now_ns)

    def corrected(self, session: str) -> bool:
        """Whether two people have corrected its instants. Raises KeyError."""
        return self._infusions[session].corrected_ns is not None


@dataclass(slots=True)
class _Infusion:
    """The sum of one session's entries so far. Wall time stays text, which sorts like the time itself.

    `number`, `taken` and `began_number` are the entries of the order, of the last one so far, and of the first flow.
    Lengths in nanoseconds since the order are by the monotonic clock; where a process ended, by wall time, or the
    longest when that is impossible.
    """

    number: int
    taken: int  # the last entry so far
    boot: str
    mono_ns: int  # of the last entry so far
    pump: str
    patient: str
    drug: str
    substance: frozenset[str]
    treatment: str
    course: str
    weight: Weight
    weight_basis: str
    entry: str
    container: str
    concentration: Concentration
    ordered: Mass
    program: PumpProgram
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
    completed: bool = False
    reading: Record | None = None
    flowed_ns: int = 0
    corrected_ns: int | None = None  # the start, as two people corrected it
    began_number: int = 0
    began_after_ns: int = 0
    flowed_after_ns: int = 0
    seen_after_ns: int = 0

    @property
    def longest_ns(self) -> int:
        """The whole program at its rates."""
        return self.program.duration.ns

    @property
    def lasted_ns(self) -> int:
        """From the first flow to the last recorded instant."""
        return self.seen_after_ns - self.began_after_ns

    @property
    def ordered_ns(self) -> int:
        """When it was ordered, as far as that was corrected."""
        return ns_of(self.since) if self.corrected_ns is None else self.corrected_ns - self.began_after_ns

    def take(self, entry: Record) -> None:
        if entry.kind == CORRECTED:
            self._correct(entry)
            return
        if self.ended and entry.kind not in AFTER_THE_END:
            return  # the pump's later entries are not about this infusion
        self._pass_time(entry)
        self.set_back |= entry.ts < self.last
        self.last, self.seen = entry.ts, max(self.seen, entry.ts)
        if self.flowing:
            self.flowed, self.flowed_after_ns = entry.ts, self.seen_after_ns
        if entry.kind == "reading":  # by far the most entries; the volume never falls, so the last one is enough
            self.reading = entry
            return
        try:
            self._note(entry)
        except _UNREADABLE:
            self.doubtful = True

    def _pass_time(self, entry: Record) -> None:
        if entry.boot == self.boot:
            passed_ns = entry.mono_ns - self.mono_ns
        else:
            passed_ns = ns_of(entry.ts) - ns_of(self.last)
            if not 0 <= passed_ns <= DAY.ns:
                passed_ns = self.longest_ns
        self.seen_after_ns += max(passed_ns, 0)
        self.boot, self.mono_ns = entry.boot, entry.mono_ns

    def _note(self, entry: Record) -> None:
        match entry.kind:
            case "intent_start":
                self._flow(entry)
            case "state_changed" if entry.fields["may_flow"]:
                self._flow(entry)
            case "state_changed":
                self.flowing = False
            case "stop_confirmed":
                self.booked = max(self.booked, _volume(entry.fields, "delivered_ml"))
            case "infusion_ended":
                self.booked = max(self.booked, _volume(entry.fields, "booked_ml", "delivered_ml"))
                self.ended, self.completed = True, entry.fields.get("outcome") == "completed"
                self.flowed_ns = int(float(entry.fields.get("running_s", 0)) * NS_PER_S)
            case "delivery_reconciled":  # in doubt even after the end, a person may read more than was booked
                self.booked = max(self.booked, _volume(entry.fields, "volume_ml"))
            case "booked_after_loss":
                self.doubtful = True
            case "unprescribed_flow" if entry.fields["stopping"]:  # it was this infusion's pump
                self.doubtful = True

    def _correct(self, entry: Record) -> None:
        try:
            self.corrected_ns = ns_of(entry.fields["started"])
        except _UNREADABLE:
            self.doubtful = True

    def _flow(self, entry: Record) -> None:
        if self.began is None:
            self.began_number, self.began_after_ns = entry.id, self.seen_after_ns
        self.flowing, self.began = True, min(self.began or entry.ts, entry.ts)

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
        started_ns, ended_ns, seen_ns = self._instants(open_end=live or doubtful)
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
            entry=self.entry,
            container=self.container,
            concentration=self.concentration,
            program=self.program,
            completed=self.completed,
            flowed_ns=self.flowed_ns,
            started_ns=started_ns,
            ended_ns=ended_ns,
            seen_ns=seen_ns,
            ordered=self.ordered,
            given=mass,
            still=max(self.ordered - mass, NONE) if live else NONE,
            running=live,
            uncertain=doubtful,
        )

    def _instants(self, *, open_end: bool) -> tuple[int, int, int]:
        """When it began and ended, and the last recorded instant. `open_end`: flow may have gone on after that."""
        if self.corrected_ns is None:
            seen_ns = ns_of(self.seen)
            ended_ns = seen_ns + self.longest_ns if open_end or self.set_back else ns_of(self.flowed or self.seen)
            return ns_of(self.began or self.since), ended_ns, seen_ns
        seen_ns = self.corrected_ns + self.lasted_ns
        flowed_ns = self.flowed_after_ns - self.began_after_ns if self.flowed else self.lasted_ns
        return self.corrected_ns, seen_ns + self.longest_ns if open_end else self.corrected_ns + flowed_ns, seen_ns


def _ordered(entry: Record) -> _Infusion:
    try:
        program = entry.fields["program"]
        order, drug, steps = program["prescription"], program["entry"], program["pump_program"]["steps"]
        held = PumpProgram(tuple(RateStep(_read(Rate, step["rate"]), _read(Volume, step["volume"])) for step in steps))
        return _Infusion(
            number=entry.id,
            taken=entry.id,
            boot=entry.boot,
            mono_ns=entry.mono_ns,
            pump=entry.pump,
            patient=order["patient"],
            drug=drug["drug"],
            substance=_substance(drug),
            treatment=program.get("treatment") or "",
            weight=_read(Weight, order["weight"]),
            weight_basis=order["weight_basis"],
            course=order.get("course") or "",
            entry=order["entry"],
            container=order["container"],
            concentration=_read(Concentration, drug["concentration"]),
            ordered=_read(Mass, program["dose"]),
            program=held,
            since=entry.ts,
            last=entry.ts,
            seen=entry.ts,
        )
    except _UNREADABLE as error:
        raise JournalError(
            text(
                "journal.order_unreadable",
                "journal entry {number}: the order cannot be read, so a dose would be missing",
                number=entry.id,
            )
        ) from error


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


def ns_of(ts: str) -> int:
    """The instant in nanoseconds since 1970."""
    return (datetime.fromisoformat(ts) - _EPOCH) // _MICROSECOND * 1000
