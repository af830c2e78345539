"""Work in a process of its own, which ends with its parent and leaves nothing behind."""

import ctypes
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

LOOK_S = 1.0  # how often it is looked whether a process only sleeps
END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True)
class Limit:
    """Neither depends on how busy the machine is. What runs may set another limit of CPU time for itself."""

    cpu_s: int
    slept_s: float


@dataclass(frozen=True)
class Ended:
    """A process that gave no answer: it was killed by a signal, or hung."""

    why: str


def forked(do: Callable[[], object], most: Limit) -> tuple[object, float]:
    """What `do` returns in a process of its own, which has a temporary folder of its own and says nothing, and the CPU
    seconds that it took.
    """
    ours, theirs = Pipe(duplex=False)
    folder = tempfile.mkdtemp(prefix="pumpd-mutant-")
    pid = os.fork()
    if pid == 0:
        _child(do, theirs, folder, most)
    theirs.close()
    answer: object = None
    try:
        answer = _answer(ours, pid, most)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        ours.close()
        shutil.rmtree(folder, ignore_errors=True)
    if answer is None:
        by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        answer = Ended("took too long" if by == signal.SIGXCPU else f"died: {signal.strsignal(by) if by else status}")
    return answer, usage.ru_utime + usage.ru_stime


def _answer(ours: Connection, pid: int, most: Limit) -> object:
    begin = time.monotonic()
    while not select.select([ours], [], [], LOOK_S)[0]:
        if time.monotonic() - begin - _wanted_cpu(pid) > most.slept_s:
            return Ended("slept too long")
    with suppress(EOFError):
        return ours.recv()
    return None


def _wanted_cpu(pid: int) -> float:
    """Seconds in which it ran or waited for a processor."""
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return (int(ran) + int(waited)) / 1e9


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)


def _child(do: Callable[[], object], theirs: Connection, folder: str, most: Limit) -> None:
    try:
        end_with_parent()
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (most.cpu_s, -1))
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        theirs.send(do())
    except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
        theirs.send(Ended(traceback.format_exc()))
    os._exit(0)


def ended_by_signal(number: int, _frame: object) -> None:
    """A handler: so that every `finally` runs, which ends the children and removes their folders."""
    sys.exit(128 + number)
