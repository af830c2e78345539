"""Signing a drug library and verifying the signature on disk: Ed25519 over the exact bytes of `library.toml`.

Promises:
- All files are read once, before any of them is checked: what was verified is what is used.

Keys and signatures are those of `pumpd.trust`. `pumpd.dosing.seal` decides what follows.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from pumpd.dosing.library_text import LibraryError
from pumpd.dosing.seal import MANIFEST_FILE, SIGNATURE_FILE, Found, Manifest, Signature
from pumpd.library.files import library_of, read_files
from pumpd.trust import SigningError, key_id, public_text, replace_file, verified_by

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
        replace_file(directory / MANIFEST_FILE, signed)
        replace_file(directory / SIGNATURE_FILE, key.sign(signed))
    except OSError as error:
        raise SigningError(f"{directory}: {error.strerror}; the library there counts as unsigned") from error
    return manifest


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
    except LibraryError as error:
        return Found(problems=tuple(error.problems))
    return _found(tuple(files.items()), tuple(keys.items()))


@lru_cache(maxsize=2)  # an order and a start read the files again; the same bytes and keys give the same answer
def _found(named: tuple[tuple[str, bytes], ...], trusted: tuple[tuple[str, str], ...]) -> Found:
    files, keys = dict(named), dict(trusted)
    try:
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
    return Signature.GOOD if verified_by([text], signed, signature) else Signature.BAD
