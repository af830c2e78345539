"""Frames of the Harvard protocol sheet ("Real recorded bytes"), and what may happen to them on a line."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.harvard.codec import (
    LONGEST_REPLY,
    LONGEST_REQUEST,
    Garbage,
    Reply,
    ReplyFramer,
    Request,
    RequestFramer,
)

RECORDED = {  # harvard.md, "Real recorded bytes": a Legato 100
    b"\n:\x11": Reply((), ":"),
    b"\n>\x11": Reply((), ">"),
    b"\nFirmware:      v3.0.6\r\nPump address:  0\r\nSerial number: D101754\r\n:\x11": Reply(
        ("Firmware:      v3.0.6", "Pump address:  0", "Serial number: D101754"), ":"
    ),
    b"\nPump address set to 2\r\n02:\x11": Reply(("Pump address set to 2",), ":", 2),
    b"\n7.2620 mm\r\n:\x11": Reply(("7.2620 mm",), ":"),
    b"\n25.0404 nl/min to 26.0035 ml/min\r\n:\x11": Reply(("25.0404 nl/min to 26.0035 ml/min",), ":"),
    b"\n1.69023 ul\r\n>\x11": Reply(("1.69023 ul",), ">"),
    b"\nArgument error: 2\r\n   Target volume out of range\r\n:\x11": Reply(
        ("Argument error: 2", "   Target volume out of range"), ":"
    ),
    b"\nT*\x11": Reply((), "T*"),
    b"\n07<*\x11": Reply((), "<*", 7),
    b"\n*\x11": Reply((), "*"),
}
VARIANTS = {  # each from a public client or a bench's notes; the bytes follow their shape
    b"\n02:T*\x11": Reply((), "T*", 2, colon=True),
    b"\n02:*\x11": Reply((), "*", 2, colon=True),
    b"\n:T*\x11": Reply((), "T*", colon=True),
    b"\n02>52.5 ml/hr\r\n02>\x11": Reply(("02>52.5 ml/hr",), ">", 2),
    b"\n02T*52.5 ml/hr\r\n02T*\x11": Reply(("02T*52.5 ml/hr",), "T*", 2),
    b"T*\r\n02T*52.5 ml/hr\r\n02T*\x11": Reply(("02T*52.5 ml/hr",), "T*", 2),
    b"T*\nT*\x11": Reply((), "T*"),
    b"\n52.5 ml/hr \r\n: \x11": Reply(("52.5 ml/hr ",), ":"),
    b"\n52.5 ml/hr\r\0\n:\x11": Reply(("52.5 ml/hr",), ":"),
    b"\0\0\n52.5 ml/hr\r\0\n:\0\x11": Reply(("52.5 ml/hr",), ":"),
    b"\n52.5\0 ml/hr\r\n:\x11": Reply(("52.5 ml/hr",), ":", nul=True),
    b"\n\x0052.5 ml/hr\r\n:\x11": Reply(("52.5 ml/hr",), ":", nul=True),
}
UNREADABLE = (  # never a reply
    b"\n0\x002:\x11",
    b"\n00:\n02:\x11",
    b"\r\n:\x11",
    b":\r\n:\x11",
    b"\r\0\n:\x11",
    b"\n02:52.5 ml/hr\n02:\x11",
)
FLOW_CONTROL = {  # an XON or NULs with nothing before them: an adapter's, and no answer to anything
    b"\x11\n:\x11": [Reply((), ":")],
    b"\n:\x11\x11\x11": [Reply((), ":")],
    b"\0\x11": [],
}
REQUESTS = {
    b"@poll on\r": Request("poll on", quiet=True),
    b"12:irat 3.2 ul/min\r": Request("irat 3.2 ul/min", 12, colon=True),
    b"12irat 3.2 u/m\r": Request("irat 3.2 u/m", 12),
    b"02@irun\r": Request("irun", 2, quiet=True),
    b"irate 2.0000000000 m/m\r": Request("irate 2.0000000000 m/m"),
    b"\r": Request(""),
}
LINES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
ADDRESSES = st.none() | st.integers(0, 99)
REPLIES = st.builds(
    Reply, st.lists(LINES, max_size=4).map(tuple), st.sampled_from([":", ">", "<", "*", "T*", ">*", "<*"]), ADDRESSES
)
REQUESTED = st.builds(
    Request, st.from_regex(r"([a-z]{3,8}( [0-9.]{1,12} u/m)?)?", fullmatch=True), ADDRESSES, st.booleans()
)


def feed_slowly(framer, raw):
    return [frame for byte in raw for frame in framer.feed(bytes([byte]))]


def test_recorded_replies():
    for raw, frame in RECORDED.items():
        assert ReplyFramer().feed(raw) == [frame]
        assert frame.to_bytes() == raw


def test_variants_of_the_field():
    rate = re.compile(r"([0-9.]+) ml/hr")
    for raw, frame in VARIANTS.items():
        assert ReplyFramer().feed(raw) == [frame], raw
        assert feed_slowly(ReplyFramer(), raw) == [frame], raw
        if frame.lines:
            assert frame.data(rate)[1] == "52.5", raw
    for raw in UNREADABLE:
        assert ReplyFramer().feed(raw) == [Garbage(raw)], raw


def test_a_prompt_says_stopped_only_where_nothing_says_moving():
    for raw, stopped, moving in (
        (b"\n:\x11", True, False),
        (b"\n02:T*\x11", True, False),
        (b"\n*\x11", True, False),
        (b"\n>\x11", False, True),
        (b"\n02<\x11", False, True),
        (b"\n>*\x11", False, False),  # the limit switch: only understood flags confirm it
        (b"\n02>1 ml\r\n02:\x11", False, True),  # it moved while it wrote
        (b"\n02:1 ml\r\n02>\x11", False, True),
        (b"\n02:Target volume not set\r\n02:\x11", True, False),
        (b"\n02T*Target volume not set\r\n02T*\x11", True, False),
    ):
        (reply,) = ReplyFramer().feed(raw)
        assert (reply.says_stopped, reply.says_moving) == (stopped, moving), raw
    for raw, stopped in (
        (b"@stp\r\n:\x11", True),
        (b"\n1\xff2\r\n02:T*\x11", True),
        (b"\n1\xff2\r\n>\x11", False),
        (b"\n>\n:\x11", False),
        (b"\n1\xff2\r\n02;\x11", False),
        (b"\xff:\x11", False),
        (b"@stp\r", False),
    ):
        assert Garbage(raw).says_stopped is stopped, raw


def test_text_is_what_follows_address_and_prompt():
    for raw, text in (
        (b"\n02:Target volume not set\r\n02:\x11", "Target volume not set"),
        (b"\n02T*Target volume not set \r\n02T*\x11", "Target volume not set"),
        (b"\n02*Target volume not set\r\n02*\x11", "Target volume not set"),
        (b"\n02>*Target volume not set\r\n02>*\x11", "Target volume not set"),
        (b"\n03:Target volume not set\r\n02:\x11", "03:Target volume not set"),  # another pump's
        (b"\n02>\r\n02>\x11", ""),
    ):
        (reply,) = ReplyFramer().feed(raw)
        assert reply.plain_lines() == (text,), raw
        assert reply.has_text is bool(text)


def test_requests_of_the_sheet_and_a_tolerated_line_feed():
    for raw, frame in REQUESTS.items():
        assert RequestFramer().feed(raw) == [frame]
        assert frame.to_bytes() == raw
        assert RequestFramer().feed(raw + b"\n" + raw) == [frame, frame]


@given(st.lists(REPLIES, max_size=5), st.lists(REQUESTED, max_size=5))
@settings(max_examples=60, deadline=None)
def test_round_trips_in_one_piece_and_one_byte_at_a_time(replies, requests):
    for frames, framer in ((replies, ReplyFramer), (requests, RequestFramer)):
        raw = b"".join(frame.to_bytes() for frame in frames)
        assert framer().feed(raw) == frames
        assert feed_slowly(framer(), raw) == frames


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_accepted_without_an_error_in_any_pieces(raw):
    for framer in (ReplyFramer, RequestFramer):
        assert framer().feed(raw) == feed_slowly(framer(), raw) or len(raw) > LONGEST_REQUEST
    for frame in ReplyFramer().feed(raw):
        if isinstance(frame, Garbage):
            assert frame.raw in raw
        else:  # nothing in it that did not come, but for NULs
            place = -1
            for part in (*frame.lines, frame.prompt):
                place = raw.replace(b"\0", b"").find(part.encode(), place + 1)
                assert place >= 0


def test_buffers_are_bounded():
    replies, requests = ReplyFramer(), RequestFramer()
    assert replies.feed(b"x" * (LONGEST_REPLY + 1)) == [Garbage(b"x" * (LONGEST_REPLY + 1))]
    assert requests.feed(b"x" * (LONGEST_REQUEST + 1)) == [Garbage(b"x" * (LONGEST_REQUEST + 1))]
    assert replies.feed(b"\n:\x11") == [Reply((), ":")]
    assert requests.feed(b"irun\r") == [Request("irun")]


def test_a_prompt_without_its_xon_is_not_yet_a_reply():
    framer = ReplyFramer()
    assert framer.feed(b"\n>") == []
    assert framer.feed(b"*\x11") == [Reply((), ">*")]


@pytest.mark.requirement("COM-06")
def test_the_rest_of_a_damaged_refusal_is_not_an_acceptance():
    raw = b"\nArgument error: 2\r\n   Target volume out of range\r\n:\x11"
    for index in range(len(raw) - 1):
        for bit in range(8):
            spoilt = bytearray(raw)
            spoilt[index] ^= 1 << bit
            for frame in ReplyFramer().feed(bytes(spoilt)):
                # at least two lines, or garbage: never the bare prompt that means acceptance
                assert isinstance(frame, Garbage) or frame.lines
    for lost in range(1, len(raw) - 3):  # if everything but the prompt is lost, only a read-back can show it
        for frame in ReplyFramer().feed(raw[lost:]):
            assert isinstance(frame, Garbage) or frame.lines


def test_an_echo_before_the_reply_is_garbage():
    assert ReplyFramer().feed(b"@irun\r\n>\x11") == [Garbage(b"@irun\r\n>\x11")]


def test_reset_drops_a_partial_frame():
    for framer, begun, whole in ((ReplyFramer(), b"\n52.5 ml", b"\n:\x11"), (RequestFramer(), b"iru", b"stp\r")):
        assert framer.feed(begun) == []
        framer.reset()
        assert [frame.to_bytes() for frame in framer.feed(whole)] == [whole]


def test_an_address_before_the_text_is_separated_from_the_text():
    clock = re.compile(r"\d\d:\d\d:\d\d")
    assert Reply(("01:30:00",), ":", 1).data(clock)[0] == "01:30:00"
    assert Reply(("01:01:30:00",), ":", 1).data(clock)[0] == "01:30:00"
    assert Reply(("02:7.2620 mm",), ":", 2).data(re.compile(r"[0-9.]+ mm"))[0] == "7.2620 mm"
    assert Reply(("02:7.2620 mm",), ":", 3).data(re.compile(r"[0-9.]+ mm")) is None
    assert Reply(("1", "2"), ":").data(re.compile(r"\d")) is None


def test_errors_are_reported_in_words():
    error = Reply(("Argument error: 2", "   Target volume out of range"), ":").error
    assert error == "Argument error: 2, Target volume out of range"
    assert Reply(("07:Command error:", "07:   Unknown command"), ":", 7).error == "Command error, Unknown command"
    assert Reply(("Target volume not set",), ":").error is None
    assert Reply((), "*").error is None


def test_frames_are_readable_in_a_trace():
    assert str(Request("irun", 2, quiet=True)) == "02@irun"
    assert str(Reply(("1.69023 ul",), ">", 2)) == "1.69023 ul | 02>"
    assert str(Request("")) == "(enter)"


def test_the_longest_request_has_128_bytes_and_the_longest_reply_4096():
    for size, framer, frame in (
        (128, RequestFramer, Request("a" * 127)),
        (4096, ReplyFramer, Reply(("a" * 4091,), ":")),
    ):
        raw = frame.to_bytes()
        assert len(raw) == size
        assert framer().feed(raw) == [frame]
        longer = b"a" * (size - 1)
        assert framer().feed(longer) == framer().feed(longer + b"a") == []
        assert framer().feed(longer + b"aa") == [Garbage(longer + b"aa")]
    longer = b"a" * 128 + b"\r"
    assert RequestFramer().feed(longer) == [Garbage(longer)]
    longer = b"\n" + b"a" * 4092 + b"\r\n:\x11"
    assert ReplyFramer().feed(longer) == [Garbage(longer)]


def test_a_reply_comes_from_the_address_in_its_prompt_or_from_pump_0():
    assert Reply((), ":").addresses == (0,)
    assert Reply((), ":", 7).addresses == (7,)
    assert Garbage(b"12:\n03>\n4:\n:\x11").addresses == (12, 3)


def test_an_xon_alone_is_no_frame():
    for raw, frames in FLOW_CONTROL.items():
        assert ReplyFramer().feed(raw) == frames
        framer = ReplyFramer()
        assert [frame for byte in raw for frame in framer.feed(bytes([byte]))] == frames
