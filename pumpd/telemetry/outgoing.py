"""What goes out on one connection: the newest entries first, and what was missed before them as there is room.

Promises:
- A new entry is handed over within `POLL_S` while there is room, and waits for half a second of older ones at most.
- Where a link cannot carry all new readings, the older ones of them follow later; what they change of what is retained
  does not wait.
- `position` is the last entry up to which everything is acknowledged, in whatever order it was sent.
- Memory: the entries in flight, one batch of the journal, and a span for each time that the link was too slow.
"""

from collections import deque
from dataclasses import dataclass

from pumpd import loop_time
from pumpd.journal import JournalReader, Record
from pumpd.mqtt import Publisher
from pumpd.telemetry.cursor import Cursor
from pumpd.telemetry.follow import POLL_S
from pumpd.telemetry.messages import Message, Translator, cut

LIVE_S = 2.0  # for the new entries of one turn; then newer ones are looked for
BATCH = 500
MOST_SPANS = 1000


@dataclass(slots=True)
class _Span:
    """Entries to be sent later, both ends included."""

    first: int
    last: int


class Outgoing:
    def __init__(self, session: Publisher, translator: Translator, cursor: Cursor) -> None:
        self._session, self._translator, self._cursor = session, translator, cursor
        self._behind: deque[_Span] = deque()
        self._batch: deque[Record] = deque()  # of the first span
        self._live = 0  # the last entry that was handed over or put behind
        self._overtaken = False  # there is more that is new than the link carries

    def begin(self, published: int, newest: int) -> None:
        """Continue after `published`, and take `newest` for the last entry that is not new."""
        self._behind = deque([_Span(published + 1, newest)] if published < newest else [])
        self._batch.clear()
        self._live = max(published, newest)

    @property
    def position(self) -> int:
        """The number of the last entry up to which everything is acknowledged."""
        behind = self._behind[0].first if self._behind else self._live + 1
        return min([behind, *(tag for tag in self._session.unacknowledged if tag)]) - 1

    @property
    def all_sent(self) -> bool:
        """Whether nothing that was seen of the journal is left to send."""
        return not self._behind

    async def turn(self, reader: JournalReader) -> bool:
        """Send what is new, then for a while what is behind. Returns whether there was anything to send.

        Raises BrokerError, JournalError and CursorError.
        """
        fresh, behind = await self._send_new(reader), bool(self._behind)
        if not self._overtaken:
            await self._send_behind(reader)
        return fresh or behind

    async def send(self, message: Message, entry: int = 0) -> None:
        """One message, of an entry or of none. Raises BrokerError and CursorError."""
        if message.retain and message.payload:
            self._cursor.retain(message.topic)
        if not self._session.fits(message):
            message = cut(message)
        await self._session.send(message, entry)

    async def _send_new(self, reader: JournalReader) -> bool:
        fresh = reader.after(self._live, BATCH)
        until_s = loop_time.now_s() + LIVE_S
        self._overtaken = False
        for number, entry in enumerate(fresh):
            if loop_time.now_s() >= until_s:
                self._overtaken = True
                for each in fresh[number:]:
                    for message in self._translator.retained(each):
                        await self.send(message)
                self._put_behind(entry.id, fresh[-1].id)
                break
            for message in self._translator.messages(entry):
                await self.send(message, entry.id)
            self._live = entry.id
        return bool(fresh)

    async def _send_behind(self, reader: JournalReader) -> None:
        until_s = loop_time.now_s() + POLL_S
        while self._behind and loop_time.now_s() < until_s:
            span = self._behind[0]
            if not self._batch:
                self._batch.extend(each for each in reader.after(span.first - 1, BATCH) if each.id <= span.last)
            if not self._batch:
                self._behind.popleft()
                continue
            entry = self._batch[0]
            for message in self._translator.late(entry):
                await self.send(message, entry.id)
            self._batch.popleft()
            span.first = entry.id + 1

    def _put_behind(self, first: int, last: int) -> None:
        if len(self._behind) >= MOST_SPANS:  # then those between are sent again
            self._behind[-1].last = last
        else:
            self._behind.append(_Span(first, last))
        self._live = last
