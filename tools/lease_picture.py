"""Draw docs/images/lease.svg from the numbers in the code; `--check` fails when it is out of date."""

import sys

from pumpd.infusion import Limits
from pumpd.wire.deadman import PERIOD_NS
from tools.printed import ROOT, write_or_check

PICTURE = ROOT / "docs" / "images" / "lease.svg"

LIMITS = Limits()
LEASE_S, RENEWAL_S, POLL_S = LIMITS.lease_ns / 1e9, LIMITS.renewal_ns / 1e9, LIMITS.poll_ns / 1e9
STILL_S, PERIOD_S = LIMITS.still_for_ns / 1e9, PERIOD_NS / 1e9

# A schematic example. Second 0 is the last reading that renewed the permission.
FROM_S, TO_S = -5.0, 19.0
DEATH_S, NEXT_S = 0.7, 13.2
FIRST_POLL_S = NEXT_S + 0.6
DISARMED_S = FIRST_POLL_S + STILL_S + 0.1

LEFT, WIDTH, ROW, TOP = 150, 1000, 44, 40
PX = (WIDTH - LEFT - 20) / (TO_S - FROM_S)
ROWS = ("readings", "permission (lease)", "control", "deadman", "flow")
INK, GREY, GREEN, RED, BLUE = "#222", "#999", "#2a7f4f", "#b3261e", "#1f5fa8"


def x(seconds: float) -> float:
    return round(LEFT + (seconds - FROM_S) * PX, 1)


def y(row: str) -> int:
    return TOP + ROWS.index(row) * ROW


def bar(row: str, begin: float, end: float, colour: str, *, at: int = 0, high: int = 16) -> str:
    width = round(x(end) - x(begin), 1)
    return f'<rect x="{x(begin)}" y="{y(row) + at}" width="{width}" height="{high}" fill="{colour}"/>'


def tick(row: str, at: float, colour: str) -> str:
    return f'<line x1="{x(at)}" x2="{x(at)}" y1="{y(row)}" y2="{y(row) + 16}" stroke="{colour}" stroke-width="2"/>'


def text(where: float, down: float, words: str, colour: str = INK, anchor: str = "start") -> str:
    return f'<text x="{where}" y="{down}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def steps(begin: float, end: float, each: float) -> list[float]:
    return [begin + number * each for number in range(int((end - begin) / each + 1e-9) + 1)]


def picture() -> str:
    height = TOP + len(ROWS) * ROW + 40
    parts = [text(8, y(row) + 13, row) for row in ROWS]
    polls = [*steps(FROM_S, 0.0, POLL_S), FIRST_POLL_S, FIRST_POLL_S + POLL_S, FIRST_POLL_S + STILL_S]
    parts += [tick("readings", at, INK) for at in polls]
    for renewed in steps(-2 * RENEWAL_S, 0.0, RENEWAL_S):
        at = round((renewed + 2 * RENEWAL_S) / RENEWAL_S) * 6
        parts.append(bar("permission (lease)", renewed, renewed + LEASE_S, GREEN, at=at, high=4))
    parts.append(text(x(LEASE_S) + 6, y("permission (lease)") + 18, f"lapses {LEASE_S:g} s after its reading", GREEN))
    parts += [bar("control", FROM_S, DEATH_S, BLUE), bar("control", NEXT_S, TO_S, BLUE)]
    parts.append(text(x(DEATH_S) + 6, y("control") + 13, "dies, hangs, or is suspended", RED))
    parts.append(text(x(NEXT_S) + 6, y("control") + 31, "the next one takes over", BLUE))
    parts.append(bar("deadman", FROM_S, LEASE_S, "#ddd"))
    parts.append(text(x(FROM_S) + 6, y("deadman") + 13, "a separate process, armed before the start"))
    parts += [tick("deadman", at, RED) for at in steps(LEASE_S, NEXT_S - 0.1, PERIOD_S)]
    parts.append(text(x(LEASE_S), y("deadman") + 31, f"stop frames, every {PERIOD_S:g} s", RED))
    parts.append(tick("deadman", DISARMED_S, INK))
    parts.append(text(x(DISARMED_S) + 6, y("deadman") + 13, "disarmed"))
    parts.append(bar("flow", FROM_S, LEASE_S, "#7fb3e6"))
    parts.append(text(x(DEATH_S) + 6, y("flow") + 13, f"at most rate x {LEASE_S:g} s"))
    parts.append(text(x(LEASE_S) + 6, y("flow") + 13, "none, whichever process died"))
    bottom = TOP + len(ROWS) * ROW
    parts.append(f'<line x1="{x(FROM_S)}" x2="{x(TO_S)}" y1="{bottom}" y2="{bottom}" stroke="{GREY}"/>')
    for second in range(int(FROM_S), int(TO_S) + 1, 5):
        parts.append(text(x(second), bottom + 18, f"{second} s", GREY, "middle"))
    for t, colour in ((DEATH_S, RED), (LEASE_S, GREEN)):
        parts.append(
            f'<line x1="{x(t)}" x2="{x(t)}" y1="{TOP - 12}" y2="{bottom}" stroke="{colour}" stroke-dasharray="3 3"/>'
        )
    title = "The gateway dies while a pump without its own watchdog runs"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13"><title>{title}</title><rect width="{WIDTH}" height="{height}" fill="white"/>\n'
        + "\n".join([text(8, 18, title), *parts])
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    sys.exit(write_or_check(PICTURE, picture()))
