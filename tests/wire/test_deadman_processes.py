"""The life of the deadman and that of its control, as processes on real pseudo-terminals."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from pumpd.wire import guard as guard_room
from pumpd.wire.guard import Guard, GuardError
from tests.patience import PATIENCE_S, until
from tests.wire.test_deadman import STOP, heard, line

__all__ = ["line"]

pytestmark = pytest.mark.realtime

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
