"""Blocking work on a thread of its own: one call at a time, and never an answer from before the question."""

import asyncio
import threading

import pytest

from pumpd.host.own_thread import OwnThread
from tests.patience import until

pytestmark = pytest.mark.realtime


class Disk:
    """Each read waits until it is released, and returns its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.asked = False
        self.go_on = threading.Semaphore(0)

    def read(self) -> int:
        self.begun += 1
        self.asked = True
        number = self.begun
        self.go_on.acquire()
        if number == 3:
            raise OSError("bad sector")
        return number


@pytest.fixture
def disk():
    made = Disk()
    yield made
    made.go_on.release(10)


async def ask(thread, disk):
    """A question that is asked while a call is in progress, or begins one."""
    task = asyncio.create_task(thread.result())
    await asyncio.sleep(0)  # it asks
    await until(lambda: disk.asked)
    return task


async def test_callers_during_a_call_share_one_that_begins_after_they_asked(disk):
    thread = OwnThread("disk", disk.read)
    first, second, third = await ask(thread, disk), await ask(thread, disk), await ask(thread, disk)
    assert disk.begun == 1
    disk.go_on.release(2)
    assert await asyncio.gather(first, second, third) == [1, 2, 2]
    assert disk.begun == 2


async def test_a_caller_that_gives_up_does_not_end_the_call_for_the_others(disk):
    thread = OwnThread("disk", disk.read)
    first, second, third = await ask(thread, disk), await ask(thread, disk), await ask(thread, disk)
    first.cancel()
    second.cancel()
    disk.go_on.release(2)
    assert await third == 2


async def test_a_call_that_fails_fails_for_its_callers_and_the_next_one_begins(disk):
    thread = OwnThread("disk", disk.read)
    disk.begun = 1
    first, second, third = await ask(thread, disk), await ask(thread, disk), await ask(thread, disk)
    disk.go_on.release(3)
    assert await first == 2
    for failed in (second, third):
        with pytest.raises(OSError, match="bad sector"):
            await failed
    assert await thread.result() == 4


async def test_a_hung_call_occupies_one_thread_however_often_it_is_asked(disk):
    thread, before = OwnThread("disk", disk.read), threading.active_count()
    for _ in range(100):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(thread.result(), 0.001)
    await until(lambda: disk.begun)
    assert threading.active_count() == before + 1
    assert disk.begun == 1
