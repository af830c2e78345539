"""A worker: takes messages from the stream, writes them into the store, and only then acknowledges them.

Promises:
- A message is acknowledged after its transaction has been committed. A worker or a store that dies before loses
  nothing: the stream gives the message to another worker.
- A message that cannot be understood holds up no other: it is put aside in the store with the reason.
- While the stream or the store is away, each cause is logged once; so is that both are back.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import asyncpg
import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from pydantic import ValidationError

from pumpd_ward.ingest.stream import CONSUMER, STREAM, connect, prepare, too_old
from pumpd_ward.messages import LONGEST_STATUS, Batch, Status
from pumpd_ward.settings import WardSettings
from pumpd_ward.store import sql
from pumpd_ward.store.migrate import OlderSchemaError, ready
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.writing import Arrived, refuse, write

AT_ONCE = 100  # messages in one transaction
WAIT_S = 1.0
RETRY_S = 1.0
GAPS_S = 10.0
DAY_S = 86_400.0
COMMAND_TIMEOUT_S = 8.0  # less than the stream waits before it gives a message to another worker

_log = structlog.get_logger()
# What the content of a message causes, however often it comes: a text or number that the store cannot hold or index.
_UNUSABLE = (
    *(asyncpg.DataError, asyncpg.ProgramLimitExceededError, asyncpg.IntegrityConstraintViolationError),
    *(ValueError, ArithmeticError, RecursionError),
)
_STORE_AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError)


class Worker:
    def __init__(self, settings: WardSettings, name: str) -> None:
        self._settings, self._name = settings, name
        self._partitions = Partitions()
        self._old_node = ""
        self._away = ""  # what cannot be reached, and why
        self.stored = 0

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self._session()
            except (nats.errors.Error, *_STORE_AWAY, asyncpg.PostgresError, OlderSchemaError) as error:
                self._say(str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    def _say(self, away: str) -> None:
        if away and away != self._away:
            _log.error("ingest_waits", worker=self._name, error=away)
        elif self._away and not away:
            _log.info("ingest_back", worker=self._name)
        self._away = away

    def _look_at(self, client: Client) -> None:
        """Whether the node keeps what it acknowledges is said once."""
        if (version := too_old(client)) and version != self._old_node:
            _log.warning(
                "node_too_old",
                node=str(client.connected_url and client.connected_url.netloc),
                version=version,
                why="it acknowledges a message before it is on its disk; a power cut may lose what gateways sent",
                to_do="install nats-server 2.10 or later on each node, and keep sync_interval: always",
            )
        self._old_node = version

    async def _session(self) -> None:
        store = await asyncpg.connect(self._settings.store.dsn, timeout=10, command_timeout=COMMAND_TIMEOUT_S)
        try:
            await ready(store)
            client = await connect(self._settings.stream, f"ward-{self._name}")
            try:
                self._look_at(client)
                js = client.jetstream()
                await prepare(js, self._settings.stream)
                await self._take(js, store)
            finally:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await client.close()
        finally:
            with contextlib.suppress(*_STORE_AWAY):
                await asyncio.wait_for(store.close(), 5)

    async def _take(self, js: JetStreamContext, store: asyncpg.Connection) -> None:
        waiting = await js.pull_subscribe_bind(durable=CONSUMER, stream=STREAM)
        loop = asyncio.get_running_loop()
        gaps_due = day_due = 0.0
        while True:
            try:
                messages = await waiting.fetch(AT_ONCE, timeout=WAIT_S)
            except TimeoutError:
                messages = []
            if messages:
                await self._store(store, messages)
                self.stored += len(messages)
            self._say("")
            if loop.time() >= gaps_due:
                await store.execute(sql.GAPS_SEEN)
                await store.execute(sql.GAPS_FILLED)
                gaps_due = loop.time() + GAPS_S
            if loop.time() >= day_due:
                await self._partitions.remove_readings(store, self._settings.store.reading_months)
                await store.execute(sql.MACHINES_GONE)
                day_due = loop.time() + DAY_S

    async def _store(self, store: asyncpg.Connection, messages: Sequence[Msg]) -> None:
        understood: list[tuple[Msg, Arrived]] = []
        for each in messages:
            try:
                understood.append((each, Arrived(_understood(each), each.metadata.timestamp)))
            except ValueError as error:
                await self._put_aside(store, each, str(error))
        try:
            await self._write(store, understood)
        except _UNUSABLE:  # one of them cannot be stored: find it
            for one in understood:
                try:
                    await self._write(store, [one])
                except _UNUSABLE as error:
                    await self._put_aside(store, one[0], str(error))
        except (*_STORE_AWAY, asyncpg.PostgresError):
            for message, _ in understood:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await message.nak()  # so that it comes again at once, here or to another worker
            raise

    async def _write(self, store: asyncpg.Connection, taken: Sequence[tuple[Msg, Arrived]]) -> None:
        if taken:
            await write(store, [arrived for _, arrived in taken], self._partitions)
            for message, _ in taken:
                await message.ack()

    async def _put_aside(self, store: asyncpg.Connection, message: Msg, why: str) -> None:
        _log.error("message_refused", subject=message.subject, error=why[:300])
        await refuse(store, message.subject, why, message.data)
        await message.term()


def _understood(message: Msg) -> Batch | Status:
    """Raises ValueError."""
    gateway, what = message.subject.split(".")[-2:]
    if what == "status" and len(message.data) > LONGEST_STATUS:
        raise ValueError(f"a status of {len(message.data)} bytes is longer than any gateway's")
    kind = Batch if what == "entries" else Status if what == "status" else None
    if kind is None:
        raise ValueError("neither entries nor status")
    try:
        found: Batch | Status = kind.model_validate_json(message.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if found.gateway != gateway:  # a node's rules bind a gateway to its own subject, not to a name inside
        raise ValueError(f"{found.gateway} sent it as {gateway}")
    return found
