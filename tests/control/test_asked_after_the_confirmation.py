"""A start needs answers that were asked for after its confirmation, end to end."""

import asyncio

import pytest

from pumpd.driving import LinkDriver
from pumpd.pump import Unknown
from tests.control.testbed import open_testbed


@pytest.mark.requirement("STA-05")
async def test_a_read_back_asked_for_before_the_present_confirmation_starts_nothing(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        runner = here.gateway.runners["bed1"]
        read_back, asked = runner.driver.read_back, []

        async def slow():
            asked.append(asyncio.get_running_loop().time())
            answer = await read_back()
            if len(asked) == 1:
                await asyncio.sleep(7)
            return answer

        runner.driver.read_back = slow
        assert (await here.confirm(request="r-1")).ok
        await asyncio.sleep(6)
        assert here.state() == "ready"  # because of time alone: the read-back took longer than allowed
        assert (await here.confirm(request="r-2")).ok
        confirmed = asyncio.get_running_loop().time()
        await here.until("starting", "running", within_s=10)
        assert asked[-1] > confirmed


@pytest.mark.requirement("COM-05")
async def test_a_nurse_who_reads_0_ml_can_enter_it(tmp_path, monkeypatch):
    async def lost(*_):
        return Unknown("no reply")

    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        with monkeypatch.context() as patched:
            patched.setattr(LinkDriver, "start", lost)
            assert (await here.confirm()).ok
            await here.until("tripped")
        entered = {"by": "nurse", "reason": "display says 0.00", "seen_stopped": True}
        refused = await here.ask(op="reconcile", pump="bed1", volume="3500 mL", volume_again="3500 mL", **entered)
        assert "the container can deliver 49 mL at most" in refused.reasons[0]
        answer = await here.ask(op="reconcile", pump="bed1", volume="0 mL", **entered)
        assert answer.ok, answer.reasons
        assert here.state() == "stopped"
