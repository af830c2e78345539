"""The deadman's lines, in-process and with given instants."""

import contextlib
import fcntl
import os
import pty
import select
import socket
import struct
import termios
import time
import tty

import pytest
import serial

from pumpd.wire import deadman as room
from pumpd.wire.deadman import Deadman

S = 1_000_000_000
STOP = b"0STP\r"
REAL = [pytest.mark.realtime]


@pytest.fixture
def line():
    """(pump's end, gateway's end, path) of a serial line; both ends may be closed by the test."""
    pump, gateway = pty.openpty()
    tty.setraw(gateway)
    os.set_blocking(pump, False)
    yield pump, gateway, os.ttyname(gateway)
    for end in (pump, gateway):
        with contextlib.suppress(OSError):
            os.close(end)


def heard(pump):
    with contextlib.suppress(BlockingIOError):
        return os.read(pump, 65536)
    return b""


def fill(gateway):
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(gateway, b"0RUN\r" * 100)


def settle(pump):
    """Wait until the pump's end has received all that it takes unread: the kernel passes it on a moment later."""
    while struct.unpack("i", fcntl.ioctl(pump, termios.FIONREAD, bytes(4)))[0] < 4095:
        time.sleep(0.001)


class TestLines:
    """Instants are given; nothing waits. The line is a pipe, since a pseudo-terminal passes bytes a moment later."""

    @pytest.fixture
    def line(self):
        pump, gateway = os.pipe()
        os.set_blocking(pump, False)
        yield pump, gateway
        for end in (pump, gateway):
            with contextlib.suppress(OSError):
                os.close(end)

    @pytest.fixture
    def logged(self):
        return []

    @pytest.fixture
    def deadman(self, line, logged):
        made = Deadman(lambda event, _level="info", **fields: logged.append(event))
        assert made.handle(b"port", 0, os.dup(line[1])) == "ok port idle"
        assert made.handle(b"stop 100 " + STOP.hex().encode(), 0) == "ok stop idle"
        yield made
        made.lose_port()

    def armed(self, deadman, until=10 * S):
        assert deadman.handle(b"lease %d" % until, 0) == "ok lease armed"
        return deadman

    @pytest.mark.requirement("COM-01", "STP-09", "STP-11")
    def test_stop_frames_begin_at_the_lapse_come_often_and_then_every_half_second(self, deadman, line):
        self.armed(deadman)
        deadman.act(10 * S - 1)
        assert heard(line[0]) == b""
        assert deadman.wait_ms(10 * S - 1) == 1
        deadman.act(10 * S)
        assert heard(line[0]) == STOP
        for eighth in range(1, 9):
            deadman.act(10 * S + eighth * S // 8 - 1)
            assert heard(line[0]) == b""
            deadman.act(10 * S + eighth * S // 8)
            assert heard(line[0]) == STOP
        for half in range(3, 100):
            deadman.act(10 * S + half * S // 2 - 1)
            assert heard(line[0]) == b""
            deadman.act(10 * S + half * S // 2)
            assert heard(line[0]) == STOP

    def test_between_two_stop_frames_it_waits_and_does_not_spin(self, deadman):
        """It runs at a high priority: what it does not wait would be lost to control."""
        self.armed(deadman)
        deadman.act(10 * S)
        assert deadman.wait_ms(10 * S) == 125
        assert deadman.wait_ms(10 * S + S // 10) == 25
        deadman.act(12 * S)
        assert deadman.wait_ms(12 * S) == 250  # the longest wait; the frame is due in 500
        assert deadman.wait_ms(12 * S + 400 * S // 1000) == 100
        assert deadman.wait_ms(13 * S) == 0
        deadman.handle(b"stand-down", 13 * S)
        assert deadman.wait_ms(13 * S) is None

    @pytest.mark.requirement("COM-01")
    def test_a_renewal_in_time_postpones_the_lapse(self, deadman, line):
        self.armed(deadman)
        assert deadman.handle(b"lease %d" % (12 * S), 9 * S) == "ok lease armed"
        deadman.act(11 * S)
        assert heard(line[0]) == b""
        deadman.act(12 * S)
        assert heard(line[0]) == STOP

    @pytest.mark.requirement("COM-01")
    def test_a_lapsed_lease_is_not_renewed_and_only_a_stand_down_ends_the_stops(self, deadman, line):
        self.armed(deadman)
        # Not even by a renewal that had arrived when the lapse is noticed.
        assert deadman.handle(b"lease %d" % (20 * S), 10 * S) == "no lease: it has lapsed"
        assert heard(line[0]) == STOP
        assert deadman.handle(b"lease %d" % (30 * S), 11 * S) == "no lease: it has lapsed"
        assert heard(line[0]) == STOP
        assert deadman.handle(b"bye", 11 * S) == "no bye: stopping"
        assert deadman.handle(b"stand-down", 11 * S) == "ok stand-down idle"
        deadman.act(20 * S)
        assert heard(line[0]) == b""
        assert deadman.handle(b"lease %d" % (30 * S), 21 * S) == "ok lease armed"

    @pytest.mark.parametrize(
        "garbled",
        [
            b"", b"lease", b"lease x", b"lease -1", b"lease 1e9", b"lease 8", b"LEASE 9000000000", b"lease 9 9",
            b"lease 61000000001", b"lease " + b"9" * 4000, b"lease \xd9\xa3", b"port", b"bye", b"stop", b"stop 100",
            b"stop 100 5", b"stop 100 xy", b"stop 100 ", b"stop 1001 41", b"stop -1 41", b"stop 1" + b" 41" * 17,
            b"stand-down now", b"stand_down", b"yield", b"ok", b"\xff\x00", b"lease 9000000000\r", b" lease 9000000000",
        ],
    )  # fmt: skip
    def test_a_line_that_is_refused_changes_nothing(self, deadman, line, garbled):
        self.armed(deadman)
        before = dict(vars(deadman))
        assert deadman.handle(garbled, S).startswith("no ")
        assert vars(deadman) == before
        deadman.act(10 * S)
        assert heard(line[0]) == STOP

    def test_a_deadman_arms_only_with_a_port_and_frames(self, line):
        bare = Deadman(lambda *_, **__: None)
        assert bare.handle(b"lease 9", 0) == "no lease: no port to stop the pump with"
        assert bare.handle(b"port", 0, os.dup(line[1])) == "ok port idle"
        assert bare.handle(b"lease 9", 0) == "no lease: no frames to stop the pump with"
        bare.lose_port()

    def test_several_frames_keep_their_pauses_and_after_a_second_each_round_takes_half_a_second(self, deadman, line):
        deadman.handle(b"stop 100 41 42 43", 0)
        self.armed(deadman)
        sent = []
        for at_ms in range(10_000, 12_000, 10):
            deadman.act(at_ms * S // 1000)
            sent += [(at_ms, byte) for byte in heard(line[0])]
        first = [*range(10_000, 11_100, 100)]
        times = [*first, 11_100, 11_400, 11_500, 11_600, 11_900]
        assert sent == list(zip(times, b"ABC" * 5 + b"A", strict=True))

    def test_an_unplugged_port_is_released_and_the_next_one_gets_the_stop_at_once(self, deadman, line, logged):
        self.armed(deadman)
        os.close(line[0])
        deadman.act(10 * S)
        assert deadman.port is None
        assert logged == ["deadman_armed", "deadman_port_lost", "lease_lapsed"]
        deadman.act(10 * S + S // 2)
        pump, gateway = os.pipe()
        assert deadman.handle(b"port", 11 * S - 1, gateway) == "ok port stopping"
        deadman.act(11 * S)
        assert os.read(pump, 100) == STOP
        os.close(pump)

    @pytest.mark.requirement("WIN-07")
    @pytest.mark.parametrize("step_s", [-3600, 3600, 365 * 86400])
    def test_a_step_of_the_wall_clock_moves_no_lapse(self, deadman, line, monkeypatch, step_s):
        now = room.now_ns()
        assert deadman.handle(b"lease %d" % (now + 10 * S), now) == "ok lease armed"
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + step_s)
        deadman.act(room.now_ns())
        assert deadman.state == "armed"
        assert now <= room.now_ns() < now + 5 * S
        assert heard(line[0]) == b""

    def test_handing_over_makes_no_lease_longer(self, deadman, line):
        self.armed(deadman)
        assert deadman.give_way(9 * S) == "ok yield armed 0 0"
        deadman.act(10 * S)
        assert heard(line[0]) == STOP


def armed_on(fd):
    deadman = Deadman(lambda *_, **__: None)
    deadman.handle(b"port", 0, os.dup(fd))
    deadman.handle(b"stop 0 " + STOP.hex().encode(), 0)
    assert deadman.handle(b"lease %d" % (10 * S), 0) == "ok lease armed"
    return deadman


class TestTerminal:
    def test_unread_bytes_are_dropped_before_a_stop(self, line):
        deadman = armed_on(line[1])
        fill(line[1])
        settle(line[0])
        fill(line[1])  # the room that this made, so that the stop finds none
        deadman.act(10 * S)
        deadman.lose_port()
        sent = b""
        while not sent.endswith(STOP):
            assert select.select([line[0]], [], [], 1.0)[0]
            sent += heard(line[0])
        assert len(sent) <= 4096 + len(STOP)  # the rest was dropped, except what the pump's end had already received

    def test_a_new_control_gets_the_lock_and_a_pause_after_which_the_stop_continues(self, line):
        with serial.Serial(line[2], exclusive=True) as port:
            deadman = armed_on(port.fileno())
        with pytest.raises(serial.SerialException, match="exclusively lock"):
            serial.Serial(line[2], exclusive=True)
        deadman.act(10 * S)
        deadman.act(11 * S)
        assert deadman.give_way(11 * S) == f"ok yield stopping {10 * S} 2"
        serial.Serial(line[2], exclusive=True).close()
        deadman.act(16 * S - 1)
        assert deadman.written == 2
        deadman.act(16 * S)
        assert deadman.written == 3
        deadman.lose_port()


class TestNetwork:
    @pytest.fixture
    def connection(self):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        yield ours, theirs
        ours.close()
        theirs.close()

    def test_over_a_socket_it_writes_as_over_a_serial_line(self, connection):
        ours, theirs = connection
        deadman = armed_on(theirs.fileno())
        deadman.act(10 * S)
        deadman.act(10 * S + S // 2)
        assert ours.recv(100) == STOP * 2
        deadman.lose_port()

    def test_a_socket_that_accepts_nothing_is_tried_again(self, connection):
        ours, theirs = connection
        deadman = armed_on(theirs.fileno())
        fill(theirs.fileno())
        deadman.act(10 * S)
        assert (deadman.port is not None, deadman.written) == (True, 0)
        while True:
            try:
                ours.recv(65536)
            except BlockingIOError:
                break
        deadman.act(10 * S + S // 2)
        assert ours.recv(100) == STOP
        deadman.lose_port()

    def test_a_lost_connection_is_released(self, connection):
        ours, theirs = connection
        deadman = armed_on(theirs.fileno())
        ours.close()
        deadman.act(10 * S)
        assert deadman.port is None
