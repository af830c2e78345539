"""Processes that share a long run. They end with it, however it ends, also when it is killed."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.pool import Pool
from threading import Thread

LOOK_S = 1.0  # how often a worker looks whether the run still lives


def pool(
    workers: int, begin: Callable[[], object] = lambda: None, *, tasks: int | None = None
) -> AbstractContextManager[Pool]:
    """`begin`: called once in each process. `tasks`: so many for each process, which then makes room for a new one."""
    return get_context("fork").Pool(workers, _begin, (os.getpid(), begin), tasks)


def _begin(run: int, begin: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends them
    Thread(target=_end_with, args=(run,), daemon=True).start()
    begin()


# Not the kernel's signal at a parent's death: it comes when the thread that forked ends, and a pool forks in a thread
# that ends before its workers. One that is killed in its wait for a task keeps the lock that the pool needs to close.
def _end_with(run: int) -> None:
    while os.getppid() == run:
        time.sleep(LOOK_S)
    os._exit(1)
