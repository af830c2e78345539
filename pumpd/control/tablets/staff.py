"""The people who may sign in on a tablet: badge, name, roles and a PIN's argon2id hash, in a file that control writes.

Promises:
- A PIN is stored nowhere: not in the file, the journal, a log or an error message.
- A hash takes about 20 MB and tenths of a second on a small gateway. It is computed on a thread, one at a time, so that
  the pumps are not affected (`sign_in`). Its library is loaded for the first one.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pumpd.control.tablets.files import read_entries, write_entries
from pumpd.host.files import mode_of
from pumpd.messages.roles import Role
from pumpd.texts import text

if TYPE_CHECKING:
    from argon2 import PasswordHasher

BADGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}", re.ASCII)
PIN = re.compile(r"[0-9]{6,12}", re.ASCII)  # of a new one; shorter ones from before still sign in
_TOO_SIMPLE = "0123456789012345" + "9876543210987654"


class StaffError(ValueError):
    """The staff file, or a change to it, cannot be used. Nobody can sign in with it; stop still works."""


@dataclass(frozen=True, slots=True)
class Person:
    """`person`: a number of the site's own that one human being has and no other; it may be empty."""

    badge: str
    name: str
    roles: tuple[str, ...]
    pin_hash: str
    person: str = ""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Person":
        """Raises KeyError, TypeError."""
        person = cls(**(dict(entry) | {"roles": tuple(entry["roles"])}))
        if not all(
            isinstance(each, str) for each in (person.badge, person.name, person.pin_hash, person.person, *person.roles)
        ):
            raise TypeError(f"badge {person.badge!r} has a field that is not text")
        return person

    def is_also(self, other: "Person") -> bool:
        """Both entries are of one human being: the same badge, name or number of the person."""
        if self.badge == other.badge or (self.person and self.person == other.person):
            return True
        return _plain(self.name) == _plain(other.name)

    def shown(self) -> dict[str, Any]:
        return {"badge": self.badge, "name": self.name, "roles": list(self.roles)}

    def __str__(self) -> str:
        return f"{self.name} (badge {self.badge})"


def _plain(name: str) -> str:
    """Without differences that people do not hear."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # noqa: PLC0415  # 4 MB that a gateway without tablets does not need

    # OWASP's minimum for argon2id with 19 MiB; it takes a Raspberry Pi 4 about 0.15 s.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def pin_objection(pin: str) -> str | None:
    """Why this PIN may not be set, or None."""
    if not PIN.fullmatch(pin):
        return text(
            "staff.pin_digits", "PIN: 6 to 12 digits (one of 4 or 5 that is in use still signs in, until it is changed)"
        )
    if len(set(pin)) == 1 or pin in _TOO_SIMPLE:
        return text("staff.pin_simple", "PIN: not one digit repeated, and not consecutive digits")
    return None


def hashed(pin: str) -> str:
    """The hash to keep. Raises StaffError for a PIN that may not be set."""
    if objection := pin_objection(pin):
        raise StaffError(objection)
    return _hasher().hash(pin)


def fits(pin_hash: str | None, pin: str) -> bool:
    """Whether this PIN has this hash. Without a hash it takes just as long and returns False."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  # as above

    try:
        _hasher().verify(pin_hash or _hash_without_person(), pin)
    except (VerificationError, InvalidHashError):
        return False
    return pin_hash is not None


@cache
def _hash_without_person() -> str:
    return _hasher().hash("no PIN has letters")


class StaffStore:
    """Read at each use, so that a person who is removed is signed out at once. Changes go through `Register`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> dict[str, Person]:
        """People by badge. Raises StaffError for a file that cannot be used."""
        try:
            people = [Person.of(entry) for entry in read_entries(self.path)]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StaffError(text("staff.file", "staff {file}: {why}", file=self.path, why=error)) from error
        return {person.badge: person for person in people}

    def add(self, badge: str, name: str, roles: tuple[str, ...], pin: str, number: str = "") -> Person:
        """Raises StaffError with what is wrong."""
        people = self.all()
        if badge in people:
            raise StaffError(
                text(
                    "staff.badge_taken", "badge: {badge} belongs to {name}", badge=repr(badge), name=people[badge].name
                )
            )
        if not BADGE.fullmatch(badge):
            raise StaffError(text("staff.badge_form", "badge: letters, digits and hyphens, at most 32"))
        if not (1 <= len(name) <= 60 and name.isprintable()):
            raise StaffError(text("staff.name_form", "name: 1 to 60 visible characters"))
        if not roles or (wrong := [role for role in roles if role not in list(Role)]):
            raise StaffError(
                text(
                    "staff.roles",
                    "role: {given}; there are {roles}",
                    given=", ".join(wrong) if roles else text("staff.no_roles", "none given"),
                    roles=", ".join(Role),
                )
            )
        if number and not BADGE.fullmatch(number):
            raise StaffError(text("staff.person_form", "person: letters, digits and hyphens, at most 32"))
        unchecked = Person(badge, name, roles, "", number)
        if two := next((each for each in people.values() if each.is_also(unchecked)), None):
            raise StaffError(
                text(
                    "staff.name_taken",
                    "name: {two} has this name or number; one person has one badge. Remove that badge, or give the "
                    "name of another person so that it differs",
                    two=two,
                )
            )
        person = replace(unchecked, pin_hash=hashed(pin))
        self._write(people | {badge: person})
        return person

    def remove(self, badge: str) -> None:
        people = self.all()
        self._of(people, badge)
        del people[badge]
        self._write(people)

    def reset_pin(self, badge: str, pin: str) -> None:
        people = self.all()
        self._write(people | {badge: replace(self._of(people, badge), pin_hash=hashed(pin))})

    def _of(self, people: dict[str, Person], badge: str) -> Person:
        if badge not in people:
            raise StaffError(
                text("staff.no_badge", "staff {file}: no badge {badge}", file=self.path, badge=repr(badge))
            )
        return people[badge]

    def _write(self, people: dict[str, Person]) -> None:
        entries = [_stored(each) for each in people.values()]
        try:
            write_entries(self.path, entries, mode=mode_of("staff"))
        except OSError as error:
            raise StaffError(text("staff.file", "staff {file}: {why}", file=self.path, why=error.strerror)) from error


def _stored(person: Person) -> dict[str, Any]:
    """As in the file; without an empty number, so that an older version reads it too."""
    entry = asdict(person) | {"roles": list(person.roles)}
    if not person.person:
        del entry["person"]
    return entry
