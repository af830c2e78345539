"""Control's side of the deadman, against a deadman that does what a real one should not: a socket pair in process."""

import asyncio
import contextlib
import socket

import pytest

from pumpd.wire.guard import Guard, GuardError


@pytest.fixture
async def pair():
    """A guard, its deadman's end of the connection, the reasons that it reported, and what no task caught."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    troubles, unseen = [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    guard = Guard(ours, None, troubles.append)
    yield guard, theirs, troubles, unseen
    guard.on_trouble = None
    theirs.close()
    await guard.close()


def fill(guard):
    """The deadman takes no more lines."""
    with contextlib.suppress(BlockingIOError):
        while True:
            guard._socket.send(b"x" * 4096)


async def test_a_renewal_that_a_deadman_does_not_take_is_told_and_raises_nothing(pair):
    """A renewal comes from the middle of the state machine: an error that nobody expects would end it."""
    guard, _, troubles, unseen = pair
    fill(guard)
    assert guard.renew(10) is False
    assert troubles == ["the deadman accepts no line"]
    assert not guard.alive
    assert unseen == []


async def test_a_start_is_refused_while_the_deadman_takes_no_line(pair):
    guard, _, troubles, _ = pair
    fill(guard)
    with pytest.raises(GuardError, match="accepts no line"):
        await guard.arm(10)
    assert troubles == ["the deadman accepts no line"]


async def test_an_answer_that_nobody_asked_for_is_ignored(pair):
    guard, deadman, troubles, unseen = pair
    deadman.send(b"ok lease armed\nno lease: it has lapsed\n")
    await asyncio.sleep(0.01)
    asked = asyncio.create_task(guard.stand_down())
    await asyncio.sleep(0.01)
    assert deadman.recv(100) == b"stand-down\n"
    deadman.send(b"ok stand-down idle\n")
    await asked
    assert (troubles, unseen) == ([], [])


async def test_a_deadman_that_ends_just_as_it_is_taken_over_is_none(tmp_path):
    """The port is free then: a new one may be started."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "deadman"))
    listener.listen(1)
    listener.setblocking(False)
    loop = asyncio.get_running_loop()

    async def ends():
        connection, _ = await loop.sock_accept(listener)
        connection.close()

    ending = asyncio.create_task(ends())
    assert await Guard.take_over(tmp_path / "deadman") is None
    await ending
    listener.close()


async def test_a_deadman_that_refuses_to_be_taken_over_is_told(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "deadman"))
    listener.listen(1)
    listener.setblocking(False)
    loop = asyncio.get_running_loop()

    async def refuses():
        connection, _ = await loop.sock_accept(listener)
        await loop.sock_recv(connection, 100)
        await loop.sock_sendall(connection, b"no yield: control is alive\n")
        await asyncio.sleep(0.1)
        connection.close()

    refusing = asyncio.create_task(refuses())
    with pytest.raises(GuardError, match="control is alive"):
        await Guard.take_over(tmp_path / "deadman")
    await refusing
    listener.close()
