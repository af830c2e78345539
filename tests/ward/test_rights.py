"""PostgreSQL itself refuses what a service has no business with: each as its own role."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pumpd_ward.store.migrate import OlderSchemaError, migrate, ready
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.rights import BOARD, INGEST
from pumpd_ward.store.writing import write

from .made import alarm, arrived, batch, reading

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

OF_GATEWAYS = ("gateway", "journal", "boot", "gap", "entry", "reading", "trend", "bed", "alarm", "machine", "refused")
OF_PEOPLE = ("account", "login", "begun")


@contextlib.asynccontextmanager
async def acting_as(server, role: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.dsn_of(role))
    try:
        yield connection
    finally:
        await connection.close()


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    except asyncpg.IntegrityConstraintViolationError:  # allowed, and already there
        return False
    return False


def ways_to_write(table: str) -> list[str]:
    return [
        f"INSERT INTO {table} ({{columns}}) SELECT {{columns}} FROM {table}",
        f"UPDATE {table} SET ({{columns}}) = ROW({{columns}})",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table} CASCADE",
        f"ALTER TABLE {table} ADD COLUMN x integer",
        f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    ]


async def tried(store: asyncpg.Connection, connection: asyncpg.Connection, table: str) -> set[str]:
    """The first word of each way to write that was not refused."""
    columns = await store.fetchval(
        "SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attnum > 0 AND attidentity = '' AND NOT attisdropped",
        table,
    )
    done = [each.format(columns=columns) for each in ways_to_write(table)]
    return {each.split()[0] for each in done if not await refused(connection, each)}


@pytest.mark.requirement("SEC-10")
@pytest.mark.parametrize("table", OF_GATEWAYS)
async def test_the_page_cannot_change_what_gateways_sent(server, store, table):
    await write(store, [arrived(batch(0, [reading(1), alarm(2, "raised")]))], Partitions())
    async with acting_as(server, BOARD) as page:
        assert await tried(store, page, table) == set()


async def test_the_page_writes_who_is_signed_in_and_makes_no_account(server, store):
    async with acting_as(server, BOARD) as page:
        assert await tried(store, page, "account") == set()
        for table in ("login", "begun"):
            assert await tried(store, page, table) == {"INSERT", "DELETE", "LOCK"}  # who may delete may also lock


@pytest.mark.parametrize("table", OF_PEOPLE)
async def test_ingest_sees_nobody_who_signs_in(server, store, table):
    async with acting_as(server, INGEST) as ingest:
        assert await tried(store, ingest, table) == set()
        assert await refused(ingest, f"SELECT * FROM {table}")


async def test_ingest_adds_to_the_history_and_changes_nothing_of_it(server, store):
    await write(store, [arrived(batch(0, [reading(1), alarm(2, "raised")]))], Partitions())
    async with acting_as(server, INGEST) as ingest:
        for table in ("entry", "reading"):
            assert await tried(store, ingest, table) == {"INSERT"}
        # Those put aside long ago go; to copy one, it would have to read it.
        assert await tried(store, ingest, "refused") == {"DELETE", "LOCK"}
        part = await store.fetchval("SELECT relname FROM pg_class WHERE relname LIKE 'entry\\_2%'")
        assert await tried(store, ingest, part) == set()


@pytest.mark.parametrize("role", [BOARD, INGEST])
async def test_a_service_makes_nothing_of_its_own_in_the_database(server, store, role):
    async with acting_as(server, role) as service:
        for statement in (
            "CREATE TABLE own (x integer)",
            "CREATE TEMPORARY TABLE own (x integer)",
            "CREATE FUNCTION own() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA own",
            "CREATE ROLE own",
            "SET ROLE ward",
        ):
            assert await refused(service, statement), statement


async def test_the_page_neither_makes_nor_removes_a_month(server, store):
    async with acting_as(server, BOARD) as page:
        assert await refused(page, "SELECT cover_month('2026-03-01')")
        assert await refused(page, "SELECT remove_readings(1)")


async def test_ingest_removes_no_reading_of_the_last_month(server, store):
    async with acting_as(server, INGEST) as ingest:
        for months in (0, -12):
            with pytest.raises(asyncpg.InvalidParameterValueError):
                await ingest.execute("SELECT remove_readings($1)", months)


async def test_what_an_older_version_gave_is_taken_back(server, store):
    await store.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{BOARD}"')
    await migrate(store)
    async with acting_as(server, BOARD) as page:
        assert await tried(store, page, "entry") == set()


@pytest.mark.parametrize("role", [BOARD, INGEST])
async def test_a_service_does_not_make_the_schema_and_says_who_does(server, store, role):
    async with acting_as(server, role) as service:
        await ready(service)  # up to date
        await store.execute("DELETE FROM schema_version WHERE version = (SELECT max(version) FROM schema_version)")
        with pytest.raises(OlderSchemaError, match=r"has schema .* needs .*pumpd-ward migrate"):
            await ready(service)
        await store.execute(f'REVOKE ALL ON schema_version FROM "{role}"')
        with pytest.raises(OlderSchemaError, match=r"no rights.*pumpd-ward migrate"):
            await ready(service)
        await store.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        with pytest.raises(OlderSchemaError, match="pumpd-ward migrate"):
            await ready(service)
