"""Two hundred stories of the campaign, and proof that it finds defects. All of it: docs/how-to/campaign.md."""

import contextlib
import random

import pytest

from pumpd.journal import Record
from tests.campaign import breaks, digests, outside
from tests.campaign.draw import BAGS, PUMPS, story
from tests.campaign.monitor import PARTLY
from tests.campaign.play import play
from tests.campaign.shrink import shrink
from tests.campaign.story import WORDS, Happening, Nurse, Rest, Story

STORIES, A_TEST = 200, 10


@pytest.mark.requirement("PWR-06", "RUN-04", "COM-03", "AUD-05")
@pytest.mark.parametrize("first", range(0, STORIES, A_TEST))
def test_no_story_breaks_a_rule(first, quiet):
    for seed in range(first, first + A_TEST):
        played = play(story(seed))
        assert not played.violations, f"seed {seed}: {played.violations}"


NATIVE = ("ne-1000", "ne-4000", "asena-gh", "perfusor-fm", "infusomat-fms")


@pytest.mark.requirement("COM-12")
@pytest.mark.parametrize("trouble", [("control", "kill/20"), ("cable", "20"), ("fault", "silence/20s")])
@pytest.mark.parametrize(("family", "model"), [pump for pump in PUMPS if pump[1] in NATIVE])
def test_a_pump_with_a_watchdog_gives_rate_times_lease_at_most_after_a_total_loss(family, model, trouble, quiet):
    played = play(a_story((14.0, *trouble), family=family, model=model))
    assert played.facts["losses_checked"] == 1
    assert not played.violations


NO_REST = Rest()


# A story in which the defect shows; a search also finds each within its first few hundred seeds.
def a_story(*events: tuple[float, str, str], family="new-era", model="ne-1000", rest=NO_REST, **nurse) -> Story:
    order = story(1).order | {"container": "50 mL", "entry": "ketamine-1mg-ml", "dose": "0.5 mg/kg"}
    order |= {"weight": "70 kg", "weight_again": "70 kg"}
    if model in BAGS:
        order["container"] = "100 mL bag"
    drawn = tuple(Happening(*event) for event in events)
    horizon_s = 90.0 if rest.orders else 40.0
    return Story(1, family, model, order, Nurse(confirm_after_s=0.5, **nurse), drawn, horizon_s, rest=rest)


def watched(lie: str, at_s: float) -> Story:
    """With a monitor, which lies from this instant on for 70 seconds."""
    return a_story((at_s, "vitals", f"{lie}/70")).but(monitor=True, horizon_s=90.0)


LOST = ((10.0, "fault", "silence/9s"), (14.0, "fault", "power-cut/2s"))
STOPPED = (20.0, "nurse", "stop")
ONCE = Rest(orders=1, stop_after_s=10.0)
ON_ANOTHER = Rest(orders=1, stop_after_s=10.0, family="harvard", model="11-elite", container="50 mL")
REPLIES_LOST = ((26.0, "fault", "lost-reply/5s"), (28.3, "nurse", "stop"))
FOUND = {
    "resume-without-confirmation": ("start", a_story((10.0, "nurse", "pause"), resumes=1)),
    "commands-sent-again": ("start", a_story((0.0, "fault", "lost-reply:start"), family="harvard", model="phd-ultra")),
    "lost-count-is-nothing": ("booked", a_story(*LOST, family="harvard", model="11-elite")),
    "start-before-the-journal": ("start", a_story((0.5, "disk", "slow:1/30"), family="harvard", model="11-elite")),
    "watchdog-not-armed": ("loss-of-control", a_story((14.0, "control", "kill/20"))),
    "stop-lost-on-the-way": ("stop", a_story((14.0, "nurse", "stop"))),
    "go-on-after-a-restart": ("restart", a_story((9.0, "control", "kill/1"))),
    "wristband-not-compared": ("wristband", a_story((0.0, "wristband", "other"))),
    "rest-forgets-what-was-given": ("treatment", a_story((20.0, "nurse", "stop"), rest=ONCE)),
    "rest-of-what-was-reported": ("booked", a_story(*LOST, STOPPED, rest=ONCE, family="harvard", model="11-elite")),
    "rest-without-confirmation": ("start", a_story(STOPPED, rest=ONCE)),
    "rest-is-faster": ("rest", a_story(STOPPED, rest=ONCE)),
    "rest-waits-for-the-next-day": ("spacing", a_story(STOPPED, rest=ONCE)),
    "critical-signs-ignored": ("vitals", watched("critical", 14.0)),
    "old-signs-are-new": ("vitals", watched("old", 0.0)),
    "signs-of-anyone": ("vitals", watched("another-patient", 0.0)),
    "impossible-signs-count": ("vitals", watched("impossible", 0.0)),
    "missing-signs-are-normal": ("vitals", watched("silence", 14.0)),
    "spo2-may-be-missing": ("vitals", watched("spo2-missing", 14.0)),
    "echo-is-an-answer": ("echo", a_story((0.0, "fault", "echo"), family="harvard", model="11-elite")),
    "stop-waits-for-the-reply": ("stop", a_story(*REPLIES_LOST, family="fresenius-base-a", model="base-a")),
    "stop-waits-for-the-disk": ("stop", a_story((13.5, "disk", "slow:2/10"), (14.0, "nurse", "stop"))),
    "second-order-is-not-checked": ("orders", a_story((0.0, "colleague", "pump"))),
    "no-spacing": ("spacing", a_story(STOPPED, rest=Rest(orders=1, stop_after_s=10.0, another=True))),
}


