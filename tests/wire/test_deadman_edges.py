"""The deadman's limits, each at the edge itself, in-process and with given instants."""

import contextlib
import os

import pytest

from pumpd.wire.deadman import Deadman

S = 1_000_000_000


@pytest.fixture
def line():
    """(pump's end, gateway's end); both ends may be closed by the test."""
    pump, gateway = os.pipe()
    os.set_blocking(pump, False)
    yield pump, gateway
    for end in (pump, gateway):
        with contextlib.suppress(OSError):
            os.close(end)


@pytest.fixture
def logged():
    return []


@pytest.fixture
def deadman(line, logged):
    made = Deadman(lambda event, level="info", **fields: logged.append((event, level, fields)))
    assert made.handle(b"port", 0, os.dup(line[1])) == "ok port idle"
    assert made.handle(b"stop 0 41", 0) == "ok stop idle"
    yield made
    made.lose_port()


def heard(pump):
    with contextlib.suppress(BlockingIOError):
        return os.read(pump, 65536)
    return b""


@pytest.mark.parametrize(
    ("given", "reply"),
    [
        (b"lease 60000000005", "ok lease armed"),  # a minute
        (b"lease 60000000006", "no lease: already over, or too long"),
        (b"lease 6", "ok lease armed"),
        (b"lease 5", "no lease: already over, or too long"),
        (b"lease 0000000060000000005", "ok lease armed"),  # 19 digits: a number that 64 bits hold
        (b"lease 00000000060000000005", "no line: not understood"),
        (b"stop 1000 41", "ok stop idle"),
        (b"stop 1001 41", "no stop: not a pause and frames"),
        (b"stop 0999 41", "ok stop idle"),
        (b"stop 00999 41", "no stop: not a pause and frames"),
        (b"stop 1" + b" 41" * 16, "ok stop idle"),
        (b"stop 1" + b" 41" * 17, "no line: not understood"),
        (b"stop 1 41  42", "no stop: not a pause and frames"),  # an empty frame
        (b"stop 1 4", "no stop: not a pause and frames"),
        (b"bye", "ok bye idle"),
        (b"stand-down", "ok stand-down idle"),
    ],
)
def test_each_line_is_taken_up_to_its_limit(deadman, given, reply):
    assert deadman.handle(given, 5) == reply


def test_what_is_written_is_counted_from_the_first_lease_of_a_start(deadman, line, logged):
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S)
    assert (deadman.written, heard(line[0])) == (1, b"A")
    deadman.handle(b"stand-down", S)
    assert deadman.written == 1
    deadman.handle(b"lease %d" % (3 * S), 2 * S)
    assert deadman.written == 0
    deadman.act(3 * S)
    assert deadman.written == 1
    assert [event for event, _, _ in logged] == [
        "deadman_armed",
        "lease_lapsed",
        "deadman_stood_down",
        "deadman_armed",
        "lease_lapsed",
    ]
    assert logged[1] == ("lease_lapsed", "error", {"late_ms": 0.0})
    assert logged[2] == ("deadman_stood_down", "info", {"written": 1})


def test_a_renewal_counts_nothing_anew_and_is_not_logged_again(deadman, logged):
    deadman.handle(b"lease %d" % S, 0)
    deadman.written = 7
    deadman.handle(b"lease %d" % (2 * S), 0)
    assert deadman.written == 7
    assert [event for event, _, _ in logged] == ["deadman_armed"]


def test_a_stand_down_of_an_idle_deadman_is_not_logged(deadman, logged):
    deadman.handle(b"stand-down", 0)
    assert logged == []


def test_how_late_the_lapse_was_noticed_is_told_in_milliseconds(deadman, logged):
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S + 2_500_000)
    assert logged[-1] == ("lease_lapsed", "error", {"late_ms": 2.5})


