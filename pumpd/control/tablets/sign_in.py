"""Who is signed in on which tablet, and how many attempts failed (STA-03, SEC-15, SEC-16). A stop never comes here.

Promises:
- Three minutes without a touch sign the person out.
- After five wrong PINs for a badge, or on a tablet, that badge or tablet waits for 60 s; in that time not even a
  correct PIN is checked.
- A person who is removed from the staff list is signed out at once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.staff import Person, StaffError, StaffStore, fits
from pumpd.messages.state import TabletState

NS = 10**9
IDLE_NS = 180 * NS  # SEC-16, STA-03
WRONG_PINS = 5  # SEC-15 [P]
THROTTLED_NS = 60 * NS  # SEC-15 [P]
MOST_KEPT = 1000  # badges and tablets whose failed attempts are remembered
MOST_WAITING = 4  # sign-ins that wait for their turn


class SignInError(ValueError):
    """Nobody was signed in, and why; `retry_s` seconds must pass before another attempt is checked."""

    def __init__(self, reason: str, retry_s: int = 0) -> None:
        self.retry_s = retry_s
        super().__init__(reason)


@dataclass(slots=True)
class Throttle:
    """Counts failed attempts by name, of a badge or a tablet. Time is an argument."""

    _wrong: dict[str, tuple[int, int]] = field(default_factory=dict)  # how many, and when the last one was

    def left_ns(self, name: str, now_ns: int) -> int:
        """How much longer this name must wait."""
        wrong, last = self._wrong.get(name, (0, 0))
        return max(0, last + THROTTLED_NS - now_ns) if wrong >= WRONG_PINS else 0

    def failed(self, name: str, now_ns: int) -> None:
        wrong, last = self._wrong.pop(name, (0, 0))
        over = wrong >= WRONG_PINS and now_ns - last >= THROTTLED_NS
        while len(self._wrong) >= MOST_KEPT:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[name] = (1 if over else wrong + 1, now_ns)

    def succeeded(self, name: str) -> None:
        self._wrong.pop(name, None)


@dataclass(slots=True)
class _Session:
    badge: str
    touched_ns: int


class SignIns:
    def __init__(self, staff: StaffStore, now: Callable[[], int]) -> None:
        self._staff, self._now = staff, now
        self._sessions: dict[str, _Session] = {}  # by tablet
        self._throttle = Throttle()
        self._one = asyncio.Lock()
        self._waiting = 0

    def person(self, tablet: str) -> tuple[Person, int] | None:
        """Who is signed in on the tablet, and the nanoseconds of idle time that are left. Raises StaffError."""
        session = self._sessions.get(tablet)
        if session is None:
            return None
        left = session.touched_ns + IDLE_NS - self._now()
        found = self._staff.all().get(session.badge) if left > 0 else None
        if found is None:
            del self._sessions[tablet]
            return None
        return found, left

    def known(self, badge: str) -> Person | None:
        """The person with this badge, as the file of staff has it now. Raises StaffError."""
        return self._staff.all().get(badge)

    def shown(self, tablet: str) -> dict[str, Any] | None:
        """Who is signed in on a tablet, for its own screen."""
        try:
            found = self.person(tablet)
        except StaffError:
            return None
        return found[0].shown() | {"idle_left_s": round(found[1] / NS)} if found else None

    def touch(self, tablet: str) -> None:
        if self.person(tablet) is not None:
            self._sessions[tablet].touched_ns = self._now()

    async def sign_in(self, tablet: str, badge: str, pin: str) -> Person:
        """Sign in, and sign out the previous person. Raises SignInError, StaffError."""
        self._sessions.pop(tablet, None)
        person = await self.checked(tablet, badge, pin)
        self._sessions[tablet] = _Session(person.badge, self._now())
        return person

    async def checked(self, tablet: str, badge: str, pin: str) -> Person:
        """The person whose badge and PIN these are. Raises SignInError, StaffError."""
        if self._waiting >= MOST_WAITING:
            raise SignInError("sign-in: too many at once; try again")
        self._waiting += 1
        try:
            async with self._one:
                return await self._checked(f"tablet {tablet}", badge, pin)
        finally:
            self._waiting -= 1

    async def _checked(self, tablet: str, badge: str, pin: str) -> Person:
        names = (tablet, f"badge {badge}")
        wait = max(self._throttle.left_ns(name, self._now()) for name in names)
        if wait:
            wait_s = -(-wait // NS)
            raise SignInError(f"sign-in: {WRONG_PINS} wrong PINs; wait {wait_s} s. Stop still works", wait_s)
        person = self._staff.all().get(badge)
        if not await asyncio.to_thread(fits, person.pin_hash if person else None, pin) or person is None:
            for name in names:
                self._throttle.failed(name, self._now())
            raise SignInError("sign-in: badge or PIN is wrong")
        for name in names:
            self._throttle.succeeded(name)
        return person

    def sign_out(self, tablet: str) -> Person | None:
        """Who was signed in. Raises StaffError."""
        there = self.person(tablet)
        self._sessions.pop(tablet, None)
        return there[0] if there else None


def paired_tablets(keys: KeyStore, sign_ins: SignIns) -> dict[str, TabletState]:
    """Every paired tablet with the person signed in on it, by the id of its key; none when the keys cannot be read."""
    try:
        tablets = [key for key in keys.all().values() if key.kind == "tablet"]
    except KeyStoreError:
        return {}
    return {key.id: {"name": key.name, "roles": list(key.roles), "person": sign_ins.shown(key.id)} for key in tablets}
