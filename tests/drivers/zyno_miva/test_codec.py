"""The Zyno wire format against the checks of zyno.md, and against everything that is not a frame."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.zyno_miva.codec import LONGEST, Check, Frame, Framer, Garbage

# zyno.md, "Link", examples for the models that add: [V] seen in a client, [C] computed from the stated algorithm.
FRAMES = {
    b"\x02*IDN?44\x03": Frame("*IDN?"),  # [V]
    b"\x02RNA0\x03": Frame("RN"),  # [V]
    b"\x02WT010C\x03": Frame("WT01"),  # [C]
    b"\x02WT020D\x03": Frame("WT02"),  # [C]
    b"\x02Q586\x03": Frame("Q5"),  # [C]
    b"\x02:PROTOCOL:RATE 75.0FC\x03": Frame(":PROTOCOL:RATE 75.0"),  # [C]
}
# The exclusive or, by hand: R 52 ^ N 4E = 1C; W 57 ^ T 54 = 03, ^ 0 30 = 33, ^ 2 32 = 01.
FRAMES_BY_XOR = {
    b"\x02RN1C\x03": Frame("RN", Check.XOR),
    b"\x02WT0201\x03": Frame("WT02", Check.XOR),
}
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)


def slowly(framer, raw):
    return [frame for byte in raw for frame in framer.feed(bytes([byte]))]


def test_frames_of_the_sheet():
    for check, frames in ((Check.SUM, FRAMES), (Check.XOR, FRAMES_BY_XOR)):
        for raw, frame in frames.items():
            assert Framer(check).feed(raw) == [frame]
            assert frame.to_bytes() == raw


def test_a_frame_with_the_other_check_is_none():
    assert Framer(Check.XOR).feed(b"\x02RNA0\x03") == [Garbage(b"\x02RNA0\x03")]
    assert Framer(Check.SUM).feed(b"\x02RN1C\x03") == [Garbage(b"\x02RN1C\x03")]


@given(st.lists(TEXT, max_size=5), st.sampled_from(list(Check)))
@settings(max_examples=80, deadline=None)
def test_round_trips_in_one_piece_and_one_byte_at_a_time(texts, check):
    frames = [Frame(text, check) for text in texts]
    raw = b"".join(frame.to_bytes() for frame in frames)
    assert Framer(check).feed(raw) == slowly(Framer(check), raw) == frames


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_input_raises_or_is_kept_for_ever(raw):
    framer = Framer()
    found = framer.feed(raw)
    assert all(isinstance(one, Frame | Garbage) for one in found)
    assert len(framer._pending) < LONGEST


@pytest.mark.parametrize(
    "raw",
    [
        b"\x02RNA1\x03",  # wrong check
        b"\x02RNa0\x03",  # lower case
        b"\x02A\x03",  # too short for a check
        b"\x02\x03",
        b"\x02R\nAE\x03",  # not text
        b"\x02R\xc3\xa916\x03",
    ],
)
def test_what_is_no_frame_is_garbage_and_the_next_frame_is_found(raw):
    assert Framer().feed(raw + b"\x02RNA0\x03") == [Garbage(raw), Frame("RN")]


def test_an_unfinished_frame_ends_where_the_next_begins():
    assert Framer().feed(b"noise\x02Q5\x02RNA0\x03") == [Garbage(b"noise"), Garbage(b"\x02Q5"), Frame("RN")]


def test_a_frame_without_an_end_is_dropped_once_it_is_too_long():
    assert Framer().feed(b"\x02" + b"A" * (LONGEST - 2)) == []
    assert Framer().feed(b"\x02" + b"A" * (LONGEST - 1)) == [Garbage(b"\x02" + b"A" * (LONGEST - 1))]


def test_a_reset_drops_the_partial_frame():
    framer = Framer()
    framer.feed(b"\x02R")
    framer.reset()
    assert framer.feed(b"\x02RNA0\x03") == [Frame("RN")]


def test_frames_read_as_text():
    assert [str(each) for each in (Frame("WT01"), Frame(""), Garbage(b"\x02"))] == [
        "WT01",
        "(empty)",
        "garbage b'\\x02'",
    ]
