"""The program for an order, or every reason against it: from the library, the pump's limits and the patient's doses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pumpd.control.infusions.deadman import on_port
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.ordering.build import objections as build_objections
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.first_delivery import FirstDeliveries, RestOf
from pumpd.control.refused import RefusedError
from pumpd.dosing import (
    Library,
    Prescription,
    RateProgram,
    Refusal,
    Refusals,
    SoftLimit,
    check,
    plan,
    plan_rest,
    recorded_weight,
)
from pumpd.dosing.course_view import numbers
from pumpd.dosing.history import Dose, History, Treatment, Wanted, WeightOnRecord, position, weight_on_record
from pumpd.dosing.history_limits import objections, rest_objections, warnings
from pumpd.dosing.library import Entry, Rest
from pumpd.dosing.rest import instead
from pumpd.host.clock import Clock
from pumpd.infusion.record import to_data
from pumpd.messages.requests import Order, PrescribedRest
from pumpd.messages.state import Course
from pumpd.pump import Capabilities, Container, LossOfControl
from pumpd.settings import PumpSettings, Settings
from pumpd.texts import of_error, text


@dataclass(frozen=True, slots=True)
class Planned:
    """A program that exceeds no hard limit. `course`: where in its course the treatment is. `on_record`: the weight of
    the last session. `rest`: the treatment of which it is the rest.
    """

    asked: dict[str, Any]
    prescription: Prescription
    program: RateProgram
    capabilities: Capabilities
    container: Container
    course: Course | None
    on_record: WeightOnRecord | None = None  # of the patient's last session
    rest: RestOf | None = None


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
        self._first = FirstDeliveries(settings.journal_path)

    async def planned(
        self, request: Order, runner: PumpService, objections: Sequence[str], *, ordered: bool
    ) -> Planned:
        """Plan it. Raises RefusedError with every reason, `objections` among them.

        If it is to be `ordered`, each exceeded soft limit also needs a typed reason.
        """
        reasons = list(objections)
        await self._past.catch_up(request.patient)
        fields = _fields(request)
        last: WeightOnRecord | None = None
        try:
            prescription = Prescription.from_text(fields, library=self._library, order=True)
            capabilities = self._capabilities(runner, prescription, prescription.container)
            hard, soft = self.history(runner, prescription)
            reasons += hard
            last = weight_on_record(self.of_patient(prescription.patient), prescription.patient)
            if request.weight_from_record and (
                wrong := recorded_weight.objection(prescription, last, self._now(runner))
            ):
                reasons.append(str(wrong))
            weight = None if last is None else last.weight
            program = plan(prescription, self._library, capabilities, request.overrides, soft, weight)
        except Refusals as error:
            raise RefusedError(*reasons, *(str(reason) for reason in error.reasons)) from error
        reasons += _loss_of_control_objections(capabilities, runner.settings)
        if ordered:
            reasons += [
                text(
                    "order.needs_override",
                    "override: {name} exceeds a soft limit ({limit}); give a reason of at least 3 letters for it",
                    name=limit.id,
                    limit=limit,
                )
                for limit in program.not_overridden
            ]
        if reasons:
            raise RefusedError(*reasons)
        asked = {**fields, "overrides": request.overrides, "soft": [to_data(limit) for limit in soft]}
        asked["weight_from_record"] = request.weight_from_record
        asked["on_record"] = None if last is None else str(last.weight)
        container = self._library.containers[prescription.container]
        course = self._course(runner, prescription)
        return Planned(asked, prescription, program, capabilities, container, course, last)

    def containers(self, request: Order, runner: PumpService) -> list[str]:
        """The containers of the library entry that hold this order on this pump, whichever it names."""
        entry = self._library.entries.get(request.entry)
        return [name for name in (entry.containers if entry else ()) if self._holds(name, request, runner)]

    def _holds(self, container: str, request: Order, runner: PumpService) -> bool:
        try:
            prescription = Prescription.from_text({**_fields(request), "container": container}, order=True)
            plan(prescription, self._library, self._capabilities(runner, prescription, container))
        except Refusals:
            return False
        return True

    async def rest(self, request: PrescribedRest, by: str, runner: PumpService, objections: Sequence[str]) -> Planned:
        """Plan the rest of a treatment. Raises RefusedError with every reason, `objections` among them."""
        reasons = list(objections)
        await self._past.catch_up(request.patient)
        treatment = self._treatment(request.treatment, request.patient)
        if treatment is None:
            why = text(
                "rest.nothing_given",
                "treatment: nothing of {treatment} was given to {patient}, so it has no rest",
                treatment=request.treatment,
                patient=request.patient,
            )
            raise RefusedError(*reasons, why)
        first = await self._first.find(treatment.id)
        try:
            order = first.rest(treatment, request, by)
            container = order.container or order.prescription.container
            capabilities = self._capabilities(runner, order.prescription, container)
            program = plan_rest(order, self._library, capabilities)
        except Refusals as error:
            raise RefusedError(*reasons, *(str(reason) for reason in error.reasons)) from error
        prescription = program.prescription
        left_ns = self._left_ns(treatment, program.entry.rest, runner)
        rest = RestOf(order, treatment.flowed_ns, left_ns, program.pump_program.fastest)
        hard, _ = self.history(runner, prescription, rest=rest)
        reasons += [*first.changed(self._library), *hard]
        reasons += _loss_of_control_objections(capabilities, runner.settings)
        if reasons:
            raise RefusedError(*reasons)
        asked = {"rest": to_data(order)}
        course = self._course(runner, prescription, treatment.id)
        return Planned(asked, prescription, program, capabilities, program.container, course, rest=rest)

    def _left_ns(self, treatment: Treatment, rules: Rest, runner: PumpService) -> int:
        """How much time is left for all of a treatment, by the calendar: the gateway may have been off in between."""
        now = self._now(runner)
        left_ns = 0 if now is None else treatment.started_ns + rules.within.ns - now
        return min(left_ns, rules.within.ns) * self._clock.scale

    def _treatment(self, treatment: str, patient: str) -> Treatment | None:
        doses = [dose for dose in self.of_patient(patient) if (dose.treatment or dose.session) == treatment]
        substances = frozenset[str]().union(*(dose.substance for dose in doses))
        return History.of(doses, patient, substances).find(treatment)

    def _capabilities(self, runner: PumpService, prescription: Prescription, wanted: str) -> Capabilities:
        """The pump's limits with the `wanted` container. Raises Refusals, with every reason that does not depend on the
        pump.
        """
        reasons = check(prescription, self._library)
        container = self._library.containers.get(wanted)
        if container is None:
            raise Refusals(reasons)
        try:
            return on_port(runner.family.capabilities(container, runner.settings.settings), runner.settings.port)
        except ValueError as error:
            raise Refusals([*reasons, Refusal("container", of_error(error), "PRG-13")]) from error

    def history(
        self, runner: PumpService, prescription: Prescription, but: str = "", rest: RestOf | None = None
    ) -> tuple[list[str], tuple[SoftLimit, ...]]:
        """The limits that this order exceeds, given the patient's earlier doses: hard reasons, and soft limits.

        `but`: the session that is being ordered. `rest`: of which treatment it is the rest.
        """
        entry = self._library.entries.get(prescription.entry)
        if entry is None:
            return [], ()
        patient, at = prescription.patient, self._clock.now()
        past = History.of(self.of_patient(patient, but), patient, self._library.counted(entry))
        wanted, now = _wanted(prescription, entry, rest), self._now(runner)
        hard = list(objections(past, wanted, now, entry.course))
        if rest is not None:
            ends = None if now is None else now + prescription.duration.ns // self._clock.scale
            hard += rest_objections(past.find(rest.order.treatment), now, ends, entry.rest, rest.order.booked)
        elif now is not None and any(each.requirement == "PRG-17" for each in hard):
            hard += [hint for hint in (instead(past, wanted.weight, now, entry.rest.within),) if hint is not None]
        since_ns = int(at.timestamp() * 1e9) - (self._clock.loop_ns() - self._began_ns)
        changed = build_objections(self._past.of_sessions(self._others, self._live()), at, since_ns)
        soft = () if now is None else warnings(past, wanted, now, entry.course)
        return [*changed, *(str(each) for each in hard)], soft

    def _course(self, runner: PumpService, prescription: Prescription, treatment: str = "") -> Course | None:
        """None where no course was ordered."""
        entry, now = self._library.entries.get(prescription.entry), self._now(runner)
        if entry is None or now is None or not prescription.course:
            return None
        patient = prescription.patient
        doses = self.of_patient(patient)
        past = History.of(doses, patient, self._library.counted(entry))
        at = position(past, replace(_wanted(prescription, entry), treatment=treatment), now, entry.course)
        phase = "maintenance" if at.maintenance else "infusion"
        known = numbers(History.of_all(doses, patient), self._past.courses.ordered(patient))
        number = known.get(prescription.course, len(known) + 1)
        return {"number": at.number, "of": at.of, "phase": phase, "course_number": number}

    async def suspects(self) -> tuple[Dose, ...]:
        """All patients' doses that are dated in the future. Raises RefusedError."""
        return await self._past.suspects(self._clock.now(), self._live())

    def of_patient(self, patient: str, but: str = "") -> list[Dose]:
        """The patient's recorded doses, except those of one session."""
        return [dose for dose in self._past.of_patient(patient, self._live()) if dose.session != but]

    def dose(self, session: str) -> Dose | None:
        return next(iter(self._past.of_sessions((session,), self._live())), None)

    def _live(self) -> set[str]:
        """The sessions under way."""
        return {each.infusion.place.session for each in self._runners if each.active and each.infusion}

    def now_on(self, pump: str) -> int | None:
        """The time, if it is known well enough for this pump; a pump that is not configured counts as a real one."""
        runner = next((each for each in self._runners if each.name == pump), None)
        return self._now(runner)

    def _now(self, runner: PumpService | None) -> int | None:
        simulated = runner is not None and runner.settings.simulated
        known = self._clock.known(trusted=simulated or self._settings.clock_trusted)
        return int(self._clock.now().timestamp() * 1e9) if known else None


