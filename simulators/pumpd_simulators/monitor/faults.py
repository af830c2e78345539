"""Faults of a simulated monitor, and of the patient at it: `KIND[:DETAIL][@WHEN][/DURATION]`, such as
`desaturation:82,2min@10min/5min`.

WHEN is the monitor's time since it began (or since it was told so), which its speed scales; without it the fault comes
at once. Without a DURATION it lasts until it is cleared. A course of illness takes `VALUE[,TIME]`: it reaches the value
over the time, and when it ends the patient recovers as slowly.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pumpd_simulators.faults import FaultError, did_you_mean, seconds


class Kind(StrEnum):
    SILENT = "silent"
    FROZEN = "frozen"
    SENSOR_OFF = "sensor-off"
    IMPOSSIBLE = "impossible"
    DESATURATION = "desaturation"
    HYPERTENSION = "hypertension"
    HYPOTENSION = "hypotension"
    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    BRADYPNOEA = "bradypnoea"
    WRONG_CLOCK = "wrong-clock"
    NO_CLOCK = "no-clock"
    WRONG_PATIENT = "wrong-patient"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out-of-order"
    DELAYED = "delayed"
    FLOOD = "flood"
    MALFORMED = "malformed"
    RETAINED = "retained"


SENSORS: Mapping[str, tuple[str, ...]] = {
    "spo2": ("spo2_percent",),
    "pulse": ("heart_rate_bpm",),
    "respiration": ("respiration_per_min",),
    "pressure": ("systolic_mmhg", "diastolic_mmhg"),
}
SENSORS = {**SENSORS, "all": tuple(sign for signs in SENSORS.values() for sign in signs)}


@dataclass(frozen=True, slots=True)
class Course:
    """A course of illness: the sign that changes, what it reaches, and the seconds until then."""

    sign: str
    reaches: float
    over_s: float


COURSES: Mapping[Kind, Course] = {
    Kind.DESATURATION: Course("spo2_percent", 80.0, 60.0),
    Kind.HYPERTENSION: Course("systolic_mmhg", 190.0, 120.0),
    Kind.HYPOTENSION: Course("systolic_mmhg", 75.0, 120.0),
    Kind.BRADYCARDIA: Course("heart_rate_bpm", 35.0, 60.0),
    Kind.TACHYCARDIA: Course("heart_rate_bpm", 150.0, 60.0),
    Kind.BRADYPNOEA: Course("respiration_per_min", 4.0, 60.0),
}

MEANINGS: Mapping[Kind, str] = {
    Kind.SILENT: "publishes nothing, and stays connected",
    Kind.FROZEN: "the same values again and again, with the present time",
    Kind.SENSOR_OFF: f"a sensor is off and its value null: {', '.join(SENSORS)} (spo2)",
    Kind.IMPOSSIBLE: f"a sensor gives a value that cannot be true: {', '.join(SENSORS)} (spo2)",
    **{
        kind: f"{course.sign} goes to VALUE[,TIME] ({course.reaches:g},{course.over_s:g}s)"
        for kind, course in COURSES.items()
    },
    Kind.WRONG_CLOCK: "the monitor's clock is ahead by the detail (1h), or behind by it (-1h)",
    Kind.NO_CLOCK: "messages carry no time",
    Kind.WRONG_PATIENT: "the monitor is set to another patient, the detail (another-patient)",
    Kind.DUPLICATE: "every message comes twice",
    Kind.OUT_OF_ORDER: "every second message comes after the next one",
    Kind.DELAYED: "messages come late by the detail (10s)",
    Kind.FLOOD: "the detail's number of messages each second (1000)",
    Kind.MALFORMED: "messages are no JSON",
    Kind.RETAINED: "messages are retained: the broker stores the last one",
}

_FAULT = re.compile(
    r"(?P<kind>[a-z-]+)(?::(?P<detail>[^@/]+))?(?:@(?P<at>[^/]+))?(?:/(?P<duration>.+))?", re.DOTALL | re.ASCII
)
_NUMBER = re.compile(r"\d{1,4}(\.\d)?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MonitorFault:
    kind: Kind
    at_s: float | None = None  # the monitor's time; None: now
    duration_s: float | None = None  # None: until cleared
    detail: str | None = None

    def __post_init__(self) -> None:
        """Raises FaultError for a detail that the kind does not take."""
        match self.kind:
            case Kind.SENSOR_OFF | Kind.IMPOSSIBLE:
                _ = self.signs
            case Kind.WRONG_CLOCK:
                _ = self.offset_s
            case Kind.DELAYED:
                _ = self.delay_s
            case Kind.FLOOD:
                _ = self.messages
            case Kind.WRONG_PATIENT:
                if _TOKEN.fullmatch(self.patient) is None:
                    raise FaultError(f"{self.kind} takes a patient's token as its detail, not {self.detail!r}")
            case kind if kind in COURSES:
                _ = self.course
            case _:
                if self.detail is not None:
                    raise FaultError(f"{self.kind} takes no detail, but {self.detail!r} was given")

    @classmethod
    def parse(cls, text: str) -> "MonitorFault":
        """Raises FaultError, which lists what is accepted."""
        match = _FAULT.fullmatch(text)
        if match is None:
            raise FaultError(
                f"fault {text!r} is not KIND[:DETAIL][@WHEN][/DURATION], such as desaturation:82,2min@10min"
            )
        return cls.of(match["kind"], match["at"], match["duration"], match["detail"])

    @classmethod
    def of(
        cls, kind: str, at: str | None = None, duration: str | None = None, detail: str | None = None
    ) -> "MonitorFault":
        """From its parts as texts, as the control port receives them. Raises FaultError."""
        if kind not in set(Kind):
            raise FaultError(f"fault kind {kind!r} is not known{did_you_mean(kind, Kind)}; known: {', '.join(Kind)}")
        return cls(
            Kind(kind),
            None if at is None else seconds(at, "the fault's time"),
            None if duration is None else seconds(duration, "the fault's duration"),
            detail,
        )

    @property
    def signs(self) -> tuple[str, ...]:
        """What the sensor of the detail measures."""
        sensor = self.detail or "spo2"
        if sensor not in SENSORS:
            known = f"{did_you_mean(sensor, SENSORS)}; known: {', '.join(SENSORS)}"
            raise FaultError(f"{self.kind} takes a sensor as its detail, not {sensor!r}{known}")
        return SENSORS[sensor]

    @property
    def course(self) -> Course:
        """The course of illness, with the detail's value and time."""
        usual = COURSES[self.kind]
        if self.detail is None:
            return usual
        value, _, over = self.detail.partition(",")
        if _NUMBER.fullmatch(value) is None:
            raise FaultError(f"{self.kind} takes VALUE[,TIME] as its detail, such as 82,2min, not {self.detail!r}")
        return Course(usual.sign, float(value), seconds(over, f"the time of {self.kind}") if over else usual.over_s)

    @property
    def offset_s(self) -> float:
        """How far the monitor's clock is ahead; negative: behind."""
        detail = self.detail or "1h"
        ahead = seconds(detail.removeprefix("-"), f"the detail of {self.kind}")
        return -ahead if detail.startswith("-") else ahead

    @property
    def delay_s(self) -> float:
        return seconds(self.detail or "10s", f"the detail of {self.kind}")

    @property
    def messages(self) -> int:
        detail = self.detail or "1000"
        if re.fullmatch(r"[1-9]\d{0,5}", detail, re.ASCII) is None:
            raise FaultError(f"{self.kind} takes a number of messages as its detail, not {self.detail!r}")
        return int(detail)

    @property
    def patient(self) -> str:
        return self.detail or "another-patient"

    def __str__(self) -> str:
        return "".join(
            (
                self.kind,
                f":{self.detail}" if self.detail else "",
                "" if self.at_s is None else f"@{self.at_s:g}s",
                "" if self.duration_s is None else f"/{self.duration_s:g}s",
            )
        )
