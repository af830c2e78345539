"""Dianet Star frames; sheet: dianet-star.md, "Frames [C]", and the public headers that it names."""

import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.dianet_star.codec import (
    LONGEST,
    Garbage,
    Reply,
    ReplyFramer,
    Request,
    RequestFramer,
    crc,
)
from pumpd_drivers.dianet_star.segments import (
    DOSE_LAYOUT,
    HISTORY_LAYOUT,
    Action,
    Actual,
    CcMode,
    DoIt,
    Ident,
    Limits,
    Mode,
    Proposal,
    Reload,
    Setpoint,
    Status,
    Word,
)

A = ord("A")
# The sheet's worked frames, byte for byte.
REQUESTS = {
    "7E 00 01 1D 0E 7E": Request(0, Word.IDENT),
    "7E 41 02 5C 0D 7E": Request(A, Word.STATUS),
    "7E 41 06 5C 09 7E": Request(A, Word.LIMITS),
    "7E 41 11 00 01 B8 2C 7E": Request(A, Word.ACTION, DoIt(Action.START_STOP, 1).to_data()),
    "7E 41 11 00 00 B8 2D 7E": Request(A, Word.ACTION, DoIt(Action.START_STOP, 0).to_data()),
    "7E 00 10 F0 13 CF C6 02 41 FF FF FF FF D5 78 7E": Request(
        0, Word.CC_MODE, CcMode(0x0FEC3039 ^ 0xFFFFFFFF, Mode.FERNREGEL, A).to_data()
    ),
    "7E 41 12 00 00 1D 4C 00 00 01 F4 " + "FF " * 31 + "7D 5E 92 7E": Request(
        A, Word.SET_SETPOINT, Setpoint(rate=7500, vtbd=500).to_data()
    ),
}
REPLIES = {
    "7E 41 11 06 85 7F 7E": Reply(A, Word.ACTION),
    "7E 41 12 15 09 9D 47 7E": Reply(A, Word.SET_SETPOINT, b"\x09", taken=False),
}
FRAMES = [(RequestFramer, bytes.fromhex(raw), frame) for raw, frame in REQUESTS.items()] + [
    (ReplyFramer, bytes.fromhex(raw), frame) for raw, frame in REPLIES.items()
]

bytes_ = st.integers(0, 255)
awkward = st.lists(st.sampled_from([0x7E, 0x7D, 0x80, 0x5E, 0x5D, 0xA0, 0x41]) | bytes_, max_size=40).map(bytes)
requests = st.builds(Request, bytes_, bytes_, awkward)
replies = st.builds(Reply, bytes_, bytes_, awkward) | st.builds(
    Reply, bytes_, bytes_, bytes_.map(lambda code: bytes([code])), taken=st.just(False)
)


def _maker_crc(data):
    """The maker's own routine, as the sheet states it."""
    table = [binascii.crc_hqx(bytes([byte]), 0) for byte in range(256)]
    register = 0xFFFF
    for byte in data:
        register = byte ^ (register << 8 & 0xFFFF) ^ table[register >> 8]
    return register


def _frames(framer, data):
    return [frame for frame in framer.feed(data) if not isinstance(frame, Garbage)]


@pytest.mark.parametrize(("framer", "raw", "frame"), FRAMES, ids=[str(frame)[:30] for _, _, frame in FRAMES])
def test_worked_frames_of_the_sheet(framer, raw, frame):
    assert frame.to_bytes() == raw
    assert framer().feed(raw) == [frame]


def test_the_ident_number_holds_type_and_serial():
    """0x0FEC3039 of the sheet: type 1019 (Perfusor fm), serial 12345."""
    ident = Ident(0x0FEC3039, 0x000E, b"FM10A00001", 0)
    assert (ident.kind, ident.serial) == (1019, 12345)


@pytest.mark.requirement("COM-14")
@given(st.binary(min_size=2, max_size=70))
def test_the_crc_is_the_makers_and_not_ccitt_false(data):
    assert crc(data) == _maker_crc(data)
    assert _maker_crc(data + b"\0\0") == binascii.crc_hqx(data, 0x1D0F)  # as the sheet computed it


