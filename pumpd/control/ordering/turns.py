"""One order at a time for each pump and for each patient (STA-14, PRG-21)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

WITHIN_S = 4.0  # for the whole request: bedside and the command line wait 5 s for an answer


class Turns:
    """A lock for each pump and each patient. While it is held, no other order can change what was checked.

    The pump is locked first and the patient second, so that no two orders can wait for each other.
    """

    def __init__(self) -> None:
        self._pumps: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._patients: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def of(self, pump: str, patient: str | None = None) -> AsyncIterator[None]:
        """Wait for the pump, and for the patient if one is given. Case does not matter, as in the dose history."""
        async with contextlib.AsyncExitStack() as turn:
            await turn.enter_async_context(_lock(self._pumps, pump))
            if patient is not None:
                await turn.enter_async_context(_lock(self._patients, patient.casefold()))
            yield


def _lock(locks: WeakValueDictionary[str, asyncio.Lock], name: str) -> asyncio.Lock:
    """The lock of that name, which lives as long as anyone holds it or waits for it."""
    lock = locks.get(name)
    if lock is None:
        lock = locks[name] = asyncio.Lock()
    return lock
