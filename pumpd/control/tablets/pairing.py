"""The pairing window: how a tablet's key becomes trusted (SEC-01, SEC-02, SEC-18).

Promises:
- Only a person at the gateway opens a window. It lasts 120 s, accepts one tablet, and closes after three wrong codes.
- The token of the window (in the QR code) lets a tablet offer its key. It does not make the key trusted.
- The code is a digest of token and key. A person reads it on the tablet and types it at the gateway, so a key that was
  merely offered over the network is not accepted.

A value with time as an argument; `pairing_service` keeps it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

NS = 10**9
WINDOW_NS = 120 * NS  # SEC-01 [P]
WRONG_CODES = 3
WRONG_CODE_WAIT_NS = 2 * NS  # between two tries at the gateway
OFFERS = 3  # different keys that one window takes: keys cannot be tried until a code matches


class WindowState(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CLOSED = "closed"


class PairingError(ValueError):
    """The step is refused; nothing was paired."""


def short_code(token: str, public_der: bytes) -> str:
    """Six digits that both sides show, derived from the token and the whole key."""
    digest = hashlib.sha256(b"pumpd-pairing-v1\n" + token.encode() + b"\n" + public_der).digest()
    number = int.from_bytes(digest[:8], "big") % 1_000_000
    return f"{number // 1000:03d}-{number % 1000:03d}"


@dataclass(slots=True)
class Window:
    """One window. `offered`: the key's DER and the name that the tablet gave itself."""

    token: str
    roles: tuple[str, ...]
    name: str  # chosen at the gateway; empty: the tablet's own
    opened_ns: int
    state: WindowState = WindowState.WAITING
    offered: tuple[bytes, str] | None = None
    offers: int = 0
    wrong: int = 0
    last_try_ns: int | None = None
    key_id: str = ""  # once accepted

    @classmethod
    def open(cls, roles: tuple[str, ...], name: str, now_ns: int) -> "Window":
        return cls(secrets.token_urlsafe(24), roles, name, now_ns)

    def left_ns(self, now_ns: int) -> int:
        return max(0, self.opened_ns + WINDOW_NS - now_ns)

    def check(self, now_ns: int) -> WindowState:
        """The state now: a window closes by itself."""
        if self.state is WindowState.WAITING and not self.left_ns(now_ns):
            self.state = WindowState.CLOSED
        return self.state

    def offer(self, token: str, public_der: bytes, name: str, now_ns: int) -> str:
        """A tablet offers its key; returns the code. Raises PairingError."""
        self._check(token, now_ns)
        if self.offered is not None and self.offered[0] != public_der:
            self.offers += 1
            if self.offers >= OFFERS:
                self.state = WindowState.CLOSED
                raise PairingError("pair: too many tablets answered in this window; open a new one")
        self.offered = (public_der, name)
        return short_code(token, public_der)

    def accept(self, code: str, now_ns: int) -> tuple[bytes, str]:
        """The operator typed what the tablet shows; returns the key and its name. Raises PairingError."""
        if self.check(now_ns) is not WindowState.WAITING:
            raise PairingError("pair: the window is closed; open a new one")
        if self.offered is None:
            raise PairingError("pair: no tablet has answered yet")
        if self.last_try_ns is not None and now_ns - self.last_try_ns < WRONG_CODE_WAIT_NS:
            raise PairingError(f"pair: wait {WRONG_CODE_WAIT_NS // NS} s after a wrong code")
        public_der, name = self.offered
        digits = "".join(each for each in code if each.isascii() and each.isdigit())
        if not hmac.compare_digest(digits, short_code(self.token, public_der).replace("-", "")):
            self.wrong += 1
            self.last_try_ns = now_ns
            if self.wrong >= WRONG_CODES:
                self.state = WindowState.REFUSED
                raise PairingError(f"pair: {WRONG_CODES} wrong codes; the window is closed and nothing was paired")
            raise PairingError(
                "pair: this is not the code that the tablet shows; read it again, or another tablet may have answered"
            )
        self.state = WindowState.ACCEPTED
        return public_der, self.name or name

    def refuse(self) -> None:
        if self.state is WindowState.WAITING:
            self.state = WindowState.REFUSED

    def _check(self, token: str, now_ns: int) -> None:
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise PairingError("pair: this code belongs to no open window; open one at the gateway (`pumpd pair`)")
        if self.check(now_ns) is not WindowState.WAITING:
            raise PairingError("pair: the window is closed; open a new one at the gateway (`pumpd pair`)")
