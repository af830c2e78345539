"""The promises of `pumpd.wire.link`, one by one, in virtual time."""

import asyncio
import itertools
import random
import sys

import pytest
from structlog.testing import capture_logs

from pumpd.wire import (
    BackOff,
    Direction,
    Lane,
    Link,
    LinkLostError,
    NotSentError,
    OvertakenError,
    PortError,
    ReplyTimeoutError,
    memory,
    open_transport,
)

from .lines import LINE, LineFramer, answer_to, ask, opened


def now():
    return asyncio.get_running_loop().time()


async def outcome(awaitable):
    try:
        return await awaitable
    except Exception as error:  # noqa: BLE001 - the error is the result
        return error


async def test_a_request_is_answered_and_counted(link):
    assert await ask(link, b"a") == b"a!"
    counts = link.statistics
    assert (counts.exchanges, counts.answered, counts.bytes_out, counts.bytes_in) == (1, 1, 2, 3)
    # two bytes out, the peer's 10 ms, three bytes in, ten bits a byte at 19200 baud
    assert counts.rtt_last_s == pytest.approx(2 * 10 / 19200 + 0.01 + 3 * 10 / 19200, abs=1e-5)


async def test_one_exchange_is_in_flight_at_a_time_and_order_is_kept(link, peer):
    answers = await asyncio.gather(*(ask(link, b"%d" % n) for n in range(5)))
    assert answers == [b"%d!" % n for n in range(5)]
    times = [at for at, _ in peer.heard]
    assert peer.lines == [b"%d" % n for n in range(5)]
    assert all(later - earlier > 0.01 for earlier, later in itertools.pairwise(times))


@pytest.mark.requirement("COM-14")
async def test_a_reply_to_another_command_is_discarded_counted_and_shown(link, peer):
    strays = []
    link.on_stray = strays.append
    pending = asyncio.create_task(ask(link, b"a"))
    await asyncio.sleep(0.001)
    peer.say(b"b!\n")
    assert await pending == b"a!"
    assert (link.statistics.discarded, strays) == (1, [b"b!"])


async def test_a_frame_that_came_with_the_answer_never_answers_the_next_request(link, peer):
    peer.mute = {b"a"}
    first = asyncio.create_task(ask(link, b"a"))
    second = asyncio.create_task(ask(link, b"b", timeout_s=0.05))
    await asyncio.sleep(0.005)
    peer.mute = {b"a", b"b"}
    peer.say(b"a!\nb!\n")  # together; b has not been sent yet
    assert await first == b"a!"
    with pytest.raises(ReplyTimeoutError):
        await second


@pytest.mark.requirement("COM-14")
async def test_a_late_reply_of_a_timed_out_exchange_never_answers_the_next_one(link, peer):
    """The same question again: only waiting for a quiet line separates the late reply from the new one."""
    peer.delay_s = 0.2
    with pytest.raises(ReplyTimeoutError):
        await ask(link, b"a", timeout_s=0.1)
    peer.delay_s = 0.01
    assert await ask(link, b"a") == b"a!"
    (_, second) = [at for at, _ in peer.heard]
    assert link.statistics.discarded == 1
    assert second > 0.2 + 0.2  # the late answer came at 0.2 s, and the line was then quiet for 0.2 s


async def test_a_line_that_never_falls_quiet_refuses_instead_of_hanging(link, peer):
    peer.mute = {b"a"}
    with pytest.raises(ReplyTimeoutError):
        await ask(link, b"a", timeout_s=0.1)

    async def babble():
        while True:
            peer.say(b"?\n")
            await asyncio.sleep(0.05)

    babbling = asyncio.create_task(babble())
    with pytest.raises(NotSentError, match="quiet"):
        await asyncio.wait_for(ask(link, b"b"), 10)
    assert peer.lines == [b"a"]
    babbling.cancel()
    await asyncio.wait({babbling})
    assert await ask(link, b"c") == b"c!"


async def test_an_earlier_partial_frame_is_not_part_of_a_reply(link, peer):
    peer.say(b"noi")
    await asyncio.sleep(0.1)
    assert await ask(link, b"a") == b"a!"


