"""Who may see the state: a cookie for a tablet that has proved its key. It permits no change."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

COOKIE = "__Host-pumpd"
LASTS_S = 12 * 3600
MOST = 500


@dataclass(slots=True)
class Sessions:
    """In memory only. After a restart each tablet proves its key again without its user."""

    clock: Callable[[], float] = time.monotonic
    _tablets: dict[str, tuple[str, float]] = field(default_factory=dict)

    def begin(self, tablet: str) -> str:
        now = self.clock()
        self._tablets = {token: each for token, each in self._tablets.items() if each[1] > now}
        while len(self._tablets) >= MOST:
            del self._tablets[next(iter(self._tablets))]
        token = secrets.token_urlsafe(32)
        self._tablets[token] = (tablet, now + LASTS_S)
        return token

    def end(self, tablet: str) -> None:
        """Every cookie of this tablet is worth nothing from now on."""
        self._tablets = {token: each for token, each in self._tablets.items() if each[0] != tablet}

    def tablet(self, token: str | None) -> str | None:
        """The tablet to which this cookie belongs."""
        found = self._tablets.get(token or "")
        return found[0] if found and found[1] > self.clock() else None
