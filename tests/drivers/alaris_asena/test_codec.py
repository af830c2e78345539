"""Every verified and computed message of the protocol sheet (alaris-asena.md), and everything that is not a message."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.alaris_asena.codec import LONGEST, Framer, Garbage, Message, security_code
from pumpd_drivers.alaris_asena.driver import AlarisAsena

# "Verified messages": those of the pump and of its public clients, then [C], computed.
SHEET = b"""\
!INF|4961
!COMMS_PROTOCOL|E8DA
!COMMS_PROTOCOL^Asena Rev 2.1.5|661A
!INST_SERIALNO|457D
!INST_SERIALNO^8002-51740|050B
!INF_START|38F3
!INF_STOP|CD57
!INF_VI_CLEAR|A706
!INF_VTBI|8456
!INF_VTBI^ACTIV^11.000^ml^STOP|4433
!INF_VTBI^DEACT|D8C5
!INF_BOLUS^ENABLED|E288
!REMQUERY^DEACT|F295
!REMQUERY^DEACT^^^^|E5C9
!COMMS_RESPONSE_MAX|7E29
!COMMS_RESPONSE_MAX^4000^ms|DFDF
!SYRINGE_STATUS|4102
!SYRINGE_STATUS^BD PLASTIPAK^ 50^CONF|1CF8
!INF_RATE_MAX_SYRINGE|8F30
!INF_RATE_MAX_SYRINGE^1200.00^ml/h|8575
!ALARM|50B2
!ALARM^AL_NOALM^ ^ |C73B
!INF_RATE^0.1^ml/h|B775
!INF_RATE^0.10^ml/h|D407
!REMOTE_CTRL^DISABLED|EF95
!REMOTE_CTRL^DISABLED^****^PERMIT^0^ms|3C5D
!REMOTE_CTRL^ENABLED^****^PERMIT^0^ms|7BB0
!INF^8002-51733^A^HLD^0.00^ml/h^^0.969^ml^530.15^mmHg^00:04:09^EVENT^214725|DB9D
!INF_RATE^75.00^ml/h|550B
!INF_RATE^3.50^ml/h|3885
!INF_VTBI^ACTIV^50.000^ml^STOP|FCF5
!REMOTE_CFG^ENABLED^3CC1|EE4F
""".splitlines()

VTBI = b"!INF_VTBI^ACTIV^11.000^ml^STOP|4433\r"


def messages(found):
    return [each for each in found if isinstance(each, Message)]


@pytest.mark.parametrize("line", SHEET, ids=lambda line: line.decode())
def test_messages_of_the_sheet(line):
    word, *fields = line[1:-5].decode().split("^")
    message = Message(word, tuple(fields))
    assert Framer().feed(line + b"\r") == [message]
    assert message.to_bytes() == line + b"\r"
    assert str(message) == line[1:-5].decode()


def test_the_wrong_check_of_a_known_client_is_refused():
    """mdpnp's simulator sends REMQUERY with three carets and the check of four."""
    assert messages(Framer().feed(b"!REMQUERY^DEACT^^^|E5C9\r")) == []


def test_control_tokens_of_the_sheet():
    assert (security_code("8002-51740"), security_code("8002-51733")) == ("3CC1", "9535")


words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=20)
fields = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="!|^"), max_size=12)


@given(st.lists(st.builds(Message, words, st.lists(fields, max_size=8).map(tuple)), max_size=4))
def test_round_trip(sent):
    assert Framer().feed(b"".join(message.to_bytes() for message in sent)) == sent


@pytest.mark.requirement("COM-06", "SEC-09")
def test_no_single_bit_error_is_accepted():
    for place in range(len(VTBI) * 8):
        raw = bytearray(VTBI)
        raw[place // 8] ^= 1 << place % 8
        assert messages(Framer().feed(bytes(raw))) == [], place


# Noise that looks like messages: pieces of real ones among their special characters.
noise = st.lists(st.sampled_from([VTBI, b"!INF|4961\r", b"!", b"|", b"^", b"\r", b"\x1b", b"4961"]) | st.binary()).map(
    b"".join
)


@pytest.mark.requirement("SEC-09")
@settings(max_examples=300)
@given(noise)
def test_noise_raises_nothing_and_only_frames_that_were_sent_are_accepted(noise):
    framer, pieces = Framer(), Framer()
    taken = messages(framer.feed(noise))
    assert all(message.to_bytes() in noise for message in taken)
    assert messages(one for byte in noise for one in pieces.feed(bytes([byte]))) == taken
    framer.reset()
    assert framer.feed(b"!INF|4961\r") == [Message("INF")]


def test_a_message_that_never_ends_is_dropped():
    for size in (LONGEST - 1, LONGEST, LONGEST + 1, 100 * LONGEST):
        line = Message("A" * size).to_bytes()
        framer = Framer()
        assert messages(framer.feed(line[:-6])) == []
        assert len(framer._pending) < LONGEST
        assert messages(framer.feed(line[-6:])) == [], size
        assert framer.feed(b"!INF|4961\r") == [Message("INF")]
    longest = Message("A" * (LONGEST - 7))  # with `!`, `|`, its check and the carriage return
    assert Framer().feed(longest.to_bytes()) == [longest]
    longer = Message("A" * (LONGEST - 6)).to_bytes()
    assert Framer().feed(longer)[0] == Garbage(longer[:LONGEST])


@pytest.mark.parametrize(
    "line",
    [
        b"!INF|4961",  # no end yet
        b"INF|4961\r",
        b"!INF4961\r",
        b"!INF|4961 \r",
        b"!INF_RATE^75.00^ml/h|550b\r",  # the check is in capitals
        b"!|FFFF\r",  # no word; FFFF is the check of nothing
        Message("INF", ("a\nb",)).to_bytes(),  # not printable
        Message("INF|4961").to_bytes(),
    ],
)
def test_what_is_not_a_message_is_garbage(line):
    assert messages(Framer().feed(line)) == []


def test_an_escape_aborts_a_message_and_a_new_beginning_ends_it():
    assert Framer().feed(b"!INF_STA\x1b!INF|4961\r") == [Garbage(b"!INF_STA\x1b"), Message("INF")]
    assert Framer().feed(b"!INF_STA!INF|4961\r") == [Garbage(b"!INF_STA"), Message("INF")]
    assert messages(Framer().feed(b"!INF_START\x1b|38F3\r")) == []


def test_the_family_offers_its_codec():
    assert Framer().feed(b"noise") == [Garbage(b"noise")]
    codec = AlarisAsena.codec
    (frame,) = codec.requests().feed(b"!INF|4961\r")
    assert codec.checked(frame)
    assert not codec.checked(Garbage(b"noise"))
