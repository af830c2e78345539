"""A disk that was slow or full once: whether an order is offered follows the disk, although nobody orders meanwhile."""

import asyncio

import pytest

from pumpd.control.ordering.disk_check import FIRST_CHECK_AFTER_S
from pumpd.control.ordering.library_check import WITHIN_S
from pumpd.control.refused import CHECK_AGAIN_AFTER_S, RefusedError
from pumpd.journal import Journal, JournalError
from pumpd.messages.requests import REQUEST
from pumpd.settings_file import Read
from tests.control.testbed import ORDER, open_testbed

FRESH_S = CHECK_AGAIN_AFTER_S + WITHIN_S


async def hang(*_):
    await asyncio.sleep(3600)


async def not_offered_because(here):
    """What a tablet shows in place of the program, before anyone orders."""
    try:
        await here.gateway.ordering.preview(REQUEST.validate_python(ORDER))
    except RefusedError as refused:
        return [reason for reason in refused.reasons if "was not read in 2 s" in reason or "disk full" in reason]
    return []


@pytest.mark.requirement("PRG-19", "SEC-17")
@pytest.mark.parametrize("check", ["library_check", "config_check"])
@pytest.mark.parametrize("usable_before", [True, False])
async def test_an_order_is_offered_again_soon_after_the_disk_answers(tmp_path, monkeypatch, check, usable_before):
    file = tmp_path / "pumpd.toml"
    file.write_text('gateway = "ward-7"\n')
    async with open_testbed(tmp_path, read=Read(file)) as here:
        await asyncio.sleep(FIRST_CHECK_AFTER_S + 600 if usable_before else 0)
        assert not await not_offered_because(here)
        with monkeypatch.context() as patched:
            patched.setattr(getattr(here.gateway, check)._disk, "result", hang)
            if usable_before:
                assert not (await here.order()).ok
            await asyncio.sleep(FIRST_CHECK_AFTER_S + FRESH_S)
            assert await not_offered_because(here)
        await asyncio.sleep(FRESH_S)
        assert not await not_offered_because(here)
        assert (await here.order()).ok


@pytest.mark.requirement("PWR-11")
@pytest.mark.parametrize("found_by", ["an order", "an entry of an idle gateway"])
async def test_an_order_is_offered_again_soon_after_the_journal_can_be_written(tmp_path, monkeypatch, found_by):
    def full(*_):
        raise JournalError("disk full")

    async with open_testbed(tmp_path) as here:
        await asyncio.sleep(FIRST_CHECK_AFTER_S + FRESH_S)  # the library's version is on record; nothing more waits
        with monkeypatch.context() as patched:
            patched.setattr(Journal, "append", full)
            if found_by == "an order":
                assert not (await here.order()).ok
            else:
                await here.ask(op="stop", reason="test")
            await asyncio.sleep(3 * CHECK_AGAIN_AFTER_S)
            assert await not_offered_because(here)
        await asyncio.sleep(CHECK_AGAIN_AFTER_S)
        assert not await not_offered_because(here)
        assert here.kinds().count("journal_restored") == 1
