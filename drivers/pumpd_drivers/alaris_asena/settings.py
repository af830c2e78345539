"""The settings of an Asena pump, and which of them replace a fact that no public source states."""

from decimal import Decimal

from pydantic import Field

from pumpd.driving import DriverSettings, assumed


class AlarisSettings(DriverSettings):
    """Settings of one pump. The forum post and the clients named in the protocol sheet are all that is public."""

    newest_firmware: tuple[int, ...] = Field(default=(2, 3, 6), min_length=1)  # later firmware has no remote control
    firmware_is_revision: bool = assumed(True, "The revision in the reply to COMMS_PROTOCOL is the firmware's.")
    reply_timeout_s: float = assumed(
        0.5, "A pump replies within this time. It guarantees only 4 s; known clients wait 0.5 s.", ge=0.05, le=5.0
    )
    token_lapse_s: float = assumed(
        5.0,
        "A control token that is not repeated lapses within this time, and the pump then stops. 0: it never lapses; "
        "only the programmed volume ends a flow when the gateway dies.",
        ge=0,
        le=60,
    )
    remote_cfg: bool = assumed(
        True, "REMOTE_CFG is sent with each token, and its reply has the form of REMOTE_CTRL's. False: it is not sent."
    )
    standing_words: tuple[str, ...] = assumed(
        ("SET", "HLD"),
        "A stopped pump reports one of these words as its mode; any other word is taken for flow.",
        min_length=1,
    )
    stands_at_rate_0: bool = assumed(
        True,
        "A stopped pump reports the rate 0. One of the words above with a rate is taken for flow, because a known "
        "client shows SET with one. False: the word alone decides; then list only words that no infusing pump reports.",
    )
    rate_step: Decimal = assumed(
        Decimal("0.1"), "A rate is a multiple of this, in mL/h.", ge=Decimal("0.01"), multiple_of=Decimal("0.01")
    )
    vtbi_max_ml: Decimal = assumed(Decimal(50), "The largest volume to be infused, in mL.", gt=0, le=1000)
    alarm_meanings: bool = assumed(
        True,
        "AL_EOIST: empty; AL_LBTAC: battery low; AL_DRDIS, AL_SYRCO: the syringe is not held. The words are public, "
        "these meanings are not. False: all of them are faults.",
    )
    remark_words: tuple[str, ...] = assumed(
        ("AL_VTBIS",),
        "These words are notices, not alarms: AL_VTBIS, that the volume was delivered and the pump stopped. Other "
        "unexplained words are faults.",
    )
