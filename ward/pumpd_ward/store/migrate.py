"""Brings the schema up to date: the numbered files of `schema/`, each once, in order; then who may do what."""

from collections.abc import Iterator
from importlib.resources import files

import asyncpg

from pumpd_ward.store.rights import give_rights

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

LOCK = 0x70756D70  # any number that nothing else in this database uses


class NewerSchemaError(Exception):
    """The database belongs to a newer pumpd-ward."""


class OlderSchemaError(Exception):
    """The database has to be brought up to date, and this role may not do it."""


def _files() -> Iterator[tuple[int, str]]:
    found = sorted((files("pumpd_ward.store") / "schema").iterdir(), key=lambda each: each.name)
    for each in found:
        if each.name.endswith(".sql"):
            yield int(each.name[:4]), each.read_text("utf-8")


async def ready(connection: Connection) -> None:
    """For a service: the schema is up to date; the owner of the database brings it up to date.

    Raises NewerSchemaError and OlderSchemaError.
    """
    if await connection.fetchval(_IS_OWNER):
        await migrate(connection)
        return
    try:
        done = await _version(connection)
    except asyncpg.InsufficientPrivilegeError:
        done = 0
    _not_newer(done)
    if done < _known():
        found = f"has schema {done}, this pumpd-ward needs {_known()}" if done else "gives this service no rights"
        raise OlderSchemaError(
            f"the database {found}; nothing was changed. `pumpd-ward migrate` as its owner mends it; "
            "pumpd-ward-migrate.service does so at each start."
        )


async def migrate(connection: Connection) -> int:
    """Returns the version of the schema. For the owner; several processes may do this at once.

    Raises NewerSchemaError.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY)")
        done = await _version(connection)
        _not_newer(done)
        for version, sql in _files():
            if version > done:
                await connection.execute(sql)
                await connection.execute("INSERT INTO schema_version VALUES ($1)", version)
        await give_rights(connection)
        return _known()


_IS_OWNER = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"


async def _version(connection: Connection) -> int:
    """0: there is no schema."""
    if await connection.fetchval("SELECT to_regclass('schema_version') IS NULL"):
        return 0
    done: int = await connection.fetchval("SELECT coalesce(max(version), 0) FROM schema_version")
    return done


def _known() -> int:
    return max(version for version, _ in _files())


def _not_newer(done: int) -> None:
    if done > _known():
        raise NewerSchemaError(
            f"the database has schema {done}, this pumpd-ward knows {_known()}; nothing was changed. "
            "Install the newer pumpd-ward again."
        )
