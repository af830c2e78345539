"""Evidence that a piece of work continues: when it last turned, and for how long that may be believed."""

import asyncio


class Turns:
    """`patience_s`: the longest that one turn may take, in seconds of the loop. It may change while it runs."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self._last_s: float | None = None

    def turned(self) -> None:
        """Call before and after each step that takes time."""
        self._last_s = asyncio.get_running_loop().time()

    @property
    def overdue(self) -> bool:
        """It has begun, and has not turned within its patience."""
        return self._last_s is not None and asyncio.get_running_loop().time() - self._last_s > self.patience_s
