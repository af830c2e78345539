"""One benchmark in a process of its own, with a limit of time: whatever happens to it costs none of the others.

The process is a fork, which has every module in memory already. Its results come over a pipe, each as soon as it is
there, so that those before a failure count. What is too slow is interrupted, so that it can end what it started; then
it is killed, with all of its process group. Its temporary files are removed in any case. What it and the processes that
it starts print is shown only when it failed, and then the end of it.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.result import Result

ENDS_WITHIN_S = 30.0  # after an interrupt
SHOWN_BYTES = 4000  # of what a failed one printed
_FORK = multiprocessing.get_context("fork")


@dataclass
class Outcome:
    results: list[Result] = field(default_factory=list)
    failed: str = ""
    took_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True)
class _Failed:
    reason: str


def run(work: Callable[[], Iterable[Result]], limit_s: float) -> Outcome:
    """Everything that it gave within `limit_s` seconds, and why there is no more if it failed."""
    outcome, begun, cpu = Outcome(), time.monotonic(), _cpu_s()
    with tempfile.TemporaryDirectory(prefix="pumpd-bench-", ignore_cleanup_errors=True) as folder:
        ours, its = _FORK.Pipe(duplex=False)
        printed = Path(folder) / "printed.txt"
        process = _FORK.Process(target=_work, args=(work, its, folder, printed))
        process.start()
        its.close()
        ended = False
        try:
            outcome.failed = _receive(ours, outcome.results, begun + limit_s)
            ended = True
        except TimeoutError:
            outcome.failed = f"it was not done after {limit_s:g} s"
        finally:
            _end(process, by_itself=ended)
            ours.close()
        if outcome.failed:
            sys.stderr.write(printed.read_bytes()[-SHOWN_BYTES:].decode(errors="replace") if printed.exists() else "")
    outcome.took_s, outcome.cpu_s = time.monotonic() - begun, _cpu_s() - cpu
    return outcome


def _receive(ours: Connection, results: list[Result], end_s: float) -> str:
    """Returns why there is no more; empty when it ended well. Raises TimeoutError."""
    while ours.poll(max(0.0, end_s - time.monotonic())):
        try:
            given = ours.recv()
        except EOFError:
            return "its process died"
        match given:
            case Result():
                results.append(given)
            case _Failed(reason=reason):
                return reason
            case _:
                return ""
    raise TimeoutError


def _work(work: Callable[[], Iterable[Result]], pipe: Connection, folder: str, printed: Path) -> None:
    """In the new process."""
    os.setsid()
    into = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(into, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    try:
        for result in work():
            pipe.send(result)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the reason
        traceback.print_exc()
        pipe.send(_Failed(_said(error)))
    else:
        pipe.send(None)


def _said(error: BaseException) -> str:
    """One line: what it is, and where in the benchmarks it came from."""
    message = str(error).strip().splitlines()
    where = [at for at in traceback.extract_tb(error.__traceback__) if "benchmarks" in at.filename]
    place = f" ({os.path.basename(where[-1].filename)}:{where[-1].lineno})" if where else ""  # noqa: PTH119
    return f"{type(error).__name__}{': ' + message[0][:200] if message else ''}{place}"


def _end(process: BaseProcess, *, by_itself: bool) -> None:
    """It has ended afterwards, and so has what it left in its process group."""
    assert process.pid is not None
    if by_itself:
        process.join(ENDS_WITHIN_S)
    for _ in range(2):  # a loop takes the first one as a wish to end; what does not run its loop ends with the second
        if process.is_alive():
            os.kill(process.pid, signal.SIGINT)
            process.join(ENDS_WITHIN_S / 2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
