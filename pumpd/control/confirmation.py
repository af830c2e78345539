"""What a confirmation signs, and the keys that may sign it.

A confirmation is an ECDSA P-256 signature (SHA-256, raw r and s of 32 bytes each, as WebCrypto makes them) over the
canonical JSON of the binding. Any field changed, and it fits no more. Keys are paired at the gateway itself; here is
only the public half of each.
"""

import base64
import binascii
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pumpd.infusion.events import Binding
from pumpd.journal.records import canonical

PREFIX = "pumpd-confirmation-v1\n"
_HALF = 32
_ECDSA = ec.ECDSA(hashes.SHA256())


class KeyStoreError(ValueError):
    """The file of paired keys cannot be used; the message names it. Nothing can be confirmed, stop still works."""


def signed_bytes(binding: Binding) -> bytes:
    """The exact bytes that a confirmation signs."""
    fields = asdict(binding) | {"action": binding.action.value, "expires_ns": str(binding.expires_ns)}
    return (PREFIX + canonical(fields)).encode()


def sign(key: ec.EllipticCurvePrivateKey, binding: Binding) -> str:
    """Sign as a tablet does; base64 of r and s."""
    r, s = decode_dss_signature(key.sign(signed_bytes(binding), _ECDSA))
    return base64.b64encode(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")).decode()


def key_id(public: ec.EllipticCurvePublicKey) -> str:
    """The id under which a gateway keeps a key: the start of the SHA-256 of its public half."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:16]


@dataclass(frozen=True, slots=True)
class PairedKey:
    id: str
    name: str
    role: str
    public_pem: str

    def fault(self, binding: Binding, signature: str) -> str | None:
        """Why this signature over this binding is not accepted, or None when it is good."""
        if self.role != "confirm":
            return f"confirmation: the key {self.name!r} has the role {self.role!r}, which may not confirm"
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return "confirmation: the signature is not base64"
        if len(raw) != 2 * _HALF:
            return f"confirmation: a signature has {2 * _HALF} bytes, this one {len(raw)}"
        der = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
        try:
            public = serialization.load_pem_public_key(self.public_pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            return f"confirmation: the paired key {self.name!r} is damaged and cannot be used; pair it again"
        if not isinstance(public, ec.EllipticCurvePublicKey):
            return f"confirmation: the paired key {self.name!r} is not an elliptic-curve key"
        try:
            public.verify(der, signed_bytes(binding), _ECDSA)
        except InvalidSignature:
            return "confirmation: the signature does not fit; something that was signed differs, or another key signed"
        return None


class KeyStore:
    """Paired keys in a JSON file of the control process. Read anew at each use: a revoked key is gone at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> dict[str, PairedKey]:
        """Paired keys by id; none when nothing was ever paired. Raises KeyStoreError for a file that is not ours."""
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))
            return {row["id"]: PairedKey(**row) for row in rows}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise KeyStoreError(f"paired keys {self.path}: {error}") from error

    def pair(self, name: str, role: str, public: ec.EllipticCurvePublicKey) -> PairedKey:
        """Add a key. Being able to write this file is what makes the pairing a local act."""
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        key = PairedKey(key_id(public), name, role, pem.decode())
        self._write(self.all() | {key.id: key})
        return key

    def revoke(self, key_id: str) -> None:
        """Take a key away. Raises KeyStoreError when it is not there."""
        keys = self.all()
        if key_id not in keys:
            raise KeyStoreError(f"paired keys {self.path}: no key {key_id!r}")
        del keys[key_id]
        self._write(keys)

    def _write(self, keys: dict[str, PairedKey]) -> None:
        beside = self.path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump([asdict(key) for key in keys.values()], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
