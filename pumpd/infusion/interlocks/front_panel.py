"""RUN-05, RUN-06: the pump does what pumpd commanded and nothing else; any other change was made at its panel.

Flow that began and ended between two polls of a stopped pump shows in its counter alone.
"""

from pumpd.infusion.interlocks.verdict import PERMIT, Trip, Verdict
from pumpd.infusion.model import ZERO, Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode, PumpState, word
from pumpd.texts import text


def volume_given(infusion: Infusion) -> bool:
    """The segment's volume is given, as far as the pump's counter shows."""
    return infusion.counted + infusion.limits.over_delivery >= infusion.segment.program.vtbi


def check(infusion: Infusion, now_ns: int) -> Verdict:
    reading = infusion.reading
    if reading is None:
        return PERMIT
    if not infusion.state.may_flow and infusion.counted > infusion.counted_when_stopped:
        more = infusion.counted - infusion.counted_when_stopped
        return Trip(
            AlarmCode.PROGRAM_CHANGED,
            text(
                "trip.counted_while_stopped",
                "the pump counted {more} more while it should have been stopped",
                more=more,
            ),
        )
    if reading.state is PumpState.ALARM:  # for pump_alarms
        return PERMIT
    if not infusion.state.may_flow:
        if reading.state.no_flow:
            return PERMIT
        return Trip(
            AlarmCode.PROGRAM_CHANGED,
            text("trip.started_at_panel", "the pump is {state} and nobody here started it", state=word(reading.state)),
        )
    if reading.state is not PumpState.INFUSING:
        if reading.state.no_flow and (infusion.state is State.STARTING or volume_given(infusion)):
            return PERMIT
        return Trip(
            AlarmCode.PROGRAM_CHANGED,
            text(
                "trip.volume_left",
                "the pump is {state} with {volume} still to give",
                state=word(reading.state),
                volume=infusion.remaining,
            ),
        )
    program, slack = infusion.segment.program, infusion.limits.over_delivery
    if reading.rate == program.rate_at(infusion.counted):
        return PERMIT
    # Rate and volume are read one after the other: near the end of a step either rate is right.
    near = {program.rate_at(max(infusion.counted - slack, ZERO)), program.rate_at(infusion.counted + slack)}
    if reading.rate not in near:
        return Trip(
            AlarmCode.PROGRAM_CHANGED,
            text(
                "trip.rate_changed",
                "the pump is set to {rate}, confirmed {confirmed}",
                rate=reading.rate,
                confirmed=program.rate_at(infusion.counted),
            ),
        )
    return PERMIT
