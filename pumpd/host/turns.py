"""Evidence that a task still runs: when it last completed a cycle, and how long the next one may take."""

import asyncio


class Turns:
    """`patience_s`: the longest time for one cycle, in seconds of the loop. It may change while the task runs."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._last_s: float | None = None

    def turned(self) -> None:
        """Call before and after each step that takes time."""
        self._last_s = asyncio.get_running_loop().time()

    @property
    def overdue(self) -> bool:
        """The task has begun, and has not completed a cycle in time."""
        return self._last_s is not None and asyncio.get_running_loop().time() - self._last_s > self.patience_s
