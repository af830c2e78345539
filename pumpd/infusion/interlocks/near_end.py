"""RUN-12: shortly before the volume is given there is a notice, so that a person is there. It stops nothing."""

from functools import lru_cache

from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode, PumpProgram
from pumpd.quantities import Duration, Volume

NOTICE = Permit((AlarmCode.NEAR_END,))


def check(infusion: Infusion, _now_ns: int) -> Verdict:
    before_ns = infusion.limits.near_end_ns
    if infusion.state is not State.RUNNING or not before_ns:
        return PERMIT
    return NOTICE if infusion.counted >= _given_by_then(infusion.segment.program, before_ns) else PERMIT


@lru_cache(maxsize=64)  # the same for every reading of one program
def _given_by_then(program: PumpProgram, before_ns: int) -> Volume:
    """What the program has given when this much time is left at its own rates."""
    given, left = program.vtbi, Duration.from_ns(before_ns)
    for step in reversed(program.steps):
        if step.duration >= left:
            return given - step.rate.volume_in(left)
        given, left = given - step.volume, left - step.duration
    return given
