"""Who may ask for what: one table, deny by default (SEC-07).

A request from a tablet needs two permissions, the key's and the signed-in person's: a stolen tablet has no person, a
known PIN has no tablet. Stop is in no table: it is everybody's. Nothing here can start a pump; a confirmation needs its
own signature besides.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a key or a person may do. No role contains another: a set of them is given to each."""

    VIEW = "view"
    CONFIRM = "confirm"
    PRESCRIBE = "prescribe"
    MAINTAIN = "maintain"


TABLET_ROLES = (Role.VIEW, Role.CONFIRM, Role.PRESCRIBE)  # what a tablet is paired with, when nothing else is said


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs. `role` None: any paired tablet, signed in or not."""

    role: Role | None


ANYONE_PAIRED = Need(None)
NEEDS: dict[str, Need] = {
    "hello": ANYONE_PAIRED,
    "sign_in": ANYONE_PAIRED,
    "sign_out": ANYONE_PAIRED,
    "touch": ANYONE_PAIRED,
    "preview": Need(Role.PRESCRIBE),
    "order": Need(Role.PRESCRIBE),
    "challenge": Need(Role.CONFIRM),
    "confirm": Need(Role.CONFIRM),
    "associate": Need(Role.CONFIRM),
    "dissociate": Need(Role.CONFIRM),
    "pause": Need(Role.CONFIRM),
    "resume": Need(Role.CONFIRM),
    "clear": Need(Role.CONFIRM),
    "reconcile": Need(Role.CONFIRM),
    "acknowledge": Need(Role.CONFIRM),
    "pause_audio": Need(Role.CONFIRM),
    "vitals": Need(Role.CONFIRM),
    "end_observation": Need(Role.CONFIRM),
}


def objection(op: str, tablet: Collection[str], person: Collection[str] | None) -> str | None:
    """Why a request is not allowed to a tablet's roles and those of the person signed in on it (None: nobody is)."""
    need = NEEDS.get(op)
    if need is None:
        return f"{op}: no tablet may ask for that"
    if need.role is None:
        return None
    if need.role not in tablet:
        return f"{op}: this tablet has no role {need.role}; it was paired as {', '.join(sorted(tablet)) or 'nothing'}"
    if person is None:
        return f"{op}: nobody is signed in; sign in with badge and PIN (stop needs no sign-in)"
    if need.role not in person:
        return f"{op}: the person signed in has no role {need.role}"
    return None
