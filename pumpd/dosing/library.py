"""The drug library: entries (a drug at one concentration, with its limits) and the containers that they may be in.

Promises:
- A concentration comes from an entry and from nowhere else; each concentration has its own entry (PRG-10).
- Unknown keys, bare numbers where a quantity is meant, and limits looser than the catalogue's stop the whole library
  from loading; every problem is named as file: key: reason.
- A course has its limits too, and a site may tighten its hard ones, never loosen them (PRG-14, PRG-17, PRG-18). This
  also holds for how long an order is valid (PRG-26), and for the time in which a rest may be given (PRG-25).
- Doses count by substance, and no two names of the library are so alike that one may be the other (PRG-27).
- KVO is 0: pumpd cannot keep a vein open with drug, and a library that asks for it is refused (PRG-16).
- `digest` covers every value of the entries and containers; comments and layout do not change it.
- `manifest` is the signed description of a library. It is not trusted here: `seal` checks it.

This file takes text; `pumpd.library.files` reads it from disk.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import combinations_with_replacement, product
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StringConstraints, field_validator, model_validator

from pumpd.dosing import limits
from pumpd.dosing.canonical import IF_GIVEN, sha256_of
from pumpd.dosing.library_containers import CONTAINERS_FILE, Name, parse_containers
from pumpd.dosing.library_text import LibraryError, parsed
from pumpd.dosing.limits import (
    ConcentrationText,
    DoseCap,
    DoseText,
    DurationText,
    Limits,
    LimitsWithDefault,
    Section,
    WeightText,
    shown,
)
from pumpd.dosing.names import near_equal
from pumpd.dosing.seal import MANIFEST_FILE, Manifest
from pumpd.pump import Container
from pumpd.quantities import DosePerWeight, Duration, plain

# The catalogue's hard limits of a course.
DAILY_MOST = DosePerWeight(1)  # PRG-14 [P], in any 24 hours
SPACING_LEAST = Duration(24 * 3600)  # PRG-17 [P], from start to start
GAP_LEAST = Duration(20 * 3600)  # PRG-17 [P], from the end to the next start
COURSE_INFUSIONS, COURSE_LONGEST = 6, Duration(28 * 24 * 3600)  # PRG-18
COURSE_MAINTENANCE = 2  # PRG-18
SHARE_MOST = Decimal("0.1")  # PRG-18 [P]: of a treatment that takes no place in its course, less was given
REST_WITHIN = Duration(2 * 3600)  # PRG-25 [P], after the first start
ORDER_VALID = Duration(3600)  # PRG-26 [P]
ORDER_LEAST = Duration(5 * 60)  # [P] a nurse needs time to check

# UNIIs that differ and still are one drug to a patient: ketamine and its hydrochloride.
ONE_DRUG = (frozenset({"690G0D6V8H", "O18YUO0I83"}),)

EntryId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
# Its length is no part of the pattern: sixty times every letter there is would take 4 MB of memory.
DisplayName = Annotated[str, StringConstraints(pattern=r"^[\w(][\w ,./()%+-]*$", max_length=60)]
SubstanceKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_STRENGTH = re.compile(r"([0-9]+(?:[.,][0-9]+)?) ?mg/ml", re.IGNORECASE)
_RXNORM = re.compile(r"[1-9][0-9]{0,7}", re.ASCII)
_UNII = re.compile(r"[A-Z0-9]{10}", re.ASCII)


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


class Substance(Section):
    """What the drug is, by a key of the library and by the codes of RxNorm or UNII. Doses count by it (PRG-27)."""

    key: SubstanceKey
    rxnorm: str | None = None
    unii: str | None = None

    @field_validator("rxnorm", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if not isinstance(value, str) or not _RXNORM.fullmatch(value):
            raise ValueError('an RxNorm code is text of 1 to 8 digits, the first not 0, such as "6130"')
        return value

    @field_validator("unii", mode="before")
    @classmethod
    def _checked(cls, value: object) -> object:
        if not isinstance(value, str) or not _UNII.fullmatch(value):
            raise ValueError('a UNII is text of 10 capital letters and digits, such as "690G0D6V8H"')
        return value

    @model_validator(mode="after")
    def _coded(self) -> Self:
        if self.rxnorm is None and self.unii is None:
            raise ValueError("rxnorm or unii: is missing; a key alone does not say which substance it is")
        return self

    def comparable(self, other: "Substance") -> bool:
        """Whether both have a code of one system, which shows whether they are the same."""
        return None not in (self.rxnorm, other.rxnorm) or None not in (self.unii, other.unii)

    @property
    def identifiers(self) -> frozenset[str]:
        """By each of these a dose of the substance is known."""
        codes = (self.rxnorm and f"rxnorm:{self.rxnorm}", self.unii and f"unii:{self.unii}")
        return frozenset({self.key, *(code for code in codes if code)})


class Rest(Section):
    """When the rest of an interrupted treatment may be given: all of it `within` this of the first start (PRG-25)."""

    within: DurationText = REST_WITHIN
    by_nurse: StrictBool = False  # a person who may confirm may order it too

    @model_validator(mode="after")
    def _within_the_catalogue(self) -> Self:
        if self.within > REST_WITHIN:
            raise ValueError(f"within {shown(self.within)} is looser than the hard limit {shown(REST_WITHIN)}")
        return self


class Spacing(Section):
    """The shortest time from the start of one treatment to the start of the next, inclusive. `gap`: the shortest time
    from the end to the next start.
    """

    soft: DurationText
    hard: DurationText
    gap: DurationText = GAP_LEAST

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.hard > self.soft:
            raise ValueError("hard <= soft must hold")
        return self


class Course(Section):
    """How much and how often a patient may have the drug; `pumpd.dosing.history` checks it.

    Times count from the first start of the course. After `infusions` or after `hard_max`, whichever comes first, a
    treatment is maintenance. `least_share`: a treatment of which less was given takes no place in the course.
    `maintenance`: how many; or "open-ended"; or "as ordered", where the prescriber gives a reason for each.
    """

    daily_max: DoseText
    infusions: Annotated[StrictInt, Field(ge=1)]
    soft_min: DurationText
    soft_max: DurationText
    hard_max: DurationText
    spacing: Spacing
    maintenance: int | Literal["open-ended", "as ordered"]
    maintenance_spacing: Spacing
    least_share: Decimal = SHARE_MOST

    @field_validator("maintenance", mode="before")
    @classmethod
    def _maintained(cls, value: object) -> object:
        if value in ("open-ended", "as ordered") or (type(value) is int and value >= 0):
            return value
        raise ValueError('is a whole number, "open-ended" or "as ordered"')

    @field_validator("least_share", mode="before")
    @classmethod
    def _share(cls, value: object) -> Decimal:
        if type(value) is not Decimal or not value.is_finite() or not 0 <= value <= 1 or value != round(value, 4):
            raise ValueError("a share is a number between 0 and 1 with at most 4 places, such as 0.1")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.soft_min <= self.soft_max <= self.hard_max:
            raise ValueError("soft_min <= soft_max <= hard_max must hold")
        sooner, later = self.spacing, self.maintenance_spacing
        if later.soft < sooner.soft or later.hard < sooner.hard or later.gap < sooner.gap:
            raise ValueError("maintenance_spacing must not be shorter than spacing")
        return self

    @property
    def looser(self) -> list[str]:
        """Which hard limits a site has loosened beyond the catalogue."""
        spacing, gap = self.spacing, self.spacing.gap
        maintenance = self.maintenance if isinstance(self.maintenance, int) else 0
        most = [
            (f"daily_max {self.daily_max}", self.daily_max > DAILY_MOST, DAILY_MOST),
            (f"infusions {self.infusions}", self.infusions > COURSE_INFUSIONS, COURSE_INFUSIONS),
            (f"hard_max {shown(self.hard_max)}", self.hard_max > COURSE_LONGEST, shown(COURSE_LONGEST)),
            (f"spacing.hard {shown(spacing.hard)}", spacing.hard < SPACING_LEAST, shown(SPACING_LEAST)),
            (f"spacing.gap {shown(gap)}", gap < GAP_LEAST, shown(GAP_LEAST)),
            (f"maintenance {maintenance}", maintenance > COURSE_MAINTENANCE, COURSE_MAINTENANCE),
            (f"least_share {plain(self.least_share)}", self.least_share > SHARE_MOST, plain(SHARE_MOST)),
        ]
        return [f"{value} is looser than the hard limit {limit}" for value, passed, limit in most if passed]


class Entry(Section):
    """One drug at one concentration. See `docs/reference/drug-library.md` for each key."""

    id: EntryId
    name: Annotated[DisplayName | None, IF_GIVEN] = (
        None  # what people choose it by; without one, drug and concentration
    )
    drug: Name
    substance: Substance
    counts_with: tuple[SubstanceKey, ...] = ()  # doses of these substances count together with this one's
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
    order_valid: DurationText = ORDER_VALID  # an order expires after this unless it is started (PRG-26)
    rest: Rest = Rest()

    def fastest(self, duration: Duration) -> Duration:
        """The time that a whole dose would take at the highest rate of its profile, if it is given in this time."""
        return Duration.from_ns(
            int(min((duration.ns * step.time / step.dose for step in self.profile), default=duration.ns))
        )

    @field_validator("kvo", mode="before")
    @classmethod
    def _no_kvo(cls, value: object) -> object:
        if value != "0":
            raise ValueError('KVO must be "0": pumpd never gives drug to keep a vein open (PRG-16)')
        return value

    @model_validator(mode="after")
    def _named_truly(self) -> Self:
        for number in _STRENGTH.findall(self.name or ""):
            if Decimal(number.replace(",", ".")) != self.concentration.decimal:
                raise ValueError(f"name: {self.name!r} says {number} mg/mL, the concentration is {self.concentration}")
        return self

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
        if not ORDER_LEAST <= self.order_valid <= ORDER_VALID:
            least, most = shown(ORDER_LEAST), shown(ORDER_VALID)
            problems.append(f"order_valid {shown(self.order_valid)} is not between {least} and {most}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


@dataclass(frozen=True)
class Library:
    """A loaded library: entries by id and containers by name. `digest` identifies all of it."""

    entries: Mapping[str, Entry]
    containers: Mapping[str, Container]
    manifest: Manifest | None = None

    @cached_property
    def digest(self) -> str:
        return sha256_of({"entries": self.entries, "containers": self.containers})

    def counted(self, entry: Entry) -> frozenset[str]:
        """The identifiers of all substances whose doses count together with this entry's, whichever entry says so.

        A dose on record also counts where its drug's name is near-equal to one of the keys: an earlier library may have
        had another key for it.
        """
        own = entry.substance.key
        keys = {own, *entry.counts_with}
        for each in self.entries.values():
            if own == each.substance.key:
                keys.update(each.counts_with)
            elif own in each.counts_with:
                keys.add(each.substance.key)
        known = (each.substance.identifiers for each in self.entries.values() if each.substance.key in keys)
        return frozenset(keys).union(entry.substance.identifiers, *known)


NO_LIBRARY = Library(MappingProxyType({}), MappingProxyType({}))  # for a gateway that can only show and stop


def parse(text: str, name: str) -> Entry:
    """Read one entry from TOML text. Its id must be the file's name without the extension. Raises LibraryError."""
    entry = parsed(Entry, text, name)
    if f"{entry.id}.toml" != name:
        raise LibraryError([f"{name}: id: {entry.id!r} belongs in a file named {entry.id}.toml"])
    return entry


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
                manifest = parsed(Manifest, text, name)
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
    problems += _same_names(list(entries.values()))
    problems += _ambiguous(list(entries.values()))
    if not entries and not problems:
        problems.append("no entry: a library without drugs cannot be used")
    if problems:
        raise LibraryError(problems)
    return Library(MappingProxyType(entries), MappingProxyType(containers), manifest)


