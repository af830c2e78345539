"""The estimated plasma concentration of each pump's patient: what a program leads to, and what it is now (PRG-23).

Promises:
- It is shown and decides nothing. After a failure here, which is logged once, nothing is shown for that infusion, and
  nothing else changes.
- The running estimate follows the volume that the pump counted, not the program.
- After a restart it continues from the infusion in the journal, as if what was given had been given evenly. It shows
  nothing until the earlier doses were read, nor in an observation that began before the restart.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import structlog

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.planning import Planned
from pumpd.dosing import RateProgram
from pumpd.dosing.history import History
from pumpd.dosing.plasma import DAY_MIN, Delivery, Estimate, has_models, predict
from pumpd.host.clock import Clock
from pumpd.host.turns import Turns
from pumpd.infusion import Infusion
from pumpd.messages.state import PlasmaBand
from pumpd.quantities import NS_PER_S, Concentration, Volume

log = structlog.get_logger("pumpd.control")

CHECK_NS = 10 * NS_PER_S  # in which what was given counts as given evenly
PATIENCE_S = 15.0
_MIN_NS = 60 * NS_PER_S

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Running:
    """The estimate of one infusion at an instant, when the pump had counted this volume."""

    session: str
    estimate: Estimate
    at_ns: int
    delivered: Volume


class PlasmaService:
    def __init__(self, runners: Mapping[str, PumpService], past: DoseHistory, clock: Clock) -> None:
        self._runners, self._past, self._clock = runners, past, clock
        self._running: dict[str, _Running] = {}  # by pump
        self._failed: set[str] = set()  # sessions
        self._turns = Turns(PATIENCE_S)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def of_planned(self, planned: Planned) -> PlasmaBand | None:
        """What a program that nobody has ordered yet leads to; None for a drug without models."""
        return self._guarded("", lambda: self._of_planned(planned))

    def of_loaded(self, runner: PumpService) -> PlasmaBand | None:
        """What the program that this pump holds leads to, if it starts now; None while that is not known."""
        before, program = self.estimate(runner), runner.program
        if before is None or program is None:
            return None
        return self._guarded(_session(runner), lambda: _predicted(program, before))

    def estimate(self, runner: PumpService) -> Estimate | None:
        """Of the present infusion on this pump, at the last check; None while it is not known."""
        running = self._running.get(runner.name)
        return None if running is None or running.session != _session(runner) else running.estimate

    # -- what keeps it up to date ------------------------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            self._turns.turned()
            await asyncio.sleep(self._clock.loop_seconds(CHECK_NS))
            self.check()

    @property
    def overdue(self) -> bool:
        return self._turns.overdue

    def check(self) -> None:
        """Take what the pumps have counted since the last check."""
        for runner in self._runners.values():
            self._check(runner)

    def _check(self, runner: PumpService) -> None:
        running = self._guarded(_session(runner), lambda: self._advanced(runner))
        if running is None:
            self._running.pop(runner.name, None)
        else:
            self._running[runner.name] = running

    def _guarded(self, session: str, compute: Callable[[], T | None]) -> T | None:
        if session in self._failed:
            return None
        try:
            return compute()
        except Exception:  # what is only shown must neither stop a pump nor keep it from starting
            log.exception("plasma_not_estimated", session=session)
            if session:
                self._failed.add(session)
            return None

    def _advanced(self, runner: PumpService) -> _Running | None:
        infusion, program, now_ns = runner.infusion, runner.program, self._clock.monotonic_ns()
        if infusion is None or program is None or not has_models(program.entry):
            return None
        last, delivered = self._running.get(runner.name), infusion.delivered
        if last is None or last.session != infusion.place.session:
            before = self._before(infusion, program, now_ns)
            return None if before is None else _Running(infusion.place.session, before, now_ns, delivered)
        at_ns = infusion.reading.asked_ns if infusion.state.may_flow and infusion.reading is not None else now_ns
        at_ns, delivered = max(at_ns, last.at_ns), max(delivered, last.delivered)
        given_mg = _mg(program.entry.concentration, delivered - last.delivered)
        estimate = last.estimate.advanced((at_ns - last.at_ns) / _MIN_NS, given_mg)
        if infusion.started_ns is None:
            estimate = estimate.from_here
        return _Running(infusion.place.session, estimate, at_ns, delivered)

    def _before(self, infusion: Infusion, program: RateProgram, now_ns: int) -> Estimate | None:
        """What the patient holds when an infusion is first seen here; None until the earlier doses were read."""
        if not self._past.knows(program.prescription.patient):
            return None
        deliveries = [*self._earlier(program, infusion.place.session)]
        if infusion.started_ns is not None:
            ended_ns = min(infusion.flow_ended_ns or now_ns, now_ns)
            given_mg = _mg(program.entry.concentration, infusion.delivered)
            lasted_min = max(0, ended_ns - infusion.started_ns) / _MIN_NS
            deliveries.append(Delivery(lasted_min, (now_ns - ended_ns) / _MIN_NS, given_mg))
        return _empty(program).with_earlier(deliveries)

    def _of_planned(self, planned: Planned) -> PlasmaBand | None:
        program = planned.program
        if not has_models(program.entry):
            return None
        return _predicted(program, _empty(program).with_earlier(self._earlier(program)))

    def _earlier(self, program: RateProgram, but: str = "") -> Iterator[Delivery]:
        """The patient's deliveries of this substance within a day, except those of one session."""
        now_ns = int(self._clock.now().timestamp() * NS_PER_S)
        same, patient = program.entry.substance.identifiers, program.prescription.patient
        found = History.of(self._past.of_patient(patient, ()), patient, same)
        for dose in (dose for treatment in found.treatments for dose in treatment.deliveries):
            started_min_ago, ended_min_ago = (
                (now_ns - at_ns) * self._clock.scale / _MIN_NS for at_ns in (dose.started_ns, dose.ended_ns)
            )
            if dose.session == but or started_min_ago < 0 or ended_min_ago > DAY_MIN:
                continue
            ended_min_ago = max(0.0, ended_min_ago)  # an end that is not known counts as the latest possible one
            yield Delivery(started_min_ago - ended_min_ago, ended_min_ago, float(dose.given.decimal))


def _predicted(program: RateProgram, before: Estimate) -> PlasmaBand:
    return cast("PlasmaBand", predict(program.pump_program.steps, program.entry.concentration, before).fields)


def _empty(program: RateProgram) -> Estimate:
    return Estimate(float(program.prescription.weight.decimal))


def _mg(concentration: Concentration, volume: Volume) -> float:
    return float(concentration.mass_in(volume).decimal)


def _session(runner: PumpService) -> str:
    return "" if runner.infusion is None else runner.infusion.place.session
