"""Breaks of what holds over all deliveries of a treatment."""

from tests.exploration.mutants.interlocks import LOCKS
from tests.exploration.mutants.mutant import Mutant

REST, REVERSE = "pumpd.dosing.rest:", "pumpd.dosing.reverse:treatment_objections"

_UNCHECKED = Mutant("", REVERSE, "total = found.dose_mg + _of(booked", "total = found.dose_mg + 0 * _of(booked")
_UNCAPPED = Mutant("", REVERSE, "if found.fastest_mg_s > planned.fastest_mg_s:", "if False:")

TREATMENT = (
    Mutant(
        "the rest is as much as the whole",
        REST + "_rest",
        "mass_in(vtbi) - order.booked",
        "mass_in(vtbi)",
        "rest_fits_the_prescription",
        "treatment",
        also=_UNCHECKED,
    ),
    Mutant(
        "only the last delivery counts",
        "pumpd.dosing.history:Treatment.worst",
        "for each in self.deliveries",
        "for each in self.deliveries[-1:]",
        "rest_fits_the_prescription",
        "treatment again",
    ),
    Mutant(
        "the rest runs at twice its rates",
        REST + "_steps",
        "step.rate.floor(pump.rate_grid)",
        "(step.rate + step.rate).floor(pump.rate_grid)",
        "no_program_is_faster_than_the_first",
        "treatment",
        also=_UNCAPPED,
    ),
    Mutant(
        "the end records what was reported instead of the worst case",
        "turn:Turn._sum_up",
        "infusion.booked(self.now_ns).number",
        "infusion.delivered.number",
        "rest_fits_the_prescription",
        "rest uncounted",
    ),
    Mutant(
        "the time for the treatment is never over",
        LOCKS + "window_most_time:closed",
        "now_ns >= infusion.closes_ns:",
        "False:",
        "treatment_closes",
        "closing",
    ),
    Mutant(
        "the rest starts although too little time is left",
        LOCKS + "window_most_time:check",
        "if left_ns < infusion.segment.program.duration.ns:",
        "if False:",
        "start_ends_before_the_treatment_closes",
        "closing",
    ),
    Mutant(
        "the flow of the deliveries before is not counted",
        "model:Infusion.treatment_running_ns",
        "self.earlier_flow_ns + ",
        "",
        "window_closes",
        "rest slow",
    ),
    Mutant(
        "an order never expires",
        LOCKS + "order_age:expired",
        "now_ns < infusion.expires_ns",
        "True",
        "expired_order_is_withdrawn",
        "expired",
    ),
    Mutant(
        "an order may be started at the very instant at which it expires",
        LOCKS + "order_age:expired",
        "now_ns < infusion.expires_ns",
        "now_ns <= infusion.expires_ns",
        "expired_order_is_withdrawn",
        "expired",
    ),
    Mutant(
        "the count falls with the counter",
        "readings:_counted",
        "return max(infusion.counted, reading.delivered)",
        "return reading.delivered",
        "booked_covers_the_truth",
        "rest uncounted",
        deep=True,
    ),
    Mutant(
        "a load that was asked for earlier is taken for the present one",
        "advance:_loaded",
        " or event.asked_at_ns < turn.infusion.since_ns",
        "",
        "nothing_is_counted_that_was_not_given",
        "rest forged",
        deep=True,
    ),
)
