"""What a terminal has heard of gateways over MQTT, and how it is shown: the panels of `pumpd watch`. Pure.

Promises:
- All of it comes from outside: no text controls the terminal, and what does not fit is left out. A flood of topics is
  held in a fixed number of places.
- What is old is not shown as the present: a reading without a successor, what was sent late, and the readings of a
  gateway that is not connected.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pumpd.cli.terminal import visible
from pumpd.cli.wording import alarm_line, minutes

FRESH_S = 30.0  # as the broker keeps a reading
MOST_GATEWAYS, MOST_PUMPS, MOST_ALARMS = 200, 32, 64
LONGEST = 200  # characters of a text
_RANK = ("high", "medium", "low")
_SHOWN = {
    "volume_infused_ml": "mL given",
    "volume_remaining_ml": "mL left",
    "rate_ml_h": "mL/h",
    "pressure_mmhg": "mmHg",
    "battery_percent": "% battery",
}


@dataclass(slots=True)
class _Part:
    """A pump, or the gateway itself."""

    fields: dict[str, Any] = field(default_factory=dict)  # what is known of it
    alarms: dict[str, dict[str, str]] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)
    read_s: float = -math.inf


@dataclass(slots=True)
class _Gateway(_Part):
    pumps: dict[str, _Part] = field(default_factory=dict)


class Seen:
    def __init__(self) -> None:
        self._gateways: dict[str, _Gateway] = {}

    def hear(self, topic: str, payload: bytes, now_s: float) -> None:
        match topic.split("/"):
            case ["pumpd", "v1", name, "pumps", pump, *rest]:
                gateway = _of(self._gateways, name, MOST_GATEWAYS, _Gateway)
                part = _of(gateway.pumps, pump, MOST_PUMPS, _Part) if gateway else None
            case ["pumpd", "v1", name, *rest]:
                part = _of(self._gateways, name, MOST_GATEWAYS, _Gateway)
            case _:
                return
        if part is not None:
            _take(part, rest, _fields(payload), now_s)

    def data(self, now_s: float) -> list[dict[str, Any]]:
        """What is known, for programs."""
        return [
            {
                "gateway": name,
                **gateway.fields,
                "alarms": _sorted(gateway),
                "pumps": [
                    {
                        "pump": pump,
                        **part.fields,
                        "age_s": round(now_s - part.read_s, 1) if part.reading else None,
                        "reading": part.reading if now_s - part.read_s <= FRESH_S else None,
                        "alarms": _sorted(part),
                    }
                    for pump, part in sorted(gateway.pumps.items())
                ],
            }
            for name, gateway in sorted(self._gateways.items())
        ]

    def text(self, now_s: float) -> str:
        """A few lines for each gateway and pump."""
        lines = [line for gateway in visible(self.data(now_s)) for line in _gateway_lines(gateway)]
        return "\n".join(lines or ["No gateway has been heard yet."])


def _gateway_lines(gateway: dict[str, Any]) -> Iterator[str]:
    connected = gateway.get("state") == "ready"
    how = "connected" if connected else f"NOT CONNECTED ({gateway.get('state', 'never heard')})"
    version = [f"pumpd {gateway['version']}"] if "version" in gateway else []
    notice = [gateway["statement"]] if "statement" in gateway else []
    yield "; ".join([f"gateway {gateway['gateway']}, {how}", *version, *notice])
    if not connected:
        yield "  What its pumps do is not known here; below is what was last heard."
    yield from map(alarm_line, gateway["alarms"])
    for pump in gateway["pumps"]:
        yield from _pump_lines(pump, connected=connected)


def _pump_lines(pump: dict[str, Any], *, connected: bool) -> Iterator[str]:
    simulated = "SIMULATED " if pump.get("simulated") else ""
    model = f"{pump['model']} ({pump.get('driver', 'driver not known')})" if "model" in pump else "not described"
    yield f"{pump['pump']}: {simulated}{model}"
    yield f"  {pump.get('state', 'state not known')}"
    reading = pump["reading"]
    if reading and connected:
        found = [f"{reading[key]:g} {what}" for key, what in _SHOWN.items() if key in reading]
        running = [f"{minutes(reading['running_s'])} min of flow"] if "running_s" in reading else []
        yield f"  {', '.join([*found, *running])}"
        if "lease_s" in reading:
            yield f"  lease {reading['lease_s']:g} s"
    elif pump["age_s"] is not None:
        yield f"  no reading for {minutes(pump['age_s'])} min"
    yield from map(alarm_line, pump["alarms"])


def _sorted(part: _Part) -> list[dict[str, str]]:
    return sorted(part.alarms.values(), key=lambda each: _RANK.index(each["priority"]))


def _of(held: dict[str, Any], name: str, most: int, make: Any) -> Any:
    """What is held under this name, newly made if there is room; None if not."""
    if name not in held and len(held) < most and len(name) <= LONGEST:
        held[name] = make()
    return held.get(name)


def _take(part: _Part, rest: list[str], fields: dict[str, Any], now_s: float) -> None:
    match rest:
        case ["$state"]:
            part.fields |= _texts(fields, "state")
        case ["$description"] if isinstance(part, _Gateway):
            part.fields |= _texts(fields, "version", "statement")
            for each in fields.get("pumps", []) if isinstance(fields.get("pumps"), list) else []:
                if isinstance(each, dict) and (name := _texts(each, "name").get("name")):
                    pump = _of(part.pumps, name, MOST_PUMPS, _Part)
                    if pump is not None:
                        pump.fields |= _texts(each, "driver", "model") | {"simulated": each.get("simulated") is True}
        case ["state"]:
            part.fields.pop("state", None)  # an emptied topic: it is not known
            part.fields |= _texts(fields, "state")
        case ["telemetry"] if fields and not fields.get("late"):
            part.reading, part.read_s = _numbers(fields), now_s
            if fields.get("simulated") is True:
                part.fields["simulated"] = True
        case ["alarms", code]:
            part.alarms.pop(code, None)
            alarm = _texts(fields, "priority", "cause", "action")
            if alarm.get("priority") in _RANK and len(part.alarms) < MOST_ALARMS and len(code) <= LONGEST:
                part.alarms[code] = {"cause": code, "action": "", **alarm, "code": code}
        case _:
            pass


def _fields(payload: bytes) -> dict[str, Any]:
    """Of what is not understood, nothing."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _texts(fields: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: fields[name][:LONGEST] for name in names if isinstance(fields.get(name), str) and fields[name]}


def _numbers(fields: dict[str, Any]) -> dict[str, float]:
    found = {name: fields.get(name) for name in (*_SHOWN, "running_s", "lease_s")}
    return {name: float(each) for name, each in found.items() if isinstance(each, int | float) and abs(each) < 1e9}
