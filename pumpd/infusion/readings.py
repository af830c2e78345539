"""What a reading adds to an infusion: counters, integral, samples of five minutes, and whether it stands still."""

from pumpd.infusion.interlocks.flow_deviation import SHORT_NS
from pumpd.infusion.model import ZERO, Infusion, Sample
from pumpd.infusion.states import State
from pumpd.pump import PumpAlarm, Reading
from pumpd.quantities import Duration, Volume


def apply_reading(infusion: Infusion, reading: Reading) -> Infusion:
    """The infusion with this reading taken in. Judging it is the interlocks' business."""
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
        + _begun_anew(infusion, reading),
        still_since_ns=_still_since(infusion, reading),
        integral=_integral(infusion, reading) if flowing else infusion.integral,
        samples=_samples(infusion, reading, counted) if flowing else infusion.samples,
    )


def _counted(infusion: Infusion, reading: Reading) -> Volume:
    """What this segment gave, by the pump's counter; whatever it grows by while nobody here let it flow counts too."""
    last, loaded = infusion.reading, infusion.loaded
    if infusion.state.ended:
        return infusion.counted  # what runs there now is not ours
    if infusion.state.may_flow and loaded:
        return max(infusion.counted, reading.delivered)
    if last is None:
        return infusion.counted + reading.delivered if loaded else infusion.counted  # a load clears the counter
    return infusion.counted + _grown(last, reading)


def _fell(infusion: Infusion, reading: Reading) -> bool:
    """The counter is lower than it was: it began anew, and tells no more what the whole segment gave."""
    return infusion.reading is not None and reading.delivered < infusion.reading.delivered


def _grown(last: Reading, reading: Reading) -> Volume:
    """By how much the counter grew; one that is lower than it was began anew, and all that it shows came after."""
    return reading.delivered - last.delivered if reading.delivered >= last.delivered else reading.delivered


def _begun_anew(infusion: Infusion, reading: Reading) -> Volume:
    """The most that a counter hides which a load may have cleared, unanswered: all that it showed before.

    Only where that much could have flowed since.
    """
    last = infusion.reading
    if not infusion.load_unknown or last is None or reading.delivered < last.delivered:
        return ZERO
    most = infusion.could_give(reading.answered_ns - last.asked_ns) + infusion.limits.counter_slack
    return last.delivered if most >= reading.delivered else ZERO


def _unaccounted(infusion: Infusion, reading: Reading) -> Volume:
    """A counter below what it was has lost what came after the last look at it: the worst case of that (COM-05).

    So has that of a pump which says that it woke up anew: what it counts now may have come after, and not before.
    From then on nothing that it says is added to, so a flow that goes on is taken at its worst case too.
    """
    last = infusion.reading
    before = last.delivered if last is not None else infusion.counted
    went_on = infusion.unaccounted and (reading.state.flowing or (last is not None and last.state.flowing))
    reset = PumpAlarm.PUMP_RESET in reading.alarms and (last is None or PumpAlarm.PUMP_RESET not in last.alarms)
    if reading.delivered >= before and not went_on and not reset and not _vanished(infusion, reading):
        return infusion.unaccounted
    since = last.answered_ns if last is not None else infusion.flow_since_ns or reading.answered_ns
    before_loss = infusion.unaccounted or infusion.limits.counter_slack  # what the last count may have rounded away
    return before_loss + infusion.could_give(reading.answered_ns - since)


def _vanished(infusion: Infusion, reading: Reading) -> bool:
    """The pump stands and has counted nothing, after a time in which it may have flowed and nobody looked.

    That it lost its supply meanwhile, and with it the count, nothing else may tell.
    """
    last, since = infusion.reading, infusion.flow_since_ns
    if since is None or reading.delivered != ZERO or reading.state.flowing:
        return False
    if last is not None:
        if last.asked_ns > since and not last.state.flowing:
            return False
        since = last.answered_ns  # the pump may have started before it answered
    return infusion.could_give(reading.asked_ns - since) > infusion.limits.counter_slack


def _still_since(infusion: Infusion, reading: Reading) -> int | None:
    """First of the unbroken readings, all asked for after the stop was sent, that show a stand and the same volume."""
    if not reading.state.stands or (infusion.stop_since_ns is not None and reading.asked_ns < infusion.stop_since_ns):
        return None
    last, since = infusion.reading, infusion.still_since_ns
    unbroken = last is not None and since is not None and last.delivered == reading.delivered
    return since if unbroken else reading.answered_ns


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
    # The first one kept is the youngest that is five minutes old, so that a whole five minutes can be judged.
    drop = 1 if len(samples) > 1 and samples[1].at_ns <= oldest else 0
    return (*samples[drop:], Sample(at, counted))
