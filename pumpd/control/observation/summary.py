"""The result of an infusion, for people. Pure."""

from typing import cast

from pumpd.dosing import RateProgram
from pumpd.dosing.plasma import Estimate
from pumpd.host.instant import NS_PER_S, Instant
from pumpd.infusion import Infusion
from pumpd.journal.store import timestamp
from pumpd.messages.state import PlasmaPeak, Summary


def summary(infusion: Infusion, program: RateProgram | None, estimate: Estimate | None, at: Instant) -> Summary:
    """`program`: None when it is no longer known; then no amounts of drug are given. `estimate`: of the plasma
    concentration; None while it is not known.
    """
    started_ns = infusion.started_ns
    found: Summary = {
        "outcome": infusion.state.value,
        "reason": infusion.reason,
        "prescribed_ml": infusion.prescribed.number,
        "delivered_ml": infusion.delivered.number,
        "booked_ml": infusion.booked(at.now_ns).number,
        "undelivered_ml": infusion.remaining.number,
        "running_s": round(infusion.running_ns(at.now_ns) / NS_PER_S, 1),
        "elapsed_s": round(infusion.elapsed_ns(at.now_ns) / NS_PER_S, 1),
        "pauses": infusion.pauses,
        "started_ts": None if started_ns is None else timestamp(at.wall_at(started_ns)),
        "ended_ts": timestamp(at.wall_at(infusion.since_ns)),
        "confirmed_by": infusion.confirmed_by or None,
        "deviations": [code.value for code, _ in infusion.tripped],
    }
    if program is not None:
        mass_in = program.entry.concentration.mass_in
        found["drug"] = program.entry.drug
        found["prescribed_mg"] = mass_in(infusion.prescribed).number
        found["delivered_mg"] = mass_in(infusion.delivered).number
        found["undelivered_mg"] = mass_in(infusion.remaining).number
    if estimate is not None and started_ns is not None:
        found["plasma"] = cast("PlasmaPeak", estimate.peak_fields)
    return found
