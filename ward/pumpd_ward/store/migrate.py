"""Brings the schema up to date: the numbered files of `schema/`, each once, in order."""

from collections.abc import Iterator
from importlib.resources import files

import asyncpg

LOCK = 0x70756D70  # any number that nothing else in this database uses


class NewerSchemaError(Exception):
    """The database belongs to a newer pumpd-ward."""


def _files() -> Iterator[tuple[int, str]]:
    found = sorted((files("pumpd_ward.store") / "schema").iterdir(), key=lambda each: each.name)
    for each in found:
        if each.name.endswith(".sql"):
            yield int(each.name[:4]), each.read_text("utf-8")


async def migrate(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> int:
    """Returns the version of the schema. Several processes may do this at once. Raises NewerSchemaError."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY)")
        done = await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version")
        known = list(_files())
        if done > known[-1][0]:
            raise NewerSchemaError(
                f"the database has schema {done}, this pumpd-ward knows {known[-1][0]}; nothing was changed. "
                "Install the newer pumpd-ward again."
            )
        for version, sql in known:
            if version > done:
                await connection.execute(sql)
                await connection.execute("INSERT INTO schema_version VALUES ($1)", version)
        return known[-1][0]
