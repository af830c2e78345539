"""Faults: what can go wrong with a simulated pump, and the text that describes it (`occlusion@12min`).

`KIND[:DETAIL][#UNIT][@WHEN][/DURATION]`, for example `silence@5min/30s`, `front-panel:rate=80@10min`, `air#2@5mL`,
`lost-reply:start`.

- WHEN is infusion time (plant seconds since that unit's motor first ran) or the volume really delivered since then.
  Without it the fault comes at once.
- DETAIL depends on the kind: a time, a key, a volume, a word, or the operation that a line fault waits for.
- DURATION is plant time for mechanical faults and real time for faults of the line or the supply, because real
  time-outs detect those. Without it the kind's default applies.

A quirk, `KIND[=DETAIL]` (`latency=16ms`), is a fault of the line or the adapter that is there from the beginning and
stays: what a certain cable, converter or port does every day.
"""

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pumpd_simulators.device import Operation


class Kind(StrEnum):
    OCCLUSION = "occlusion"
    STALL = "stall"
    POWER_CUT = "power-cut"
    SILENCE = "silence"
    GARBLED = "garbled"
    LOST_REPLY = "lost-reply"
    DELAYED_REPLY = "delayed-reply"
    FRONT_PANEL = "front-panel"
    DISCONNECT = "disconnect"
    AIR = "air"
    DOOR = "door"
    EMPTY = "empty"
    MAINS = "mains"
    BATTERY = "battery"
    FREE_FLOW = "free-flow"
    HANG = "hang"
    DUPLICATED_REPLY = "duplicated-reply"
    SPLIT_REPLY = "split-reply"
    LOST_REQUEST = "lost-request"
    CRASH_AFTER = "crash-after"
    HUB_RESET = "hub-reset"
    ECHO = "echo"
    SHORTED = "shorted"
    LATENCY = "latency"
    DTR_RESET = "dtr-reset"
    XON_XOFF = "xon-xoff"
    PARITY = "parity"
    CR_NUL = "cr-nul"
    NUL = "nul"
    SECOND_READER = "second-reader"


@dataclass(frozen=True, slots=True)
class KindFacts:
    """`default_s` is the duration if none is given; None: until cleared, or momentary."""

    meaning: str
    default_s: float | None
    lasts: bool = True  # whether a duration makes sense


FACTS: dict[Kind, KindFacts] = {
    Kind.OCCLUSION: KindFacts("the tube is closed; pressure rises until the motor stalls", None),
    Kind.STALL: KindFacts("the motor cannot turn", None),
    Kind.POWER_CUT: KindFacts("the pump loses its supply and gets it back", 5.0),
    Kind.SILENCE: KindFacts("the line carries nothing in either direction", 30.0),
    Kind.GARBLED: KindFacts("one byte is changed in half of all packets, in either direction", 10.0),
    Kind.LOST_REPLY: KindFacts("the next reply, or the next to an operation, is lost (with a duration: all)", None),
    Kind.DELAYED_REPLY: KindFacts("replies come late, by the detail (2s)", 10.0),
    Kind.FRONT_PANEL: KindFacts("a person presses a key: rate=VALUE, rate=150%, stop, start, ...", None, lasts=False),
    Kind.DISCONNECT: KindFacts("the cable is pulled and plugged in again", 2.0),
    Kind.AIR: KindFacts("a bubble of the detail's volume (0.2mL) enters the tube", None, lasts=False),
    Kind.DOOR: KindFacts("door or syringe holder open", None),
    Kind.EMPTY: KindFacts("the container holds only the detail's volume (0mL)", None, lasts=False),
    Kind.MAINS: KindFacts("mains power fails; the pump runs on its battery", None),
    Kind.BATTERY: KindFacts("the battery is at the detail's percentage (10%)", None, lasts=False),
    Kind.FREE_FLOW: KindFacts("gravity flow past the motor, at the detail's rate in mL/h (600)", None),
    Kind.HANG: KindFacts("the pump ignores its line and its keys; the motor continues", 10.0),
    Kind.DUPLICATED_REPLY: KindFacts("every reply comes twice", 10.0),
    Kind.SPLIT_REPLY: KindFacts("replies come byte by byte, with gaps of the detail (20ms)", 10.0),
    Kind.LOST_REQUEST: KindFacts("the next packet to the pump is lost (with a duration: all of them)", None),
    Kind.CRASH_AFTER: KindFacts("the pump's processor restarts after the detail's operation, without a reply", 1.0),
    Kind.HUB_RESET: KindFacts(
        "all ports of the bench vanish together and come back; swapped: each with the next pump", 2.0
    ),
    Kind.ECHO: KindFacts("the adapter sends every byte of the host back to it", None),
    Kind.SHORTED: KindFacts("send and receive are connected: the host hears itself, and the pump nothing", None),
    Kind.LATENCY: KindFacts("the adapter passes replies on in batches, after the detail (16ms)", None),
    Kind.DTR_RESET: KindFacts("opening the port restarts the pump, which takes the detail (1s)", None),
    Kind.XON_XOFF: KindFacts("the adapter swallows the bytes 0x11 and 0x13, in either direction", None),
    Kind.PARITY: KindFacts("the pump sends 7E1 to a host at 8N1: bit 7 of its bytes is their parity", None),
    Kind.CR_NUL: KindFacts("a NUL follows every CR from the pump, as on a Telnet line", None),
    Kind.NUL: KindFacts("a NUL comes before each reply, the first one, inside each, or before the first command", None),
    Kind.SECOND_READER: KindFacts("another program reads the port, and takes bytes of this many replies (50%)", None),
}
QUIRKS = (
    Kind.ECHO,
    Kind.SHORTED,
    Kind.LATENCY,
    Kind.DTR_RESET,
    Kind.XON_XOFF,
    Kind.PARITY,
    Kind.SPLIT_REPLY,
    Kind.DELAYED_REPLY,
    Kind.DUPLICATED_REPLY,
    Kind.LOST_REQUEST,  # the first one
    Kind.CR_NUL,
    Kind.NUL,
    Kind.SECOND_READER,
)

