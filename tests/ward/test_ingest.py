"""Workers between a real nats-server and a real PostgreSQL."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import asyncpg
import nats
import pytest
from nats.aio.client import ServerVersion
from structlog.testing import capture_logs

from pumpd.process import end
from pumpd.telemetry.fleet.cursor import FleetCursor
from pumpd.telemetry.fleet.service import Fleet
from pumpd_ward.ingest.worker import Worker
from pumpd_ward.local.nats_server import cluster
from pumpd_ward.local.postgres import USER, Postgres
from pumpd_ward.settings import WardSettings
from pumpd_ward.store.writing import MOST_REFUSED, refuse
from tests.patience import PATIENCE_S

from . import made
from .conftest import gateway_settings, reading, ward_settings

pytestmark = [pytest.mark.ward, pytest.mark.realtime]


@contextlib.asynccontextmanager
async def working(settings: WardSettings, number: int = 1) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(Worker(settings, f"w{each}").run()) for each in range(number)]
    try:
        yield tasks
    finally:
        for task in tasks:
            await end(task)


async def eventually(connection, query: str, wanted: object, seconds: float = 20) -> None:
    found = None
    async with asyncio.timeout(seconds):
        while (found := await connection.fetchval(query)) != wanted:  # noqa: ASYNC110 - it asks another process
            await asyncio.sleep(0.05)
    assert found == wanted


async def publish(url: str, messages: list, subject: str = "entries") -> None:
    client = await nats.connect(url)
    js = client.jetstream()
    for each in messages:
        data = each if isinstance(each, bytes) else each.model_dump_json(by_alias=True).encode()
        name = "g1" if isinstance(each, bytes) else each.gateway
        async with asyncio.timeout(PATIENCE_S):
            while True:  # until the workers have made the stream, and while a node is away
                try:
                    await js.publish(f"pumpd.fleet.v1.{name}.{subject}", data)
                    break
                except (nats.errors.Error, TimeoutError):
                    await asyncio.sleep(0.1)
    await client.close()


def steps(number: int, gateway: str = "g1", size: int = 10) -> list:
    """Batches with `number` entries each numbered from 1."""
    return [
        made.batch(first - 1, [made.entry(seq, "x") for seq in range(first, first + size)], gateway)
        for first in range(1, number, size)
    ]


async def test_what_a_gateway_has_in_its_journal_is_in_the_store(state_dir, journal, node, server, store):
    journal.append([reading(number) for number in range(1, 101)])
    settings = gateway_settings(state_dir, port=node.port)
    async with working(ward_settings(server, node)):
        with contextlib.closing(FleetCursor(state_dir / "fleet.sqlite3")) as cursor:
            task = asyncio.create_task(Fleet(settings, settings.fleet, cursor, random.Random(1)).run())
            await eventually(store, "SELECT count(*) FROM reading", 100)
            await eventually(store, "SELECT status ->> 'gateway' FROM gateway", "bed-3")
            await end(task)
    assert await store.fetchval("SELECT covered::text FROM journal") == "{[1,101)}"
    assert abs(await store.fetchval("SELECT ahead_s FROM gateway")) < 5


async def test_three_workers_share_the_work_and_one_that_dies_loses_nothing(node, server, store):
    batches = [each for gateway in ("g1", "g2", "g3") for each in steps(300, gateway)]
    async with working(ward_settings(server, node), 3) as tasks:
        sending = asyncio.create_task(publish(node.url, batches))
        await eventually(store, "SELECT count(*) > 100 FROM entry", True)
        await end(tasks[0])
        await sending
        await eventually(store, "SELECT count(*) FROM entry", 900, 45)
        await eventually(store, "SELECT count(*) FROM hole WHERE last >= first", 0)
    assert await store.fetchval("SELECT count(*) FROM (SELECT DISTINCT gateway, seq FROM entry) AS one") == 900


async def test_a_commit_without_an_acknowledgement_is_taken_again_and_counts_once(node, server, store, monkeypatch):
    monkeypatch.setattr("pumpd_ward.ingest.stream.REDELIVERED_AFTER_S", 1.0)
    lost = []
    acknowledge = nats.aio.msg.Msg.ack

    async def lose_the_first(self):
        if not lost:
            lost.append(self)
            raise nats.errors.ConnectionClosedError
        await acknowledge(self)

    monkeypatch.setattr(nats.aio.msg.Msg, "ack", lose_the_first)
    client = await nats.connect(node.url)
    async with working(ward_settings(server, node)):
        await publish(node.url, steps(50))
        await eventually(store, "SELECT count(*) FROM entry", 50)

        async def waiting() -> int:
            info = await client.jetstream().consumer_info("pumpd-ward", "ingest")
            return info.num_ack_pending + info.num_pending

        async with asyncio.timeout(PATIENCE_S):
            while await waiting():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
    await client.close()
    assert lost
    assert await store.fetchval("SELECT count(*) FROM entry") == 50


async def test_a_store_that_dies_loses_nothing_and_each_cause_is_said_once(node, tmp_path):
    own = Postgres()
    own.start()
    try:
        with capture_logs() as logs:
            async with working(ward_settings(own, node, USER), 2):
                await publish(node.url, steps(500))
                own.kill()
                await publish(node.url, steps(1500)[50:])
                await asyncio.sleep(2)
                own.start()
                connection = await asyncpg.connect(own.dsn)
                await eventually(connection, "SELECT count(*) FROM entry", 1500, 45)
                assert await connection.fetchval("SELECT covered::text FROM journal") == "{[1,1501)}"
                await connection.close()
        said = [each.get("error", "back") for each in logs if each.get("worker") == "w0"]
        assert said[-1] == "back"
        assert len(said) > 1
        assert len(said) == len(set(said))
    finally:
        own.end()
        own.remove()


async def test_one_of_three_nodes_dies_and_nothing_that_was_acknowledged_is_lost(tmp_path, server, store):
    nodes = cluster(tmp_path)
    for each in nodes:
        each.start()
    try:
        addresses = tuple(f"127.0.0.1:{each.port}" for each in nodes)
        settings = ward_settings(server)
        stream = settings.stream.model_copy(update={"nodes": addresses, "replicas": 3})
        async with working(settings.model_copy(update={"stream": stream}), 2):
            sending = asyncio.create_task(publish(nodes[0].url, steps(1000)))
            await eventually(store, "SELECT count(*) > 100 FROM entry", True, 40)
            nodes[2].kill()
            await sending
            await eventually(store, "SELECT count(*) FROM entry", 1000, 60)
            assert await store.fetchval("SELECT covered::text FROM journal") == "{[1,1001)}"
    finally:
        for each in nodes:
            each.end()


GARBAGE = [
    b"no json",
    b"{}",
    made.unchecked([made.entry(1, "x", pump="a\0b")]),
    made.unchecked([made.entry(1, "x", note="a\0b")]),
    made.unchecked([made.reading(1, rate=10**400)]),
    made.unchecked([made.alarm(1, "raised", code=random.Random(1).randbytes(5000).hex())]),
    made.unchecked([made.entry(1, "x")], gateway="someone-else"),
    made.unchecked([{**made.entry(1, "x"), "ts": "2026-03-01T08:00:00Z"}])[:-2],
]


async def test_what_cannot_be_understood_is_put_aside_and_holds_up_nothing(node, server, store):
    async with working(ward_settings(server, node)):
        await publish(node.url, [*GARBAGE, *steps(20, "g2"), b"{}"])
        await eventually(store, "SELECT count(*) FROM entry", 20)
        await eventually(store, "SELECT count(*) FROM refused", len(GARBAGE) + 1)
    assert await store.fetchval("SELECT count(*) FROM refused WHERE why = ''") == 0
    assert await store.fetchval("SELECT string_agg(name, ',') FROM gateway") == "g2"


async def test_what_was_put_aside_is_bounded_for_each_subject(store):
    for number in range(MOST_REFUSED + 20):
        await refuse(store, "pumpd.fleet.v1.g1.entries", "why", b"%d" % number)
    await refuse(store, "pumpd.fleet.v1.g\0.entries", "w\0", b"other")
    kept = await store.fetch("SELECT payload FROM refused ORDER BY number")
    assert [each["payload"] for each in kept] == [b"%d" % number for number in range(20, MOST_REFUSED + 20)] + [
        b"other"
    ]


async def test_a_late_status_does_not_replace_a_newer_one(node, server, store):
    def status(text: str) -> bytes:
        return f'{{"schema":"pumpd.fleet.v1","gateway":"g1","ts":"2026-03-01T08:00:00Z","version":"{text}"}}'.encode()

    async with working(ward_settings(server, node)):
        await publish(node.url, [status("1"), status("2")], "status")
        await eventually(store, "SELECT status ->> 'version' FROM gateway", "2")


@pytest.mark.parametrize(("version", "said"), [("2.9.10", 1), ("2.10.0", 0), ("3.0.0", 0), ("2.14.1-beta", 0)])
async def test_a_node_that_acknowledges_before_the_disk_is_named_once(server, version, said):
    node = SimpleNamespace(connected_server_version=ServerVersion(version), connected_url=urlsplit("nats://n1:4222"))
    worker = Worker(ward_settings(server), "w0")
    with capture_logs() as logs:
        worker._look_at(node)
        worker._look_at(node)
    assert [(each["event"], each["node"], each["version"]) for each in logs] == [
        ("node_too_old", "n1:4222", "2.9")
    ] * said
