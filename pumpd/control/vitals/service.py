"""The last vital signs of the patient at each pump, and what is passed on to the infusion there.

Promises:
- What arrives can stop an infusion. It never starts, resumes or changes one, and it never keeps a pump waiting.
- A sample belongs to one patient: the one whom the monitor names, or else the one at the pump when it came. No infusion
  of another patient uses it.
- An infusion gets one event a second at most. A sample that stops it is passed on at once (RUN-07).
- After a restart only the infusion's own samples are known, from the journal. Everything else is missing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.refused import RefusedError
from pumpd.control.vitals.rules import rules_of
from pumpd.control.vitals.state import state_of
from pumpd.host.clock import Clock
from pumpd.host.turns import Turns
from pumpd.infusion import events as ev
from pumpd.infusion.vitals import VitalSample, newest
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages.requests import VitalSigns
from pumpd.messages.state import VitalSignsState
from pumpd.quantities import NS_PER_S
from pumpd.settings_vitals import VitalsSettings
from pumpd.texts import text
from pumpd.vital_signs import PLAUSIBLE, Sign, impossible

EVERY_S = 1.0
PATIENCE_S = 5.0
OLDEST_S = 24 * 3600
TABLET = "tablet"


@dataclass(frozen=True, slots=True)
class Held:
    """The newest samples of one patient."""

    patient: str
    samples: tuple[VitalSample, ...]


class VitalsService:
    def __init__(self, settings: VitalsSettings | None, pumps: Pumps, journal: JournalWriter, clock: Clock) -> None:
        """`settings` None: nothing is taken, and no infusion has rules."""
        self.rules = None if settings is None else rules_of(settings).for_time_scale(clock.scale)
        self._pumps, self._journal, self._clock = pumps, journal, clock
        self._held: dict[str, Held] = {}  # by pump
        self._turns = Turns(PATIENCE_S)

    # -- what arrives ------------------------------------------------------------------------------------------------

    def received(self, message: VitalSigns) -> dict[str, Any]:
        """Take what a monitor measured. Returns what was taken, and why the rest was not. Raises RefusedError."""
        if message.age_s < 0:
            raise RefusedError(text("vitals.future", "vitals: measured in the future; check the monitor's clock"))
        if message.age_s > OLDEST_S:
            raise RefusedError(text("vitals.too_old", "vitals: measured more than a day ago"))
        runner = self._runner(message.pump)
        patient = _patient(runner)
        if message.patient is not None and patient not in ("", message.patient):
            raise RefusedError(
                text(
                    "vitals.other_patient",
                    "vitals: {pump} is another patient's; check which bed the monitor is at",
                    pump=runner.name,
                )
            )
        at_ns = self._now() - int(message.age_s * NS_PER_S) * self._clock.scale
        values = {sign: value for sign in Sign if (value := getattr(message, sign)) is not None}
        samples = [VitalSample(sign, value, at_ns, f"monitor {message.source}") for sign, value in values.items()]
        return self._take(runner, message.patient or patient, samples)

    def entered(self, pump: str, by: str, values: Mapping[str, int]) -> None:
        """Take what a person entered on a tablet. Raises RefusedError; then nothing of it was taken."""
        runner = self._runner(pump)
        patient = _patient(runner)
        if not patient:
            raise RefusedError(
                text(
                    "vitals.no_patient", "vitals: {pump} has no patient; associate it with the patient first", pump=pump
                )
            )
        samples = [VitalSample(Sign(name), value, self._now(), TABLET) for name, value in values.items()]
        if wrong := impossible({each.sign: each.value for each in samples}, PLAUSIBLE):
            raise RefusedError(*dict.fromkeys(wrong.values()))
        self._journal.post([Entry("vitals_entered", {"by": by, **values}, pump, _session(runner), self._now())])
        self._take(runner, patient, samples)

    def _runner(self, pump: str) -> PumpService:
        if self.rules is None:
            raise RefusedError(
                text(
                    "vitals.not_configured",
                    "vitals: this gateway takes no vital signs; the section [vitals] is not configured",
                )
            )
        return self._pumps.named(pump)

    def _take(self, runner: PumpService, patient: str, samples: Sequence[VitalSample]) -> dict[str, Any]:
        known = self._known(runner, patient)
        held, refused = newest(known, samples, self._now())
        taken = [each.sign.value for each in samples if each in held]
        if not taken:
            raise RefusedError(*(refused or (text("vitals.none_in_this", "vitals: there is no vital sign in this"),)))
        self._held[runner.name] = Held(patient, held)
        if _stops(runner, held):
            self._pass_on(runner)
        return {"taken": taken, "refused": list(refused)}

    # -- what is passed on -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            self._turns.turned()
            await asyncio.sleep(EVERY_S)
            for name in self._held:
                self._pass_on(self._pumps.named(name))

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    def _pass_on(self, runner: PumpService) -> None:
        """Give the infusion what is new since the last time."""
        infusion, held = runner.infusion, self._held[runner.name]
        if infusion is None or not runner.active or infusion.vital_rules is None or held.patient != infusion.patient:
            return
        if new := tuple(each for each in held.samples if each not in infusion.vitals):
            runner.feed(ev.VitalsTaken(self._now(), new))

    def before(self, runner: PumpService, patient: str) -> tuple[VitalSample, ...]:
        """What a new infusion of this patient begins with: samples that are recent enough for its baseline."""
        if self.rules is None:
            return ()
        oldest_ns = self._now() - self.rules.baseline_ns
        return tuple(each for each in self._of(runner, patient) if each.at_ns >= oldest_ns)

    # -- what is known -----------------------------------------------------------------------------------------------

    def under_way(self, pump: str, session: str) -> bool:
        """Whether this session is the infusion under way on this pump. Raises RefusedError."""
        runner = self._pumps.named(pump)
        return runner.active and _session(runner) == session

    def shown(self, runner: PumpService) -> VitalSignsState | None:
        """None where vital signs are not configured."""
        if self.rules is None:
            return None
        infusion = runner.infusion if runner.active else None
        rules = self.rules if infusion is None else infusion.vital_rules or self.rules
        first = infusion is None or infusion.started_ns is None
        return state_of(rules, self._known(runner, _patient(runner)), self._clock.instant(), first=first)

    def _known(self, runner: PumpService, patient: str) -> tuple[VitalSample, ...]:
        """The newest samples of this patient, with those of the infusion."""
        own, infusion = self._of(runner, patient), runner.infusion
        if infusion is None or not runner.active or infusion.patient != patient:
            return own
        return newest(infusion.vitals, own, self._now())[0]

    def _of(self, runner: PumpService, patient: str) -> tuple[VitalSample, ...]:
        held = self._held.get(runner.name)
        return held.samples if held is not None and held.patient == patient else ()

    def _now(self) -> int:
        return self._clock.monotonic_ns()


def _patient(runner: PumpService) -> str:
    """Who is at this pump, as far as that is known; empty when it is not."""
    return runner.infusion.patient if runner.active and runner.infusion is not None else runner.patient


def _session(runner: PumpService) -> str:
    return runner.infusion.place.session if runner.active and runner.infusion is not None else ""


def _stops(runner: PumpService, samples: Sequence[VitalSample]) -> bool:
    """An infusion flows there that these samples stop."""
    infusion = runner.infusion
    if infusion is None or infusion.vital_rules is None or not infusion.state.may_flow or infusion.state.ending:
        return False
    return bool(infusion.vital_rules.danger(samples))
