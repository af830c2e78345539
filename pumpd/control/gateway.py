"""The gateway's answers: what each request on the control socket does, or every reason why not.

Whatever is asked for leaves a row in the journal, refusals with their reasons. Nothing here makes a pump flow: an order
is loaded and read back, and waits; a confirmation goes to the state machine, which decides.
"""

import asyncio
import contextlib
import importlib
import secrets
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from pumpd.control.alarms.board import Key
from pumpd.control.alarms.service import AlarmService
from pumpd.control.alarms.sounder import Sounder
from pumpd.control.confirming.review import review, review_of, shown, status_of
from pumpd.control.infusions.pump_work import PumpWork
from pumpd.control.infusions.runner import PumpRunner
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.observation.observation import Observation
from pumpd.control.observation.service import ObservationService
from pumpd.control.ordering import association
from pumpd.control.ordering.build import Build
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.control.ordering.planning import Ordering
from pumpd.control.refused import RefusedError
from pumpd.control.socket.strangers import StrangerLimit
from pumpd.control.state.live import Live, library_of
from pumpd.control.tablets.keys import KeyStore, KeyStoreError, PairedKey
from pumpd.control.works import Works
from pumpd.dosing import Library
from pumpd.dosing.prescription import is_token
from pumpd.host.clock import Clock
from pumpd.host.supply import SupplyWatch
from pumpd.host.supply_rules import ALARMS as SUPPLY_ALARMS
from pumpd.infusion import Infusion, Place, Window
from pumpd.infusion import events as ev
from pumpd.journal import Entry, JournalError
from pumpd.journal.writer import JournalWriter
from pumpd.messages.requests import (
    DISCLAIMER,
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
from pumpd.pump import AlarmCode
from pumpd.quantities import Volume
from pumpd.settings import Settings

if TYPE_CHECKING:
    from pumpd.control.tablets.service import Tablets

log = structlog.get_logger("pumpd.control")


async def _loaded(*modules: str) -> None:
    """Load what is not needed until somebody confirms or a tablet speaks, beside the loop.

    Cryptography takes 0.1 s and 7 MB, which a process that has just been restarted over a running pump does not spend
    first.
    """
    for module in modules:
        if module not in sys.modules:
            await asyncio.to_thread(importlib.import_module, module)


class Gateway:
    def __init__(
        self,
        settings: Settings,
        library: Library,
        runners: Sequence[PumpRunner],
        journal: JournalWriter,
        keys: KeyStore,
        clock: Clock,
        build: Build,
        others: Collection[str] = (),
        damage: str = "",
        observations: Sequence[Observation] = (),
        alarms_left: Mapping[Key, str] | None = None,
    ) -> None:
        """`others`: sessions that another build began. `damage`: what is wrong with the journal of before; nothing is
        started until it is put in order and this process starts anew.
        """
        self.settings, self.library = settings, library
        self.runners = {runner.name: runner for runner in runners}
        self._journal, self._keys, self._clock = journal, keys, clock
        self._build, self._others = build, others
        self.damage = damage
        self.journal_problem = ""
        self.guard = LibraryCheck(settings, library, journal, clock)
        self._past = DoseHistory(settings.journal_path, journal)
        self._ordering = Ordering(settings, library, runners, self._past, clock, others)
        self.works = Works(self._work_died)
        self.alarms = AlarmService(
            self.runners, journal, clock, (self._journal_alarms, self._supply_alarms), alarms_left or {}
        )
        self.observations = ObservationService(journal, clock, observations)
        self._tablets: Tablets | None = None
        self._strangers = StrangerLimit()
        self.live = Live(self, keys, clock)
        journal.on_failure = self._journal_failed
        journal.on_restored = self._journal_restored
        if damage:
            log.error("journal_damaged", why=damage)
        self.alarms.on_change = self._alarms_changed
        output = settings.alarm.output
        self._sounder = Sounder(output, lambda: self.alarms.board.sounding) if output else None
        supplied = settings.supply_watched
        left = frozenset(code for pump, code in alarms_left or {} if not pump and code in SUPPLY_ALARMS)
        self._supply = None if supplied is None else SupplyWatch(supplied, left, self.changed)
        self._gate = StartGate(settings, clock, self._supply)
        for runner in runners:
            runner.on_change = self.changed
            runner.last_look = partial(self._gate.last_look, runner)

    async def tablets(self) -> "Tablets":
        """What speaks with tablets, made when the first one does."""
        await _loaded("pumpd.messages.signing", "pumpd.control.tablets.service")
        from pumpd.control.tablets.service import Tablets  # noqa: PLC0415  # see `_loaded`

        if self._tablets is None:
            self._tablets = Tablets(self, self._keys, self._journal, self._clock)
        return self._tablets

    def person_on(self, tablet: str) -> dict[str, Any] | None:
        """Who is signed in on a tablet."""
        return None if self._tablets is None else self._tablets.of(tablet)

    @property
    def sounder_problem(self) -> str:
        return self._sounder.problem if self._sounder else ""

    def start(self) -> None:
        """Begin all that runs: the pumps' own loops and what runs beside them."""
        for name, runner in self.runners.items():
            on_port = [each for each in self.runners.values() if each.settings.port == runner.settings.port]
            self.works.start(f"pump {name}", PumpWork(runner, on_port, self._clock))
        self.works.start("alarms", self.alarms)
        self.works.once("library", self.guard.run())
        self.works.once("dose history", self._past.run())
        if self._sounder is not None:
            self.works.start("alarm output", self._sounder)
        if self._supply is not None:
            self.works.start("supply", self._supply)

    def stop_all(self, why: str) -> None:
        """Stop every pump that may flow. What fails for one pump keeps no other from its stop."""
        for runner in self.runners.values():
            if not (runner.may_flow or runner.unprescribed.stopping):
                continue
            try:
                runner.stop("pumpd", why)
            except Exception:
                log.exception("stop_failed", pump=runner.name)

    def _work_died(self, why: str) -> None:
        """A part of pumpd is no longer there: nothing flows on without it. The process ends and is restarted."""
        self.stop_all(f"pumpd failed: {why}")
        self._journal.post([Entry("internal_error", {"error": why}, "", "", self._now())])
        self.alarms.control_failed()

    @property
    def supply(self) -> dict[str, Any] | None:
        """What feeds the gateway; None when nothing tells."""
        return None if self._supply is None else self._supply.data()

    def _supply_alarms(self) -> frozenset[AlarmCode]:
        return frozenset() if self._supply is None else self._supply.alarms

    def _journal_alarms(self) -> frozenset[AlarmCode]:
        return frozenset({AlarmCode.JOURNAL_FAILED} if self.damage or self.journal_problem else ())

    def _alarms_changed(self) -> None:
        self.live.change()
        if self._sounder is not None:
            self._sounder.change()

    def changed(self) -> None:
        """Something that people see has changed."""
        self.observations.check(self.runners.values())
        self.alarms.see()
        self.live.change()

    async def answer(self, request: Request, peer: str, *, operator: bool = False) -> Answer:
        """Carry out a request from `peer` (who is on the socket, for the journal).

        `operator`: the kernel says that it is root or the user that control runs as: somebody at the gateway.
        """
        try:
            if isinstance(request, Stop):  # before all else
                return self._stop(request, peer)
            result = await self._answered(request, peer, operator=operator)
        except RefusedError as error:
            by = request.ordered_by if isinstance(request, Order) else getattr(request, "by", "")
            body = {"op": request.op, "by": by, "reasons": list(error.reasons), "peer": peer}
            if isinstance(request, TabletRequest | PairOffer | Alive):  # anybody on the network can send these
                if not self._strangers.allow(self._clock.loop_ns()):
                    return Answer(ok=False, reasons=error.reasons)
                body |= self._strangers.told()
            kind = {"order": "order_refused", "confirm": "confirmation_refused"}.get(request.op, "request_refused")
            self._journal.post([Entry(kind, body, getattr(request, "pump", None) or "", "", self._now())])
            return Answer(ok=False, reasons=error.reasons)
        return result if isinstance(result, Answer) else Answer(ok=True, result=result)

    async def _answered(self, request: Request, peer: str, *, operator: bool) -> Answer | dict[str, Any]:
        match request:
            case StatusRequest():
                return self.status()
            case Order():
                return await self._order(request, peer)
            case ChallengeRequest(pump=pump):
                return await self.challenge(pump)
            case Confirmation():
                return await self._confirm_by_software(request)
            case Associate(pump=pump, by=by) | Dissociate(pump=pump, by=by):
                patient = request.patient if isinstance(request, Associate) else None
                return await self._associate(self._runner(pump), patient, f"{by}, {peer}")
            case Pause(pump=pump, by=by, reason=reason):
                return self._ask(pump, ev.PauseRequested(self._now(), f"{by}, {peer}", reason))
            case Resume(pump=pump, by=by):
                return self._ask(pump, ev.ResumeRequested(self._now(), f"{by}, {peer}"))
            case TraceRequest(pump=pump):
                settings = self._runner(pump).settings
                return {"pump": pump, "driver": settings.driver, "port": settings.port}
            case Reconcile(pump=pump, by=by, volume=volume, reason=reason, stands=stands):
                read = ev.DeliveryReconciled(self._now(), f"{by}, {peer}", _volume(volume), reason, stands)
                return self._ask(pump, read)
            case Clear(pump=pump, by=by):
                return self._ask(pump, ev.TripsCleared(self._now(), f"{by}, {peer}"))
            case WatchRequest():
                return {"gateway": self.settings.gateway}
            case LibraryRequest():
                return library_of(self.library)
            case NonceRequest():
                return {"nonce": (await self.tablets()).nonce()}
            case TabletRequest():
                return await (await self.tablets()).answer(request)
            case Alive(tablet=tablet):
                if tablet not in self._known_keys():
                    raise RefusedError(f"alive: no tablet {tablet!r} is paired with this gateway")
                self.alarms.alive(tablet)
                return {}
            case PairState(token=token):
                return (await self.tablets()).pairing.state(token)
            case PairOffer(token=token, name=name, public_key=public_key):
                return await (await self.tablets()).pairing.offer(token, name, public_key)
            case PairOpen() | PairAccept() | PairClose():
                if not operator:
                    raise RefusedError("pair: only somebody at the gateway pairs a tablet: root, or pumpd's own user")
                return await self._pair(request, peer)
            case Stop():  # taken before; here for the type checker
                return self._stop(request, peer)

    async def _pair(self, request: PairOpen | PairAccept | PairClose, peer: str) -> dict[str, Any]:
        pairing = (await self.tablets()).pairing
        match request:
            case PairOpen(roles=roles, name=name):
                return pairing.open(roles, name, peer)
            case PairAccept(code=code):
                return await pairing.accept(code, peer)
            case PairClose():
                pairing.close()
                return {}

    def _known_keys(self) -> dict[str, PairedKey]:
        try:
            return self._keys.all()
        except KeyStoreError as error:
            raise RefusedError(str(error)) from error

    def malformed(self, peer: str, problems: tuple[str, ...]) -> Answer:
        """What was said on the socket is not a request."""
        self._journal.post(
            [Entry("request_malformed", {"problems": list(problems), "peer": peer}, "", "", self._now())]
        )
        return Answer(ok=False, reasons=problems)

    def _now(self) -> int:
        return self._clock.monotonic_ns()

    def _runner(self, pump: str) -> PumpRunner:
        if pump not in self.runners:
            raise RefusedError(f"pump: {pump!r} is not configured; configured: {', '.join(self.runners) or 'none'}")
        return self.runners[pump]

    def _ask(self, pump: str, event: ev.Event) -> dict[str, Any]:
        runner = self._runner(pump)
        reasons = runner.feed(event)
        if reasons:
            raise RefusedError(*reasons)
        return status_of(runner, self._now())

    # -- stop --------------------------------------------------------------------------------------------------------

    def _stop(self, request: Stop, peer: str) -> Answer:
        """Unknown pump names stop nothing, and say so; no name stops everything."""
        runners = list(self.runners.values()) if request.pump is None else [self._runner(request.pump)]
        for runner in runners:
            runner.stop(f"{request.by}, {peer}", request.reason, switching=request.switching_source)
        return Answer(ok=True, result={"stopping": [runner.name for runner in runners]})

    # -- order -------------------------------------------------------------------------------------------------------

    async def preview(self, request: Order) -> dict[str, Any]:
        """What the order would come to; nothing is ordered. Raises RefusedError."""
        runner = self._runner(request.pump)
        objections = [*self._order_objections(runner, request.patient), *self.guard.known]
        planned = await self._ordering.planned(request, runner, objections, ordered=False)
        program = planned.program
        missing = {limit.id for limit in program.not_overridden}
        soft = [{"id": each.id, "text": str(each), "overridden": each.id not in missing} for each in program.warnings]
        found = review_of(runner.settings, program, planned.capabilities, None)
        return {"review": found, "soft": soft, "course": planned.course}

    async def _order(self, request: Order, peer: str) -> dict[str, Any]:
        runner = self._runner(request.pump)
        pump = runner.settings
        await self._try_journal()
        objections = [*self._order_objections(runner, request.patient), *await self.guard.objections()]
        planned = await self._ordering.planned(request, runner, objections, ordered=True)
        program, capabilities, prescription = planned.program, planned.capabilities, planned.prescription
        session = secrets.token_hex(8)
        infusion = Infusion(
            place=Place(session, self.settings.gateway, pump.name, pump.serial, pump.channel),
            segment=ev.Segment(program.digest, program.pump_program),
            prescribed=program.vtbi,
            window=Window.of(prescription.duration),
            limits=runner.limits.for_counter(capabilities.counter_step),
            accuracy_percent=capabilities.kind.accuracy_percent,
            ordered_ns=self._now(),
            patient=prescription.patient,
        )
        body = {"digest": program.digest, "program": program.fields, "peer": peer}
        try:
            await self._journal.append([Entry("order_accepted", body, pump.name, session, self._now())])
        except JournalError as error:
            raise RefusedError(f"journal: {error}; nothing is started that cannot be written down") from error
        reasons = self._order_objections(runner, request.patient)
        await self._past.catch_up()
        reasons += self._ordering.history(runner, prescription, session)[0]
        if reasons:  # another order, or a failure, came while the journal was being written
            raise RefusedError(*reasons)
        self.live.courses[pump.name] = (session, planned.course)
        self._gate.ordered(runner, session)
        runner.order(infusion, program, capabilities, {"order": planned.asked, "build": self._build})
        return {"session": session, **review(runner)}

    async def _try_journal(self) -> None:
        """After a failure: let the journal try again to write what was kept; a success clears the problem."""
        if not self.journal_problem:
            return
        with contextlib.suppress(JournalError):
            await self._journal.append([Entry("journal_tried", {}, "", "", self._now())])
            if self.journal_problem:  # nothing had been kept
                self._journal_restored(0)

    def _journal_objections(self) -> list[str]:
        """Why the journal keeps anything from being started."""
        reasons = []
        if self.damage:
            reasons.append(f"{self.damage}; what was given before is not known, so nothing is started")
        if self.journal_problem:
            reasons.append(f"journal: {self.journal_problem}; nothing is started that cannot be written down")
        return reasons

    def _order_objections(self, runner: PumpRunner, patient: str) -> list[str]:
        reasons = self._journal_objections() + self._gate.objections(runner)
        if runner.problem:
            reasons.append(f"pump: {runner.name} is not available: {runner.problem}")
        if runner.unprescribed.stopping:
            reasons.append(f"pump: {runner.name} was found flowing, and has not been seen to stand since")
        for other in self.runners.values():
            if not other.active or other.program is None:
                continue
            if other is runner:
                reasons.append(f"pump: {runner.name} has an infusion already; it must end first")
            elif other.program.prescription.patient == patient:
                reasons.append(f"patient: has an infusion on {other.name} already; it must end first")
        if runner.patient not in ("", patient):
            reasons.append(f"patient: {runner.name} is associated with another patient, {runner.patient}")
        return reasons

    # -- patient -----------------------------------------------------------------------------------------------------

    async def _associate(self, runner: PumpRunner, patient: str | None, by: str) -> dict[str, Any]:
        await association.associate(runner, patient, by, self._journal, self._now())
        self.changed()
        return status_of(runner, self._now())

    # -- confirmation ------------------------------------------------------------------------------------------------

    async def challenge(self, pump: str) -> dict[str, Any]:
        """What a confirmation must sign now, and what must be on the screen. Raises RefusedError."""
        runner = self._runner(pump)
        await _loaded("pumpd.messages.signing")
        reasons = runner.feed(ev.ChallengeIssued(self._now(), secrets.token_hex(16), shown(review(runner))))
        infusion = runner.infusion
        if reasons or infusion is None or infusion.challenge is None:
            raise RefusedError(*reasons)
        binding = infusion.challenge
        fields = {
            "nonce": binding.nonce,
            "digest": binding.digest,
            "action": binding.action.value,
            "serial": binding.serial,
            "channel": binding.channel,
            "session": binding.session,
            "gateway": binding.gateway,
            "expires_ns": binding.expires_ns,
            "shown": binding.shown,
        }
        valid_s = self._clock.loop_seconds(binding.expires_ns - self._now())
        return {"binding": fields, "valid_s": valid_s, "review": review(runner), "shown": binding.shown}

    async def _confirm_by_software(self, request: Confirmation) -> dict[str, Any]:
        """A software nurse's key confirms by itself. A tablet's never does: its request says who is signed in."""
        await _loaded("pumpd.messages.signing")
        key = self._known_keys().get(request.key)
        if key is None:
            raise RefusedError(f"confirmation: the key {request.key!r} is not paired with this gateway")
        if key.kind != "software":
            raise RefusedError(f"confirmation: {key.name!r} is a tablet; it confirms with a person signed in on it")
        return await self.confirm(request, key, f"{key.name} ({key.id})", checked_twice=False)

    async def confirm(
        self, request: Confirmation, key: PairedKey, signer: str, *, checked_twice: bool
    ) -> dict[str, Any]:
        """Verify the signature and let the state machine decide. Raises RefusedError."""
        runner = self._runner(request.pump)
        if request.action not in list(ev.ConfirmAction):
            raise RefusedError(f"confirmation: action {request.action!r} is neither start nor resume")
        binding = ev.Binding(
            nonce=request.nonce,
            digest=request.digest,
            action=ev.ConfirmAction(request.action),
            serial=request.serial,
            channel=request.channel,
            session=request.session,
            gateway=request.gateway,
            expires_ns=request.expires_ns,
            shown=request.shown,
            wristband=request.wristband,
        )
        from pumpd.messages.signing import fault  # noqa: PLC0415  # see `_loaded`

        wrong = fault(key, binding, request.signature)
        if wrong:
            raise RefusedError(wrong)
        if runner.program is not None and runner.program.entry.double_check and not checked_twice:
            raise RefusedError(
                f"confirmation: {runner.program.entry.id} asks for a second person's check; confirm it on a tablet"
            )
        # A resume gives the rest of what was started by the library.
        library = await self.guard.objections() if binding.action is ev.ConfirmAction.START else ()
        if objections := [*library, *self._journal_objections(), *self._gate.against(runner, binding.action)]:
            raise RefusedError(*objections)
        if not is_token(binding.wristband):  # whatever it is, it goes into no record
            raise RefusedError(f"patient: what was scanned is {association.NO_TOKEN}; scan the wristband")
        given = ev.ConfirmationGiven(self._now(), binding, signer, request.request, runner.patient)
        reasons = runner.feed(given)
        if reasons:
            raise RefusedError(*reasons)
        return status_of(runner, self._now())

    # -- state -------------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Everything that `pumpd status` and `pumpd watch` show."""
        now = self._now()
        return {
            "notice": DISCLAIMER,
            "gateway": self.settings.gateway,
            "time_scale": self.settings.simulation.time_scale,
            "journal": self.damage or self.journal_problem or "ok",
            "library": self.guard.status,
            "supply": self.supply,
            "alarms": self.alarms.of_pump(""),
            "pumps": [
                status_of(runner, now) | {"alarms": self.alarms.of_pump(runner.name)}
                for runner in self.runners.values()
            ],
        }

    def _journal_failed(self, error: JournalError) -> None:
        known, self.journal_problem = bool(self.journal_problem), str(error)
        if known:  # what is now written of it fails as well
            return
        log.error("journal_failed", why=str(error))
        for runner in self.runners.values():
            if runner.active:
                runner.feed(ev.JournalFailed(self._now(), str(error)))
        self.changed()

    def _journal_restored(self, kept: int) -> None:
        """What had been kept is on the disk now."""
        log.info("journal_restored", entries_kept=kept)
        body = {"problem": self.journal_problem, "entries_kept": kept}
        self.journal_problem = ""
        self._journal.post([Entry("journal_restored", body, "", "", self._now())])
        self.changed()


def _volume(text: str) -> Volume:
    try:
        return Volume.parse(text, "volume")
    except ValueError as error:
        raise RefusedError(str(error)) from error
