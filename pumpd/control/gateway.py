"""The gateway's answers: what each request on the control socket does, or every reason why not.

Whatever is asked for leaves a row in the journal, refusals with their reasons. Nothing here makes a pump flow: an order
is loaded and read back, and waits; a confirmation goes to the state machine, which decides.
"""

import asyncio
import contextlib
import importlib
import secrets
import sys
from collections.abc import Collection, Sequence
from typing import Any

import structlog

from pumpd.control import rows
from pumpd.control.build import Build
from pumpd.control.build import objections as build_objections
from pumpd.control.clock import Clock, synchronized
from pumpd.control.deadman import on_port
from pumpd.control.keys import KeyStore, KeyStoreError
from pumpd.control.messages import (
    DISCLAIMER,
    Answer,
    ChallengeRequest,
    Clear,
    Confirmation,
    Order,
    Pause,
    Reconcile,
    Request,
    Resume,
    StatusRequest,
    Stop,
    TraceRequest,
)
from pumpd.control.review import review, status_of
from pumpd.control.runner import PumpRunner
from pumpd.control.writer import JournalWriter
from pumpd.dosing import Library, Prescription, Refusal, Refusals, SoftLimit, check, plan
from pumpd.dosing.history import History, Wanted, objections, warnings
from pumpd.infusion import Infusion, Place, Window
from pumpd.infusion import events as ev
from pumpd.journal import Entry, JournalError, JournalReader
from pumpd.journal.doses import Doses
from pumpd.pump import AlarmCode, Capabilities, Expiry
from pumpd.quantities import Volume
from pumpd.settings import PumpSettings, Settings

log = structlog.get_logger("pumpd.control")


