"""The parts of the large tables: one for each month. Old months of readings are removed whole."""

from collections.abc import Iterable
from datetime import UTC, datetime

import asyncpg

TABLES = ("entry", "reading")
FIRST, LAST = 2020, 2099  # years; a time outside of them comes from a clock that is off, and goes into the default part
_LOCK = 0x70756D71

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
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                for table in TABLES:
                    await connection.execute(
                        f"CREATE TABLE IF NOT EXISTS {_name(table, (year, month))} PARTITION OF {table}"
                        f" FOR VALUES FROM ('{_begin((year, month))}') TO ('{_begin(_next((year, month)))}')"
                    )
            self._there.add((year, month))

    async def remove_readings(self, connection: Connection, now: datetime, months: int) -> None:
        """Remove the readings of the months that ended more than `months` months ago. The trend stays."""
        oldest = now.year * 12 + now.month - 1 - months
        for year in range(FIRST, LAST + 1):
            for month in range(1, 13):
                if year * 12 + month - 1 >= oldest:
                    return
                await connection.execute(f"DROP TABLE IF EXISTS {_name('reading', (year, month))}")


def _name(table: str, month: Month) -> str:
    return f"{table}_{month[0]}_{month[1]:02}"


def _begin(month: Month) -> str:
    return f"{month[0]}-{month[1]:02}-01Z"


def _next(month: Month) -> Month:
    return (month[0] + month[1] // 12, month[1] % 12 + 1)
