"""A stop waits for no lost, late or damaged reply, and is sent again until it is answered (STP-11). In virtual time."""

import asyncio
import gc
import itertools

import pytest

from pumpd.wire import (
    Lane,
    LineFacts,
    LineSettings,
    LinkLostError,
    NotUnderstoodError,
    OvertakenError,
    ReplyTimeoutError,
    memory,
)
from pumpd.wire.pace import AGAIN_S, FIRST_S, Pace

from .lines import LINE, answer_to, ask, opened

pytestmark = pytest.mark.requirement("STP-11")

A, STOP = LINE.time_for(len(b"a\n")), LINE.time_for(len(b"stop\n"))
ANSWER_S = A + 0.01 + LINE.time_for(len(b"a!\n"))  # of `a` on a healthy line


def now():
    return asyncio.get_running_loop().time()


async def outcome(awaitable):
    try:
        return await awaitable
    except Exception as error:  # noqa: BLE001 - the error is the result
        return error


def begin(coroutine):
    return asyncio.create_task(outcome(coroutine))


def stops(peer):
    """The instants at which the stop frame's first byte left."""
    return [at - STOP for at, line in peer.heard if line == b"stop"]


def stop(link, answers=None, timeout_s=0.5, **more):
    link.begin_stop(more.get("party"))
    return link.exchange(b"stop\n", answers or answer_to(b"stop"), timeout_s, Lane.STOP_FRAME, **more)


async def heard_once(link):
    """The link knows how long an answer takes here."""
    assert await ask(link, b"a") == b"a!"
    return now()


# -- when the stop leaves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.0149, 0.1])
async def test_a_stop_waits_for_a_lost_reply_no_longer_than_for_a_healthy_one(link, peer, after_s):
    sent = await heard_once(link)
    peer.mute = {b"a"}
    begin(ask(link, b"a"))
    await asyncio.sleep(after_s)
    called = now()
    assert await stop(link) == b"stop!"
    assert stops(peer) == [pytest.approx(max(called, sent + 1.5 * ANSWER_S), abs=1e-6)]


async def test_a_stop_still_follows_an_answer_that_comes_in_time(link, peer):
    """Nothing is sent into an answer: some pumps would not read it."""
    sent = await heard_once(link)
    asked = begin(ask(link, b"a"))
    await asyncio.sleep(0)
    assert await stop(link) == b"stop!"
    assert await asked == b"a!"
    assert stops(peer) == [pytest.approx(sent + ANSWER_S, abs=1e-6)]


async def test_a_damaged_reply_is_waited_for_as_long_as_a_lost_one_and_told(link, peer):
    sent = await heard_once(link)
    peer.mute = {b"a"}
    asked = begin(ask(link, b"a", timeout_s=0.3))
    await asyncio.sleep(0.005)
    peer.say(b"\xff!\n")
    assert await stop(link) == b"stop!"
    assert stops(peer) == [pytest.approx(sent + 1.5 * ANSWER_S, abs=1e-6)]
    assert isinstance(await asked, NotUnderstoodError)


async def test_before_any_answer_was_heard_a_stop_waits_as_long_as_the_family_calls_healthy(peer):
    link = await opened("unheard", peer, facts=LineFacts(healthy_s=0.04, longest_bytes=50))
    peer.mute = {b"a"}
    begin(ask(link, b"a"))
    await asyncio.sleep(0)
    assert await stop(link) == b"stop!"
    assert stops(peer) == [pytest.approx(1.5 * (0.04 + LINE.time_for(50)), abs=1e-6)]
    await link.close()
    memory.withdraw("unheard")


async def test_an_answer_that_takes_too_long_to_be_healthy_makes_no_stop_wait_longer(link, peer):
    await heard_once(link)
    peer.delay_s = 0.4
    assert await ask(link, b"a") == b"a!"
    peer.mute = {b"a"}
    sent = now()
    begin(ask(link, b"a"))
    await asyncio.sleep(0)
    peer.delay_s = 0.01
    assert await stop(link) == b"stop!"
    assert stops(peer) == [pytest.approx(sent + 1.5 * ANSWER_S, abs=1e-6)]


