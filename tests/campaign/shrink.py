"""From a failing story to the shortest one that still breaks the same rule, by leaving out events."""

from collections.abc import Callable
from dataclasses import replace

from tests.campaign.story import Happening, Nurse, Story

MOST_TRIES = 120


def shrink(story: Story, breaks: Callable[[Story], bool]) -> Story:
    """`breaks` plays a story and returns whether the rule is still broken. The given story does break it."""
    tries = 0

    def still(candidate: Story) -> bool:
        nonlocal tries
        tries += 1
        return tries <= MOST_TRIES and breaks(candidate)

    changed = True
    while changed and tries < MOST_TRIES:
        changed = False
        for simpler in _simpler(story):
            if still(simpler):
                story, changed = simpler, True
                break
    return story.but(title=f"{story.title or f'seed {story.seed}'}, shrunk")


def _simpler(story: Story):
    events = story.events
    if len(events) > 3:  # halves first
        half = len(events) // 2
        yield story.but(events=events[:half])
        yield story.but(events=events[half:])
    for number in range(len(events)):
        yield story.but(events=events[:number] + events[number + 1 :])
    last = max((event.at_s for event in events), default=0.0) + 30.0
    if last < story.horizon_s - 1:
        yield story.but(horizon_s=last)
    plain = Nurse(confirm_after_s=story.nurse.confirm_after_s)
    for name in ("clears", "resumes", "impatient"):
        if getattr(story.nurse, name) != getattr(plain, name):
            yield story.but(nurse=replace(story.nurse, **{name: getattr(plain, name)}))
    for number, event in enumerate(events):
        rounded = Happening(float(round(event.at_s)), event.word, event.detail)
        if rounded != event:
            yield story.but(events=(*events[:number], rounded, *events[number + 1 :]))
