"""Small JSON files of control.

Promises:
- A file is read as a whole and replaced as a whole. A power cut leaves the old or the new one, and never undoes a
  change that was confirmed: a revoked key stays revoked.
- Changes to one file are made one after the other, and each one is recorded, however late it is made.
"""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pumpd.regular_file import content
from pumpd.texts import text

WRITTEN_WITHIN_S = 4.0  # shorter than a command waits for its answer

T = TypeVar("T")


def read_entries(path: Path) -> list[dict[str, Any]]:
    """The entries; none when there is no file. Raises OSError, ValueError."""
    try:
        entries = json.loads(content(path))
    except FileNotFoundError:
        return []
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("not a list of entries")
    return entries


def write_entries(path: Path, entries: list[dict[str, Any]], *, mode: int) -> None:
    """Replace the entries in the file. Raises OSError."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        json.dump(entries, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # otherwise a power cut may bring the old file back
    finally:
        os.close(folder)


class Changes:
    """Changes to one file, one after the other, each on a thread, so that no change overwrites another.

    A change reads, modifies and writes; while one waits for the disk, the next one waits for it. A disk that does not
    answer blocks one thread and nothing else.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._one = asyncio.Lock()

    async def make(self, change: Callable[[], T], made: Callable[[T], None]) -> T:
        """Make this change, and call `made` with its result, even if the caller has stopped waiting.

        Raises TimeoutError with what to do, and whatever the change itself raises.
        """
        try:
            async with asyncio.timeout(WRITTEN_WITHIN_S):
                await self._one.acquire()
        except TimeoutError as error:
            raise TimeoutError(
                text(
                    "staff.earlier_change",
                    "{what}: an earlier change waits for the disk; nothing was changed",
                    what=self._what,
                )
            ) from error
        making = asyncio.create_task(self._make(change, made), name=f"change {self._what}")
        making.add_done_callback(self._over)
        try:
            async with asyncio.timeout(WRITTEN_WITHIN_S):
                return await asyncio.shield(making)
        except TimeoutError as error:
            why = text(
                "staff.disk_silent",
                "{what}: the disk did not answer; list them to see whether the change was made",
                what=self._what,
            )
            raise TimeoutError(why) from error

    async def _make(self, change: Callable[[], T], made: Callable[[T], None]) -> T:
        result = await asyncio.to_thread(change)
        made(result)
        return result

    def _over(self, making: asyncio.Task[Any]) -> None:
        self._one.release()
        if not making.cancelled():
            making.exception()  # retrieved here, because the caller may have stopped waiting
