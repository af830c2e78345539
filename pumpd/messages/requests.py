"""What goes over control's sockets: a request and an answer, each one line of JSON.

Which request control accepts on which socket, and from which user, is one table: docs/reference/requests.md.
"""

import contextlib
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import from_json

from pumpd.messages.keys_and_staff import (
    KeyAdd,
    KeyList,
    KeyRename,
    KeyRevoke,
    PinReset,
    SentPin,
    StaffAdd,
    StaffList,
    StaffRemove,
)
from pumpd.messages.message import Id, Text
from pumpd.messages.message import Message as _Message
from pumpd.messages.pairing import PairAccept, PairClose, PairOffer, PairOpen, PairReveal, PairState
from pumpd.texts import messages_in, text
from pumpd.validation import repeated


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
    weight_from_record: bool = False  # not typed twice: a person confirmed that it is still the weight on record
    overrides: Annotated[dict[Text, Text], Field(max_length=20)] = Field(default_factory=dict)


class Order(Prescribed):
    """Order an infusion: check it, load it into the pump and read it back. Flow needs a confirmation."""

    op: Literal["order"] = "order"
    ordered_by: Text


class PrescribedRest(_Message):
    """The rest of an interrupted treatment, for one pump. `container` and `duration`: None for the same as before."""

    pump: Id
    treatment: Id
    patient: Text
    container: Text | None = None
    duration: Text | None = None


class OrderRest(PrescribedRest):
    """Order the rest of an interrupted treatment, at the same or a lower rate. Flow needs a new confirmation."""

    op: Literal["rest"] = "rest"
    ordered_by: Text


class ChallengeRequest(_Message):
    """What a confirmation must sign now, and everything that a nurse must see first."""

    op: Literal["challenge"] = "challenge"
    pump: Id


class Confirmation(_Message):
    """Confirm the loaded program with the signature of a paired software key; the infusion starts."""

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
    """Associate the pump with this patient until this changes. A start compares it with order and wristband."""

    op: Literal["associate"] = "associate"
    pump: Id
    patient: Text
    by: Text = "unnamed"


class Dissociate(_Message):
    """Associate the pump with no patient."""

    op: Literal["dissociate"] = "dissociate"
    pump: Id
    by: Text = "unnamed"


OLDEST_STOP_S = 900.0


