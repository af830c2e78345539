"""Rules about all deliveries of a treatment."""

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import PumpProgram
from tests.exploration.rules.rule import rule
from tests.exploration.slices import NEVER, RATE
from tests.exploration.step import FLOW, Step


@rule("order")
def rest_fits_the_prescription(s: Step) -> bool:
    """What was truly given and what is ordered are together never more than the prescribed volume."""
    return s.world.lied or s.world.given + s.world.ordered <= s.slice.units


@rule("order")
def pump_before_does_not_flow(s: Step) -> bool:
    """When another pump is to give the rest, the pump before is truly stopped, and nothing sent to it can start it."""
    w = s.noted
    return w.pump == 1 or not w.before_flows


@rule("order")
def rest_begins_anew(s: Step) -> bool:
    """The rest waits for a load, a read-back and a confirmation of its own; nothing of an earlier delivery counts."""
    i = s.after
    new = i.place.session != "s-1" and not (i.confirmed or i.challenge or i.requests or i.reading or i.read_back)
    return new and i.state is State.ORDERED and s.kinds == {ev.ReadPump}


@rule("always")
def no_program_is_faster_than_the_first(s: Step) -> bool:
    """Neither the rest nor its remainder after a pause runs faster than the first program, or than it was ordered."""
    most = min(RATE, s.before.segment.program.highest_rate)
    programs: list[PumpProgram] = [action.program for action in s.actions if isinstance(action, ev.LoadProgram)]
    return all(each.highest_rate <= most for each in (s.after.segment.program, *programs))


@rule("start")
def start_ends_before_the_treatment_closes(s: Step) -> bool:
    """The rest starts only if it can be given before the time for the treatment is over."""
    w = s.noted
    if w.delivery == 1 or w.closes == NEVER or w.first is None:
        return True
    return w.now + -(-w.vtbi // w.rate) <= w.first + w.closes


@rule("flow")
def treatment_closes(s: Step) -> bool:
    """From the first event after the time for the treatment is over, nothing of it flows."""
    w = s.noted
    over = w.delivery > 1 and w.closes != NEVER and w.first is not None and w.now >= w.first + w.closes
    return s.event is None or not over or s.after.state not in FLOW
