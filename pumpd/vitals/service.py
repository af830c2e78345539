"""Hears monitors on a broker and hands the newest vital signs to control.

Promises:
- A message can become a `vital_signs` request or nothing. This process has no other request, and its socket takes none.
- A message that cannot be used is counted and logged with a limit. It ends nothing.
- A flood costs neither memory nor control's time: the newest `KEPT` messages of a topic wait to be read, and each pump
  gets new values at most every `APART_S`.
- What the broker had stored is not a measurement of now, and is ignored. So is what waited while this process was held
  up: the connection is renewed.
- A missing broker and a missing control are retried without end. Each is logged once for each cause.
"""

import asyncio
import random
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import structlog

from pumpd import loop_time
from pumpd.attempts import Attempts
from pumpd.messages.requests import Answer, VitalSigns
from pumpd.mqtt import BrokerError, listening
from pumpd.notify import notify
from pumpd.settings_brokers import MonitorBrokerSettings
from pumpd.vitals.complaints import Complaints, Reachable
from pumpd.vitals.link import NoControlError
from pumpd.vitals.message import BadMessageError, read
from pumpd.vitals.newest import FromTheFutureError, Newest, Sample

KEPT = 64  # messages of one topic that wait to be read
APART_S = 0.2  # between two hand-overs to the same pump
BEAT_S = 0.25
HELD_UP_S = 2.0  # without a beat
BROKER_RETRY_MOST_S = 5.0  # long before a missing sign stops an infusion
CONTROL_RETRY_S = 0.5

log = structlog.get_logger("pumpd.vitals")


class Control(Protocol):
    async def tell(self, signs: VitalSigns) -> Answer:
        """Raises NoControlError."""
        ...


class Vitals:
    def __init__(
        self,
        gateway: str,
        broker: MonitorBrokerSettings,
        topics: Mapping[str, str],
        control: Control,
        jitter: random.Random,
    ) -> None:
        """`topics`: by pump."""
        self._broker, self._control, self._jitter = broker, control, jitter
        self._identifier = f"pumpd-{gateway}-vitals"
        self._newest: dict[str, list[Newest]] = {}
        for pump, topic in topics.items():
            self._newest.setdefault(topic, []).append(Newest(pump))
        self._unread = {topic: deque[tuple[bytes, float]](maxlen=KEPT) for topic in self._newest}
        self._arrived = asyncio.Event()
        self._beat_s = 0.0
        self._broker_state = Reachable("broker_unavailable", "broker_reached")
        self._control_state = Reachable("control_unavailable", "control_reached")
        self.complaints = Complaints()
        self.handed_over = 0

    async def listen(self) -> None:
        """Run until cancelled."""
        attempts = Attempts(self._jitter, BROKER_RETRY_MOST_S)
        while True:
            attempts.begin()
            try:
                await self._connection()
            except BrokerError as error:
                self._broker_state.lost(str(error))
                notify("STATUS=broker not reachable")
                if (task := asyncio.current_task()) and task.cancelling():
                    raise asyncio.CancelledError from error  # cancelled at the moment the connection broke
            await attempts.pause()

    async def _connection(self) -> None:
        self._beat_s = loop_time.now_s()
        async with listening(self._broker, self._identifier, tuple(self._newest), self.heard) as connection:
            self._broker_state.back()
            notify(f"STATUS=listening to {self._broker.host}:{self._broker.port}")
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(connection.lost())
                    await self._beat()  # in this task: Python 3.11 takes a group that only waits for cancelled
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None

    async def _beat(self) -> None:
        while not self._held_up():
            self._beat_s = loop_time.now_s()
            await asyncio.sleep(BEAT_S)
        raise BrokerError("this process was held up: how old the messages are that waited meanwhile is unknown")

    def _held_up(self) -> bool:
        return loop_time.now_s() - self._beat_s > HELD_UP_S

    def heard(self, topic: str, payload: bytes, stored: bool) -> None:  # noqa: FBT001 - called by position
        """A message has arrived. Costs next to nothing: it is read when it is its turn."""
        if stored or self._held_up():
            self.complaints.add("old_message_ignored", topic=topic)
        elif (unread := self._unread.get(topic)) is not None:
            if len(unread) == KEPT:
                self.complaints.add("flooding_messages_dropped", topic=topic)
            unread.append((payload, loop_time.now_s()))
            self._arrived.set()

    async def hand_over(self) -> None:
        """Run until cancelled. What control could not be given waits for it, and grows older."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._read()
            try:
                for newest in (each for these in self._newest.values() for each in these):
                    await self._give(newest)
            except NoControlError as error:
                self._control_state.lost(str(error))
                self._arrived.set()
                await asyncio.sleep(CONTROL_RETRY_S)
            else:
                await asyncio.sleep(APART_S)

    async def _give(self, newest: Newest) -> None:
        for sample, signs in newest.waiting(loop_time.now_s(), _wall()):
            answer = await self._control.tell(signs)
            self._control_state.back()
            newest.taken(sample)
            self.handed_over += 1
            if reasons := answer.reasons or answer.result.get("refused"):
                self.complaints.add("signs_refused_by_control", pump=newest.pump, reasons=list(reasons))

    def _read(self) -> None:
        for topic, unread in self._unread.items():
            while unread:
                payload, arrived_s = unread.popleft()
                try:
                    self._add(topic, payload, arrived_s)
                except (BadMessageError, FromTheFutureError) as error:
                    self.complaints.add("message_refused", topic=topic, reason=str(error))

    def _add(self, topic: str, payload: bytes, arrived_s: float) -> None:
        """Raises BadMessageError, FromTheFutureError."""
        message, wrong = read(payload)
        if wrong:
            self.complaints.add("value_not_a_number_dropped", topic=topic, signs=list(wrong))
        sample = Sample(topic, arrived_s, message.ts, message.patient, message.signs)
        newer = [newest.add(sample, _wall()) for newest in self._newest[topic]]
        if not message.signs:
            self.complaints.add("message_without_signs_ignored", topic=topic)
        elif not any(newer):
            self.complaints.add("repeated_or_late_message_dropped", topic=topic)


def _wall() -> datetime:
    return datetime.now(UTC)
