"""What a pump reported at one instant, with the instants at which it was asked and at which it answered."""

from dataclasses import dataclass, field
from enum import StrEnum

from pumpd.pump.alarms import PumpAlarm
from pumpd.quantities import Rate, Volume
from pumpd.text import shown


class PumpState(StrEnum):
    """The pump's own state, in the words that all families share."""

    STOPPED = "stopped"
    PAUSED = "paused"
    INFUSING = "infusing"
    WITHDRAWING = "withdrawing"
    PURGING = "purging"  # bolus or purge: flow that pumpd never commands (PRG-15)
    WAITING = "waiting"  # for a time or a trigger: it may start by itself
    ALARM = "alarm"  # stopped by itself; the alarms say why

    @property
    def flowing(self) -> bool:
        return self in (PumpState.INFUSING, PumpState.WITHDRAWING, PumpState.PURGING)

    @property
    def no_flow(self) -> bool:
        """No flow, and none will begin by itself. A waiting pump may start at any moment, so it is not included."""
        return self in (PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM)


@dataclass(frozen=True, slots=True)
class PumpClock:
    """What the pump's own clock showed, in seconds since 1970 UTC, at a monotonic instant."""

    unix_s: int
    answered_ns: int

    def ahead_s(self, now_ns: int, unix_ns: int) -> int:
        """How far it is ahead of a clock that shows `unix_ns` at another instant, if both run equally fast.

        It showed whole seconds, so it was half a second later on average, and this is the nearest whole second.
        """
        shows_ns = self.unix_s * 10**9 + 5 * 10**8 + now_ns - self.answered_ns
        return round((shows_ns - unix_ns) / 10**9)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the pump reports about itself. `serial` and `clock` are None for a family that does not report them."""

    model: str
    firmware: str
    serial: str | None = None
    clock: PumpClock | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", shown(self.model))
        object.__setattr__(self, "firmware", shown(self.firmware))
        object.__setattr__(self, "serial", None if self.serial is None else shown(self.serial))


@dataclass(frozen=True, slots=True)
class Reading:
    """One poll of the pump. Instants are monotonic nanoseconds.

    `rate` is the rate that the pump holds for the running step; `delivered` counts from when the program was loaded.
    `mains`: whether it runs on mains power; `battery_left_min`: how long its battery lasts. None: not reported.
    """

    asked_ns: int
    answered_ns: int
    state: PumpState
    rate: Rate
    delivered: Volume
    alarms: tuple[PumpAlarm, ...] = ()
    pressure_mmhg: int | None = None
    battery_percent: int | None = None
    mains: bool | None = None
    battery_left_min: int | None = None
