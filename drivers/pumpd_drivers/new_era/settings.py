"""The settings of a New Era pump, and which of them replace a fact that no public source states."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pumpd.driving import DriverSettings, assumed

ModelName = Annotated[str, StringConstraints(pattern=r"^(ne-[0-9]{3,4}x?|al-1000)$")]


class NewEraSettings(DriverSettings):
    """Settings of one pump.

    `safe_mode`: `required` refuses to start without the pump's own watchdog; `if-supported` continues without it on a
    pump that has no safe mode (for the bench: only the programmed volume then ends the flow); `off` never arms it.
    """

    reads_while_answering: Literal[False] = Field(
        default=False, description="A host sends one packet and waits for the reply (manual, RS-232 network)."
    )
    address: int = Field(default=0, ge=0, le=99)
    models: tuple[ModelName, ...] = Field(default=("ne-1000", "ne-1010", "ne-4000"), min_length=1)
    baudrate: Literal[300, 1200, 2400, 9600, 19200] = 19200
    safe_mode: Literal["required", "if-supported", "off"] = "required"
    power_fail_command: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9 ]{0,10}$")] = assumed(
        "PF0",
        "This command disables the restart after a power failure (its argument is not in the public sources). A pump "
        "that does not know it may reply '?'. Empty: not sent.",
    )
    trigger_command: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9 ]{0,10}$")] = assumed(
        "TRGOF",
        "This command disables the trigger input, at which a contact or noise on a long cable starts the pump (its "
        "argument is not in the public sources). A pump that does not know it may reply '?'. Empty: not sent.",
    )
    rate_query: Literal["running", "selected"] = assumed(
        "running",
        "The reply to RAT while pumping is the rate of the phase being pumped. 'selected': that of the phase selected "
        "for editing; the pump then gets one step only, because the rate of a later one could not be monitored.",
    )
