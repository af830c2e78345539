"""Which patient each pump is associated with, kept in the journal and recovered from it after a restart (PRG-21).

Promises:
- Only a person sets it, and it stays until a person replaces it.
- While an infusion is under way, the pump can be associated with the patient of that infusion only.
- It takes effect at once, so that no order for another patient slips in while it is being written. The intent of a
  start is written after it. If it cannot be written in time, the pump has no patient, and the journal records that too.
"""

import asyncio

from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.ordering.turns import WITHIN_S, Turns
from pumpd.control.refused import Permission, RefusedError
from pumpd.dosing.prescription import is_token
from pumpd.host.clock import Clock
from pumpd.journal import Entry, JournalError, JournalReader
from pumpd.journal.writer import JournalWriter
from pumpd.texts import of_error, text

CHANGED = "association_changed"
NO_TOKEN = text("patient.no_token", "no patient token: letters, digits and . _ @ - only, never a name")  # not a secret


class Associations:
    def __init__(self, journal: JournalWriter, clock: Clock) -> None:
        self._journal, self._clock, self._turns = journal, clock, Turns()

    async def change(self, runner: PumpService, patient: str | None, by: str, permitted: Permission) -> None:
        """Associate the pump with this patient; None: with no patient. Raises RefusedError."""
        if patient is not None and not is_token(patient):
            raise RefusedError(text("patient.this_is", "patient: this is {what}", what=NO_TOKEN))
        changed = False
        try:
            async with asyncio.timeout(WITHIN_S), self._turns.of(runner.name):
                if reasons := permitted():
                    raise RefusedError(*reasons)
                if runner.active and runner.infusion and patient != runner.infusion.patient:
                    raise RefusedError(
                        text(
                            "patient.has_infusion",
                            "patient: {pump} has an infusion; its patient cannot change until it has ended",
                            pump=runner.name,
                        )
                    )
                entry, changed = self._entry(runner, patient, by), True
                runner.patient = patient or ""
                await self._journal.append([entry])
        except (JournalError, TimeoutError) as error:
            why = of_error(error) or text("journal.disk_slow", "the disk takes too long")
            if not changed:
                raise RefusedError(
                    text(
                        "journal.patient_unchanged",
                        "journal: {why}; the patient of {pump} was not changed",
                        why=why,
                        pump=runner.name,
                    )
                ) from error
            self._journal.post([self._entry(runner, None, "pumpd")])
            runner.patient = ""
            raise RefusedError(
                text(
                    "journal.no_patient_now",
                    "journal: {why}; {pump} has no patient now; associate it again",
                    why=why,
                    pump=runner.name,
                )
            ) from error

    def _entry(self, runner: PumpService, patient: str | None, by: str) -> Entry:
        body = {"patient": patient, "before": runner.patient or None, "by": by}
        return Entry(CHANGED, body, runner.name, "", self._clock.monotonic_ns())


def find(reader: JournalReader, pump: str) -> str:
    """The pump's patient according to the journal; empty when it has none. Raises JournalError."""
    entry = reader.newest(CHANGED, pump)
    return "" if entry is None else str(entry.fields.get("patient") or "")