@pytest.mark.requirement("STP-02")
async def test_stop_overtakes_everything_queued_which_is_certainly_not_sent(link, peer):
    polls = [asyncio.create_task(outcome(ask(link, b"poll%d" % n))) for n in range(50)]
    await asyncio.sleep(0.001)
    stop = asyncio.create_task(ask(link, b"stop", lane=Lane.STOP))
    results = await asyncio.gather(*polls)
    assert await stop == b"stop!"
    assert peer.lines == [b"poll0", b"stop"]
    assert results[0] == b"poll0!"
    assert all(isinstance(result, OvertakenError) and not result.sent for result in results[1:])
    assert link.statistics.overtaken == 49


@pytest.mark.requirement("STP-02")
async def test_a_stop_is_sent_at_the_instant_at_which_the_exchange_in_flight_ends(link, peer):
    poll = asyncio.create_task(ask(link, b"poll"))
    await asyncio.sleep(0.001)
    stop = asyncio.create_task(ask(link, b"stop", lane=Lane.STOP))
    await poll
    answered = now()
    await stop
    heard = {line: at for at, line in peer.heard}[b"stop"]
    assert heard - answered == pytest.approx(LINE.time_for(5), abs=1e-5)  # nothing but its own bytes


async def test_a_stop_is_sent_at_once_on_an_idle_line(link, peer):
    await ask(link, b"stop", lane=Lane.STOP)
    assert peer.heard[0][0] == pytest.approx(LINE.time_for(5), abs=1e-5)


@pytest.mark.requirement("STP-02")
async def test_nothing_is_sent_while_a_stop_waits_or_is_answered(link, peer):
    poll = asyncio.create_task(ask(link, b"poll"))
    await asyncio.sleep(0.001)
    stop = asyncio.create_task(ask(link, b"stop", lane=Lane.STOP))
    await asyncio.sleep(0.001)
    for _ in range(20):
        if not stop.done():
            with pytest.raises(OvertakenError):
                await ask(link, b"start")
        await asyncio.sleep(0.002)
    await asyncio.gather(poll, stop)
    assert peer.lines == [b"poll", b"stop"]
    assert await ask(link, b"after") == b"after!"


@pytest.mark.requirement("STP-02")
async def test_a_sequence_cannot_continue_after_a_stop_in_between(link, peer):
    """The step before start is in flight when the stop comes: start is asked for in the instant after it."""
    epoch = link.epoch

    async def sequence():
        await ask(link, b"arm", epoch=epoch)
        await asyncio.sleep(5)  # long after the stop has been answered
        await ask(link, b"start", epoch=epoch)

    running = asyncio.create_task(outcome(sequence()))
    await asyncio.sleep(0.001)
    await ask(link, b"stop", lane=Lane.STOP)
    assert isinstance(await running, OvertakenError)
    assert peer.lines == [b"arm", b"stop"]


async def test_stop_does_not_wait_for_a_quiet_line(link, peer):
    peer.mute = {b"a"}
    with pytest.raises(ReplyTimeoutError):
        await ask(link, b"a", timeout_s=0.1)
    at = now()
    await ask(link, b"stop", lane=Lane.STOP)
    assert peer.heard[-1] == (pytest.approx(at + LINE.time_for(5), abs=1e-5), b"stop")


async def test_a_second_stop_follows_the_first(link, peer):
    await asyncio.gather(ask(link, b"stop1", lane=Lane.STOP), ask(link, b"stop2", lane=Lane.STOP))
    assert peer.lines == [b"stop1", b"stop2"]


async def test_a_stop_is_sent_although_its_task_is_cancelled(link, peer):
    poll = asyncio.create_task(ask(link, b"poll"))
    await asyncio.sleep(0.001)
    stop = asyncio.create_task(ask(link, b"stop", lane=Lane.STOP))
    await asyncio.sleep(0.001)
    stop.cancel()
    await asyncio.sleep(0)
    with pytest.raises(OvertakenError):
        await ask(link, b"start")
    await poll
    await asyncio.sleep(0.5)
    assert peer.lines == [b"poll", b"stop"]


async def test_a_queued_exchange_whose_task_is_cancelled_is_never_sent(link, peer):
    poll = asyncio.create_task(ask(link, b"poll"))
    start = asyncio.create_task(ask(link, b"start"))
    await asyncio.sleep(0.001)
    start.cancel()
    await poll
    await asyncio.sleep(0.5)
    assert peer.lines == [b"poll"]


