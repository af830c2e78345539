"""What ends the flow when the gateway dies is declared, shown before the start, and must be something (COM-13)."""

import pytest

from tests.control.ward import ward

NO_WATCHDOG = {"safe_mode": "if-supported"}


@pytest.mark.requirement("COM-13")
async def test_a_pump_that_nothing_but_its_volume_would_stop_is_refused_without_a_clamp(tmp_path):
    async with ward(tmp_path, settings=NO_WATCHDOG) as here:
        refused = await here.order()
        assert not refused.ok
        (reason,) = refused.reasons
        assert "nothing but the programmed volume would end the flow of bed1" in reason
        assert "clamp" in reason


@pytest.mark.requirement("COM-13")
async def test_with_a_clamp_it_is_taken_and_the_nurse_is_told_what_it_is(tmp_path):
    async with ward(tmp_path, settings=NO_WATCHDOG, clamp=True) as here:
        accepted = await here.order()
        assert accepted.ok, accepted.reasons
        assert accepted.result["expiry"] == ["vtbi_only"]


@pytest.mark.requirement("COM-13")
async def test_a_pump_with_its_own_watchdog_says_so(tmp_path):
    async with ward(tmp_path) as here:
        accepted = await here.order()
        assert accepted.ok, accepted.reasons
        assert accepted.result["expiry"] == ["native"]
