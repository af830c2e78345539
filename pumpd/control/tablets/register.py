"""The paired keys and the staff: a person at the gateway lists and changes them here.

Promises:
- Control is the only writer of both files, and makes one change to a file after the other: a revoked key never comes
  back because another key was paired at the same moment.
- Every change is in the journal with who made it. No PIN is.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pumpd.control.confirming import signature
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.files import Changes
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.staff import StaffError, StaffStore
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages.keys import PairedKey
from pumpd.messages.roles import Role
from pumpd.texts import of_error, text

LONGEST_NAME = 60

T = TypeVar("T")


class Register:
    """Every call raises RefusedError with the reason against it. `by`: who made the request, for the journal."""

    def __init__(self, keys: KeyStore, staff: StaffStore, journal: JournalWriter, clock: Clock) -> None:
        self._keys, self._staff, self._journal, self._clock = keys, staff, journal, clock
        self._key_changes, self._staff_changes = Changes("paired keys"), Changes("staff")

    # -- keys --------------------------------------------------------------------------------------------------------

    def keys(self) -> list[dict[str, Any]]:
        try:
            return [shown(key) | {"kind": key.kind} for key in self._keys.all().values()]
        except KeyStoreError as error:
            raise RefusedError(of_error(error)) from error

    def key(self, key_id: str) -> PairedKey | None:
        """A paired key, as it is in the file at this moment."""
        try:
            return self._keys.all().get(key_id)
        except KeyStoreError as error:
            raise RefusedError(of_error(error)) from error

    async def add_tablet(self, name: str, roles: tuple[str, ...], der: bytes, by: str) -> PairedKey:
        """Pair a tablet's key, after its code was accepted."""
        key = signature.pairable(name, roles, der, kind="tablet")
        return await self._add(key, "tablet_paired", by)

    async def add_software(self, name: str, public_key: str, by: str) -> dict[str, Any]:
        """Pair a software nurse's key, so that it may confirm."""
        check_name(name)
        await signature.load()
        try:
            der, _ = signature.offered(public_key)
        except ValueError as error:
            raise RefusedError(of_error(error)) from error
        key = signature.pairable(name, (Role.CONFIRM.value,), der)
        return shown(await self._add(key, "software_key_paired", by))

    async def rename_key(self, key_id: str, name: str, by: str) -> dict[str, Any]:
        check_name(name)
        body = {"key": key_id, "name": name, "by": by}
        await self._change(self._key_changes, lambda: self._keys.rename(key_id, name), "key_renamed", body)
        return {"id": key_id, "name": name}

    async def revoke_key(self, key_id: str, by: str) -> dict[str, Any]:
        body = {"key": key_id, "by": by}
        await self._change(self._key_changes, lambda: self._keys.revoke(key_id), "key_revoked", body)
        return {"id": key_id}

    async def _add(self, key: PairedKey, kind: str, by: str) -> PairedKey:
        body = {"key": key.id, "name": key.name, "roles": list(key.roles), "by": by}
        return await self._change(self._key_changes, lambda: self._keys.add(key), kind, body)

    # -- staff -------------------------------------------------------------------------------------------------------

    def staff(self) -> list[dict[str, Any]]:
        try:
            return [person.shown() for person in self._staff.all().values()]
        except StaffError as error:
            raise RefusedError(of_error(error)) from error

    async def add_person(
        self, badge: str, name: str, roles: tuple[str, ...], pin: str, by: str, number: str = ""
    ) -> dict[str, Any]:
        body = {"badge": badge, "name": name, "roles": list(roles), "by": by}
        person = await self._change(
            self._staff_changes, lambda: self._staff.add(badge, name, roles, pin, number), "staff_added", body
        )
        return person.shown()

    async def remove_person(self, badge: str, by: str) -> dict[str, Any]:
        body = {"badge": badge, "by": by}
        await self._change(self._staff_changes, lambda: self._staff.remove(badge), "staff_removed", body)
        return {"badge": badge}

    async def reset_pin(self, badge: str, pin: str, by: str) -> dict[str, Any]:
        body = {"badge": badge, "by": by}
        await self._change(self._staff_changes, lambda: self._staff.reset_pin(badge, pin), "pin_reset", body)
        return {"badge": badge}

    async def _change(self, changes: Changes, change: Callable[[], T], kind: str, body: Mapping[str, Any]) -> T:
        """Make the change, and write this entry once it is made."""
        try:
            return await changes.make(change, lambda _: self._note(kind, body))
        except (KeyStoreError, StaffError, TimeoutError) as error:
            raise RefusedError(of_error(error)) from error

    def _note(self, kind: str, body: Mapping[str, Any]) -> None:
        self._journal.post([Entry(kind, body, "", "", self._clock.monotonic_ns())])


def shown(key: PairedKey) -> dict[str, Any]:
    """A key as people see it."""
    return {"id": key.id, "name": key.name, "roles": list(key.roles)}


def check_name(name: str) -> None:
    """Raises RefusedError for a name that cannot be shown."""
    if not (name.isprintable() and 1 <= len(name) <= LONGEST_NAME):
        raise RefusedError(text("staff.name_length", "name: 1 to {letters} visible characters", letters=LONGEST_NAME))
