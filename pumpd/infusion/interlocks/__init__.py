"""The interlocks: each checks the infusion as it is now, and permits, refuses or trips. One small file each.

A start needs all of them to permit; so does every renewal of the lease. A trip stops the pump and latches.
"""

from collections.abc import Callable
from types import MappingProxyType

from pumpd.infusion.interlocks import (
    confirmation,
    flow_deviation,
    front_panel,
    link_freshness,
    near_end,
    order_age,
    pause_budget,
    pump_alarms,
    pump_battery,
    pump_idle,
    read_back,
    vital_signs,
    volume_mismatch,
    window_least_time,
    window_most_time,
    window_program,
    window_rate,
    window_volume,
)
from pumpd.infusion.interlocks.verdict import PERMIT, Permit, Refuse, Trip, Verdict
from pumpd.infusion.model import Infusion

Interlock = Callable[[Infusion, int], Verdict]

# The first trip gives the alarm, so what the pump itself reports comes first.
INTERLOCKS: MappingProxyType[str, Interlock] = MappingProxyType(
    {
        "pump_alarms": pump_alarms.check,
        "front_panel": front_panel.check,
        "window_volume": window_volume.check,
        "order_age": order_age.check,
        "confirmation": confirmation.check,
        "read_back": read_back.check,
        "flow_deviation": flow_deviation.check,
        "volume_mismatch": volume_mismatch.check,
        "window_least_time": window_least_time.check,
        "window_rate": window_rate.check,
        "window_most_time": window_most_time.check,
        "window_program": window_program.check,
        "pause_budget": pause_budget.check,
        "pump_idle": pump_idle.check,
        "pump_battery": pump_battery.check,
        "near_end": near_end.check,
        "link_freshness": link_freshness.check,
        "vital_signs": vital_signs.check,
    }
)

__all__ = ["INTERLOCKS", "PERMIT", "Interlock", "Permit", "Refuse", "Trip", "Verdict"]
