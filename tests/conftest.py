"""House rules for every test: virtual time, nothing left behind, requirement marks that exist.

- Async tests and their async fixtures run in virtual time from 0 on; those marked `realtime`, in real time.
- A test that leaves an asyncio task, a thread or an open file descriptor behind fails.
- Tests in real time run first, whatever the order of the others.
- A `requirement` mark with an ID that is not in the catalogue stops the run.
"""

import asyncio
import gc
import inspect
import os
import re
import shutil
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
PATIENCE_S = 2.0
MEMORY = Path("/dev/shm")

# How long one example takes is the machine's business: the suite has a time-out for what hangs.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def catalogue_ids() -> set[str]:
    return set(re.findall(r"^\| ([A-Z]{3}-\d\d) \|", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE))


def pytest_configure(config: pytest.Config) -> None:
    # Else whoever asks for the current loop of a test that has none makes asyncio open one that nobody closes.
    asyncio.set_event_loop(None)
    # A disk takes milliseconds to say that a row is safe, and forty minutes write thousands; no test pulls its plug.
    # A short path, because sockets lie there: the system takes 107 characters.
    mine = config.option.basetemp is None and not hasattr(config, "workerinput")
    if mine and MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        folder = config.option.basetemp = tempfile.mkdtemp(prefix="pumpd-", dir=MEMORY)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


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
            # Right after the sync one: torn down after the test's own async fixtures, while its loop still lives.
            item.fixturenames.insert(item.fixturenames.index("nothing_left_behind") + 1, "house_loop")
    if wrong:
        raise pytest.UsageError("\n".join(wrong))
    # Those that wait for real seconds come first, on one worker, while the others keep their cores busy.
    items.sort(key=lambda item: item.get_closest_marker("realtime") is None)


def pytest_collection_finish() -> None:
    """What is there now stays: the look for leftovers after each test need not go over it again."""
    gc.collect()
    gc.freeze()


def _is_async(function: object) -> bool:
    hypothesis = getattr(function, "hypothesis", None)
    return inspect.iscoroutinefunction(hypothesis.inner_test if hypothesis else function)


@pytest.fixture
async def house_loop() -> AsyncIterator[None]:
    yield
    for _ in range(5):  # a task that was cancelled a moment ago may finish
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        pytest.fail("asyncio tasks left behind:\n" + "\n".join(f"  {task!r}" for task in left), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Autouse, so it is torn down last: after the loop, its executor and all fixtures of the test."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    yield
    structlog.reset_defaults()  # a command under test may have set it up on a stream that is gone
    deadline = time.monotonic() + PATIENCE_S
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [f"thread {thread.name}" for thread in set(threading.enumerate()) - threads]
    if _more(descriptors):
        gc.collect()
        left += [f"descriptor {number} -> {target}" for number, target in sorted(_more(descriptors).items())]
    if left:
        pytest.fail("left behind:\n" + "\n".join(f"  {thing}" for thing in left), pytrace=False)


def _descriptors() -> dict[int, str]:
    """Open descriptors and what they point to, without the one that reads the list."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:  # the listing's own
            continue
    return found


# What libraries open once, on first use, and keep for the life of the process.
_KEPT = ("/dev/urandom", "/dev/null", "/usr/", "/proc/", ".ttf", ".pyc", ".so")


def _more(before: dict[int, str]) -> dict[int, str]:
    return {
        number: target
        for number, target in _descriptors().items()
        if before.get(number) != target and not any(target.startswith(kept) or target.endswith(kept) for kept in _KEPT)
    }