def _fields(request: Order) -> dict[str, object]:
    """The prescription as text. A weight that is confirmed from the record was not typed a second time."""
    fields: dict[str, object] = request.model_dump(exclude={"op", "pump", "overrides", "weight_from_record"})
    return {**fields, "weight_again": request.weight} if request.weight_from_record else fields


def _wanted(prescription: Prescription, entry: Entry, rest: RestOf | None = None) -> Wanted:
    dose, weight, course = prescription.dose_per_weight * prescription.weight, prescription.weight, prescription.course
    if rest is None:
        return Wanted(dose, weight, course, fastest=entry.fastest(prescription.duration))
    return Wanted(dose - rest.order.booked, weight, course, rest.order.treatment, rest.fastest)


def _loss_of_control_objections(capabilities: Capabilities, pump: PumpSettings) -> list[str]:
    """COM-13: when the gateway dies together with its power, more than the programmed volume must end the flow."""
    if pump.clamp or LossOfControl.NATIVE in capabilities.loss_of_control:
        return []
    if LossOfControl.DEADMAN in capabilities.loss_of_control:
        how = text("pump.gateway_lost_power", "lost its power or its cable")
    else:
        how = text("pump.gateway_died", "died")
    return [
        text(
            "pump.nothing_ends_the_flow",
            "driver: if this gateway {how}, nothing but the programmed volume would end the flow of {pump}; use a pump "
            "with its own watchdog, or set `clamp = true` when a clamp closes by itself (COM-13)",
            how=how,
            pump=pump.name,
        )
    ]
