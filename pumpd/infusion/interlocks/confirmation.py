"""STA-01, STA-02, PRG-20, PRG-21: no flow without a nurse's confirmation of exactly this program, on exactly this pump,
for exactly this patient.
"""

from pumpd.infusion.events import Binding
from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.texts import text


def faults(infusion: Infusion, given: Binding, associated: str, now_ns: int) -> tuple[str, ...]:
    """Every reason why a signed confirmation does not fit the challenge that is open, or the patient; empty when it
    fits.
    """
    challenge = infusion.challenge
    if challenge is None or given.nonce != challenge.nonce:
        return (
            text(
                "confirm.no_challenge",
                "confirmation: it answers no open challenge; it was used before, or was replaced by a newer one",
            ),
        )
    reasons = [
        text(
            "confirm.differs",
            "confirmation: {name} is {got}, this infusion's is {wanted}",
            name=name,
            got=repr(got),
            wanted=repr(wanted),
        )
        for name, got, wanted in (
            (text("confirm.digest", "program digest"), given.digest, challenge.digest),
            (text("confirm.action", "action"), given.action.value, challenge.action.value),
            (text("confirm.serial", "pump serial"), given.serial, challenge.serial),
            (text("confirm.channel", "channel"), given.channel, challenge.channel),
            (text("confirm.session", "session"), given.session, challenge.session),
            (text("confirm.gateway", "gateway"), given.gateway, challenge.gateway),
            (text("confirm.expiry", "expiry"), given.expires_ns, challenge.expires_ns),
            (text("confirm.review", "shown review"), given.shown, challenge.shown),
        )
        if got != wanted
    ]
    if now_ns >= challenge.expires_ns:
        reasons.append(text("confirm.late", "confirmation: it came after its expiry"))
    return (*reasons, *patient_faults(infusion.patient, given.wristband, associated))


def patient_faults(order: str, wristband: str, pump: str) -> tuple[str, ...]:
    """Why these three tokens are not one patient, and which of them differs; empty when they are (PRG-21)."""
    if order and order == wristband == pump:
        return ()
    tokens = (order, wristband, pump)
    differs = (
        text("patient.order_differs", "the order differs"),
        text("patient.wristband_differs", "the wristband differs"),
        text("patient.pump_differs", "the pump differs"),
    )
    alone = [which for which, token in zip(differs, tokens, strict=True) if tokens.count(token) == 1]
    nobody = text("patient.nobody", "without a patient")
    return (
        text(
            "patient.not_one",
            "patient: order {order}, wristband {wristband}, pump {pump}: {which}; nothing starts, "
            "make sure whose infusion, wristband and pump this is",
            order=order or nobody,
            wristband=wristband or nobody,
            pump=pump or nobody,
            which=alone[0] if len(alone) == 1 else text("patient.all_differ", "no two are the same"),
        ),
    )


def check(infusion: Infusion, now_ns: int) -> Verdict:
    confirmed = infusion.confirmed
    fits = confirmed is not None and confirmed.digest == infusion.segment.digest
    if infusion.state is not State.ARMED:
        return (
            PERMIT
            if fits
            else Trip(
                AlarmCode.PROGRAM_CHANGED,
                text("trip.not_the_confirmed", "the running program is not the confirmed one"),
            )
        )
    if confirmed is None or not fits:
        return Refuse((text("start.not_confirmed", "no confirmation of this program"),))
    if now_ns >= confirmed.expires_ns:
        return Refuse(
            (text("start.confirmation_expired", "the confirmation expired before the pump was ready to start"),)
        )
    return PERMIT