DEFAULT_KEY = "rate=150%"
_DEFAULT_NUMBER = {
    Kind.AIR: 0.2,
    Kind.EMPTY: 0.0,
    Kind.BATTERY: 10.0,
    Kind.FREE_FLOW: 600.0,
    Kind.SECOND_READER: 50.0,
}
_UNIT = {Kind.AIR: "mL", Kind.EMPTY: "mL", Kind.BATTERY: "%", Kind.FREE_FLOW: "mL/h", Kind.SECOND_READER: "%"}
_DEFAULT_S = {Kind.DELAYED_REPLY: 2.0, Kind.SPLIT_REPLY: 0.02, Kind.LATENCY: 0.016, Kind.DTR_RESET: 1.0}
_WORDS = {Kind.NUL: ("each", "first", "inside", "command"), Kind.HUB_RESET: ("swapped",)}

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_TIME = re.compile(r"(?P<number>\d{1,6}(?:\.\d{1,3})?)(?P<unit>ms|s|min|h)", re.ASCII)
_VOLUME = re.compile(r"(?P<number>\d{1,4}(?:\.\d{1,3})?)mL", re.ASCII)
_FAULT = re.compile(
    r"(?P<kind>[a-z-]+)(?::(?P<detail>[^@#/]+))?(?:#(?P<unit>[1-9]\d?))?(?:@(?P<at>[^/]+))?(?:/(?P<duration>.+))?",
    re.DOTALL | re.ASCII,
)
_KEY = re.compile(r"(?P<key>[a-z]+)(?:=(?P<value>\d{1,4}(?:\.\d{1,3})?%?))?", re.ASCII)
MOST_UNITS = 99


class FaultError(ValueError):
    """Text or a request that describes no known fault; the message lists what is accepted."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The nearest known words as part of a message, or nothing."""
    near = difflib.get_close_matches(given, list(known))
    return f", did you mean {' or '.join(near)}?" if near else ""


