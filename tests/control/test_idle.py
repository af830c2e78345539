"""Whether nobody is infused or observed, as an update or a backup's restore asks it (PWR-14, SEC-10)."""

import asyncio
import contextlib
import fcntl
from datetime import UTC, datetime, timedelta

import pytest

from pumpd import idle
from pumpd.control.socket.server import doors
from pumpd.idle import activity, under_way
from tests.control.testbed import open_testbed

pytestmark = pytest.mark.requirement("PWR-14", "SEC-10")


def at(here, **later):
    return datetime.fromisoformat(here.entries()[-1].ts) + timedelta(**later)


async def test_from_the_order_to_two_hours_after_the_end_someone_is_infused_or_observed(tmp_path):
    async with open_testbed(tmp_path) as here:
        settings = here.gateway.settings
        assert activity(settings, datetime.now(UTC)).objections == ()
        assert (await here.order()).ok
        await here.until("ready")
        (reason,) = under_way(here.gateway.status())
        assert "has an infusion (ready)" in reason
        assert (await here.confirm()).ok
        await here.until("running")
        assert "has an infusion (running)" in under_way(here.gateway.status())[0]
        await asyncio.sleep(60)
        assert (await here.ask(op="stop", reason="test")).ok
        await here.until("stopped")
        await asyncio.sleep(10)
        (reason,) = under_way(here.gateway.status())
        assert "is under observation" in reason
    # Control has ended: the journal alone says it.
    (reason,) = activity(settings, at(here, minutes=1)).objections
    assert "less than two hours ago" in reason
    assert activity(settings, at(here, minutes=119)).objections
    assert activity(settings, at(here, minutes=121)).objections == ()


async def test_an_infusion_without_an_end_counts_until_its_program_and_the_observation_are_over(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        entries, settings = here.entries(), here.gateway.settings
        last = datetime.fromisoformat(entries[-1].ts)
        assert activity(settings, last + timedelta(minutes=1)).objections
        assert activity(settings, last + timedelta(minutes=40 + 119)).objections
        assert activity(settings, last + timedelta(minutes=40 + 125)).objections == ()


async def test_an_unreadable_journal_is_a_reason_of_its_own(tmp_path):
    async with open_testbed(tmp_path) as here:
        settings = here.gateway.settings
    settings.journal_path.write_bytes(b"no journal" * 1000)
    found = activity(settings, datetime.now(UTC))
    assert found.reasons == ()
    assert "it is not known who was infused" in found.unreadable


async def test_a_pump_that_flows_without_an_infusion_is_a_reason(tmp_path):
    async with open_testbed(tmp_path) as here:
        status = here.gateway.status()
        status["pumps"][0] |= {"pump_state": "infusing", "stopped": False}
        (reason,) = under_way(status)
        assert "flows without an infusion" in reason


@pytest.mark.realtime
async def test_control_that_runs_and_does_not_answer_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(idle, "ANSWER_WITHIN_S", 0.2)
    async with open_testbed(tmp_path) as here:
        settings = here.gateway.settings
        async with doors(here.gateway.dispatch, settings):
            assert await asyncio.to_thread(activity, settings, datetime.now(UTC)) == idle.Activity()
            assert (await here.order()).ok
            await here.until("ready")
            (reason,) = (await asyncio.to_thread(activity, settings, datetime.now(UTC))).objections[:1]
            assert "has an infusion (ready)" in reason
        with contextlib.ExitStack() as stack:
            lock = stack.enter_context(settings.lock_path.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert "does not give its state" in activity(settings, datetime.now(UTC)).objections[0]
