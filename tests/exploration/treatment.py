"""The rest of an interrupted treatment, as control orders it: from what the journal says of the deliveries before.

The program comes from `plan_rest`, what was given from `Treatment`: the same functions as in control. That the time is
nearly over is no reason here to order nothing, so that the infusion itself must refuse the start.
"""

from dataclasses import dataclass, replace
from functools import cache

from pumpd.dosing import Prescription, RestOrder, plan_rest
from pumpd.dosing.history import Dose, Treatment
from pumpd.dosing.prescription import WeightBasis
from pumpd.dosing.program import RateProgram
from pumpd.dosing.refusal import Refusals
from pumpd.infusion import Infusion, Window
from pumpd.infusion import events as ev
from pumpd.pump import Capabilities, LossOfControl, PumpKind
from pumpd.pump.capabilities import FixedStep
from pumpd.quantities import DosePerWeight, Duration, Rate, Volume, Weight
from tests.exploration.slices import NEVER, NORMAL, PATIENT, TICK, UNIT, place, program, units
from tests.exploration.world import Recorded, World
from tests.signed import library

FIRST = "s-1"
PUMP_FIELDS = ("held", "flowing", "by_panel", "shown", "pace", "held_turn", "speed", "unseen", "lost")
PUMP_FIELDS += ("start_left", "stop_left")
LONGEST = 12  # ticks of flow on record: with more, no rest is explored
ENTRY = library().entries["ketamine-1mg-ml"]
STRENGTH = ENTRY.concentration
PUMP = Capabilities(
    family="explored",
    kind=PumpKind.SYRINGE,
    rate_grid=FixedStep(Rate("0.1").decimal),
    volume_grid=FixedStep(UNIT),
    rate_min=Rate("0.1"),
    rate_max=Rate(900),
    volume_max=Volume(50),
    max_steps=1,
    loss_of_control=(LossOfControl.NATIVE,),
)


@dataclass(frozen=True, slots=True)
class RestOrdered:
    """Another delivery of the treatment takes the place of the one that ended."""

    at_ns: int
    infusion: Infusion


@cache
def planned(whole: Volume, record: tuple[Recorded, ...], rate: int) -> RateProgram | None:
    """The program of the rest of this volume, at this rate; None when there is no rest."""
    first = program(units(whole))
    prescription = Prescription(
        entry=ENTRY.id,
        dose_per_weight=DosePerWeight(STRENGTH.mass_in(whole).decimal),
        weight=Weight(1),
        weight_basis=WeightBasis.ACTUAL,
        duration=first.duration,
        container="50 mL",
    )
    order = RestOrder(FIRST, prescription, first, "d0", _treatment(record).worst)
    try:
        same = plan_rest(order, library(), PUMP)
        if rate == NORMAL:
            return same
        slower = Duration.from_ns(same.duration.ns * NORMAL // rate)
        return plan_rest(replace(order, duration=slower), library(), PUMP)
    except Refusals:
        return None


def _treatment(record: tuple[Recorded, ...]) -> Treatment:
    return Treatment(FIRST, tuple(_dose(number, each) for number, each in enumerate(record, 1)))


def _dose(number: int, recorded: Recorded) -> Dose:
    return Dose(
        session=f"s-{number}",
        patient=PATIENT,
        substance=frozenset({"ketamine"}),
        drug="ketamine",
        started_ns=number,
        ended_ns=number,
        seen_ns=number,
        ordered=STRENGTH.mass_in(recorded.ordered),
        given=STRENGTH.mass_in(recorded.booked),
        treatment="" if number == 1 else FIRST,
    )


def rest(i: Infusion, w: World, rate: int, *, elsewhere: bool = False) -> tuple[RestOrdered, World] | None:
    """The order of the rest, and the world with it; None when there is none, or a person has started the pump since.

    `elsewhere`: another pump, new at the bed, is to give it.
    """
    if not i.state.ended or w.first is None or w.by_hand or not w.rests:
        return None
    made = planned(i.whole, w.record, rate)
    if made is None:
        return None
    flowed_ns = sum(each.running_ns for each in w.record)
    if flowed_ns > LONGEST * TICK:
        return None
    infusion = Infusion(
        place=place(w.delivery + 1, w.pump + elsewhere),
        segment=ev.Segment(f"r{w.delivery}", made.pump_program),
        prescribed=made.vtbi,
        window=Window(flowed_ns + made.duration.ns),
        limits=i.limits,
        accuracy_percent=i.accuracy_percent,
        ordered_ns=w.now * TICK,
        patient=i.patient,
        container=i.container,
        treatment=FIRST,
        earlier=made.given,
        earlier_flow_ns=flowed_ns,
        of_treatment=i.whole,
        expires_ns=i.expires_ns and i.expires_ns - i.ordered_ns + w.now * TICK,
        closes_ns=None if w.closes == NEVER else (w.first + w.closes) * TICK,
    )
    return RestOrdered(w.now * TICK, infusion), _begun(_other_pump(w) if elsewhere else w, infusion, rate)


def _other_pump(w: World) -> World:
    """The same patient at another pump. What the pump before still does is noted for the rule that forbids it."""
    still = w.flowing or w.start_left
    new = World(now=w.now)
    pump = {name: getattr(new, name) for name in PUMP_FIELDS}
    return w._replace(**pump, pump=w.pump + 1, before_flows=still)


def _begun(w: World, infusion: Infusion, rate: int) -> World:
    """The same patient. What the witness knows of one delivery begins again."""
    left, flowed = units(infusion.prescribed), infusion.earlier_flow_ns // TICK
    kept = (*PUMP_FIELDS, "now", "given", "lied", "line", "used", "latches", "first", "closes", "record")
    kept += ("step", "pump", "before_flows")
    return World(**{name: getattr(w, name) for name in kept})._replace(
        loading=w.now,
        ordered_at=w.now,
        digest=infusion.segment.digest,
        vtbi=left,
        rate=rate,
        delivery=w.delivery + 1,
        rests=w.rests - 1,
        ordered=left,
        window=flowed + -(-left // rate),
        earlier=w.given,
        flowed=flowed,
    )
