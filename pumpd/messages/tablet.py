"""What a paired tablet may ask for, inside a signed request. No field states who asks: the key and the sign-in show
that.
"""

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, TypeAdapter

from pumpd.messages.message import Id, Text
from pumpd.messages.requests import Confirmation, CourseAssessed, CourseOrdered, Prescribed, PrescribedRest


class _Inner(BaseModel):
    # Built when the first tablet sends a request: 2 MB that a gateway without tablets does not need.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Badge = Annotated[str, StringConstraints(max_length=32)]
Pin = Annotated[SecretStr, Field(max_length=32)]


class Hello(_Inner):
    """Only the proof that the tablet holds its key."""

    op: Literal["hello"]


class SignIn(_Inner):
    op: Literal["sign_in"]
    badge: Badge
    pin: Pin


class SignOut(_Inner):
    op: Literal["sign_out"]


class Touch(_Inner):
    """The nurse touched the screen: the idle time starts again."""

    op: Literal["touch"]


class Preview(_Inner, Prescribed):
    """What an order would result in; orders nothing."""

    op: Literal["preview"]


class TabletOrder(_Inner, Prescribed):
    op: Literal["order"]


class PreviewRest(_Inner, PrescribedRest):
    """What an order of the rest would result in; orders nothing."""

    op: Literal["preview_rest"]


class TabletRest(_Inner, PrescribedRest):
    op: Literal["rest"]


class TabletChallenge(_Inner):
    op: Literal["challenge"]
    pump: Id


class Second(_Inner):
    """Another person who has checked the same screen."""

    badge: Badge
    pin: Pin


class TabletConfirm(_Inner):
    """The binding of the challenge and its signature (`Confirmation`), and a second person where the entry requires
    one.
    """

    op: Literal["confirm"]
    pump: Id
    request: Id
    signature: Text
    nonce: Text
    digest: Text
    action: Text
    serial: Text
    channel: int
    session: Text
    gateway: Text
    expires_ns: int
    shown: Text
    wristband: Text
    key: Id | None = None  # the tablet's own, if it gives it
    second: Second | None = None

    def confirmation(self, key: str) -> Confirmation:
        return Confirmation(key=key, **self.model_dump(exclude={"op", "second", "key"}))


class TabletAssociate(_Inner):
    op: Literal["associate"]
    pump: Id
    patient: Text


class TabletDissociate(_Inner):
    op: Literal["dissociate"]
    pump: Id


class TabletPause(_Inner):
    """`reason` may be empty: a pause comes first, and `pause_reason` may follow."""

    op: Literal["pause"]
    pump: Id
    reason: Text = ""


class TabletPauseReason(_Inner):
    """Why the last pause of this session was made. Changes nothing but the record."""

    op: Literal["pause_reason"]
    pump: Id
    session: Id
    reason: Annotated[Text, Field(min_length=3)]


class TabletResume(_Inner):
    op: Literal["resume"]
    pump: Id


class TabletClear(_Inner):
    op: Literal["clear"]
    pump: Id


class TabletIdentify(_Inner):
    """`seen`: how often the pump signalled, once the person has counted."""

    op: Literal["identify"]
    pump: Id
    seen: int | None = None


class TabletReconcile(_Inner):
    op: Literal["reconcile"]
    pump: Id
    volume: Text
    reason: Text
    seen_stopped: bool = False
    volume_again: Text | None = None


class Acknowledge(_Inner):
    """A person has seen an alarm. `pump` empty: an alarm of the gateway."""

    op: Literal["acknowledge"]
    pump: Text
    code: Text


class PauseAudio(_Inner):
    op: Literal["pause_audio"]


class VitalSigns(_Inner):
    """Vital signs of the patient: before an infusion (`session` empty), during the infusion of this session, or under
    observation after it.
    """

    op: Literal["vitals"]
    pump: Id
    session: Id | Literal[""]
    systolic_mmhg: int
    diastolic_mmhg: int
    heart_rate_bpm: int
    spo2_percent: int
    respiration_per_min: int | None = None


class EndObservation(_Inner):
    """End the observation after this session on the pump. Before its two hours are over it needs a reason."""

    op: Literal["end_observation"]
    pump: Id
    session: Id
    reason: Text = ""


class TabletWristband(_Inner):
    """A wristband that the tablet found to be another patient's. Control compares it too; a refusal is on record."""

    op: Literal["wristband"]
    pump: Id
    read: Text


class TabletPlasma(_Inner):
    """The estimated plasma concentration that the pump's program leads to, for a tablet that did not order it."""

    op: Literal["plasma"]
    pump: Id


class TabletHistory(_Inner):
    """What the patient was given. Without a patient: only the doses of all patients whose date must be corrected."""

    op: Literal["history"]
    patient: Text | None = None


class TabletCorrectDose(_Inner):
    """Correct when a dose began; `second` is another person than the one who is signed in."""

    op: Literal["correct_dose"]
    session: Id
    started: Text
    reason: Text
    second: Second


class TabletOrderCourse(_Inner, CourseOrdered):
    op: Literal["order_course"]


class TabletAssessCourse(_Inner, CourseAssessed):
    op: Literal["assess_course"]


Inner = Annotated[
    Hello
    | SignIn
    | SignOut
    | Touch
    | Preview
    | TabletOrder
    | PreviewRest
    | TabletRest
    | TabletChallenge
    | TabletConfirm
    | TabletAssociate
    | TabletDissociate
    | TabletPause
    | TabletPauseReason
    | TabletResume
    | TabletClear
    | TabletIdentify
    | TabletReconcile
    | Acknowledge
    | PauseAudio
    | VitalSigns
    | EndObservation
    | TabletWristband
    | TabletPlasma
    | TabletHistory
    | TabletCorrectDose
    | TabletOrderCourse
    | TabletAssessCourse,
    Field(discriminator="op"),
]


@cache
def inner() -> TypeAdapter[Inner]:
    """The adapter that parses inner requests."""
    return TypeAdapter(Inner)


REQUEST_PREFIX = "pumpd-request-v1\n"


def signed_request(gateway: str, nonce: str, request: str) -> bytes:
    """The exact bytes that a tablet signs with a request."""
    return f"{REQUEST_PREFIX}{gateway}\n{nonce}\n{request}".encode()
