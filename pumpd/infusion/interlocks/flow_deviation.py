"""RUN-02: the volume that the pump counts grows as programmed. Twice the rate, or none, stops at once."""

from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Trip, Verdict
from pumpd.infusion.model import ZERO, Infusion, Sample
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.quantities import NS_PER_S, Duration, Rate, Volume
from pumpd.texts import text

_WARN = Permit((AlarmCode.FLOW_DEVIATION,))
SHORT_NS = 5 * NS_PER_S  # "at once": the shortest period that is evaluated


def grown(infusion: Infusion, sample: Sample, now_ns: int) -> tuple[Volume, Volume]:
    """What was counted since a sample, and what the program gives in that time from there on."""
    expected = infusion.segment.program.growth(sample.delivered, Duration.from_ns(now_ns - sample.at_ns))
    return infusion.counted - sample.delivered, expected


def check(infusion: Infusion, now_ns: int) -> Verdict:
    reading = infusion.reading
    if infusion.state is not State.RUNNING or reading is None or not reading.state.flowing or not infusion.samples:
        return PERMIT
    at, limits = reading.answered_ns, infusion.limits
    enough = limits.counter_slack + limits.counter_slack
    for sample in reversed(infusion.samples):
        if at - sample.at_ns < SHORT_NS:
            continue
        counted, expected = grown(infusion, sample, at)
        clear = expected > enough
        if not clear and sample is not infusion.samples[0]:
            continue  # with a coarse counter or a slow flow, only a longer period shows a deviation
        twice = expected + expected
        if counted >= (twice - limits.counter_slack if clear else twice + limits.counter_slack):
            return Trip(
                AlarmCode.FREE_FLOW,
                text(
                    "trip.free_flow",
                    "{counted} counted where {expected} is programmed",
                    counted=counted,
                    expected=expected,
                ),
            )
        if counted == ZERO and clear:
            return Trip(
                AlarmCode.NOT_FLOWING,
                text("trip.nothing_counted", "nothing counted where {expected} is programmed", expected=expected),
            )
        break
    oldest = infusion.samples[0]
    span_ns = at - oldest.at_ns
    if span_ns < limits.deviation_for_ns:
        return PERMIT
    if at != infusion.samples[-1].at_ns:  # the long period is evaluated with each new sample, every five seconds
        return _WARN if AlarmCode.FLOW_DEVIATION in infusion.alarms else PERMIT
    counted, expected = grown(infusion, oldest, at)
    off = abs(counted - expected)
    if off <= limits.counter_slack:
        return PERMIT
    allowed = max(
        limits.deviation_floor.volume_in(Duration.from_ns(span_ns)),
        expected.times(infusion.accuracy_percent).times(Rate("0.01").decimal),
    )
    if off <= allowed + limits.counter_slack:
        return PERMIT
    if counted > expected:
        return Trip(
            AlarmCode.FLOW_DEVIATION,
            text(
                "trip.flow_deviates",
                "{counted} counted in {seconds} s, programmed {expected}",
                counted=counted,
                seconds=f"{span_ns / 1e9:.0f}",
                expected=expected,
            ),
        )
    return _WARN