def seconds(text: str, what: str) -> float:
    """`12min`, `90s`, `1.5h` or `500ms` in seconds."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise FaultError(f"{what} {text!r} is not a time; accepted: a number with ms, s, min or h, such as 12min")
    return float(match["number"]) * _SECONDS[match["unit"]]


def _when(text: str) -> float:
    if _TIME.fullmatch(text) is None:
        raise FaultError(
            f"the fault's time {text!r} is not known; accepted: infusion time in ms, s, min or h, such as 12min, "
            "or a delivered volume, such as 5mL"
        )
    return seconds(text, "the fault's time")


def _time_text(wanted_s: float) -> str:
    """The text that `seconds` reads as exactly this time; otherwise the nearest one."""
    for unit, size_s in sorted(_SECONDS.items(), key=lambda item: item[0] != "s"):  # in seconds if possible
        text = f"{_plain(wanted_s / size_s)}{unit}"
        if _TIME.fullmatch(text) and seconds(text, "time") == wanted_s:
            return text
    return f"{_plain(wanted_s)}s"


def _plain(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def key_press(text: str) -> tuple[str, str | None]:
    """`rate=80` as ("rate", "80"); the device decides which keys there are."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise FaultError(f"key {text!r} is not known; accepted: a key such as stop, or KEY=VALUE such as rate=80")
    return match["key"], match["value"]


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    at_s: float | None = None  # infusion time; None: now
    duration_s: float | None = None
    detail: str | None = None
    at_ml: float | None = None  # volume really delivered; None: not by volume
    unit: int = 1

    def __post_init__(self) -> None:
        facts = FACTS[self.kind]
        if not 1 <= self.unit <= MOST_UNITS:
            raise FaultError(f"unit {self.unit} is not between 1 and {MOST_UNITS}")
        if self.at_s is not None and self.at_ml is not None:
            raise FaultError(f"{self.kind} comes at a time or at a volume, not at both")
        if self.duration_s is not None and not facts.lasts:
            raise FaultError(f"{self.kind} is momentary and takes no duration")
        if self.duration_s is not None and not self.duration_s > 0:
            raise FaultError(f"the duration of {self.kind} must be above 0")
        if self.kind is Kind.FRONT_PANEL:
            key_press(self.detail or DEFAULT_KEY)
        elif self.kind in _DEFAULT_S:
            _ = self.detail_s
        elif self.kind in _WORDS:
            if self.detail not in (None, *_WORDS[self.kind]):
                known = ", ".join(_WORDS[self.kind])
                raise FaultError(f"{self.kind} takes one of {known} as its detail, not {self.detail!r}")
        elif self.kind in _DEFAULT_NUMBER:
            _ = self.number
        elif self.kind is Kind.CRASH_AFTER or (self.kind is Kind.LOST_REPLY and self.detail is not None):
            _ = self.operation
        elif self.detail is not None:
            raise FaultError(f"{self.kind} takes no detail, but {self.detail!r} was given")

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Raises FaultError, which lists what is accepted."""
        match = _FAULT.fullmatch(text)
        if match is None:
            raise FaultError(f"fault {text!r} is not KIND[:DETAIL][#UNIT][@WHEN][/DURATION], such as occlusion@12min")
        return cls.of(match["kind"], match["at"], match["duration"], match["detail"], int(match["unit"] or 1))

    @classmethod
    def quirk(cls, text: str) -> "Fault":
        """From `KIND[=DETAIL]`: from now on, until it is cleared. Raises FaultError."""
        kind, _, detail = text.partition("=")
        if kind not in QUIRKS:
            raise FaultError(f"quirk {kind!r} is not known{did_you_mean(kind, QUIRKS)}; known: {', '.join(QUIRKS)}")
        return cls(Kind(kind), None, None if kind == Kind.LOST_REQUEST else math.inf, detail or None)

    @classmethod
    def of(
        cls, kind: str, at: str | None = None, duration: str | None = None, detail: str | None = None, unit: int = 1
    ) -> "Fault":
        """From its parts as texts, as the control port receives them."""
        if kind not in set(Kind):
            raise FaultError(f"fault kind {kind!r} is not known{did_you_mean(kind, Kind)}; known: {', '.join(Kind)}")
        volume = _VOLUME.fullmatch(at) if at is not None else None
        return cls(
            Kind(kind),
            None if at is None or volume else _when(at),
            None if duration is None else seconds(duration, "the fault's duration"),
            detail,
            float(volume["number"]) if volume else None,
            unit,
        )

    @property
    def waits(self) -> bool:
        """Whether it comes at a time or a volume, not at once."""
        return self.at_s is not None or self.at_ml is not None

    @property
    def number(self) -> float:
        """The detail as a number in the kind's unit, or the kind's default."""
        unit = _UNIT[self.kind]
        if self.detail is None:
            return _DEFAULT_NUMBER[self.kind]
        text = self.detail.removesuffix(unit)
        if re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text, re.ASCII) is None:
            raise FaultError(f"{self.kind} takes a number of {unit} as its detail, not {self.detail!r}")
        return float(text)

    @property
    def operation(self) -> Operation:
        """The operation that a line fault waits for."""
        if self.detail not in set(Operation):
            given = "none" if self.detail is None else repr(self.detail)
            raise FaultError(
                f"{self.kind} takes an operation as its detail, not {given}; known: {', '.join(Operation)}"
            )
        return Operation(self.detail)

    @property
    def lasting_s(self) -> float | None:
        """How long it lasts: as given, or the kind's default."""
        return self.duration_s if self.duration_s is not None else FACTS[self.kind].default_s

    @property
    def detail_s(self) -> float:
        """The detail as a time in seconds, or the kind's default."""
        return seconds(self.detail, f"the detail of {self.kind}") if self.detail else _DEFAULT_S[self.kind]

    @property
    def key(self) -> tuple[str, str | None]:
        return key_press(self.detail or DEFAULT_KEY)

    def __str__(self) -> str:
        return "".join(
            (
                self.kind,
                f":{self.detail}" if self.detail else "",
                f"#{self.unit}" if self.unit != 1 else "",
                "" if self.at_ml is None else f"@{_plain(self.at_ml)}mL",
                "" if self.at_s is None else f"@{_time_text(self.at_s)}",
                "" if self.duration_s in (None, math.inf) else f"/{_time_text(self.duration_s)}",
            )
        )
