"""Frames of the New Era protocol sheet, and what may happen to them on a line."""

import random

import pytest

from pumpd_drivers.new_era.codec import (
    LONGEST_DATA,
    Garbage,
    Reply,
    ReplyFramer,
    Request,
    RequestFramer,
    crc,
    safe_frame,
)

# Protocol sheet, "Safe mode", the manual's worked frame and those computed by the same algorithm.
REQUESTS = {
    Request("SAF0", None, safe=True): "02 08 53 41 46 30 55 43 03",
    Request("SAF5", None, safe=True): "02 08 53 41 46 35 05 E6 03",
    Request("SAF0", 0, safe=True): "02 09 30 53 41 46 30 59 AD 03",
    Request("SAF5", 0, safe=True): "02 09 30 53 41 46 35 09 08 03",
    Request("", 0, safe=True): "02 05 30 36 53 03",
    Request("RUN", 0, safe=True): "02 08 30 52 55 4E 44 07 03",
    Request("STP", 0, safe=True): "02 08 30 53 54 50 B3 F9 03",
    Request("RAT75.00MH", 0, safe=True): "02 0F 30 52 41 54 37 35 2E 30 30 4D 48 07 FA 03",
}
REPLIES = {
    Reply(0, "S", safe=True): "02 07 30 30 53 AA A6 03",
    Reply(0, "I", safe=True): "02 07 30 30 49 19 DD 03",
    Reply(0, "A?R", safe=True): "02 09 30 30 41 3F 52 65 86 03",
    Reply(0, "A?S", safe=True): "02 09 30 30 41 3F 53 75 A7 03",
    Reply(0, "A?T", safe=True): "02 09 30 30 41 3F 54 05 40 03",
    Reply(0, "S", "?COM", safe=True): "02 0B 30 30 53 3F 43 4F 4D B5 80 03",
    Reply(0, "S", "?OOR", safe=True): "02 0B 30 30 53 3F 4F 4F 52 23 3F 03",
}
FRAMES = [(frame, bytes.fromhex(text), RequestFramer) for frame, text in REQUESTS.items()] + [
    (frame, bytes.fromhex(text), ReplyFramer) for frame, text in REPLIES.items()
]


def random_reply(chance, *, safe):
    status = chance.choice(["I", "W", "S", "P", "T", "U", "X", "A?R", "A?S", "A?T", "A?E", "A?O"])
    data = chance.choice(["", "52.50MH", "I35.00W0.000ML", "1000.", "?OOR", "?", "NE1000V3.92", "RAT", "0.000UL"])
    return Reply(chance.randrange(100), status, data, safe)


def random_request(chance, *, safe):
    text = chance.choice(["", "RUN", "STP", "RAT52.50MH", "VOL35.00", "PHN41", "SAF255", "DIA26.59", "*RESET"])
    return Request(text, chance.choice([None, *range(100)]), safe)


@pytest.mark.parametrize(("frame", "raw", "framer"), FRAMES, ids=[str(frame) for frame, _, _ in FRAMES])
def test_worked_frames_of_the_sheet(frame, raw, framer):
    assert frame.to_bytes() == raw
    assert framer().feed(raw) == [frame]


def test_crc_of_the_manuals_frame():
    assert crc(b"SAF0") == 0x5543


def test_basic_frames_of_the_sheet():
    assert Request("RAT75.00MH", 0).to_bytes() == b"0RAT75.00MH\r"
    assert Request("RUN").to_bytes() == b"RUN\r"
    assert ReplyFramer().feed(b"\x0200I\x03\x0207A?S\x03") == [Reply(0, "I"), Reply(7, "A?S")]
    assert Reply(0, "A?S").alarm == "S"
    assert Reply(0, "S", "?NA").error == "?NA"


def test_the_pump_strips_spaces_and_control_characters_and_upper_cases():
    assert RequestFramer().feed(b"12 rat\t52.50 mh\r") == [Request("RAT52.50MH", 12)]


@pytest.mark.parametrize("safe", [True, False])
def test_round_trips_in_one_piece_and_one_byte_at_a_time(safe):
    chance = random.Random(2)
    for make, framer in ((random_reply, ReplyFramer), (random_request, RequestFramer)):
        frames = [make(chance, safe=safe) for _ in range(500)]
        raw = b"".join(frame.to_bytes() for frame in frames)
        assert framer().feed(raw) == frames
        slow, got = framer(), []
        for byte in raw:
            got += slow.feed(bytes([byte]))
        assert got == frames
        assert not slow.partial


def test_both_modes_mixed_on_one_line():
    chance = random.Random(3)
    frames = [random_reply(chance, safe=chance.random() < 0.5) for _ in range(1000)]
    assert ReplyFramer().feed(b"".join(frame.to_bytes() for frame in frames)) == frames


