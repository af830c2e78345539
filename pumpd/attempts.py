"""Trying again without end: pauses that grow, with jitter, so that gateways do not all come back at once."""

import asyncio
import random

from pumpd import loop_time

FIRST_S = 0.5
MOST_S = 30.0
STEADY_S = 10.0  # what lasted this long counts as a success: the next pause is the first again


class Attempts:
    def __init__(self, jitter: random.Random, most_s: float = MOST_S) -> None:
        self._jitter, self._most_s = jitter, most_s
        self._wait_s = FIRST_S
        self._began = 0.0

    def begin(self) -> None:
        self._began = loop_time.now_s()

    async def pause(self) -> None:
        """After an attempt that failed, or that ended."""
        if loop_time.now_s() - self._began > STEADY_S:
            self._wait_s = FIRST_S
        await asyncio.sleep(self._wait_s * self._jitter.uniform(0.5, 1.0))
        self._wait_s = min(2 * self._wait_s, self._most_s)
