"""STA-07, STA-08, RUN-07 to RUN-09: the patient's vital signs, where the site has configured them.

They can refuse a start and stop a flow, and nothing more.
"""

from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion
from pumpd.infusion.states import State
from pumpd.pump import AlarmCode
from pumpd.quantities import NS_PER_S
from pumpd.texts import text

PASSING = frozenset({AlarmCode.VITALS_LATE, AlarmCode.VITALS_MISSING, AlarmCode.PRESSURE_OVERDUE})


def check(infusion: Infusion, now_ns: int) -> Verdict:
    rules = infusion.vital_rules
    if rules is None:
        return PERMIT
    if not infusion.state.may_flow:
        reasons = rules.objections(infusion.vitals, now_ns, first=infusion.started_ns is None)
        return Refuse(reasons) if reasons else PERMIT
    if danger := rules.danger(infusion.vitals):
        return Trip(AlarmCode.VITALS_CRITICAL, danger)
    if rules.missing_for_ns(infusion.vitals, now_ns) >= rules.lost_ns:
        return Trip(
            AlarmCode.VITALS_LOST,
            text("signs.lost", "no monitor has sent them for {seconds} s", seconds=f"{rules.lost_ns / NS_PER_S:g}"),
        )
    found = warnings(infusion, now_ns)
    return Permit(tuple(found)) if found else PERMIT


def warnings(infusion: Infusion, now_ns: int) -> frozenset[AlarmCode]:
    """What to show about signs that are missing or overdue."""
    rules = infusion.vital_rules
    if rules is None:
        return frozenset()
    found = set()
    missing_ns = rules.missing_for_ns(infusion.vitals, now_ns)
    if missing_ns > rules.fresh_ns:
        found.add(AlarmCode.VITALS_MISSING if missing_ns >= rules.missing_ns else AlarmCode.VITALS_LATE)
    age_ns = rules.pressure_age_ns(infusion.vitals, now_ns)
    if age_ns is None or age_ns >= rules.pressure_ns + rules.pressure_overdue_ns:
        found.add(AlarmCode.PRESSURE_OVERDUE)
    return frozenset(found)


def pause_due(infusion: Infusion, now_ns: int) -> str:
    """Why the flow must pause until blood pressure was measured; empty when it need not."""
    rules = infusion.vital_rules
    if rules is None or infusion.state not in (State.STARTING, State.RUNNING):
        return ""
    age_ns = rules.pressure_age_ns(infusion.vitals, now_ns)
    if age_ns is not None and age_ns < rules.pressure_ns + rules.pressure_pause_ns:
        return ""
    within = (rules.pressure_ns + rules.pressure_pause_ns) / 60 / NS_PER_S
    return text("signs.pressure_pause", "blood pressure was not measured for {minutes} min", minutes=f"{within:g}")
