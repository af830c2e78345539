"""Whether a signature by a paired key is good, and which keys may be paired.

Loading cryptography takes 0.1 s and 7 MB. A process that was just restarted while a pump runs has more urgent work:
`load` imports it on a thread, and every function here needs it loaded.
"""

import asyncio
import base64
import binascii
import importlib
import sys

from pumpd.infusion.events import Binding
from pumpd.messages.keys import PairedKey
from pumpd.messages.roles import Role
from pumpd.texts import text

_SIGNING = "pumpd.messages.signing"


async def load() -> None:
    """Load cryptography on a thread, the first time that it is needed."""
    if _SIGNING not in sys.modules:
        await asyncio.to_thread(importlib.import_module, _SIGNING)


def offered(public_key: str) -> tuple[bytes, str]:
    """The DER and the id of a key that is offered for pairing as base64. Raises ValueError unless it is P-256."""
    from pumpd.messages.signing import key_id, public_of  # noqa: PLC0415  # cryptography: see above

    try:
        der = base64.b64decode(public_key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(text("signature.key_no_base64", "public_key: not base64")) from error
    return der, key_id(public_of(der))


def pairable(name: str, roles: str | tuple[str, ...], der: bytes, kind: str = "software") -> PairedKey:
    """The public half of a key, ready to be stored. Raises ValueError unless it is P-256."""
    from pumpd.messages.signing import key_id, pem_of, public_of  # noqa: PLC0415  # cryptography: see above

    public = public_of(der)
    return PairedKey(key_id(public), name, (roles,) if isinstance(roles, str) else roles, pem_of(public), kind)


def fault(key: PairedKey, binding: Binding, signature: str) -> str | None:
    """Why this signature of a paired key over this binding is not accepted, or None when it is good."""
    from pumpd.messages.signing import signed_bytes  # noqa: PLC0415  # cryptography: see above

    if Role.CONFIRM not in key.roles:
        return text(
            "signature.role",
            "confirmation: the key {key} has the role {roles}, which may not confirm",
            key=repr(key.name),
            roles=repr(", ".join(key.roles)),
        )
    return fault_of(key, signed_bytes(binding), signature, "confirmation")


def fault_of(key: PairedKey, signed: bytes, signature: str, what: str) -> str | None:
    """Why this is not a signature of a paired key over these bytes, or None when it is."""
    from pumpd.messages.signing import SIGNATURE_BYTES, fits, public_of_pem  # noqa: PLC0415  # cryptography: see above

    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return text("signature.no_base64", "{what}: the signature is not base64", what=what)
    if len(raw) != SIGNATURE_BYTES:
        return text(
            "signature.length",
            "{what}: a signature has {bytes} bytes, this one {these}",
            what=what,
            bytes=SIGNATURE_BYTES,
            these=len(raw),
        )
    try:
        public = public_of_pem(key.public_pem)
    except ValueError as error:
        return text(
            "signature.key_unusable",
            "{what}: the paired key {key} cannot be used ({why}); pair it again",
            what=what,
            key=repr(key.name),
            why=error,
        )
    if not fits(public, signed, raw):
        return text(
            "signature.no_match",
            "{what}: the signature does not match; the signed content differs, or another key signed",
            what=what,
        )
    return None
