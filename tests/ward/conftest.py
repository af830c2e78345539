"""A real nats-server and a real PostgreSQL, each once for all tests of a file, and a gateway's journal to send."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from pumpd.journal import Entry
from pumpd.settings import Settings
from pumpd.settings_brokers import FleetSettings
from pumpd_ward.local.nats_server import Node
from pumpd_ward.local.postgres import Postgres
from pumpd_ward.settings import WardSettings
from pumpd_ward.store.migrate import migrate
from pumpd_ward.store.rights import INGEST
from tests.to_publish import journal, reading, settings_of, state_dir

__all__ = ["journal", "reading", "state_dir"]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path / "nats")
    node.start()
    yield node
    node.end()


def gateway_settings(state_dir: Path, name: str = "bed-3", **fleet: object) -> Settings:
    section = FleetSettings.model_validate({"host": "127.0.0.1", "tls": False, **fleet})
    return settings_of(state_dir, name, fleet=section)


def alarm(code: str, kind: str = "alarm_raised") -> Entry:
    return Entry(kind, {"code": code, "priority": "high", "cause": "c", "action": "a"}, pump="pump-a", session="s1")


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    postgres = Postgres()
    postgres.start()
    yield postgres
    postgres.end()
    postgres.remove()


@pytest.fixture
async def store(server: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """An empty database with the schema."""
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await migrate(connection)
    yield connection
    await connection.close()


def ward_settings(server: Postgres, node: Node | None = None, role: str = INGEST) -> WardSettings:
    address = f"127.0.0.1:{node.port}" if node else "127.0.0.1:1"
    stream = {"nodes": [address], "tls": False, "replicas": 1, "most_gb": 0.1}
    return WardSettings.model_validate({"stream": stream, "store": {"dsn": server.dsn_of(role)}})
