"""The observations after infusions, one a pump, kept in the journal and found there again after a restart (PWR-13)."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.recovery import LOOK_BACK, gone_since
from pumpd.control.observation.observation import LASTS_NS, NS, Observation, ObservationError, Vitals
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError, JournalReader, Record
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter

STARTED, VITALS, ENDED = "observation_started", "vitals_recorded", "observation_ended"


@dataclass(frozen=True, slots=True)
class Care:
    """An observation and what the infusion before it came to."""

    observation: Observation
    summary: Mapping[str, Any]


class ObservationService:
    def __init__(self, journal: JournalWriter, clock: Clock, found: Mapping[str, Care] | None = None) -> None:
        self.cares: dict[str, Care] = dict(found or {})
        self._journal, self._clock = journal, clock
        self._begun = {care.observation.session for care in self.cares.values()}

    def see(self, runners: Iterable[PumpService]) -> None:
        """Begin an observation where an infusion that flowed has ended."""
        for runner in runners:
            infusion = runner.infusion
            if infusion is None or not infusion.state.ended or infusion.started_ns is None:
                continue
            session = infusion.place.session
            if session in self._begun:
                continue
            self._begun.add(session)
            if runner.name in self.cares:
                self._end(runner.name, "pumpd", "the next infusion on this pump has ended")
            now = self._clock.monotonic_ns()
            patient = runner.program.prescription.patient if runner.program else ""
            care = Care(Observation(session, patient, now), summary(runner, now, self._clock))
            self.cares[runner.name] = care
            self._note(
                STARTED, runner.name, {"patient": patient, "lasts_s": LASTS_NS // NS, "summary": dict(care.summary)}
            )

    def vitals(self, pump: str, by: str, numbers: Mapping[str, int]) -> None:
        """Raises ObservationError."""
        care = self._care(pump)
        observation = care.observation.with_vitals(Vitals(self._clock.monotonic_ns(), by, **numbers))
        self.cares[pump] = dataclasses.replace(care, observation=observation)
        self._note(VITALS, pump, {"by": by, **numbers})

    def end(self, pump: str, by: str, reason: str) -> None:
        """Raises ObservationError."""
        self._care(pump).observation.check_end(reason, self._clock.monotonic_ns())
        self._end(pump, by, reason)

    def _end(self, pump: str, by: str, reason: str) -> None:
        observation, now = self._care(pump).observation, self._clock.monotonic_ns()
        body = {
            "by": by,
            "reason": reason,
            "completed": now >= observation.until_ns,
            "lasted_s": f"{(now - observation.since_ns) / NS:.1f}",
            "vitals": len(observation.vitals),
            "missed": observation.missed(now),
        }
        self._note(ENDED, pump, body)
        del self.cares[pump]

    def _care(self, pump: str) -> Care:
        if pump not in self.cares:
            raise ObservationError(f"observation: none is under way after an infusion on {pump}")
        return self.cares[pump]

    def _note(self, kind: str, pump: str, body: Mapping[str, Any]) -> None:
        session = self.cares[pump].observation.session
        self._journal.post([Entry(kind, body, pump, session, self._clock.monotonic_ns())])


def summary(runner: PumpService, now_ns: int, clock: Clock) -> dict[str, Any]:
    """What an infusion came to, for people. Quantities are text."""
    infusion, program = runner.infusion, runner.program
    assert infusion is not None  # the caller has seen it end
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


def find(reader: JournalReader, clock: Clock) -> dict[str, Care]:
    """The observations that the journal says are under way, by pump. Raises JournalError."""
    ended = {row.session for row in reader.last(LOOK_BACK, ENDED)}
    taken = reader.last(LOOK_BACK, VITALS)
    found: dict[str, Care] = {}
    for row in reader.last(LOOK_BACK, STARTED):
        if row.session in ended:
            found.pop(row.pump, None)
            continue
        own = [_vitals(each, reader, clock) for each in taken if each.session == row.session]
        since = row.mono_ns + gone_since(reader, row, clock)
        observation = Observation(row.session, str(row.fields.get("patient", "")), since, tuple(own))
        if clock.monotonic_ns() - since < 12 * LASTS_NS:  # a day later it is no more than forgotten
            found[row.pump] = Care(observation, row.fields.get("summary") or {})
    return found


def _vitals(row: Record, reader: JournalReader, clock: Clock) -> Vitals:
    try:
        fields = dict(row.fields)
        return Vitals(row.mono_ns + gone_since(reader, row, clock), str(fields.pop("by", "")), **fields)
    except (ValueError, TypeError) as error:
        raise JournalError(f"journal row {row.id} ({row.kind}) cannot be understood: {error}") from error
