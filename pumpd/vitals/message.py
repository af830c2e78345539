"""What a bedside monitor publishes: one JSON object, docs/reference/vital-signs.md. Pure.

Promises:
- A sign that is not a whole number is left out, and the others still count: a low SpO2 must not be lost to a bad pulse.
  Whether a number can be true is not asked here; control does.
- A message whose structure, time or patient cannot be read, or in which a name occurs twice, is refused as a whole.
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

from pumpd.validation import FEW, problems, repeated
from pumpd.vital_signs import MEASURABLE, Sign


class BadMessageError(ValueError):
    """The message cannot be used."""


def _text_only(value: Any) -> Any:
    """Pydantic would also take a number for a time."""
    if value is not None and not isinstance(value, str):
        raise ValueError("must be text, ISO 8601 with an offset from UTC")
    return value


def _sign(sign: Sign, what: str) -> Any:
    least, most = MEASURABLE[sign]
    return Field(default=None, ge=-9999, le=9999, description=f"{what}; possible: {least} to {most}")


Time = Annotated[AwareDatetime, BeforeValidator(_text_only, json_schema_input_type=str)]
Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]


class MonitorMessage(BaseModel):
    """Vital signs that a bedside monitor measured at one time. Fields that are not listed here are ignored.

    A sign that was not measured is null or left out, never 0: a 0 is measured, and stops an infusion where a limit says
    so. A value that is not possible does not count.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", title="Vital signs of a bedside monitor")

    ts: Time | None = Field(
        default=None, description="when they were measured, ISO 8601 with an offset; without it, when they arrive"
    )
    patient: Token | None = Field(default=None, description="token of the patient, where the monitor knows it")
    spo2_percent: int | None = _sign(Sign.SPO2, "oxygen saturation by pulse oximetry, %")
    heart_rate_bpm: int | None = _sign(Sign.HEART_RATE, "heart or pulse rate, beats per minute")
    systolic_mmhg: int | None = _sign(Sign.SYSTOLIC, "systolic blood pressure, mmHg")
    diastolic_mmhg: int | None = _sign(Sign.DIASTOLIC, "diastolic blood pressure, mmHg, below the systolic one")
    respiration_per_min: int | None = _sign(Sign.RESPIRATION, "breaths per minute")

    @field_validator(*Sign, mode="wrap")
    @classmethod
    def _whole(cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
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
        """The signs that were measured, by name."""
        return {sign.value: value for sign in Sign if (value := getattr(self, sign)) is not None}


def read(payload: bytes) -> tuple[MonitorMessage, tuple[str, ...]]:
    """The message, and the names of the signs in it that are not whole numbers. Raises BadMessageError."""
    wrong: list[str] = []
    try:
        message = MonitorMessage.model_validate_json(payload, context=wrong)
    except ValidationError as error:
        raise BadMessageError("; ".join(problems(error, "message", FEW))) from error
    if why := repeated(payload, "message"):
        raise BadMessageError(why)
    return message, tuple(wrong)