def test_noise_between_frames_is_garbage_and_hides_no_frame():
    chance, framer = random.Random(4), ReplyFramer()
    for _ in range(500):
        frame = random_reply(chance, safe=chance.random() < 0.5)
        noise = bytes(chance.choice([0x00, 0x03, 0x0D, 0x20, 0x41, 0x55, 0xFF]) for _ in range(chance.randrange(1, 9)))
        *garbage, last = framer.feed(noise + frame.to_bytes())
        assert last == frame
        assert all(isinstance(item, Garbage) for item in garbage)
        assert b"".join(item.raw for item in garbage) == noise


def test_a_partial_frame_is_dropped_by_reset():
    framer = ReplyFramer()
    assert framer.feed(b"\x02\x0700") == []
    assert framer.partial
    framer.reset()
    assert framer.feed(Reply(0, "S", safe=True).to_bytes()) == [Reply(0, "S", safe=True)]


def damaged(chance, raw):
    """Damage a frame in one of the ways that the check sum, or the length, is certain to detect."""
    spoilt = bytearray(raw)
    match chance.randrange(5):
        case 0:  # up to three bits anywhere
            for bit in chance.sample(range(8 * len(raw)), chance.randint(1, 3)):
                spoilt[bit // 8] ^= 1 << bit % 8
        case 1:  # a burst of up to 16 bits in data and check sum
            begin = chance.randrange(2, len(raw) - 2)
            spoilt[begin] ^= chance.randrange(1, 256)
            spoilt[begin + 1] ^= chance.randrange(256)
        case 2:
            del spoilt[chance.randrange(len(raw))]
        case 3:
            spoilt.insert(chance.randrange(1, len(raw)), chance.randrange(256))
        case _:
            del spoilt[chance.randrange(1, len(raw)) :]
    return bytes(spoilt)


@pytest.mark.requirement("COM-06")
def test_a_damaged_safe_frame_is_never_accepted():
    """20,000 damaged frames each way, with a good one behind: of the safe frames accepted, each must be the good one.

    By bad luck the rest of one may look like a basic frame, which has no check sum; a driver that speaks safe mode
    takes no basic frame (see test_new_era_faults).
    """
    chance = random.Random(5)
    for make, framer in ((random_reply, ReplyFramer), (random_request, RequestFramer)):
        for _ in range(20_000):
            frame, good = make(chance, safe=True), make(chance, safe=True)
            spoilt = damaged(chance, frame.to_bytes())
            if spoilt == frame.to_bytes() or spoilt.startswith(frame.to_bytes()):
                continue  # an inserted byte equal to its neighbour changes nothing
            items = framer().feed(spoilt + good.to_bytes())
            accepted = [item for item in items if not isinstance(item, Garbage) and item.safe]
            assert accepted in ([], [good]), (spoilt.hex(" "), accepted)


def test_a_safe_frame_without_its_head_is_not_a_basic_reply():
    """What is left of it ends in a check sum that would be the basic reply's data, were it not unprintable."""
    raw = Reply(0, "S", safe=True).to_bytes()
    (item,) = ReplyFramer().feed(b"\x02" + raw[2:])
    assert isinstance(item, Garbage)


def test_random_bytes_make_no_safe_frame_and_no_exception():
    chance = random.Random(6)
    for framer in (ReplyFramer(), RequestFramer()):
        for _ in range(2000):
            for item in framer.feed(chance.randbytes(chance.randrange(1, 60))):
                assert isinstance(item, Garbage) or not item.safe
            framer.reset()


def test_the_data_of_a_safe_frame_has_a_maximum():
    assert len(safe_frame(b"x" * LONGEST_DATA)) == LONGEST_DATA + 5
    with pytest.raises(ValueError, match="at most"):
        safe_frame(b"x" * (LONGEST_DATA + 1))


def test_a_safe_frame_says_its_length_of_four_bytes_or_more():
    """The length counts itself, two bytes of check and the end."""
    empty = b"\x02\x04\x00\x00\x03"  # the check of nothing is 0
    assert RequestFramer().feed(empty) == [Request("", safe=True)]
    assert RequestFramer().feed(b"\x02\x03\x00\x00\x03") == [Garbage(b"\x02\x03")]
    assert RequestFramer().feed(b"\x02\x03") == [Garbage(b"\x02\x03")]
    framer = RequestFramer()
    assert [framer.feed(empty[at : at + 1]) for at in range(5)] == [[], [], [], [], [Request("", safe=True)]]


def test_more_than_128_bytes_without_an_end_are_noise():
    for framer, begin in ((ReplyFramer, b"\x02"), (RequestFramer, b"")):
        most = begin + b"0" * (128 - len(begin))
        assert framer().feed(most) == []
        assert framer().feed(most + b"0") == [Garbage(most + b"0")]
