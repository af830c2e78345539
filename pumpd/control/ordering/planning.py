"""The program for an order, or every reason against it: from the library, the pump's limits and the patient's doses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pumpd.control.infusions.deadman import on_port
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.ordering.build import objections as build_objections
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.refused import RefusedError
from pumpd.dosing import Library, Prescription, RateProgram, Refusal, Refusals, SoftLimit, check, plan
from pumpd.dosing.course_view import numbers
from pumpd.dosing.history import Dose, History, Wanted, WeightOnRecord, position, weight_on_record
from pumpd.dosing.history_limits import objections, warnings
from pumpd.host.clock import Clock
from pumpd.messages.requests import Order
from pumpd.messages.state import Course
from pumpd.pump import Capabilities, Container, LossOfControl
from pumpd.settings import PumpSettings, Settings


@dataclass(frozen=True, slots=True)
class Planned:
    """A program that exceeds no hard limit. `course`: where in its course the infusion is."""

    asked: dict[str, Any]
    prescription: Prescription
    program: RateProgram
    capabilities: Capabilities
    container: Container
    course: Course | None
    on_record: WeightOnRecord | None = None  # of the patient's last session


class Planning:
    def __init__(
        self,
        settings: Settings,
        library: Library,
        runners: Sequence[PumpService],
        past: DoseHistory,
        clock: Clock,
        others: Collection[str],
    ) -> None:
        """`others`: sessions that another build began."""
        self._settings, self._library, self._runners = settings, library, runners
        self._past, self._clock, self._others = past, clock, others
        self._began_ns = clock.loop_ns()

    async def planned(
        self, request: Order, runner: PumpService, objections: Sequence[str], *, ordered: bool
    ) -> Planned:
        """Plan it. Raises RefusedError with every reason, `objections` among them.

        If it is to be `ordered`, each exceeded soft limit also needs a typed reason.
        """
        reasons = list(objections)
        await self.catch_up()
        fields: dict[str, object] = request.model_dump(exclude={"op", "pump", "overrides"})
        try:
            prescription = Prescription.from_text(fields, library=self._library, order=True)
            capabilities = self._capabilities(runner, prescription)
            hard, soft = self.history(runner, prescription)
            reasons += hard
            last = weight_on_record(self.doses(), prescription.patient)
            on_record = None if last is None else last.weight
            program = plan(prescription, self._library, capabilities, request.overrides, soft, on_record)
        except Refusals as error:
            raise RefusedError(*reasons, *(str(reason) for reason in error.reasons)) from error
        reasons += _loss_of_control_objections(capabilities, runner.settings)
        if ordered:
            reasons += [
                f"override: {limit.id} exceeds a soft limit ({limit}); give a reason of at least 3 letters for it"
                for limit in program.not_overridden
            ]
        if reasons:
            raise RefusedError(*reasons)
        asked = {**fields, "overrides": request.overrides}
        container = self._library.containers[prescription.container]
        course = self._course(runner, prescription)
        return Planned(asked, prescription, program, capabilities, container, course, last)

    def _capabilities(self, runner: PumpService, prescription: Prescription) -> Capabilities:
        """The pump's limits with the ordered container. Raises Refusals, with every reason that does not depend on the
        pump.
        """
        reasons = check(prescription, self._library)
        container = self._library.containers.get(prescription.container)
        if container is None:
            raise Refusals(reasons)
        try:
            return on_port(runner.family.capabilities(container, runner.settings.settings), runner.settings.port)
        except ValueError as error:
            raise Refusals([*reasons, Refusal("container", str(error), "PRG-13")]) from error

    async def catch_up(self) -> None:
        """Read what was given in the meantime. Raises RefusedError."""
        await self._past.catch_up()

    def history(
        self, runner: PumpService, prescription: Prescription, but: str = ""
    ) -> tuple[list[str], tuple[SoftLimit, ...]]:
        """The limits that this order exceeds, given the patient's earlier doses: hard reasons, and soft limits."""
        entry = self._library.entries.get(prescription.entry)
        if entry is None:
            return [], ()
        doses, at = self.doses(but), self._clock.now()
        past = History.of(doses, prescription.patient, self._library.counted(entry))
        wanted, now = _wanted(prescription), self._now(runner)
        since_ns = int(at.timestamp() * 1e9) - (self._clock.loop_ns() - self._began_ns)
        changed = build_objections(doses, self._others, at, since_ns)
        soft = () if now is None else warnings(past, wanted, now, entry.course)
        return [*changed, *(str(each) for each in objections(past, wanted, now, entry.course))], soft

    def _course(self, runner: PumpService, prescription: Prescription) -> Course | None:
        """None where no course was ordered."""
        entry, now = self._library.entries.get(prescription.entry), self._now(runner)
        if entry is None or now is None or not prescription.course:
            return None
        patient, doses = prescription.patient, self.doses()
        past = History.of(doses, patient, self._library.counted(entry))
        at = position(past, _wanted(prescription), now, entry.course)
        phase = "maintenance" if at.maintenance else "infusion"
        known = numbers(History.of_all(doses, patient), self._past.courses.ordered(patient))
        number = known.get(prescription.course, len(known) + 1)
        return {"number": at.number, "of": at.of, "phase": phase, "course_number": number}

    def doses(self, but: str = "") -> list[Dose]:
        """All patients' recorded doses, except those of one session."""
        live = {each.infusion.place.session for each in self._runners if each.active and each.infusion}
        return [dose for dose in self._past.doses(live) if dose.session != but]

    def now_on(self, pump: str) -> int | None:
        """The time, if it is known well enough for this pump; a pump that is not configured counts as a real one."""
        runner = next((each for each in self._runners if each.name == pump), None)
        return self._now(runner)

    def _now(self, runner: PumpService | None) -> int | None:
        simulated = runner is not None and runner.settings.simulated
        known = simulated or self._settings.clock_trusted or self._clock.kernel().synchronized
        return int(self._clock.now().timestamp() * 1e9) if known else None


def _wanted(prescription: Prescription) -> Wanted:
    return Wanted(prescription.dose_per_weight * prescription.weight, prescription.weight, prescription.course)


def _loss_of_control_objections(capabilities: Capabilities, pump: PumpSettings) -> list[str]:
    """COM-13: when the gateway dies together with its power, more than the programmed volume must end the flow."""
    if pump.clamp or LossOfControl.NATIVE in capabilities.loss_of_control:
        return []
    how = "lost its power or its cable" if LossOfControl.DEADMAN in capabilities.loss_of_control else "died"
    why = f"driver: if this gateway {how}, nothing but the programmed volume would end the flow of {pump.name}"
    return [f"{why}; use a pump with its own watchdog, or set `clamp = true` when a clamp closes by itself (COM-13)"]
