"""The BCC frame against the sheet's worked frames, and against everything that is not a frame."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_drivers.space_bcc.codec import ACK, LONGEST, NAK, RS, Frame, Framer, Garbage, Record, Signal, records

ALIVE = b"\x0100031\x021/1/1>ADMIN:ALIVE\x0300061\x04"  # [V] monitoring-only.md
GET = b"\x0100027\x021/1/1>MEM:GET\x0300039\x04"  # [C] monitoring-only.md

payloads = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=200)


@pytest.mark.parametrize(("raw", "payload"), [(ALIVE, "ADMIN:ALIVE"), (GET, "MEM:GET")])
def test_worked_frames(raw, payload):
    assert Frame(payload).to_bytes() == raw
    assert Framer().feed(raw) == [Frame(payload)]


@given(st.lists(st.builds(Frame, payloads, st.sampled_from(["1", "A7"]), st.booleans()), max_size=4))
def test_round_trip_in_any_pieces(frames):
    raw = b"".join(frame.to_bytes() for frame in frames)
    assert Framer().feed(raw) == frames
    framer = Framer()
    assert [frame for byte in raw for frame in framer.feed(bytes([byte]))] == frames


@pytest.mark.requirement("COM-06", "SEC-09")
def test_no_single_bit_error_is_accepted():
    for place in range(len(ALIVE) * 8):
        raw = bytearray(ALIVE)
        raw[place // 8] ^= 1 << place % 8
        framer = Framer()
        found = [frame for frame in framer.feed(bytes(raw)) if isinstance(frame, Frame)]
        assert found == [], place


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_noise_raises_nothing_and_is_bounded(noise):
    framer = Framer()
    for frame in framer.feed(noise):
        if isinstance(frame, Frame):
            assert frame.to_bytes() in noise
    framer.reset()
    assert framer.feed(GET) == [Frame("MEM:GET")]


def test_a_good_frame_behind_a_damaged_one_is_found():
    found = Framer().feed(ALIVE[:-3] + b"\x04" + GET)
    assert found[-1] == Frame("MEM:GET")
    assert isinstance(found[0], Garbage)


def test_signals_are_frames_of_their_own():
    assert Framer().feed(bytes([ACK, NAK])) == [Signal(ACK), Signal(NAK)]


def test_records_are_read():
    payload = chr(RS).join(["12,50111,INRT,52.50", "12,50111,GNMODEL,P,S", "no record"])
    assert records(payload) == [Record("12", "50111", "INRT", "52.50"), Record("12", "50111", "GNMODEL", "P,S")]
    assert records(payload)[0].slot == "11"
    assert Record("1", "50100", "GNACK").slot is None


def test_noise_ends_where_the_next_signal_or_frame_begins():
    """Also noise of a single byte: a receipt behind it must not be lost."""
    assert Framer().feed(b"x" + bytes([ACK])) == [Garbage(b"x"), Signal(ACK)]
    assert Framer().feed(b"x" + bytes([NAK]) + GET) == [Garbage(b"x"), Signal(NAK), Frame("MEM:GET")]
    assert Framer().feed(b"xyz" + GET + bytes([ACK])) == [Garbage(b"xyz"), Frame("MEM:GET"), Signal(ACK)]


def test_a_length_is_possible_from_one_byte_of_text_up_to_the_longest_frame():
    """7 bytes before the text and 7 after it."""
    assert Framer().feed(b"\x0100014\x02")[0] == Garbage(b"\x01")
    assert Framer().feed(b"\x0100015\x02") == []
    assert Framer().feed(b"\x0104097\x02")[0] == Garbage(b"\x01")
    longest = Frame("A" * (LONGEST - 14 - len("1/1/1>")))
    assert longest.to_bytes().startswith(b"\x0104096\x02")
    assert Framer().feed(longest.to_bytes()) == [longest]


def test_the_signals_are_0x06_and_0x15():
    assert Framer().feed(b"\x06\x15") == [Signal(ACK), Signal(NAK)]
    assert (Signal(ACK).to_bytes(), Signal(NAK).to_bytes()) == (b"\x06", b"\x15")
    assert (str(Signal(ACK)), str(Signal(NAK))) == ("ACK", "NAK")


def summed(body):
    return body + f"{sum(body) % 256:05d}".encode() + b"\x04"


def test_a_frame_that_another_follows_ends_in_etb_and_records_are_parted_by_rs():
    raw = summed(b"\x0100031\x021/1/1>1,50111,A\x1e2\x17")
    assert Framer().feed(raw) == [Frame("1,50111,A\x1e2", more=True)]
    assert Frame("1,50111,A\x1e2", more=True).to_bytes() == raw
    assert str(Frame("1,50111,A\x1e2", more=True)) == "bed 1: 1,50111,A | 2 ..."
    assert str(Frame("MEM:GET", bed="7")) == "bed 7: MEM:GET"
    assert records("1,50111,A\x1e2,50112,B,3") == [Record("1", "50111", "A"), Record("2", "50112", "B", "3")]


@pytest.mark.parametrize(
    "raw",
    [
        summed(b"\x0100027\x021/1/1>MEM:GET\x06"),  # neither ETX nor ETB
        summed(b"\x0100027\x031/1/1>MEM:GET\x03"),  # no STX
        summed(b"\x0100027\x021/1/1>MEM:GET\x03")[:-1] + b"\x03",  # no EOT
        summed(b"\x0100027\x021/1/1>MEM:G\xe9T\x03"),  # not ASCII
        summed(b"\x0100027\x021/1/2>MEM:GET\x03"),  # another address
        b"\x0100027\x021/1/1>MEM:GET\x03+0039\x04",  # int() would take the sum
        b"\x0100027\x021/1/1>MEM:GET\x0300040\x04",
    ],
)
def test_a_frame_with_one_wrong_part_is_garbage(raw):
    assert Framer().feed(raw)[0] == Garbage(b"\x01")
    assert not [each for each in Framer().feed(raw) if isinstance(each, Frame)]


def test_a_slot_is_a_whole_address_of_a_pump():
    for address, slot in (("50111", "11"), ("50101", "01"), ("50199", "99"), ("50100", None), ("501111", None)):
        assert Record("1", address, "INRT").slot == slot
    assert Record("1", "5011", "INRT").slot is None
    assert str(Record("12", "50111", "GNMODEL", "P,S")) == "12,50111,GNMODEL,P,S"


def test_records_have_three_parts_or_four():
    assert records("1,50111") == []
    assert records("1,50111,A") == [Record("1", "50111", "A")]
    assert records("1,50111,A,") == [Record("1", "50111", "A", "")]
    assert records("1,50111,A,b,c,d") == [Record("1", "50111", "A", "b,c,d")]
