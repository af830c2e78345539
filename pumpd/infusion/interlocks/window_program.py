"""PRG-15, WIN-11: no step of the program is faster than the window allows, however it was planned.

Nothing else checks the program itself: planning, reading back and following it would each accept a rate ten times too
high.
"""

from functools import lru_cache

from pumpd.dosing.limits import PROFILE_PEAK
from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.quantities import Duration, Rate, Volume
from pumpd.texts import text


def check(infusion: Infusion, _now_ns: int) -> Verdict:
    return _check(infusion.segment.program.highest_rate, infusion.window.least_ns, infusion.whole)


@lru_cache(maxsize=64)  # the same for every check of one program
def _check(highest: Rate, least_ns: int, prescribed: Volume) -> Verdict:
    gives = highest.volume_in(Duration.from_ns(least_ns))
    if gives <= prescribed.times(PROFILE_PEAK):
        return PERMIT
    return Refuse(
        (
            text(
                "window.program_too_fast",
                "program: at {rate} the whole window would give {gives}, prescribed {prescribed}",
                rate=highest,
                gives=gives,
                prescribed=prescribed,
            ),
        )
    )
