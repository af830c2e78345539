"""Frames of the sheet's examples, in each form, and what may happen to them on a line; sheet: harvard-classic.md."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.harvard_classic.codec import (
    LONGEST_REPLY,
    LONGEST_REQUEST,
    CrLfReplyFramer,
    CrLfRequestFramer,
    Form,
    Garbage,
    LfReplyFramer,
    PhdReplyFramer,
    Reply,
    ReplyFramer,
    Request,
    RequestFramer,
)

REQUESTS = {
    b"1RUN\r": Request("RUN", "1"),  # section A: 31 52 55 4E 0D
    b"1\r": Request("", "1"),
    b"VER\r": Request("VER"),
    b"MMD14.5\r": Request("MMD14.5"),
    b"MLH9999\r": Request("MLH9999"),
    b"1 RAT 1.0000 MM \r": Request(" RAT 1.0000 MM ", "1"),  # section C: the spaces of a public client
    b"00RAT 5 MM\r": Request("RAT 5 MM", "00"),
    b"\r": Request(""),  # it stops a chain of Models 33 and 44
}
CR_LF = {  # section A
    b"\r\n1>": Reply((), ">", "1"),
    b"\r\n1:": Reply((), ":", "1"),
    b"\r\n  22.900\r\n:": Reply(("  22.900",), ":"),
    b"\r\n  14.500\r\n:": Reply(("  14.500",), ":"),
    b"\r\nOOR\r\n:": Reply(("OOR",), ":"),
    b"\r\n?\r\n:": Reply(("?",), ":"),
    b"\r\n   1.250\r\n>": Reply(("   1.250",), ">"),
    b"\r\n03:": Reply((), ":", "03"),  # section B
    b"\r\n11PLUS 1.0\r\n00:": Reply(("11PLUS 1.0",), ":", "00"),
}
LF = {  # section C, and the last one section E
    b"\n  PHD1.2\r\n0:": Reply(("  PHD1.2",), ":", "0", Form.LF),
    b"\n0:": Reply((), ":", "0", Form.LF),
    b"\n  10.000 ul/mn\r\n0:": Reply(("  10.000 ul/mn",), ":", "0", Form.LF),
    b"\n0>": Reply((), ">", "0", Form.LF),
    b"\n  NA\r\n0>": Reply(("  NA",), ">", "0", Form.LF),
    b"\n0*": Reply((), "*", "0", Form.LF),
    b"\n  0.1234\r\n0*": Reply(("  0.1234",), "*", "0", Form.LF),
    b"\n  ?\r\n0:": Reply(("  ?",), ":", "0", Form.LF),
    b"\n33V2.0\r\n0:": Reply(("33V2.0",), ":", "0", Form.LF),
}
PHD = {  # section D
    b"\r\r\n0:": Reply((), ":", "0", Form.PHD),
    b"\r\n  14.500\r\r\n0*": Reply(("  14.500",), "*", "0", Form.PHD),
}
FORMS = [(CrLfReplyFramer, CR_LF), (LfReplyFramer, LF), (PhdReplyFramer, PHD)]

TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12).map(lambda text: "  " + text)
ADDRESS = st.sampled_from(["", "0", "7", "03", "99"])


def slowly(framer, raw):
    return [frame for byte in raw for frame in framer.feed(bytes([byte]))]


@pytest.mark.parametrize("framer", [RequestFramer, CrLfRequestFramer])
def test_requests_of_the_sheet(framer):
    for raw, frame in REQUESTS.items():
        assert framer().feed(raw) == [frame]
        assert slowly(framer(), raw) == [frame]
        assert frame.to_bytes() == raw


@pytest.mark.parametrize(("framer", "frames"), FORMS)
def test_replies_of_the_sheet_in_their_form(framer, frames):
    for raw, frame in frames.items():
        for make in (framer, ReplyFramer):
            assert make().feed(raw) == [frame]
            assert slowly(make(), raw) == [frame]
        assert frame.to_bytes() == raw


@pytest.mark.parametrize(
    ("framer", "foreign"),
    [
        (CrLfReplyFramer, LF),
        (CrLfReplyFramer, PHD),
        (LfReplyFramer, CR_LF),
        (LfReplyFramer, PHD),
        (PhdReplyFramer, {raw: reply for raw, reply in LF.items() if not reply.error}),
    ],
)
def test_a_dialect_accepts_no_reply_in_another_form(framer, foreign):
    for raw in foreign:
        assert framer().feed(raw) == [Garbage(raw)]


def test_a_phd_2000_in_model_22_mode_mixes_the_forms():
    """Its refusals were seen in the form of a Model 44; where the extra CR sits is not known."""
    for raw in (b"\n  ?\r\n0:", b"\r\n  14.500\r\n0:", b"\r\r\n  14.500\r\n0:", b"\r\n  14.500\r\r\n0:"):
        (frame,) = PhdReplyFramer().feed(raw)
        assert (frame.address, frame.prompt, [line.strip() for line in frame.lines]) in (
            ("0", ":", ["?"]),
            ("0", ":", ["14.500"]),
        )


def test_a_gap_before_the_prompt_is_read():
    """The manual of the Model 22 prints `1 >`."""
    assert CrLfReplyFramer().feed(b"\r\n1 >") == [Reply((), ">", "1")]


def test_a_model_22_ignores_control_characters_and_a_model_44_does_not():
    assert CrLfRequestFramer().feed(b"\n1S\x00TP\r") == [Request("STP", "1")]
    assert RequestFramer().feed(b"\n1STP\r") == [Garbage(b"\n1STP\r")]


@given(
    st.sampled_from(list(Form)).flatmap(
        lambda form: st.builds(
            Reply, st.lists(TEXT, max_size=3).map(tuple), st.sampled_from(":><*"), ADDRESS, st.just(form)
        )
    ),
    st.builds(Request, st.from_regex(r"([A-Z]{3}( [0-9.]{1,6} UM)?)?", fullmatch=True), ADDRESS),
)
@settings(max_examples=120, deadline=None)
def test_round_trips(reply, request):
    (read,) = ReplyFramer().feed(reply.to_bytes())
    assert (read.lines, read.prompt, read.address) == (reply.lines, reply.prompt, reply.address)
    assert RequestFramer().feed(request.to_bytes()) == [request]


@given(st.binary(max_size=200) | st.text("\r\n :>*0127VER?", max_size=60).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_accepted_without_an_error_in_any_pieces(raw):
    for framer in (ReplyFramer, CrLfReplyFramer, LfReplyFramer, PhdReplyFramer, RequestFramer, CrLfRequestFramer):
        assert framer().feed(raw) == slowly(framer(), raw) or len(raw) > LONGEST_REQUEST


def test_buffers_are_bounded():
    replies, requests = CrLfReplyFramer(), RequestFramer()
    assert replies.feed(b"x" * (LONGEST_REPLY + 1)) == [Garbage(b"x" * (LONGEST_REPLY + 1))]
    assert requests.feed(b"x" * (LONGEST_REQUEST + 1)) == [Garbage(b"x" * (LONGEST_REQUEST + 1))]
    assert replies.feed(b"\r\n1:") == [Reply((), ":", "1")]
    assert requests.feed(b"RUN\r") == [Request("RUN")]


@pytest.mark.requirement("COM-06")
@pytest.mark.parametrize(
    ("framer", "refusal"), [(CrLfReplyFramer, b"\r\nOOR\r\n1:"), (LfReplyFramer, b"\n  OOR\r\n1:")]
)
def test_a_damaged_refusal_is_no_acceptance_while_any_of_its_text_is_left(framer, refusal):
    for index in range(len(refusal)):
        for bit in range(8):
            spoilt = bytearray(refusal)
            spoilt[index] ^= 1 << bit
            for frame in framer().feed(bytes(spoilt)):
                assert isinstance(frame, Garbage) or frame.lines, bytes(spoilt)


def test_reset_drops_a_partial_frame():
    for framer, begun, whole in ((CrLfReplyFramer(), b"\r\n  14.", b"\r\n1:"), (RequestFramer(), b"RU", b"STP\r")):
        assert framer.feed(begun) == []
        framer.reset()
        assert [frame.to_bytes() for frame in framer.feed(whole)] == [whole]


def test_refusals_in_every_writing():
    for text in ("OOR", "O O R", "  OOR"):
        assert Reply((text,), ":").error == "OOR"
    assert (Reply(("  NA",), ">").error, Reply(("?",), ":").error) == ("NA", "?")
    assert Reply(("  14.500",), ":").error is None
    assert Reply((), "*").error is None


def test_frames_are_readable_in_a_trace():
    assert str(Request("RUN", "1")) == "1RUN"
    assert str(Request("")) == "(enter)"
    assert str(Reply(("  14.500",), ":", "03")) == "14.500 | 03:"
    assert str(Garbage(b"\xff")) == "garbage b'\\xff'"


def test_the_longest_request_has_64_bytes_and_the_longest_reply_512():
    request, reply = Request("A" * 63), Reply(("A" * 506,), ":", "1")
    for size, framer, frame in ((64, RequestFramer, request), (512, CrLfReplyFramer, reply)):
        raw = frame.to_bytes()
        assert len(raw) == size
        assert framer().feed(raw) == [frame]
        assert framer().feed(b"A" * size) == []
        assert framer().feed(b"A" * (size + 1)) == [Garbage(b"A" * (size + 1))]
    for framer, raw in ((RequestFramer, b"A" * 64 + b"\r"), (CrLfReplyFramer, b"\r\n" + b"A" * 507 + b"\r\n1:")):
        assert framer().feed(raw) == [Garbage(raw)]


def test_data_is_a_reply_of_one_line_and_of_the_whole_shape():
    number = re.compile(r" *([0-9.]+)")
    assert Reply(("  14.500",), ":").data(number)[1] == "14.500"
    assert Reply(("  14.500 ",), ":").data(number) is None
    assert Reply(("1", "2"), ":").data(number) is None
    assert Reply((), ":").data(number) is None
