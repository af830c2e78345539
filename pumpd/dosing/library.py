"""The drug library: entries (a drug at one concentration, with its limits) and the containers that they may be in.

Promises:
- A concentration comes from an entry and from nowhere else; each concentration has its own entry (PRG-10).
- Unknown keys, bare numbers where a quantity is meant, and limits looser than the catalogue's stop the whole library
  from loading; every problem is named as file: key: reason.
- A course has its limits too, and a site may tighten its hard ones, never loosen them (PRG-14, PRG-17, PRG-18).
- KVO is 0: pumpd cannot keep a vein open with drug, and a library that asks for it is refused (PRG-16).
- `digest` covers every value of the entries and containers; comments and layout do not change it.
- `manifest` is the signed description of a library. It is not trusted here: `seal` checks it.

This file takes text; `pumpd.library.files` reads it from disk.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, StrictBool, StrictInt, StringConstraints, ValidationError, field_validator, model_validator

from pumpd.dosing import limits
from pumpd.dosing.canonical import sha256_of
from pumpd.dosing.limits import (
    ConcentrationText,
    DoseCap,
    DoseText,
    DurationText,
    LengthText,
    Limits,
    LimitsWithDefault,
    RateText,
    Section,
    VolumeText,
    WeightText,
    shown,
)
from pumpd.dosing.seal import MANIFEST_FILE, Manifest
from pumpd.pump import Container
from pumpd.quantities import DosePerWeight, Duration, QuantityError, Rate, Volume, plain

CONTAINERS_FILE = "containers.toml"

# The catalogue's hard limits of a course.
DAILY_MOST = DosePerWeight(1)  # PRG-14 [P], in any 24 hours
SPACING_LEAST = Duration(24 * 3600)  # PRG-17 [P]
COURSE_INFUSIONS, COURSE_LONGEST = 6, Duration(28 * 24 * 3600)  # PRG-18
COURSE_MAINTENANCE = 2  # PRG-18

EntryId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]


class LibraryError(ValueError):
    """The library cannot be used. `problems` holds a line for each error: file, key and reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("drug library refused:\n  " + "\n  ".join(problems))


class ProfileStep(Section):
    """A share of the time in which a share of the dose is given, as plain numbers between 0 and 1."""

    time: Decimal
    dose: Decimal

    @field_validator("time", "dose", mode="before")
    @classmethod
    def _share(cls, value: object) -> Decimal:
        if type(value) is not Decimal or not value.is_finite() or not 0 < value < 1 or value != round(value, 6):
            raise ValueError("a share is a number above 0 and below 1 with at most 6 places")
        return value


class Spacing(Section):
    """The shortest time from the end of one infusion to the start of the next, inclusive."""

    soft: DurationText
    hard: DurationText

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.hard > self.soft:
            raise ValueError("hard <= soft must hold")
        return self


class Course(Section):
    """How much and how often a patient may have the drug; `pumpd.dosing.history` checks it.

    Times count from the first start of the course. After `infusions` or after `hard_max`, whichever comes first, an
    infusion is maintenance.
    """

    daily_max: DoseText
    infusions: Annotated[StrictInt, Field(ge=1)]
    soft_min: DurationText
    soft_max: DurationText
    hard_max: DurationText
    spacing: Spacing
    maintenance: Annotated[StrictInt, Field(ge=0)]
    maintenance_spacing: Spacing

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.soft_min <= self.soft_max <= self.hard_max:
            raise ValueError("soft_min <= soft_max <= hard_max must hold")
        sooner, later = self.spacing, self.maintenance_spacing
        if later.soft < sooner.soft or later.hard < sooner.hard:
            raise ValueError("maintenance_spacing must not be shorter than spacing")
        return self

    @property
    def looser(self) -> list[str]:
        """Which hard limits a site has loosened beyond the catalogue."""
        most = [
            (f"daily_max {self.daily_max}", self.daily_max > DAILY_MOST, DAILY_MOST),
            (f"infusions {self.infusions}", self.infusions > COURSE_INFUSIONS, COURSE_INFUSIONS),
            (f"hard_max {shown(self.hard_max)}", self.hard_max > COURSE_LONGEST, shown(COURSE_LONGEST)),
            (f"spacing.hard {shown(self.spacing.hard)}", self.spacing.hard < SPACING_LEAST, shown(SPACING_LEAST)),
            (f"maintenance {self.maintenance}", self.maintenance > COURSE_MAINTENANCE, COURSE_MAINTENANCE),
        ]
        return [f"{value} is looser than the hard limit {limit}" for value, passed, limit in most if passed]


