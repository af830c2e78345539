"""After a restart: what the journal shows was under way on each pump, recovered as it was (PWR-02 to PWR-06).

The journal holds each infusion as it began and every event since, so folding it gives what the dead process knew.
Nothing is carried out here: past actions were carried out, or were not, and the pump's readings show which.

Instants of another boot of this machine are moved by the wall clock. Where that clock is not known to be right, or went
backwards, it is not known how long ago they were: then every window of an infusion counts as over, and an observation
continues as if the machine had not been off at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pumpd.control.infusions.deadman import on_port
from pumpd.dosing import Library, Prescription, RateProgram, Refusals, RestOrder, SoftLimit, plan, plan_rest
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion
from pumpd.infusion import events as ev
from pumpd.infusion.record import from_data
from pumpd.journal import JournalReader, Record
from pumpd.journal.fold import BEGAN, FoldError, begun, folded
from pumpd.pump import Capabilities, DriverFamily
from pumpd.quantities import NS_PER_S, Weight
from pumpd.settings import PumpSettings
from pumpd.texts import text

LOOK_BACK = 500  # entries of one kind
LONG_AGO_NS = 24 * 3600 * NS_PER_S
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_boot() -> str:
    """The kernel's ID of this boot of the machine: with it, monotonic instants of two processes compare."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Recovered:
    """An infusion that had not ended. Without a program (because something has changed) it can be stopped, not resumed.

    `failed`: pumpd failed on an event, so this is the state before that event; the infusion is stopped.
    """

    infusion: Infusion
    program: RateProgram | None
    capabilities: Capabilities | None
    moved_ns: int = 0  # by which its instants were moved
    failed: bool = False
    gone_known: bool = True  # for how long nothing watched it

    @property
    def without_program(self) -> "Recovered":
        return replace(self, program=None)

    @property
    def why_stopped(self) -> str:
        """Why it cannot continue at all; empty when a person may resume it."""
        if self.failed:
            return text("infusion.failed_event", "pumpd failed on an event of this infusion: it cannot continue")
        if self.program is None:
            return text(
                "infusion.changed", "pumpd, its configuration or the library has changed: the order cannot continue"
            )
        if not self.gone_known:
            return text(
                "infusion.gone_unknown",
                "the gateway was off, and its clock does not show for how long: the infusion cannot continue",
            )
        return ""

    @property
    def session(self) -> str:
        return self.infusion.place.session


class DamagedError(Exception):
    """The journal does not show what was under way on a pump. The message names the entry and says why."""


def recover(
    reader: JournalReader,
    pump: PumpSettings,
    family: type[DriverFamily],
    library: Library,
    clock: Clock,
    *,
    time_known: bool,
) -> Recovered | None:
    """What was under way on this pump, or None when nothing was. `time_known`: whether the wall clock is right now.

    Raises DamagedError, JournalError.
    """
    began = reader.newest(BEGAN, pump.name)
    ended = reader.newest("infusion_ended", pump.name)
    if began is None or (ended is not None and ended.session == began.session):
        return None
    past = _past(reader, began)
    if past.infusion.state.ended:
        return None
    program, capabilities = (None, None) if past.failed else _planned(past, family, pump, library)
    moved = moved_by(reader, past.last, clock, time_known=time_known)
    infusion = past.infusion.moved(moved.longest)
    return Recovered(infusion, program, capabilities, moved.longest, past.failed, moved.known)


def last_loaded(reader: JournalReader, pump: str) -> str:
    """The session whose program this pump took last, or "" when pumpd never gave it one. Raises JournalError."""
    entry = reader.newest("program_loaded", pump)
    return "" if entry is None else entry.session


@dataclass(frozen=True, slots=True)
class _Past:
    """An infusion after its last event, its order, every remainder that was planned, the entry of the last event, and
    whether pumpd failed on an event.
    """

    infusion: Infusion
    order: Mapping[str, Any]
    remainders: tuple[ev.PlanRemainder, ...]
    last: Record
    failed: bool


