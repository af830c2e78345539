"""The data of a tablet's plot and alarm list: a short form of the journal's entries. Pure.

A point is [elapsed_s, delivered_ml, rate_ml_h, pressure_mmhg or null]. A reading less than two clinical seconds after
the last point is left out, so that an hour of infusion has about 1800 points at any polling rate.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pumpd.journal import Record

LEAST_APART_S = 2.0
MOST_POINTS = 4000
MOST_ALARMS = 200
ALARM_KINDS = (
    "alarm_raised",
    "alarm_acknowledged",
    "alarm_cleared",
    "alarm_escalated",
    "alarm_audio_paused",
    "alarm_audio_resumed",
)
_ALARM_FIELDS = ("code", "priority", "cause", "action", "by", "for_s", "why")

Point = tuple[float, float, float, float | None]


@dataclass(slots=True)
class Curve:
    """One infusion on one pump. Each point is kept with the number of the entry that it comes from."""

    session: str
    points: list[tuple[int, Point]] = field(default_factory=list)

    def take(self, entry: Record) -> None:
        try:
            body = entry.fields
            pressure = body.get("pressure_mmhg")
            point = (
                float(body["elapsed_s"]),
                float(body["volume_infused_ml"]),
                float(body["rate_ml_h"]),
                None if pressure is None else float(pressure),
            )
        except (KeyError, TypeError, ValueError):
            return  # an entry that cannot be read gives no point; `pumpd journal verify` reports it
        if self.points and 0 <= point[0] - self.points[-1][1][0] < LEAST_APART_S and point[2] == self.points[-1][1][2]:
            return
        self.points.append((entry.id, point))
        if len(self.points) > MOST_POINTS:
            del self.points[1::2]

    def after(self, number: int) -> list[Point]:
        return [point for entry, point in self.points if entry > number]


@dataclass(slots=True)
class History:
    """The curves and alarms of one gateway."""

    last_id: int = 0
    curves: dict[str, Curve] = field(default_factory=dict)  # by pump
    alarms: deque[tuple[int, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=MOST_ALARMS))

    def take(self, entries: Sequence[Record]) -> None:
        """Entries in order, each once."""
        for entry in entries:
            self.last_id = entry.id
            if entry.kind == "reading":
                curve = self.curves.get(entry.pump)
                if curve is None or curve.session != entry.session:
                    curve = self.curves[entry.pump] = Curve(entry.session)
                curve.take(entry)
            elif entry.kind in ALARM_KINDS:
                self.alarms.append((entry.id, _alarm(entry)))
            elif entry.kind == "began":
                self.curves[entry.pump] = Curve(entry.session)

    def events(self, after: int) -> list[dict[str, Any]]:
        """What a viewer still needs after entry `after`, one part per infusion. `whole`: the viewer discards what it
        had of that infusion.
        """
        found: list[dict[str, Any]] = []
        for pump, curve in self.curves.items():
            points = curve.after(after)
            whole = not after or not curve.points or curve.points[0][0] > after
            if points or not after:
                found.append({"pump": pump, "session": curve.session, "whole": whole, "points": points, "alarms": []})
        alarms = [alarm for entry, alarm in self.alarms if entry > after]
        for session in dict.fromkeys(alarm["session"] for alarm in alarms):
            own = [alarm for alarm in alarms if alarm["session"] == session]
            known = next((each for each in found if each["session"] == session), None)
            if known is None:
                known = {"pump": own[0]["pump"], "session": session, "whole": False, "points": [], "alarms": []}
                found.append(known)
            known["alarms"] = own
        return found


def _alarm(entry: Record) -> dict[str, Any]:
    try:
        body = entry.fields
    except ValueError:
        body = {}
    kept = {key: body[key] for key in _ALARM_FIELDS if key in body}
    return {"id": entry.id, "ts": entry.ts, "kind": entry.kind, "pump": entry.pump, "session": entry.session, **kept}
