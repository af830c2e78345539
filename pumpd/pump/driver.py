"""The driver API: what pumpd requires of a pump family, and the registry of the installed ones.

Promises that every driver keeps (the conformance suite checks them):
- No method but `start` makes a pump flow, and `start` is sent at most once per call, whatever the replies are.
- `stop` goes out on the link's priority lane and may be called at any time, also while another call waits.
- A command ends as Done, Refused (certainly not done) or Unknown; a late or foreign reply never makes it Done.
- A driver reports what the pump itself replied, never what was sent to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from pumpd.pump.capabilities import Assumption, Capabilities
from pumpd.pump.marks import Mark
from pumpd.pump.outcome import Outcome
from pumpd.pump.program import Container, PumpProgram
from pumpd.pump.reading import Identity, Reading
from pumpd.quantities import Duration, Length

ENTRY_POINT_GROUP = "pumpd.drivers"

Tap = Callable[[str, bytes, int], None]  # "out" or "in", the bytes, monotonic nanoseconds


@dataclass(frozen=True, slots=True)
class StopFrames:
    """The frames that stop one pump, and no other on its line, for a writer that reads no replies: the deadman.

    It writes them in this order, at least `gap_s` apart, and all of them again every 0.5 s; in the first second at once
    and without a pause, so the frame that stops must come every 0.15 s. They do nothing to a stopped pump, and none of
    them disarms a watchdog or keeps one from ending a flow.
    """

    frames: tuple[bytes, ...]
    gap_s: float = 0.1


@runtime_checkable
class Driver(Protocol):
    """One pump on one open link."""

    @property
    def connections(self) -> int:
        """How often the port was opened. After a change another pump may answer: the caller must identify it again
        first, and until then `load` and `start` are refused (COM-10).
        """
        ...

    @property
    def taps(self) -> list[Tap]:
        """Callbacks that receive all bytes of the port, in both directions. Add and remove freely."""
        ...

    @property
    def stop_frames(self) -> StopFrames | None:
        """For the present pump, once a program is loaded: what the deadman writes when permission lapses.

        None when stopping it needs a dialogue; then the capabilities do not include `deadman`.
        """
        ...

    @property
    def longest_call_s(self) -> float:
        """No call of this driver takes longer, however late the pump answers: this distinguishes a hung driver from a
        slow pump. The time that a call waits for other pumps on the port is not included.
        """
        ...

    def fileno(self) -> int | None:
        """The descriptor of the open port, for the deadman to duplicate; None when there is none."""
        ...

    async def identify(self) -> Outcome[Identity]:
        """Bring the pump to a known mode, acknowledge what it reports since power-up, and identify it."""
        ...

    async def read(self) -> Outcome[Reading]:
        """Ask the pump for state, rate, delivered volume and alarms. Safe to repeat; changes nothing."""
        ...

    async def load(self, program: PumpProgram) -> Outcome[None]:
        """Write the whole program and clear the counters. Refused when the pump is not idle or a value does not fit."""
        ...

    async def read_back(self) -> Outcome[PumpProgram]:
        """Ask the pump for every value that `load` wrote."""
        ...

    async def start(self, watchdog: Duration) -> Outcome[None]:
        """Read the program back, arm the pump's own watchdog where it has one, then start. Sent once, never again.

        Refused when the pump holds anything else than what was loaded, and when nothing was.
        """
        ...

    async def stop(self) -> Outcome[None]:
        """End all flow and leave nothing that a key at the pump would resume. Overtakes everything queued."""
        ...

    async def release(self) -> Outcome[None]:
        """After the end: disarm the watchdog so that an idle pump does not alarm."""
        ...

    async def signal(self, times: int) -> Outcome[None]:
        """Let a person beside the pump see or hear `signals` this many times. Refused where the family cannot.

        Moves nothing and changes nothing that a program needs. Called only while the pump is stopped.
        """
        ...

    async def close(self) -> None:
        """Release the port. Sends nothing: from then on the loss-of-control behaviour ends a flow."""
        ...


class DriverFamily(Protocol):
    """What an entry point of the group `pumpd.drivers` resolves to: a class that describes its family and opens
    drivers.
    """

    family: ClassVar[str]
    title: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    assumptions: ClassVar[tuple[Assumption, ...]]
    monitor_only: ClassVar[bool]  # True: pumps of this family are only read, never commanded
    syringes: ClassVar[Mapping[str, Length]]  # inner diameters that the maker lists by name; may be empty
    marks: ClassVar[tuple[Mark, ...]]  # how its pumps show which one they are, the strongest first; may be empty
    signals: ClassVar[str]  # what `signal` does, such as "the light on the board blinks"; empty: nothing

    @classmethod
    def own_address(cls, settings: Mapping[str, Any]) -> str | None:
        """The network address that a pump must have been given to answer with these settings. None for a family
        without addresses, and for the address that every new pump has.
        """
        ...

    @classmethod
    def reports_serial(cls, settings: Mapping[str, Any]) -> bool:
        """Whether a pump with these settings reports its serial number, if `marks` has that."""
        ...

    @classmethod
    def capabilities(cls, container: Container, settings: Mapping[str, Any]) -> Capabilities:
        """Limits of this family for a container. Raises ValueError that names the field for unusable settings."""
        ...

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Raise ValueError that names every setting that is unknown or unusable."""
        ...

    @classmethod
    async def connect(cls, port: str, settings: Mapping[str, Any]) -> "Driver":
        """Open the port exclusively and return a driver on it. Raises OSError when the port is not available."""
        ...


class UnknownFamilyError(LookupError):
    """No installed distribution offers that driver family. The message lists the installed ones."""


@cache
def families() -> Mapping[str, EntryPoint]:
    """Installed driver families by name, not yet loaded.

    Looked up once in a process, because that reads a file of every installed package: orders and starts wait for none.
    """
    found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    return MappingProxyType({point.name: point for point in found})


def family(name: str) -> type[DriverFamily]:
    """The family of that name. Raises UnknownFamilyError."""
    found = families()
    if name not in found:
        raise UnknownFamilyError(f"driver {name!r} is not installed; installed: {', '.join(found) or 'none'}")
    loaded: type[DriverFamily] = found[name].load()
    return loaded
