"""The state of a gateway as it is shown: the JSON data that `pumpd status` prints and tablets receive.

Quantities and instants are text, durations are seconds, and every number carries its unit in its name. `_s` means real
seconds for the age of a reading and the length of a lease, and clinical seconds everywhere else; the two differ only
with simulated time.
"""

from datetime import timedelta
from typing import Any, NotRequired, TypedDict

from pumpd.texts import Message


class AlarmState(TypedDict):
    """An active alarm, with its cause and what to do."""

    code: str
    priority: str  # low, medium, high
    cause: str
    action: str
    raised_ts: NotRequired[str]
    acknowledged_by: NotRequired[str | None]
    acknowledged_ts: NotRequired[str | None]
    escalated: NotRequired[bool]


class SignState(TypedDict):
    """The last value of one vital sign. `level`: ok, warning, critical or missing; a missing sign has no value.

    `age_s`: real seconds since it was measured; None when it never was. `source`: monitor or tablet.
    """

    name: str
    value: int | None
    age_s: float | None
    level: str
    source: str | None


class VitalSignsState(TypedDict):
    """`ready`: they permit a start now. `reasons`: why they do not."""

    signs: list[SignState]
    ready: bool
    reasons: list[str]


class VitalsState(TypedDict):
    ts: str
    by: str
    systolic_mmhg: int
    diastolic_mmhg: int
    heart_rate_bpm: int
    spo2_percent: int
    respiration_per_min: int | None


class PlasmaBand(TypedDict):
    """What a program leads to: the lowest and the highest of the models at each minute, and of their peaks (PRG-23)."""

    minutes: list[int]
    low_ng_ml: list[int]
    high_ng_ml: list[int]
    peak_low_ng_ml: int
    peak_high_ng_ml: int
    note: str


class PlasmaPeak(TypedDict):
    peak_low_ng_ml: int
    peak_high_ng_ml: int
    note: str


class PlasmaNow(PlasmaPeak):
    """The present value, and the highest so far."""

    low_ng_ml: int
    high_ng_ml: int


class Summary(TypedDict):
    """The result of an infusion. Amounts of drug are included when its program is known."""

    outcome: str
    reason: str
    prescribed_ml: str
    delivered_ml: str
    booked_ml: str
    undelivered_ml: str
    running_s: float
    elapsed_s: float
    pauses: int
    started_ts: str | None
    ended_ts: str
    confirmed_by: str | None
    deviations: list[str]
    drug: NotRequired[str]
    prescribed_mg: NotRequired[str]
    delivered_mg: NotRequired[str]
    undelivered_mg: NotRequired[str]
    plasma: NotRequired[PlasmaPeak]


class ObservationState(TypedDict):
    """The observation of one patient. `session`: the infusion that it follows."""

    session: str
    patient: str
    since_ts: str
    until_ts: str
    left_s: float
    every_s: int
    vitals_due_ts: str | None
    vitals_overdue: bool
    missed: int
    vitals: list[VitalsState]
    summary: dict[str, Any]


class PauseState(TypedDict):
    """`left_s`: until a pause under way ends the infusion, whichever limit comes first; null while nothing is paused.
    `reason`: why a person paused; empty until that is given, null where there is nothing to ask.
    """

    used: int
    most: int
    single_left_s: float
    total_left_s: float
    left_s: float | None
    reason: str | None


class Step(TypedDict):
    rate_ml_h: str
    volume_ml: str


class Course(TypedDict):
    """Where in its course a treatment is. `phase`: infusion or maintenance. `of`: null where that has no end.
    `course_number`: the patient's first, second, … course.
    """

    number: int
    of: int | None
    phase: str
    course_number: int


class RestState(TypedDict):
    """What is left of an interrupted treatment. `by_nurse`: a person who may confirm may order it too."""

    treatment: str
    patient: str
    left_ml: str
    left_mg: str
    until_ts: str
    by_nurse: bool


class SelfTestResult(TypedDict):
    """`state`: passed, failed, or absent where the machine does not have it."""

    what: str
    state: str
    detail: str


class SelfTestState(TypedDict):
    """The last self-test for a pump. An order is refused after a failed one."""

    ts: str
    passed: bool
    results: list[SelfTestResult]


