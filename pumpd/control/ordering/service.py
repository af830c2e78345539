"""Orders: every check, then the program goes to the pump and waits for its confirmation.

Promises:
- A refused order leaves the pump unchanged, and gives every reason.
- One order at a time for each pump and for each patient (STA-14). After the last wait every check is made again, with
  no further wait before the infusion begins.
- An order that is not carried out in time is withdrawn and refused, and never accepted later.
- Nothing here makes a pump flow, and nothing is accepted that the self-test did not pass.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.journal_health import JournalHealth
from pumpd.control.ordering.association import Associations
from pumpd.control.ordering.build import Build
from pumpd.control.ordering.disk_check import DiskCheck
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.first_delivery import RestOf
from pumpd.control.ordering.planning import Planned, Planning
from pumpd.control.ordering.turns import WITHIN_S, Turns
from pumpd.control.refused import Permission, RefusedError, permitted_always
from pumpd.control.self_test.service import SelfTest
from pumpd.control.self_test.service import reasons as test_reasons
from pumpd.control.vitals.service import VitalsService
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion, Place, Window
from pumpd.infusion import events as ev
from pumpd.journal import Entry, JournalError
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter
from pumpd.messages.requests import Order, Prescribed, PrescribedRest
from pumpd.messages.state import Course, SelfTestState
from pumpd.texts import text

Plan = Callable[[PumpService, Sequence[str]], Awaitable[Planned]]


class OrderingService:
    def __init__(
        self,
        gateway: str,
        pumps: Pumps,
        planning: Planning,
        past: DoseHistory,
        disk: DiskCheck,
        gate: StartGate,
        health: JournalHealth,
        self_test: SelfTest,
        journal: JournalWriter,
        clock: Clock,
        build: Build,
        vitals: VitalsService,
        changed: Callable[[], None],
    ) -> None:
        self.courses: dict[str, tuple[str, Course | None]] = {}  # by pump: session, position in its course
        self.planning, self._past = planning, past
        self._turns, self._associations = Turns(), Associations(journal, clock)
        self._gateway, self._pumps, self._disk, self._gate = gateway, pumps, disk, gate
        self._health, self._journal, self._clock, self._build = health, journal, clock, build
        self._self_test, self._vitals, self._changed = self_test, vitals, changed

    async def preview(self, request: Order) -> Planned:
        """The program that the order would lead to; nothing is ordered. Raises RefusedError."""
        runner = self._pumps.named(request.pump)
        objections = [*self._objections(runner, request.patient), *self._disk.known]
        return await self.planning.planned(request, runner, objections, ordered=False)

    def containers(self, request: Order) -> list[str]:
        """The containers of the library entry that hold this order on its pump."""
        return self.planning.containers(request, self._pumps.named(request.pump))

    async def preview_rest(self, request: PrescribedRest, by: str) -> Planned:
        """The same for the rest of a treatment."""
        runner = self._pumps.named(request.pump)
        objections = [*self._objections(runner, request.patient), *self._disk.known]
        return await self.planning.rest(request, by, runner, objections)

    async def order(self, request: Order, peer: str, permitted: Permission = permitted_always) -> str:
        """Give the pump its program; returns the session. Raises RefusedError.

        `peer`: where the order came from. `permitted` is asked again after the waits.
        """

        async def planned(runner: PumpService, objections: Sequence[str]) -> Planned:
            return await self.planning.planned(request, runner, objections, ordered=True)

        return await self._in_time(request, planned, peer, permitted)

    async def order_rest(
        self,
        request: PrescribedRest,
        by: str,
        peer: str,
        orderable: Callable[[Planned], Sequence[str]] = lambda _: (),
        permitted: Permission = permitted_always,
    ) -> str:
        """The same for the rest of a treatment. `orderable`: why the person may not order this one."""

        async def planned(runner: PumpService, objections: Sequence[str]) -> Planned:
            found = await self.planning.rest(request, by, runner, objections)
            if reasons := orderable(found):
                raise RefusedError(*reasons)
            return found

        return await self._in_time(request, planned, peer, permitted)

    async def _in_time(self, request: Prescribed | PrescribedRest, plan: Plan, peer: str, permitted: Permission) -> str:
        runner = self._pumps.named(request.pump)
        try:
            async with asyncio.timeout(WITHIN_S), self._turns.of(runner.name, request.patient):
                return await self._order(runner, request.patient, plan, peer, permitted)
        except TimeoutError as error:
            late = text(
                "order.withdrawn",
                "order: it was not carried out within {seconds} s and is withdrawn; nothing was loaded, order again",
                seconds=f"{WITHIN_S:g}",
            )
            raise RefusedError(*self._objections(runner, request.patient), late) from error

    async def _order(self, runner: PumpService, patient: str, plan: Plan, peer: str, permitted: Permission) -> str:
        await self._health.retry()
        objections = [*self._objections(runner, patient), *await self._disk.objections()]
        planned = await plan(runner, objections)
        if failed := test_reasons(await self._self_test.run(runner, peer)):
            raise RefusedError(*failed)
        infusion = self._infusion(runner, planned)
        session, program = infusion.place.session, planned.program
        try:
            body = {"digest": program.digest, "program": program.fields, "peer": peer}
            await self._journal.append([Entry("order_accepted", body, runner.name, session, self._now())])
            await self._past.catch_up(patient, flush=False)  # all earlier entries are on disk
            # No wait from here on.
            reasons = [*permitted(), *self._objections(runner, patient), *self._disk.known]
            reasons += self.planning.history(runner, planned.prescription, session, planned.rest)[0]
            if reasons:
                raise RefusedError(*reasons)
        except (RefusedError, JournalError, asyncio.CancelledError) as error:
            self._journal.post([Entry("order_withdrawn", {}, runner.name, session, self._now())])
            if isinstance(error, JournalError):
                why = text(
                    "journal.not_recorded",
                    "journal: {problem}; nothing is started that cannot be recorded",
                    problem=error,
                )
                raise RefusedError(why) from error
            raise
        self.courses[runner.name] = (session, planned.course)
        self._gate.ordered(runner, session)
        runner.order(infusion, program, planned.capabilities, {"order": planned.asked, "build": self._build})
        return session

    async def self_test(self, pump: str, by: str) -> SelfTestState:
        """Test what a session on this pump relies on; no order begins meanwhile. Raises RefusedError."""
        runner = self._pumps.named(pump)
        try:
            async with asyncio.timeout(WITHIN_S), self._turns.of(runner.name):
                found = await self._self_test.run(runner, by)
                await runner.deadman.let_go()
                return found
        except TimeoutError as error:
            raise RefusedError(
                text(
                    "self_test.no_result_yet",
                    "self-test: it had no result within {seconds} s; ask again",
                    seconds=f"{WITHIN_S:g}",
                )
            ) from error

    async def associate(
        self, pump: str, patient: str | None, by: str, permitted: Permission = permitted_always
    ) -> PumpService:
        """Associate the pump with this patient; None: with no patient. Raises RefusedError."""
        runner = self._pumps.named(pump)
        await self._associations.change(runner, patient, by, permitted)
        self._changed()
        return runner

    def _infusion(self, runner: PumpService, planned: Planned) -> Infusion:
        pump, program, now_ns = runner.settings, planned.program, self._now()
        infusion = Infusion(
            place=Place(secrets.token_hex(8), self._gateway, pump.name, pump.serial, pump.channel),
            segment=ev.Segment(program.digest, program.pump_program),
            prescribed=program.vtbi,
            window=Window.of(planned.prescription.duration),
            limits=runner.limits.for_counter(planned.capabilities.counter_step),
            accuracy_percent=planned.capabilities.kind.accuracy_percent,
            ordered_ns=now_ns,
            patient=planned.prescription.patient,
            container=planned.container.usable,
            ordered_ts=timestamp(self._clock.now()),
            expires_ns=now_ns + program.entry.order_valid.ns,
            vital_rules=self._vitals.rules,
            vitals=self._vitals.before(runner, planned.prescription.patient),
        )
        return infusion if planned.rest is None else self._of_rest(infusion, planned, planned.rest)

    def _of_rest(self, infusion: Infusion, planned: Planned, rest: RestOf) -> Infusion:
        """The same as one more delivery of its treatment: the window counts over all of them (PRG-25)."""
        return replace(
            infusion,
            window=Window(rest.flowed_ns + planned.prescription.duration.ns),
            treatment=rest.order.treatment,
            earlier=planned.program.given,
            earlier_flow_ns=rest.flowed_ns,
            of_treatment=rest.order.program.vtbi,
            closes_ns=infusion.ordered_ns + rest.left_ns,
        )

    def _objections(self, runner: PumpService, patient: str) -> list[str]:
        """Why nothing may be ordered for this patient on this pump now."""
        reasons = self._health.objections() + self._gate.objections(runner)
        reasons += runner.not_available()
        if not runner.problem and not runner.line.proved_by:
            reasons.append(
                text(
                    "pump.identify_first",
                    "pump: nothing shows which pump answers as {pump}; identify it, standing at the pump",
                    pump=runner.name,
                )
            )
        if runner.unprescribed.stopping:
            reasons.append(
                text(
                    "pump.found_flowing",
                    "pump: {pump} was found flowing, and no reading has shown it stopped since",
                    pump=runner.name,
                )
            )
        for other in self._pumps.runners.values():
            if other.infusion is None or not other.active:
                continue
            if other is runner:
                reasons.append(
                    text(
                        "pump.has_infusion", "pump: {pump} has an infusion already; it must end first", pump=runner.name
                    )
                )
            elif other.infusion.patient.casefold() == patient.casefold():
                reasons.append(
                    text(
                        "patient.has_infusion_on",
                        "patient: has an infusion on {pump} already; it must end first",
                        pump=other.name,
                    )
                )
        if runner.patient not in ("", patient):
            reasons.append(
                text(
                    "patient.other_patient",
                    "patient: {pump} is associated with another patient, {patient}",
                    pump=runner.name,
                    patient=runner.patient,
                )
            )
        return reasons

    def _now(self) -> int:
        return self._clock.monotonic_ns()
