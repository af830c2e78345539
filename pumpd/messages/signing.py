"""What a confirmation signs, and how a signature is made.

A confirmation is an ECDSA P-256 signature (SHA-256, raw r and s of 32 bytes each, as WebCrypto makes them) over the
canonical JSON of the binding. If any field changes, the signature no longer matches.
"""

import base64
from dataclasses import asdict

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pumpd.infusion.events import Binding
from pumpd.journal.records import canonical
from pumpd.texts import text

PREFIX = "pumpd-confirmation-v1\n"
_HALF = 32
SIGNATURE_BYTES = 2 * _HALF
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


def fits(public: ec.EllipticCurvePublicKey, signed: bytes, raw: bytes) -> bool:
    """Whether `raw` (r and s, `SIGNATURE_BYTES` long) is this key's signature of these bytes."""
    der = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
    try:
        public.verify(der, signed, _ECDSA)
    except InvalidSignature:
        return False
    return True


def key_id(public: ec.EllipticCurvePublicKey) -> str:
    """The id under which a gateway keeps a key: the start of the SHA-256 of its public half."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der_of(public))
    return digest.finalize().hex()[:16]


def der_of(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem_of(public: ec.EllipticCurvePublicKey) -> str:
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def public_of(der: bytes) -> ec.EllipticCurvePublicKey:
    """A key that is offered for pairing. Raises ValueError for anything but a P-256 key."""
    try:
        public = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(text("signature.no_public_key", "public_key: not a public key in DER")) from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise ValueError(text("signature.curve", "public_key: only keys on the curve P-256 are accepted"))  # noqa: TRY004 - the text is no key, whatever type it was read as
    return public


def public_of_pem(pem: str) -> ec.EllipticCurvePublicKey:
    """A key from the file of paired keys. Raises ValueError when it is damaged or not an elliptic-curve key."""
    try:
        public = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("not a public key in PEM") from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic-curve key")  # noqa: TRY004 - the text is no key, whatever type it was read as
    return public
