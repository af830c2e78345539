"""What a paired tablet may have done, and only after its signature was verified here (SEC-05, SEC-06, SEC-07).

Promises:
- Bedside only carries text. A request counts when a key that is paired here signed exactly it, for this gateway, over a
  nonce that was drawn here, is fresh and was never used.
- Two permissions: the key's roles and those of the person signed in on that tablet.
- Nothing here starts a pump. A confirmation carries a signature of its own, over what was on the screen.
"""

from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from pumpd.control.confirming.nonces import Nonces
from pumpd.control.observation.observation import ObservationError
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.keys import KeyStore, KeyStoreError, PairedKey
from pumpd.control.tablets.pairing_service import PairingService
from pumpd.control.tablets.sign_in import IDLE_NS, NS, SignInError, SignIns
from pumpd.control.tablets.staff import Person, StaffError, StaffStore
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages import tablet as asked
from pumpd.messages.requests import (
    Answer,
    Associate,
    Clear,
    Dissociate,
    Order,
    Pause,
    Reconcile,
    Resume,
    TabletRequest,
)
from pumpd.messages.roles import Role, objection

if TYPE_CHECKING:
    from pumpd.control.gateway import Gateway

log = structlog.get_logger("pumpd.control")

_REFUSED = {"order": "order_refused", "confirm": "confirmation_refused", "sign_in": "sign_in_refused"}
_QUIET = ("preview", "hello", "touch")  # asked again and again while somebody types: a refusal leaves no row


