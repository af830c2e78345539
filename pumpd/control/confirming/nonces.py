"""Nonces that a signed request must carry: drawn here, good once, and not for long (SEC-06, COM-09).

They live in memory alone. Whatever was signed before a restart carries a nonce that this process never drew, so it is
refused; there is no store of used ones that could be lost or rolled back.
"""

import secrets
from dataclasses import dataclass, field

NS = 10**9
VALID_NS = 2 * NS  # COM-09 [P]: an older request is late
MOST = 1000  # kept at once; the oldest goes, and its request must be signed again


@dataclass(slots=True)
class Nonces:
    _drawn: dict[str, int] = field(default_factory=dict)  # when, in order

    def draw(self, now_ns: int) -> str:
        self._drawn = {nonce: at for nonce, at in self._drawn.items() if now_ns - at <= VALID_NS}
        while len(self._drawn) >= MOST:
            del self._drawn[next(iter(self._drawn))]
        nonce = secrets.token_hex(16)
        self._drawn[nonce] = now_ns
        return nonce

    def fault(self, nonce: str, now_ns: int) -> str | None:
        """Why a request with this nonce is refused, or None. Either way the nonce is used up."""
        drawn = self._drawn.pop(nonce, None)
        if drawn is None:
            return "request: its nonce is not known, or was used before; it must be signed again"
        if now_ns - drawn > VALID_NS:
            return f"request: it came more than {VALID_NS // NS} s after its nonce; it must be signed again"
        return None
