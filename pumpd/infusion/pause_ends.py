"""Until when a pause may last: the earliest instant from which nothing of the infusion may flow any more."""

from pumpd.infusion.model import Infusion


def pause_ends_ns(infusion: Infusion, now_ns: int) -> int | None:
    """When a pause under way, or a trip, ends the infusion if nobody resumes; None while nothing is paused.

    The least of the limits of `pause_budget` and `window_most_time`: of one pause, of all pauses, of the window with
    pauses, and of the time for the treatment, less what the rest takes. An infusion that waits uses up no time of flow.
    """
    started_ns, stopped_ns, limits = infusion.started_ns, infusion.flow_ended_ns, infusion.limits
    if started_ns is None or stopped_ns is None or infusion.state.may_flow or infusion.state.ended:
        return None
    ends = [
        stopped_ns + limits.pause_single_ns,
        now_ns + limits.pause_total_ns - infusion.paused_ns(now_ns),
        started_ns + infusion.window.elapsed_ns,
    ]
    if infusion.closes_ns is not None:
        rest = infusion.segment.program.after(infusion.accounted)
        ends.append(infusion.closes_ns - (0 if rest is None else rest.duration.ns))
    return min(ends)
