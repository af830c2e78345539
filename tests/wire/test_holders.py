"""Another program on the port: it is named, whether it had the port first or reads along. Real processes."""

import asyncio
import os
import pty
import subprocess
import sys
import threading
import tty

import pytest

from pumpd.wire import LineSettings, LinkLostError, PortError, open_transport, transport
from pumpd.wire.holders import holders
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime

LINE = LineSettings(19200)
HOLD = "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); {}; print('ready', flush=True); {}"
LOCKING = HOLD.format("fcntl.flock(fd, fcntl.LOCK_EX)", "sys.stdin.read()")
READING = HOLD.format("pass", "[os.read(fd, 1) for _ in iter(int, 1)]")


@pytest.fixture
def terminal():
    """(master, path). The other end is in this process, as in the tests of ports."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def program():
    """Starts another program with the port open; it is no child of this process, as a deadman is."""
    started = []

    def start(code, path):
        outer = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {code!r}, {path!r}]))"
        process = subprocess.Popen(
            [sys.executable, "-c", outer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"

    yield start
    for process in started:
        os.killpg(process.pid, 9)
        process.communicate()


async def lost(path, master, *, feed):
    """Why the connection ended, while the pump keeps sending."""
    why = asyncio.get_running_loop().create_future()
    port = await open_transport(path, LINE, lambda _: None, lambda text: why.done() or why.set_result(text))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not why.done():
                feed(master)
                await asyncio.sleep(0.002)
        return why.result()
    finally:
        port.close()


async def test_the_program_that_has_the_port_is_named(terminal, program):
    _, path = terminal
    program(LOCKING, path)
    with pytest.raises(PortError, match=rf"port {path}: the port is in use by another program: python.* \(pid \d+\)"):
        await open_transport(path, LINE, lambda _: None, lambda _: None)


async def test_a_program_that_reads_along_is_named_when_bytes_are_missing(terminal, program):
    master, path = terminal
    program(READING, path)
    why = await lost(path, master, feed=lambda end: os.write(end, b"\x0200I\x03"))
    assert why.startswith(f"{path}: another program reads this port and takes the pump's replies: python")
    assert why.endswith("end that program")


async def test_who_cannot_be_seen_is_not_named(terminal, program, monkeypatch):
    master, path = terminal
    program(READING, path)
    monkeypatch.setattr("pumpd.wire.holders.holders", lambda _: [])
    why = await lost(path, master, feed=lambda end: os.write(end, b"\x0200I\x03"))
    assert f"(to see which one: sudo fuser -v {path})" in why


async def test_the_search_does_not_hold_up_the_loop_and_a_write_meanwhile_is_refused(terminal, monkeypatch):
    _, path = terminal
    found, searched, told = threading.Event(), threading.Semaphore(0), []

    def search(_):
        # On the loop, it would end only here, and without a result: nothing else could say that it was found.
        result = "another program" if found.wait(PATIENCE_S) else None
        searched.release()
        return result

    monkeypatch.setattr(transport, "bytes_taken", search)
    port = await open_transport(path, LINE, lambda _: None, told.append)
    port._readable()  # announced, and nothing there
    with pytest.raises(LinkLostError):
        port.write(b"0STP\r")
    assert told == []
    found.set()
    await until(lambda: told)
    assert told == [f"{path}: another program"]
    assert searched.acquire(timeout=PATIENCE_S)
    found.clear()
    other = await open_transport(path, LINE, lambda _: None, told.append)
    other._readable()
    other.close()
    found.set()
    assert await asyncio.to_thread(searched.acquire, timeout=PATIENCE_S)
    await asyncio.sleep(0.05)  # a report would come by the loop
    assert len(told) == 1, "a port that was closed meanwhile reports nothing"


def test_a_child_with_a_duplicate_and_the_other_end_of_a_terminal_are_not_named(terminal):
    master, path = terminal
    duplicate = os.open(path, os.O_RDWR | os.O_NOCTTY)
    deadman = subprocess.Popen(["sleep", "60"], pass_fds=[duplicate])
    nested = (
        "import subprocess as s; p = s.Popen(['sleep', '60'], close_fds=False); print('ready', flush=True); p.wait()"
    )
    ends = [duplicate, master]
    simulator = subprocess.Popen(
        [sys.executable, "-c", nested], pass_fds=ends, start_new_session=True, stdout=subprocess.PIPE
    )
    try:
        assert simulator.stdout.readline() == b"ready\n"
        assert holders(path) == []
    finally:
        deadman.kill()
        os.killpg(simulator.pid, 9)
        for process in (deadman, simulator):
            process.communicate()
        os.close(duplicate)
