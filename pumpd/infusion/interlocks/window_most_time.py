"""WIN-03, WIN-04, PRG-25: a hard stop at 42 minutes of flow over all deliveries, at 60 minutes with pauses, and at the
end of the time for the treatment, however much volume remains.
"""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.texts import text


def closed(infusion: Infusion, now_ns: int) -> str | None:
    """Why the window is closed, or None while it is open."""
    if infusion.started_ns is None:
        return None
    if infusion.closes_ns is not None and now_ns >= infusion.closes_ns:
        return text("window.treatment_over", "the time in which the treatment had to be given is over")
    if infusion.treatment_running_ns(now_ns) >= infusion.window.most_ns:
        return text(
            "window.closed_flow",
            "window closed after {minutes} min of flow",
            minutes=f"{infusion.window.most_ns / 6e10:g}",
        )
    if infusion.elapsed_ns(now_ns) >= infusion.window.elapsed_ns:
        return text(
            "window.closed_elapsed",
            "window closed {minutes} min after the start, pauses included",
            minutes=f"{infusion.window.elapsed_ns / 6e10:g}",
        )
    return None


def no_time_left(infusion: Infusion, at_ns: int) -> bool:
    """What is left of a started infusion, begun at that instant, would not end within the time for the treatment."""
    if infusion.closes_ns is None or infusion.started_ns is None:
        return False
    rest = infusion.segment.program.after(infusion.accounted)
    return rest is not None and infusion.closes_ns - at_ns < rest.duration.ns


def check(infusion: Infusion, now_ns: int) -> Verdict:
    why = closed(infusion, now_ns)
    if why is None and infusion.state is State.ARMED and infusion.closes_ns is not None:
        left_ns = infusion.closes_ns - now_ns
        if left_ns < infusion.segment.program.duration.ns:
            why = text(
                "window.too_little_left",
                "{minutes} min are left for this treatment, too few for what is left of it",
                minutes=f"{left_ns / 6e10:.1f}",
            )
    if why is None:
        return PERMIT
    return Trip(AlarmCode.WINDOW_CLOSED, why) if infusion.state.may_flow else Refuse((why,))