def test_new_frames_while_it_stops_begin_with_the_first(deadman, line):
    deadman.handle(b"stop 100 41 42", 0)
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S)
    assert heard(line[0]) == b"A"
    deadman.handle(b"stop 100 43 44", S)
    deadman.act(S + S // 10 - 1)
    assert heard(line[0]) == b""
    deadman.act(S + S // 10)
    assert heard(line[0]) == b"C"


def test_another_port_while_one_is_there_changes_no_turn(deadman, line):
    """Only a port that was lost makes the next frame due at once."""
    deadman.handle(b"stop 100 41 42", 0)
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S)
    assert heard(line[0]) == b"A"
    pump, gateway = os.pipe()
    os.set_blocking(pump, False)
    assert deadman.handle(b"port", S + 1, gateway) == "ok port stopping"
    assert not os.get_blocking(gateway)
    deadman.act(S + S // 10 - 1)
    assert heard(pump) == b""
    deadman.act(S + S // 10)
    assert heard(pump) == b"B"
    os.close(pump)


def test_a_port_that_returns_gets_the_first_frame_at_once(deadman, line):
    deadman.handle(b"stop 100 41 42", 0)
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S)
    assert heard(line[0]) == b"A"
    deadman.lose_port()
    pump, gateway = os.pipe()
    deadman.handle(b"port", S + 1, gateway)
    deadman.act(S + 1)
    assert os.read(pump, 100) == b"A"
    os.close(pump)


def test_the_first_second_ends_with_its_last_frame(deadman, line):
    """A frame of the first second is followed 125 ms later, one at its end or after it 500 ms later."""
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S)
    deadman.act(2 * S - 1)  # late: the frames in between were not sent
    assert heard(line[0]) == b"AA"
    assert deadman.wait_ms(2 * S - 1) == 125
    deadman.act(2 * S - 1 + S // 8)
    assert heard(line[0]) == b"A"
    deadman.act(2 * S - 1 + S // 8 + S // 2 - 1)
    assert heard(line[0]) == b""
    deadman.act(2 * S - 1 + S // 8 + S // 2)
    assert heard(line[0]) == b"A"


def test_it_waits_in_whole_milliseconds_and_never_past_what_is_due(deadman):
    assert deadman.wait_ms(0) is None
    deadman.handle(b"lease %d" % S, 0)
    assert deadman.wait_ms(0) == 250
    assert deadman.wait_ms(S - 250_000_000) == 250
    assert deadman.wait_ms(S - 249_000_000) == 249
    assert deadman.wait_ms(S - 1_000_001) == 2  # rounded up: a wait of 1 ms would end too early
    assert deadman.wait_ms(S - 1_000_000) == 1
    assert deadman.wait_ms(S - 1) == 1
    assert deadman.wait_ms(S) == 0
    assert deadman.wait_ms(S + 1) == 0
    assert deadman.wait_ms(5 * S) == 0


def test_it_gives_way_for_five_seconds_from_the_yield(deadman, line):
    deadman.handle(b"lease %d" % S, 0)
    deadman.act(S)
    heard(line[0])
    assert deadman.give_way(S + 1) == f"ok yield stopping {S} 1"
    deadman.act(6 * S)
    assert heard(line[0]) == b""
    deadman.act(6 * S + 1)
    assert heard(line[0]) == b"A"


def test_a_yield_notices_a_lapse_first(deadman, line, logged):
    deadman.handle(b"lease %d" % S, 0)
    assert deadman.give_way(2 * S) == f"ok yield stopping {2 * S} 1"
    assert heard(line[0]) == b"A"
    assert logged[-1] == ("deadman_gave_way", "info", {"state": "stopping", "written": 1})


def test_without_a_port_it_gives_way_too(deadman):
    deadman.lose_port()
    assert deadman.give_way(0) == "ok yield idle 0 0"


def test_a_lost_port_is_told_once_with_the_reason(deadman, logged):
    deadman.lose_port("hung up")
    deadman.lose_port("hung up")
    assert logged == [("deadman_port_lost", "error", {"why": "hung up", "state": "idle"})]


def test_a_port_that_is_exchanged_is_not_told(deadman, line, logged):
    assert deadman.handle(b"port", 0, os.dup(line[1])) == "ok port idle"
    assert logged == []
