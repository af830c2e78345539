"""What a link counts, shows and clears, exactly; in virtual time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from pumpd.wire import Lane, Link, LinkLostError, OvertakenError, PortError, ReplyTimeoutError, memory

from .lines import LINE, LineFramer, ask, opened


def now():
    return asyncio.get_running_loop().time()


def byte_s(count):
    return count * 10 / 19200  # ten bits a byte at 19200 baud


async def outcome(awaitable):
    try:
        return await awaitable
    except Exception as error:  # noqa: BLE001 - the error is the result
        return error


async def test_the_worst_round_trip_stays_and_the_last_one_does_not(link, peer):
    for delay_s in (0.01, 0.05, 0.02):
        peer.delay_s = delay_s
        await ask(link, b"a")
    counts = link.statistics
    assert counts.rtt_last_s == pytest.approx(byte_s(2) + 0.02 + byte_s(3), abs=1e-5)
    assert counts.rtt_worst_s == pytest.approx(byte_s(2) + 0.05 + byte_s(3), abs=1e-5)
    assert (counts.exchanges, counts.answered, counts.timeouts, counts.discarded) == (3, 3, 0, 0)
    assert (counts.bytes_out, counts.bytes_in, counts.overtaken, counts.lost) == (6, 9, 0, 0)


async def test_an_exchange_in_vain_is_counted_once_and_its_late_answer_is_discarded(link, peer):
    peer.delay_s = 0.2
    begun = now()
    with pytest.raises(ReplyTimeoutError):
        await ask(link, b"a", timeout_s=0.1)
    assert now() - begun == pytest.approx(0.1)
    await asyncio.sleep(1)
    counts = link.statistics
    assert (counts.exchanges, counts.answered, counts.timeouts, counts.discarded) == (1, 0, 1, 1)
    assert counts.rtt_last_s == counts.rtt_worst_s == 0


async def test_an_answer_whose_task_was_cancelled_is_counted_as_answered_and_discarded(link, peer):
    asking = asyncio.create_task(ask(link, b"a"))
    await asyncio.sleep(0.001)
    asking.cancel()
    await asyncio.sleep(1)
    counts = link.statistics
    assert (counts.exchanges, counts.answered, counts.discarded, counts.timeouts) == (1, 1, 1, 0)


async def test_what_a_stop_overtakes_is_counted(link, peer):
    peer.delay_s = 0.05
    asked = [asyncio.create_task(outcome(ask(link, name))) for name in (b"a", b"b", b"c")]
    await asyncio.sleep(0.001)
    stopping = asyncio.create_task(ask(link, b"stop", lane=Lane.STOP))
    await asyncio.sleep(0)
    assert isinstance(await outcome(ask(link, b"d")), OvertakenError)
    assert await stopping == b"stop!"
    first, *others = [await each for each in asked]
    assert first == b"a!"
    assert all(isinstance(each, OvertakenError) for each in others)
    assert link.statistics.overtaken == 3  # two that waited, and one that came while the stop did
    assert (link.statistics.exchanges, link.statistics.answered) == (2, 2)


async def test_the_number_of_a_sequence_grows_by_one_for_a_stop_and_for_a_lost_line(link, peer, cable):
    before = link.epoch
    await ask(link, b"stop", lane=Lane.STOP)
    assert link.epoch == before + 1
    memory.unplug(cable)
    await asyncio.sleep(0.01)
    assert link.epoch == before + 2
    assert (link.statistics.lost, link.connections) == (1, 1)
    memory.plug(cable)
    await asyncio.sleep(10)
    assert (link.epoch, link.connections) == (before + 2, 2)


async def test_each_change_of_the_connection_is_told(link, peer, cable):
    told = []
    link.on_change = told.append
    memory.unplug(cable)
    await asyncio.sleep(0.01)
    assert (told, link.connected, link.fileno()) == ([False], False, None)
    memory.plug(cable)
    await asyncio.sleep(10)
    assert (told, link.connected) == ([False, True], True)


async def test_what_was_lost_says_whether_it_was_sent(link, peer, cable):
    peer.mute = {b"a"}
    asked = [asyncio.create_task(outcome(ask(link, name))) for name in (b"a", b"b")]
    await asyncio.sleep(0.01)
    memory.unplug(cable)
    sent, waited = [await each for each in asked]
    assert isinstance(sent, LinkLostError)
    assert sent.sent
    assert isinstance(waited, LinkLostError)
    assert not waited.sent
    at_once = await outcome(ask(link, b"c"))
    assert isinstance(at_once, LinkLostError)
    assert not at_once.sent


async def test_how_often_it_was_tried_is_logged(link, cable):
    with capture_logs() as logs:
        memory.unplug(cable)
        await asyncio.sleep(0.01)
        memory.plug(cable)
        await asyncio.sleep(10)
    assert [(each["event"], each["log_level"]) for each in logs] == [
        ("link_lost", "warning"),
        ("link_restored", "info"),
    ]
    assert logs[1]["tries"] == 1


async def test_a_closed_link_says_so_and_a_link_that_is_open_too(link):
    with pytest.raises(PortError, match="this link is already open"):
        await link.open()
    await link.close()
    with pytest.raises(PortError, match="this link is closed"):
        await link.open()


async def test_before_it_was_opened_it_refuses_and_says_why():
    link = Link("memory://none", LINE, LineFramer())
    assert not link.connected
    with pytest.raises(LinkLostError, match="not open yet"):
        await ask(link, b"a")


async def test_a_party_that_leaves_fails_what_it_still_wants_and_no_other(link, peer):
    peer.delay_s = 0.05
    one, other = link.enter(), link.enter()
    asked = [
        asyncio.create_task(outcome(ask(link, name, party=party)))
        for name, party in ((b"a", other), (b"b", one), (b"c", other))
    ]
    await asyncio.sleep(0.001)
    link.leave(one)
    link.leave(one)
    a, b, c = [await each for each in asked]
    assert (a, c) == (b"a!", b"c!")
    assert "side of the link was closed" in str(b)
    assert peer.lines == [b"a", b"c"]


async def test_a_stray_frame_is_shown_to_each_party(link, peer):
    strays = []
    link.on_stray = lambda frame: strays.append(("own", frame))
    assert link.on_stray is not None
    party = link.enter()
    party.on_stray = lambda frame: strays.append(("party", frame))
    link.enter()  # wants to see none
    peer.say(b"x!\n")
    await asyncio.sleep(1)
    assert strays == [("own", b"x!"), ("party", b"x!")]
    assert link.statistics.discarded == 1


async def test_after_a_timeout_the_line_is_quiet_for_a_fifth_of_a_second_before_the_next_question(link, peer):
    peer.mute = {b"a"}
    begun = now()
    with pytest.raises(ReplyTimeoutError):
        await ask(link, b"a", timeout_s=0.1)
    assert await ask(link, b"b") == b"b!"
    asked_at = peer.heard[-1][0] - begun
    assert asked_at == pytest.approx(0.1 + 0.2 + byte_s(2), abs=1e-4)


async def test_what_is_heard_while_it_waits_for_quiet_makes_it_wait_from_then(link, peer):
    peer.mute = {b"a"}
    begun = now()
    with pytest.raises(ReplyTimeoutError):
        await ask(link, b"a", timeout_s=0.1)
    await asyncio.sleep(0.1)
    peer.say(b"?\n")
    assert await ask(link, b"b") == b"b!"
    heard_at = 0.2 + byte_s(2)
    assert peer.heard[-1][0] - begun == pytest.approx(heard_at + 0.2 + byte_s(2), abs=1e-4)


async def test_a_line_that_is_not_quiet_for_two_seconds_refuses(link, peer):
    """The first fifth of a second and nine more."""
    link.unsettle()
    begun = now()

    async def babble():
        while True:
            peer.say(b"?\n")
            await asyncio.sleep(0.05)

    babbling = asyncio.create_task(babble())
    refused = await outcome(ask(link, b"b"))
    assert "does not become quiet" in str(refused)
    assert 2.0 <= now() - begun < 2.3
    babbling.cancel()
    await asyncio.wait({babbling})


async def test_a_link_is_opened_with_an_empty_framer_each_time(peer):
    link = await opened("edges", peer)
    framer = link._framer
    framer.feed(b"half")
    memory.unplug("edges")
    await asyncio.sleep(0.01)
    memory.plug("edges")
    await asyncio.sleep(10)
    assert await ask(link, b"a") == b"a!"
    assert link.has_framer(LineFramer)
    assert not link.has_framer(object)
    await link.close()
    memory.withdraw("edges")
