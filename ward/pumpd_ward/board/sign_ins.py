"""Who is signed in, and as what: the sign-ins that last some hours, of local accounts and of the site's provider.

Promises:
- A sign-in is kept as the SHA-256 of its token: who reads the store cannot use it.
- What a browser began at the provider is taken once, by the same browser, within `BEGUN_S`.
"""

import hashlib
import secrets
from dataclasses import dataclass

import asyncpg

from pumpd_ward.roles import Role

Store = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

BEGUN_S = 600  # to sign in at the provider
_MOST_BEGUN = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    role: Role
    local: bool = True
    """Has an account here. Others come from the site's provider."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in at the provider. `state` and `nonce` come back, `verifier` proves who began (RFC 7636)."""

    state: str
    nonce: str
    verifier: str


async def begin(store: Store, person: Person, hours: int) -> str:
    """A token for the person's browser."""
    token = secrets.token_urlsafe(32)
    await store.execute("DELETE FROM login WHERE ends_at < now()")
    await store.execute(
        "INSERT INTO login (token, account, person, role, ends_at)"
        " VALUES ($1, $2, $3, $4, now() + make_interval(hours => $5))",
        _digest(token),
        *((person.name, None, None) if person.local else (None, person.name, person.role)),
        hours,
    )
    return token


async def signed_in(store: Store, token: str) -> Person | None:
    """Whose token it is; None when it has ended or is nobody's. An account's role counts as it is now."""
    found = await store.fetchrow(
        "SELECT coalesce(account.name, login.person) AS name, coalesce(account.role, login.role) AS role,"
        " account.name IS NOT NULL AS local"
        " FROM login LEFT JOIN account ON account.name = login.account WHERE token = $1 AND ends_at > now()",
        _digest(token),
    )
    return Person(found["name"], Role(found["role"]), found["local"]) if found else None


async def end(store: Store, token: str) -> Person | None:
    """Whose sign-in ended."""
    person = await signed_in(store, token)
    await store.execute("DELETE FROM login WHERE token = $1", _digest(token))
    return person


async def remember(store: Store, begun: Begun) -> str:
    """What the browser has to bring back as a cookie. The oldest give way, so that a flood fills no disk."""
    browser = secrets.token_urlsafe(32)
    await store.execute(
        "DELETE FROM begun WHERE ends_at < now() OR state IN (SELECT state FROM begun ORDER BY ends_at DESC OFFSET $1)",
        _MOST_BEGUN,
    )
    await store.execute(
        "INSERT INTO begun VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))",
        *(_digest(begun.state), _digest(browser), begun.nonce, begun.verifier, BEGUN_S),
    )
    return browser


async def take(store: Store, state: str, browser: str) -> Begun | None:
    """None when this browser did not begin it, or it was taken before, or it is too old."""
    found = await store.fetchrow(
        "DELETE FROM begun WHERE state = $1 AND browser = $2 RETURNING nonce, verifier, ends_at > now() AS timely",
        *(_digest(state), _digest(browser)),
    )
    return Begun(state, found["nonce"], found["verifier"]) if found and found["timely"] else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
