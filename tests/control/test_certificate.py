"""The certificate of the tablets' server: shown 30 days before it ends, an alarm in the last week, in virtual time."""

import asyncio
from datetime import timedelta

import pytest

from pumpd.cli.wording import status_text
from pumpd.control.certificate import CertificateWatch
from pumpd.host.clock import Clock
from pumpd.messages.requests import Serving
from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from tests.control.testbed import BEDSIDE, open_testbed

DAY_S = 24 * 3600


async def serve(here, days: float) -> None:
    until = here.gateway.clock.now() + timedelta(days=days)
    answer = await here.gateway.answer(Serving(certificate_until=until), BEDSIDE)
    assert answer.ok, answer.reasons


def codes(here) -> list[str]:
    here.gateway.alarms.check()
    return [alarm["code"] for alarm in here.gateway.status()["alarms"]]


@pytest.mark.requirement("SEC-04")
async def test_it_is_shown_thirty_days_before_and_alarms_in_the_last_week(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert here.gateway.status()["certificate"] is None
        await serve(here, days=30.5)
        assert here.gateway.status()["certificate"]["ending"] is False
        assert "certificate" not in status_text(here.gateway.status())
        await serve(here, days=29.5)
        state = here.gateway.status()["certificate"]
        assert (state["ending"], state["days_left"]) == (True, 29)
        assert "in 29 days" in status_text(here.gateway.status())
        assert "sudo pumpd tls" in status_text(here.gateway.status())
        assert codes(here) == []
        await serve(here, days=6.9)
        assert codes(here) == ["certificate_ending"]
        assert ALARM_TABLE[AlarmCode.CERTIFICATE_ENDING].priority is Priority.LOW
        await serve(here, days=-1)
        assert here.gateway.status()["certificate"]["days_left"] == 0
        await serve(here, days=397)
        assert codes(here) == []


class Journal:
    def __init__(self) -> None:
        self.entries = []

    def post(self, entries) -> None:
        self.entries += entries


async def test_telemetry_hears_of_it_once_a_day_however_often_bedside_reports():
    """Bedside has a network: what it reports may not fill the journal."""
    journal, clock = Journal(), Clock(1)
    watch = CertificateWatch(journal, clock)
    for day in (1, 2):
        for number in range(200):
            watch.served(clock.now() + timedelta(days=10.5 + number / 1000))
        assert [(each.kind, each.body["days"]) for each in journal.entries] == [("certificate_ending", 10)] * day
        await asyncio.sleep(DAY_S)
    watch.served(clock.now() + timedelta(days=397))
    assert len(journal.entries) == 2
