"""What a Harvard pump's prompt and `status` line mean as shared states and alarms.

Source: PHD Ultra user guide p. 83 (prompts) and p. 88 (`status`: fL/s, time, fL, flags, all of the present direction).
Where prompt and flags disagree about flow, it counts as flow.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from pumpd.pump import PumpAlarm, PumpState
from pumpd.quantities import Rate, Volume
from pumpd_drivers.harvard.codec import Garbage, Reply

# Flags: direction (upper case: running), limit switch, stall, trigger, direction port, target (not on PHD Ultra rev A).
SHAPE = re.compile(r" *(\d+) +(\d+) +(\d+) ([iIwW])([.iIwW])([.S])[.T][iIwW][.T]?", re.ASCII)
_MOVING_FLAGS = re.compile(rb"[IW][.iIwW][.S][.T]")

_ML_PER_FL = Decimal("1e-12")
_ML_H_PER_FL_S = Decimal("3.6e-9")
_SAME_RATE = Decimal("0.01")  # of the rate: the motor's steps and the shown digits are much finer


@dataclass(frozen=True, slots=True)
class Status:
    prompt: str
    flows: bool
    withdraws: bool
    flow_ml_h: Decimal
    displaced: Volume  # in the present direction, since cleared
    alarms: tuple[PumpAlarm, ...]

    @classmethod
    def of(cls, reply: Reply) -> "Status":
        match = reply.data(SHAPE)
        if match is None:
            raise ValueError(f"{reply} is no reply to status")
        direction, limit, stall = match[4], match[5].lower(), match[6]
        alarms: dict[PumpAlarm, None] = {}
        if stall == "S" or reply.prompt == "*":
            alarms[PumpAlarm.OCCLUSION] = None  # this pump detects a blocked line by its stalled motor
        if limit == "i" or reply.prompt == ">*":
            alarms[PumpAlarm.EMPTY] = None  # the plunger is at its end
        if limit == "w" or reply.prompt == "<*":
            alarms[PumpAlarm.PUMP_FAULT] = None
        return cls(
            prompt=reply.prompt,
            flows=direction.isupper() or reply.says_moving,
            withdraws=direction in "wW",
            flow_ml_h=Decimal(match[1]) * _ML_H_PER_FL_S,
            displaced=Volume(Decimal(match[3]) * _ML_PER_FL),
            alarms=tuple(alarms),
        )

    @property
    def stopped(self) -> bool:
        return not self.flows

    @property
    def state(self) -> PumpState:
        """`T*` is the regular end of a run: stopped."""
        if self.flows:
            return PumpState.WITHDRAWING if self.withdraws else PumpState.INFUSING
        return PumpState.ALARM if self.alarms else PumpState.STOPPED

    def rate(self, held: Rate) -> Rate:
        """The rate that the pump holds, unless it reports running at another one (a ramp, a withdrawal)."""
        if not self.flows or not self.flow_ml_h or abs(self.flow_ml_h - held.decimal) <= _SAME_RATE * held.decimal:
            return held
        return Rate(self.flow_ml_h.quantize(Decimal("1e-6")))


def shows_stopped(first: Reply | Garbage | Exception, status: Reply | Garbage) -> bool:
    """Whether what came after `stp` and then after `status` shows a stopped motor.

    If the status is not understood as a whole, both answers must show the prompt of a stopped motor: one damaged byte
    alone can turn `>` into `:`.
    """
    if _MOVING_FLAGS.search(status.raw):
        return False
    if isinstance(status, Reply) and status.data(SHAPE) is not None:
        return Status.of(status).stopped
    return not isinstance(first, Exception) and first.says_stopped and status.says_stopped
