"""Which role a signed tablet request needs: one table, deny by default (SEC-07).

A request from a tablet needs two permissions, the key's and the signed-in person's: a stolen tablet has no person, a
known PIN has no tablet. Stop is not in the table, because everyone may stop. Nothing here can start a pump; a
confirmation also needs a signature of its own.
"""

from collections.abc import Collection
from dataclasses import dataclass

from pumpd.messages.roles import Role
from pumpd.texts import either, text


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs: one of these roles. With none: any paired tablet, whether a person is signed in or not."""

    roles: tuple[Role, ...] = ()

    @property
    def text(self) -> str:
        return either(self.roles)


ANYONE_PAIRED = Need()
PRESCRIBE, CONFIRM = Need((Role.PRESCRIBE,)), Need((Role.CONFIRM,))
EITHER = Need((Role.PRESCRIBE, Role.CONFIRM))
NEEDS: dict[str, Need] = {
    "hello": ANYONE_PAIRED,
    "sign_in": ANYONE_PAIRED,
    "sign_out": ANYONE_PAIRED,
    "touch": ANYONE_PAIRED,
    "preview": PRESCRIBE,
    "order": PRESCRIBE,
    "preview_rest": EITHER,  # a nurse only where the library entry allows it
    "rest": EITHER,
    "challenge": CONFIRM,
    "confirm": CONFIRM,
    "wristband": CONFIRM,
    "associate": CONFIRM,
    "dissociate": CONFIRM,
    "pause": CONFIRM,
    "pause_reason": CONFIRM,
    "resume": CONFIRM,
    "clear": CONFIRM,
    "identify": CONFIRM,
    "reconcile": CONFIRM,
    "acknowledge": CONFIRM,
    "pause_audio": CONFIRM,
    "vitals": CONFIRM,
    "end_observation": CONFIRM,
    "plasma": EITHER,
    "history": EITHER,
    "correct_dose": EITHER,  # and a second person
    "order_course": PRESCRIBE,
    "assess_course": PRESCRIBE,
}


def objection(op: str, tablet: Collection[str], person: Collection[str] | None) -> str | None:
    """Why a request is not allowed with the tablet's roles and the signed-in person's (None: nobody is signed in)."""
    need = NEEDS.get(op)
    if need is None:
        return text("tablet.may_not_ask", "{op}: no tablet may ask for that", op=op)
    if not need.roles:
        return None
    allowed = [role for role in need.roles if role in tablet]
    if not allowed:
        return text(
            "tablet.no_role",
            "{op}: this tablet has no role {role}; it was paired as {roles}",
            op=op,
            role=need.text,
            roles=", ".join(sorted(tablet)) or text("tablet.no_roles", "nothing"),
        )
    if person is None:
        return text(
            "tablet.no_one_signed_in",
            "{op}: nobody is signed in; sign in with badge and PIN (stop needs no sign-in)",
            op=op,
        )
    if not set(allowed) & set(person):
        return text(
            "tablet.person_no_role", "{op}: the person signed in has no role {roles}", op=op, roles=either(allowed)
        )
    return None


def table() -> str:
    """The table for people, in Markdown."""
    lines = ["| signed request | role that the tablet and the person both need |", "|---|---|"]
    lines += [f"| `{op}` | {need.text or 'none: any paired tablet'} |" for op, need in NEEDS.items()]
    return "\n".join(lines) + "\n"
