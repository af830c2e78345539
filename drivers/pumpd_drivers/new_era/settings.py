"""What can be set for a New Era pump, and which of it stands in for a fact that no public source states."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pumpd.pump import Assumption

ModelName = Annotated[str, StringConstraints(pattern=r"^ne-[0-9]{3,4}x?$")]


class NewEraSettings(BaseModel):
    """Settings of one pump. An unknown key is an error, because it is most likely a misspelt one.

    `safe_mode`: `required` refuses to start without the pump's own watchdog; `if-supported` goes on without one when
    the pump does not know safe mode (for the bench: nothing then ends the flow but the programmed volume); `off` never
    arms it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: int = Field(default=0, ge=0, le=99)
    models: tuple[ModelName, ...] = Field(default=("ne-1000",), min_length=1)
    baudrate: Literal[300, 1200, 2400, 9600, 19200] = 19200
    safe_mode: Literal["required", "if-supported", "off"] = "required"
    reply_timeout_s: float = Field(default=0.5, ge=0.05, le=5.0)
    quiet_s: float = Field(default=0.2, ge=0.02, le=2.0)
    power_fail_command: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9 ]{0,10}$")] = "PF0"
    rate_query: Literal["running", "selected"] = "running"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "NewEraSettings":
        """Check settings from a file or the command line. Raises ValueError that names each wrong key."""
        given = dict(settings)
        if isinstance(given.get("models"), str):
            given["models"] = tuple(given["models"].split(","))
        for key, field in cls.model_fields.items():  # from the command line everything is text
            if key == "baudrate" and isinstance(given.get(key), str) and given[key].isdecimal():
                given[key] = int(given[key])
            elif field.annotation is float and key in given:
                given[key] = str(given[key])
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = []
            for item in error.errors(include_url=False):
                key = ".".join(str(part) for part in item["loc"])
                known = f" (known: {', '.join(cls.model_fields)})" if item["type"] == "extra_forbidden" else ""
                why = "unknown setting" if known else item["msg"]
                problems.append(f"settings.{key}: {why}{known}")
            raise ValueError("; ".join(problems)) from error


ASSUMPTIONS = (
    Assumption(
        "reply_timeout_s",
        "0.5",
        "A pump answers within this time, the time on the line not counted. No source states a time.",
    ),
    Assumption(
        "quiet_s",
        "0.2",
        "After a missed answer, a line that is quiet for this long has nothing late on it.",
    ),
    Assumption(
        "power_fail_command",
        "PF0",
        "This command takes the restart after a power failure off (its argument is not in the public sources). A pump "
        "that does not know it may answer '?'. Empty: not sent.",
    ),
    Assumption(
        "rate_query",
        "running",
        "RAT asked while pumping answers the rate of the phase being pumped. 'selected': that of the phase selected "
        "for editing; the pump is then given one step only, because the rate of a later one could not be watched.",
    ),
)
