"""The messages with which a tablet is paired, and what both sides compute from them (docs/decisions/0029).

The token of the window is in the QR code and in no message. Both sides use it as the key of an HMAC.

1. The tablet commits itself to its key, its name and a random nonce: it sends only their hash.
2. The gateway answers with its own random nonce. Then the tablet reveals what it had committed itself to.
3. Both compute the same six digits from everything that was exchanged. Neither side could choose them.

Every hash is SHA-256 over a label and the fields, one a line. No field can contain a line break.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import StringConstraints

from pumpd.messages.message import Id, Message, Text

_LABEL = "pumpd-pairing-v2 "

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Nonce = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]{1,400}$")]


class PairOpen(Message):
    """Open the pairing window."""

    op: Literal["pair_open"] = "pair_open"
    roles: tuple[Text, ...]
    name: Text = ""


class PairOffer(Message):
    """A tablet answers in the open window: it commits itself to a key that it does not show yet.

    `window` and `proof` show that it has the token. A second tablet closes the window.
    """

    op: Literal["pair_offer"] = "pair_offer"
    window: Id
    commitment: Hash
    proof: Hash


class PairReveal(Message):
    """The tablet shows what it committed itself to.

    `public_key` is the base64 of its SPKI DER. `proof` covers everything that both sides have sent.
    """

    op: Literal["pair_reveal"] = "pair_reveal"
    window: Id
    public_key: Base64
    name: Text
    nonce: Nonce
    proof: Hash


class PairState(Message):
    """The state of this pairing window, and why it was closed."""

    op: Literal["pair_state"] = "pair_state"
    window: Text


class PairAccept(Message):
    """Accept the tablet: the code that a person read on it and typed at the gateway. One try."""

    op: Literal["pair_accept"] = "pair_accept"
    code: Text


class PairClose(Message):
    """Close the pairing window without pairing a tablet."""

    op: Literal["pair_close"] = "pair_close"


def window_of(token: str) -> str:
    """The public name of the window with this token."""
    return _keyed(token, "window")[:16]


def commitment_of(window: str, public_key: str, name: str, nonce: str) -> str:
    return hashlib.sha256(_lines("commitment", window, public_key, name, nonce)).hexdigest()


def offer_proof(token: str, window: str, commitment: str) -> str:
    return _keyed(token, "offer", window, commitment)


def answer_proof(token: str, window: str, commitment: str, gateway: str, gateway_nonce: str) -> str:
    return _keyed(token, "answer", window, commitment, gateway, gateway_nonce)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that was exchanged in one pairing. The gateway's part is its name and its nonce."""

    window: str
    commitment: str
    gateway: str
    gateway_nonce: str
    public_key: str
    name: str
    nonce: str

    @property
    def kept(self) -> bool:
        """The tablet revealed what it had committed itself to."""
        revealed = commitment_of(self.window, self.public_key, self.name, self.nonce)
        return hmac.compare_digest(revealed, self.commitment)

    def proof(self, token: str) -> str:
        return _keyed(token, "reveal", *self._fields())

    @property
    def code(self) -> str:
        """Six digits: any change of any field gives others, evenly distributed."""
        digest = hashlib.sha256(_lines("code", *self._fields())).digest()
        return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"

    def _fields(self) -> tuple[str, ...]:
        return (
            self.window,
            self.commitment,
            self.gateway,
            self.gateway_nonce,
            self.public_key,
            self.name,
            self.nonce,
        )


def _keyed(token: str, label: str, *fields: str) -> str:
    return hmac.new(token.encode(), _lines(label, *fields), hashlib.sha256).hexdigest()


def _lines(label: str, *fields: str) -> bytes:
    return "\n".join((_LABEL + label, *fields)).encode()
