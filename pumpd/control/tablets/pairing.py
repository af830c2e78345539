"""The pairing window: how a tablet's key becomes trusted (SEC-01, SEC-02, SEC-18, SEC-22).

Promises:
- Only a person at the gateway opens a window. It lasts 120 s and accepts one tablet, by one code, typed once.
- Without the token of the window (in the QR code) nothing changes a window. The token itself is never sent.
- The tablet has committed itself to its key before it learns the gateway's nonce, so no key can be searched for whose
  code matches. A person reads the code on the tablet and types it at the gateway.
- A second tablet that has the token closes the window: someone else has seen the QR code.

A value with time as an argument; `pairing_service` keeps it. `messages/pairing.py` has what both sides compute.
"""

import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from pumpd.messages.pairing import PairOffer, PairReveal, Transcript, answer_proof, offer_proof, window_of
from pumpd.quantities import NS_PER_S
from pumpd.texts import text

WINDOW_NS = 120 * NS_PER_S  # SEC-01 [P]
DIGITS = 6
AGAIN = text("pairing.again", "open a new window at the gateway (`pumpd pair`)")


class WindowState(StrEnum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CLOSED = "closed"


class PairingError(ValueError):
    """The step is refused; nothing was paired."""


@dataclass(slots=True)
class Window:
    """One window. `nonce` is the gateway's; it is secret until a tablet has committed itself."""

    token: str
    nonce: str
    gateway: str
    roles: tuple[str, ...]
    name: str  # chosen at the gateway, for a tablet that is given none by the person who holds it
    opened_ns: int
    state: WindowState = WindowState.WAITING
    why: str = ""  # it is closed or refused
    commitment: str = ""
    transcript: Transcript | None = None  # once the tablet has revealed its key
    key_id: str = ""  # once accepted

    @classmethod
    def open(cls, gateway: str, roles: tuple[str, ...], name: str, now_ns: int) -> "Window":
        return cls(secrets.token_urlsafe(24), secrets.token_hex(32), gateway, roles, name, now_ns)

    @property
    def id(self) -> str:
        return window_of(self.token)

    def left_ns(self, now_ns: int) -> int:
        return max(0, self.opened_ns + WINDOW_NS - now_ns)

    def check(self, now_ns: int) -> WindowState:
        """The state now: a window closes by itself."""
        if self.state is WindowState.WAITING and not self.left_ns(now_ns):
            self.close(text("pairing.time_over", "the time for pairing is over"))
        return self.state

    def close(self, why: str, state: WindowState = WindowState.CLOSED) -> None:
        """End a window that waits; later reasons do not count."""
        if self.state is WindowState.WAITING:
            self.state, self.why = state, why

    def offer(self, sent: PairOffer, now_ns: int) -> str:
        """A tablet commits itself; returns the proof of the gateway's answer. Raises PairingError."""
        self._check(sent.window, sent.proof, offer_proof(self.token, sent.window, sent.commitment), now_ns)
        if self.commitment not in ("", sent.commitment):  # the same one again: its answer was lost
            self.close(
                text(
                    "pairing.second_tablet",
                    "a second tablet answered; someone else may have seen the code that was scanned",
                )
            )
            raise PairingError(
                text("pairing.nothing_paired", "pair: {why}. Nothing was paired; {again}", why=self.why, again=AGAIN)
            )
        self.commitment = sent.commitment
        return answer_proof(self.token, sent.window, sent.commitment, self.gateway, self.nonce)

    def reveal(self, sent: PairReveal, now_ns: int) -> None:
        """The tablet shows what it had committed itself to. Raises PairingError."""
        shown = Transcript(
            sent.window, self.commitment, self.gateway, self.nonce, sent.public_key, sent.name, sent.nonce
        )
        self._check(sent.window, sent.proof, shown.proof(self.token), now_ns)
        if not shown.kept:
            self.close(text("pairing.other_key", "the tablet showed another key than it had announced"))
            raise PairingError(
                text("pairing.nothing_paired", "pair: {why}. Nothing was paired; {again}", why=self.why, again=AGAIN)
            )
        self.transcript = shown

    def accept(self, code: str, now_ns: int) -> Transcript:
        """The operator typed what the tablet shows. One try: a wrong code closes the window. Raises PairingError."""
        if self.check(now_ns) is not WindowState.WAITING:
            raise PairingError(
                text(
                    "pairing.closed_open_new",
                    "pair: the window is closed: {why}; open a new one",
                    why=self.why or text("pairing.paired", "a tablet was paired"),
                )
            )
        if self.transcript is None:
            raise PairingError(text("pairing.not_answered", "pair: no tablet has answered yet"))
        digits = "".join(each for each in code if each.isascii() and each.isdigit())
        if len(digits) != DIGITS:
            raise PairingError(
                text(
                    "pairing.code_digits",
                    "pair: the code has {digits} digits; type it as the tablet shows it",
                    digits=DIGITS,
                )
            )
        if not hmac.compare_digest(digits, self.transcript.code):
            self.close(text("pairing.wrong_code", "the code that was typed is not the tablet's"), WindowState.REFUSED)
            raise PairingError(
                text(
                    "pairing.code_of_another",
                    "pair: this is not the code of the tablet that answered, which may be another one than yours; the "
                    "window is closed and nothing was paired. Open a new one",
                )
            )
        self.state = WindowState.ACCEPTED
        return self.transcript

    def _check(self, window: str, proof: str, expected: str, now_ns: int) -> None:
        """Raises PairingError, and changes nothing, unless the sender has the token."""
        if not (hmac.compare_digest(window, self.id) and hmac.compare_digest(proof, expected)):
            raise PairingError(text("pairing.no_window", "pair: this belongs to no open window; {again}", again=AGAIN))
        if self.check(now_ns) is not WindowState.WAITING:
            raise PairingError(
                text(
                    "pairing.closed",
                    "pair: the window is closed: {why}; {again}",
                    why=self.why or text("pairing.paired", "a tablet was paired"),
                    again=AGAIN,
                )
            )
