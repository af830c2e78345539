"""The Base A frame against the sheet's worked frames (fresenius-base-a.md), and against all else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.fresenius_base_a.codec import (
    ACK,
    BAD_CHARACTER,
    BAD_CHECK,
    BAD_LENGTH,
    CONTROL_CODE,
    DC4,
    ENQ,
    LONGEST_BODY,
    NAK,
    Frame,
    Framer,
    Garbage,
    Signal,
)

WORKED = [  # fresenius-base-a.md, "Worked frames"
    (b"\x020DC48\x03", Frame(0, "DC")),  # [V]
    (b"\x020C8C\x03", Frame(0, "C")),  # [V]
    (b"\x020LE;bA1\x03", Frame(0, "LE;b")),  # [V]
    (b"\x021LE;dr2C\x03", Frame(1, "LE;dr")),
    (b"\x021C;d02EE;r00001388BF\x03", Frame(1, "C;d02EE;r00001388")),
    (b"\x021MO;2C5\x03", Frame(1, "MO;2")),
    (b"\x021PO2F\x03", Frame(1, "PO")),
    (b"\x021DE;ar37\x03", Frame(1, "DE;ar")),
    (b"\x021E;r0000138848\x03", Frame(1, "E;r00001388")),
    (b"\x021E89\x03", Frame(1, "E")),  # [V]
    (b"\x021I;0AD9\x03", Frame(1, "I;0A")),
    (b"\x021I;05E5\x03", Frame(1, "I;05")),
    (b"\x021PR;02EE05\x03", Frame(1, "PR;02EE")),  # [I] the argument, [C] the check
]

texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7D), max_size=80)
frames = st.builds(Frame, st.integers(0, 9), texts) | st.builds(
    Frame, st.none(), texts.filter(lambda text: text and not text[0].isdigit())
)
signals = st.sampled_from([Signal(ENQ), Signal(ACK), Signal(DC4), *(Signal(NAK, digit) for digit in "1245678")])


def test_worked_frames():
    for raw, frame in WORKED:
        assert frame.to_bytes() == raw
        assert Framer().feed(raw) == [frame]


@settings(max_examples=60)
@given(st.lists(frames | signals, max_size=5))
def test_round_trip_in_any_pieces(frames):
    raw = b"".join(frame.to_bytes() for frame in frames)
    assert Framer().feed(raw) == frames
    framer = Framer()
    assert [frame for byte in raw for frame in framer.feed(bytes([byte]))] == frames


@pytest.mark.requirement("COM-06", "SEC-09")
def test_no_single_bit_error_is_accepted():
    for raw, _ in WORKED:
        for place in range(len(raw) * 8):
            bad = bytearray(raw)
            bad[place // 8] ^= 1 << place % 8
            found = [frame for frame in Framer().feed(bytes(bad)) if isinstance(frame, Frame)]
            assert found == [], (raw, place)


@pytest.mark.requirement("COM-06")
@settings(max_examples=200)
@given(st.lists(st.binary(max_size=120) | frames.map(Frame.to_bytes), max_size=6).map(b"".join))
def test_noise_raises_nothing_and_only_sent_frames_are_accepted(noise):
    framer = Framer()
    heard = framer.feed(noise)
    for frame in heard:
        if isinstance(frame, Frame):
            assert frame.to_bytes() in noise
    accepted = b"".join(frame.raw if isinstance(frame, Garbage) else frame.to_bytes() for frame in heard)
    assert noise.startswith(accepted), "bytes were dropped or made up"
    assert len(noise) - len(accepted) <= LONGEST_BODY + 1, "too much is kept"
    framer.reset()
    assert framer.feed(WORKED[0][0]) == [WORKED[0][1]]


def test_the_reply_to_an_invalid_frame():
    cases = [
        (b"\x021PO2E\x03", BAD_CHECK),
        (b"\x021LE;dr2c\x03", BAD_CHECK),  # the digits are upper-case
        (b"\x021P\x7e2F\x03", BAD_CHARACTER),
        (b"\x02\x03", BAD_LENGTH),
        (b"\x02" + b"A" * (LONGEST_BODY + 1), BAD_LENGTH),
        (b"\x021P\x05", CONTROL_CODE),
        (b"xyz", None),
    ]
    for raw, error in cases:
        assert Framer().feed(raw)[0].error == error, raw


def test_a_good_frame_behind_a_broken_one_is_found():
    assert Framer().feed(b"\x021P" + WORKED[6][0])[-1] == Frame(1, "PO")
    assert Framer().feed(b"\x021P\x06" + WORKED[6][0])[1:] == [Signal(ACK), Frame(1, "PO")]
    assert Framer().feed(bytes([NAK]) + WORKED[6][0])[-1] == Frame(1, "PO")
    assert Framer().feed(b"\x02" + b"A" * 500 + WORKED[6][0])[-1] == Frame(1, "PO")


def test_what_cannot_be_encoded_is_refused():
    for address, text in [(10, "DC"), (-1, "DC"), (1, "P\x03"), (1, "~"), (None, "1DC"), (None, ""), (1, "A" * 127)]:
        with pytest.raises(ValueError, match=r"^(address|text): "):
            Frame(address, text)


def test_the_longest_frame_is_taken_and_one_byte_more_is_too_long():
    """Address, text and check fill LONGEST_BODY: 1 + 125 + 2 characters."""
    longest = Frame(1, "A" * 125)
    assert Framer().feed(longest.to_bytes()) == [longest]
    with pytest.raises(ValueError, match=r"^text: 126 characters"):
        Frame(1, "A" * 126)
    framer = Framer()
    assert framer.feed(b"\x02" + b"A" * LONGEST_BODY) == []
    assert framer.feed(b"A") == [Garbage(b"\x02" + b"A" * LONGEST_BODY), Garbage(b"A")]
    too_long = b"\x02" + b"A" * 129 + b"\x03"
    assert Framer().feed(too_long)[0] == Garbage(too_long[:129])


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"\x02CF\x03", BAD_LENGTH),  # without an address or a text
        (b"\x020CE\x03", BAD_CHECK),  # 0xFF - 0x30 = 0xCF
        (b"\x021P}00\x03", BAD_CHECK),  # the last character that may be sent
        (b"\x021P~00\x03", BAD_CHARACTER),
        (b"\x02" + b"A" * (LONGEST_BODY - 1) + b"\x05", CONTROL_CODE),  # not too long yet
    ],
)
def test_each_error_begins_at_its_edge(raw, error):
    assert Framer().feed(raw)[0].error == error


def test_a_frame_without_text_is_a_frame():
    assert Framer().feed(b"\x020CF\x03") == [Frame(0, "")]


def test_a_nak_waits_for_its_digit_and_3_is_none():
    framer = Framer()
    assert framer.feed(b"\x15") == []
    assert framer.feed(b"8") == [Signal(NAK, "8")]
    for digit in b"039":
        assert Framer().feed(bytes([0x15, digit]))[0] == Garbage(b"\x15")


def test_what_a_frame_and_a_signal_say():
    frame = Frame(1, "C;d02EE;r1")
    assert (frame.letter, frame.data, str(frame)) == ("C", "d02EE;r1", "1C;d02EE;r1")
    assert (Frame(None, "PO").data, str(Frame(None, "PO"))) == ("", "PO")
    assert [str(each) for each in Framer().feed(b"\x05\x06\x14\x152")] == ["ENQ", "ACK", "DC4", "NAK2"]
    assert str(Garbage(b"\x01\xff")) == "garbage 01 ff"
