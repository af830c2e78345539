"""The Poseidon codec against replies observed on the published firmware, as the protocol sheet quotes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd_drivers.poseidon.codec import (
    Echo,
    Garbage,
    Move,
    Ready,
    ReplyFramer,
    Request,
    RequestFramer,
    number,
    shown,
    whole,
)

# Sheet, "Reply": the reply to <SETTING,SPEED,1,1000.0,F,0.0,0.0,0.0>.
SPEED = (
    b"string\r\n1\r\nStatus\r\n1\r\n0\r\n0\r\nStatus Distances\r\n0.00\r\n0.00\r\n0.00\r\n<mode: SETTING "
    b",setting: SPEED ,motorID: 1 ,value: 1000.00 ,direction: F ,p1 optional: 0.00 ,p2 optional: 0.00 "
    b",p3 optional: 0.00 ,Time 2>\r\n"
)
# Sheet, "Reply": what RUN adds, here for 800 steps of motor 1 and 300 of motor 2.
MOVE = (
    b"Direction1\r\nStatus Distances\r\n800.00\r\n300.00\r\n0.00\r\nSedding tomove command: 800.00\r\n"
    b"Sedding tomove command: 300.00\r\nEntering While Loop \r\n0\r\n1\r\n1\r\n0\r\n2\r\n"
)
READY = b"<Arduino is ready>\r\n"
# Sheet, "GUI frames".
OF_THE_PUBLIC_CLIENT = [
    b"<SETTING,SPEED,1,1000.0,F,0.0,0.0,0.0>",
    b"<RUN,DIST,12,0.0,F,800.0,300.0,0.0>",
    b"<STOP,BLAH,BLAH,BLAH,F,0.0,0.0,0.0>",
    b"<PAUSE,BLAH,1,BLAH,F,0.0,0.0,0.0>",
    b"<RESUME,BLAH,1,BLAH,F,0.0,0.0,0.0>",
]
ASKED = Request("SETTING", "SPEED", "1", "1000.0")
RUN = Request("RUN", "DIST", "12", "0.0", "F", "800.0", "300.0", "0.0")


def test_frames_of_the_public_client():
    stop = Request("STOP", "BLAH", "BLAH", "BLAH")
    assert [ASKED.to_bytes(), RUN.to_bytes(), stop.to_bytes()] == OF_THE_PUBLIC_CLIENT[:3]
    frames = RequestFramer().feed(b"\r\nnoise".join(OF_THE_PUBLIC_CLIENT))
    assert [frame.to_bytes() for frame in frames] == OF_THE_PUBLIC_CLIENT


def test_the_observed_replies_in_both_directions():
    echo = Echo.of(ASKED, 2)
    assert echo.to_bytes() == SPEED
    assert Move.of(RUN).to_bytes() == MOVE
    assert Ready().to_bytes() == READY
    assert ReplyFramer().feed(READY + SPEED + MOVE) == [Ready(), echo, Move.of(RUN)]


@pytest.mark.parametrize("size", [1, 7, 63])
def test_a_reply_may_come_in_pieces(size):
    framer, whole = ReplyFramer(), READY + SPEED + MOVE
    frames = [frame for at in range(0, len(whole), size) for frame in framer.feed(whole[at : at + size])]
    assert [type(frame) for frame in frames] == [Ready, Echo, Move]


def test_a_new_start_restarts_a_half_frame():
    """Sheet, "Line and framing": a new `<` restarts the frame."""
    assert RequestFramer().feed(b"<RUN,DIST,1,0.0,F,80" + ASKED.to_bytes()) == [ASKED]


def test_a_long_body_is_cut_so_that_a_distance_loses_digits():
    """Sheet, "Line and framing": 123.0 was executed as 12."""
    body = f"RUN,DIST,123,0.0,F,800.{'0' * 31},300.0,123.0"
    assert len(body) == 63 + len("3.0")
    (request,) = RequestFramer().feed(f"<{body}>".encode())
    assert (request.p2, request.p3) == ("300.0", "12")


def test_missing_fields_are_empty():
    assert RequestFramer().feed(b"<STOP>") == [Request("STOP", "", "", "", "", "", "", "")]


@pytest.mark.parametrize("at", range(len(SPEED) - 2))
def test_a_damaged_echo_never_counts_as_the_echo_of_another_program(at):
    """Without a check sum: a changed byte makes garbage, or an echo that names other values or another Time."""
    damaged = SPEED[:at] + bytes([SPEED[at] ^ 1]) + SPEED[at + 1 :]
    for frame in ReplyFramer().feed(damaged):
        assert isinstance(frame, Garbage) or frame != Echo.of(ASKED, 2)


def test_the_lines_of_a_reply_must_agree():
    """The echo says motor 1, the lines before it say motor 2."""
    (frame,) = ReplyFramer().feed(SPEED.replace(b"string\r\n1", b"string\r\n2"))
    assert isinstance(frame, Garbage)


def test_numbers_as_the_firmware_reads_and_prints_them():
    """Sheet: a non-number prints 0.00; floats have 24 bits, so whole numbers are exact up to 16 777 216."""
    assert shown(number("BLAH")) == "0.00"
    assert shown(number("1000.0")) == "1000.00"
    assert number("16777217") == 16777216
    assert shown(number("-100")) == "-100.00"
    assert [whole(text) for text in ("BLAH", "", " -12x", "+7", "3.9")] == [0, 0, -12, 7, 3]


@given(st.binary(max_size=600))
def test_nothing_raises_and_buffers_are_bounded(data):
    framer = ReplyFramer()
    for _ in range(3):
        framer.feed(data)
    assert len(framer._pending) <= 1024
    RequestFramer().feed(data)


def test_more_than_1024_bytes_without_an_end_are_noise():
    assert ReplyFramer().feed(b"x" * 1024) == []
    framer = ReplyFramer()
    (noise,) = framer.feed(b"x" * 1025)
    assert isinstance(noise, Garbage)
    assert noise.raw.startswith(b"x" * 1025)
    assert framer.feed(READY) == ReplyFramer().feed(READY)
    framer = ReplyFramer()
    begun = b"Direction1\r\n" + (b"y" * 100 + b"\r\n") * 10  # 10 + 10 x 100 bytes without their ends
    assert framer.feed(begun + b"z" * 14) == []
    (noise,) = framer.feed(b"z")
    assert isinstance(noise, Garbage)
