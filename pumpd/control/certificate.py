"""When the certificate ends that bedside serves: shown 30 days before, an alarm in the last week.

Bedside reports it. It has a network, so it may be compromised: what it reports is shown and nothing more, and the alarm
is a LOW one.
"""

from datetime import datetime, timedelta

from pumpd.host.clock import Clock
from pumpd.host.instant import NS_PER_S
from pumpd.journal import Entry
from pumpd.journal.store import timestamp
from pumpd.journal.writer import JournalWriter
from pumpd.messages.state import CERTIFICATE_ENDING, CertificateState
from pumpd.pump import AlarmCode

ALARM = timedelta(days=7)
_AGAIN_NS = 24 * 3600 * NS_PER_S  # a journal entry a day, however often bedside reports


class CertificateWatch:
    def __init__(self, journal: JournalWriter, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._until: datetime | None = None
        self._noted_ns: int | None = None

    def served(self, until: datetime) -> None:
        """Bedside serves a certificate that is valid until then."""
        self._until = until
        left, now_ns = until - self._clock.now(), self._clock.loop_ns()
        if left <= CERTIFICATE_ENDING and (self._noted_ns is None or now_ns - self._noted_ns >= _AGAIN_NS):
            self._noted_ns = now_ns
            body = {"until": timestamp(until), "days": max(0, left.days)}
            self._journal.post([Entry("certificate_ending", body, "", "", self._clock.monotonic_ns())])

    def alarms(self) -> list[AlarmCode]:
        ending = self._until is not None and self._until - self._clock.now() <= ALARM
        return [AlarmCode.CERTIFICATE_ENDING] if ending else []

    @property
    def state(self) -> CertificateState | None:
        """None while bedside has not reported one."""
        if self._until is None:
            return None
        left = self._until - self._clock.now()
        ending = left <= CERTIFICATE_ENDING
        return {"until_ts": timestamp(self._until), "days_left": max(0, left.days), "ending": ending}
