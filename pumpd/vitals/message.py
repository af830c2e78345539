"""What a bedside monitor publishes: one JSON object, docs/reference/vital-signs.md. Pure.

Promises:
- A sign that cannot be true is left out, and the others still count: a low SpO2 must not be lost to a bad pulse.
- A message whose structure, time or patient cannot be read is refused as a whole.
- No error contains what was sent: it could hold a name.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from pumpd.validation import problems


class BadMessageError(ValueError):
    """The message cannot be used."""


def _text_only(value: Any) -> Any:
    """Pydantic would also take a number for a time."""
    if value is not None and not isinstance(value, str):
        raise ValueError("must be text, ISO 8601 with an offset from UTC")
    return value


def _sign(most: int, what: str) -> Any:
    return Field(default=None, ge=0, le=most, description=what)


Time = Annotated[AwareDatetime, BeforeValidator(_text_only, json_schema_input_type=str)]
Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]


class MonitorMessage(BaseModel):
    """Vital signs that a bedside monitor measured at one time. Fields that are not listed here are ignored.

    A sign that was not measured is null or left out, never 0. The bounds are wide: beyond them a sensor or a message is
    wrong, not a patient ill.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", title="Vital signs of a bedside monitor")

    ts: Time | None = Field(
        default=None, description="when they were measured, ISO 8601 with an offset; without it, when they arrive"
    )
    patient: Token | None = Field(default=None, description="token of the patient, where the monitor knows it")
    spo2_percent: int | None = _sign(100, "oxygen saturation by pulse oximetry, %")
    heart_rate_bpm: int | None = _sign(350, "heart or pulse rate, beats per minute")
    systolic_mmhg: int | None = _sign(350, "systolic blood pressure, mmHg")
    diastolic_mmhg: int | None = _sign(300, "diastolic blood pressure, mmHg")
    respiration_per_min: int | None = _sign(150, "breaths per minute")

    @field_validator(
        "spo2_percent",
        "heart_rate_bpm",
        "systolic_mmhg",
        "diastolic_mmhg",
        "respiration_per_min",
        mode="wrap",
    )
    @classmethod
    def _believable(cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            if isinstance(value, str | bool):
                raise ValueError("not a number")  # noqa: TRY004 - pydantic's own error comes from the same place
            return check(value)
        except ValueError:
            assert isinstance(info.context, list)
            info.context.append(info.field_name)
            return None

    @property
    def signs(self) -> Mapping[str, int]:
        """The signs that were measured and can be true, by name."""
        return {name: value for name in SIGNS if (value := getattr(self, name)) is not None}


SIGNS = tuple(name for name in MonitorMessage.model_fields if name not in ("ts", "patient"))
PRESSURES = ("systolic_mmhg", "diastolic_mmhg")


def read(payload: bytes) -> tuple[MonitorMessage, tuple[str, ...]]:
    """The message, and the names of signs in it that cannot be true. Raises BadMessageError."""
    wrong: list[str] = []
    try:
        message = MonitorMessage.model_validate_json(payload, context=wrong)
    except ValidationError as error:
        raise BadMessageError("; ".join(problems(error, "message"))) from error
    low, high = message.diastolic_mmhg, message.systolic_mmhg
    if low is not None and high is not None and low >= high:
        wrong += PRESSURES
        message = message.model_copy(update=dict.fromkeys(PRESSURES))
    return message, tuple(wrong)
