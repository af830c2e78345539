"""What Dianet Star frames carry: segments, their fields in wire order, and the name of each bit and code.

Source: the family's protocol sheet (dianet-star.md) and the public headers that it names. Numbers are big-endian;
rates are in units of 0.01 mL/h, volumes of 0.1 mL. All bits set means "leave unchanged" in a setting and "none" in a
reply.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar, Self

from pumpd.texts import text

LEAVE_8, LEAVE_16, LEAVE_32 = 0xFF, 0xFFFF, 0xFFFFFFFF
NAME_LENGTH, HISTORY_LENGTH = 20, 10
SERIAL_BITS = 18  # the low bits of the ident number; the bits above are the type


class Word(IntEnum):
    """Segments. Those below 0x10 are read, the others are written."""

    NONE = 0x00  # in the reply to a frame whose segment could not be read
    IDENT = 0x01
    STATUS = 0x02
    ACTUAL = 0x03
    SETPOINT = 0x04
    PROPOSAL = 0x05
    LIMITS = 0x06
    DOSE = 0x07
    HISTORY = 0x08
    RELOAD = 0x09
    CC_MODE = 0x10
    ACTION = 0x11
    SET_SETPOINT = 0x12
    SET_PROPOSAL = 0x13
    SET_RELOAD = 0x14

    @classmethod
    def name_of(cls, segment: int) -> str:
        return next((word.name for word in cls if word == segment), f"{segment:#04x}")


class Mode(IntEnum):
    """The control token: who may operate the pump."""

    DOKU = 0  # the host only reads, people operate
    FERNSTEUER = 1  # remote control, the pump's keys stay active
    FERNREGEL = 2  # closed loop: the keys are blocked and the host must keep sending
    MONREQ = 3


class Action(IntEnum):
    START_STOP = 0x00
    ALARM_OFF = 0x01
    DATA_LOCK = 0x02
    CLEAR_TIME = 0x03
    CLEAR_VOLUME = 0x04
    MANUAL_BOLUS = 0x05
    VOLUME_BOLUS = 0x06
    DROP_CONTROL = 0x07
    STANDBY = 0x08
    CLEAR_HISTORY = 0x09
    DOSE_OFF = 0x0A
    INTERVAL_BOLUS_OFF = 0x0B


class Refusal(IntEnum):
    """Codes of a NAK."""

    CRC = 0x01
    FRAME = 0x02
    SEGMENT = 0x03
    USER = 0x04
    IDENT = 0x05
    RANGE = 0x06
    LENGTH = 0x07
    ADDRESS = 0x08
    MODE = 0x09
    CLOCK = 0x0B
    ACTION = 0x0C
    CONTEXT = 0x0D

    @classmethod
    def text_of(cls, code: int) -> str:
        known = (why for refusal, why in _REFUSALS.items() if refusal == code)
        why = next(known, text("dianet_star.not_public", "for a reason that is not public"))
        return text("dianet_star.refusal", "{why} ({code})", why=why, code=f"{code:#04x}")


_REFUSALS = {
    Refusal.CRC: text("dianet_star.crc", "the frame arrived damaged"),
    Refusal.FRAME: text("dianet_star.frame", "the frame is malformed"),
    Refusal.SEGMENT: text("dianet_star.segment", "it does not know the segment"),
    Refusal.USER: text("dianet_star.user", "its keys are in use"),
    Refusal.IDENT: text("dianet_star.ident", "the inverted ident number is wrong"),
    Refusal.RANGE: text("dianet_star.range", "a value is out of range"),
    Refusal.LENGTH: text("dianet_star.length", "the data has the wrong length"),
    Refusal.ADDRESS: text("dianet_star.address", "the address is wrong"),
    Refusal.MODE: text("dianet_star.mode", "not allowed in its present mode"),
    Refusal.CLOCK: text("dianet_star.clock", "the clock cannot be set now"),
    Refusal.ACTION: text("dianet_star.action", "the action cannot be done now"),
    Refusal.CONTEXT: text("dianet_star.context", "the values do not go together"),
}


class Alarm(IntFlag):
    SYRINGE = 1 << 0
    SYRINGE_PRE_ALARM = 1 << 1
    EMPTY = 1 << 2
    PRESSURE = 1 << 3
    AIR = 1 << 4
    DROPS = 1 << 5
    BATTERY_EMPTY = 1 << 6
    BATTERY_PRE_ALARM = 1 << 7
    DOOR = 1 << 8
    RATE_INVALID = 1 << 9
    REMINDER = 1 << 10
    STANDBY_END = 1 << 11
    VTBD_END = 1 << 12
    TIME_END = 1 << 13
    COMMUNICATION = 1 << 14
    KVO_END = 1 << 15
    KEY_IN_FERNREGEL = 1 << 16
    KVO_PRE_ALARM = 1 << 17
    MIN_PRESSURE = 1 << 18
    PCA_BUTTON = 1 << 19
    PCA_LIMIT = 1 << 20


class State(IntFlag):
    DOKU = 1 << 1
    FERNSTEUER = 1 << 2
    FERNREGEL = 1 << 3
    MAINS = 1 << 4
    STANDBY = 1 << 5
    RUN_READY = 1 << 6
    RUNNING = 1 << 7
    BOLUS_READY = 1 << 8
    BOLUS_MANUAL = 1 << 9
    BOLUS_VOLUME = 1 << 10
    OPERATED = 1 << 11  # the keys are in use
    BOLUS_INTERVAL = 1 << 12
    KVO = 1 << 13
    ALARM_MUTED = 1 << 14
    ALARM_SOUNDS = 1 << 15
    DATA_LOCK = 1 << 16
    DROPS_NOT_WATCHED = 1 << 17
    HISTORY = 1 << 18
    FAST_ADVANCE = 1 << 19
    HEAD_RETURNS = 1 << 20
    INTERVAL_BOLUS_SET = 1 << 22
    RELOAD = 1 << 24
    PIGGYBACK = 1 << 25
    PCA = 1 << 26
    PROFILE = 1 << 27
    RAMP_TAPER = 1 << 28
    DELAY = 1 << 29


class Segment:
    """Fields in wire order, packed as `LAYOUT` states."""

    __slots__ = ()
    LAYOUT: ClassVar[struct.Struct]
    __match_args__: ClassVar[tuple[str, ...]]  # each segment is a dataclass

    def to_data(self) -> bytes:
        return self.LAYOUT.pack(*(getattr(self, name) for name in type(self).__match_args__))

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Raises ValueError when the data has the wrong length for the segment."""
        if len(data) != cls.LAYOUT.size:
            raise ValueError(f"{cls.__name__} has {cls.LAYOUT.size} bytes, not {len(data)}")
        return cls(*cls.LAYOUT.unpack(data))


