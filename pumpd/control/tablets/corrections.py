"""Two people correct when a dose began, where the clock was wrong (PRG-28).

Promises:
- Both have shown badge and PIN, are different people, and may confirm or prescribe.
- The correction is in the journal before it counts, and survives a restart.
- It moves one dose, within what the order of the journal's entries leaves possible; nothing is started by it.
"""

from datetime import datetime
from typing import Any

from pumpd import texts
from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.patient_history import PatientHistories, text_of
from pumpd.control.ordering.planning import Planning
from pumpd.control.refused import Permission, RefusedError, permitted_always
from pumpd.control.tablets.needs import EITHER
from pumpd.control.tablets.sign_in import SignInError, SignIns
from pumpd.control.tablets.staff import Person, StaffError
from pumpd.dosing.correction import objections
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.doses import CORRECTED
from pumpd.messages.requests import CorrectDose
from pumpd.quantities import NS_PER_S

COMMAND_LINE = "command line"  # where wrong PINs are counted, as for a tablet


class Corrections:
    def __init__(
        self, sign_ins: SignIns, past: DoseHistory, planning: Planning, histories: PatientHistories, clock: Clock
    ) -> None:
        self._sign_ins, self._past, self._planning = sign_ins, past, planning
        self._histories, self._clock = histories, clock

    async def of_two(self, asked: CorrectDose, peer: str) -> dict[str, Any]:
        """Correct it for two people who are at the gateway. Raises RefusedError."""
        try:
            first = await self._sign_ins.checked(COMMAND_LINE, asked.badge, asked.pin.get_secret_value())
        except (SignInError, StaffError) as error:
            raise RefusedError(texts.of_error(error)) from error
        return await self.correct(
            asked.session,
            asked.started,
            asked.reason,
            first,
            (COMMAND_LINE, asked.second_badge, asked.second_pin.get_secret_value()),
            f"{first}, {peer}",
        )

    async def correct(
        self,
        session: str,
        started: str,
        reason: str,
        first: Person,
        second: tuple[str, str, str],
        by: str,
        permitted: Permission = permitted_always,
    ) -> dict[str, Any]:
        """Correct it; `first` was checked already. `second`: where that person is, badge and PIN. Raises RefusedError.

        Returns the patient's history.
        """
        where, badge, pin = second
        if badge == first.badge:
            raise RefusedError(
                texts.text(
                    "history.second_badge",
                    "second: the second check needs another person; this badge is the first one's",
                )
            )
        try:
            other = await self._sign_ins.checked(where, badge, pin)
        except (SignInError, StaffError) as error:
            raise RefusedError(texts.of_error(error)) from error
        if other.is_also(first):
            raise RefusedError(
                texts.text(
                    "history.second_person",
                    "second: the second check needs another person; {other} is {first}",
                    other=other,
                    first=first,
                )
            )
        if unfit := [each for each in (first, other) if not set(each.roles) & set(EITHER.roles)]:
            raise RefusedError(
                *(
                    texts.text(
                        "history.no_role", "correct_dose: {name} has no role {role}", name=each.name, role=EITHER.text
                    )
                    for each in unfit
                )
            )
        await self._past.catch_up_session(session)
        # No wait from here on, until it is written.
        try:
            gone = [
                texts.text("history.removed_meanwhile", "correct_dose: {name} was removed meanwhile", name=each.name)
                for each in (first, other)
                if not self._there(each)
            ]
        except StaffError as error:
            raise RefusedError(texts.of_error(error)) from error
        if reasons := [*permitted(), *gone]:
            raise RefusedError(*reasons)
        dose = self._planning.dose(session)
        if dose is None:
            raise RefusedError(
                texts.text("history.no_dose", "session: no dose of {session} is on record", session=repr(session))
            )
        now_ns = self._planning.now_on(dose.pump)
        if now_ns is None:
            raise RefusedError(
                texts.text(
                    "history.clock_unknown",
                    "clock: the time is not known, so a dose cannot be dated; wait until it is (PWR-12)",
                )
            )
        started_ns = _instant(started)
        limits, corrected = self._past.possible(session, now_ns), self._past.corrected(session)
        if found := objections(dose, started_ns, reason, limits, now_ns, corrected=corrected):
            raise RefusedError(*(str(each) for each in found))
        body = {
            "started": text_of(started_ns),
            "before": text_of(dose.started_ns),
            "patient": dose.patient,
            "reason": reason.strip(),
            "by": by,
            "second": str(other),
        }
        await self._past.record(Entry(CORRECTED, body, dose.pump, session, self._clock.monotonic_ns()), dose.patient)
        return self._histories.now(dose.patient)

    def _there(self, person: Person) -> bool:
        return self._sign_ins.same(person) is not None


def _instant(text: str) -> int:
    """The instant in whole seconds, as nanoseconds since 1970. Raises RefusedError."""
    try:
        at = datetime.fromisoformat(text)
        if at.utcoffset() is None:
            raise ValueError("it has no offset")
        return int(at.timestamp()) * NS_PER_S
    except (ValueError, OverflowError, OSError) as error:
        accepted = texts.text(
            "accepted.date_and_time", "a date and a time with the offset from UTC, such as 2026-03-02T10:05:00+01:00"
        )
        raise RefusedError(
            texts.text(
                "history.started_is_not",
                "started: {started} is not {accepted} (PRG-28)",
                started=repr(text),
                accepted=accepted,
            )
        ) from error
