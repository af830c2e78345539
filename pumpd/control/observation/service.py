"""The observations under way, by session; kept in the journal and recovered from it after a restart (WIN-12, PWR-13).

Promises:
- One begins when an infusion that flowed has ended. Only a person ends it before its time, and gives a reason.
- The next infusion on the pump does not affect it: a pump can have several, one for each of its last patients.
- A treatment in several deliveries has one observation, after the last of them.
- One that nobody ends is closed on record: once it is over and the next one on that pump begins, or after two days.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.recovery import LOOK_BACK, moved_by
from pumpd.control.observation.observation import Observation, ObservationError, Vitals
from pumpd.control.observation.summary import summary
from pumpd.control.plasma import PlasmaService
from pumpd.dosing.observed import OBSERVED_NS
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError, JournalReader, Record
from pumpd.journal.writer import JournalWriter
from pumpd.known_texts import recognised_in
from pumpd.quantities import NS_PER_S
from pumpd.texts import text

STARTED, VITALS, ENDED = "observation_started", "vitals_recorded", "observation_ended"
FORGOTTEN_NS = 48 * 3600 * NS_PER_S  # longer than a restart can seem to take when the clock was set back


@dataclass(frozen=True, slots=True)
class Found:
    """What a journal shows. `unrecorded` began, but the previous process died before it could record that."""

    under_way: Sequence[Observation] = ()
    unrecorded: Sequence[Observation] = ()


class ObservationService:
    def __init__(self, journal: JournalWriter, plasma: PlasmaService, clock: Clock, found: Found) -> None:
        """`found`: the observations that were under way before a restart."""
        self.under_way = {each.session: each for each in (*found.under_way, *found.unrecorded)}
        self._journal, self._plasma, self._clock = journal, plasma, clock
        self._begun = set(self.under_way)  # sessions
        for each in found.unrecorded:
            self._note_started(each)

    def of_pump(self, pump: str) -> list[Observation]:
        """The observations after infusions on this pump, newest first."""
        return [each for each in self.under_way.values() if each.pump == pump][::-1]

    def check(self, runners: Iterable[PumpService]) -> None:
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
                self._end(each, "pumpd", text("observation.two_days", "nobody ended it within two days"))

    def _begin(self, runner: PumpService, session: str) -> None:
        self._begun.add(session)
        now = self._clock.monotonic_ns()
        for each in self.of_pump(runner.name):
            if now >= each.until_ns:
                self._end(
                    each,
                    "pumpd",
                    text("observation.next_ended", "its time is over and the next infusion on this pump has ended"),
                )
        assert runner.infusion is not None  # it has ended
        treatment = runner.infusion.treatment or session
        for each in [*self.under_way.values()]:
            if each.treatment == treatment:
                self._end(
                    each,
                    "pumpd",
                    text(
                        "observation.continues",
                        "the rest of the treatment was given; the observation continues after it",
                    ),
                )
        estimate = self._plasma.estimate(runner)
        result = summary(runner.infusion, runner.program, estimate, self._clock.instant())
        began = self.under_way[session] = Observation(
            session, runner.infusion.patient, now, pump=runner.name, treatment=treatment, summary=dict(result)
        )
        self._note_started(began)

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
            "lasted_s": f"{(now - observation.since_ns) / NS_PER_S:.1f}",
            "vitals": len(observation.vitals),
            "missed": observation.missed(now),
        }
        self._note(ENDED, observation, body)
        del self.under_way[observation.session]

    def _find(self, pump: str, session: str) -> Observation:
        observation = self.under_way.get(session)
        if observation is None or observation.pump != pump:
            raise ObservationError(
                text("observation.none", "observation: none is under way after this infusion on {pump}", pump=pump)
            )
        return observation

    def _note_started(self, began: Observation) -> None:
        body = {
            "patient": began.patient,
            "treatment": began.treatment,
            "lasts_s": OBSERVED_NS // NS_PER_S,
            "summary": dict(began.summary),
        }
        self._journal.post([Entry(STARTED, body, began.pump, began.session, began.since_ns)])

    def _note(self, kind: str, observation: Observation, body: Mapping[str, Any]) -> None:
        now = self._clock.monotonic_ns()
        self._journal.post([Entry(kind, body, observation.pump, observation.session, now)])


def find(reader: JournalReader, clock: Clock, time_known: Callable[[str], bool]) -> Found:
    """The observations that were under way, in the order in which they began. `time_known`: whether the wall clock is
    right now, as far as this pump asks for that. Raises JournalError.
    """

    def at_ns(entry: Record) -> int:
        """The latest instant at which it can have been: nobody is observed for too short a time."""
        return entry.mono_ns + moved_by(reader, entry, clock, time_known=time_known(entry.pump)).shortest

    began, ended = reader.last(LOOK_BACK, STARTED), reader.last(LOOK_BACK, ENDED)
    recorded, over = {entry.session for entry in began}, {entry.session for entry in ended}
    vitals = reader.last(LOOK_BACK, VITALS)
    under_way = [
        Observation(
            entry.session,
            str(entry.fields.get("patient", "")),
            at_ns(entry),
            tuple(_vitals(each, at_ns(each)) for each in vitals if each.session == entry.session),
            entry.pump,
            str(entry.fields.get("treatment", "")),
            recognised_in(dict(entry.fields.get("summary") or {})),
        )
        for entry in began
        if entry.session not in over
    ]
    infusions = {entry.session: entry for entry in reader.last(LOOK_BACK, "began")}
    unrecorded = [
        Observation(
            entry.session,
            str(infusions[entry.session].fields["infusion"].get("patient", "")),
            at_ns(entry),
            pump=entry.pump,
            treatment=str(infusions[entry.session].fields["infusion"].get("treatment") or entry.session),
            summary=recognised_in(entry.fields),
        )
        for entry in reader.last(LOOK_BACK, "infusion_ended")
        if entry.session not in recorded and entry.session in infusions and float(entry.fields["elapsed_s"]) > 0
    ]
    now = clock.monotonic_ns()
    return Found(under_way, [each for each in unrecorded if now < each.until_ns])


def _vitals(entry: Record, at_ns: int) -> Vitals:
    try:
        fields = dict(entry.fields)
        return Vitals(at_ns, str(fields.pop("by", "")), **fields)
    except (ValueError, TypeError) as error:
        raise JournalError(f"journal entry {entry.id} ({entry.kind}) cannot be read: {error}") from error
