"""Signing a drug library and verifying the signature on disk: Ed25519 over the exact bytes of `library.toml`.

Promises:
- All files are read once, before any of them is checked: what was verified is what is used.
- A private key file is readable by its owner only; one that others can read is not used.

`library.sig` is the bare 64 bytes, and a public key is written as the one line in its PEM file, so openssl verifies
what pumpd signed, and vice versa. `pumpd.dosing.seal` decides what follows.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from pumpd.dosing.library_text import LibraryError
from pumpd.dosing.seal import MANIFEST_FILE, SIGNATURE_FILE, Found, Manifest, Signature
from pumpd.library.files import library_of, read_files

_RAW = 32  # bytes at the end of a public key's DER


class SigningError(ValueError):
    """Nothing was signed, or the key cannot be used; the message says which and why."""


# -- keys ------------------------------------------------------------------------------------------------------------


def public_text(key: Ed25519PublicKey) -> str:
    """A key in the form of `library_keys`: the one line between the first and the last of a PEM file."""
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


def load_key(path: Path) -> Ed25519PrivateKey:
    """Raises SigningError."""
    try:
        if path.stat().st_mode & 0o077:
            raise SigningError(f"key {path}: others can read it; `chmod 600` it, or make a new one if others may have")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SigningError(f"key {path}: {error.strerror}; `pumpd library key` makes one") from error
    except (ValueError, TypeError) as error:
        if isinstance(error, SigningError):
            raise
        raise SigningError(f"key {path}: {error}; `pumpd library key` makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"key {path}: not an Ed25519 key; `pumpd library key` makes one")
    return key


# -- signing ---------------------------------------------------------------------------------------------------------


def sign_library(
    directory: Path,
    key: Ed25519PrivateKey,
    *,
    name: str | None = None,
    version: int | None = None,
    care_area: str | None = None,
) -> Manifest:
    """Sign the library's files as they are now. Fields that are not given keep their values; the version increases by
    one.

    Raises LibraryError for a library that cannot be used, SigningError for a manifest that must not be signed.
    """
    library = library_of(read_files(directory))
    before = library.manifest
    version = version if version is not None else before.version + 1 if before else 1
    if before is not None and version < before.version:
        raise SigningError(f"version {version} is lower than the present {before.version}; sign with a higher one")
    if before is not None and version == before.version and library.digest != before.digest:
        raise SigningError(f"version {version} exists already with other contents; sign with a higher one")
    try:
        manifest = Manifest(
            pumpd_library=1,
            name=name if name is not None else before.name if before else "",
            version=version,
            care_area=care_area if care_area is not None else before.care_area if before else "",
            digest=library.digest,
            key=key_id(public_text(key.public_key())),
        )
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SigningError(wrong) from error
    signed = manifest.text.encode()
    try:
        _replace(directory / MANIFEST_FILE, signed)
        _replace(directory / SIGNATURE_FILE, key.sign(signed))
    except OSError as error:
        raise SigningError(f"{directory}: {error.strerror}; the library there counts as unsigned") from error
    return manifest


def _replace(path: Path, raw: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(raw)
    beside.replace(path)


def throwaway(source: Path, target: Path, care_area: str = "simulation") -> str:
    """Copy a library and sign it with a new key that is not kept; for simulated pumps.

    Returns the lines for the top of a configuration that trusts it. Raises LibraryError, OSError.
    """
    target.mkdir(parents=True)
    for file, raw in read_files(source).items():
        (target / file).write_bytes(raw)
    key = Ed25519PrivateKey.generate()
    sign_library(target, key, name="Simulation", care_area=care_area)
    public = public_text(key.public_key())
    return f'library_dir = "{target}"\ncare_area = "{care_area}"\nlibrary_keys = {{ throwaway = "{public}" }}\n'


# -- verifying -------------------------------------------------------------------------------------------------------


def examine(directory: Path, keys: Mapping[str, str]) -> Found:
    """What is on disk now, and whether one of these public keys signed it. `keys`: public keys by name."""
    try:
        files = read_files(directory)
        library = library_of(files)
    except LibraryError as error:
        return Found(problems=tuple(error.problems))
    return Found(library.digest, library.manifest, _signature(files, library.manifest, keys))


def _signature(files: Mapping[str, bytes], manifest: Manifest | None, keys: Mapping[str, str]) -> Signature:
    signed, signature = files.get(MANIFEST_FILE), files.get(SIGNATURE_FILE)
    if signed is None and signature is None:
        return Signature.NONE
    if signed is None or signature is None or manifest is None:
        return Signature.INCOMPLETE
    text = next((text for text in keys.values() if key_id(text) == manifest.key), None)
    if text is None:
        return Signature.UNKNOWN_KEY
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(text)[-_RAW:]).verify(signature, signed)
    except InvalidSignature:
        return Signature.BAD
    return Signature.GOOD