class RefusedError(Exception):
    """A request that is not carried out, with every reason."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


async def _signatures_loaded() -> None:
    """Load the cryptography when the first challenge is asked for, beside the loop.

    It takes 0.1 s and 7 MB, which a process that has just been restarted over a running pump does not spend first.
    """
    if "pumpd.control.signature" not in sys.modules:
        await asyncio.to_thread(importlib.import_module, "pumpd.control.signature")


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
        self._doses = Doses()
        journal.on_failure = self._journal_failed
        journal.on_restored = self._journal_restored
        if damage:
            log.error("journal_damaged", why=damage)

    async def answer(self, request: Request, peer: str) -> Answer:
        """Carry out a request from `peer` (who is on the socket, for the journal)."""
        try:
            match request:
                case Stop():
                    return self._stop(request, peer)
                case StatusRequest():
                    return Answer(ok=True, result=self.status())
                case Order():
                    return await self._order(request, peer)
                case ChallengeRequest():
                    return await self._challenge(request)
                case Confirmation():
                    return self._confirm(request)
                case Pause(pump=pump, by=by, reason=reason):
                    return self._ask(pump, ev.PauseRequested(self._now(), f"{by}, {peer}", reason))
                case Resume(pump=pump, by=by):
                    return self._ask(pump, ev.ResumeRequested(self._now(), f"{by}, {peer}"))
                case TraceRequest(pump=pump):
                    settings = self._runner(pump).settings
                    return Answer(ok=True, result={"pump": pump, "driver": settings.driver, "port": settings.port})
                case Reconcile(pump=pump, by=by, volume=volume, reason=reason):
                    return self._ask(pump, ev.DeliveryReconciled(self._now(), f"{by}, {peer}", _volume(volume), reason))
                case Clear(pump=pump, by=by):
                    return self._ask(pump, ev.TripsCleared(self._now(), f"{by}, {peer}"))
        except RefusedError as error:
            body = {"op": request.op, "reasons": list(error.reasons), "peer": peer}
            kind = {"order": "order_refused", "confirm": "confirmation_refused"}.get(request.op, "request_refused")
            self._journal.post([Entry(kind, body, getattr(request, "pump", None) or "", "", self._now())])
            return Answer(ok=False, reasons=error.reasons)

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

    def _ask(self, pump: str, event: ev.Event) -> Answer:
        runner = self._runner(pump)
        reasons = runner.feed(event)
        if reasons:
            raise RefusedError(*reasons)
        return Answer(ok=True, result=status_of(runner, self._now()))

    # -- stop --------------------------------------------------------------------------------------------------------

    def _stop(self, request: Stop, peer: str) -> Answer:
        """Unknown pump names stop nothing, and say so; no name stops everything."""
        runners = list(self.runners.values()) if request.pump is None else [self._runner(request.pump)]
        for runner in runners:
            runner.stop(f"{request.by}, {peer}", request.reason)
        return Answer(ok=True, result={"stopping": [runner.name for runner in runners]})

    # -- order -------------------------------------------------------------------------------------------------------

    async def _order(self, request: Order, peer: str) -> Answer:
        runner = self._runner(request.pump)
        pump = runner.settings
        await self._try_journal()
        reasons = self._order_objections(runner, request.patient)
        await self._read_history()
        fields: dict[str, object] = request.model_dump(exclude={"op", "pump", "overrides"})
        try:
            prescription = Prescription.from_text(fields, library=self.library, order=True)
            capabilities = self._capabilities(runner, prescription)
            hard, soft = self._history(runner, prescription)
            reasons += hard
            program = plan(prescription, self.library, capabilities, request.overrides, soft)
        except Refusals as error:
            raise RefusedError(*reasons, *(str(reason) for reason in error.reasons)) from error
        reasons += _expiry_objections(capabilities, pump)
        reasons += [
            f"override: {limit.id} passes a soft limit ({limit}); give a reason of at least 3 letters for it"
            for limit in program.not_overridden
        ]
        if reasons:
            raise RefusedError(*reasons)
        session = secrets.token_hex(8)
        infusion = Infusion(
            place=Place(session, self.settings.gateway, pump.name, pump.serial, pump.channel),
            segment=ev.Segment(program.digest, program.pump_program),
            prescribed=program.vtbi,
            window=Window.of(prescription.duration),
            limits=runner.limits.for_counter(capabilities.counter_step),
            accuracy_percent=capabilities.kind.accuracy_percent,
            ordered_ns=self._now(),
        )
        body = {"digest": program.digest, "program": program.fields, "peer": peer}
        try:
            await self._journal.append([Entry("order_accepted", body, pump.name, session, self._now())])
        except JournalError as error:
            raise RefusedError(f"journal: {error}; nothing is started that cannot be written down") from error
        reasons = self._order_objections(runner, request.patient)
        await self._read_history()
        reasons += self._history(runner, prescription, session)[0]
        if reasons:  # another order, or a failure, came while the journal was being written
            raise RefusedError(*reasons)
        asked = {"order": {**fields, "overrides": request.overrides}, "build": self._build}
        runner.order(infusion, program, capabilities, asked)
        return Answer(ok=True, result={"session": session, **review(runner)})

    def _capabilities(self, runner: PumpRunner, prescription: Prescription) -> Capabilities:
        """What the pump can do with the container that is ordered. Raises Refusals, with all that needs no pump."""
        reasons = check(prescription, self.library)
        container = self.library.containers.get(prescription.container)
        if container is None:
            raise Refusals(reasons)
        try:
            return on_port(runner.family.capabilities(container, runner.settings.settings), runner.settings.port)
        except ValueError as error:
            raise Refusals([*reasons, Refusal("container", str(error), "PRG-13")]) from error

    async def _read_history(self) -> None:
        """Take in what the journal has gained since the last order, the first time all of it, in short pieces."""
        try:
            await self._journal.append([])
            with contextlib.closing(JournalReader(self.settings.journal_path)) as reader:
                while rows := reader.after(self._doses.last_id, 1000):
                    self._doses.take(rows)
                    await asyncio.sleep(0)
        except JournalError as error:
            raise RefusedError(f"journal: {error}; what was given before cannot be judged") from error

    def _history(
        self, runner: PumpRunner, prescription: Prescription, but: str = ""
    ) -> tuple[list[str], tuple[SoftLimit, ...]]:
        """What the patient has had, against this order: hard reasons, and soft limits (PRG-14, PRG-17, PRG-18)."""
        entry = self.library.entries.get(prescription.entry)
        if entry is None:
            return [], ()
        live = {each.infusion.place.session for each in self.runners.values() if each.active and each.infusion}
        doses = [dose for dose in self._doses.all(live) if dose.session != but]
        past = History.of(doses, prescription.patient, entry.drug)
        dose = prescription.dose_per_weight * prescription.weight
        wanted = Wanted(dose, prescription.weight, prescription.course)
        known = runner.settings.simulated or self.settings.clock_trusted or synchronized()
        at = self._clock.now()
        now = int(at.timestamp() * 1e9) if known else None
        changed = build_objections(doses, self._others, at)
        soft = () if now is None else warnings(past, wanted, now, entry.course)
        return [*changed, *(str(each) for each in objections(past, wanted, now, entry.course))], soft

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
        reasons = self._journal_objections()
        if runner.problem:
            reasons.append(f"pump: {runner.name} is not available: {runner.problem}")
        for other in self.runners.values():
            if not other.active or other.program is None:
                continue
            if other is runner:
                reasons.append(f"pump: {runner.name} has an infusion already; it must end first")
            elif other.program.prescription.patient == patient:
                reasons.append(f"patient: has an infusion on {other.name} already; it must end first")
        return reasons

    # -- confirmation ------------------------------------------------------------------------------------------------

    async def _challenge(self, request: ChallengeRequest) -> Answer:
        runner = self._runner(request.pump)
        await _signatures_loaded()
        reasons = runner.feed(ev.ChallengeIssued(self._now(), secrets.token_hex(16)))
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
        }
        valid_s = self._clock.loop_seconds(binding.expires_ns - self._now())
        return Answer(ok=True, result={"binding": fields, "valid_s": valid_s, "review": review(runner)})

    def _confirm(self, request: Confirmation) -> Answer:
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
        )
        try:
            key = self._keys.all().get(request.key)
        except KeyStoreError as error:
            raise RefusedError(str(error)) from error
        if key is None:
            raise RefusedError(f"confirmation: the key {request.key!r} is not paired with this gateway")
        from pumpd.control.signature import fault  # noqa: PLC0415  # see `_signatures_loaded`

        wrong = fault(key, binding, request.signature)
        if wrong:
            raise RefusedError(wrong)
        if objections := self._journal_objections():
            raise RefusedError(*objections)
        given = ev.ConfirmationGiven(self._now(), binding, f"{key.name} ({key.id})", request.request)
        reasons = runner.feed(given)
        if reasons:
            raise RefusedError(*reasons)
        return Answer(ok=True, result=status_of(runner, self._now()))

    # -- state -------------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Everything that `pumpd status` and `pumpd watch` show."""
        now = self._now()
        return {
            "notice": DISCLAIMER,
            "gateway": self.settings.gateway,
            "time_scale": self.settings.simulation.time_scale,
            "journal": self.damage or self.journal_problem or "ok",
            "alarms": [rows.alarm(AlarmCode.JOURNAL_FAILED)] if self.damage or self.journal_problem else [],
            "pumps": [status_of(runner, now) for runner in self.runners.values()],
        }

    def _journal_failed(self, error: JournalError) -> None:
        known, self.journal_problem = bool(self.journal_problem), str(error)
        if known:  # what is now written of it fails as well
            return
        log.error("journal_failed", why=str(error))
        self._journal.post([Entry("alarm_raised", rows.alarm(AlarmCode.JOURNAL_FAILED), "", "", self._now())])
        for runner in self.runners.values():
            if runner.active:
                runner.feed(ev.JournalFailed(self._now(), str(error)))

    def _journal_restored(self, kept: int) -> None:
        """What had been kept is on the disk now."""
        log.info("journal_restored", rows_kept=kept)
        body = {"problem": self.journal_problem, "rows_kept": kept}
        self.journal_problem = ""
        cleared = Entry("alarm_cleared", {"code": AlarmCode.JOURNAL_FAILED.value}, "", "", self._now())
        self._journal.post([Entry("journal_restored", body, "", "", self._now()), cleared])


def _volume(text: str) -> Volume:
    try:
        return Volume.parse(text, "volume")
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _expiry_objections(capabilities: Capabilities, pump: PumpSettings) -> list[str]:
    """COM-13: besides the programmed volume, something must end the flow when this gateway dies with its power too."""
    if pump.clamp or {Expiry.NATIVE, Expiry.VTBI_SLICE} & set(capabilities.expiry):
        return []
    how = "lost its power or its cable" if Expiry.DEADMAN in capabilities.expiry else "died"
    why = f"driver: if this gateway {how}, nothing but the programmed volume would end the flow of {pump.name}"
    return [f"{why}; use a pump with its own watchdog, or set `clamp = true` when a clamp closes by itself (COM-13)"]
