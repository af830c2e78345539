"""Whether the library on the disk may start an infusion: what was found there against what this gateway asks, pure.

Promises:
- Only a library that a trusted key signed, as it stands, for this care area, not older than any that was accepted here
  before, and the very one that is loaded, gives no objection (PRG-19).
- Two libraries never pass under one version.
- A gateway of simulated pumps may be told to do without a signature; it then does without nothing else.

Reading the disk and verifying the signature is the business of `pumpd.library.signing`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import Field, StrictInt, StringConstraints

from pumpd.dosing.limits import Section

MANIFEST_FILE = "library.toml"
SIGNATURE_FILE = "library.sig"
CARE_AREA = r"^[a-z0-9][a-z0-9-]{0,62}$"

LibraryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]
CareArea = Annotated[str, StringConstraints(pattern=CARE_AREA)]
Version = Annotated[StrictInt, Field(ge=1, le=99_999_999)]  # also a date such as 20261126


class Manifest(Section):
    """What a library says of itself. Its exact bytes are what is signed; `digest` binds all files beside it.

    `key` is the id of the key that signs: the start of the SHA-256 of its public half.
    """

    pumpd_library: Literal[1]  # the form of this file, and that a signature over it is for nothing else
    name: LibraryName
    version: Version
    care_area: CareArea
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]

    @property
    def text(self) -> str:
        """As the file has it; no field can hold what TOML would have to escape."""
        return (
            f'pumpd_library = {self.pumpd_library}\nname = "{self.name}"\nversion = {self.version}\n'
            f'care_area = "{self.care_area}"\ndigest = "{self.digest}"\nkey = "{self.key}"\n'
        )


class Signature(StrEnum):
    NONE = "none"  # neither manifest nor signature
    INCOMPLETE = "incomplete"  # one of the two
    UNKNOWN_KEY = "unknown_key"
    BAD = "bad"
    GOOD = "good"


class Loaded(Protocol):
    """The library in use."""

    @property
    def digest(self) -> str: ...

    @property
    def manifest(self) -> Manifest | None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What stands on the disk. With `problems` it cannot be read, and nothing else is known of it."""

    digest: str = ""
    manifest: Manifest | None = None
    signature: Signature = Signature.NONE
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest version that was ever accepted here, and what it said."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gateway's settings ask of a library. `unsigned`: none will do too, for simulated pumps only."""

    care_area: str | None
    unsigned: bool = False


def objections(found: Found, asked: Asked, mark: Mark | None, loaded: Loaded | None) -> tuple[str, ...]:
    """Every reason why nothing may be started by this library; empty when it may. `loaded` None: none is in use yet."""
    if found.problems:
        return tuple(f"library: cannot be used: {each}; put a good one there" for each in found.problems)
    reasons = [] if asked.unsigned and found.signature is Signature.NONE else _unsealed(found, asked, mark)
    if loaded is not None and (found.digest, found.manifest) != (loaded.digest, loaded.manifest):
        reasons.append(
            f"library: on the disk is {_named(found.digest, found.manifest)}, pumpd has loaded "
            f"{_named(loaded.digest, loaded.manifest)}; put that back, or start control anew when nobody is infused"
        )
    return tuple(f"{reason} (PRG-19)" for reason in reasons)


def _unsealed(found: Found, asked: Asked, mark: Mark | None) -> list[str]:
    manifest = found.manifest
    fault = _signature_fault(found)
    if manifest is None or fault:
        return [f"library: {fault}"]
    reasons = []
    if manifest.digest != found.digest:
        reasons.append(
            f"library: its files say {found.digest[:16]}, {manifest.digest[:16]} was signed: one was changed after it "
            "was signed; install the signed files anew, or have what is there checked and signed"
        )
    if asked.care_area is None:
        reasons.append("library: this gateway has no care area; set care_area in its configuration")
    elif manifest.care_area != asked.care_area:
        reasons.append(
            f"library: it is for {manifest.care_area}, this gateway is in {asked.care_area}; "
            "install the library of this care area"
        )
    if mark is not None and manifest.version < mark.version:
        reasons.append(
            f"library: version {manifest.version} is older than version {mark.version}, which was in use here; "
            f"install version {mark.version} or a newer one"
        )
    elif mark is not None and manifest.version == mark.version and found.digest != mark.digest:
        reasons.append(
            f"library: version {manifest.version} was in use here and said {mark.digest[:16]}, now it says "
            f"{found.digest[:16]}; what is new is signed with a higher version"
        )
    return reasons


def _signature_fault(found: Found) -> str:
    match found.signature:
        case Signature.GOOD:
            return ""
        case Signature.NONE:
            return (
                "it is not signed; a pharmacist signs it with `pumpd library sign`. Where all pumps are simulated, "
                "simulation.unsigned_library = true does without"
            )
        case Signature.INCOMPLETE:
            return f"one of {MANIFEST_FILE} and {SIGNATURE_FILE} is missing; install both anew"
        case Signature.UNKNOWN_KEY:
            key = found.manifest.key if found.manifest else "unnamed"
            return f"it is signed with the key {key}, which library_keys in this gateway's configuration does not name"
        case Signature.BAD:
            return (
                f"{SIGNATURE_FILE} does not fit {MANIFEST_FILE}: one of them was changed after the signing, or another "
                "key signed; install both anew"
            )


def _named(digest: str, manifest: Manifest | None) -> str:
    return f"{digest[:16]}, {f'version {manifest.version}' if manifest else 'unsigned'}"
