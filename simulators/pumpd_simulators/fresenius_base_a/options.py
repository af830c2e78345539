"""The options of a simulated Base A: its modules, and a choice for every fact that no public source states."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pumpd_simulators.family import Listed, SimulatorOptions

Position = Annotated[int, Field(ge=1, le=6)]


class BaseAOptions(SimulatorOptions):
    aliases: ClassVar[Mapping[str, str]] = {
        "modules": "addresses",
        "device_type": "reported_model",
        "highest_rate_ml_h": "rate_max_ml_h",
        "highest_limit_ml": "vtbi_max_ml",
    }

    addresses: Annotated[tuple[Position, ...], Listed] = Field(
        default=(1,), description="positions with a module, 1 to 6, separated by commas"
    )
    standalone: bool = Field(default=False, description="one syringe pump on its own line: frames without an address")
    reported_model: str = Field(
        default="BASE-A", pattern=r"^[0-9A-Za-z _-]{1,40}$", description="device type in the reply to LF;b"
    )
    reply_delay_s: float = Field(default=0.0, ge=0, le=5, description="from a command to its reply")
    enquiry_s: float = Field(default=1.0, ge=0, le=600, description="between two ENQ in an open session; 0: none")
    enquiries_missed: int = Field(default=3, ge=1, le=100, description="unanswered ENQ before the pump acts")
    without_dc4: Literal["disconnect", "nothing", "pause", "deaf"] = Field(
        default="disconnect",
        description="what the pump then does: close the sessions, nothing, pause all modules, or ignore its line",
    )
    ack_timeout_s: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="a missing ACK is reported with NAK 5 after this time; 0: no ACK is needed",
    )
    repeats_on_nak: bool = Field(default=False, description="after a NAK from the host the pump sends its frame again")
    start_command: str = Field(
        default="", pattern=r"^[ -:<-}]{0,2}(;[ -}]{0,20})?$",
        description="command that starts the flow at the rate set before, such as PO;0; empty: PR itself does",
    )  # fmt: skip
    value_format: Literal["hex", "decimal"] = Field(
        default="hex", description="digits in which PR, PV, PB and PP take their value"
    )
    limit_query: str = Field(
        default="LM;r",
        pattern=r"^(LM;[a-ce-oq-z]|LE;[bcf-jln-qt-z])?$",
        description="question for the volume limit; empty: there is none",
    )
    manual_allows: Annotated[tuple[str, ...], Listed] = Field(
        default=(), description="setting commands, such as PO,RV, that manual mode does not refuse"
    )
    running_mode_bits: int = Field(
        default=0, ge=0, le=0xFFFF,
        description="bits of m that mean flow, with d as the set rate; 0: d is 0 while the pump is stopped",
    )  # fmt: skip
    at_limit: Literal["pause", "alarm"] = Field(default="pause", description="what happens at the volume limit")
    alarm_bits: Annotated[tuple[int, ...], Listed] = Field(
        default=(1, 2, 4, 8, 16, 32),
        min_length=6, max_length=6,
        description="bits of a for occlusion, empty, near empty, no syringe, battery, volume limit",
    )  # fmt: skip
    rate_max_ml_h: float = Field(default=1200.0, gt=0, le=6553.5, description="above it PR is out of limits")
    vtbi_max_ml: float = Field(default=9999.0, gt=0, le=9999, description="above it PV is out of limits")
    pressure_limit_mmhg: int = Field(default=500, gt=0, le=1500, description="occlusion alarm level at power-up")
    event_s: float = Field(default=1.0, gt=0, le=60, description="between two checks for an unasked message")
    keys_under_control: bool = Field(default=True, description="the keys work under PC control too")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.addresses or len(set(self.addresses)) < len(self.addresses):
            raise ValueError("addresses: a rack has a module, and a position holds only one")
        if self.standalone and len(self.addresses) > 1:
            raise ValueError("addresses: a pump on its own line has one")
        return self
