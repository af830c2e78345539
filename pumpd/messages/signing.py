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

from pumpd.control.tablets.keys import PairedKey
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
    """Sign a confirmation as a tablet does; base64 of r and s."""
    return sign_bytes(key, signed_bytes(binding))


def sign_bytes(key: ec.EllipticCurvePrivateKey, signed: bytes) -> str:
    r, s = decode_dss_signature(key.sign(signed, _ECDSA))
    return base64.b64encode(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")).decode()


def key_id(public: ec.EllipticCurvePublicKey) -> str:
    """The id under which a gateway keeps a key: the start of the SHA-256 of its public half."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:16]


def pairable(
    name: str, roles: str | tuple[str, ...], public: ec.EllipticCurvePublicKey, kind: str = "software"
) -> PairedKey:
    """The public half of a key, ready to be kept."""
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PairedKey(key_id(public), name, (roles,) if isinstance(roles, str) else roles, pem.decode(), kind)


def public_of(der: bytes) -> ec.EllipticCurvePublicKey:
    """A key that a tablet offers. Raises ValueError for anything but a P-256 key."""
    try:
        public = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("public_key: no public key in DER") from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise ValueError("public_key: only keys on the curve P-256 are taken")  # noqa: TRY004
    return public


def fault(key: PairedKey, binding: Binding, signature: str) -> str | None:
    """Why this signature of a paired key over this binding is not accepted, or None when it is good."""
    if "confirm" not in key.roles:
        return f"confirmation: the key {key.name!r} has the role {', '.join(key.roles)!r}, which may not confirm"
    return fault_of(key, signed_bytes(binding), signature, "confirmation")


def fault_of(key: PairedKey, signed: bytes, signature: str, what: str) -> str | None:
    """Why this is no signature of a paired key over these bytes, or None when it is one."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return f"{what}: the signature is not base64"
    if len(raw) != 2 * _HALF:
        return f"{what}: a signature has {2 * _HALF} bytes, this one {len(raw)}"
    der = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
    try:
        public = serialization.load_pem_public_key(key.public_pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return f"{what}: the paired key {key.name!r} is damaged and cannot be used; pair it again"
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return f"{what}: the paired key {key.name!r} is not an elliptic-curve key"
    try:
        public.verify(der, signed, _ECDSA)
    except InvalidSignature:
        return f"{what}: the signature does not fit; something that was signed differs, or another key signed"
    return None