OTHER_STORIES = [  # of the same defects
    ("spo2-may-be-missing", "vitals", watched("spo2-frozen", 14.0)),
    ("signs-of-anyone", "vitals", watched("spo2-of-another", 0.0)),
    ("old-signs-are-new", "vitals", watched("spo2-frozen", 0.0)),
    ("old-signs-are-new", "vitals", watched("late", 0.0)),
    ("echo-is-an-answer", "echo", a_story((0.0, "fault", "echo"), family="reglo-icc", model="reglo-icc")),
    ("stop-waits-for-the-reply", "stop", a_story(*REPLIES_LOST)),
    ("second-order-is-not-checked", "orders", a_story((0.0, "colleague", "patient"), rest=ON_ANOTHER)),
]


@pytest.mark.parametrize(
    ("name", "rule", "drawn"), [*((name, *found) for name, found in FOUND.items()), *OTHER_STORIES]
)
def test_the_campaign_finds_a_deliberate_defect(name, rule, drawn, quiet):
    assert not play(drawn).violations
    with breaks.broken(name):
        assert rule in play(drawn).violations


def test_a_failing_story_is_shrunk_to_what_breaks_it(quiet):
    needed = Happening(10.0, "nurse", "pause")
    noise = (Happening(3.3, "clock", "3600"), Happening(5.0, "cable", "0.4"), Happening(20.0, "tablet", "2.0"))
    drawn = a_story(resumes=1).but(events=(*noise[:2], needed, noise[2]))
    with breaks.broken("resume-without-confirmation"):
        small = shrink(drawn, lambda candidate: "start" in play(candidate).violations)
    assert small.events == (needed,)
    assert small.nurse.resumes == 1


@pytest.mark.parametrize("seed", range(40))
def test_a_story_survives_its_file_unchanged(seed, tmp_path):
    path = tmp_path / "story.toml"
    drawn = story(seed)
    path.write_text(drawn.to_toml())
    assert Story.read(path) == drawn.but(title=f"seed {seed}")


def test_the_stories_include_every_pump_and_every_trouble():
    drawn = [story(seed) for seed in range(STORIES)]
    assert {(each.family, each.model) for each in drawn} == set(PUMPS)
    assert {event.word for each in drawn for event in each.events} == set(WORDS)


def test_the_stories_include_each_fault_from_outside_and_half_of_them_have_none():
    plain = [story(seed) for seed in range(STORIES)]
    details = {f"{event.word} {event.name}" for each in plain for event in each.events}
    assert details >= {"fault echo", "fault shorted", "colleague pump", "colleague patient"}
    assert details >= {f"vitals {lie}" for lie in PARTLY}
    with_one = sum(outside.with_outside(random.Random(f"outside {seed}"), plain[0]) != plain[0] for seed in range(400))
    assert 160 < with_one < 240


def test_a_stop_is_checked_although_its_replies_are_lost_and_the_disk_waits(quiet):
    played = play(a_story((13.0, "disk", "away/9"), *REPLIES_LOST))
    assert played.facts["stops_checked"] == 1
    assert not played.violations


def test_an_unknown_event_is_refused(tmp_path):
    path = tmp_path / "story.toml"
    path.write_text(story(3).to_toml() + '\n[[event]]\nat = "1.0 s"\nweather = "fine"\n')
    with pytest.raises(ValueError, match="weather"):
        Story.read(path)


def test_the_digest_of_a_story_is_the_same_each_time_and_shows_a_changed_entry():
    with contextlib.ExitStack() as stack:
        for patch in digests._without_chance():
            stack.enter_context(patch)
        first, again = digests.of_story(7), digests.of_story(7)
    assert first == again
    assert first["entries"] > 0
    entry = Record(1, "", 0, "boot-1", "bed1", "s", "state_changed", '{"to":"running"}', "")
    assert digests.digest([entry]) == digests.digest([entry._replace(ts="later", hash="another")])
    assert digests.digest([entry]) != digests.digest([entry._replace(body='{"to":"stopping"}')])
