"""The keep-alive is a lease of its own: it ends when the pump is no longer polled."""

import asyncio
import itertools

import pytest

from pumpd.driving import KeepAlive, UnansweredError
from pumpd.quantities import Duration


@pytest.fixture
def sent():
    return []


@pytest.fixture
async def alive(sent):
    async def send():
        sent.append(asyncio.get_running_loop().time())

    keep = KeepAlive(send, 0.4)
    yield keep
    keep.end()
    await asyncio.sleep(0)


@pytest.mark.requirement("COM-01")
async def test_the_keep_alive_ends_without_renewal(alive, sent):
    begin = asyncio.get_running_loop().time()
    alive.begin(Duration(5))
    await asyncio.sleep(60)
    assert not alive.alive
    assert 4.5 < sent[-1] - begin < 5.0


async def test_the_keep_alive_continues_while_the_pump_is_polled(alive, sent):
    alive.begin(Duration(5))
    for _ in range(60):
        await asyncio.sleep(1)
        alive.renew()
    assert alive.alive
    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert max(gaps) == pytest.approx(0.4, abs=0.01)


async def test_a_keep_alive_that_ended_is_not_revived_by_a_poll(alive, sent):
    alive.begin(Duration(5))
    await asyncio.sleep(20)
    count = len(sent)
    alive.renew()
    await asyncio.sleep(20)
    assert len(sent) == count


async def test_after_its_end_nothing_more_is_sent(alive, sent):
    alive.begin(Duration(5))
    await asyncio.sleep(1)
    alive.end()
    count = len(sent)
    await asyncio.sleep(20)
    assert len(sent) == count


async def test_one_missed_answer_does_not_end_it():
    tries = []

    async def send():
        tries.append(None)
        raise UnansweredError("no answer")

    keep = KeepAlive(send, 0.4)
    keep.begin(Duration(2))
    await asyncio.sleep(10)
    assert len(tries) == 5
