"""What can be set for an Asena pump, and which of it stands in for a fact that no public source states."""

from decimal import Decimal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed


class AlarisSettings(DriverSettings):
    newest_firmware: tuple[int, ...] = Field(default=(2, 3, 6))  # later firmware takes no remote control
    reply_timeout_s: float = assumed(
        0.5, "A pump answers within this time. It guarantees 4 s only; known clients wait 0.5 s.", ge=0.05, le=5.0
    )
    firmware_is_revision: bool = assumed(True, "The revision that COMMS_PROTOCOL tells is that of the firmware.")
    token_lapse_s: float = assumed(
        5.0, "A control token that is not repeated lapses within this time, and the pump then stops.", gt=1, le=60
    )
    standing_words: tuple[str, ...] = assumed(
        ("SET", "HLD"), "These words for the mode mean that the pump stands; every other one is taken for flow."
    )
    rate_step: Decimal = assumed(Decimal("0.1"), "A rate is a multiple of this, in mL/h.", gt=0)
    vtbi_max_ml: Decimal = assumed(Decimal(50), "The largest volume to be infused, in mL.", gt=0)
    alarm_meanings: bool = assumed(
        True,
        "AL_EOIST: empty; AL_LBTAC: battery low; AL_DRDIS, AL_SYRCO: the syringe is not held. The words are public, "
        "these meanings are not. False: all of them are faults.",
    )
