"""What waits on a link: requests, stops, and requests that a stop has passed, whose replies may still come."""

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

from pumpd.wire.errors import WireError
from pumpd.wire.exchanges import Job, Lane, Party

F = TypeVar("F")


class Waiting(Generic[F]):
    """`queue`: the normal lane. `stops`: stop frames and questions of a stop, of all parties. `passed`: sent before the
    request in flight, and still awaited; a stop frame that was passed and is to be sent again is in `stops` too.
    """

    def __init__(self) -> None:
        self.queue: deque[Job[F]] = deque()
        self.stops: list[Job[F]] = []
        self.passed: list[Job[F]] = []

    def take_stop(self, now: float) -> Job[F] | None:
        """The first stop that may be sent now."""
        due = next((job for job in self.stops if job.due <= now), None)
        if due is not None:
            self.take_out(due)
        return due

    def passes_from(self, flight: Job[F], patience_s: float) -> float:
        """The instant from which a stop that waits passes the request in flight. A pump's stop frame is passed by no
        stop of its own: it is sent again itself.
        """
        due = [job.due for job in self.stops if not (flight.lane is Lane.STOP_FRAME and job.party is flight.party)]
        return max(min(due), flight.sent_at + patience_s) if due else inf

    def passed_by_stop(self, job: Job[F]) -> None:
        self.passed.append(job)
        if job.again_at < inf:
            job.due = job.again_at
            self.stops.append(job)

    def accepting(self, frame: F) -> Job[F] | None:
        """The oldest passed request that accepts this frame. All are asked: a family may need to see every frame."""
        return next(iter([job for job in self.passed if job.answers(frame)]), None)

    def take_out(self, job: Job[F]) -> None:
        for jobs in (self.passed, self.stops):
            if job in jobs:
                jobs.remove(job)

    def fail_queued(self, party: Party[F] | None, error: WireError) -> int:
        """Fail everything that a party, or any, has queued; returns how many exchanges failed."""
        queued = [job for job in self.queue if party in (None, job.party)]
        for job in queued:
            self.queue.remove(job)
            job.fail(error)
        return len(queued)

    def fail_all(self, error: Callable[[Job[F]], WireError]) -> None:
        for job in (*self.passed, *self.stops, *self.queue):
            job.fail(error(job))
        for jobs in (self.passed, self.stops, self.queue):
            jobs.clear()