@pytest.mark.requirement("COM-14")
def test_every_single_bit_corruption_is_refused():
    for framer, raw, frame in FRAMES:
        for bit in range(len(raw) * 8):
            hurt = bytearray(raw)
            hurt[bit // 8] ^= 1 << bit % 8
            assert _frames(framer(), bytes(hurt)) == [], (frame, bit)


@settings(max_examples=60)
@given(st.lists(requests, max_size=5), st.lists(replies, max_size=5))
def test_round_trip_all_at_once_and_byte_by_byte(asked, answered):
    for make, frames in ((RequestFramer, asked), (ReplyFramer, answered)):
        raw = b"".join(frame.to_bytes() for frame in frames)
        assert make().feed(raw) == frames
        framer = make()
        assert [frame for byte in raw for frame in framer.feed(bytes([byte]))] == frames
        assert all(str(frame) for frame in frames)


@settings(max_examples=60)
@given(st.lists(awkward | requests.map(Request.to_bytes) | replies.map(Reply.to_bytes), max_size=8))
def test_only_what_was_on_the_line_is_accepted(pieces):
    fed = b"".join(pieces)
    for make in (RequestFramer, ReplyFramer):
        framer = make()
        whole = _frames(framer, fed)
        assert all(frame.to_bytes() in fed for frame in whole)
        assert len(framer._pending) <= LONGEST
        slow = make()
        assert [frame for byte in fed for frame in _frames(slow, bytes([byte]))] == whole


def test_frames_share_a_flag_and_noise_between_them_is_garbage():
    status, start = (bytes.fromhex(raw) for raw in list(REQUESTS)[1:4:2])
    assert RequestFramer().feed(status + start[1:]) == RequestFramer().feed(status + start)
    noisy = RequestFramer().feed(b"\x41" + status + b"\x55\xaa" + start)
    assert [isinstance(frame, Garbage) for frame in noisy] == [True, False, True, False]


def test_only_the_standard_escape_is_accepted():
    good = bytes.fromhex("7E 41 02 5C 0D 7E")
    for bad in (b"\x7e\x7d\x61\x02\x5c\x0d\x7e", b"\x7e\x41\x02\x5c\x0d\x7d\x7e", b"\x7e\x41\x80\x02\x5c\x0d\x7e"):
        framer = RequestFramer()
        assert all(isinstance(frame, Garbage) for frame in framer.feed(bad))
        assert framer.feed(good) == [Request(A, Word.STATUS)]


def test_a_frame_without_an_end_is_dropped_and_its_tail_is_not_a_frame():
    status = bytes.fromhex("7E 41 02 5C 0D 7E")
    framer = RequestFramer()
    assert _frames(framer, b"\x7e" + b"\x55" * (LONGEST + 1) + status[1:-1]) == []
    assert not framer.partial
    assert _frames(framer, status) == [Request(A, Word.STATUS)]


def test_reset_drops_a_partial_frame():
    framer = ReplyFramer()
    framer.feed(bytes.fromhex("7E 41 11 06"))
    assert framer.partial
    framer.reset()
    assert _frames(framer, bytes.fromhex("85 7F 7E")) == []


def test_a_reply_is_an_ack_or_a_nak_with_its_code():
    for contents in (b"\x41\x02", b"\x41\x02\x07", b"\x41\x02\x15", b"\x41\x02\x15\x01\x02"):
        assert Reply.of(contents) is None
    assert Reply(A, 2, b"\x09", taken=False).refusal == 9
    assert "mode" in str(Reply(A, 2, b"\x09", taken=False))
    assert str(Request(0, 1)) == "to 0: IDENT"


def test_segments_have_the_makers_lengths():
    """Sums of the fields in the public header (dstarcom.h)."""
    lengths = {
        Ident: 20,
        Status: 19,
        Actual: 21,
        Setpoint: 39,
        Proposal: 24,
        Limits: 49,
        Reload: 9,
        CcMode: 10,
        DoIt: 2,
    }
    for segment, length in lengths.items():
        data = bytes(range(length))
        assert segment.of(data).to_data() == data
        for wrong in (data[:-1], data + b"\0"):
            with pytest.raises(ValueError, match=segment.__name__):
                segment.of(wrong)
    assert (DOSE_LAYOUT.size, HISTORY_LAYOUT.size) == (21, 62)


@pytest.mark.parametrize(("address", "shown"), [(0, "0"), (0x40, "64"), (0x41, "A"), (0x5A, "Z"), (0x5B, "91")])
def test_an_address_from_a_to_z_is_shown_as_its_letter(address, shown):
    """The sheet gives a pump an address from 'A' to 'Z'; 0 is any pump on the line."""
    assert str(Request(address, Word.IDENT)) == f"to {shown}: IDENT"
    assert str(Reply(address, Word.IDENT)) == f"from {shown}: IDENT"


def test_a_request_has_an_address_and_a_segment():
    assert Request.of(b"") is None
    assert Request.of(b"A") is None
    assert Request.of(b"A\x02") == Request(A, Word.STATUS)


def test_a_frame_is_dropped_with_the_first_byte_that_is_too_much():
    framer = RequestFramer()
    assert framer.feed(b"\x7e" + b"\x55" * LONGEST) == []
    assert framer.partial
    assert framer.feed(b"\x55") == [Garbage(b"\x7e" + b"\x55" * (LONGEST + 1))]
    assert not framer.partial


@pytest.mark.requirement("COM-14")
def test_a_frame_whose_first_flag_was_lost_is_garbage_at_once_and_never_a_frame():
    headless = bytes.fromhex("41 02 5C 0D")
    assert RequestFramer().feed(headless) == [Garbage(headless)]
    assert RequestFramer().feed(headless + b"\x7e") == [Garbage(headless)]
