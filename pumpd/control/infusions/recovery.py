"""After a restart: what the journal says was under way on each pump, taken up again as it was (PWR-02 to PWR-06).

The journal holds each infusion as it began and every event since, so the fold of `advance` over them is what the dead
process knew. Nothing is carried out here: the actions of the past were carried out, or were not, and the pump tells.

Instants of another boot of this machine are moved by the wall clock. Where that went backwards nobody can say how long
ago it was: then it was so long ago that every window is over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pumpd.control.infusions.deadman import on_port
from pumpd.dosing import Library, Prescription, RateProgram, Refusals, plan
from pumpd.host.clock import Clock
from pumpd.infusion import Infusion, advance
from pumpd.infusion import events as ev
from pumpd.infusion.record import RecordError, event_from_data, infusion_from_data
from pumpd.journal import JournalReader, Record
from pumpd.pump import Capabilities, DriverFamily
from pumpd.quantities import NS_PER_S
from pumpd.settings import PumpSettings

LOOK_BACK = 500  # rows of one kind
LONG_AGO_NS = 24 * 3600 * NS_PER_S
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine_boot() -> str:
    """The kernel's word for this boot of the machine: with it, monotonic instants of two processes compare."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Recovered:
    """An infusion that had not ended. Without a program (something has changed) it can be stopped, not resumed."""

    infusion: Infusion
    program: RateProgram | None
    capabilities: Capabilities | None
    moved_ns: int = 0  # by which its instants were moved

    @property
    def session(self) -> str:
        return self.infusion.place.session


class DamagedError(Exception):
    """The journal does not tell what was under way on a pump. The message says which row and why."""


def recover(
    reader: JournalReader, pump: PumpSettings, family: type[DriverFamily], library: Library, clock: Clock
) -> Recovered | None:
    """What was under way on this pump, or None when nothing was. Raises DamagedError, JournalError."""
    began = next((row for row in reversed(reader.last(LOOK_BACK, "began")) if row.pump == pump.name), None)
    if began is None or began.session in {row.session for row in reader.last(LOOK_BACK, "infusion_ended")}:
        return None
    order, infusion, remainders, last = _folded(reader, began)
    if infusion.state.ended:
        return None
    program, capabilities = _planned(order, remainders, infusion, family, pump, library)
    moved_ns = gone_since(reader, last, clock)
    return Recovered(infusion.moved(moved_ns), program, capabilities, moved_ns)


def last_loaded(reader: JournalReader, pump: str) -> str:
    """The session whose program this pump took last, or "" when pumpd never gave it one. Raises JournalError."""
    began = reader.newest("began", pump)
    while began is not None:
        for row in reader.of_pump(pump, began.id):
            if row.session == began.session and row.kind == "program_loaded":
                return row.session
            if row.session == began.session and row.kind == "infusion_ended":
                break
        began = reader.newest("began", pump, before=began.id)
    return ""


def _rows_from(reader: JournalReader, row: Record) -> Iterator[Record]:
    number = row.id - 1
    while rows := reader.after(number, 1000):
        yield from rows
        number = rows[-1].id


def _folded(reader: JournalReader, began: Record) -> tuple[Mapping[str, Any], Infusion, list[ev.PlanRemainder], Record]:
    """The order, the infusion after its last event, every remainder that was planned, and the row of that event."""
    row = began
    try:
        infusion = infusion_from_data(began.fields["infusion"])
        order: Mapping[str, Any] = began.fields["order"]
        remainders: list[ev.PlanRemainder] = []
        last = began
        for row in _rows_from(reader, began):
            if row.session != began.session:
                continue
            if row.kind == "recovered":
                infusion = infusion.moved(row.fields.get("moved_ns", 0))
            if row.kind != "happened":
                continue
            infusion, actions = advance(infusion, event_from_data(row.fields))
            remainders += [action for action in actions if isinstance(action, ev.PlanRemainder)]
            last = row
    except (RecordError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"journal row {row.id} ({row.kind}) cannot be understood: {error}") from error
    return order, infusion, remainders, last


def _planned(
    order: Mapping[str, Any],
    remainders: list[ev.PlanRemainder],
    infusion: Infusion,
    family: type[DriverFamily],
    pump: PumpSettings,
    library: Library,
) -> tuple[RateProgram | None, Capabilities | None]:
    """The program as it was planned, when library and limits still give the very same one."""
    try:
        fields = {key: value for key, value in order.items() if key != "overrides"}
        prescription = Prescription.from_text(fields, library=library, order=True)
        given = family.capabilities(library.containers[prescription.container], pump.settings)
        capabilities = on_port(given, pump.port)
        program: RateProgram | None = plan(prescription, library, capabilities, dict(order.get("overrides") or {}))
        for remainder in remainders:
            program = program and (program.remainder(remainder.delivered, capabilities) or program)
    except (Refusals, ValueError, KeyError):
        return None, None
    if program is None or program.digest != infusion.segment.digest:
        return None, None
    return program, capabilities


def gone_since(reader: JournalReader, last: Record, clock: Clock) -> int:
    """By how much the instants of that row's process are to be moved, to be instants of this one's."""
    starts = [row for row in reader.last(LOOK_BACK, "control_started") if row.boot == last.boot]
    if starts and starts[-1].fields.get("machine_boot") == machine_boot() != "":
        return 0
    gone_s = (clock.now() - datetime.fromisoformat(last.ts)).total_seconds()
    gone_ns = int(gone_s * NS_PER_S) * clock.scale if gone_s >= 0 else LONG_AGO_NS
    return clock.monotonic_ns() - gone_ns - last.mono_ns