async def test_on_a_new_connection_what_the_old_one_took_is_forgotten(link, peer, cable):
    await heard_once(link)
    memory.unplug(cable)
    memory.plug(cable)
    await asyncio.sleep(10)
    peer.mute = {b"a"}
    sent = now()
    begin(ask(link, b"a"))
    await asyncio.sleep(0)
    assert await stop(link) == b"stop!"
    facts = LineFacts()
    assert stops(peer) == [pytest.approx(sent + 1.5 * (facts.healthy_s + LINE.time_for(facts.longest_bytes)))]


async def test_a_stop_does_not_wait_where_the_pump_reads_while_it_answers(peer):
    link = await opened("duplex", peer, facts=LineFacts(reads_while_answering=True))
    peer.mute = {b"a"}
    asked = begin(ask(link, b"a"))
    await asyncio.sleep(0.01)
    peer.say(b"a")
    await asyncio.sleep(0.01)  # half of the answer has come
    called = now()
    stopping = asyncio.create_task(stop(link))
    await asyncio.sleep(0)
    peer.say(b"!\n")
    assert await asked == b"a!"
    assert await stopping == b"stop!"
    assert stops(peer) == [pytest.approx(called, abs=1e-6)]
    await link.close()
    memory.withdraw("duplex")


async def test_the_question_after_a_stop_waits_for_no_lost_reply_either(link, peer):
    """Another pump on the line is asked between a stop and its question."""
    other = link.enter()
    await heard_once(link)
    peer.mute = {b"b"}
    stopping = asyncio.create_task(stop(link))
    begin(ask(link, b"b", party=other))
    await stopping
    sent = now()
    assert await ask(link, b"a", lane=Lane.STOP) == b"a!"
    assert peer.heard[-1][0] == pytest.approx(sent + 1.5 * link._pace.longest_s + A, abs=1e-6)


# -- again and again ---------------------------------------------------------------------------------------------


async def test_in_its_first_second_a_stop_is_sent_again_and_nothing_between(link, peer):
    await heard_once(link)
    other = link.enter()
    peer.mute = {b"stop"}
    waiting = [begin(ask(link, b"a", party=other)), begin(ask(link, b"a"))]
    await asyncio.sleep(ANSWER_S / 2)
    called = now()
    link.begin_stop()
    while now() < called + FIRST_S:
        request = link.exchange(b"stop\n", answer_to(b"stop"), 0.4, Lane.STOP_FRAME)
        assert isinstance(await outcome(request), ReplyTimeoutError)
    sent = [(at, line) for at, line in peer.heard if called + ANSWER_S < at < called + FIRST_S]
    assert {line for _, line in sent} == {b"stop"}
    assert len(sent) >= 8
    instants = [called, *(at for at, _ in sent), called + FIRST_S]
    assert max(later - earlier for earlier, later in itertools.pairwise(instants)) <= 0.15
    await asyncio.gather(*waiting)


async def test_a_damaged_answer_brings_the_next_stop_soon_and_floods_no_pump(link, peer):
    await heard_once(link)
    peer.mute = {b"stop"}
    began = now()
    stopping = begin(stop(link))
    await asyncio.sleep(0.004)
    peer.say(b"\xff!\n")
    assert isinstance(await stopping, NotUnderstoodError)  # its caller sends the next one
    assert now() - began == pytest.approx(max(0.05, 1.5 * ANSWER_S), abs=1e-6)


async def test_after_its_first_second_a_stop_is_sent_once(link, peer):
    peer.mute = {b"stop"}
    link.begin_stop()
    await asyncio.sleep(FIRST_S)
    await outcome(link.exchange(b"stop\n", answer_to(b"stop"), 0.5, Lane.STOP_FRAME))
    assert peer.lines == [b"stop"]


async def test_a_stop_that_was_sent_again_is_answered_by_any_reply_to_it(link, peer):
    """The first reply takes longer than the next frame: it is a reply to a stop all the same."""
    peer.delay_s = AGAIN_S + 0.05
    assert await stop(link) == b"stop!"
    assert peer.lines == [b"stop", b"stop"]


async def test_the_question_after_a_stop_that_was_sent_again_waits_until_all_its_replies_came(link, peer):
    await heard_once(link)
    peer.delay_s = AGAIN_S - 0.001  # the second frame has just left when the reply to the first comes
    stray = []
    link.on_stray = stray.append
    assert await stop(link) == b"stop!"
    peer.delay_s, asked = 0.01, now()
    assert await ask(link, b"a", lane=Lane.STOP) == b"a!"
    assert peer.lines[-1] == b"a"
    assert peer.heard[-1][0] - A >= asked
    assert peer.heard[-1][0] - A == pytest.approx(stops(peer)[-1] + ANSWER_S, abs=1e-6)


