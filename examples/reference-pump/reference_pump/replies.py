"""The meaning of the replies: results, the shape of each command's data, the status, who a pump is."""

import re
from dataclasses import dataclass
from enum import IntFlag

from pumpd.pump import Identity
from pumpd.quantities import Rate, Volume
from reference_pump import limits

DONE = 0
RESULTS = {
    1: "it does not know the command",
    2: "it does not understand the data",
    3: "a value is out of its range",
    4: "not while it infuses",
    5: "another pump is meant",
    6: "it holds another program",
    7: "it has no program that was not yet started, or an alarm",
}
NO_SERIAL = "FFFFFFFF"

NOTHING = re.compile("")
IDENTITY = re.compile(r"([0-9A-F]{8})([0-9A-F]{2})([0-9A-F]{2})([ -~]+)")
HELD = re.compile(r"([0-9A-F]{4})([0-9A-F]{8})([0-9A-F]{8})")
STATUS = re.compile(r"([01])([0-9A-F]{2})([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{2})")


class Flag(IntFlag):
    """Why the pump does not infuse; the next program clears them."""

    RESET = 0x01  # it has restarted
    LEASE_ENDED = 0x02
    STALLED = 0x04
    KEY_PRESSED = 0x08  # a person stopped it
    HUNG = 0x10  # its own hardware watchdog has reset it


@dataclass(frozen=True, slots=True)
class Status:
    flowing: bool
    flags: Flag
    rate: Rate
    delivered: Volume
    steps: int
    lease_s: int


def identity(found: re.Match[str]) -> Identity:
    serial, major, minor, model = found.groups()
    return Identity(model, f"{int(major, 16)}.{int(minor, 16)}", None if serial == NO_SERIAL else serial)


def status(found: re.Match[str]) -> Status:
    flowing, *numbers = (int(part, 16) for part in found.groups())
    flags, rate, volume, steps, lease = numbers
    return Status(bool(flowing), Flag(flags), limits.rate(rate), limits.volume(volume), steps, lease)
