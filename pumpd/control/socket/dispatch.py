"""From a request to the service that carries it out, and a journal entry for every refusal.

Promises:
- A request that is not allowed by its door is refused before anything else is done with it.
- A stop waits for nothing.
- Every refusal leaves a journal entry with its reasons, within a budget for each kind and door, so that nobody can fill
  the disk (`strangers`).
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
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


class Dispatch:
    def __init__(
        self,
        gateway: str,
        library: Library,
        pumps: Pumps,
        identifying: Identifying,
        ordering: OrderingService,
        confirming: ConfirmingService,
        histories: PatientHistories,
        courses: CourseService,
        corrections: Corrections,
        software_nurses: SoftwareNurses,
        tablets: Tablets,
        pairing: PairingService,
        register: Register,
        alarms: AlarmService,
        certificate: CertificateWatch,
        live: LiveState,
        stream: StateStream,
        vitals: VitalsService,
        retention: RetentionService,
        strangers: Strangers,
    ) -> None:
        self._gateway, self._library, self._pumps = gateway, library, pumps
        self._identifying, self._vitals, self._retention = identifying, vitals, retention
        self._ordering, self._confirming, self._software_nurses = ordering, confirming, software_nurses
        self._histories, self._courses, self._corrections = histories, courses, corrections
        self._tablets, self._pairing, self._register, self._alarms = tablets, pairing, register, alarms
        self._certificate = certificate
        self._live, self._stream, self._strangers = live, stream, strangers

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
                return Answer(ok=True, result=dict(self._live.pump(result)))
            case _:
                return Answer(ok=True, result=dict(result))

    def stream(self, request: Request | None) -> Stream | None:
        """What to stream after the answer until the client disconnects; None to read the next request instead."""
        match request:
            case TraceRequest(pump=pump):
                return partial(show_wire, self._pumps.named(pump))
            case WatchRequest():
                return self._stream.show
            case _:
                return None

    def malformed(self, caller: Caller, problems: tuple[str, ...]) -> Answer:
        """The data that came over the socket is not a request."""
        self._note(caller.door, "request_malformed", {"problems": list(problems), "peer": caller.name})
        return Answer(ok=False, reasons=problems, messages={})  # of a program, and bounded in its length

    def _stop(self, request: Stop, caller: Caller) -> dict[str, Any]:
        by = f"{request.by}, {caller.name}"
        stopping, late = self._pumps.stop(request, by)
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
                return self._live.state()
            case Order():
                session = await self._ordering.order(request, peer)
                return {"session": session, **review(self._pumps.named(request.pump))}
            case OrderRest(pump=pump, ordered_by=by):
                session = await self._ordering.order_rest(request, by, peer)
                return {"session": session, **review(self._pumps.named(pump))}
            case ChallengeRequest(pump=pump):
                self._alarms.touched()
                return await self._confirming.challenge(pump)
            case Confirmation():
                return await self._software_nurses.confirm(request)
            case Associate(pump=pump, patient=patient, by=by):
                return await self._ordering.associate(pump, patient, f"{by}, {peer}")
            case Dissociate(pump=pump, by=by):
                return await self._ordering.associate(pump, None, f"{by}, {peer}")
            case Pause(pump=pump, by=by, reason=reason):
                return self._pumps.pause(pump, f"{by}, {peer}", reason)
            case Resume(pump=pump, by=by):
                return self._pumps.resume(pump, f"{by}, {peer}")
            case Clear(pump=pump, by=by):
                return self._pumps.clear(pump, f"{by}, {peer}")
            case Identify(pump=pump, by=by, seen=seen):
                return await self._identifying.identify(self._pumps.named(pump), f"{by}, {peer}", seen)
            case Reconcile(pump=pump, by=by):
                return self._pumps.reconcile(pump, f"{by}, {peer}", request)
            case SelfTestRequest(pump=pump, by=by):
                return await self._ordering.self_test(pump, f"{by}, {peer}")
            case PruneJournal(by=by):
                return await self._retention.prune(request, f"{by}, {peer}")
            case TraceRequest(pump=pump):
                settings = self._pumps.named(pump).settings
                return {"pump": pump, "driver": settings.driver, "port": settings.port}
            case WatchRequest():
                return {"gateway": self._gateway}
            case LibraryRequest():
                return library_data(self._library)
            case VitalSigns():
                return self._vital_signs(request)
            case PatientHistory(patient=patient):
                return await self._histories.answer(patient)
            case CorrectDose():
                return await self._corrections.of_two(request, peer)
            case OrderCourse(ordered_by=by):
                return await self._courses.order(request, f"{by}, {peer}")
            case AssessCourse(by=by):
                return await self._courses.assess(request, f"{by}, {peer}")
            case NonceRequest():
                return {"nonce": self._tablets.nonce()}
            case TabletRequest():
                return await self._tablets.answer(request)
            case Alive(tablet=tablet):
                self._alive(tablet)
                return {}
            case Serving(certificate_until=until):
                self._certificate.served(until)
                return {}
            case PairState(window=window):
                return self._pairing.state(window)
            case PairOffer():
                return self._pairing.offer(request)
            case PairReveal():
                return await self._pairing.reveal(request)
            case PairOpen() | PairAccept() | PairClose():
                return await self._pair(request, peer)
            case KeyList() | KeyAdd() | KeyRename() | KeyRevoke():
                return await self._change_keys(request, peer)
            case StaffList() | StaffAdd() | StaffRemove() | PinReset():
                return await self._change_staff(request, peer)
            case Stop():  # already carried out; here for the type checker
                return self._stop(request, caller)

    def _vital_signs(self, request: VitalSigns) -> dict[str, Any]:
        result = self._vitals.received(request)
        if result["refused"]:
            body = {"reasons": result["refused"], "pump": request.pump, "source": request.source}
            self._note(Door.VITALS, "vitals_refused", body)
        return result

    async def _pair(self, request: PairOpen | PairAccept | PairClose, peer: str) -> dict[str, Any]:
        match request:
            case PairOpen(roles=roles, name=name):
                return self._pairing.open(roles, name, peer)
            case PairAccept(code=code):
                return await self._pairing.accept(code, peer)
            case PairClose():
                self._pairing.close()
                return {}

    async def _change_keys(self, request: KeyList | KeyAdd | KeyRename | KeyRevoke, peer: str) -> dict[str, Any]:
        match request:
            case KeyList():
                return {"keys": self._register.keys()}
            case KeyAdd(name=name, public_key=public_key):
                real = [each.name for each in self._pumps.runners.values() if not each.settings.simulated]
                if why := with_hardware([name], real):
                    raise RefusedError(text("tablet.key", "key: {why}", why=why))
                return await self._register.add_software(name, public_key, peer)
            case KeyRename(key=key, name=name):
                return await self._register.rename_key(key, name, peer)
            case KeyRevoke(key=key):
                return await self._register.revoke_key(key, peer)

    async def _change_staff(self, request: StaffList | StaffAdd | StaffRemove | PinReset, peer: str) -> dict[str, Any]:
        match request:
            case StaffList():
                return {"staff": self._register.staff()}
            case StaffAdd(badge=badge, name=name, roles=roles, pin=pin, person=number):
                return await self._register.add_person(badge, name, roles, pin.get_secret_value(), peer, number)
            case StaffRemove(badge=badge):
                return await self._register.remove_person(badge, peer)
            case PinReset(badge=badge, pin=pin):
                return await self._register.reset_pin(badge, pin.get_secret_value(), peer)

    def _alive(self, tablet: str) -> None:
        if self._register.key(tablet) is None:
            raise RefusedError(
                text("tablet.not_paired", "alive: no tablet {tablet} is paired with this gateway", tablet=repr(tablet))
            )
        self._alarms.alive(tablet)

    def _note_refusal(self, request: Request, caller: Caller, reasons: tuple[str, ...]) -> None:
        by = request.ordered_by if isinstance(request, Order | OrderRest) else getattr(request, "by", "")
        body = {"op": request.op, "by": by, "reasons": list(reasons), "peer": caller.name}
        kind = _REFUSED.get(request.op, "request_refused")
        self._note(caller.door, kind, body, getattr(request, "pump", None) or "")

    def _note(self, door: Door, kind: str, body: Mapping[str, Any], pump: str = "") -> None:
        self._strangers.note(f"{kind} on the {door}", kind, body, pump)