def _same_names(entries: Sequence[Entry]) -> list[str]:
    """Entries that people could not tell apart."""
    known: dict[str, str] = {}
    problems = []
    for entry in entries:
        name = (entry.name or entry.id).casefold()
        if name in known:
            problems.append(f"{entry.id}.toml: name: {entry.name!r} is the name of {known[name]} already")
        known.setdefault(name, entry.id)
    return problems


def _ambiguous(entries: Sequence[Entry]) -> list[str]:
    """Where a dose could be counted for the wrong substance, or for none (PRG-27)."""
    ordered = sorted(entries, key=lambda entry: entry.id)
    problems: dict[str, None] = {}  # in order, each once
    for one, other in combinations_with_replacement(ordered, 2):
        where = f"{one.id}.toml" if one is other else f"{one.id}.toml and {other.id}.toml"
        problems |= dict.fromkeys(f"{where}: {problem}" for problem in _mistakable(one, other))
    return list(problems)


def _mistakable(one: Entry, other: Entry) -> Iterator[str]:
    """What of two entries, or of one with itself, could be mistaken for each other: key and reason."""
    mine, theirs = one.substance, other.substance
    if one.drug != other.drug and near_equal(one.drug, other.drug):
        yield f"drug: {one.drug!r} and {other.drug!r} are too alike; use one name for one drug, and another for another"
    if mine.key == theirs.key and mine != theirs:
        yield f"substance: {mine.key!r} has different codes; one substance has one key with the same codes everywhere"
    if mine.key != theirs.key:
        if one.drug == other.drug:
            yield f"substance: {one.drug!r} is {mine.key!r} in one and {theirs.key!r} in the other"
        if same := (mine.identifiers & theirs.identifiers):
            yield f"substance: {mine.key!r} and {theirs.key!r} share {', '.join(sorted(same))}; use one key for both"
        elif any(mine.unii in forms and theirs.unii in forms for forms in ONE_DRUG):
            yield f"substance: {mine.key!r} and {theirs.key!r} are a drug and its salt; use one key for both"
        elif not mine.comparable(theirs) and theirs.key not in one.counts_with and mine.key not in other.counts_with:
            yield (
                f"substance: {mine.key!r} and {theirs.key!r} have an RxNorm code here and a UNII there: they may be "
                "one drug; give each both codes"
            )
        for name, key in ((one.drug, theirs.key), (other.drug, mine.key)):
            if one.drug != other.drug and near_equal(name, key):
                yield f"drug: {name!r} is too like {key!r}, the key of another substance"
    for first, second in product((mine.key, *one.counts_with), (theirs.key, *other.counts_with)):
        if first != second and near_equal(first, second):
            kind = "substance" if (first, second) == (mine.key, theirs.key) else "counts_with"
            alike = " and ".join(sorted((repr(first), repr(second))))
            yield f"{kind}: the keys {alike} are too alike; one of them may be a typing error"