class InfusionState(TypedDict):
    """`state` is a state of `pumpd.infusion`. Amounts of drug are included when the program is known.

    `treatment`: the session of the first delivery. `earlier_…`: booked by its earlier deliveries, at worst.
    `treatment_…`: prescribed in all. `closes_ts`: when the time for the treatment ends.
    `expires_ts`: when the order expires, while it is not started. `started_ts`: the first start. `confirmed_by`: who
    confirmed the last one. `dose_rate_mg_h`: at the reported rate.
    """

    session: str
    treatment: str
    earlier_ml: str
    treatment_ml: str
    earlier_mg: NotRequired[str]
    treatment_mg: NotRequired[str]
    closes_ts: str | None
    state: str
    may_flow: bool
    started: bool
    ended: bool
    reason: str
    action: str
    rate_ml_h: str
    programmed_rate_ml_h: str
    delivered_ml: str
    booked_ml: str
    prescribed_ml: str
    remaining_ml: str
    delivered_mg: NotRequired[str]
    booked_mg: NotRequired[str]
    prescribed_mg: NotRequired[str]
    remaining_mg: NotRequired[str]
    dose_rate_mg_h: NotRequired[str]
    started_ts: str | None
    confirmed_by: str | None
    running_s: float
    elapsed_s: float
    remaining_s: int
    window_least_s: float
    window_most_s: float
    window_elapsed_s: float
    pauses: int
    lease_s: float | None
    trips: list[str]
    trip_resumable: bool
    alarms: list[AlarmState]
    ordered_ts: str | None
    expires_ts: str | None
    digest: str
    review: dict[str, Any]


class PumpState(TypedDict):
    """`age_s`: time since the last reading was requested. `problem`: why the pump is not available, or empty.

    `stopped`: the last reading shows no flow, and no infusion may flow.
    `proved_by`: the mark, or the person, that shows which pump answers. `to_identify`: what a person must do for that.
    `plasma`: from the start of an infusion until its observation ends; null when there is no estimate.
    """

    pump: str
    driver: str
    model: str
    firmware: str | None
    serial: str
    simulated: bool
    patient: str | None
    problem: str
    proved_by: str | None
    to_identify: str | None
    pump_state: str | None
    stopped: bool
    age_s: float | None
    pressure_mmhg: int | None
    battery_percent: int | None
    loss_of_control: list[str]
    loss_of_control_text: str | None
    links: dict[str, str]
    alarms: list[AlarmState]
    observations: list[ObservationState]
    vitals: VitalSignsState | None
    summary: dict[str, Any] | None
    rest: RestState | None
    course: Course | None
    self_test: SelfTestState | None
    plasma: PlasmaNow | None
    pause: NotRequired[PauseState]
    flow_profile: NotRequired[list[Step]]
    ends_ts: NotRequired[str | None]
    infusion: InfusionState | None


class LibraryStatus(TypedDict):
    """The library in use. `problems`: why nothing may be started by it."""

    digest: str
    name: str | None
    version: int | None
    care_area: str | None
    key: str | None
    problems: list[str]


class ConfigurationStatus(TypedDict):
    """The configuration in use. `key`: the id of the key that signed it; null when it is not signed.

    `problems`: why nothing may be started by it.
    """

    digest: str
    key: str | None
    problems: list[str]


class SupplyState(TypedDict):
    """`source`: mains, battery or unknown."""

    source: str
    left_min: int | None
    under_voltage: bool


CERTIFICATE_ENDING = timedelta(days=30)  # shown from then on


class CertificateState(TypedDict):
    """Of the tablets' server. `ending`: within 30 days."""

    until_ts: str
    days_left: int
    ending: bool


class AudioState(TypedDict):
    paused_left_s: float
    by: str


class TabletState(TypedDict):
    """A paired tablet. `person`: who is signed in on it."""

    name: str
    roles: list[str]
    person: dict[str, Any] | None


class GatewayState(TypedDict):
    """`journal`: "ok", or what is wrong with it. `alarm_output`: null, "ok", or what is wrong with the sounder.

    `supply`: null when no supply is monitored. `certificate`: null while bedside serves none. `tablets`: by
    the id of the key. `messages`: in what is streamed, by each English text that has one, its message for readers of
    other languages.
    """

    notice: str
    gateway: str
    ts: str
    utc_offset_min: int
    time_scale: int
    simulated: bool
    clock_synchronized: bool
    journal: str
    library: LibraryStatus
    configuration: ConfigurationStatus
    supply: SupplyState | None
    certificate: CertificateState | None
    alarm_output: str | None
    audio: AudioState | None
    alarms: list[AlarmState]
    pumps: list[PumpState]
    tablets: dict[str, TabletState]
    tablets_connected: int
    messages: NotRequired[dict[str, Message]]
