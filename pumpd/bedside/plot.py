"""What the plot and the alarm list of a tablet are drawn from: the journal's rows, kept short. Pure.

A point is [elapsed_s, delivered_ml, rate_ml_h, pressure_mmhg or null]; readings nearer than two clinical seconds to the
last point are left out, so that an infusion of an hour is some 1800 points however often the pump was read.
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
    """One infusion on one pump; `points` with the number of the row that each was taken from."""

    session: str
    points: list[tuple[int, Point]] = field(default_factory=list)

    def take(self, row: Record) -> None:
        try:
            body = row.fields
            pressure = body.get("pressure_mmhg")
            point = (
                float(body["elapsed_s"]),
                float(body["volume_infused_ml"]),
                float(body["rate_ml_h"]),
                None if pressure is None else float(pressure),
            )
        except (KeyError, TypeError, ValueError):
            return  # a row that cannot be read is no point; the journal's own tools say so
        if self.points and 0 <= point[0] - self.points[-1][1][0] < LEAST_APART_S and point[2] == self.points[-1][1][2]:
            return
        self.points.append((row.id, point))
        if len(self.points) > MOST_POINTS:
            del self.points[1::2]

    def after(self, number: int) -> list[Point]:
        return [point for row, point in self.points if row > number]


@dataclass(slots=True)
class History:
    """All of it for one gateway."""

    last_id: int = 0
    curves: dict[str, Curve] = field(default_factory=dict)  # by pump
    alarms: deque[tuple[int, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=MOST_ALARMS))

    def take(self, rows: Sequence[Record]) -> None:
        """Rows in order, each once."""
        for row in rows:
            self.last_id = row.id
            if row.kind == "reading":
                curve = self.curves.get(row.pump)
                if curve is None or curve.session != row.session:
                    curve = self.curves[row.pump] = Curve(row.session)
                curve.take(row)
            elif row.kind in ALARM_KINDS:
                self.alarms.append((row.id, _alarm(row)))
            elif row.kind == "began":
                self.curves[row.pump] = Curve(row.session)

    def events(self, after: int) -> list[dict[str, Any]]:
        """What a viewer that has everything up to row `after` needs, an entry an infusion.

        `whole`: the viewer throws away what it had of that infusion.
        """
        found: list[dict[str, Any]] = []
        for pump, curve in self.curves.items():
            points = curve.after(after)
            whole = not after or not curve.points or curve.points[0][0] > after
            if points or not after:
                found.append({"pump": pump, "session": curve.session, "whole": whole, "points": points, "alarms": []})
        alarms = [alarm for row, alarm in self.alarms if row > after]
        for session in dict.fromkeys(alarm["session"] for alarm in alarms):
            own = [alarm for alarm in alarms if alarm["session"] == session]
            known = next((each for each in found if each["session"] == session), None)
            if known is None:
                known = {"pump": own[0]["pump"], "session": session, "whole": False, "points": [], "alarms": []}
                found.append(known)
            known["alarms"] = own
        return found


def _alarm(row: Record) -> dict[str, Any]:
    try:
        body = row.fields
    except ValueError:
        body = {}
    kept = {key: body[key] for key in _ALARM_FIELDS if key in body}
    return {"id": row.id, "ts": row.ts, "kind": row.kind, "pump": row.pump, "session": row.session, **kept}
