"""The pace of a stop at its edges, as the rule states them (STP-11). Times are binary fractions of a second: exact."""

import pytest

from pumpd.wire import LineFacts, LineSettings
from pumpd.wire.pace import Pace

pytestmark = pytest.mark.requirement("STP-11")

LINE = LineSettings(1280)  # 10 bits a byte: 128 bytes take a second


def pace(*answers_s, **facts):
    """A healthy answer takes 0.5 s, and 64 bytes on the line 0.5 s more: up to one second."""
    made = Pace(LINE, LineFacts(**{"healthy_s": 0.5, "longest_bytes": 64, **facts}))
    for took_s in answers_s:
        made.answered(took_s)
    return made


def test_until_an_answer_was_heard_the_family_says_what_is_healthy():
    assert LINE.time_for(64) == 0.5
    assert pace().longest_s == 1
    heard = pace(0.25)
    heard.forget()
    assert heard.longest_s == 1


def test_the_longest_answer_counts_unless_it_is_longer_than_a_healthy_one():
    assert pace(0.25, 0.5, 0.25).longest_s == 0.5
    assert pace(0.25, 1.0).longest_s == 1
    assert pace(0.25, 1.0625).longest_s == 0.25
    assert pace(1.0625).longest_s == 1


def test_the_last_eight_answers_count():
    assert pace(0.5, *(0.25,) * 7).longest_s == 0.5
    assert pace(0.5, *(0.25,) * 8).longest_s == 0.25


def test_a_stop_waits_one_and_a_half_times_the_longest_answer_or_not_at_all():
    assert pace(0.5).patience_s == 0.75
    assert pace(0.5, reads_while_answering=True).patience_s == 0
    assert pace(0.5, reads_while_answering=True).answer_s == 0.75


def test_a_damaged_answer_brings_the_next_stop_after_at_least_a_twentieth_of_a_second():
    assert pace(0.5).soon_s == 0.75
    assert pace(0.015625).soon_s == 0.05


@pytest.mark.parametrize(
    ("now", "again_s", "at"),
    [
        (0, 1, 0.25),  # the replies to all stops come first
        (0, 0.5, 0.25),  # just in time
        (0, 0.4999, None),
        (0.5, 0.75, 0.5),
        (0.5, 0.7499, None),
    ],
)
def test_a_question_is_asked_when_its_answer_can_come_before_the_next_stop(now, again_s, at):
    """An answer takes 0.25 s; the stop was sent at 8 s."""
    assert pace(0.25).question_at(8 + now, 8, again_s) == (None if at is None else 8 + at)


@pytest.mark.parametrize(
    ("now", "owed", "until"),
    [
        (0.5, False, 1),  # due, also when the answer would be awaited until 0.875
        (0.625, False, 1),
        (0.6875, False, 1.0625),
        (0.9375, False, 1.15),  # the answer may delay it by so much, and not to 1.3125
        (1, False, 2),
        (0.9375, True, 1),
        (1.5, True, 1),
    ],
)
def test_a_question_delays_the_next_stop_a_little_unless_one_is_owed(now, owed, until):
    """An answer is awaited for 0.375 s; the stop was sent at 8 s and is sent again after one."""
    assert pace(0.25).asked_until(8 + now, 8, 1, owed=owed) == 8 + until


def test_a_stop_is_sent_again_as_soon_as_the_line_can_carry_it_and_its_answer():
    """Every 0.125 s: 8 bytes and 8 of an answer take as long."""
    assert pace().again_s(b"12345678") == 0.125
    assert pace().again_s(b"123456789") == 0.140625
    assert pace().again_s(b"1") == 0.125


def test_what_a_family_does_not_state_is_assumed():
    assert LineFacts() == LineFacts(healthy_s=0.1, longest_bytes=120, reads_while_answering=False)
