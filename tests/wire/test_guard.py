"""Control's side of the deadman, against a deadman that does what a real one should not: a socket pair in process."""

import asyncio
import contextlib
import socket

import pytest

from pumpd.wire import guard as guard_module
from pumpd.wire.guard import Guard, GuardError, _now_ns


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


async def test_an_answer_is_awaited_for_half_a_second_and_a_late_one_counts_for_no_other_line(pair):
    guard, deadman, troubles, _ = pair
    loop = asyncio.get_running_loop()
    asked = loop.time()
    with pytest.raises(GuardError, match="does not answer"):
        await guard.arm(10)
    assert loop.time() - asked == pytest.approx(0.5)
    assert troubles == ["the deadman does not answer"]
    again = asyncio.create_task(guard.stand_down())
    await asyncio.sleep(0.01)
    deadman.send(b"ok lease armed\n")
    await asyncio.sleep(0.01)
    assert not again.done()
    deadman.send(b"ok stand-down idle\n")
    await again
    assert not guard.alive, "only a new start may forget that it was silent"


async def test_a_start_forgets_an_earlier_silence(pair):
    guard, deadman, _, _ = pair
    with pytest.raises(GuardError, match="does not answer"):
        await guard.stand_down()
    arming = asyncio.create_task(guard.arm(10))
    await asyncio.sleep(0.01)
    deadman.send(b"ok stand-down idle\nok lease armed\n")
    await arming
    assert guard.alive


async def test_a_refused_lease_is_reported_and_another_refusal_only_raised(pair):
    guard, deadman, troubles, unseen = pair
    asked = asyncio.create_task(guard.set_stop([b"A"]))
    await asyncio.sleep(0.01)
    assert deadman.recv(100) == b"stop 100 41\n"
    deadman.send(b"no stop: not a pause and frames\n")
    with pytest.raises(GuardError, match="the deadman refuses: stop: not a pause and frames"):
        await asked
    assert (troubles, guard.alive) == ([], True)
    assert guard.renew(10) is True
    await asyncio.sleep(0.01)
    deadman.send(b"no lease: it has lapsed\n")
    await asyncio.sleep(0.01)
    assert troubles == ["the deadman refuses: lease: it has lapsed"]
    assert guard.renew(10) is False
    assert unseen == []


async def test_what_waits_ends_when_the_deadman_does_and_that_is_told_once(pair):
    guard, deadman, troubles, unseen = pair
    asked = [asyncio.create_task(guard.stand_down()) for _ in range(2)]
    await asyncio.sleep(0.01)
    deadman.close()
    for each in asked:
        with pytest.raises(GuardError, match="has died"):
            await each
    assert guard.ended
    assert guard.renew(10) is False
    with pytest.raises(GuardError, match="has died"):
        await guard.arm(10)
    assert (troubles, unseen) == (["the deadman has died"], [])


async def test_half_a_reply_waits_for_its_end(pair):
    guard, deadman, _, _ = pair
    asked = asyncio.create_task(guard.stand_down())
    await asyncio.sleep(0.01)
    for part in (b"ok sta", b"nd-down id"):
        deadman.send(part)
        await asyncio.sleep(0.01)
        assert not asked.done()
    deadman.send(b"le\n")
    await asked


@pytest.mark.parametrize(
    ("said", "state", "stopping", "written"),
    [(b"ok yield stopping 1 3\n", "stopping", True, 3), (b"ok yield armed 0 0\n", "armed", False, 0)],
)
async def test_a_deadman_that_is_taken_over_says_what_it_did(tmp_path, said, state, stopping, written):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "deadman"))
    listener.listen(1)
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    before_ns = _now_ns()

    async def yields():
        connection, _ = await loop.sock_accept(listener)
        await loop.sock_recv(connection, 100)
        await loop.sock_sendall(connection, said)
        return connection

    yielding = asyncio.create_task(yields())
    guard = await Guard.take_over(tmp_path / "deadman")
    assert guard is not None
    assert (guard.report.state, guard.report.frames_written) == (state, written)
    if stopping:  # since an instant of 1 ns after the machine's start
        assert before_ns - 1 <= guard.report.stopping_for_s * 1e9 <= _now_ns()
    else:
        assert guard.report.stopping_for_s is None
    (await yielding).close()
    await guard.close()
    listener.close()


async def test_a_socket_path_has_at_most_107_bytes(monkeypatch, tmp_path):
    def cannot(*_):
        raise OSError("no")

    monkeypatch.setattr(guard_module, "_run", cannot)
    for length, why in ((107, "the deadman does not start: no"), (108, "is longer than 107 bytes")):
        path = tmp_path / ("x" * (length - len(str(tmp_path)) - 1))
        with pytest.raises(GuardError, match=why):
            await Guard.spawn(0, [b"A"], path)


async def test_without_a_deadman_there_is_none_to_take_over_and_a_path_that_cannot_be_used_is_told(tmp_path):
    assert await Guard.take_over(tmp_path / "none") is None
    (tmp_path / "file").write_text("")
    assert await Guard.take_over(tmp_path / "file") is None  # nothing listens there
    with pytest.raises(GuardError, match="file/deadman: "):
        await Guard.take_over(tmp_path / "file" / "deadman")
