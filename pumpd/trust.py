"""Ed25519 keys and signatures in files: for a drug library, a configuration and an update.

Promises:
- A private key file is readable by its owner only; one that others can read is not used.
- What was verified is what is used: these functions take bytes, and the caller reads a file once.

A signature is the bare 64 bytes. A public key is written as the one line in its PEM file, so openssl verifies what
pumpd signed, and vice versa. The keys that a gateway trusts are in `trust/` beside its configuration, in files that
hold a key a line; a whole PEM file is one of them.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pumpd.regular_file import content

CONFIG_KEYS = "config.pub"  # in `trust/`: who may sign the configuration
UPDATE_KEYS = "update.pub"  # who may sign an update

_RAW = 32  # bytes at the end of a public key's DER
_PUBLIC = re.compile(r"^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$")


class SigningError(ValueError):
    """Nothing was signed, or the key cannot be used; the message says which and why."""


def trusted_path(config: Path, name: str) -> Path:
    """The file of the keys that are trusted for something, beside the configuration."""
    return config.parent / "trust" / name


# -- keys ------------------------------------------------------------------------------------------------------------


def public_text(key: Ed25519PublicKey) -> str:
    """A key as the one line between the first and the last of a PEM file."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def key_id(text: str) -> str:
    """The id of a public key: the start of its SHA-256."""
    return hashlib.sha256(base64.b64decode(text)).hexdigest()[:16]


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a private key in a file that only its owner can read. Raises SigningError, also when the file exists."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise SigningError(f"key {path}: {error.strerror}") from error
    return key


def load_key(path: Path, maker: str) -> Ed25519PrivateKey:
    """Read a private key. `maker`: the command that makes one, for messages. Raises SigningError."""
    try:
        if path.stat().st_mode & 0o077:
            raise SigningError(f"key {path}: others can read it; `chmod 600` it, or make a new one if others may have")
        key = serialization.load_pem_private_key(content(path), None)
    except OSError as error:
        raise SigningError(f"key {path}: {error.strerror}; `{maker}` makes one") from error
    except (ValueError, TypeError) as error:
        if isinstance(error, SigningError):
            raise
        raise SigningError(f"key {path}: {error}; `{maker}` makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"key {path}: not an Ed25519 key; `{maker}` makes one")
    return key


def trusted_keys(path: Path) -> tuple[str, ...]:
    """The public keys of a file in `trust/`; none when there is no such file. Raises SigningError, OSError.

    A file without any key is an error: it was made to be trusted, and perhaps only half copied.
    """
    try:
        lines = content(path).decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        return ()
    found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith(("#", "-----"))]
    if not found or not all(_PUBLIC.match(each) for each in found):
        raise SigningError(f"{path}: does not hold Ed25519 public keys, one a line")
    return tuple(found)


# -- signatures ------------------------------------------------------------------------------------------------------


def verified_by(keys: Iterable[str], signed: bytes, signature: bytes) -> str | None:
    """The public key that made this signature; None when none of them did."""
    for text in keys:
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(text)[-_RAW:]).verify(signature, signed)
        except InvalidSignature:
            continue
        return text
    return None


def replace_file(path: Path, raw: bytes) -> None:
    """Write a file that is always either the old or the new one. Raises OSError."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