def _past(reader: JournalReader, began: Record) -> _Past:
    entry = last = began
    remainders: list[ev.PlanRemainder] = []
    failed = False
    try:
        infusion = begun(began)
        for entry in reader.events_of(began.session, began.id):
            infusion, step = folded(infusion, entry)
            if step is not None:
                last, failed = entry, failed or step.error is not None
                remainders += [action for action in step.actions if isinstance(action, ev.PlanRemainder)]
    except FoldError as error:
        raise DamagedError(
            text(
                "journal.not_understood",
                "journal entry {id} ({kind}) cannot be understood: {why}",
                id=entry.id,
                kind=entry.kind,
                why=error,
            )
        ) from error
    order = began.fields.get("order")
    if not isinstance(order, dict):
        raise DamagedError(
            text(
                "journal.no_order",
                "journal entry {id} ({kind}) cannot be understood: it contains no order",
                id=began.id,
                kind=began.kind,
            )
        )
    return _Past(infusion, order, tuple(remainders), last, failed)


def _planned(
    past: _Past, family: type[DriverFamily], pump: PumpSettings, library: Library
) -> tuple[RateProgram | None, Capabilities | None]:
    """The program as it was planned, if library and limits still give exactly the same one."""
    try:
        program, capabilities = _again(past.order, family, pump, library)
        for remainder in past.remainders:
            program = program and (program.remainder(remainder.delivered, capabilities) or program)
    except (Refusals, ValueError, KeyError, TypeError, AttributeError):
        return None, None
    if program is None or program.digest != past.infusion.segment.digest:
        return None, None
    return program, capabilities


def _again(
    asked: Mapping[str, Any], family: type[DriverFamily], pump: PumpSettings, library: Library
) -> tuple[RateProgram | None, Capabilities]:
    """Plan an order again, from what was asked. Raises Refusals, ValueError, KeyError, TypeError, AttributeError."""

    def limits(container: str) -> Capabilities:
        return on_port(family.capabilities(library.containers[container], pump.settings), pump.port)

    if "rest" in asked:
        rest = from_data(RestOrder, asked["rest"])
        capabilities = limits(rest.container or rest.prescription.container)
        return plan_rest(rest, library, capabilities), capabilities
    prescription = Prescription.from_text(asked_fields(asked), library=library, order=True)
    capabilities = limits(prescription.container)
    on_record = asked.get("on_record")
    weight = None if on_record is None else from_data(Weight, on_record)
    soft = [from_data(SoftLimit, each) for each in asked.get("soft") or ()]
    return plan(prescription, library, capabilities, dict(asked.get("overrides") or {}), soft, weight), capabilities


_ADDED = ("overrides", "soft", "on_record", "weight_from_record")


def asked_fields(order: Mapping[str, Any]) -> dict[str, object]:
    """The prescription as it was typed, without what control added to it."""
    return {key: value for key, value in order.items() if key not in _ADDED}


@dataclass(frozen=True, slots=True)
class Moved:
    """By how many nanoseconds to move instants of an earlier process to make them instants of this one's.

    `longest`, `shortest`: as if it had been gone as long, or as short, as possible. They are equal where that is known.
    """

    longest: int
    shortest: int

    @property
    def known(self) -> bool:
        return self.longest == self.shortest


def moved_by(reader: JournalReader, entry: Record, clock: Clock, *, time_known: bool) -> Moved:
    """For the instants of this entry and of its process. `time_known`: whether the wall clock is right now.

    Raises JournalError.
    """
    start = reader.start_of(entry.boot)
    if start is not None and start.fields.get("machine_boot") == machine_boot() != "":
        return Moved(0, 0)
    now_ns = clock.monotonic_ns()
    gone_ns = int((clock.now() - datetime.fromisoformat(entry.ts)).total_seconds() * NS_PER_S) * clock.scale
    if time_known and gone_ns >= 0:
        return Moved(now_ns - gone_ns - entry.mono_ns, now_ns - gone_ns - entry.mono_ns)
    return Moved(now_ns - LONG_AGO_NS - entry.mono_ns, now_ns - reader.last_of_process(entry).mono_ns)
