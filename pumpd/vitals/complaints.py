"""What the log says about bad messages and missing partners, with a limit: neither may fill a disk."""

import asyncio
from collections import Counter
from typing import Any

import structlog

EVERY_S = 60.0

log = structlog.get_logger("pumpd.vitals")


class Complaints:
    """What is wrong with messages: each kind is logged at once, and then at most once a minute, with its count."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._due: dict[str, float] = {}

    def add(self, event: str, **fields: Any) -> None:
        self.counts[event] += 1
        now = asyncio.get_running_loop().time()
        if now >= self._due.get(event, now):
            self._due[event] = now + EVERY_S
            log.warning(event, count=self.counts[event], **fields)


class Reachable:
    """Whether a partner answers: logged when that changes, and for each new cause."""

    def __init__(self, unavailable: str, reached: str) -> None:
        self._unavailable, self._reached = unavailable, reached
        self._cause: str | None = ""  # None: it answers

    def lost(self, cause: str) -> None:
        if cause != self._cause:
            log.error(self._unavailable, error=cause)
        self._cause = cause

    def back(self) -> None:
        if self._cause is not None:
            log.info(self._reached)
        self._cause = None
