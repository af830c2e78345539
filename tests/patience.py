"""How long a test in real time waits for what must happen.

A machine may be busy: only what is broken takes this long. How fast something is, is measured in `benchmarks/` or
asserted in virtual time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0


async def until(true: Callable[[], T]) -> T:
    """Wait, on the loop, until it holds, and return what it then is."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := true()):  # noqa: ASYNC110 - it reads what other threads and processes did, which set no Event
            await asyncio.sleep(0.01)
    return found


def wait_until(true: Callable[[], object]) -> None:
    """Wait, without a loop, until it holds."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"it did not come within {PATIENCE_S:g} s"
        time.sleep(0.02)
