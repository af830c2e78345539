"""Nonces that a signed request must carry: drawn here, valid once and for a short time (SEC-06, COM-09).

They exist only in memory. A request that was signed before a restart carries a nonce that this process never drew, so
it is refused. There is no store of used nonces that could be lost or rolled back.
"""

import secrets
from dataclasses import dataclass, field

from pumpd.quantities import NS_PER_S
from pumpd.texts import text

VALID_NS = 2 * NS_PER_S  # COM-09 [P]: an older request is refused as late
MOST = 1000  # kept at once; the oldest is dropped, and its request must be signed again


@dataclass(slots=True)
class Nonces:
    _drawn: dict[str, int] = field(default_factory=dict)  # when each was drawn, in order

    def draw(self, now_ns: int) -> str:
        self._drawn = {nonce: at for nonce, at in self._drawn.items() if now_ns - at <= VALID_NS}
        while len(self._drawn) >= MOST:
            del self._drawn[next(iter(self._drawn))]
        nonce = secrets.token_hex(16)
        self._drawn[nonce] = now_ns
        return nonce

    def fault(self, nonce: str, now_ns: int) -> str | None:
        """Why a request with this nonce is refused, or None. In both cases the nonce is used up."""
        drawn = self._drawn.pop(nonce, None)
        if drawn is None:
            return text(
                "request.nonce_unknown", "request: its nonce is not known, or was used before; it must be signed again"
            )
        if now_ns - drawn > VALID_NS:
            return text(
                "request.nonce_late",
                "request: it came more than {seconds} s after its nonce; it must be signed again",
                seconds=VALID_NS // NS_PER_S,
            )
        return None
