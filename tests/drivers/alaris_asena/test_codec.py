"""Every verified and computed message of the sheet, and everything that is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.alaris_asena.codec import Framer, Garbage, Message, security_code

SHEET = r"""
INF|4961 COMMS_PROTOCOL|E8DA COMMS_PROTOCOL^Asena_Rev_2.1.5|661A INST_SERIALNO|457D INST_SERIALNO^8002-51740|050B
INF_START|38F3 INF_STOP|CD57 INF_VI_CLEAR|A706 INF_VTBI|8456 INF_VTBI^ACTIV^11.000^ml^STOP|4433 INF_VTBI^DEACT|D8C5
INF_BOLUS^ENABLED|E288 REMQUERY^DEACT|F295 REMQUERY^DEACT^^^^|E5C9 COMMS_RESPONSE_MAX|7E29
COMMS_RESPONSE_MAX^4000^ms|DFDF SYRINGE_STATUS|4102 SYRINGE_STATUS^BD_PLASTIPAK^_50^CONF|1CF8
INF_RATE_MAX_SYRINGE|8F30 INF_RATE_MAX_SYRINGE^1200.00^ml/h|8575 ALARM|50B2 ALARM^AL_NOALM^_^_|C73B
INF_RATE^0.1^ml/h|B775 INF_RATE^0.10^ml/h|D407 REMOTE_CTRL^DISABLED|EF95
REMOTE~CTRL^DISABLED^****^PERMIT^0^ms|3C5D REMOTE~CTRL^ENABLED^****^PERMIT^0^ms|7BB0
INF^8002-51733^A^HLD^0.00^ml/h^^0.969^ml^530.15^mmHg^00:04:09^EVENT^214725|DB9D
INF_RATE^75.00^ml/h|550B INF_RATE^3.50^ml/h|3885 INF_VTBI^ACTIV^50.000^ml^STOP|FCF5 REMOTE_CFG^ENABLED^3CC1|EE4F
"""  # alaris-asena.md, "Verified messages"; a space is written as an underscore inside a field


def messages():
    for text in SHEET.split():
        body, check = text.rsplit("|", 1)
        word, *fields = body.replace("~", "_").split("^")
        spaced = [field.replace("_", " ") if field[:3] != "AL_" else field for field in fields]
        yield word, tuple(spaced), check


@pytest.mark.parametrize(("word", "fields", "check"), list(messages()))
def test_messages_of_the_sheet(word, fields, check):
    message = Message(word, fields)
    raw = message.to_bytes()
    assert raw == b"!" + "^".join((word, *fields)).encode() + b"|" + check.encode() + b"\r"
    assert Framer().feed(raw) == [message]


def test_control_tokens_of_the_sheet():
    assert (security_code("8002-51740"), security_code("8002-51733")) == ("3CC1", "9535")


words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=20)
fields = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="!|^"), max_size=12)


@given(st.lists(st.builds(Message, words, st.lists(fields, max_size=8).map(tuple)), max_size=4))
def test_round_trip_in_any_pieces(sent):
    raw = b"".join(message.to_bytes() for message in sent)
    assert Framer().feed(raw) == sent
    framer = Framer()
    assert [message for byte in raw for message in framer.feed(bytes([byte]))] == sent


@pytest.mark.requirement("COM-06", "SEC-09")
def test_no_single_bit_error_is_taken():
    good = Message("INF_VTBI", ("ACTIV", "11.000", "ml", "STOP")).to_bytes()
    for place in range(len(good) * 8):
        raw = bytearray(good)
        raw[place // 8] ^= 1 << place % 8
        assert not [found for found in Framer().feed(bytes(raw)) if isinstance(found, Message)], place


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_noise_raises_nothing_and_is_bounded(noise):
    framer = Framer()
    for found in framer.feed(noise):
        if isinstance(found, Message):
            assert found.to_bytes() in noise
    framer.reset()
    assert framer.feed(b"!INF|4961\r") == [Message("INF")]


def test_an_escape_aborts_a_message():
    assert Framer().feed(b"!INF_STA\x1b!INF|4961\r") == [Garbage(b"!INF_STA\x1b"), Message("INF")]
