"""A connection in virtual time: every message takes a while, one after the other, and then is acknowledged."""

import asyncio
import contextlib
import json
import random
from collections import deque
from collections.abc import AsyncIterator

from pumpd.host.name_taken import NameTaken
from pumpd.mqtt import Pace, Publisher
from pumpd.process import end
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.outgoing import Outgoing
from pumpd.telemetry.service import Telemetry


class Link(Publisher):
    """`rate`: messages a second; None: each is acknowledged at once. `largest`: bytes of a packet; None for any."""

    def __init__(self, rate: float | None = None, window: int = 20, largest: int | None = None) -> None:
        self.rate, self._largest = rate, largest
        self.pace = Pace(window)
        self.waiting: deque[tuple[float, int, float]] = deque()  # when it is acknowledged, its entry, when it was sent
        self.free_s = 0.0
        self.sent: list[tuple[float, object]] = []
        self._properties, self._schema = {}, "s"

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _settle(self) -> None:
        while self.waiting and self.waiting[0][0] <= self._now():
            at, _, sent = self.waiting.popleft()
            self.pace.acknowledged(at - sent)

    @property
    def unacknowledged(self):
        self._settle()
        return [tag for _, tag, _ in self.waiting]

    async def room(self, in_flight: int) -> None:
        self._settle()
        while len(self.waiting) > in_flight:
            await asyncio.sleep(max(0, self.waiting[0][0] - self._now()))
            self._settle()

    async def send(self, message, tag=0) -> None:
        await self.room(self.pace.now - 1)
        assert self.fits(message)
        self.free_s = max(self._now(), self.free_s) + (1 / self.rate if self.rate else 0)
        if self.rate:
            self.waiting.append((self.free_s, tag, self._now()))
        self.sent.append((self.free_s, message))

    def fields(self, topic_end: str) -> list[tuple[float, dict[str, object]]]:
        """When each message on these topics arrived, and what it says."""
        found = [(at, each) for at, each in self.sent if each.topic.endswith(topic_end) and each.payload]
        return [(at, json.loads(each.payload)) for at, each in found]


@contextlib.asynccontextmanager
async def publishing_to(link: Publisher, settings) -> AsyncIterator[Cursor]:
    """Telemetry on this connection for the duration of the block, without birth and will, and not for the first time
    in its life: then it would empty every topic first.
    """
    with contextlib.closing(Cursor(settings.state_dir / "telemetry.sqlite3")) as cursor:
        cursor.completed()
        taken = NameTaken(settings.state_dir / "name-taken")
        telemetry = Telemetry(settings, settings.mqtt, cursor, random.Random(1), taken)
        outgoing = Outgoing(link, telemetry._translator, cursor)
        task = asyncio.create_task(telemetry._publish_journal(link, outgoing))
        try:
            yield cursor
        finally:
            failed = task.done() and not task.cancelled() and task.exception()
            await end(task)
            assert not failed, repr(failed)
