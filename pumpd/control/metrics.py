"""What control says of itself for Prometheus, from the state that is shown. Pure: no name, no patient, no drug."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pumpd.host.metrics import Value
from pumpd.messages.state import AlarmState, GatewayState, PumpState

_DAY_S = 86_400.0


def values(state: GatewayState) -> Iterator[Value]:
    for pump in state["pumps"]:
        yield from _of_pump(pump)
    yield from _alarms("", state["alarms"])
    yield Value("pumpd_journal_ok", state["journal"] == "ok")
    yield Value("pumpd_clock_synchronized", state["clock_synchronized"])
    yield Value("pumpd_tablets_connected", state["tablets_connected"])
    if (supply := state["supply"]) is not None:
        yield Value("pumpd_supply_on_battery", supply["source"] == "battery")
    if (certificate := state["certificate"]) is not None:
        yield Value("pumpd_certificate_left_seconds", certificate["days_left"] * _DAY_S)


def _of_pump(pump: PumpState) -> Iterator[Value]:
    of, infusion = {"pump": pump["pump"]}, pump["infusion"]
    known = {
        "available": not pump["problem"],
        "simulated": pump["simulated"],
        "link_up": pump["links"]["pump"] == "ok",
        "reading_age_seconds": pump["age_s"],
        "pressure_mmhg": pump["pressure_mmhg"],
        "battery_ratio": None if pump["battery_percent"] is None else pump["battery_percent"] / 100,
        "may_flow": infusion is not None and infusion["may_flow"],
    }
    if infusion is not None:
        known |= {
            "rate_ml_per_hour": float(infusion["rate_ml_h"]),
            "delivered_ml": float(infusion["delivered_ml"]),
            "remaining_ml": float(infusion["remaining_ml"]),
            "lease_seconds": infusion["lease_s"],
        }
    yield Value("pumpd_pump_state", 1.0, of | {"state": "none" if infusion is None else infusion["state"]})
    for name, value in known.items():
        if value is not None:
            yield Value(f"pumpd_pump_{name}", float(value), of)
    yield from _alarms(pump["pump"], pump["alarms"])


def _alarms(pump: str, alarms: Sequence[AlarmState]) -> Iterator[Value]:
    """Each priority, also with 0: a series that is missing would be no alarm either."""
    count = Counter(each["priority"] for each in alarms)
    for priority in ("high", "medium", "low"):
        yield Value("pumpd_alarms", float(count[priority]), {"pump": pump, "priority": priority})