async def test_a_cancelled_exchange_in_flight_still_owns_its_answer(link, peer):
    poll = asyncio.create_task(ask(link, b"same"))
    await asyncio.sleep(0.001)
    poll.cancel()
    assert await ask(link, b"same") == b"same!"
    first, second = (at for at, _ in peer.heard)
    assert second - first > 0.01  # not before the first one's answer


# -- a lost port -----------------------------------------------------------------------------------------------


async def test_a_lost_port_fails_everything_at_once_and_reports_what_was_sent(link, peer, cable):
    peer.mute = {b"start"}
    tasks = [asyncio.create_task(outcome(ask(link, text, timeout_s=60))) for text in (b"start", b"poll")]
    await asyncio.sleep(0.1)
    at = now()
    memory.unplug(cable)
    start, poll = await asyncio.gather(*tasks)
    assert now() == at
    assert isinstance(start, LinkLostError)
    assert start.sent
    assert isinstance(poll, LinkLostError)
    assert not poll.sent
    with pytest.raises(LinkLostError) as gone:
        await ask(link, b"poll")
    assert not gone.value.sent


@pytest.mark.requirement("COM-03")
async def test_a_reconnect_sends_nothing_again(link, peer, cable):
    peer.mute = {b"start"}
    tasks = [asyncio.create_task(outcome(ask(link, text, timeout_s=60))) for text in (b"start", b"poll")]
    stops = []
    await asyncio.sleep(0.1)
    stops.append(asyncio.create_task(outcome(ask(link, b"stop", lane=Lane.STOP))))
    await asyncio.sleep(0.001)
    memory.unplug(cable)
    await asyncio.sleep(1)
    memory.plug(cable)
    await asyncio.sleep(30)
    assert link.connected
    assert peer.attached == 2
    assert peer.lines == [b"start"]
    assert all(task.done() for task in tasks + stops)
    assert not stops[0].result().sent


async def test_a_sequence_cannot_span_a_reconnect(link, peer, cable):
    epoch = link.epoch
    await ask(link, b"a", epoch=epoch)
    memory.unplug(cable)
    memory.plug(cable)
    await asyncio.sleep(10)
    assert link.connected
    with pytest.raises(OvertakenError):
        await ask(link, b"b", epoch=epoch)


async def test_the_log_reports_once_that_the_link_was_lost_and_once_that_it_returned(link, cable):
    changes = []
    link.on_change = changes.append
    with capture_logs() as logs:
        memory.unplug(cable)
        await asyncio.sleep(120)
        memory.plug(cable)
        await asyncio.sleep(20)
    assert [entry["event"] for entry in logs] == ["link_lost", "link_restored"]
    assert logs[1]["tries"] > 10
    assert changes == [False, True]


async def test_the_pauses_between_tries_follow_one_another(peer):
    """Each is the next one of the back-off: none is left out."""
    tries, back_off = [], BackOff(0.5, 4.0)

    async def opener(*arguments):
        tries.append(now())
        if peer.attached:
            raise PortError("not there")
        return await open_transport(*arguments)

    link = await opened("gone", peer, opener=opener, back_off=back_off)
    lost = now()
    memory.unplug("gone")
    await asyncio.sleep(20)
    chance = random.Random(1)  # as the link's own
    due = list(itertools.accumulate(back_off.pause(number, chance) for number in range(6)))
    assert [at - lost for at in tries[1:7]] == pytest.approx(due)
    await link.close()
    memory.withdraw("gone")


def test_the_first_pause_is_a_quarter_of_a_second_or_less():
    pauses = [BackOff().pause(0, random.Random(seed)) for seed in range(1000)]
    assert 0.249 < max(pauses) <= 0.25


async def test_an_open_link_is_not_opened_again(link, peer):
    """A second connection would read the bytes of the first."""
    with pytest.raises(PortError, match="already open"):
        await link.open()
    assert peer.attached == link.connections == 1
    assert await ask(link, b"a") == b"a!"


