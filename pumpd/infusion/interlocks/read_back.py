"""STA-05: the program that the pump reports equals the confirmed one, step for step, on the pump's own grid."""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import Done, Outcome, PumpProgram, Refused, Unknown
from pumpd.texts import text


def differences(wanted: PumpProgram, held: PumpProgram) -> tuple[str, ...]:
    """Every value in which the pump's program differs; empty when it is equal."""
    return tuple(text("read_back.differs", "read-back: {reason}", reason=reason) for reason in wanted.differences(held))


def faults(wanted: PumpProgram, outcome: Outcome[PumpProgram]) -> tuple[str, ...]:
    """Why an answer to the read-back does not show that the pump holds this program; empty when it does."""
    match outcome:
        case Done(value=held):
            return differences(wanted, held)
        case Refused(reasons=reasons):
            return reasons
        case Unknown(cause=cause):
            return (text("read_back.differs", "read-back: {reason}", reason=cause),)


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.read_back is None:
        return Refuse((text("read_back.missing", "the program was not read back from the pump"),))
    reasons = differences(infusion.segment.program, infusion.read_back)
    return Refuse(reasons) if reasons else PERMIT
