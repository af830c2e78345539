"""Parts of bedside that must all keep running. None of them ends unnoticed: not even one that is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class PartEndedError(Exception):
    """A part has ended. `part` is its name; the cause is what it raised, if it did."""

    def __init__(self, part: str, how: str) -> None:
        self.part = part
        super().__init__(f"{part} {how}")


async def together(**parts: Coroutine[Any, Any, Any]) -> None:
    """Run these until cancelled. When one ends, in whatever way, the others end too; raises PartEndedError."""
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    first = ended.pop()
    error = None if first.cancelled() else first.exception()
    how = "was cancelled" if first.cancelled() else f"failed: {error!r}" if error else "ended"
    raise PartEndedError(first.get_name(), how) from error