async def test_waiting_for_a_quiet_line_while_a_request_is_in_flight_costs_nothing(link, peer):
    """It looks again once in a while, and does not spin."""
    peer.mute = {b"a"}
    asked = asyncio.create_task(outcome(ask(link, b"a", timeout_s=5)))
    await asyncio.sleep(0)
    link.unsettle()
    looks, settle = [], link._settle
    link._settle = lambda: (looks.append(now()), settle())
    await asyncio.sleep(4)
    assert 4 / 0.2 - 2 <= len(looks) <= 4 / 0.2 + 2
    await asked


def test_pauses_between_tries_grow_to_a_cap_and_are_jittered():
    back_off = BackOff(0.25, 10.0)
    pauses = [[back_off.pause(tries, random.Random(seed)) for tries in range(12)] for seed in range(50)]
    for tries in range(12):
        full = min(10.0, 0.25 * 2**tries)
        at_this_try = [run[tries] for run in pauses]
        assert all(full / 2 <= pause <= full for pause in at_this_try)
        assert max(at_this_try) - min(at_this_try) > 0.3 * full
    assert back_off.pause(5000, random.Random(1)) <= 10.0


async def test_a_first_open_that_fails_is_reported_and_not_retried():
    link = Link("memory://nobody", LINE, LineFramer())
    with pytest.raises(OSError, match=r"memory://nobody: there is no such port"):
        await link.open()
    assert not link.connected
    await link.close()


async def test_a_port_in_use_is_refused(link):
    other = Link(link.port, LINE, LineFramer())
    with pytest.raises(PortError, match="in use"):
        await other.open()


# -- the end -----------------------------------------------------------------------------------------------------


async def test_close_fails_what_waits_and_may_be_repeated(link, peer):
    peer.mute = {b"a"}
    tasks = [asyncio.create_task(outcome(ask(link, text, timeout_s=60))) for text in (b"a", b"b")]
    await asyncio.sleep(0.1)
    await link.close()
    await link.close()
    assert [error.sent for error in await asyncio.gather(*tasks)] == [True, False]
    with pytest.raises(LinkLostError):
        await ask(link, b"c")
    with pytest.raises(PortError):
        await link.open()


async def test_close_ends_within_its_bound_while_the_port_is_gone_and_its_opening_hangs(peer):
    hang = asyncio.Event()

    async def opener(*arguments):
        from pumpd.wire import open_transport

        if peer.attached:
            while not hang.is_set():  # an open() that ignores its cancellation
                try:
                    await hang.wait()
                except asyncio.CancelledError:
                    continue
        return await open_transport(*arguments)

    link = await opened("hanging", peer, opener=opener)
    memory.unplug("hanging")
    memory.plug("hanging")
    await asyncio.sleep(5)
    at = now()
    await link.close()
    took = now() - at
    hang.set()
    assert took <= 1.0
    await asyncio.sleep(1)
    assert not link.connected  # the port that opened too late was released
    memory.withdraw("hanging")


# -- the trace -----------------------------------------------------------------------------------------------------


async def test_the_trace_gets_both_directions_with_their_instants(link, peer):
    seen = []
    link.taps.append(lambda *event: seen.append(event))
    await asyncio.sleep(1)
    await ask(link, b"a")
    (out, sent, sent_ns), (into, came, came_ns) = seen
    assert (out, sent, into, came) == (Direction.OUT, b"a\n", Direction.IN, b"a!\n")
    assert sent_ns == 1_000_000_000
    assert came_ns == pytest.approx(now() * 1e9, abs=2000)


async def test_a_trace_that_fails_does_not_hold_up_a_stop(link, peer):
    def broken(*_):
        raise RuntimeError("disk full")

    link.taps.append(broken)
    with capture_logs() as logs:
        assert await ask(link, b"stop", lane=Lane.STOP) == b"stop!"
    assert [entry["event"] for entry in logs] == ["tap_removed"]


async def test_an_exchange_costs_little(link):
    """Not a benchmark, which would depend on the machine, but a guard against a slow step: calls are counted."""
    answers, calls = answer_to(b"a"), 0

    def called(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    await link.exchange(b"a\n", answers, 0.5)
    sys.setprofile(called)
    try:
        for _ in range(100):
            await link.exchange(b"a\n", answers, 0.5)
    finally:
        sys.setprofile(None)
    assert calls / 100 < 300  # those of the loop and of the peer included
