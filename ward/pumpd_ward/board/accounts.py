"""Who may see the board: local accounts, and the sign-ins that last some hours.

Promises:
- A password is kept as an Argon2id hash only; a sign-in as the SHA-256 of its token.
- A wrong name takes as long as a wrong password. After `TRIES` wrong ones from an address, that address waits.
"""

import asyncio
import hashlib
import secrets
import time
from collections import deque

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

Store = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

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
    """Wrong passwords by address, in this process."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}

    def check(self, address: str) -> None:
        """Raises TooManyError."""
        wrong = self._wrong.get(address)
        while wrong and time.monotonic() - wrong[0] > WAIT_S:
            wrong.popleft()
        if wrong and len(wrong) >= TRIES:
            raise TooManyError

    def note(self, address: str) -> None:
        if len(self._wrong) >= _REMEMBERED:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong.setdefault(address, deque()).append(time.monotonic())


async def add(store: Store, name: str, password: str) -> None:
    """Make an account, or give it a new password; that ends its sign-ins. Raises PasswordError."""
    if len(password) < LEAST:
        raise PasswordError(f"a password needs at least {LEAST} characters; no account was changed")
    hashed = await asyncio.to_thread(_HASHER.hash, password)
    await store.execute(
        "INSERT INTO account (name, hash) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET hash = excluded.hash",
        name,
        hashed,
    )
    await store.execute("DELETE FROM login WHERE account = $1", name)


async def remove(store: Store, name: str) -> bool:
    """Whether there was one. Its sign-ins end."""
    done: str = await store.execute("DELETE FROM account WHERE name = $1", name)
    return done != "DELETE 0"


async def sign_in(store: Store, name: str, password: str, hours: int) -> str | None:
    """A token; None when name or password is wrong."""
    hashed = await store.fetchval("SELECT hash FROM account WHERE name = $1", name)
    if not await asyncio.to_thread(_matches, hashed or _NOBODY, password) or hashed is None:
        return None
    token = secrets.token_urlsafe(32)
    await store.execute("DELETE FROM login WHERE ends_at < now()")
    await store.execute(
        "INSERT INTO login VALUES ($1, $2, now() + make_interval(hours => $3))", _digest(token), name, hours
    )
    return token


async def signed_in(store: Store, token: str) -> str | None:
    """Whose token it is; None when it has ended or is nobody's."""
    found: str | None = await store.fetchval(
        "SELECT account FROM login WHERE token = $1 AND ends_at > now()", _digest(token)
    )
    return found


async def sign_out(store: Store, token: str) -> None:
    await store.execute("DELETE FROM login WHERE token = $1", _digest(token))


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