def _or_none(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValueError:
        return None


# What only tells a late stop from a timely one: without it, or if it cannot be read, a stop counts as timely.
OfSession = Annotated[Id | None, WrapValidator(_or_none)]
Age = Annotated[Annotated[float, Field(ge=0, le=OLDEST_STOP_S)] | None, WrapValidator(_or_none)]


PRESSED = text("stop.pressed", "Stop pressed on the tablet")  # what the page gives as the reason (wire/stop.ts)


class Stop(_Message):
    """Stop one pump, or all of them.

    `of_session`: the infusion that its sender saw; `age_s`: how many seconds ago it was asked for, at most 15 minutes.
    With one of these, a late stop does not end an infusion that began after it.
    """

    op: Literal["stop"] = "stop"
    pump: Id | None = None
    by: Text = "unnamed"
    reason: Text = Field(default_factory=lambda: text("stop.requested", "stop requested"))
    switching_source: bool = False
    of_session: OfSession = None
    age_s: Age = None


class Pause(_Message):
    """Stop the flow so that it may be resumed."""

    op: Literal["pause"] = "pause"
    pump: Id
    by: Text = "unnamed"
    reason: Text = Field(default_factory=lambda: text("pause.requested", "pause requested"))


class Resume(_Message):
    """Plan, load and read back the remainder. Flow needs a new confirmation."""

    op: Literal["resume"] = "resume"
    pump: Id
    by: Text = "unnamed"


class Clear(_Message):
    """Clear a latched trip after its cause was removed."""

    op: Literal["clear"] = "clear"
    pump: Id
    by: Text = "unnamed"


class Identify(_Message):
    """Identify a pump that cannot show which one it is, standing at it: pull its data cable and plug it in again.

    Where the pump can signal, count how often it does; `seen` is that number.
    """

    op: Literal["identify"] = "identify"
    pump: Id
    seen: int | None = None
    by: Text = "unnamed"


class Reconcile(_Message):
    """End the doubt about the given volume with what a person read on the pump's display.

    It is the volume of the present program. `seen_stopped`: that person saw the pump stopped.
    `volume_again`: the volume entered a second time, which is needed when it is more than the program.
    """

    op: Literal["reconcile"] = "reconcile"
    pump: Id
    volume: Text
    reason: Text
    seen_stopped: bool = False
    volume_again: Text | None = None
    by: Text


class SelfTestRequest(_Message):
    """Test what a session on this pump relies on; an idle pump is sent a stop."""

    op: Literal["self_test"] = "self_test"
    pump: Id
    by: Text = "unnamed"


class PruneJournal(_Message):
    """Remove old readings and events from the journal, for a second; the answer says whether that was all."""

    op: Literal["prune_journal"] = "prune_journal"
    hours: Annotated[float, Field(ge=1000, le=10_000_000)] = 1000
    last: int | None = None
    """Remove nothing after this entry, such as the last one that was exported."""
    reason: Text = "retention"
    by: Text = "unnamed"


class StatusRequest(_Message):
    """The state of the gateway and of every pump."""

    op: Literal["status"] = "status"


class TraceRequest(_Message):
    """The bytes on a pump's line.

    After the answer comes a line of JSON for each packet, until the client disconnects.
    """

    op: Literal["trace"] = "trace"
    pump: Id


class WatchRequest(_Message):
    """The live state, as tablets show it.

    After the answer comes a line of JSON at each change and each second, until the client disconnects.
    """

    op: Literal["watch"] = "watch"


class LibraryRequest(_Message):
    """What may be ordered: the entries of the drug library with their limits, and the containers."""

    op: Literal["library"] = "library"


class VitalSigns(_Message):
    """Vital signs that a monitor measured: they may stop an infusion, and never start, resume or change one.

    `source` names the monitor. `age_s` is how long ago they were measured, in real seconds; a negative one, of the
    future, is refused. A sign that was not measured is left out. `patient` is a token, where the monitor knows it.
    """

    op: Literal["vital_signs"] = "vital_signs"
    pump: Id
    source: Text
    age_s: Annotated[StrictFloat | StrictInt, Field(allow_inf_nan=False)]
    patient: Text | None = None
    spo2_percent: StrictInt | None = None
    heart_rate_bpm: StrictInt | None = None
    systolic_mmhg: StrictInt | None = None
    diastolic_mmhg: StrictInt | None = None
    respiration_per_min: StrictInt | None = None


# -- what patients were given ------------------------------------------------------------------------------------------


class PatientHistory(_Message):
    """What a patient was given, the weight on record, the courses, and the doses whose date must be corrected.

    Without a patient: only the doses of all patients whose date must be corrected.
    """

    op: Literal["history"] = "history"
    patient: Text | None = None


class CorrectDose(_Message):
    """Correct when a dose began, where the clock was wrong. Two people identify themselves with badge and PIN.

    `started` is in ISO 8601, with the offset from UTC.
    """

    op: Literal["correct_dose"] = "correct_dose"
    session: Id
    started: Text
    reason: Text
    badge: Text
    pin: SentPin
    second_badge: Text
    second_pin: SentPin


class CourseOrdered(_Message):
    """A course of infusions, with the days on which they are planned. Nothing is started by it."""

    patient: Text
    entry: Text
    course: Text
    first_day: Text  # YYYY-MM-DD
    weekdays: tuple[Text, ...]  # mon, tue, wed, thu, fri, sat, sun


class OrderCourse(CourseOrdered):
    """Order a course: plan the days of its infusions. It starts and permits nothing."""

    op: Literal["order_course"] = "order_course"
    ordered_by: Text


class CourseAssessed(_Message):
    """The response after a course: responder, non-responder or not assessed; and the total of PHQ-9 or MADRS."""

    patient: Text
    course: Text
    response: Text
    scale: Text | None = None
    total: int | None = None


class AssessCourse(CourseAssessed):
    """Record the response after a course, as the clinic assessed it. It starts and permits nothing."""

    op: Literal["assess_course"] = "assess_course"
    by: Text


# -- tablets -------------------------------------------------------------------------------------------------------


class NonceRequest(_Message):
    """A nonce, which the next signed request must carry."""

    op: Literal["nonce"] = "nonce"


class TabletRequest(_Message):
    """A request that a paired tablet has signed.

    `request` is the JSON text that was signed (`messages/tablet.py`).
    """

    op: Literal["tablet"] = "tablet"
    key: Id
    nonce: Text
    signature: Text
    request: Annotated[str, StringConstraints(max_length=8192)]


class Alive(_Message):
    """Bedside reports that this tablet is connected."""

    op: Literal["alive"] = "alive"
    tablet: Id


class Serving(_Message):
    """Bedside serves tablets with a certificate that ends then."""

    op: Literal["serving"] = "serving"
    certificate_until: AwareDatetime


Request = Annotated[
    Order
    | OrderRest
    | ChallengeRequest
    | Confirmation
    | Associate
    | Dissociate
    | Stop
    | Pause
    | Resume
    | Clear
    | Identify
    | Reconcile
    | SelfTestRequest
    | PruneJournal
    | StatusRequest
    | TraceRequest
    | WatchRequest
    | LibraryRequest
    | VitalSigns
    | PatientHistory
    | CorrectDose
    | OrderCourse
    | AssessCourse
    | NonceRequest
    | TabletRequest
    | Alive
    | Serving
    | PairOpen
    | PairOffer
    | PairReveal
    | PairState
    | PairAccept
    | PairClose
    | KeyList
    | KeyAdd
    | KeyRename
    | KeyRevoke
    | StaffList
    | StaffAdd
    | StaffRemove
    | PinReset,
    Field(discriminator="op"),
]
# Who reads requests calls `REQUEST.rebuild()` at its start, so that the first of them does not wait for it.
REQUEST: TypeAdapter[Request] = TypeAdapter(Request, config=ConfigDict(defer_build=True))


_UNCLEAR = text("stop.unreadable", "stop requested, in a request that cannot be read in full")


def unclear_stop(line: bytes) -> Stop | None:
    """The stop in a line that is no valid request: one that is cut off, or has unknown or unreadable fields.

    Every pump is stopped when it is not clear which one. None: it is no stop, as far as it can be read.
    """
    if b"stop" not in line:  # the rest is work that a flood could cause
        return None
    try:
        data = from_json(line.rstrip(), allow_partial=True)
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("op") != "stop":
        return None
    stop = Stop(reason=_UNCLEAR)
    if repeated(line, "request"):
        return stop
    for name in ("pump", "by", "reason", "switching_source"):  # whether it is late is not asked
        if name in data:
            with contextlib.suppress(ValidationError):
                stop = Stop.model_validate({**stop.model_dump(), name: data[name]})
    return stop


class Answer(_Message):
    """`ok` with a result, or not `ok` with every reason.

    `messages`: by each English text in them that has one, its message for readers of other languages: its `id`, and
    its `parameters` by name.
    """

    ok: bool
    result: dict[str, Any] = Field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    messages: dict[str, dict[str, Any]] = Field(default_factory=dict, exclude_if=lambda found: not found)

    @model_validator(mode="before")
    @classmethod
    def _with_messages(cls, given: Any) -> Any:
        """The messages of what is answered here: pydantic makes plain text of them."""
        if not isinstance(given, dict) or "messages" in given:
            return given
        return {**given, "messages": messages_in((given.get("reasons", ()), given.get("result", {})))}


DISCLAIMER = "not a cleared medical device; for simulation, research and integration only"
LONGEST_LINE = 64 * 1024
