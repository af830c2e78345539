"""Which request may come in by which door, and from which user: one table, deny by default (SEC-21).

Promises:
- Bedside has a network, so it may be compromised. Its door takes signed tablet requests, pairing offers, its own
  liveness and the end of its certificate, what it needs to show state, and stops. Apart from a stop, nothing without a
  paired key's signature changes anything.
- Only root, or the user that control runs as, changes who may act as a nurse: pairing, keys, staff.
- What receives vital signs has a network too. Its door takes vital signs and nothing else: they can stop an infusion.
- A stop is accepted by the other two, from every user who can open them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pumpd.messages.keys_and_staff import (
    KeyAdd,
    KeyList,
    KeyRename,
    KeyRevoke,
    PinReset,
    StaffAdd,
    StaffList,
    StaffRemove,
)
from pumpd.messages.pairing import PairAccept, PairClose, PairOffer, PairOpen, PairReveal, PairState
from pumpd.messages.requests import (
    Alive,
    AssessCourse,
    Associate,
    ChallengeRequest,
    Clear,
    Confirmation,
    CorrectDose,
    Dissociate,
    Identify,
    LibraryRequest,
    NonceRequest,
    Order,
    OrderCourse,
    OrderRest,
    PatientHistory,
    Pause,
    PruneJournal,
    Reconcile,
    Request,
    Resume,
    SelfTestRequest,
    Serving,
    StatusRequest,
    Stop,
    TabletRequest,
    TraceRequest,
    VitalSigns,
    WatchRequest,
)
from pumpd.texts import text


class Door(StrEnum):
    """The sockets of control."""

    OPERATOR = "operator socket"
    TABLET = "tablet socket"
    VITALS = "vitals socket"


class User(StrEnum):
    """What the kernel says about the user at the other end of a socket."""

    OWNER = "owner"  # root, or the user that control runs as
    MEMBER = "member"  # of the group that owns the socket
    OTHER = "other"


Users = frozenset[User]

NOBODY: Users = frozenset()
OWNER: Users = frozenset({User.OWNER})
GROUP: Users = frozenset({User.OWNER, User.MEMBER})
EVERYONE: Users = frozenset(User)


@dataclass(frozen=True, slots=True)
class May:
    """Who may make a request by each door. A door that is not listed is closed."""

    operator: Users = NOBODY
    tablet: Users = NOBODY
    vitals: Users = NOBODY

    def by(self, door: Door) -> Users:
        return {Door.OPERATOR: self.operator, Door.TABLET: self.tablet, Door.VITALS: self.vitals}[door]


TABLE: Mapping[type[Any], May] = {
    Stop: May(operator=EVERYONE, tablet=EVERYONE),
    # The command line and the software nurse
    StatusRequest: May(operator=GROUP),
    Order: May(operator=GROUP),
    OrderRest: May(operator=GROUP),
    ChallengeRequest: May(operator=GROUP),
    Confirmation: May(operator=GROUP),  # signed by a paired software key
    Associate: May(operator=GROUP),
    Dissociate: May(operator=GROUP),
    Pause: May(operator=GROUP),
    Resume: May(operator=GROUP),
    Clear: May(operator=GROUP),
    Identify: May(operator=GROUP),
    Reconcile: May(operator=GROUP),
    SelfTestRequest: May(operator=GROUP),
    PruneJournal: May(operator=OWNER),
    PatientHistory: May(operator=GROUP),
    CorrectDose: May(operator=GROUP),  # with the badges and PINs of two people
    OrderCourse: May(operator=GROUP),
    AssessCourse: May(operator=GROUP),
    # What both sockets show
    WatchRequest: May(operator=GROUP, tablet=GROUP),
    LibraryRequest: May(operator=GROUP, tablet=GROUP),
    TraceRequest: May(operator=GROUP, tablet=GROUP),  # the engineer's bench panel shows the line of a simulated pump
    VitalSigns: May(vitals=GROUP),
    # Tablets, through bedside
    NonceRequest: May(tablet=GROUP),
    TabletRequest: May(tablet=GROUP),
    Alive: May(tablet=GROUP),
    Serving: May(tablet=GROUP),
    PairOffer: May(tablet=GROUP),
    PairReveal: May(tablet=GROUP),
    PairState: May(operator=OWNER, tablet=GROUP),
    # A person at the gateway
    PairOpen: May(operator=OWNER),
    PairAccept: May(operator=OWNER),
    PairClose: May(operator=OWNER),
    KeyList: May(operator=GROUP),
    KeyAdd: May(operator=OWNER),
    KeyRename: May(operator=OWNER),
    KeyRevoke: May(operator=OWNER),
    StaffList: May(operator=OWNER),
    StaffAdd: May(operator=OWNER),
    StaffRemove: May(operator=OWNER),
    PinReset: May(operator=OWNER),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: by which door, as which user, and how the journal names them."""

    door: Door
    user: User
    name: str


def objection(request: Request, caller: Caller) -> str | None:
    """Why this request may not come in by this door from this user, or None."""
    may = TABLE.get(type(request), May())
    users = may.by(caller.door)
    if caller.user in users:
        return None
    if users:
        return text(
            "request.only_users",
            "{op}: only {users} may ask for that on the {door}",
            op=request.op,
            users=_named(users),
            door=caller.door,
        )
    return text("request.not_here", "{op}: the {door} does not take that request", op=request.op, door=caller.door)


def _named(users: Users) -> str:
    if users == OWNER:
        return text("request.root", "root or pumpd's own user")
    return text("request.group", "a member of the group that owns it")


def table() -> str:
    """The table for people, in Markdown."""
    lines = [f"| request | what it asks for | {' | '.join(Door)} |", "|---" * (2 + len(Door)) + "|"]
    lines += [
        f"| `{kind.model_fields['op'].default}` | {_what(kind)} | {' | '.join(_who(may.by(door)) for door in Door)} |"
        for kind, may in TABLE.items()
    ]
    return "\n".join(lines) + "\n"


def _what(kind: type[Any]) -> str:
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split())


def _who(users: Users) -> str:
    return {NOBODY: "no", OWNER: "owner", GROUP: "owner, group", EVERYONE: "everyone"}[users]
