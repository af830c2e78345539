"""The observations under way, by session; kept in the journal and found there again after a restart (WIN-12, PWR-13).

Promises:
- One begins when an infusion that flowed has ended. Only a person ends it before its time, and gives a reason.
- The next infusion on the pump does not touch it: a pump can have several, one for each of its last patients.
- One that nobody ends is closed on record: once it is over and the next one on that pump begins, or after two days.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pumpd.control.infusions.recovery import LOOK_BACK, gone_since
from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.observation.observation import LASTS_NS, NS, Observation, ObservationError, Vitals
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError, JournalReader, Record
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter

STARTED, VITALS, ENDED = "observation_started", "vitals_recorded", "observation_ended"
FORGOTTEN_NS = 48 * 3600 * NS  # longer than the time that a clock set back makes of a restart


class ObservationService:
    def __init__(self, journal: JournalWriter, clock: Clock, found: Iterable[Observation] = ()) -> None:
        """`found`: those that were under way before a restart, in the order in which they began."""
        self.under_way = {each.session: each for each in found}
        self._journal, self._clock = journal, clock
        self._begun = set(self.under_way)  # sessions

    def of_pump(self, pump: str) -> list[Observation]:
        """Those after infusions on this pump, the newest first."""
        return [each for each in self.under_way.values() if each.pump == pump][::-1]

    def check(self, runners: Iterable[PumpRunner]) -> None:
        """Begin an observation where an infusion that flowed has ended."""
        for runner in runners:
            infusion = runner.infusion
            if infusion is None or not infusion.state.ended or infusion.started_ns is None:
                continue
            if infusion.place.session not in self._begun:
                self._begin(runner, infusion.place.session)
        now = self._clock.monotonic_ns()
        for each in [*self.under_way.values()]:
            if now - each.since_ns >= FORGOTTEN_NS:
                self._end(each, "pumpd", "nobody ended it within two days")

    def _begin(self, runner: PumpRunner, session: str) -> None:
        self._begun.add(session)
        now = self._clock.monotonic_ns()
        for each in self.of_pump(runner.name):
            if now >= each.until_ns:
                self._end(each, "pumpd", "its time is over and the next infusion on this pump has ended")
        patient = runner.program.prescription.patient if runner.program else ""
        result = summary(runner, now, self._clock)
        began = self.under_way[session] = Observation(session, patient, now, pump=runner.name, summary=result)
        self._note(STARTED, began, {"patient": patient, "lasts_s": LASTS_NS // NS, "summary": result})

    def vitals(self, pump: str, session: str, by: str, numbers: Mapping[str, int]) -> None:
        """Raises ObservationError."""
        taken = Vitals(self._clock.monotonic_ns(), by, **numbers)
        observation = self.under_way[session] = self._find(pump, session).with_vitals(taken)
        self._note(VITALS, observation, {"by": by, **numbers})

    def end(self, pump: str, session: str, by: str, reason: str) -> None:
        """Raises ObservationError."""
        observation = self._find(pump, session)
        observation.check_end(reason, self._clock.monotonic_ns())
        self._end(observation, by, reason)

    def _end(self, observation: Observation, by: str, reason: str) -> None:
        now = self._clock.monotonic_ns()
        body = {
            "by": by,
            "reason": reason,
            "completed": now >= observation.until_ns,
            "lasted_s": f"{(now - observation.since_ns) / NS:.1f}",
            "vitals": len(observation.vitals),
            "missed": observation.missed(now),
        }
        self._note(ENDED, observation, body)
        del self.under_way[observation.session]

    def _find(self, pump: str, session: str) -> Observation:
        observation = self.under_way.get(session)
        if observation is None or observation.pump != pump:
            raise ObservationError(f"observation: none is under way after this infusion on {pump}")
        return observation

    def _note(self, kind: str, observation: Observation, body: Mapping[str, Any]) -> None:
        now = self._clock.monotonic_ns()
        self._journal.post([Entry(kind, body, observation.pump, observation.session, now)])


def summary(runner: PumpRunner, now_ns: int, clock: Clock) -> dict[str, Any]:
    """The result of an infusion, for people. Quantities are text."""
    infusion, program = runner.infusion, runner.program
    assert infusion is not None  # the caller has checked
    found: dict[str, Any] = {
        "outcome": infusion.state.value,
        "reason": infusion.reason,
        "delivered_ml": infusion.delivered.number,
        "booked_ml": infusion.booked(now_ns).number,
        "undelivered_ml": infusion.remaining.number,
        "running_s": round(infusion.running_ns(now_ns) / NS, 1),
        "elapsed_s": round(infusion.elapsed_ns(now_ns) / NS, 1),
        "pauses": infusion.pauses,
        "started_ts": None if infusion.started_ns is None else _wall(infusion.started_ns, now_ns, clock),
        "ended_ts": _wall(infusion.since_ns, now_ns, clock),
        "confirmed_by": infusion.confirmed_by or None,
        "deviations": [code.value for code, _ in infusion.tripped],
        "prescribed_ml": infusion.prescribed.number,
    }
    if program is not None:
        mass_in = program.entry.concentration.mass_in
        found |= {
            "drug": program.entry.drug,
            "prescribed_mg": mass_in(infusion.prescribed).number,
            "delivered_mg": mass_in(infusion.delivered).number,
            "undelivered_mg": mass_in(infusion.remaining).number,
        }
    return found


def _wall(at_ns: int, now_ns: int, clock: Clock) -> str:
    return timestamp(clock.now() - timedelta(seconds=clock.loop_seconds(now_ns - at_ns)))


def find(reader: JournalReader, clock: Clock) -> tuple[Observation, ...]:
    """The observations that are under way according to the journal. Raises JournalError."""
    ended = {entry.session for entry in reader.last(LOOK_BACK, ENDED)}
    vitals = reader.last(LOOK_BACK, VITALS)
    return tuple(
        _observation(entry, [each for each in vitals if each.session == entry.session], reader, clock)
        for entry in reader.last(LOOK_BACK, STARTED)
        if entry.session not in ended
    )


def _observation(began: Record, vitals: Sequence[Record], reader: JournalReader, clock: Clock) -> Observation:
    since_ns = began.mono_ns + gone_since(reader, began, clock)
    taken = tuple(_vitals(each, reader, clock) for each in vitals)
    fields = began.fields
    patient = str(fields.get("patient", ""))
    return Observation(began.session, patient, since_ns, taken, began.pump, fields.get("summary") or {})


def _vitals(entry: Record, reader: JournalReader, clock: Clock) -> Vitals:
    try:
        fields = dict(entry.fields)
        return Vitals(entry.mono_ns + gone_since(reader, entry, clock), str(fields.pop("by", "")), **fields)
    except (ValueError, TypeError) as error:
        raise JournalError(f"journal entry {entry.id} ({entry.kind}) cannot be read: {error}") from error
