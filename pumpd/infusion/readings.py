"""What a reading adds to an infusion: counters, integral, five minutes of samples, and since when there is no flow."""

from pumpd.infusion.interlocks.flow_deviation import SHORT_NS
from pumpd.infusion.model import ZERO, Infusion, Sample
from pumpd.infusion.states import State
from pumpd.pump import PumpAlarm, Reading, no_flow_since
from pumpd.quantities import Duration, Volume


def apply_reading(infusion: Infusion, reading: Reading) -> Infusion:
    """The infusion with this reading applied. The interlocks evaluate it."""
    counting = infusion.state.may_flow
    counted = _counted(infusion, reading)
    flowing = infusion.state in (State.STARTING, State.RUNNING) and reading.state.flowing
    return infusion.but(
        reading=reading,
        link_lost=False,
        counted=counted,
        loaded=infusion.loaded and (counting or not _fell(infusion, reading)),
        load_unknown=False,
        unaccounted=(_unaccounted(infusion, reading) if counting else infusion.unaccounted)
        + _hidden_by_load(infusion, reading),
        no_flow_since_ns=no_flow_since(
            infusion.no_flow_since_ns, infusion.reading, reading, asked_from_ns=infusion.stop_since_ns
        ),
        integral=_integral(infusion, reading) if flowing else infusion.integral,
        samples=_samples(infusion, reading, counted) if flowing else infusion.samples,
    )


def _counted(infusion: Infusion, reading: Reading) -> Volume:
    """What this segment gave, by the pump's counter. Growth while pumpd did not allow flow counts too."""
    last, loaded = infusion.reading, infusion.loaded
    if infusion.state.ended:
        return infusion.counted  # pumpd did not start what runs there now
    if infusion.state.may_flow and loaded:
        return max(infusion.counted, reading.delivered)
    if last is None:
        return infusion.counted + reading.delivered if loaded else infusion.counted  # a load clears the counter
    return infusion.counted + _grown(last, reading)


def _fell(infusion: Infusion, reading: Reading) -> bool:
    """The counter is lower than it was: it started over, and no longer shows what the whole segment gave."""
    return infusion.reading is not None and reading.delivered < infusion.reading.delivered


def _grown(last: Reading, reading: Reading) -> Volume:
    """By how much the counter grew. A counter that fell has started over, and all that it shows is new."""
    return reading.delivered - last.delivered if reading.delivered >= last.delivered else reading.delivered


def _hidden_by_load(infusion: Infusion, reading: Reading) -> Volume:
    """The most that a counter hides when an unanswered load may have cleared it: all that it showed before, where that
    much could have flowed since.
    """
    last = infusion.reading
    if not infusion.load_unknown or last is None or reading.delivered < last.delivered:
        return ZERO
    most = infusion.could_give(reading.answered_ns - last.asked_ns) + infusion.limits.counter_slack
    return last.delivered if most >= reading.delivered else ZERO


def _unaccounted(infusion: Infusion, reading: Reading) -> Volume:
    """The worst case of what a counter lost since the last reading, when it is lower than it was (COM-05).

    A pump that reports a reset lost its count too: all that it counts now may have been given after the reset. From
    then on its counter proves nothing, so flow that continues is booked at its worst case as well, and so is flow
    between two readings that only its counter shows.
    """
    last = infusion.reading
    before = last.delivered if last is not None else infusion.counted
    grown = max(ZERO, reading.delivered - before) if last is not None else ZERO
    flowed = grown or reading.state.flowing or (last is not None and last.state.flowing)
    kept_flowing = infusion.unaccounted and flowed
    reset = PumpAlarm.PUMP_RESET in reading.alarms and (last is None or PumpAlarm.PUMP_RESET not in last.alarms)
    if reading.delivered >= before and not kept_flowing and not reset and not _vanished(infusion, reading):
        return infusion.unaccounted
    since = last.answered_ns if last is not None else infusion.flow_since_ns or reading.answered_ns
    most = max(grown, infusion.could_give(reading.answered_ns - since))  # a person at the pump may have made it faster
    # The slack is what rounding may have hidden of the last count.
    return (infusion.unaccounted or infusion.limits.counter_slack) + most


def _vanished(infusion: Infusion, reading: Reading) -> bool:
    """The pump does not flow and has counted nothing, after a time in which it may have flowed without a poll. It may
    have lost power in between, and its count with it; there may be no other sign of that.
    """
    last, since = infusion.reading, infusion.flow_since_ns
    if since is None or reading.delivered != ZERO or reading.state.flowing:
        return False
    if last is not None:
        if last.asked_ns > since and not last.state.flowing:
            return False
        since = last.answered_ns  # the pump may have started before it answered
    return infusion.could_give(reading.asked_ns - since) > infusion.limits.counter_slack


def _integral(infusion: Infusion, reading: Reading) -> Volume:
    last, start = infusion.reading, infusion.flow_since_ns
    if start is None:
        return ZERO
    if last is None or last.answered_ns < start or not last.state.flowing:
        return infusion.integral + reading.rate.volume_in(Duration.from_ns(max(0, reading.answered_ns - start)))
    return infusion.integral + last.rate.volume_in(Duration.from_ns(reading.answered_ns - last.answered_ns))


def _samples(infusion: Infusion, reading: Reading, counted: Volume) -> tuple[Sample, ...]:
    samples, at = infusion.samples, reading.answered_ns
    if not samples:
        return (Sample(at if infusion.flow_since_ns is None else infusion.flow_since_ns, ZERO),)
    if at - samples[-1].at_ns < SHORT_NS:
        return samples
    oldest = at - infusion.limits.mean_over_ns
    # The first one kept is the youngest that is five minutes old, so that a whole five minutes can be evaluated.
    drop = 1 if len(samples) > 1 and samples[1].at_ns <= oldest else 0
    return (*samples[drop:], Sample(at, counted))
