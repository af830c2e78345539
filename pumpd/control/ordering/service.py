"""Orders: every check, then the program goes to the pump and waits for its confirmation.

Promises:
- An order that is refused leaves the pump as it was, and says every reason.
- What was checked before the journal was written is checked again afterwards.
- Nothing here makes a pump flow.
"""

import secrets
from collections.abc import Callable
from typing import Any

from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.journal_health import JournalHealth
from pumpd.control.ordering import association
from pumpd.control.ordering.build import Build
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.ordering.planning import Ordering, Planned
from pumpd.control.refused import RefusedError
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion, Place, Window
from pumpd.infusion import events as ev
from pumpd.journal import Entry, JournalError
from pumpd.journal.writer import JournalWriter
from pumpd.messages.requests import Order


class OrderingService:
    def __init__(
        self,
        gateway: str,
        pumps: Pumps,
        planning: Ordering,
        library_check: LibraryCheck,
        gate: StartGate,
        health: JournalHealth,
        journal: JournalWriter,
        clock: Clock,
        build: Build,
        changed: Callable[[], None],
    ) -> None:
        self.courses: dict[str, tuple[str, dict[str, Any] | None]] = {}  # by pump: session, place in the course
        self.planning = planning
        self._gateway, self._pumps, self._library_check, self._gate = gateway, pumps, library_check, gate
        self._health, self._journal, self._clock, self._build = health, journal, clock, build
        self._changed = changed

    async def preview(self, request: Order) -> Planned:
        """The program that the order would give; nothing is ordered. Raises RefusedError."""
        runner = self._pumps.named(request.pump)
        objections = [*self._objections(runner, request.patient), *self._library_check.known]
        return await self.planning.planned(request, runner, objections, ordered=False)

    async def order(self, request: Order, peer: str) -> str:
        """Give the pump its program; returns the session. `peer`: where the order came from. Raises RefusedError."""
        runner = self._pumps.named(request.pump)
        await self._health.retry()
        objections = [*self._objections(runner, request.patient), *await self._library_check.objections()]
        planned = await self.planning.planned(request, runner, objections, ordered=True)
        infusion = self._infusion(runner, planned)
        session, program = infusion.place.session, planned.program
        body = {"digest": program.digest, "program": program.fields, "peer": peer}
        try:
            await self._journal.append([Entry("order_accepted", body, runner.name, session, self._now())])
        except JournalError as error:
            raise RefusedError(f"journal: {error}; nothing is started that cannot be written down") from error
        reasons = self._objections(runner, request.patient)
        await self.planning.catch_up()
        reasons += self.planning.history(runner, planned.prescription, session)[0]
        if reasons:  # another order, or a failure, came while the journal was being written
            raise RefusedError(*reasons)
        self.courses[runner.name] = (session, planned.course)
        self._gate.ordered(runner, session)
        runner.order(infusion, program, planned.capabilities, {"order": planned.asked, "build": self._build})
        return session

    async def associate(self, pump: str, patient: str | None, by: str) -> PumpRunner:
        """Make this the pump's patient; None: nobody. Raises RefusedError."""
        runner = self._pumps.named(pump)
        await association.associate(runner, patient, by, self._journal, self._now())
        self._changed()
        return runner

    def _infusion(self, runner: PumpRunner, planned: Planned) -> Infusion:
        pump, program = runner.settings, planned.program
        return Infusion(
            place=Place(secrets.token_hex(8), self._gateway, pump.name, pump.serial, pump.channel),
            segment=ev.Segment(program.digest, program.pump_program),
            prescribed=program.vtbi,
            window=Window.of(planned.prescription.duration),
            limits=runner.limits.for_counter(planned.capabilities.counter_step),
            accuracy_percent=planned.capabilities.kind.accuracy_percent,
            ordered_ns=self._now(),
            patient=planned.prescription.patient,
        )

    def _objections(self, runner: PumpRunner, patient: str) -> list[str]:
        """Why nothing may be ordered for this patient on this pump now."""
        reasons = self._health.objections() + self._gate.objections(runner)
        if runner.problem:
            reasons.append(f"pump: {runner.name} is not available: {runner.problem}")
        if runner.unprescribed.stopping:
            reasons.append(f"pump: {runner.name} was found flowing, and has not been seen to stand since")
        for other in self._pumps.runners.values():
            if not other.active or other.program is None:
                continue
            if other is runner:
                reasons.append(f"pump: {runner.name} has an infusion already; it must end first")
            elif other.program.prescription.patient == patient:
                reasons.append(f"patient: has an infusion on {other.name} already; it must end first")
        if runner.patient not in ("", patient):
            reasons.append(f"patient: {runner.name} is associated with another patient, {runner.patient}")
        return reasons

    def _now(self) -> int:
        return self._clock.monotonic_ns()
