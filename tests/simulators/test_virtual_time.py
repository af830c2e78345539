"""The fast loop in virtual time keeps the order and the instants that asyncio promises."""

import asyncio
import os
import threading
import time
import weakref
from functools import partial

import pytest

from pumpd_simulators.virtual_time import StuckError, VirtualTimeLoop


def run(main):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def test_time_starts_at_zero_and_leaps_exactly_to_each_timer():
    async def main():
        loop = asyncio.get_running_loop()
        seen = [loop.time()]
        for pause in (0.1, 3600.0, 1e-6, 0.2):
            due = loop.time() + pause
            await asyncio.sleep(pause)
            assert loop.time() == due
            seen.append(loop.time())
        return seen

    seen = run(main())
    assert seen[0] == 0
    assert seen[-1] == pytest.approx(3600.300001)


def test_time_does_not_pass_while_something_is_ready():
    async def main():
        loop = asyncio.get_running_loop()
        late = []
        loop.call_later(1e-9, late.append, 1)
        for _ in range(1000):
            await asyncio.sleep(0)
        assert loop.time() == 0
        assert late == []

    run(main())


def test_timers_run_by_instant_and_those_of_one_instant_in_the_order_set():
    async def main():
        loop = asyncio.get_running_loop()
        ran = []
        for number in range(50):
            loop.call_at(2.0, ran.append, ("second", number))
            loop.call_at(1.0, ran.append, ("first", number))
        await asyncio.sleep(3)
        assert ran == [(which, number) for which in ("first", "second") for number in range(50)]

    run(main())


def test_a_cancelled_timer_neither_runs_nor_moves_time():
    async def main():
        loop = asyncio.get_running_loop()
        ran = []
        timer = loop.call_later(5, ran.append, 1)
        timer.cancel()
        await asyncio.sleep(1)
        assert loop.time() == 1
        timers = []
        loop.call_at(2, lambda: [timer.cancel() for timer in timers])  # at the same instant, before it
        timers.append(loop.call_at(2, ran.append, 2))
        await asyncio.sleep(10)
        assert ran == []

    run(main())


def test_a_timer_that_is_already_due_runs_without_time_going_back():
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(5)
        due = asyncio.Event()
        loop.call_at(1.0, due.set)
        await due.wait()
        assert loop.time() == 5

    run(main())


def test_timeouts_tasks_and_groups_work():
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await asyncio.Event().wait()
        assert loop.time() == 7
        async with asyncio.TaskGroup() as group:
            for pause in (3, 1, 2):
                group.create_task(asyncio.sleep(pause))
        assert loop.time() == 10

    run(main())


def test_an_exception_in_a_callback_is_reported_and_the_loop_continues():
    async def main():
        loop = asyncio.get_running_loop()
        reported = []
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        loop.call_later(1, lambda: 1 / 0)
        await asyncio.sleep(2)
        assert [type(error) for error in reported] == [ZeroDivisionError]

    run(main())


def test_descriptors_are_polled_before_time_leaps():
    async def main():
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        heard = asyncio.Event()
        loop.add_reader(read, heard.set)
        try:
            os.write(write, b"x")
            async with asyncio.timeout(60):
                await heard.wait()
            assert loop.time() == 0
        finally:
            loop.remove_reader(read)
            os.close(read)
            os.close(write)

    run(main())


def test_a_loop_on_which_nothing_can_happen_reports_it():
    async def main():
        await asyncio.get_running_loop().create_future()

    loop = VirtualTimeLoop()
    task = loop.create_task(main())
    with pytest.raises(StuckError, match="never comes"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_time_waits_for_work_that_was_handed_to_a_thread():
    async def main():
        loop = asyncio.get_running_loop()
        ran = []
        loop.call_later(0.001, ran.append, 1)
        async with asyncio.timeout(0.0005):
            assert await asyncio.to_thread(lambda: time.sleep(0.05) or "done") == "done"
        assert (loop.time(), ran) == (0, [])
        await asyncio.sleep(1)
        assert ran == [1]

    run(main())


def test_inline_work_for_a_thread_is_done_on_the_loop_in_no_time():
    async def main():
        loop = asyncio.get_running_loop()
        assert await asyncio.to_thread(threading.get_ident) == threading.get_ident()
        assert await asyncio.to_thread(sum, [1, 2]) == 3
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        ran = []
        given_up = loop.run_in_executor(None, ran.append, 1)
        given_up.cancel()
        await asyncio.sleep(0.1)
        assert ran == []
        assert loop.time() == 0.1

    with asyncio.Runner(loop_factory=partial(VirtualTimeLoop, inline=True)) as runner:
        runner.run(main())


def test_a_cancelled_handle_does_not_run_and_keeps_nothing_alive():
    class Held:
        pass

    async def main():
        loop, ran = asyncio.get_running_loop(), []
        held = Held()
        gone = weakref.ref(held)
        soon, later = loop.call_soon(ran.append, held), loop.call_later(9, ran.append, held)
        del held
        soon.cancel()
        later.cancel()
        assert gone() is None
        assert soon.cancelled()
        assert later.cancelled()
        await asyncio.sleep(10)
        assert ran == []

    run(main())
