"""WIN-05: one pause at most 5 minutes, all together at most 10, no more than 3; after that no resume."""

from pumpd.infusion.interlocks.verdict import PERMIT, Refuse, Verdict
from pumpd.infusion.model import Infusion
from pumpd.texts import text


def used_up(infusion: Infusion, now_ns: int) -> str | None:
    """Why no further flow is allowed after pauses, or None while the budget lasts."""
    if infusion.started_ns is None or infusion.flow_ended_ns is None:
        return None
    limits = infusion.limits
    if now_ns - infusion.flow_ended_ns >= limits.pause_single_ns:
        return text("pause.too_long", "pause longer than {minutes} min", minutes=f"{limits.pause_single_ns / 6e10:g}")
    if infusion.paused_ns(now_ns) >= limits.pause_total_ns:
        return text(
            "pause.too_long_in_all",
            "pauses of more than {minutes} min in all",
            minutes=f"{limits.pause_total_ns / 6e10:g}",
        )
    return None


def check(infusion: Infusion, now_ns: int) -> Verdict:
    if infusion.state.may_flow:
        return PERMIT
    why = used_up(infusion, now_ns)
    return PERMIT if why is None else Refuse((why,))