async def test_a_lost_reply_to_the_question_brings_the_next_stop_frame_in_time(link, peer):
    await heard_once(link)
    peer.mute = {b"a"}
    assert await stop(link) == b"stop!"
    assert isinstance(await outcome(ask(link, b"a", lane=Lane.STOP)), ReplyTimeoutError)
    await stop(link)
    first, second = stops(peer)
    assert second - first <= 0.15


async def test_once_a_question_was_answered_in_time_further_ones_follow_it(link, peer):
    """A lost reply to the first stop frame does not keep a family that asks twice from its confirmation."""
    await heard_once(link)
    peer.mute = {b"stop"}
    asyncio.get_running_loop().call_later(AGAIN_S / 2, peer.mute.clear)
    assert await stop(link) == b"stop!"
    for _ in range(20):
        assert await ask(link, b"a", lane=Lane.STOP) == b"a!"
    assert len(stops(peer)) == 2


async def test_on_a_line_that_cannot_carry_it_a_stop_is_sent_again_as_often_as_it_can():
    slow = LineSettings(300)
    frame = b"0123456789"
    assert Pace(slow, LineFacts()).again_s(frame) == pytest.approx(2 * 10 * 10 / 300)
    assert Pace(LINE, LineFacts()).again_s(frame) == AGAIN_S <= 0.15


# -- whose reply it is ---------------------------------------------------------------------------------------------


async def test_a_reply_that_comes_after_the_stop_was_sent_is_its_own_request_s(link, peer):
    await heard_once(link)
    peer.delay_s = 0.06
    asked = begin(ask(link, b"a"))
    await asyncio.sleep(0.001)
    peer.mute = {b"stop"}
    stopping = asyncio.create_task(stop(link))
    await asyncio.sleep(0.07)
    assert await asked == b"a!"
    assert not stopping.done()
    peer.mute, peer.delay_s = set(), 0.01
    assert await stopping == b"stop!"


async def test_a_late_reply_that_the_stop_would_accept_too_is_nobody_s(link, peer):
    """No byte shows whose it is. The stop is sent again, and its own reply counts."""
    await heard_once(link)
    peer.delay_s = 0.06
    asked = begin(link.exchange(b"a\n", lambda _: True, 0.5))
    await asyncio.sleep(0.001)
    peer.mute = {b"stop"}
    stopping = asyncio.create_task(stop(link, lambda _: True))
    await asyncio.sleep(0.07)
    assert isinstance(await asked, ReplyTimeoutError)
    assert not stopping.done()
    peer.mute, peer.delay_s = set(), 0.01
    assert await stopping == b"stop!"
    assert len(stops(peer)) == 2
    assert stops(peer)[1] - stops(peer)[0] <= 0.15


async def test_what_was_passed_has_no_answer_once_the_stop_is_answered(link, peer):
    """A pump answers in order."""
    await heard_once(link)
    peer.mute = {b"a"}
    asked = begin(link.exchange(b"a\n", answer_to(b"a"), 0.5))
    await asyncio.sleep(0)
    await stop(link)
    at = now()
    assert isinstance(await asked, ReplyTimeoutError)
    assert now() == at
    peer.mute = set()
    assert await ask(link, b"a", lane=Lane.STOP) == b"a!"


@pytest.mark.requirement("COM-14")
async def test_after_a_stop_the_line_is_left_until_the_reply_that_was_passed_can_come_no_more(link, peer):
    await heard_once(link)
    sent = now()
    peer.mute = {b"a"}
    begin(ask(link, b"a", timeout_s=0.5))
    await asyncio.sleep(0)
    await stop(link)
    peer.mute = set()
    assert await ask(link, b"b") == b"b!"
    assert peer.heard[-1][0] >= sent + 0.5 + 0.2


