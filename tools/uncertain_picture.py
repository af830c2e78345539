"""Draw docs/images/uncertain-delivery.svg from the state machine; `--check` fails when the picture is out of date.

A start is sent at 0 s and its answer is lost. The pump flows, then does not answer for a while. `advance()` computes
what the picture shows.
"""

import sys
from dataclasses import dataclass, replace
from decimal import Decimal

from pumpd.infusion import Infusion, Limits, Place, State, Window, advance
from pumpd.infusion import events as ev
from pumpd.pump import Done, PumpProgram, PumpState, RateStep, Reading, Unknown
from pumpd.quantities import NS_PER_S, Duration, Length, Rate, Volume
from tools.printed import ROOT, write_or_check

PICTURE = ROOT / "docs" / "images" / "uncertain-delivery.svg"

RATE = Rate("52.5")
PROGRAM = PumpProgram((RateStep(RATE, Volume(35)),), Length("29.2"))
LOST_S, HEARD_S, END_S = 1, 9, 14  # pumpd stops waiting for the answer; the pump answers again; the picture ends
GAVE = RATE.volume_in(Duration(5))  # its own watchdog stopped it after five seconds

LEFT, WIDTH, HEIGHT, TOP = 60, 900, 330, 50
PX, PY = (WIDTH - LEFT - 20) / END_S, 1100
BASE = HEIGHT - 50
INK, GREY, GREEN, RED, BLUE = "#222", "#999", "#2a7f4f", "#b3261e", "#1f5fa8"


@dataclass
class Point:
    second: float
    booked: float
    state: State


def timeline() -> list[Point]:
    """The booked volume, four times a second, from a start whose answer is lost to the pump's own report."""
    infusion = Infusion(
        place=Place("s-1", "ward-7", "bed1", "SN-1"),
        segment=ev.Segment("d", PROGRAM),
        prescribed=PROGRAM.vtbi,
        window=Window.of(Duration(2400)),
        limits=Limits(),
        accuracy_percent=Decimal(2),
        ordered_ns=0,
        patient="P-1",
    )
    before = -2 * NS_PER_S
    idle = Reading(before, before, PumpState.STOPPED, RATE, Volume(0))
    infusion = _all(infusion, ev.ReadingTaken(before, idle), ev.ProgramLoaded(before, Done(None)))
    infusion = _all(infusion, ev.ProgramReadBack(before, Done(PROGRAM)), ev.ChallengeIssued(before, "n"))
    assert infusion.challenge is not None
    signed = replace(infusion.challenge, wristband="P-1")
    infusion = _all(infusion, ev.ConfirmationGiven(before, signed, "nurse", "r", "P-1"))
    now = Reading(0, 0, PumpState.STOPPED, RATE, Volume(0))
    infusion = _all(infusion, ev.ProgramReadBack(0, Done(PROGRAM)), ev.ReadingTaken(0, now))
    assert infusion.state is State.STARTING, infusion.reason
    points = []
    for quarter in range(END_S * 4 + 1):
        second = quarter / 4
        at = int(second * NS_PER_S)
        event: ev.Event = ev.ReadingFailed(at, "no answer")
        if second == LOST_S:
            event = ev.StartAnswered(at, Unknown("no answer"))
        elif second >= HEARD_S:
            event = ev.ReadingTaken(at, Reading(at, at, PumpState.STOPPED, RATE, GAVE))
        if not infusion.state.ended:
            infusion = _all(infusion, event)
        points.append(Point(second, float(infusion.booked(at).decimal), infusion.state))
    return points


def _all(infusion: Infusion, *events: ev.Event) -> Infusion:
    for event in events:
        infusion, _ = advance(infusion, event)
    return infusion


def x(second: float) -> float:
    return round(LEFT + second * PX, 1)


def y(millilitres: float) -> float:
    return round(BASE - millilitres * PY, 1)


def picture() -> str:
    points = timeline()
    gave = float(GAVE.decimal)
    booked = " ".join(f"{x(p.second)},{y(p.booked)}" for p in points)
    truth = f"{x(0)},{y(0)} {x(5)},{y(gave)} {x(END_S)},{y(gave)}"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="13" fill="{INK}">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20">No answer to a start: the worst case is booked until the pump reports</text>',
        f'<line x1="{LEFT}" y1="{BASE}" x2="{WIDTH - 20}" y2="{BASE}" stroke="{GREY}"/>',
        f'<polyline points="{truth}" fill="none" stroke="{GREEN}" stroke-width="2"/>',
        f'<polyline points="{booked}" fill="none" stroke="{RED}" stroke-width="2"/>',
        f'<text x="{x(5.6)}" y="{y(gave) + 18}" fill="{GREEN}">really given</text>',
        f'<text x="{x(4.2)}" y="{y(0.09)}" fill="{RED}" text-anchor="end">booked</text>',
    ]
    parts += [
        f'<text x="{x(s)}" y="{BASE + 16}" text-anchor="middle" fill="{GREY}">{s} s</text>'
        for s in range(0, END_S + 1, 2)
    ]
    states = [p for last, p in zip([None, *points], points, strict=False) if last is None or last.state != p.state]
    for number, point in enumerate(states):
        at, top = x(point.second), TOP + 18 * (number % 2)
        parts.append(f'<line x1="{at}" y1="{top}" x2="{at}" y2="{BASE}" stroke="{BLUE}" stroke-dasharray="3 4"/>')
        parts.append(f'<text x="{at + 4}" y="{top + 4}" fill="{BLUE}">{point.state.value}</text>')
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 10}" fill="{GREY}">mL at {RATE}; drawn by tools/uncertain_picture.py</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PICTURE, picture()))