@dataclass(frozen=True, slots=True)
class Ident(Segment):
    LAYOUT = struct.Struct(">IH10sI")
    number: int
    protocol: int
    version: bytes
    unix_time_s: int

    @property
    def serial(self) -> int:
        return self.number & (1 << SERIAL_BITS) - 1

    @property
    def kind(self) -> int:
        return self.number >> SERIAL_BITS


@dataclass(frozen=True, slots=True)
class Status(Segment):
    LAYOUT = struct.Struct(">BIIIIH")
    request: int
    alarms: int
    state: int
    rate: int
    remaining_vtbd: int
    remaining_min: int


@dataclass(frozen=True, slots=True)
class Actual(Segment):
    LAYOUT = struct.Struct(">BIHHHHHHHH")
    pressure_percent: int
    infused: int
    infused_min: int
    interval_left_min: int
    battery_min: int
    standby_left_min: int
    syringe_ml: int
    interval_min: int
    interval_volume: int
    bolus_volume: int


@dataclass(frozen=True, slots=True)
class Setpoint(Segment):
    LAYOUT = struct.Struct(f">IIHIHBH{NAME_LENGTH}s")
    rate: int = LEAVE_32
    vtbd: int = LEAVE_32
    time_min: int = LEAVE_16
    bolus_rate: int = LEAVE_32
    bolus_volume: int = LEAVE_16
    pressure: int = LEAVE_8
    standby_min: int = LEAVE_16
    drug: bytes = b"\xff" * NAME_LENGTH


@dataclass(frozen=True, slots=True)
class Proposal(Segment):
    LAYOUT = struct.Struct(f">{NAME_LENGTH}sI")
    drug: bytes = b"\xff" * NAME_LENGTH
    rate: int = LEAVE_32


@dataclass(frozen=True, slots=True)
class Limits(Segment):
    LAYOUT = struct.Struct(">IBBIIBIBIHIHBIIII")
    bolus_max: int
    staff_call: int
    rate_places: int
    rate_max: int
    rate_min: int
    syringe_pre_alarm_min: int
    functions: int
    pressure_max: int
    vtbd_max: int
    bolus_volume_max: int
    bolus_min: int
    bolus_volume_min: int
    bolus_places: int
    ca_rate_max: int
    ca_rate_min: int
    cc_rate_max: int
    cc_rate_min: int


@dataclass(frozen=True, slots=True)
class Reload(Segment):
    """What follows once the VTBD has been delivered: a second step that the pump starts by itself."""

    LAYOUT = struct.Struct(">BII")
    active: int = LEAVE_8
    rate: int = LEAVE_32
    vtbd: int = LEAVE_32


@dataclass(frozen=True, slots=True)
class CcMode(Segment):
    LAYOUT = struct.Struct(">IBBI")
    inverted_ident: int
    mode: int
    address: int
    unix_time_s: int = LEAVE_32


@dataclass(frozen=True, slots=True)
class DoIt(Segment):
    LAYOUT = struct.Struct(">BB")
    action: int
    flag: int


DOSE_LAYOUT = struct.Struct(">HIBIBIIB")
HISTORY_LAYOUT = struct.Struct(">H" + "HI" * HISTORY_LENGTH)
