"""A failing seed is told in clinical words, and what a campaign has done counts for its own code only."""

import json
import re

import pytest

from tests.campaign import __main__ as campaign
from tests.campaign.draw import story
from tests.campaign.story import Happening
from tests.campaign.told import sentence, told
from tests.kept import Kept, code


@pytest.mark.parametrize(
    ("word", "detail", "said"),
    [
        ("nurse", "stop", "the nurse stops the infusion"),
        ("cable", "12.5", "the cable is out for 12.5 s"),
        ("control", "kill/9", "the gateway's control dies, and is back after 9 s"),
        ("fault", "lost-reply:stop", "the pump's answer to the next stop is lost"),
        ("fault", "delayed-reply:1.5s/20s", "the pump answers 1.5 s late, for 20 s"),
        ("clock", "-3600", "the gateway's clock is set by -3600 s"),
        ("wristband", "other", "another patient's wristband is scanned"),
        ("vitals", "spo2-missing/12.0", "the finger probe is off for 12.0 s, all else is measured"),
        ("colleague", "pump", "a colleague gives the next order for this pump too, at the same instant"),
        ("fault", "echo", "the adapter echoes what is sent, from now on"),
        ("vitals", "frozen/12.0", "the monitor lies (frozen) for 12.0 s"),
    ],
)
def test_each_happening_has_a_sentence(word, detail, said):
    assert sentence(Happening(1.0, word, detail)) == said


def test_a_story_is_told_from_its_order_to_its_end_in_the_order_of_time():
    for seed in range(80):
        drawn = story(seed)
        lines = list(told(drawn))
        assert drawn.order["dose"] in lines[0]
        times = [float(found[1]) for line in lines if (found := re.match(r"At ([0-9.]+) s ", line))]
        assert len(times) == len(drawn.events)
        assert times == sorted(times)
        for event in drawn.events:
            assert sentence(event) != f"{event.word} {event.detail}", event


def test_a_run_that_was_ended_goes_on_and_forgets_only_the_line_that_was_cut_off(tmp_path):
    kept = Kept(tmp_path, "of-this-code")
    kept.path.write_text('{"seed": 1}\n{"seed": 2}\n{"se', encoding="utf-8")
    assert [each["seed"] for each in kept.lines()] == [1, 2]
    with kept.more() as lines:
        lines.write(json.dumps({"seed": 3}) + "\n")
    assert [each["seed"] for each in kept.lines()] == [1, 2, 3]
    assert list(Kept(tmp_path, "of-other-code").lines()) == []


def test_the_digest_is_of_what_a_story_plays(tmp_path, monkeypatch):
    assert re.fullmatch("[0-9a-f]{12}", code(*campaign.PLAYS))
    monkeypatch.setattr("tests.kept.ROOT", tmp_path)
    for folder in campaign.PLAYS:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        before = code(*campaign.PLAYS)
        assert before == code(*campaign.PLAYS)
        (tmp_path / folder / "new.py").touch()
        assert code(*campaign.PLAYS) != before
