"""The parts of the large tables: one for each month. Old months of readings are removed whole."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

import asyncpg

FIRST, LAST = 2020, 2099  # years; a time outside of them comes from a clock that is off, and goes into the default part

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Month = tuple[int, int]


class Partitions:
    """Remembers which months are there."""

    def __init__(self) -> None:
        self._there: set[Month] = set()

    async def cover(self, connection: Connection, times: Iterable[datetime]) -> None:
        """Make the parts in which these times belong."""
        wanted = {(at.year, at.month) for each in times for at in [each.astimezone(UTC)] if FIRST <= at.year <= LAST}
        for year, month in sorted(wanted - self._there):
            await connection.execute("SELECT cover_month($1)", date(year, month, 1))
            self._there.add((year, month))

    async def remove_readings(self, connection: Connection, months: int) -> None:
        """Remove the readings of the months that ended more than `months` months ago. The trend stays."""
        await connection.execute("SELECT remove_readings($1)", months)
