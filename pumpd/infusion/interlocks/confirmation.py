"""STA-01, STA-02, PRG-20, PRG-21: no flow without a nurse's confirmation of exactly this program, on exactly this pump,
for exactly this patient.
"""

from pumpd.infusion.events import Binding
from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode


def faults(infusion: Infusion, given: Binding, associated: str, now_ns: int) -> tuple[str, ...]:
    """Every reason why a signed confirmation does not fit the challenge that is open, or the patient; empty when it
    fits.
    """
    challenge = infusion.challenge
    if challenge is None or given.nonce != challenge.nonce:
        return ("confirmation: it answers no open challenge; it was used before, or was replaced by a newer one",)
    reasons = [
        f"confirmation: {name} is {got!r}, this infusion's is {wanted!r}"
        for name, got, wanted in (
            ("program digest", given.digest, challenge.digest),
            ("action", given.action.value, challenge.action.value),
            ("pump serial", given.serial, challenge.serial),
            ("channel", given.channel, challenge.channel),
            ("session", given.session, challenge.session),
            ("gateway", given.gateway, challenge.gateway),
            ("expiry", given.expires_ns, challenge.expires_ns),
            ("shown review", given.shown, challenge.shown),
        )
        if got != wanted
    ]
    if now_ns >= challenge.expires_ns:
        reasons.append("confirmation: it came after its expiry")
    return (*reasons, *patient_faults(infusion.patient, given.wristband, associated))


def patient_faults(order: str, wristband: str, pump: str) -> tuple[str, ...]:
    """Why these three tokens are not one patient, and which of them differs; empty when they are (PRG-21)."""
    if order and order == wristband == pump:
        return ()
    tokens = {"order": order, "wristband": wristband, "pump": pump}
    alone = [name for name, token in tokens.items() if list(tokens.values()).count(token) == 1]
    which = f"the {alone[0]} differs" if len(alone) == 1 else "no two are the same"
    shown = ", ".join(f"{name} {token or 'without a patient'}" for name, token in tokens.items())
    return (f"patient: {shown}: {which}; nothing starts, make sure whose infusion, wristband and pump this is",)


def check(infusion: Infusion, now_ns: int) -> Verdict:
    confirmed = infusion.confirmed
    fits = confirmed is not None and confirmed.digest == infusion.segment.digest
    if infusion.state is not State.ARMED:
        return PERMIT if fits else Trip(AlarmCode.PROGRAM_CHANGED, "the running program is not the confirmed one")
    if confirmed is None or not fits:
        return Refuse(("no confirmation of this program",))
    if now_ns >= confirmed.expires_ns:
        return Refuse(("the confirmation expired before the pump was ready to start",))
    return PERMIT
