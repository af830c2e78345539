"""The Reglo ICC wire format against the frames of lab-peristaltic.md, and against everything that is none."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.reglo_icc.codec import (
    LONGEST,
    Event,
    Garbage,
    ReplyFramer,
    Request,
    RequestFramer,
    Sign,
    Text,
    read_reply,
    read_set,
    volume_text,
    volume_type,
)

REQUESTS = {  # lab-peristaltic.md, "ISMATEC REGLO ICC"
    b"1S009876\r": Request(1, "S", "009876"),  # 98.76 rpm
    b"1v1200-2\r": Request(1, "v", "1200-2"),
    b"2H\r": Request(2, "H"),
    b"0I\r": Request(0, "I"),
    b"@1\r": Request(None, "@", "1"),
    b"1~1\r": Request(1, "~", "1"),
    b"1xE0\r": Request(1, "xE", "0"),
    b"1x!\r": Request(1, "x!"),
    b"3xT35964000\r": Request(3, "xT", "35964000"),
    b'1"0010\r': Request(1, '"', "0010"),
    b"1#\r": Request(1, "#"),
    b"10\r": Request(1, "0"),
}
REPLIES = {
    b"*": Sign("*"),
    b"#": Sign("#"),
    b"+": Sign("+"),
    b"-": Sign("-"),
    b"1200E-2\r\n": Text("1200E-2"),
    b"4.983 ml\r\n": Text("4.983 ml"),
    b"^X2|A\r\n": Event("X", 2, "A"),
}
PRINTED = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
SAID = st.one_of(
    st.sampled_from("*#+-").map(Sign),
    st.text(PRINTED, min_size=1, max_size=20).filter(lambda text: text[0] not in "*#+-^").map(Text),
    st.builds(Event, st.sampled_from("UX"), st.integers(0, 9), st.text(PRINTED, max_size=20)),
)
ASKED = st.one_of(
    st.builds(
        Request, st.integers(0, 8), st.from_regex(r"x[ -~]|[ -wy-~]", fullmatch=True), st.text(PRINTED, max_size=12)
    ),
    st.builds(Request, st.none(), st.just("@"), st.text(PRINTED, max_size=3)),
)


def slowly(framer, raw):
    return [frame for byte in raw for frame in framer.feed(bytes([byte]))]


def test_frames_of_the_sheet():
    for framer, frames in ((RequestFramer, REQUESTS), (ReplyFramer, REPLIES)):
        for raw, frame in frames.items():
            assert framer().feed(raw) == [frame]
            assert frame.to_bytes() == raw


def test_a_line_feed_after_the_carriage_return_is_ignored():
    assert RequestFramer().feed(b"1H\r\n2I\r\n") == [Request(1, "H"), Request(2, "I")]


@given(st.lists(ASKED, max_size=5), st.lists(SAID, max_size=5))
@settings(max_examples=80, deadline=None)
def test_round_trips_in_one_piece_and_one_byte_at_a_time(requests, replies):
    for framer, frames in ((RequestFramer, requests), (ReplyFramer, replies)):
        raw = b"".join(frame.to_bytes() for frame in frames)
        assert framer().feed(raw) == frames
        assert slowly(framer(), raw) == frames


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_raises_nothing_and_only_frames_that_were_fed_are_accepted(raw):
    for framer in (RequestFramer, ReplyFramer):
        found = framer().feed(raw)
        assert slowly(framer(), raw) == found
        for frame in found:
            assert (frame.raw if isinstance(frame, Garbage) else frame.to_bytes()) in raw


def test_buffers_are_bounded_and_keep_working():
    for framer in (RequestFramer(), ReplyFramer()):
        assert framer.feed(b"x" * LONGEST) == [Garbage(b"x" * LONGEST)]
    assert ReplyFramer().feed(b"x" * LONGEST + b"*") == [Garbage(b"x" * LONGEST), Sign("*")]


def test_reset_drops_a_partial_frame():
    for framer, begun, whole in ((RequestFramer(), b"1v35", b"1I\r"), (ReplyFramer(), b"35", b"4.983 ml\r\n")):
        assert framer.feed(begun) == []
        framer.reset()
        assert [frame.to_bytes() for frame in framer.feed(whole)] == [whole]


@pytest.mark.requirement("COM-06")
def test_a_number_with_an_invalid_byte_is_lost_completely():
    """14.98 ml must never be heard as 4.98 ml."""
    raw = b"14.98 ml\r\n"
    for place in range(len(raw) - 2):
        spoilt = raw[:place] + b"\x83" + raw[place + 1 :]
        assert ReplyFramer().feed(spoilt + b"*") == [Garbage(spoilt), Sign("*")]
    assert ReplyFramer().feed(b"1\r4.98 ml\r\n") == [Garbage(b"1\r4.98 ml\r\n")]
    assert ReplyFramer().feed(b"^what\r\n") == [Garbage(b"^what\r\n")]


def test_invalid_requests_are_garbage():
    for raw in (b"\r", b"9H\r", b"H\r", b"1\r", b"1x\r", b"1v\xb2\r", b"\x001H\r"):
        assert RequestFramer().feed(raw) == [Garbage(raw)], raw


def test_volume_type_numbers_are_converted():
    assert volume_type(Decimal("0.012")) == "1200-2"  # lab-peristaltic.md
    assert volume_text(Decimal("0.012")) == "1200E-2"  # the same
    assert read_reply("1200E-2") == Decimal("1200E-2") / 1000  # as a client reads it
    assert volume_type(Decimal(35)) == "3500+1"
    assert volume_type(Decimal(0)) == "0000+0"
    assert volume_text(Decimal("9.9996")) == "1000E+1"
    for text in ("120E-2", "12000E-2", "1200-2", "1200E2", "1200E-12", " 1200E-2", "\u0661\u0662\u0660\u0660E-2", ""):
        assert read_reply(text) is None, text
    for text in ("1200E-2", "1200", "1.200-2", "-200-2", "1200+", ""):
        assert read_set(text) is None, text


def test_a_number_that_does_not_fit_in_four_digits_is_refused_and_not_rounded():
    for value in ("35.001", "1e10", "1e-10", "-1", "NaN", "Infinity"):
        with pytest.raises(ValueError, match="is not"):
            volume_type(Decimal(value))


@given(st.integers(1, 9999), st.integers(-6, 5))
def test_numbers_survive_the_wire(digits, exponent):
    value = Decimal(digits).scaleb(exponent)
    assert read_set(volume_type(value)) == value
    assert read_reply(volume_text(value)) == value


def test_frames_are_readable_in_a_trace():
    assert [str(frame) for frame in (Request(1, "v", "3500+1"), Sign("*"), Text("4.983 ml"), Event("X", 1, "A"))] == [
        "1v3500+1",
        "*",
        "4.983 ml",
        "^X1|A",
    ]