class Entry(Section):
    """One drug at one concentration. See `docs/reference/drug-library.md` for each key."""

    id: EntryId
    drug: Name
    concentration: ConcentrationText
    containers: tuple[str, ...] = Field(min_length=1)
    kvo: str = "0"
    dose: LimitsWithDefault[DoseText]
    dose_cap: DoseCap
    duration: LimitsWithDefault[DurationText]
    weight: Limits[WeightText]
    course: Course
    profile: tuple[ProfileStep, ...] = ()
    double_check: StrictBool = False  # a second person must confirm too

    @field_validator("kvo", mode="before")
    @classmethod
    def _no_kvo(cls, value: object) -> object:
        if value != "0":
            raise ValueError('KVO must be "0": pumpd never gives drug to keep a vein open (PRG-16)')
        return value

    @field_validator("profile")
    @classmethod
    def _whole(cls, profile: tuple[ProfileStep, ...]) -> tuple[ProfileStep, ...]:
        if not profile:
            return profile
        for key in ("time", "dose"):
            total = sum((getattr(step, key) for step in profile), Decimal(0))
            if total != 1:
                raise ValueError(f"the shares of {key} sum to {plain(total)}, not to 1")
        if any(step.dose > step.time * limits.PROFILE_PEAK for step in profile):
            raise ValueError(f"a step runs at more than {limits.PROFILE_PEAK} times the mean rate")
        return profile

    @model_validator(mode="after")
    def _within_the_catalogue(self) -> Self:
        problems = [
            f"{key}.{problem}"
            for key, looser in (
                ("dose", self.dose.looser_than(limits.DOSE_LEAST, limits.DOSE_MOST)),
                ("duration", self.duration.looser_than(limits.DURATION_LEAST, limits.DURATION_MOST)),
                ("weight", self.weight.looser_than(limits.WEIGHT_LEAST, limits.WEIGHT_MOST)),
                ("course", self.course.looser),
            )
            for problem in looser
        ]
        if self.dose_cap.hard > limits.DOSE_CAP:
            problems.append(f"dose_cap.hard {self.dose_cap.hard} is looser than the hard limit {limits.DOSE_CAP}")
        if self.concentration > limits.CONCENTRATION_MOST:
            problems.append(
                f"concentration {self.concentration} cannot be infused: at most {limits.CONCENTRATION_MOST} (PRG-10)"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self


class _ContainerTable(Section):
    """A syringe (with its inner diameter) or a bag. `minimum_rate` is a syringe's lowest recommended rate (PRG-13)."""

    name: Name
    volume: VolumeText
    dead_volume: VolumeText = Volume(1)
    minimum_rate: RateText | None = None
    diameter: LengthText | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.dead_volume >= self.volume:
            raise ValueError(f"dead_volume {self.dead_volume} leaves nothing of {self.volume}")
        least = limits.syringe_minimum(self.volume) if self.diameter else None
        if self.diameter and self.minimum_rate is None:
            raise ValueError("minimum_rate: a syringe needs its lowest recommended rate")
        if self.minimum_rate is not None and least is not None and self.minimum_rate < least:
            raise ValueError(f"minimum_rate {self.minimum_rate} is looser than {least} for this size (PRG-13)")
        return self

    def container(self) -> Container:
        return Container(self.name, self.volume, self.dead_volume, self.minimum_rate or Rate(0), self.diameter)


class _ContainersFile(Section):
    container: tuple[_ContainerTable, ...] = Field(min_length=1)

    @field_validator("container")
    @classmethod
    def _named_once(cls, tables: tuple[_ContainerTable, ...]) -> tuple[_ContainerTable, ...]:
        names = [table.name for table in tables]
        if len(set(names)) != len(names):
            raise ValueError("two containers have the same name")
        return tables


@dataclass(frozen=True)
class Library:
    """A loaded library: entries by id and containers by name. `digest` identifies all of it."""

    entries: Mapping[str, Entry]
    containers: Mapping[str, Container]
    manifest: Manifest | None = None

    @cached_property
    def digest(self) -> str:
        return sha256_of({"entries": self.entries, "containers": self.containers})


NO_LIBRARY = Library(MappingProxyType({}), MappingProxyType({}))  # for a gateway that can only show and stop


S = TypeVar("S", bound=Section)


def _parsed(model: type[S], text: str, name: str) -> S:
    try:
        data: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise LibraryError([f"{name}: not valid TOML: {error}"]) from error
    except ArithmeticError as error:
        raise LibraryError([f"{name}: not a decimal number"]) from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise LibraryError([f"{name}: cannot be read: {error}"]) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise LibraryError([_problem(name, item) for item in error.errors(include_url=False)]) from error


def _problem(name: str, item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"]) or "file"
    cause = item.get("ctx", {}).get("error")
    if item["type"] == "extra_forbidden":
        return f"{name}: {key}: unknown key"
    if isinstance(cause, QuantityError):
        return f"{name}: {key}: {cause.reason}"
    return f"{name}: {key}: {cause or item['msg']}"


def parse(text: str, name: str) -> Entry:
    """Read one entry from TOML text. Its id must be the file's name without the extension. Raises LibraryError."""
    entry = _parsed(Entry, text, name)
    if f"{entry.id}.toml" != name:
        raise LibraryError([f"{name}: id: {entry.id!r} belongs in a file named {entry.id}.toml"])
    return entry


def parse_containers(text: str, name: str = CONTAINERS_FILE) -> dict[str, Container]:
    """Read the containers from TOML text. Raises LibraryError."""
    return {table.name: table.container() for table in _parsed(_ContainersFile, text, name).container}


def load(files: Mapping[str, str]) -> Library:
    """Make a library from the text of its files by name. Raises LibraryError with the problems of all files."""
    problems: list[str] = []
    containers: dict[str, Container] = {}
    entries: dict[str, Entry] = {}
    manifest: Manifest | None = None
    if CONTAINERS_FILE not in files:
        problems.append(f"{CONTAINERS_FILE}: missing")
    for name, text in sorted(files.items()):
        try:
            if name == CONTAINERS_FILE:
                containers = parse_containers(text, name)
            elif name == MANIFEST_FILE:
                manifest = _parsed(Manifest, text, name)
            else:
                entry = parse(text, name)
                entries[entry.id] = entry
        except LibraryError as error:
            problems += error.problems
    if containers:
        problems += [
            f"{entry.id}.toml: containers: {wanted!r} is not in {CONTAINERS_FILE}"
            for entry in entries.values()
            for wanted in entry.containers
            if wanted not in containers
        ]
    if not entries and not problems:
        problems.append("no entry: a library without drugs cannot be used")
    if problems:
        raise LibraryError(problems)
    return Library(MappingProxyType(entries), MappingProxyType(containers), manifest)
