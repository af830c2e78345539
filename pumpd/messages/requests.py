"""What goes over the control socket: a request and an answer, each one line of JSON.

The socket is local (AF_UNIX); who may open it may read and stop. A start needs a signed confirmation besides.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter


def _visible(text: str) -> str:
    if hidden := sorted({ascii(each) for each in text if not each.isprintable()}):
        raise ValueError(f"control and invisible characters are not taken: {', '.join(hidden)}")
    return text


Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(_visible)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prescribed(_Message):
    """A prescription for one pump. Quantities are text with units; `overrides` maps a soft limit to its reason."""

    pump: Id
    entry: Text
    dose: Text
    weight: Text
    weight_again: Text
    weight_basis: Text
    duration: Text
    container: Text
    patient: Text
    previous_weight: Text | None = None
    course: Text | None = None
    overrides: dict[Text, Text] = Field(default_factory=dict)


class Order(Prescribed):
    op: Literal["order"] = "order"
    ordered_by: Text


class ChallengeRequest(_Message):
    """Ask for what a confirmation must sign now, and for everything that a nurse must see before it."""

    op: Literal["challenge"] = "challenge"
    pump: Id


class Confirmation(_Message):
    op: Literal["confirm"] = "confirm"
    pump: Id
    request: Id
    key: Id
    signature: Text
    nonce: Text
    digest: Text
    action: Text
    serial: Text
    channel: int
    session: Text
    gateway: Text
    expires_ns: int
    shown: Text = ""
    wristband: Text = ""


class Associate(_Message):
    """Make this the pump's patient, until another act: the third of the three that a start compares (PRG-21)."""

    op: Literal["associate"] = "associate"
    pump: Id
    patient: Text
    by: Text = "unnamed"


class Dissociate(_Message):
    """The pump is nobody's."""

    op: Literal["dissociate"] = "dissociate"
    pump: Id
    by: Text = "unnamed"


class Stop(_Message):
    """Stop a pump, or all of them. Needs no key and no infusion."""

    op: Literal["stop"] = "stop"
    pump: Id | None = None
    by: Text = "unnamed"
    reason: Text = "stop asked for"
    switching_source: bool = False


class Pause(_Message):
    op: Literal["pause"] = "pause"
    pump: Id
    by: Text = "unnamed"
    reason: Text = "pause asked for"


class Resume(_Message):
    """Plan, load and read back the remainder; flow needs a new confirmation."""

    op: Literal["resume"] = "resume"
    pump: Id
    by: Text = "unnamed"


class Clear(_Message):
    """Clear a latched trip, after looking at its cause."""

    op: Literal["clear"] = "clear"
    pump: Id
    by: Text = "unnamed"


class Reconcile(_Message):
    """End the doubt about what was given: what a person read on the pump's display of the present program.

    `seen_stopped`: that person saw the pump stopped. `volume_again`: the volume entered a second time, which is needed
    when it is more than the program.
    """

    op: Literal["reconcile"] = "reconcile"
    pump: Id
    volume: Text
    reason: Text
    seen_stopped: bool = False
    volume_again: Text | None = None
    by: Text


class StatusRequest(_Message):
    op: Literal["status"] = "status"


class TraceRequest(_Message):
    """Show the bytes of a pump's line: after the answer, a line of JSON for each packet until the client goes away."""

    op: Literal["trace"] = "trace"
    pump: Id


class WatchRequest(_Message):
    """After the answer, a line of JSON with the live state at each change and each second, until the client goes."""

    op: Literal["watch"] = "watch"


class LibraryRequest(_Message):
    """What may be ordered: entries with their limits, containers."""

    op: Literal["library"] = "library"


# -- tablets -------------------------------------------------------------------------------------------------------


class NonceRequest(_Message):
    """Draw the nonce that the next signed request must carry."""

    op: Literal["nonce"] = "nonce"


class TabletRequest(_Message):
    """What a paired tablet asks for. `request` is the JSON text that was signed (`tablet_messages`)."""

    op: Literal["tablet"] = "tablet"
    key: Id
    nonce: Text
    signature: Text
    request: Annotated[str, StringConstraints(max_length=8192)]


class Alive(_Message):
    """Bedside has just heard of this tablet."""

    op: Literal["alive"] = "alive"
    tablet: Id


class PairOpen(_Message):
    """Open the pairing window. From root or control's own user only: a person at the gateway."""

    op: Literal["pair_open"] = "pair_open"
    roles: tuple[Text, ...]
    name: Text = ""


class PairOffer(_Message):
    """A tablet offers its public key (base64 of the SPKI DER) to the open window."""

    op: Literal["pair_offer"] = "pair_offer"
    token: Text
    name: Text
    public_key: Text


class PairState(_Message):
    """How the window with this token stands."""

    op: Literal["pair_state"] = "pair_state"
    token: Text


class PairAccept(_Message):
    """The code that a person read off the tablet and typed at the gateway. From the same users as `pair_open`."""

    op: Literal["pair_accept"] = "pair_accept"
    code: Text


class PairClose(_Message):
    """Give up the open window. From the same users as `pair_open`."""

    op: Literal["pair_close"] = "pair_close"


Request = Annotated[
    Order
    | ChallengeRequest
    | Confirmation
    | Associate
    | Dissociate
    | Stop
    | Pause
    | Resume
    | Clear
    | Reconcile
    | StatusRequest
    | TraceRequest
    | WatchRequest
    | LibraryRequest
    | NonceRequest
    | TabletRequest
    | Alive
    | PairOpen
    | PairOffer
    | PairState
    | PairAccept
    | PairClose,
    Field(discriminator="op"),
]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


class Answer(_Message):
    """`ok` with a result, or not ok with every reason."""

    ok: bool
    result: dict[str, Any] = Field(default_factory=dict)
    reasons: tuple[str, ...] = ()


DISCLAIMER = "not a cleared medical device; for simulation, research and integration only"
LONGEST_LINE = 64 * 1024
