"""Who is signed in on which tablet (STA-03, SEC-15, SEC-16). A stop never comes here.

Promises:
- Three minutes without a touch sign the person out.
- While a badge must wait on a tablet after wrong PINs (`throttle`), not even a correct PIN is checked.
- A person who is removed from the staff list, or has a new PIN, is signed out at once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.staff import Person, StaffError, StaffStore, fits
from pumpd.control.tablets.throttle import Throttle
from pumpd.messages.state import TabletState
from pumpd.pump import AlarmCode
from pumpd.quantities import NS_PER_S
from pumpd.texts import text

IDLE_NS = 180 * NS_PER_S  # SEC-16, STA-03
MOST_WAITING = 4  # tablets with a sign-in that waits for its turn


class SignInError(ValueError):
    """Nobody was signed in, and why; `retry_s` seconds must pass before another attempt is checked."""

    def __init__(self, reason: str, retry_s: int = 0) -> None:
        self.retry_s = retry_s
        super().__init__(reason)


@dataclass(slots=True)
class _Session:
    person: Person
    touched_ns: int


class SignIns:
    def __init__(self, staff: StaffStore, now: Callable[[], int]) -> None:
        self._staff, self._now = staff, now
        self._sessions: dict[str, _Session] = {}  # by tablet
        self._throttle = Throttle()
        self._one = asyncio.Lock()
        self._waiting: set[str] = set()

    def person(self, tablet: str) -> tuple[Person, int] | None:
        """Who is signed in on the tablet, and the nanoseconds of idle time that are left. Raises StaffError."""
        session = self._sessions.get(tablet)
        if session is None:
            return None
        left = session.touched_ns + IDLE_NS - self._now()
        found = self.same(session.person) if left > 0 else None
        if found is None:
            del self._sessions[tablet]
            return None
        return found, left

    def same(self, person: Person) -> Person | None:
        """The person as the file of staff has them now; None once they are removed or have another PIN.

        Raises StaffError.
        """
        found = self._staff.all().get(person.badge)
        return found if found is not None and found.pin_hash == person.pin_hash else None

    def alarms(self) -> tuple[AlarmCode, ...]:
        """The alarm of the gateway that is active here."""
        return (AlarmCode.WRONG_PINS,) if self._throttle.many(self._now()) else ()

    def shown(self, tablet: str) -> dict[str, Any] | None:
        """Who is signed in on a tablet, for its own screen."""
        try:
            found = self.person(tablet)
        except StaffError:
            return None
        return found[0].shown() | {"idle_left_s": round(found[1] / NS_PER_S)} if found else None

    def touch(self, tablet: str) -> None:
        if self.person(tablet) is not None:
            self._sessions[tablet].touched_ns = self._now()

    async def sign_in(self, tablet: str, badge: str, pin: str) -> Person:
        """Sign in, and sign out the previous person. Raises SignInError, StaffError."""
        self._sessions.pop(tablet, None)
        person = await self.checked(tablet, badge, pin)
        self._sessions[tablet] = _Session(person, self._now())
        return person

    async def checked(self, tablet: str, badge: str, pin: str) -> Person:
        """The person whose badge and PIN these are. Raises SignInError, StaffError."""
        if tablet in self._waiting or len(self._waiting) >= MOST_WAITING:
            raise SignInError(text("sign_in.too_many", "sign-in: too many at once; try again"))
        self._wait_over(tablet, badge)  # an attempt that must wait holds up nobody else's
        self._waiting.add(tablet)
        try:
            async with self._one:
                return await self._checked(tablet, badge, pin)
        finally:
            self._waiting.discard(tablet)

    async def _checked(self, tablet: str, badge: str, pin: str) -> Person:
        person, account = self._wait_over(tablet, badge)
        fit = await asyncio.to_thread(fits, person.pin_hash if person else None, pin)
        if not fit or person is None:
            self._throttle.failed(tablet, account, self._now())
            raise SignInError(text("sign_in.wrong", "sign-in: badge or PIN is wrong"))
        self._throttle.succeeded(tablet, account)
        if (now := self.same(person)) is None:
            raise SignInError(
                text("sign_in.removed", "sign-in: this badge was removed, or has a new PIN, a moment ago")
            )
        return now

    def _wait_over(self, tablet: str, badge: str) -> tuple[Person | None, str]:
        """The person with this badge, and the account whose wrong PINs are counted. Raises SignInError, StaffError."""
        person = self._staff.all().get(badge)
        account = person.pin_hash if person else f"no such badge: {badge}"
        if wait_ns := self._throttle.left_ns(tablet, account, self._now()):
            wait_s = -(-wait_ns // NS_PER_S)
            raise SignInError(
                text(
                    "sign_in.wait", "sign-in: too many wrong PINs; wait {seconds} s. Stop still works", seconds=wait_s
                ),
                wait_s,
            )
        return person, account

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
