"""Whether the library on disk may be used for a start: compares what was found with what this gateway requires. Pure.

Promises:
- A library gives no objection only if a trusted key signed exactly its present files, for this care area, if it is not
  older than any that was accepted here before, and if it is the loaded one (PRG-19).
- Two libraries with different contents never have the same version.
- A gateway that has only simulated pumps may be configured to need no signature; every other check stays.

`pumpd.library.signing` reads the disk and verifies the signature.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import Field, StrictInt, StringConstraints

from pumpd.dosing.limits import Section
from pumpd.texts import text

MANIFEST_FILE = "library.toml"
SIGNATURE_FILE = "library.sig"
CARE_AREA = r"^[a-z0-9][a-z0-9-]{0,62}$"

LibraryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]
CareArea = Annotated[str, StringConstraints(pattern=CARE_AREA)]
Version = Annotated[StrictInt, Field(ge=1, le=99_999_999)]  # also a date such as 20261126


class Manifest(Section):
    """The description of a library. Its exact bytes are signed; `digest` binds all other files.

    `key` is the id of the key that signs: the start of the SHA-256 of its public half.
    """

    pumpd_library: Literal[1]  # the format of this file; it keeps its signature from being used for anything else
    name: LibraryName
    version: Version
    care_area: CareArea
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]

    @property
    def text(self) -> str:
        """The text of the file. No field can hold a character that TOML would have to escape."""
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
    """What is on disk. With `problems` it cannot be read, and nothing else is known about it."""

    digest: str = ""
    manifest: Manifest | None = None
    signature: Signature = Signature.NONE
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest version ever accepted here, and its digest."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gateway's settings require. `unsigned`: no signature is needed, for simulated pumps only."""

    care_area: str | None
    unsigned: bool = False


def objections(found: Found, asked: Asked, mark: Mark | None, loaded: Loaded | None) -> tuple[str, ...]:
    """Every reason against a start by this library; empty when there is none. `loaded` None: none is in use yet."""
    if found.problems:
        return tuple(
            text("library.cannot_be_used", "library: cannot be used: {problem}; install a correct one", problem=each)
            for each in found.problems
        )
    reasons = [] if asked.unsigned and found.signature is Signature.NONE else _unsealed(found, asked, mark)
    if loaded is not None and (found.digest, found.manifest) != (loaded.digest, loaded.manifest):
        reasons.append(
            text(
                "library.other_on_disk",
                "library: the disk has {found}, pumpd has loaded {loaded}; install the loaded one again, or restart "
                "control when no infusion is running",
                found=_named(found.digest, found.manifest),
                loaded=_named(loaded.digest, loaded.manifest),
            )
        )
    return tuple(
        text("reason.by_requirement", "{reason} ({requirement})", reason=each, requirement="PRG-19") for each in reasons
    )


def _unsealed(found: Found, asked: Asked, mark: Mark | None) -> list[str]:
    manifest = found.manifest
    fault = _signature_fault(found)
    if manifest is None or fault:
        return [text("library.fault", "library: {why}", why=fault)]
    reasons: list[str] = []
    if manifest.digest != found.digest:
        reasons.append(
            text(
                "library.changed",
                "library: its files have the digest {digest}, but {signed} was signed: a file was changed after it "
                "was signed; install the signed files again, or have the present ones signed",
                digest=found.digest[:16],
                signed=manifest.digest[:16],
            )
        )
    if asked.care_area is None:
        reasons.append(
            text("library.no_care_area", "library: this gateway has no care area; set care_area in its configuration")
        )
    elif manifest.care_area != asked.care_area:
        reasons.append(
            text(
                "library.other_care_area",
                "library: it is for {theirs}, this gateway is in {ours}; install the library of this care area",
                theirs=manifest.care_area,
                ours=asked.care_area,
            )
        )
    if mark is not None and manifest.version < mark.version:
        reasons.append(
            text(
                "library.older",
                "library: version {version} is older than version {before}, which was in use here; install version "
                "{before} or a newer one",
                version=manifest.version,
                before=mark.version,
            )
        )
    elif mark is not None and manifest.version == mark.version and found.digest != mark.digest:
        reasons.append(
            text(
                "library.same_version",
                "library: version {version} was in use here with the digest {before}, now it has {now}; sign changed "
                "files with a higher version",
                version=manifest.version,
                before=mark.digest[:16],
                now=found.digest[:16],
            )
        )
    return reasons


def _signature_fault(found: Found) -> str:
    match found.signature:
        case Signature.GOOD:
            return ""
        case Signature.NONE:
            return text(
                "library.not_signed",
                "it is not signed; a pharmacist signs it with `pumpd library sign`. Where all pumps are simulated, "
                "simulation.unsigned_library = true allows an unsigned one",
            )
        case Signature.INCOMPLETE:
            return text(
                "library.file_missing",
                "one of {manifest} and {signature} is missing; install both again",
                manifest=MANIFEST_FILE,
                signature=SIGNATURE_FILE,
            )
        case Signature.UNKNOWN_KEY:
            key = found.manifest.key if found.manifest else "unnamed"
            return text(
                "library.unknown_key",
                "it is signed with the key {key}, which library_keys in this gateway's configuration does not name",
                key=key,
            )
        case Signature.BAD:
            return text(
                "library.bad_signature",
                "{signature} does not match {manifest}: one of them was changed after it was signed, or another key "
                "signed it; install both again",
                signature=SIGNATURE_FILE,
                manifest=MANIFEST_FILE,
            )


def _named(digest: str, manifest: Manifest | None) -> str:
    if manifest is None:
        return text("library.named_unsigned", "{digest}, unsigned", digest=digest[:16])
    return text("library.named", "{digest}, version {version}", digest=digest[:16], version=manifest.version)
