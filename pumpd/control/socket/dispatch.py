"""From a request to the service that carries it out, and every refusal into the journal.

Promises:
- A stop comes before everything else and waits for nothing.
- Whatever is refused leaves a journal entry with its reasons; strangers on the network cannot fill the disk with them.
"""

from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from pumpd.control.alarms.service import AlarmService
from pumpd.control.confirming.review import review, status_of
from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.ordering.service import OrderingService
from pumpd.control.refused import RefusedError
from pumpd.control.socket.strangers import StrangerLimit
from pumpd.control.socket.wire_trace import show_wire
from pumpd.control.state.live import Live, library_of
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.pairing_service import PairingService
from pumpd.control.tablets.service import Tablets
from pumpd.control.tablets.software_nurse import SoftwareNurses
from pumpd.dosing import Library
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages.requests import (
    Alive,
    Answer,
    Associate,
    ChallengeRequest,
    Clear,
    Confirmation,
    Dissociate,
    LibraryRequest,
    NonceRequest,
    Order,
    PairAccept,
    PairClose,
    PairOffer,
    PairOpen,
    PairState,
    Pause,
    Reconcile,
    Request,
    Resume,
    StatusRequest,
    Stop,
    TabletRequest,
    TraceRequest,
    WatchRequest,
)

Stream = Callable[[StreamReader, StreamWriter], Awaitable[None]]

_REFUSED = {"order": "order_refused", "confirm": "confirmation_refused"}


class Dispatch:
    def __init__(
        self,
        gateway: str,
        library: Library,
        pumps: Pumps,
        ordering: OrderingService,
        confirming: ConfirmingService,
        software_nurses: SoftwareNurses,
        tablets: Tablets,
        pairing: PairingService,
        keys: KeyStore,
        alarms: AlarmService,
        live: Live,
        journal: JournalWriter,
        clock: Clock,
    ) -> None:
        self._gateway, self._library, self._pumps = gateway, library, pumps
        self._ordering, self._confirming, self._software_nurses = ordering, confirming, software_nurses
        self._tablets, self._pairing, self._keys, self._alarms = tablets, pairing, keys, alarms
        self._live, self._journal, self._clock = live, journal, clock
        self._strangers = StrangerLimit()

    async def answer(self, request: Request, peer: str, *, operator: bool = False) -> Answer:
        """Carry out a request from `peer` (who is on the socket, for the journal).

        `operator`: the kernel says that it is root or the user that control runs as.
        """
        try:
            if isinstance(request, Stop):  # before all else
                return Answer(ok=True, result=self._stop(request, peer))
            result = await self._carry_out(request, peer, operator=operator)
        except RefusedError as error:
            self._note_refusal(request, peer, error.reasons)
            return Answer(ok=False, reasons=error.reasons)
        match result:
            case Answer():
                return result
            case PumpRunner():
                return Answer(ok=True, result=status_of(result, self._clock.monotonic_ns()))
            case _:
                return Answer(ok=True, result=dict(result))

    def stream(self, request: Request | None) -> Stream | None:
        """What is written after the answer until the client goes away; None when the next request comes instead."""
        match request:
            case TraceRequest(pump=pump):
                return partial(show_wire, self._pumps.named(pump))
            case WatchRequest():
                return self._live.show
            case _:
                return None

    def malformed(self, peer: str, problems: tuple[str, ...]) -> Answer:
        """What came over the socket is not a request."""
        self._note("request_malformed", {"problems": list(problems), "peer": peer})
        return Answer(ok=False, reasons=problems)

    def _stop(self, request: Stop, peer: str) -> dict[str, Any]:
        by, switching = f"{request.by}, {peer}", request.switching_source
        return {"stopping": self._pumps.stop(request.pump, by, request.reason, switching_source=switching)}

    async def _carry_out(
        self, request: Request, peer: str, *, operator: bool
    ) -> Answer | PumpRunner | Mapping[str, Any]:
        match request:
            case StatusRequest():
                return self._live.status()
            case Order():
                session = await self._ordering.order(request, peer)
                return {"session": session, **review(self._pumps.named(request.pump))}
            case ChallengeRequest(pump=pump):
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
            case Reconcile(pump=pump, by=by, volume=volume, reason=reason, stands=stands):
                return self._pumps.reconcile(pump, f"{by}, {peer}", volume, reason, stands=stands)
            case TraceRequest(pump=pump):
                settings = self._pumps.named(pump).settings
                return {"pump": pump, "driver": settings.driver, "port": settings.port}
            case WatchRequest():
                return {"gateway": self._gateway}
            case LibraryRequest():
                return library_of(self._library)
            case NonceRequest():
                return {"nonce": self._tablets.nonce()}
            case TabletRequest():
                return await self._tablets.answer(request)
            case Alive(tablet=tablet):
                self._alive(tablet)
                return {}
            case PairState(token=token):
                return self._pairing.state(token)
            case PairOffer(token=token, name=name, public_key=public_key):
                return await self._pairing.offer(token, name, public_key)
            case PairOpen() | PairAccept() | PairClose():
                if not operator:
                    raise RefusedError("pair: only somebody at the gateway pairs a tablet: root, or pumpd's own user")
                return await self._pair(request, peer)
            case Stop():  # carried out before; here for the type checker
                return self._stop(request, peer)

    async def _pair(self, request: PairOpen | PairAccept | PairClose, peer: str) -> dict[str, Any]:
        match request:
            case PairOpen(roles=roles, name=name):
                return self._pairing.open(roles, name, peer)
            case PairAccept(code=code):
                return await self._pairing.accept(code, peer)
            case PairClose():
                self._pairing.close()
                return {}

    def _alive(self, tablet: str) -> None:
        try:
            paired = tablet in self._keys.all()
        except KeyStoreError as error:
            raise RefusedError(str(error)) from error
        if not paired:
            raise RefusedError(f"alive: no tablet {tablet!r} is paired with this gateway")
        self._alarms.alive(tablet)

    def _note_refusal(self, request: Request, peer: str, reasons: tuple[str, ...]) -> None:
        by = request.ordered_by if isinstance(request, Order) else getattr(request, "by", "")
        body: dict[str, Any] = {"op": request.op, "by": by, "reasons": list(reasons), "peer": peer}
        if isinstance(request, TabletRequest | PairOffer | Alive):  # anybody on the network can send these
            if not self._strangers.allow(self._clock.loop_ns()):
                return
            body |= self._strangers.told()
        self._note(_REFUSED.get(request.op, "request_refused"), body, getattr(request, "pump", None) or "")

    def _note(self, kind: str, body: Mapping[str, Any], pump: str = "") -> None:
        self._journal.post([Entry(kind, body, pump, "", self._clock.monotonic_ns())])
