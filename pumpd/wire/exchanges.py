"""One exchange on a line, the pump that it is for, and what is counted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Generic, TypeVar

from pumpd.wire.errors import ReplyTimeoutError, WireError

F = TypeVar("F")


class Lane(Enum):
    """STOP_FRAME: the frame that stops a pump. STOP: what else belongs to a stop, as the question after it."""

    NORMAL = "normal"
    STOP = "stop"
    STOP_FRAME = "stop frame"


@dataclass(slots=True)
class Statistics:
    """Counts since the link was created."""

    exchanges: int = 0
    answered: int = 0
    timeouts: int = 0
    discarded: int = 0
    overtaken: int = 0
    lost: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    rtt_last_s: float = 0.0
    rtt_worst_s: float = 0.0


@dataclass(slots=True, eq=False)
class Party(Generic[F]):
    """One of the pumps that share a link, as the link sees it.

    `epoch` changes with every requested stop and every lost connection: a sequence of commands notes it when it begins
    and passes it to each exchange, which is refused once the sequence has been overtaken.
    """

    epoch: int = 0
    on_stray: Callable[[F], None] | None = None
    stopping: int = 0  # stops requested and not yet ended
    insists_until: float = 0.0  # the end of the first second of its stop
    stop_sent_at: float = 0.0  # its last stop frame
    stops_owed: int = 0  # stop frames of this stop without a reply so far

    def stop_ended(self, _: object) -> None:
        self.stopping -= 1


@dataclass(slots=True, eq=False)
class Job(Generic[F]):
    """A request and its reply. All instants are of the loop's clock, in seconds.

    It is not sent before `due`. A stop frame is sent again at `again_at`.
    """

    party: Party[F]
    lane: Lane
    request: bytes
    answers: Callable[[F], bool]
    timeout_s: float
    may_repeat: bool
    future: "asyncio.Future[F]"
    due: float = 0.0
    times: int = 0  # sent
    sent_at: float = 0.0  # the last time
    deadline: float = 0.0
    again_at: float = inf
    unanswered: ReplyTimeoutError | None = None  # why it failed, once a stop was sent before its reply came

    def fail(self, error: WireError) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # seen, even when the task that requested it is cancelled before it runs
