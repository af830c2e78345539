"""Whether the configuration on disk is the one in use, and whether a trusted key signed it (SEC-17).

Promises:
- There is no objection only if every file of the configuration has the bytes that were loaded.
- Where `trust/config.pub` exists, one of its keys must have signed exactly these bytes.

A gateway that trusts no key needs no signature, and says that its configuration is not signed (docs/decisions/0035).
"""

from dataclasses import dataclass
from pathlib import Path

from pumpd.settings_file import Read
from pumpd.trust import CONFIG_KEYS, SigningError, key_id, trusted_keys, trusted_path, verified_by

SUFFIX = ".sig"  # the signature is beside the file: pumpd.toml.sig


@dataclass(frozen=True, slots=True)
class Seal:
    """`digest`: of all files on disk. `key`: the id of the key that signed them; empty when none is trusted.

    `problems`: why nothing may be started by this configuration.
    """

    digest: str = ""
    key: str = ""
    problems: tuple[str, ...] = ()


def signature_path(config: Path) -> Path:
    return config.with_name(config.name + SUFFIX)


def examine(config: Path, loaded: str | None = None) -> Seal:
    """The configuration as it is on disk now. Blocks. `loaded`: the digest in use; None when none is in use yet."""
    read = Read(config)
    if read.problems:
        return Seal(problems=tuple(f"configuration: {each}" for each in read.problems))
    key, fault = _signature(config, read.statement.encode())
    reasons = [fault] if fault else []
    if loaded is not None and read.digest != loaded:
        reasons.append(
            f"the disk has {read.digest[:16]}, pumpd has loaded {loaded[:16]}: a file was changed, added or removed; "
            "restore it, or restart control when no infusion is running"
        )
    return Seal(read.digest, key, tuple(f"configuration: {each}" for each in reasons))


def _signature(config: Path, statement: bytes) -> tuple[str, str]:
    """The id of the key that signed it, and what is wrong."""
    place = trusted_path(config, CONFIG_KEYS)
    try:
        keys = trusted_keys(place)
    except SigningError as error:
        return "", f"{error}; install the key again"
    except OSError as error:
        return "", f"{place}: {error.strerror}; so it is not known who may sign it"
    if not keys:
        return "", ""
    file = signature_path(config)
    try:
        signature = file.read_bytes()
    except FileNotFoundError:
        return "", f"it is not signed, and {place} asks for a signature; sign it with `pumpd config sign`"
    except OSError as error:
        return "", f"{file}: {error.strerror}; so its signature is not known"
    key = verified_by(keys, statement, signature)
    if key is None:
        return "", (
            f"{file.name} does not match: a file was changed, added or removed after it was signed, or a key signed it "
            f"that {place} does not hold; restore the signed files, or have the present ones signed"
        )
    return key_id(key), ""
