"""The section of the configuration about vital signs: the limits of the site, and how old a value may be."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from pydantic import Field, model_validator

from pumpd.settings_brokers import MonitorBrokerSettings
from pumpd.settings_section import Name, Section, Topic
from pumpd.validation import SeveralError
from pumpd.vital_signs import BASELINE, PLAUSIBLE, Sign


class SignSettings(Section):
    """The limits of the site for one vital sign, each of them optional. A value at a limit has reached it."""

    critical_low: int | None = None
    """Critical at this value and below: one critical sign stops the infusion."""
    warn_low: int | None = None
    """A warning at this value and below: two warnings at once stop the infusion, one refuses a first start."""
    warn_high: int | None = None
    """A warning at this value and above."""
    critical_high: int | None = None
    """Critical at this value and above."""

    @model_validator(mode="after")
    def _ordered(self) -> "SignSettings":
        given = [(name, value) for name, value in self if value is not None]
        for (lower, least), (higher, most) in pairwise(given):
            if least >= most:
                raise ValueError(f"{lower}: must be lower than {higher}")
        return self


class VitalsSettings(Section):
    """Vital signs of the patient, from a bedside monitor and from tablets. Without this section no infusion depends on
    them. With it, SpO2, heart rate and blood pressure are required: they may refuse a start and stop an infusion, and
    never start, resume or change one. The limits are the site's; pumpd has none of its own.
    """

    spo2_percent: SignSettings = SignSettings()
    heart_rate_bpm: SignSettings = SignSettings()
    systolic_mmhg: SignSettings = SignSettings()
    diastolic_mmhg: SignSettings = SignSettings()
    respiration_per_min: SignSettings = SignSettings()
    respiration_required: bool = False
    """Respiration must arrive continuously, as SpO2 and heart rate always must."""
    fresh_s: int = Field(default=5, ge=2, le=5)
    """Seconds after which a sign that must arrive continuously is missing: no start, and a LOW alarm."""
    missing_s: int = Field(default=30, ge=3, le=30)
    """Seconds after which a missing sign is a MEDIUM alarm."""
    lost_s: int = Field(default=60, ge=4, le=60)
    """Seconds after which a missing sign stops the infusion."""
    pressure_min: int = Field(default=10, ge=1, le=10)
    """Minutes within which blood pressure must be measured again; an older one refuses a start."""
    pressure_overdue_min: int = Field(default=5, ge=1, le=5)
    """Minutes beyond `pressure_min` after which an overdue measurement is a MEDIUM alarm."""
    pressure_pause_min: int = Field(default=10, ge=2, le=10)
    """Minutes beyond `pressure_min` after which an overdue measurement pauses the infusion."""
    baseline_min: int = Field(default=15, ge=1, le=15)
    """Minutes before the first start within which blood pressure, heart rate and SpO2 must have been measured."""

    broker: MonitorBrokerSettings | None = None
    topics: Mapping[Name, Topic] = Field(default_factory=dict)
    """By pump, the MQTT topic on which the monitor of its patient publishes, without wildcards. Without `broker` and
    `topics`, vital signs come from tablets only."""

    @model_validator(mode="after")
    def _usable(self) -> "VitalsSettings":
        if found := list(self._unusable()):
            raise SeveralError(found)
        return self

    def _unusable(self) -> Iterator[str]:
        if (self.broker is None) != (not self.topics):
            yield "broker, topics: a monitor needs both: the broker, and the topic of each pump's monitor"
        required = [*BASELINE, Sign.RESPIRATION] if self.respiration_required else BASELINE
        if unlimited := [sign for sign in required if self.limits(sign) == SignSettings()]:
            yield f"{', '.join(unlimited)}: no limit is set; a required sign needs at least one"
        for sign, (least, most) in PLAUSIBLE.items():
            for name, value in self.limits(sign):
                if value is not None and not least <= value <= most:
                    yield f"{sign}.{name}: {value} can never be reached; use {least} to {most}"
        if not self.fresh_s < self.missing_s < self.lost_s:
            yield "missing_s: must be more than fresh_s and less than lost_s"
        if self.pressure_overdue_min >= self.pressure_pause_min:
            yield "pressure_overdue_min: must be less than pressure_pause_min"

    def limits(self, sign: Sign) -> SignSettings:
        found: SignSettings = getattr(self, sign)
        return found
