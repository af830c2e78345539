"""What each service may do in the database. It is PostgreSQL that refuses everything else.

The owner of the database makes the schema, the accounts and the exports. The services are named as their Linux users,
so that PostgreSQL knows them by their socket. Where their roles do not exist, as in a trial, they run as the owner.

Promises:
- The page reads. It writes who is signed in, and nothing that a gateway sent.
- Ingest adds to what gateways sent. It changes no entry, and sees no account and no sign-in.
"""

from collections.abc import Mapping
from types import MappingProxyType

import asyncpg

INGEST, BOARD = "pumpd-ward-ingest", "pumpd-ward-board"

_ADD, _KEEP = "SELECT, INSERT", "SELECT, INSERT, UPDATE"
TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        INGEST: {
            "schema_version": "SELECT",
            **dict.fromkeys(("entry", "reading"), _ADD),
            **dict.fromkeys(("gateway", "journal", "boot", "gap", "trend", "bed", "alarm"), _KEEP),
            "machine": f"{_KEEP}, DELETE",
            "refused": "INSERT, SELECT (subject, number), DELETE",
            "hole": "SELECT",
        },
        BOARD: {
            "schema_version": "SELECT",
            **dict.fromkeys(("gateway", "journal", "gap", "entry", "reading", "trend", "bed", "alarm"), "SELECT"),
            **dict.fromkeys(("current_journal", "used_twice"), "SELECT"),
            "refused": "SELECT (number)",  # how many
            "account": "SELECT",
            **dict.fromkeys(("login", "begun"), "SELECT, INSERT, DELETE"),
        },
    }
)
FUNCTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType({INGEST: ("cover_month", "remove_readings")})


Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


async def missing(connection: Connection) -> list[str]:
    """The services whose roles do not exist."""
    found = await connection.fetch("SELECT rolname FROM pg_roles")
    return sorted(TABLES.keys() - {each["rolname"] for each in found})


async def give_rights(connection: Connection) -> None:
    """To the roles that exist, exactly these; what an older version gave is taken back. For the owner."""
    found = TABLES.keys() - await missing(connection)
    for role in found:
        await connection.execute(f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{role}"')
        await connection.execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
        for table, rights in TABLES[role].items():
            await connection.execute(f'GRANT {rights} ON {table} TO "{role}"')
        for function in FUNCTIONS.get(role, ()):
            await connection.execute(f'GRANT EXECUTE ON FUNCTION {function} TO "{role}"')
    if found:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        await connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
