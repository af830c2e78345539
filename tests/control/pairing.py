"""A tablet that is being paired, written from docs/decisions/0029 and sharing no code with the gateway.

`Try` does as an honest tablet. An attacker has all of it too, except a token that he has not seen.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def new_key() -> str:
    return public_text(ec.generate_private_key(ec.SECP256R1()))


def public_text(key: Any) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _text(label: str, fields: tuple[str, ...]) -> bytes:
    return "\n".join((f"pumpd-pairing-v2 {label}", *fields)).encode()


def digest(label: str, *fields: str) -> bytes:
    return hashlib.sha256(_text(label, fields)).digest()


def mac(token: str, label: str, *fields: str) -> str:
    return hmac.digest(token.encode(), _text(label, fields), "sha256").hex()


@dataclass
class Try:
    token: str
    key: str = field(default_factory=new_key)
    name: str = "Chrome"
    nonce: str = field(default_factory=lambda: secrets.token_hex(32))

    @property
    def window(self) -> str:
        return mac(self.token, "window")[:16]

    @property
    def commitment(self) -> str:
        return digest("commitment", self.window, self.key, self.name, self.nonce).hex()

    @property
    def offer(self) -> dict[str, str]:
        proof = mac(self.token, "offer", self.window, self.commitment)
        return {"window": self.window, "commitment": self.commitment, "proof": proof}

    def answered_by(self, answer: dict[str, Any]) -> bool:
        """The answer is from a gateway with the token."""
        fields = (self.window, self.commitment, answer["gateway"], answer["nonce"])
        return bool(answer["proof"] == mac(self.token, "answer", *fields))

    def _all(self, answer: dict[str, Any]) -> tuple[str, ...]:
        return self.window, self.commitment, answer["gateway"], answer["nonce"], self.key, self.name, self.nonce

    def reveal(self, answer: dict[str, Any]) -> dict[str, str]:
        proof = mac(self.token, "reveal", *self._all(answer))
        return {"window": self.window, "public_key": self.key, "name": self.name, "nonce": self.nonce, "proof": proof}

    def code(self, answer: dict[str, Any]) -> str:
        """What the tablet shows."""
        number = int.from_bytes(digest("code", *self._all(answer))[:8], "big") % 10**6
        return f"{number // 1000:03d}-{number % 1000:03d}"
