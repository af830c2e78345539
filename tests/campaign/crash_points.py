"""Control dies before and after every journal write and every frame that it sends (PWR-06).

All that a dead process leaves is what it wrote and what it sent, so all instants between two of these are one point.
The points are therefore before and after each transaction of the journal, and for each frame, lost on its way or
arrived. A reply that arrived but was not yet acted on is the point after the frame that it answers.

The infusion: ordered, confirmed, five seconds of flow, a pause, resumed and confirmed, seven seconds, stopped. Longer
polling of a steady flow would only repeat the same entries and frames. The last seconds of a whole dose are tried
separately, once per family, and so is the rest of a treatment, from the stop before it on.

After each death another process starts, a nurse deals with what was left behind, and the plant shows what was true.
"""

import json
from collections import Counter
from dataclasses import dataclass

from tests.campaign.draw import BAGS, PUMPS
from tests.campaign.play import Played, play, quiet_logs
from tests.campaign.story import Happening, Nurse, Rest, Story
from tests.campaign.world import World
from tests.control.testbed import ORDER as TESTBED_ORDER
from tests.workers import pool

AGAIN_AFTER_S = 1.5
LAST_S = 3.5  # of a whole dose
STOPPED_S = 12.0  # the infusion whose rest follows
# A family's models share driver and simulator, except the two of Dianet Star: a syringe pump and a volumetric one.
FIRST = tuple({pump[0] if pump[1] not in BAGS else pump[1]: pump for pump in reversed(PUMPS)}.values())
OTHERS = 8
ORDER = {key: value for key, value in TESTBED_ORDER.items() if key not in ("op", "pump")}


@dataclass(frozen=True, slots=True)
class Point:
    """One of all points, by `number`; at `at_s` of the undisturbed infusion."""

    number: int
    at_s: float
    what: str


def short(family: str, model: str) -> Story:
    events = (Happening(9.0, "nurse", "pause"), Happening(22.0, "nurse", "stop"))
    return _story(family, model, events, 24.0)


def whole(family: str, model: str) -> Story:
    return _story(family, model, (), 2440.0)


def interrupted(family: str, model: str) -> Story:
    """Stopped after some seconds, then the rest, which is stopped too."""
    stopped = _story(family, model, (Happening(STOPPED_S, "nurse", "stop"),), 60.0)
    return stopped.but(rest=Rest(orders=1, after_s=1.0, stop_after_s=6.0))


def _story(family: str, model: str, events: tuple[Happening, ...], horizon_s: float) -> Story:
    order = ORDER | {"container": "100 mL bag" if model in BAGS else "50 mL"}
    nurse = Nurse(confirm_after_s=0.5, clears=1, resumes=1, act_after_s=1.0)
    return Story(0, family, model, order, nurse, events, horizon_s, title=f"crash points of {model}")


class _Points:
    """Counts what the first process writes and sends, and kills it at one of these points."""

    def __init__(self, world: World, strike: int | None) -> None:
        self.world, self.strike = world, strike
        self.points: list[Point] = []
        world.on_writer = self._writer
        world.on_gateway = self._gateway

    def _writer(self, writer) -> None:
        if self.world.processes == 1:
            writer.point = lambda when, entries: self._point(f"{when} {entries[-1].kind}")

    def _gateway(self, made) -> None:
        if self.world.processes == 1:
            made.runners["bed1"].line.tap(self._frame)

    def _frame(self, direction: str, _: bytes, __: int) -> None:
        if str(direction) == "out":
            self._point("frame lost")
            self._point("frame arrived", arrives=True)

    def _point(self, what: str, *, arrives: bool = False) -> None:
        world = self.world
        if world.control is None or world.control.dead or world.over:
            return
        number = len(self.points)
        self.points.append(Point(number, world.now, what))
        if number == self.strike:
            world.control.kill(arrives=arrives)
            world.spawn(world.buried(AGAIN_AFTER_S))


def points(story: Story) -> list[Point]:
    """All points of the undisturbed infusion; for a whole dose those of its end, for a treatment those of its rest."""
    found: list[_Points] = []
    played = play(story, lambda world: found.append(_Points(world, None)))
    assert not played.violations, (story.model, played.violations)
    all_points = found[0].points
    if story.rest.orders:
        return [point for point in all_points if point.at_s >= STOPPED_S]
    if story.horizon_s > 2000:
        end_s = all_points[-1].at_s
        return [point for point in all_points if point.at_s >= end_s - LAST_S]
    return all_points


def strike(story: Story, number: int) -> Played:
    return play(story, lambda world: _Points(world, number))


def run(options) -> int:
    """Every point of one model per family; for the other models, which differ only in limits, some of the points."""
    chosen = [pump for pump in PUMPS if not options.only or set(pump) & set(options.only)]
    first = set(FIRST if not options.only else chosen)
    stories = [(short(*pump), 1 if pump in first else OTHERS) for pump in chosen]
    stories += [(interrupted(*pump), 1) for pump in chosen if pump in first]
    stories += [(whole(*pump), 1) for pump in chosen if pump in first and not options.without_whole]
    counts: dict[str, Counter[str]] = {}
    broken = 0
    with pool(options.workers, quiet_logs) as working:
        for story, share in stories:
            chosen_points = points(story)[:: share * options.share]
            count = counts.setdefault(story.family, Counter())
            for point, result in working.imap_unordered(_tried, [(story, point) for point in chosen_points], 8):
                count["points"] += 1
                count["rest" if story.rest.orders else "whole" if story.horizon_s > 2000 else "short"] += 1
                count["journal" if "frame" not in point.what else "wire"] += 1
                for rule, text in result.items():
                    broken += 1
                    count[rule] += 1
                    where = f"point {point.number} ({point.what} at {point.at_s:.3f} s)"
                    print(f"{story.model}, {where} breaks {rule}: {text}")
            print(f"{story.model}: {len(chosen_points)} points, {broken} broken so far", flush=True)
    print(json.dumps({"broken": broken, "families": {family: dict(count) for family, count in counts.items()}}))
    return 1 if broken else 0


def _tried(what: tuple[Story, Point]) -> tuple[Point, dict[str, str]]:
    story, point = what
    return point, strike(story, point.number).violations
