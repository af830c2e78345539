"""House rules for every test: virtual time, nothing left behind, requirement marks that exist.

- Async tests and their async fixtures run in virtual time, which starts at 0; those marked `realtime`, in real time.
- A test that leaves an asyncio task, a thread or an open file descriptor behind fails.
- Tests in real time run first; the order of the others does not matter.
- A `requirement` mark with an ID that is not in the catalogue stops the run.
"""

import asyncio
import contextlib
import fcntl
import gc
import inspect
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from pumpd_simulators.virtual_time import VirtualTimeLoop

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "docs" / "safety" / "requirements.md"
PATIENCE_S = 5.0  # for a thread that was told to end
MEMORY = Path("/dev/shm")
HELD = "held"  # in the folder of a run: locked while the run is alive
PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)

# One example may take as long as the machine needs; the suite has a time-out for tests that hang.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def catalogue_ids() -> set[str]:
    return set(re.findall(r"^\| ([A-Z]{3}-\d\d) \|", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE))


def plain_logs() -> None:
    """structlog as it is without a configuration, but for a traceback: its own shows every value in each frame, for
    seconds of CPU.
    """
    structlog.reset_defaults()
    structlog.get_config()["processors"][-1] = PLAIN  # in place: nothing counts as configured


def pytest_configure(config: pytest.Config) -> None:
    plain_logs()
    heard_by_what_tests_start()
    # Otherwise a test without a loop that asks for the current one makes asyncio open a loop that nothing closes.
    asyncio.set_event_loop(None)
    # In memory: a disk takes milliseconds per journal entry, an infusion writes thousands, and no test cuts the power.
    # The path is short because sockets are created there, and the system allows 107 characters.
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        in_memory = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
        parent = MEMORY if in_memory else Path(tempfile.gettempdir())
        remove_what_dead_runs_left(parent)
        folder = tempfile.mkdtemp(prefix="pumpd-", dir=parent)
        stack = contextlib.ExitStack()
        stack.enter_context(alive(Path(folder)))
        stack.callback(removed_at_the_end(folder))
        config.add_cleanup(stack.close)
        config.option.basetemp = f"{folder}/t"
        tempfile.tempdir = os.environ["TMPDIR"] = folder  # also of what the tests start


def heard_by_what_tests_start() -> None:
    """A shell that starts a run in the background, and nohup, let it ignore a signal, and everything that it starts."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # still ignored here, and no longer by what is started


@contextlib.contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Meanwhile the run of this folder is alive. The lock ends with this process, however it ends."""
    new = folder / "new"
    with new.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(folder / HELD)  # it never has this name and no lock while the run is alive
        yield


def remove_what_dead_runs_left(parent: Path) -> None:
    """When everything of a run is killed at once, also the shell that would remove its folder, the next run does it."""
    for left in parent.glob(f"pumpd-*/{HELD}"):
        with contextlib.suppress(OSError), left.open("r+") as file:  # an error: it is alive, or another user's
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent, ignore_errors=True)


def removed_at_the_end(folder: str) -> Callable[[], object]:
    """Returns what removes the folder. When this process is killed, it is removed too: a shell waits for that.

    Several times: what the run had started may still write while it ends.
    """
    told, waits = os.pipe()[::-1]  # only this process can write to it, so it ends with this process
    removing = 'cat; for each in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && break; sleep 1; done'
    command = ["/bin/sh", "-c", removing, "sh", folder]
    waiting = subprocess.Popen(command, stdin=waits, stdout=subprocess.DEVNULL, start_new_session=True)
    os.close(waits)

    def remove() -> None:
        os.close(told)
        waiting.wait()

    return remove


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("realtime"):
        return {"real": asyncio.SelectorEventLoop}
    return {"virtual": VirtualTimeLoop}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    known = catalogue_ids()
    wrong: list[str] = []
    for item in items:
        for mark in item.iter_markers("requirement"):
            unknown = [identifier for identifier in mark.args if identifier not in known]
            if unknown or not mark.args or mark.kwargs:
                wrong.append(f"{item.nodeid}: requirement{mark.args} is not in {CATALOGUE.relative_to(ROOT)}")
        if isinstance(item, pytest.Function) and _is_async(item.obj):
            # Right after the sync one, so that it ends after the test's own async fixtures, while the loop still runs.
            item.fixturenames.insert(item.fixturenames.index("nothing_left_behind") + 1, "house_loop")
    if wrong:
        raise pytest.UsageError("\n".join(wrong))
    # Tests that wait for real seconds run first, while the others use the remaining cores.
    items.sort(key=lambda item: item.get_closest_marker("realtime") is None)


def pytest_collection_finish() -> None:
    """Objects that exist now stay: the garbage collection after each test can skip them."""
    gc.collect()
    gc.freeze()


def _is_async(function: object) -> bool:
    hypothesis = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(hypothesis.inner_test if hypothesis else function)


@pytest.fixture
async def house_loop() -> AsyncIterator[None]:
    yield
    for _ in range(5):  # let a task finish that was just cancelled
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        pytest.fail("asyncio tasks left behind:\n" + "\n".join(f"  {task!r}" for task in left), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Autouse, so it ends last: after the loop, its executor and all fixtures of the test."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    umask = os.umask(0o022)
    yield
    os.umask(umask)  # a process's main sets its own
    plain_logs()  # a command under test may have configured it for a stream that is closed
    deadline = time.monotonic() + PATIENCE_S
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [f"thread {thread.name}" for thread in set(threading.enumerate()) - threads]
    if _descriptors() != descriptors and _more(descriptors):
        gc.collect()
        left += [f"descriptor {number} -> {target}" for number, target in sorted(_more(descriptors).items())]
    if left:
        pytest.fail("left behind:\n" + "\n".join(f"  {thing}" for thing in left), pytrace=False)


def _descriptors() -> dict[int, str]:
    """Open descriptors and their targets, without the one that reads the list."""
    found = {}
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - before and after each of 12,000 tests
        with contextlib.suppress(FileNotFoundError):  # the descriptor of this listing
            found[int(number)] = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115 - as above
    return found


# Files that libraries open once, on first use, and keep open.
_KEPT = ("/dev/urandom", "/dev/null", "/usr/", "/proc/", ".ttf", ".pyc", ".so")


def _more(before: dict[int, str]) -> dict[int, str]:
    return {
        number: target
        for number, target in _descriptors().items()
        if before.get(number) != target and not any(target.startswith(kept) or target.endswith(kept) for kept in _KEPT)
    }
