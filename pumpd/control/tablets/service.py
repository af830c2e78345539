"""The requests of paired tablets, carried out only after their signature was verified here (SEC-05, SEC-06, SEC-07).

Promises:
- Bedside only carries text. A request counts when a key that is paired here signed exactly this request, for this
  gateway, over a nonce that was drawn here, is fresh and was never used.
- A request needs two permissions: the roles of the key and those of the person signed in on that tablet.
- Nothing here starts a pump. A confirmation carries a signature of its own, over what was on the screen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import ValidationError

from pumpd.control.alarms.service import AlarmService
from pumpd.control.confirming import signature
from pumpd.control.confirming.nonces import Nonces
from pumpd.control.confirming.review import preview_of, review
from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.identifying import Identifying
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.observation.observation import ObservationError
from pumpd.control.observation.service import ObservationService
from pumpd.control.ordering.courses import CourseService
from pumpd.control.ordering.patient_history import PatientHistories
from pumpd.control.ordering.planning import Planned
from pumpd.control.ordering.service import OrderingService
from pumpd.control.plasma import PlasmaService
from pumpd.control.refused import Permission, RefusedError
from pumpd.control.state.live import LiveState
from pumpd.control.strangers import Strangers
from pumpd.control.tablets.corrections import Corrections
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.needs import objection
from pumpd.control.tablets.sign_in import IDLE_NS, SignInError, SignIns
from pumpd.control.tablets.staff import Person, StaffError
from pumpd.control.vitals.service import VitalsService
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages import tablet as asked
from pumpd.messages.keys import PairedKey
from pumpd.messages.requests import Answer, Order, TabletRequest
from pumpd.messages.roles import Role
from pumpd.quantities import NS_PER_S
from pumpd.texts import of_error, text
from pumpd.validation import FEW, problems, repeated

log = structlog.get_logger("pumpd.control")

_REFUSED = {
    "order": "order_refused",
    "rest": "order_refused",
    "confirm": "confirmation_refused",
    "wristband": "confirmation_refused",
    "sign_in": "sign_in_refused",
}
# Sent again and again while a person types: a refusal leaves no journal entry.
_QUIET = ("preview", "preview_rest", "hello", "touch")


@dataclass(kw_only=True, eq=False, repr=False)
class Tablets:
    gateway: str
    keys: KeyStore
    sign_ins: SignIns
    pumps: Pumps
    identifying: Identifying
    ordering: OrderingService
    confirming: ConfirmingService
    alarms: AlarmService
    observations: ObservationService
    plasma: PlasmaService
    histories: PatientHistories
    courses: CourseService
    corrections: Corrections
    live: LiveState
    vitals: VitalsService
    journal: JournalWriter
    strangers: Strangers
    clock: Clock
    changed: Callable[[], None]
    _nonces: Nonces = field(default_factory=Nonces, init=False)

    def nonce(self) -> str:
        return self._nonces.draw(self.clock.loop_ns())

    async def answer(self, request: TabletRequest) -> Answer:
        """Raises RefusedError for a request that no paired tablet made."""
        await signature.load()
        key = self._verified(request)
        try:
            inner = asked.inner().validate_json(request.request)
        except ValidationError as error:
            raise RefusedError(*problems(error, "request", FEW)) from error
        if twice := repeated(request.request, "request"):
            raise RefusedError(twice)
        self.alarms.alive(key.id)
        person: Person | None = None
        try:
            found = self.sign_ins.person(key.id)
            person = found[0] if found else None
            if why := objection(inner.op, key.roles, person.roles if person else None):
                raise RefusedError(why)
            result = await self._carry_out(key, person, inner)
        except (RefusedError, SignInError, StaffError, ObservationError) as error:
            reasons = error.reasons if isinstance(error, RefusedError | ObservationError) else (of_error(error),)
            if inner.op not in _QUIET:
                body = {
                    "op": inner.op,
                    "reasons": list(reasons),
                    "by": str(person) if person else text("sign_in.nobody", "nobody signed in"),
                }
                kind, pump = _REFUSED.get(inner.op, "request_refused"), getattr(inner, "pump", "")
                if person is None:
                    self.strangers.note(f"{kind} of tablets", kind, body | _from(key), pump)
                else:
                    self._note(kind, pump, body | _from(key))
            wait_s = error.retry_s if isinstance(error, SignInError) else 0
            return Answer(ok=False, reasons=reasons, result={"retry_s": wait_s} if wait_s else {})
        return result if isinstance(result, Answer) else Answer(ok=True, result=result)

    def _verified(self, request: TabletRequest) -> PairedKey:
        try:
            key = self.keys.all().get(request.key)
        except KeyStoreError as error:
            raise RefusedError(of_error(error)) from error
        if key is None or key.kind != "tablet":
            raise RefusedError(
                text(
                    "tablet.unknown_key",
                    "request: no tablet with the key {key} is paired with this gateway",
                    key=repr(request.key),
                )
            )
        if why := self._nonces.fault(request.nonce, self.clock.loop_ns()):
            raise RefusedError(why)
        signed = asked.signed_request(self.gateway, request.nonce, request.request)
        if why := signature.fault_of(key, signed, request.signature, "request"):
            raise RefusedError(why)
        return key

    async def _carry_out(self, key: PairedKey, person: Person | None, inner: asked.Inner) -> Answer | dict[str, Any]:
        match inner:
            case asked.Hello():
                return {"tablet": {"id": key.id, "name": key.name, "roles": list(key.roles)}}
            case asked.SignIn(badge=badge, pin=pin):
                signed_in = await self.sign_ins.sign_in(key.id, badge, pin.get_secret_value())
                try:
                    self._paired(key, inner.op)
                except RefusedError:
                    self.sign_ins.sign_out(key.id)
                    raise
                self._note("signed_in", "", {"by": str(signed_in)} | _from(key))
                self.alarms.touched()
                self.changed()
                return {"person": signed_in.shown(), "idle_s": IDLE_NS // NS_PER_S}
            case asked.SignOut():
                if there := self.sign_ins.sign_out(key.id):
                    self._note("signed_out", "", {"by": str(there)} | _from(key))
                self.changed()
                return {}
            case asked.Touch():
                self.sign_ins.touch(key.id)
                if person is not None:
                    self.alarms.touched()
                return {"person": self.sign_ins.shown(key.id)}
            case _:
                return await self._for_a_person(key, person, inner)

    async def _for_a_person(self, key: PairedKey, person: Person | None, inner: asked.Inner) -> Answer | dict[str, Any]:
        assert person is not None  # `objection` has checked it
        self.sign_ins.touch(key.id)
        self.alarms.touched()
        who = f"{person}, tablet {key.name} ({key.id})"

        def permitted() -> list[str]:
            return self._objections(key, person, inner.op)

        match inner:
            case asked.Preview() | asked.TabletOrder():
                order = Order(**inner.model_dump(exclude={"op"}), ordered_by=person.badge)
                runner = self.pumps.named(order.pump)
                if isinstance(inner, asked.Preview):
                    return await self._preview(order, runner)
                session = await self.ordering.order(order, who, permitted)
                return {"session": session, **review(runner)}
            case asked.PreviewRest() | asked.TabletRest():
                return await self._rest(key, person, inner, who, permitted)
            case asked.TabletChallenge(pump=pump):
                return _exact(await self.confirming.challenge(pump))
            case asked.TabletConfirm():
                return self._status(await self._confirm(key, person, inner))
            case asked.TabletWristband(pump=pump, read=read):
                self.confirming.wristband(pump, read)
                return {}
            case asked.TabletAssociate(pump=pump, patient=patient):
                return self._status(await self.ordering.associate(pump, patient, who, permitted))
            case asked.TabletDissociate(pump=pump):
                return self._status(await self.ordering.associate(pump, None, who, permitted))
            case asked.TabletPause(pump=pump, reason=reason):
                return self._status(self.pumps.pause(pump, who, reason))
            case asked.TabletPauseReason(pump=pump, session=session, reason=reason):
                return self._status(self.pumps.explain_pause(pump, session, who, reason))
            case asked.TabletResume(pump=pump):
                return self._status(self.pumps.resume(pump, who))
            case asked.TabletClear(pump=pump):
                return self._status(self.pumps.clear(pump, who))
            case asked.TabletIdentify(pump=pump, seen=seen):
                return self._status(await self.identifying.identify(self.pumps.named(pump), who, seen))
            case asked.TabletReconcile(pump=pump) as read:
                return self._status(self.pumps.reconcile(pump, who, read))
            case asked.Acknowledge(pump=pump, code=code):
                self.alarms.acknowledge(pump, code, who)
                return {}
            case asked.PauseAudio():
                return {"paused_s": self.alarms.pause_audio(who, key.id)}
            case asked.TabletPlasma(pump=pump):
                return {"plasma": self.plasma.of_loaded(self.pumps.named(pump))}
            case asked.TabletHistory(patient=patient):
                return await self.histories.answer(patient)
            case asked.TabletCorrectDose(session=session, started=started, reason=reason, second=other):
                second = (key.id, other.badge, other.pin.get_secret_value())
                return await self.corrections.correct(session, started, reason, person, second, who, permitted)
            case asked.TabletOrderCourse():
                return await self.courses.order(inner, who)
            case asked.TabletAssessCourse():
                return await self.courses.assess(inner, who)
            case asked.VitalSigns(pump=pump, session=session):
                numbers = inner.model_dump(exclude={"op", "pump", "session"}, exclude_none=True)
                if session and not self.vitals.under_way(pump, session):
                    self.observations.vitals(pump, session, who, numbers)
                else:
                    self.vitals.entered(pump, who, numbers)
            case asked.EndObservation(pump=pump, session=session, reason=reason):
                self.observations.end(pump, session, who, reason)
            case _:
                raise RefusedError(text("tablet.may_not_ask", "{op}: no tablet may ask for that", op=inner.op))
        self.changed()
        return {}

    async def _preview(self, order: Order, runner: PumpService) -> Answer:
        """What an order would lead to, or every reason against it; either way the containers that would hold it."""
        choices = {"containers": self.ordering.containers(order)}
        try:
            planned = await self.ordering.preview(order)
        except RefusedError as error:
            return Answer(ok=False, reasons=error.reasons, result=choices)
        return Answer(ok=True, result={**preview_of(runner, planned, self.plasma.of_planned(planned)), **choices})

    async def _rest(
        self,
        key: PairedKey,
        person: Person,
        inner: asked.PreviewRest | asked.TabletRest,
        who: str,
        permitted: Permission,
    ) -> dict[str, Any]:
        """The rest of a treatment: ordered by a prescriber, or by a nurse where the library entry allows that."""

        def orderable(planned: Planned) -> list[str]:
            prescriber = Role.PRESCRIBE in key.roles and Role.PRESCRIBE in person.roles
            if prescriber or planned.program.entry.rest.by_nurse:
                return []
            return [
                text(
                    "tablet.prescriber",
                    "{op}: {entry} asks for a prescriber (role {role})",
                    op=inner.op,
                    entry=planned.program.entry.id,
                    role=Role.PRESCRIBE,
                )
            ]

        runner = self.pumps.named(inner.pump)
        if isinstance(inner, asked.PreviewRest):
            planned = await self.ordering.preview_rest(inner, person.badge)
            return preview_of(runner, planned, self.plasma.of_planned(planned))
        session = await self.ordering.order_rest(inner, person.badge, who, orderable, permitted)
        return {"session": session, **review(runner)}

    async def _confirm(self, key: PairedKey, person: Person, inner: asked.TabletConfirm) -> PumpService:
        if inner.key not in (None, key.id):
            raise RefusedError(
                text("confirmation.other_key", "confirm: it names a key other than the one that signed the request")
            )
        signer, second = f"{person} on tablet {key.name} ({key.id})", None
        if inner.second is not None:
            if inner.second.badge == person.badge:
                raise RefusedError(
                    text(
                        "confirmation.second_signed_in",
                        "confirm: the second check needs another person; this badge is signed in here",
                    )
                )
            second = await self.sign_ins.checked(key.id, inner.second.badge, inner.second.pin.get_secret_value())
            signer = f"{signer}, checked by {second}"

        def permitted() -> list[str]:
            return [*self._objections(key, person, inner.op), *self._objections_to_second(second, person)]

        if why := permitted():
            raise RefusedError(*why)

        sent = inner.confirmation(key.id)
        return await self.confirming.confirm(sent, key, signer, permitted, checked_twice=second is not None)

    def _objections(self, key: PairedKey, person: Person, op: str) -> list[str]:
        """Why this person on this tablet may no longer do it: what was verified earlier may have ended."""
        try:
            paired, found = self._paired(key, op), self.sign_ins.person(key.id)
        except (RefusedError, StaffError) as error:
            return [of_error(error)]
        if found is None or found[0].badge != person.badge or found[0].pin_hash != person.pin_hash:
            return [
                text(
                    "tablet.no_longer_signed_in",
                    "{op}: {person} is no longer signed in on this tablet",
                    op=op,
                    person=person.name,
                )
            ]
        why = objection(op, paired.roles, found[0].roles)
        return [why] if why else []

    def _paired(self, key: PairedKey, op: str) -> PairedKey:
        """The key that signed, as it is paired at this moment. Raises RefusedError."""
        try:
            paired = self.keys.all().get(key.id)
        except KeyStoreError as error:
            raise RefusedError(of_error(error)) from error
        if paired is None or paired.public_pem != key.public_pem:
            raise RefusedError(
                text(
                    "tablet.no_longer_paired",
                    "{op}: the tablet {tablet} is no longer paired with this gateway",
                    op=op,
                    tablet=repr(key.name),
                )
            )
        return paired

    def _objections_to_second(self, second: Person | None, first: Person) -> list[str]:
        """Why the second person's check does not count, or no longer counts."""
        if second is None:
            return []
        try:
            found = self.sign_ins.same(second)
        except StaffError as error:
            return [of_error(error)]
        if found is None:
            return [
                text(
                    "confirmation.second_removed",
                    "confirm: {person} was removed from the staff, or has a new PIN",
                    person=second.name,
                )
            ]
        if found.is_also(first):
            return [
                text(
                    "confirmation.second_person",
                    "confirm: the second check needs another person; {other} is {first}",
                    other=found,
                    first=first,
                )
            ]
        return (
            []
            if Role.CONFIRM in found.roles
            else [
                text(
                    "confirmation.second_role",
                    "confirm: {person} has no role {role}",
                    person=second.name,
                    role=Role.CONFIRM,
                )
            ]
        )

    def _status(self, runner: PumpService) -> dict[str, Any]:
        return dict(self.live.pump(runner))

    def _note(self, kind: str, pump: str, body: dict[str, Any]) -> None:
        self.journal.post([Entry(kind, body, pump, "", self.clock.monotonic_ns())])


def _from(key: PairedKey) -> dict[str, str]:
    return {"tablet": f"{key.name} ({key.id})"}


def _exact(challenge: dict[str, Any]) -> dict[str, Any]:
    """The challenge with its instant as text: a browser's numbers cannot hold it."""
    binding = challenge["binding"]
    return challenge | {"binding": binding | {"expires_ns": str(binding["expires_ns"])}}
