"""Who may see the board without the site's provider: local accounts.

Promises:
- A password is kept as an Argon2id hash only.
- A wrong name takes as long as a wrong password. After `TRIES` wrong ones from an address, that address waits; those
  that are still being checked count, so many at once are no way around it.
"""

import asyncio
import secrets
import time
from collections import deque

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pumpd_ward.board.sign_ins import Person, Store
from pumpd_ward.roles import Role

LEAST = 12  # characters of a password
TRIES, WAIT_S = 5, 60.0
_REMEMBERED = 10_000  # addresses

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_hex(16))


class PasswordError(ValueError):
    """The password cannot be used; the message says why."""


class TooManyError(Exception):
    """Too many wrong passwords from this address; try again later."""


class Tries:
    """Passwords by address that were wrong, or are being checked, in this process."""

    def __init__(self) -> None:
        self._counted: dict[str, deque[float]] = {}

    def begin(self, address: str) -> None:
        """Count one more. Raises TooManyError."""
        counted = self._counted.get(address)
        while counted and time.monotonic() - counted[0] > WAIT_S:
            counted.popleft()
        if counted and len(counted) >= TRIES:
            raise TooManyError
        if len(self._counted) >= _REMEMBERED:
            self._counted.pop(next(iter(self._counted)))
        self._counted.setdefault(address, deque()).append(time.monotonic())

    def right(self, address: str) -> None:
        """One of them was right, and does not count."""
        if counted := self._counted.get(address):
            counted.pop()


async def add(store: Store, name: str, password: str, role: Role | None = None) -> None:
    """Make an account (a nurse's, unless told), or give it a new password; that ends its sign-ins.

    Raises PasswordError.
    """
    if len(password) < LEAST:
        raise PasswordError(f"a password needs at least {LEAST} characters; no account was changed")
    hashed = await asyncio.to_thread(_HASHER.hash, password)
    await store.execute(
        "INSERT INTO account (name, hash, role) VALUES ($1, $2, coalesce($3, $4))"
        " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = coalesce($3, account.role)",
        *(name, hashed, role, Role.NURSE),
    )
    await store.execute("DELETE FROM login WHERE account = $1", name)


async def remove(store: Store, name: str) -> bool:
    """Whether there was one. Its sign-ins end."""
    done: str = await store.execute("DELETE FROM account WHERE name = $1", name)
    return done != "DELETE 0"


async def person(store: Store, name: str, password: str) -> Person | None:
    """Whose name and password these are; None when one of them is wrong."""
    found = await store.fetchrow("SELECT hash, role FROM account WHERE name = $1", name)
    if not await asyncio.to_thread(_matches, found["hash"] if found else _NOBODY, password) or found is None:
        return None
    return Person(name, Role(found["role"]))


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
