"""What a confirmation signs, and whether a signature of it is good.

A confirmation is an ECDSA P-256 signature (SHA-256, raw r and s of 32 bytes each, as WebCrypto makes them) over the
canonical JSON of the binding. Any field changed, and it fits no more.
"""

import base64
import binascii
from dataclasses import asdict

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pumpd.control.keys import PairedKey
from pumpd.infusion.events import Binding
from pumpd.journal.records import canonical

PREFIX = "pumpd-confirmation-v1\n"
_HALF = 32
_ECDSA = ec.ECDSA(hashes.SHA256())


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


def pairable(name: str, role: str, public: ec.EllipticCurvePublicKey) -> PairedKey:
    """The public half of a key, ready to be kept."""
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PairedKey(key_id(public), name, role, pem.decode())


def fault(key: PairedKey, binding: Binding, signature: str) -> str | None:
    """Why this signature of a paired key over this binding is not accepted, or None when it is good."""
    if key.role != "confirm":
        return f"confirmation: the key {key.name!r} has the role {key.role!r}, which may not confirm"
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return "confirmation: the signature is not base64"
    if len(raw) != 2 * _HALF:
        return f"confirmation: a signature has {2 * _HALF} bytes, this one {len(raw)}"
    der = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
    try:
        public = serialization.load_pem_public_key(key.public_pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return f"confirmation: the paired key {key.name!r} is damaged and cannot be used; pair it again"
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return f"confirmation: the paired key {key.name!r} is not an elliptic-curve key"
    try:
        public.verify(der, signed_bytes(binding), _ECDSA)
    except InvalidSignature:
        return "confirmation: the signature does not fit; something that was signed differs, or another key signed"
    return None
