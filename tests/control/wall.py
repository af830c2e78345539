"""A wall clock that a test sets: it runs with virtual time, and the gateway and its journal both read it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.host.clock import Clock
from pumpd.journal import backlog

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday


class Wall:
    """`ahead` is by how much it is wrong."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._zero = asyncio.get_running_loop().time()
        self.ahead = self._skipped = timedelta(0)
        wall = self

        class Reader(datetime):
            @classmethod
            def now(cls, tz=None):
                return wall.now()

        patch.setattr(Clock, "now", lambda _: self.now())
        patch.setattr(Clock, "utc_offset_min", lambda *_: 0)
        patch.setattr(backlog, "datetime", Reader)

    @property
    def true(self) -> datetime:
        return BEGIN + self._skipped + timedelta(seconds=asyncio.get_running_loop().time() - self._zero)

    def now(self) -> datetime:
        return self.true + self.ahead

    def skip(self, **by: float) -> None:
        """Time passes in which nothing happens."""
        self._skipped += timedelta(**by)

    def set_wrong(self, **by: float) -> None:
        self.ahead = timedelta(**by)
