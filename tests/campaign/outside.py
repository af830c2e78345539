"""Faults from outside that come on top of a drawn story: an adapter that echoes, replies lost in clusters around a
stop, a disk that waits when it matters, two orders at one instant, vital signs of which only some are true.

Half of the seeds get none of them, so they play what they played before there were any.
"""

import random

from tests.campaign.monitor import PARTLY
from tests.campaign.story import Happening, Story

# What is lost or late around a stop. What is sent still reaches the pump, so nothing here may hold the stop back.
AROUND_A_STOP = (
    "lost-reply",
    "lost-reply",
    "lost-reply:read",
    "lost-reply:stop",
    "lost-reply/{s}s",
    "delayed-reply:{s}s/{s}s",
    "echo/{s}s",
)


def with_outside(rng: random.Random, drawn: Story) -> Story:
    if rng.random() < 0.5:
        return drawn
    kinds = [_echo, _cluster, _cluster, _disk, _colleague]
    kinds += [_colleague] * 2 if drawn.rest.family else []
    kinds += [_partly] * 3 if drawn.monitor else []
    more = [event for kind in rng.sample(kinds, rng.randint(1, 3)) for event in kind(rng, drawn)]
    return drawn.but(events=tuple(sorted((*more, *drawn.events), key=lambda event: event.at_s)))


def _echo(rng: random.Random, drawn: Story) -> list[Happening]:
    """An adapter that always echoes, one that begins to, or one whose two wires touch for a while."""
    at_s, lasts_s = _some_time(rng, drawn), round(rng.uniform(1, 40), 2)
    which = rng.random()
    if which < 0.5:
        return [Happening(0.0, "fault", "echo")]
    return [Happening(at_s, "fault", f"echo/{lasts_s}s" if which < 0.75 else f"shorted/{lasts_s}s")]


def _cluster(rng: random.Random, drawn: Story) -> list[Happening]:
    """Around one of the nurse's stops, or around one more."""
    stops = [event.at_s for event in drawn.events if (event.word, event.detail) == ("nurse", "stop")]
    more = [] if stops and rng.random() < 0.7 else [Happening(_some_time(rng, drawn), "nurse", "stop")]
    stop_s = more[0].at_s if more else rng.choice(stops)
    for _ in range(rng.randint(1, 4)):
        at_s = round(max(0.0, stop_s + rng.uniform(-0.7, 0.3)), 4)
        detail = rng.choice(AROUND_A_STOP).format(s=round(rng.uniform(0.2, 3), 2))
        more.append(Happening(at_s, "fault", detail))
    return more


def _disk(rng: random.Random, drawn: Story) -> list[Happening]:
    """Slow just when a start is to be recorded, or a stop."""
    stops = [event.at_s for event in drawn.events if (event.word, event.detail) == ("nurse", "stop")]
    when_s = rng.choice([3.0 + drawn.nurse.confirm_after_s, *stops])
    how = rng.choice((f"slow:{round(rng.uniform(0.3, 4), 2)}", "away"))
    return [Happening(round(max(0.0, when_s - rng.uniform(0, 2)), 3), "disk", f"{how}/{round(rng.uniform(1, 15), 2)}")]


def _colleague(rng: random.Random, drawn: Story) -> list[Happening]:
    """With the first order, or with a later one: that of the rest."""
    at_s = 0.0 if not drawn.rest.orders or rng.random() < 0.5 else _some_time(rng, drawn)
    return [Happening(at_s, "colleague", rng.choice(("pump", "patient")) if drawn.rest.family else "pump")]


def _partly(rng: random.Random, drawn: Story) -> list[Happening]:
    at_s = 0.0 if rng.random() < 0.3 else _some_time(rng, drawn)
    lasts_s = rng.choice((rng.uniform(2, 12), rng.uniform(60, 80)))
    return [Happening(at_s, "vitals", f"{rng.choice(PARTLY)}/{round(lasts_s, 2)}")]


def _some_time(rng: random.Random, drawn: Story) -> float:
    return round(rng.uniform(0.0, min(drawn.horizon_s, 400.0)), 3)
