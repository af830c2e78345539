"""What came instead of a reply: bytes that nobody understands, and the request itself."""

import asyncio
import gc

import pytest
from structlog.testing import capture_logs

from pumpd.wire import EchoError, Lane, NotUnderstoodError, ReplyTimeoutError, escaped, memory
from pumpd.wire.heard import SEARCHED, SHOWN, Heard

from .lines import Peer, ask, opened


class EchoingPeer(Peer):
    """A line that returns every byte at once; `pieces` of one byte, `answers` False for TX and RX connected."""

    def __init__(self, *, pieces=False, answers=True):
        super().__init__()
        self.pieces, self.answers = pieces, answers

    def feed(self, data):
        for part in [data[n : n + 1] for n in range(len(data))] if self.pieces else [data]:
            self.say(part)
        if self.answers:
            super().feed(data)


@pytest.fixture
async def on():
    links = []

    async def connect(peer, **more):
        link = await opened(f"heard-{id(peer)}", peer, **more)
        links.append(link)
        return link

    yield connect
    for link in links:
        await link.close()
        memory.withdraw(link.port.removeprefix("memory://"))


async def failure(awaitable):
    with pytest.raises(ReplyTimeoutError) as caught:
        await awaitable
    return caught.value


@pytest.mark.requirement("COM-16")
async def test_an_answer_that_nobody_understands_is_told_with_its_bytes(on):
    peer = Peer()
    link = await on(peer)
    peer.mute = {b"a"}
    asyncio.get_running_loop().call_later(0.1, peer.say, b'V3.61A "\x00\x82\nrest')
    error = await failure(ask(link, b"a"))
    assert isinstance(error, NotUnderstoodError)
    assert r'not understood: "V3.61A \x22\x00\x82\x0arest"' in str(error)
    assert "19200 baud, 8N1" in str(error)
    assert error.frames == (b'V3.61A "\x00\x82',)


@pytest.mark.requirement("COM-16")
async def test_silence_stays_silence_whatever_came_before_the_request(on):
    peer = Peer()
    link = await on(peer)
    peer.mute = {b"a"}
    peer.say(b"noise\n")
    await asyncio.sleep(0.1)
    error = await failure(ask(link, b"a"))
    assert type(error) is ReplyTimeoutError
    assert str(error) == "no reply within 0.5 s"


async def test_what_is_kept_of_an_answer_is_bounded(on):
    peer = Peer()
    link = await on(peer)
    peer.mute = {b"a"}
    asyncio.get_running_loop().call_later(0.01, peer.say, b"?\n" * 100 + b"z" * 100)
    error = await failure(ask(link, b"a", timeout_s=1))
    assert len(error.frames) == 8
    shown = str(error).split('"')[1]
    assert shown.endswith("z" * 100)
    assert shown.count("?") == (SHOWN - 100) // 2


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize("pieces", [False, True])
async def test_an_answer_behind_an_echo_is_found_and_the_echo_is_told_once(on, pieces):
    link = await on(EchoingPeer(pieces=pieces))
    with capture_logs() as logs:
        assert [await ask(link, b"a"), await ask(link, b"b")] == [b"a!", b"b!"]
    assert [entry["event"] for entry in logs] == ["line_echoes"]
    assert link.statistics.discarded == 0


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize("pieces", [False, True])
async def test_an_echo_alone_is_never_an_answer_although_it_has_its_shape(on, pieces):
    link = await on(EchoingPeer(pieces=pieces, answers=False))
    error = await failure(link.exchange(b"a!\n", lambda frame: frame == b"a!", 0.5))
    assert isinstance(error, EchoError)
    assert "the line returns what is sent" in str(error)


@pytest.mark.requirement("COM-16")
async def test_an_echo_behind_noise_is_found(on):
    peer = EchoingPeer(answers=False)
    link = await on(peer)
    asked = asyncio.ensure_future(link.exchange(b"a!\n", lambda frame: frame == b"a!", 0.5))
    await asyncio.sleep(0)
    peer.say(b"\x00")
    error = await failure(asked)
    assert isinstance(error, NotUnderstoodError)
    assert r'"\x00"; the line also returns what is sent' in str(error)


@pytest.mark.requirement("COM-16")
async def test_a_protocol_that_confirms_by_repeating_is_told_from_an_echo_once_the_line_is_known(on):
    """Here `a!` confirms `a!`. The first request, whose answer differs, shows whether the line echoes."""

    class Repeating(Peer):
        def say(self, data):
            super().say(data.replace(b"!!", b"!"))

    class EchoingAndRepeating(EchoingPeer, Repeating):
        pass

    for peer, copies in ((Repeating(), 1), (EchoingAndRepeating(), 2)):
        link, came = await on(peer), []
        assert await ask(link, b"who") == b"who!"
        link.taps.append(lambda way, data, _, came=came: came.append(data) if way == "in" else None)
        answer = await link.exchange(b"a!\n", lambda frame: frame == b"a!", 0.5, may_repeat=True)
        assert (answer, b"".join(came).count(b"a!\n")) == (b"a!", copies)
    only = await on(EchoingPeer(answers=False))
    await failure(ask(only, b"who"))
    error = await failure(only.exchange(b"a!\n", lambda frame: frame == b"a!", 0.5, may_repeat=True))
    assert isinstance(error, EchoError)


@pytest.mark.requirement("COM-16")
async def test_the_echo_of_an_acknowledgement_is_not_answered_again(on):
    """The host must answer `ping` with `ping`: an echo of that would never end."""
    peer = EchoingPeer()
    peer.mute = {b"ping"}
    link = await on(peer, respond=lambda frame: b"ping\n" if frame == b"ping" else None)
    assert await ask(link, b"a") == b"a!"
    peer.say(b"ping\n")
    await asyncio.sleep(5)
    assert peer.lines == [b"a", b"ping"]
    assert await ask(link, b"b") == b"b!"


async def test_a_new_connection_is_not_known_to_echo(on):
    peer = EchoingPeer()
    link = await on(peer)
    assert await ask(link, b"a") == b"a!"
    name = link.port.removeprefix("memory://")
    memory.unplug(name)
    memory.plug(name)
    await asyncio.sleep(10)
    with capture_logs() as logs:
        assert await ask(link, b"a") == b"a!"
    assert [entry["event"] for entry in logs] == ["line_echoes"]


def test_what_is_searched_for_an_echo_is_bounded():
    heard = Heard()
    heard.begin(b"never\n", may_repeat=False)
    for _ in range(100):
        heard.without_echo(bytes(100))
    assert len(heard._bytes) == SEARCHED


def test_bytes_are_shown_as_printable_text():
    assert escaped(bytes(range(0x1F, 0x23)) + b"\\~\x7f\xff") == r"\x1f !\x22\x5c~\x7f\xff"


async def test_a_stop_whose_caller_was_cancelled_leaves_no_unseen_error(on):
    peer = Peer()
    link = await on(peer)
    peer.mute = {b"stop"}
    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["message"]))
    task = asyncio.create_task(ask(link, b"stop", lane=Lane.STOP))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(2)
    del task
    gc.collect()
    assert seen == []
