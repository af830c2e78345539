"""An update or a changed configuration takes effect when no patient is infused or observed (PWR-14)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.control.ordering import build as build_room
from pumpd.host.clock import Clock
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed

pytestmark = pytest.mark.requirement("PWR-14")


def changed_settings(here, monkeypatch):
    return here.gateway.settings.model_copy(update={"clock_trusted": True})


def another_pumpd(here, monkeypatch):
    monkeypatch.setattr(build_room, "_version", lambda _: "99.0")
    return here.gateway.settings


CHANGES = [changed_settings, another_pumpd]


def later(monkeypatch, **by):
    then = datetime.now(UTC) + timedelta(**by)
    monkeypatch.setattr(Clock, "now", lambda _: then)


@pytest.mark.parametrize("change", CHANGES)
async def test_an_infusion_under_way_is_stopped_and_does_not_continue_under_another_build(
    tmp_path, monkeypatch, change
):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        await die(here)
        given = here.truth()
        async with another_process(here, settings=change(here, monkeypatch)):
            await here.until("tripped")
            assert (await here.ask(op="clear", pump="bed1", by="nurse")).ok
            await here.ask(op="resume", pump="bed1", by="nurse")
            await here.until("stopped")
            assert here.truth() - given < 0.1
            (observed,) = here.gateway.observations.of_pump("bed1")
            assert observed.patient == "token-1"
            refused = await here.order(patient="token-2")
            assert any("still being observed" in reason for reason in refused.reasons)


@pytest.mark.parametrize("change", CHANGES)
async def test_for_two_hours_after_its_end_another_build_starts_nothing_however_often_it_restarts(
    tmp_path, monkeypatch, change
):
    async with open_testbed(tmp_path) as here:
        before = here.gateway.settings
        await here.start()
        await asyncio.sleep(60)
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        await die(here)
        async with another_process(here):
            await asyncio.sleep(3)
            assert (await here.order(patient="token-2")).ok, "nothing has changed"
            await here.ask(op="stop", pump="bed1", reason="test")
            await here.until("abandoned")
            await die(here)
        with monkeypatch.context() as patched:
            settings = change(here, patched)
            for boot in ("boot-3", "boot-4"):
                async with another_process(here, boot, settings):
                    await asyncio.sleep(3)
                    refused = await here.order(patient="token-2")
                    (reason,) = refused.reasons
                    assert "nothing is started until" in reason
                    assert "installed again" in reason
                    with patched.context() as clock:
                        later(clock, minutes=119)
                        assert not (await here.order(patient="token-2")).ok
                        later(clock, minutes=121)
                        assert (await here.order(patient="token-2")).ok
                        await here.ask(op="stop", pump="bed1", reason="test")
                        await here.until("abandoned")
                    await die(here)
        async with another_process(here, "boot-5", before):
            await asyncio.sleep(3)
            assert (await here.order(patient="token-3")).ok, "the previous one is installed again"
