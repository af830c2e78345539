"""Which patient each pump is associated with, kept in the journal and found there again after a restart (PRG-21).

Promises:
- It is set by a person's act alone, counts once it is on the disk, and stays until another act takes its place.
- While an infusion is under way on the pump it can become its patient, and no other's or nobody's.
- While it is being written, the pump is nobody's: what is confirmed meanwhile does not start.
"""

from pumpd.control.refused import RefusedError
from pumpd.control.runner import PumpRunner
from pumpd.control.writer import JournalWriter
from pumpd.dosing.prescription import is_token
from pumpd.journal import Entry, JournalError, JournalReader

CHANGED = "association_changed"
NO_TOKEN = "no patient token, of letters, figures and . _ @ -; never a name"  # noqa: S105  # nobody's secret


async def associate(runner: PumpRunner, patient: str | None, by: str, journal: JournalWriter, now_ns: int) -> None:
    """Make this the pump's patient; None: nobody. Raises RefusedError."""
    if patient is not None and not is_token(patient):
        raise RefusedError(f"patient: this is {NO_TOKEN}")
    before, infusion = runner.patient, runner.infusion
    if runner.active and infusion and not (patient == infusion.patient and before in ("", patient)):
        raise RefusedError(f"patient: {runner.name} has an infusion; until it has ended, its patient stays as it is")
    body = {"patient": patient, "before": before or None, "by": by}
    runner.patient = ""
    try:
        await journal.append([Entry(CHANGED, body, runner.name, "", now_ns)])
    except JournalError as error:
        runner.patient = before
        raise RefusedError(f"journal: {error}; the patient of {runner.name} is who it was") from error
    runner.patient = patient or ""


def find(reader: JournalReader, pump: str) -> str:
    """The pump's patient as the journal has it; empty, nobody. Raises JournalError."""
    row = reader.newest(CHANGED, pump)
    return "" if row is None else str(row.fields.get("patient") or "")