async def test_a_port_that_is_lost_fails_what_a_stop_has_passed_as_sent(link, peer, cable):
    await heard_once(link)
    peer.mute = {b"a", b"stop"}
    asked = begin(ask(link, b"a"))
    await asyncio.sleep(0)
    stopping = begin(stop(link))
    await asyncio.sleep(0.1)
    memory.unplug(cable)
    results = await asyncio.gather(asked, stopping)
    assert all(isinstance(result, LinkLostError) and result.sent for result in results)


# -- several pumps on one line ---------------------------------------------------------------------------------------


async def test_the_stop_of_a_dead_pump_delays_no_other_pump_s_stop(link, peer):
    """Each is sent again in time, and none waits for the other's reply."""
    await heard_once(link)
    dead, alive = link.enter(), link.enter()
    peer.mute = {b"stop"}
    begin(stop(link, party=dead))
    await asyncio.sleep(0.05)
    called = now()
    link.begin_stop(alive)
    assert await link.exchange(b"halt\n", answer_to(b"halt"), 0.5, Lane.STOP_FRAME, None, alive) == b"halt!"
    (halted,) = [at for at, line in peer.heard if line == b"halt"]
    assert halted - LINE.time_for(5) <= called + 1.5 * ANSWER_S
    await asyncio.sleep(0.4)
    between = itertools.pairwise(stops(peer))
    assert all(later - earlier <= 0.15 for earlier, later in between)
    assert len(stops(peer)) >= 4


async def test_a_stop_frame_that_waited_beyond_its_first_second_is_sent_once_more_and_no_more(peer):
    """It was due before, and let another pump's stop go first."""
    link = await opened("waited", peer)
    first, second = link.enter(), link.enter()
    peer.mute = {b"stop", b"halt"}
    link.begin_stop(first)
    await asyncio.sleep(0.04)
    one = begin(link.exchange(b"stop\n", answer_to(b"stop"), 2, Lane.STOP_FRAME, None, first))
    await asyncio.sleep(0.87)
    link.begin_stop(second)
    other = begin(link.exchange(b"halt\n", answer_to(b"halt"), 2, Lane.STOP_FRAME, None, second))
    await asyncio.gather(one, other)
    assert len([at for at in stops(peer) if at > FIRST_S]) <= 1
    assert len(peer.lines) <= 2 * (FIRST_S / AGAIN_S + 1)
    await link.close()
    memory.withdraw("waited")


async def test_a_port_that_fails_as_the_stop_is_sent_again_fails_it_as_sent(link, peer):
    """The pump may have had the first frame: this stop is not certainly unsent."""
    peer.mute = {b"stop"}
    stopping = begin(stop(link))
    await asyncio.sleep(0.01)

    def refuses(data):
        raise LinkLostError("unplugged", sent=False)

    link._transport.write = refuses
    error = await stopping
    assert isinstance(error, LinkLostError)
    assert error.sent


async def test_two_stops_of_one_pump_are_one_series(link, peer):
    await heard_once(link)
    peer.mute = {b"stop"}
    both = [begin(stop(link)), begin(stop(link))]
    await asyncio.sleep(0.3)
    assert all(later - earlier >= 0.1 for earlier, later in itertools.pairwise(stops(peer)))
    peer.mute = set()
    assert await asyncio.gather(*both) == [b"stop!"] * 2


# -- a refused request ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["a stop is under way", "the port is lost"])
async def test_a_plain_loop_of_refused_requests_lets_others_run(link, peer, cable, why):
    peer.mute = {b"stop"}
    if why == "the port is lost":
        memory.unplug(cable)
    else:
        begin(stop(link))
        await asyncio.sleep(0)
    turns = []
    for number in range(3):
        asyncio.get_running_loop().call_soon(turns.append, number)
        assert isinstance(await outcome(ask(link, b"a")), OvertakenError | LinkLostError)
        assert turns == list(range(number + 1))


@pytest.mark.parametrize("lane", [Lane.NORMAL, Lane.STOP, Lane.STOP_FRAME])
async def test_a_task_that_is_cancelled_as_its_exchange_fails_leaves_no_unseen_error(peer, lane):
    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["message"]))
    link = await opened("silent", peer)
    peer.mute = {b"a"}
    task = asyncio.create_task(ask(link, b"a", timeout_s=0.1, lane=lane))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(now() + 0.1, task.cancel)  # just as the time-out comes
    await asyncio.wait({task})
    await link.close()
    memory.withdraw("silent")
    del task
    gc.collect()
    assert seen == []