class Tablets:
    def __init__(self, gateway: "Gateway", keys: KeyStore, journal: JournalWriter, clock: Clock) -> None:
        self.pairing = PairingService(keys, journal, clock)
        self._gateway, self._keys, self._alarms, self._journal, self._clock = (
            gateway,
            keys,
            gateway.alarms,
            journal,
            clock,
        )
        self._nonces = Nonces()
        self._sign_ins = SignIns(StaffStore(gateway.settings.staff_path), clock.loop_ns)

    def nonce(self) -> str:
        return self._nonces.draw(self._clock.loop_ns())

    async def answer(self, request: TabletRequest) -> Answer:
        """Raises RefusedError for what no paired tablet asked for."""
        key = self._verified(request)
        try:
            inner = asked.inner().validate_json(request.request)
        except ValidationError as error:
            raise RefusedError(
                *(
                    f"{'.'.join(str(part) for part in item['loc']) or 'request'}: {item['msg']}"
                    for item in error.errors(include_url=False, include_context=False, include_input=False)
                )
            ) from error
        self._alarms.alive(key.id)
        person: Person | None = None
        try:
            found = self._sign_ins.person(key.id)
            person = found[0] if found else None
            if why := objection(inner.op, key.roles, person.roles if person else None):
                raise RefusedError(why)
            result = await self._carry_out(key, person, inner)
        except (RefusedError, SignInError, StaffError, ObservationError) as error:
            reasons = error.reasons if isinstance(error, RefusedError | ObservationError) else (str(error),)
            if inner.op not in _QUIET:
                body = {"op": inner.op, "reasons": list(reasons), "by": str(person) if person else "nobody signed in"}
                self._note(_REFUSED.get(inner.op, "request_refused"), getattr(inner, "pump", ""), body | _from(key))
            wait_s = error.retry_s if isinstance(error, SignInError) else 0
            return Answer(ok=False, reasons=reasons, result={"retry_s": wait_s} if wait_s else {})
        return result if isinstance(result, Answer) else Answer(ok=True, result=result)

    def of(self, tablet: str) -> dict[str, Any] | None:
        """Who is signed in on a tablet, for its own screen."""
        try:
            found = self._sign_ins.person(tablet)
        except StaffError:
            return None
        return _person(found[0]) | {"idle_left_s": round(found[1] / NS)} if found else None

    def _verified(self, request: TabletRequest) -> PairedKey:
        try:
            key = self._keys.all().get(request.key)
        except KeyStoreError as error:
            raise RefusedError(str(error)) from error
        if key is None or key.kind != "tablet":
            raise RefusedError(f"request: no tablet with the key {request.key!r} is paired with this gateway")
        if why := self._nonces.fault(request.nonce, self._clock.loop_ns()):
            raise RefusedError(why)
        from pumpd.messages.signing import fault_of  # noqa: PLC0415  # see `Gateway.tablets`

        signed = asked.signed_request(self._gateway.settings.gateway, request.nonce, request.request)
        if why := fault_of(key, signed, request.signature, "request"):
            raise RefusedError(why)
        return key

    async def _carry_out(self, key: PairedKey, person: Person | None, inner: asked.Inner) -> Answer | dict[str, Any]:
        match inner:
            case asked.Hello():
                return {"tablet": {"id": key.id, "name": key.name, "roles": list(key.roles)}}
            case asked.SignIn(badge=badge, pin=pin):
                signed_in = await self._sign_ins.sign_in(key.id, badge, pin.get_secret_value())
                self._note("signed_in", "", {"by": str(signed_in)} | _from(key))
                self._gateway.changed()
                return {"person": _person(signed_in), "idle_s": IDLE_NS // NS}
            case asked.SignOut():
                if there := self._sign_ins.sign_out(key.id):
                    self._note("signed_out", "", {"by": str(there)} | _from(key))
                self._gateway.changed()
                return {}
            case asked.Touch():
                self._sign_ins.touch(key.id)
                return {"person": self.of(key.id)}
            case _:
                return await self._for_a_person(key, person, inner)

    async def _for_a_person(self, key: PairedKey, person: Person | None, inner: asked.Inner) -> Answer | dict[str, Any]:
        assert person is not None  # `objection` has seen to it
        self._sign_ins.touch(key.id)
        by, peer = str(person), f"tablet {key.name} ({key.id})"
        match inner:
            case asked.Preview() | asked.TabletOrder():
                order = Order(**inner.model_dump(exclude={"op"}), ordered_by=person.badge)
                if isinstance(inner, asked.Preview):
                    return await self._gateway.preview(order)
                return await self._gateway.answer(order, f"{by}, {peer}")
            case asked.TabletChallenge(pump=pump):
                return _exact(await self._gateway.challenge(pump))
            case asked.TabletConfirm():
                return await self._confirm(key, person, inner)
            case asked.TabletAssociate(pump=pump, patient=patient):
                return await self._gateway.answer(Associate(pump=pump, patient=patient, by=by), peer)
            case asked.TabletDissociate(pump=pump):
                return await self._gateway.answer(Dissociate(pump=pump, by=by), peer)
            case asked.TabletPause(pump=pump, reason=reason):
                return await self._gateway.answer(Pause(pump=pump, by=by, reason=reason), peer)
            case asked.TabletResume(pump=pump):
                return await self._gateway.answer(Resume(pump=pump, by=by), peer)
            case asked.TabletClear(pump=pump):
                return await self._gateway.answer(Clear(pump=pump, by=by), peer)
            case asked.TabletReconcile():
                return await self._gateway.answer(Reconcile(**inner.model_dump(), by=by), peer)
            case asked.Acknowledge(pump=pump, code=code):
                self._alarms.acknowledge(pump, code, f"{by}, {peer}")
                return {}
            case asked.PauseAudio():
                return {"paused_s": self._alarms.pause_audio(f"{by}, {peer}", key.id)}
            case asked.VitalSigns(pump=pump, session=session):
                numbers = inner.model_dump(exclude={"op", "pump", "session"})
                self._gateway.observations.vitals(pump, session, f"{by}, {peer}", numbers)
            case asked.EndObservation(pump=pump, session=session, reason=reason):
                self._gateway.observations.end(pump, session, f"{by}, {peer}", reason)
            case _:
                raise RefusedError(f"{inner.op}: no tablet may ask for that")
        self._gateway.changed()
        return {}

    async def _confirm(self, key: PairedKey, person: Person, inner: asked.TabletConfirm) -> dict[str, Any]:
        if inner.key not in (None, key.id):
            raise RefusedError("confirm: it names another key than the one that asks")
        signer, second = f"{person} on tablet {key.name} ({key.id})", None
        if inner.second is not None:
            if inner.second.badge == person.badge:
                raise RefusedError("confirm: the second check is another person's; this is the badge that is signed in")
            second = await self._sign_ins.checked(key.id, inner.second.badge, inner.second.pin.get_secret_value())
            if Role.CONFIRM not in second.roles:
                raise RefusedError(f"confirm: {second.name} has no role {Role.CONFIRM}")
            signer = f"{signer}, checked by {second}"
        return await self._gateway.confirm(inner.confirmation(key.id), key, signer, checked_twice=second is not None)

    def _note(self, kind: str, pump: str, body: dict[str, Any]) -> None:
        self._journal.post([Entry(kind, body, pump, "", self._clock.monotonic_ns())])


def _from(key: PairedKey) -> dict[str, str]:
    return {"tablet": f"{key.name} ({key.id})"}


def _person(person: Person) -> dict[str, Any]:
    return {"badge": person.badge, "name": person.name, "roles": list(person.roles)}


def _exact(challenge: dict[str, Any]) -> dict[str, Any]:
    """The instant as text: a browser's numbers cannot hold it."""
    binding = challenge["binding"]
    return challenge | {"binding": binding | {"expires_ns": str(binding["expires_ns"])}}
