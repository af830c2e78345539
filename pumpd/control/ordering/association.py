"""Which patient each pump is associated with, kept in the journal and found there again after a restart (PRG-21).

Promises:
- It is set by a person's act alone, and stays until another act takes its place.
- While an infusion is under way on the pump it can become its patient's, and no other's or nobody's.
- It holds at once, so that no order for another slips in while it is being written. The intent of a start goes to the
  disk after it. What the disk does not take leaves the pump nobody's.
"""

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import RefusedError
from pumpd.dosing.prescription import is_token
from pumpd.journal import Entry, JournalError, JournalReader
from pumpd.journal.writer import JournalWriter

CHANGED = "association_changed"
NO_TOKEN = "no patient token, of letters, figures and . _ @ -; never a name"  # noqa: S105  # nobody's secret


async def associate(runner: PumpService, patient: str | None, by: str, journal: JournalWriter, now_ns: int) -> None:
    """Make this the pump's patient; None: nobody. Raises RefusedError."""
    if patient is not None and not is_token(patient):
        raise RefusedError(f"patient: this is {NO_TOKEN}")
    if runner.active and runner.infusion and patient != runner.infusion.patient:
        raise RefusedError(f"patient: {runner.name} has an infusion; until it has ended, its patient stays as it is")
    body = {"patient": patient, "before": runner.patient or None, "by": by}
    runner.patient = patient or ""
    try:
        await journal.append([Entry(CHANGED, body, runner.name, "", now_ns)])
    except JournalError as error:
        runner.patient = ""
        raise RefusedError(
            f"journal: {error}; {runner.name} is nobody's until it can be written whose it is"
        ) from error


def find(reader: JournalReader, pump: str) -> str:
    """The pump's patient as the journal has it; empty, nobody. Raises JournalError."""
    row = reader.newest(CHANGED, pump)
    return "" if row is None else str(row.fields.get("patient") or "")
