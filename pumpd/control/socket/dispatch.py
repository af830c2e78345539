"""From a request to the service that carries it out, and a journal entry for every refusal.

Promises:
- A request that is not allowed by its door is refused before anything else is done with it.
- A stop waits for nothing.
- Every refusal leaves a journal entry with its reasons, within a budget for each kind and door, so that nobody can fill
  the disk (`strangers`).
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pumpd.control.alarms.service import AlarmService
from pumpd.control.certificate import CertificateWatch
from pumpd.control.confirming.review import review
from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.identifying import Identifying
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.ordering.courses import CourseService
from pumpd.control.ordering.patient_history import PatientHistories
from pumpd.control.ordering.service import OrderingService
from pumpd.control.refused import RefusedError
from pumpd.control.retention import RetentionService
from pumpd.control.socket.doors import Caller, Door, objection
from pumpd.control.socket.streams import StateStream, show_wire
from pumpd.control.state.live import LiveState
from pumpd.control.strangers import Strangers
from pumpd.control.tablets.corrections import Corrections
from pumpd.control.tablets.pairing_service import PairingService
from pumpd.control.tablets.register import Register
from pumpd.control.tablets.service import Tablets
from pumpd.control.tablets.software_nurse import SoftwareNurses
from pumpd.control.vitals.service import VitalsService
from pumpd.dosing import Library
from pumpd.messages.keys import with_hardware
from pumpd.messages.keys_and_staff import (
    KeyAdd,
    KeyList,
    KeyRename,
    KeyRevoke,
    PinReset,
    StaffAdd,
    StaffList,
    StaffRemove,
)
from pumpd.messages.library import library_data
from pumpd.messages.pairing import PairAccept, PairClose, PairOffer, PairOpen, PairReveal, PairState
from pumpd.messages.requests import (
    Alive,
    Answer,
    AssessCourse,
    Associate,
    ChallengeRequest,
    Clear,
    Confirmation,
    CorrectDose,
    Dissociate,
    Identify,
    LibraryRequest,
    NonceRequest,
    Order,
    OrderCourse,
    OrderRest,
    PatientHistory,
    Pause,
    PruneJournal,
    Reconcile,
    Request,
    Resume,
    SelfTestRequest,
    Serving,
    StatusRequest,
    Stop,
    TabletRequest,
    TraceRequest,
    VitalSigns,
    WatchRequest,
)
from pumpd.texts import text

Stream = Callable[[StreamReader, StreamWriter], Awaitable[None]]

_REFUSED = {"order": "order_refused", "rest": "order_refused", "confirm": "confirmation_refused"}


@dataclass(kw_only=True, eq=False, repr=False)
class Dispatch:
    gateway: str
    library: Library
    pumps: Pumps
    identifying: Identifying
    ordering: OrderingService
    confirming: ConfirmingService
    histories: PatientHistories
    courses: CourseService
    corrections: Corrections
    software_nurses: SoftwareNurses
    tablets: Tablets
    pairing: PairingService
    register: Register
    alarms: AlarmService
    certificate: CertificateWatch
    live: LiveState
    states: StateStream
    vitals: VitalsService
    retention: RetentionService
    strangers: Strangers

    async def answer(self, request: Request, caller: Caller) -> Answer:
        """Carry out a request, or refuse it with every reason."""
        if why := objection(request, caller):
            body = {"op": request.op, "reasons": [why], "door": caller.door.value, "peer": caller.name}
            self._note(caller.door, "request_refused", body)
            return Answer(ok=False, reasons=(why,))
        try:
            if isinstance(request, Stop):  # before all else
                return Answer(ok=True, result=self._stop(request, caller))
            result = await self._carry_out(request, caller)
        except RefusedError as error:
            self._note_refusal(request, caller, error.reasons)
            return Answer(ok=False, reasons=error.reasons)
        match result:
            case Answer():
                return result
            case PumpService():
                return Answer(ok=True, result=dict(self.live.pump(result)))
            case _:
                return Answer(ok=True, result=dict(result))

    def stream(self, request: Request | None) -> Stream | None:
        """What to stream after the answer until the client disconnects; None to read the next request instead."""
        match request:
            case TraceRequest(pump=pump):
                return partial(show_wire, self.pumps.named(pump))
            case WatchRequest():
                return self.states.show
            case _:
                return None

    def malformed(self, caller: Caller, problems: tuple[str, ...]) -> Answer:
        """The data that came over the socket is not a request."""
        self._note(caller.door, "request_malformed", {"problems": list(problems), "peer": caller.name})
        return Answer(ok=False, reasons=problems, messages={})  # of a program, and bounded in its length

    def _stop(self, request: Stop, caller: Caller) -> dict[str, Any]:
        by = f"{request.by}, {caller.name}"
        stopping, late = self.pumps.stop(request, by)
        if not late:
            return {"stopping": stopping}
        body = {"by": by, "reason": request.reason, "of_session": request.of_session, "age_s": request.age_s}
        for pump in late:
            self._note(caller.door, "stop_too_late", body, pump)
        return {"stopping": stopping, "already_ended": late}

    async def _carry_out(self, request: Request, caller: Caller) -> Answer | PumpService | Mapping[str, Any]:
        peer = caller.name
        match request:
            case StatusRequest():
                return self.live.state()
            case Order():
                session = await self.ordering.order(request, peer)
                return {"session": session, **review(self.pumps.named(request.pump))}
            case OrderRest(pump=pump, ordered_by=by):
                session = await self.ordering.order_rest(request, by, peer)
                return {"session": session, **review(self.pumps.named(pump))}
            case ChallengeRequest(pump=pump):
                self.alarms.touched()
                return await self.confirming.challenge(pump)
            case Confirmation():
                return await self.software_nurses.confirm(request)
            case Associate(pump=pump, patient=patient, by=by):
                return await self.ordering.associate(pump, patient, f"{by}, {peer}")
            case Dissociate(pump=pump, by=by):
                return await self.ordering.associate(pump, None, f"{by}, {peer}")
            case Pause(pump=pump, by=by, reason=reason):
                return self.pumps.pause(pump, f"{by}, {peer}", reason)
            case Resume(pump=pump, by=by):
                return self.pumps.resume(pump, f"{by}, {peer}")
            case Clear(pump=pump, by=by):
                return self.pumps.clear(pump, f"{by}, {peer}")
            case Identify(pump=pump, by=by, seen=seen):
                return await self.identifying.identify(self.pumps.named(pump), f"{by}, {peer}", seen)
            case Reconcile(pump=pump, by=by):
                return self.pumps.reconcile(pump, f"{by}, {peer}", request)
            case SelfTestRequest(pump=pump, by=by):
                return await self.ordering.self_test(pump, f"{by}, {peer}")
            case PruneJournal(by=by):
                return await self.retention.prune(request, f"{by}, {peer}")
            case TraceRequest(pump=pump):
                settings = self.pumps.named(pump).settings
                return {"pump": pump, "driver": settings.driver, "port": settings.port}
            case WatchRequest():
                return {"gateway": self.gateway}
            case LibraryRequest():
                return library_data(self.library)
            case VitalSigns():
                return self._vital_signs(request)
            case PatientHistory(patient=patient):
                return await self.histories.answer(patient)
            case CorrectDose():
                return await self.corrections.of_two(request, peer)
            case OrderCourse(ordered_by=by):
                return await self.courses.order(request, f"{by}, {peer}")
            case AssessCourse(by=by):
                return await self.courses.assess(request, f"{by}, {peer}")
            case NonceRequest():
                return {"nonce": self.tablets.nonce()}
            case TabletRequest():
                return await self.tablets.answer(request)
            case Alive(tablet=tablet):
                self._alive(tablet)
                return {}
            case Serving(certificate_until=until):
                self.certificate.served(until)
                return {}
            case PairState(window=window):
                return self.pairing.state(window)
            case PairOffer():
                return self.pairing.offer(request)
            case PairReveal():
                return await self.pairing.reveal(request)
            case PairOpen() | PairAccept() | PairClose():
                return await self._pair(request, peer)
            case KeyList() | KeyAdd() | KeyRename() | KeyRevoke():
                return await self._change_keys(request, peer)
            case StaffList() | StaffAdd() | StaffRemove() | PinReset():
                return await self._change_staff(request, peer)
            case Stop():  # already carried out; here for the type checker
                return self._stop(request, caller)

    def _vital_signs(self, request: VitalSigns) -> dict[str, Any]:
        result = self.vitals.received(request)
        if result["refused"]:
            body = {"reasons": result["refused"], "pump": request.pump, "source": request.source}
            self._note(Door.VITALS, "vitals_refused", body)
        return result

    async def _pair(self, request: PairOpen | PairAccept | PairClose, peer: str) -> dict[str, Any]:
        match request:
            case PairOpen(roles=roles, name=name):
                return self.pairing.open(roles, name, peer)
            case PairAccept(code=code):
                return await self.pairing.accept(code, peer)
            case PairClose():
                self.pairing.close()
                return {}

    async def _change_keys(self, request: KeyList | KeyAdd | KeyRename | KeyRevoke, peer: str) -> dict[str, Any]:
        match request:
            case KeyList():
                return {"keys": self.register.keys()}
            case KeyAdd(name=name, public_key=public_key):
                real = [each.name for each in self.pumps.runners.values() if not each.settings.simulated]
                if why := with_hardware([name], real):
                    raise RefusedError(text("tablet.key", "key: {why}", why=why))
                return await self.register.add_software(name, public_key, peer)
            case KeyRename(key=key, name=name):
                return await self.register.rename_key(key, name, peer)
            case KeyRevoke(key=key):
                return await self.register.revoke_key(key, peer)

    async def _change_staff(self, request: StaffList | StaffAdd | StaffRemove | PinReset, peer: str) -> dict[str, Any]:
        match request:
            case StaffList():
                return {"staff": self.register.staff()}
            case StaffAdd(badge=badge, name=name, roles=roles, pin=pin, person=number):
                return await self.register.add_person(badge, name, roles, pin.get_secret_value(), peer, number)
            case StaffRemove(badge=badge):
                return await self.register.remove_person(badge, peer)
            case PinReset(badge=badge, pin=pin):
                return await self.register.reset_pin(badge, pin.get_secret_value(), peer)

    def _alive(self, tablet: str) -> None:
        if self.register.key(tablet) is None:
            raise RefusedError(
                text("tablet.not_paired", "alive: no tablet {tablet} is paired with this gateway", tablet=repr(tablet))
            )
        self.alarms.alive(tablet)

    def _note_refusal(self, request: Request, caller: Caller, reasons: tuple[str, ...]) -> None:
        by = request.ordered_by if isinstance(request, Order | OrderRest) else getattr(request, "by", "")
        body = {"op": request.op, "by": by, "reasons": list(reasons), "peer": caller.name}
        kind = _REFUSED.get(request.op, "request_refused")
        self._note(caller.door, kind, body, getattr(request, "pump", None) or "")

    def _note(self, door: Door, kind: str, body: Mapping[str, Any], pump: str = "") -> None:
        self.strangers.note(f"{kind} on the {door}", kind, body, pump)
