"""Which role a signed tablet request needs: one table, deny by default (SEC-07).

A request from a tablet needs two permissions, the key's and the signed-in person's: a stolen tablet has no person, a
known PIN has no tablet. Stop is not in the table, because everyone may stop. Nothing here can start a pump; a
confirmation also needs a signature of its own.
"""

from collections.abc import Collection
from dataclasses import dataclass

from pumpd.messages.roles import Role


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs: one of these roles. None: any paired tablet, whether a person is signed in or not."""

    roles: tuple[Role, ...] = ()

    def __str__(self) -> str:
        return " or ".join(self.roles)


ANYONE_PAIRED = Need()
EITHER = Need((Role.CONFIRM, Role.PRESCRIBE))
NEEDS: dict[str, Need] = {
    "hello": ANYONE_PAIRED,
    "sign_in": ANYONE_PAIRED,
    "sign_out": ANYONE_PAIRED,
    "touch": ANYONE_PAIRED,
    "preview": Need((Role.PRESCRIBE,)),
    "order": Need((Role.PRESCRIBE,)),
    "challenge": Need((Role.CONFIRM,)),
    "confirm": Need((Role.CONFIRM,)),
    "associate": Need((Role.CONFIRM,)),
    "dissociate": Need((Role.CONFIRM,)),
    "pause": Need((Role.CONFIRM,)),
    "resume": Need((Role.CONFIRM,)),
    "clear": Need((Role.CONFIRM,)),
    "identify": Need((Role.CONFIRM,)),
    "reconcile": Need((Role.CONFIRM,)),
    "acknowledge": Need((Role.CONFIRM,)),
    "pause_audio": Need((Role.CONFIRM,)),
    "vitals": Need((Role.CONFIRM,)),
    "end_observation": Need((Role.CONFIRM,)),
    "history": EITHER,
    "correct_dose": EITHER,  # and a second person
    "order_course": Need((Role.PRESCRIBE,)),
    "assess_course": Need((Role.PRESCRIBE,)),
}


def objection(op: str, tablet: Collection[str], person: Collection[str] | None) -> str | None:
    """Why a request is not allowed with the tablet's roles and the signed-in person's (None: nobody is signed in)."""
    need = NEEDS.get(op)
    if need is None:
        return f"{op}: no tablet may ask for that"
    if not need.roles:
        return None
    tablets = [role for role in need.roles if role in tablet]
    if not tablets:
        return f"{op}: this tablet has no role {need}; it was paired as {', '.join(sorted(tablet)) or 'nothing'}"
    if person is None:
        return f"{op}: nobody is signed in; sign in with badge and PIN (stop needs no sign-in)"
    if not any(role in person for role in tablets):
        return f"{op}: the person signed in has no role {' or '.join(tablets)}"
    return None


def table() -> str:
    """The table for people, in Markdown."""
    lines = ["| signed request | role that the tablet and the person both need |", "|---|---|"]
    lines += [f"| `{op}` | {need if need.roles else 'none: any paired tablet'} |" for op, need in NEEDS.items()]
    return "\n".join(lines) + "\n"
