"""The deadman: its lines in-process with given instants; its life and that of its control on real pseudo-terminals."""

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

import pytest
import serial

from pumpd.wire import deadman as room
from pumpd.wire import guard as guard_room
from pumpd.wire.deadman import Deadman
from pumpd.wire.guard import Guard, GuardError
from tests.patience import PATIENCE_S, until

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


# A separate control process: it arms, reports that, and does nothing more.
CONTROL = """
import asyncio, os, sys, time
from pathlib import Path
from pumpd.wire import guard
from pumpd.wire.guard import Guard
guard.SPAWNED_WITHIN_S = guard.ACKNOWLEDGED_WITHIN_S = 60
async def main():
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    guard = await Guard.spawn(fd, (b"0STP\\r",), Path(sys.argv[2]))
    await guard.arm(float(sys.argv[3]))
    print(guard.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def run_control(port, path, lease_s):
    command = [sys.executable, "-c", CONTROL, port, str(path), str(lease_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class TestProcesses:
    pytestmark = REAL

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch):
        """A deadman that answers late on a busy machine is not what these tests are about."""
        for name in ("SPAWNED_WITHIN_S", "ACKNOWLEDGED_WITHIN_S", "CLOSED_WITHIN_S"):
            monkeypatch.setattr(guard_room, name, PATIENCE_S)

    @pytest.fixture
    async def path(self, tmp_path):
        """The socket's path. Whatever listens there at the end of the test is ended."""
        path = tmp_path / "deadman.sock"
        yield path
        left = await taken_over(path)
        if left is not None:
            await left.stand_down()
            await left.close()
        assert not path.exists()

    async def test_the_first_frame_follows_the_lapse_and_not_before(self, line, path, record_property):
        guard = await Guard.spawn(line[1], (STOP,), path)
        began = time.monotonic()
        await guard.arm(0.3)
        await wait_for(line[0])
        late_s = time.monotonic() - began - 0.3
        record_property("lapse_to_frame_ms", late_s * 1000)
        assert heard(line[0]).startswith(STOP)
        assert late_s >= 0
        if guard.renew(1.0):
            await until(lambda: not guard.alive)
        assert "has lapsed" in guard.trouble
        await guard.stand_down()
        await guard.close()
        assert not path.exists()

    async def test_while_renewed_it_writes_nothing_and_after_a_stand_down_it_ends_with_its_control(self, line, path):
        guard = await Guard.spawn(line[1], (STOP,), path)
        assert path.stat().st_mode & 0o777 == 0o600
        lease_s = 3.0  # ten times the pause between two renewals: a busy machine makes them late
        await guard.arm(lease_s)
        armed = time.monotonic()
        while time.monotonic() < armed + 1.1 * lease_s:
            await asyncio.sleep(0.3)
            assert guard.renew(lease_s)
        assert heard(line[0]) == b""
        await guard.arm(0.3)
        await guard.stand_down()
        await asyncio.sleep(0.4)
        assert heard(line[0]) == b""
        guard._end("as if control had died")
        await until(guard._reaped)
        assert not path.exists()

    @pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP])
    @pytest.mark.requirement("COM-01", "STP-09", "WIN-07")
    async def test_the_deadman_stops_the_pump_when_control_is(self, line, path, death, record_property):
        control = run_control(line[2], path, 0.5)
        try:
            number = int(await asyncio.to_thread(control.stdout.readline))
            sent_at = time.monotonic()
            control.send_signal(death)
            for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(number, sent)
            await wait_for(line[0])
            record_property("death_to_frame_ms", (time.monotonic() - sent_at) * 1000)
            if death == signal.SIGSTOP:
                with pytest.raises(GuardError, match="control is alive"):
                    await Guard.take_over(path)
            control.kill()
            control.wait()
            written = b""

            def two_frames():
                nonlocal written
                written += heard(line[0])
                return len(written) >= 2 * len(STOP)

            await until(two_frames)
            after = await taken_over(path)
            assert after.report.state == "stopping"
            assert after.report.stopping_for_s >= 0.125  # between the first frame and the second
            await until(lambda: two_frames() and len(written) >= after.report.frames_written * len(STOP))
            assert written == STOP * after.report.frames_written
            await after.stand_down()
            await after.close()
            assert await Guard.take_over(path) is None
            with pytest.raises(ProcessLookupError):
                await until(lambda: os.kill(number, 0))
        finally:
            control.kill()
            control.wait()
            control.stdout.close()

    async def test_a_second_deadman_does_not_hide_the_first(self, line, path):
        first = await Guard.spawn(line[1], (STOP,), path)
        with pytest.raises(GuardError, match="has died"):
            await Guard.spawn(line[1], (STOP,), path)
        assert path.exists()
        await first.arm(5)
        await first.stand_down()
        await first.close()

    async def test_an_impossible_socket_path_is_named(self, line, tmp_path):
        with pytest.raises(GuardError, match="longer than 107 bytes"):
            await Guard.spawn(line[1], (STOP,), tmp_path / ("x" * 100))

    async def test_a_flood_does_not_hold_up_the_stop(self, line, path):
        guard = await Guard.spawn(line[1], (STOP,), path)
        await guard.arm(0.3)
        end = time.monotonic() + PATIENCE_S
        while not (came := heard(line[0])):
            assert time.monotonic() < end, "the flood holds up the stop"
            with contextlib.suppress(BlockingIOError):
                guard._socket.send(b"garbage\n" * 500)
        assert came.startswith(STOP)
        guard._end("enough")

    @pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
    async def test_a_lost_deadman_is_reported_without_being_asked_twice(self, line, path, fate, monkeypatch):
        reported = asyncio.Queue()
        guard = await Guard.spawn(line[1], (STOP,), path, on_trouble=reported.put_nowait)
        await guard.arm(30)
        os.kill(guard.pid, fate)
        monkeypatch.setattr(guard_room, "ACKNOWLEDGED_WITHIN_S", 0.5)
        guard.renew(30)
        why = await asyncio.wait_for(reported.get(), PATIENCE_S)
        assert why == {signal.SIGKILL: "the deadman has died", signal.SIGSTOP: "the deadman does not answer"}[fate]
        assert not guard.alive
        with pytest.raises(GuardError):
            await guard.arm(1)
        monkeypatch.setattr(guard_room, "ACKNOWLEDGED_WITHIN_S", PATIENCE_S)
        if fate == signal.SIGSTOP:
            os.kill(guard.pid, signal.SIGCONT)
            await guard.arm(30)
            assert guard.alive
            await guard.stand_down()
            await guard.close()
        else:
            await until(guard._reaped)
            path.unlink()  # the remains of one that was killed; the next one removes them
            await guard.close()

    async def test_the_remains_of_a_killed_deadman_do_not_hinder_the_next(self, line, path):
        guard = await Guard.spawn(line[1], (STOP,), path)
        os.kill(guard.pid, signal.SIGKILL)
        await until(lambda: not guard.alive)
        assert path.exists()
        assert await Guard.take_over(path) is None
        second = await Guard.spawn(line[1], (STOP,), path)
        await second.close()
        await until(guard._reaped)

    async def test_closing_does_not_disarm(self, line, path):
        guard = await Guard.spawn(line[1], (STOP,), path)
        await guard.arm(0.3)
        await guard.close()
        await wait_for(line[0])
        assert heard(line[0]).startswith(STOP)
        after = await Guard.take_over(path)
        await after.stand_down()
        await after.close()
        await until(guard._reaped)


async def taken_over(path):
    """Take over as a new control does while the old one is dying."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(GuardError):
                return await Guard.take_over(path)
            await asyncio.sleep(0.02)


async def wait_for(pump):
    """Until there is something to read."""
    assert (await asyncio.to_thread(select.select, [pump], [], [], PATIENCE_S))[0]
