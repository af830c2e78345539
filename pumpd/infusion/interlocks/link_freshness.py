"""RUN-01, COM-01: permission needs a recent reading. A late one raises a warning, and the lease runs out."""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.pump import AlarmCode
from pumpd.texts import text


def age_ns(infusion: Infusion, now_ns: int) -> int | None:
    """Age of the last reading, counted from when it was asked for; None when there is none."""
    return None if infusion.reading is None else now_ns - infusion.reading.asked_ns


def warnings(infusion: Infusion, now_ns: int) -> tuple[AlarmCode, ...]:
    """What to show when the link is late or lost. Separate from `check`, because it matters most when that refuses."""
    age = age_ns(infusion, now_ns)
    if infusion.link_lost:
        return (AlarmCode.LINK_LOST,)
    return (AlarmCode.READING_STALE,) if age is None or age > infusion.limits.stale_warn_ns else ()


def check(infusion: Infusion, now_ns: int) -> Verdict:
    age = age_ns(infusion, now_ns)
    if age is None:
        return Refuse((text("link.not_read_yet", "the pump has not been read yet"),))
    if age > infusion.limits.renewal_ns:
        return Refuse((text("link.reading_old", "the last reading is {seconds} s old", seconds=f"{age / 1e9:.1f}"),))
    return PERMIT
