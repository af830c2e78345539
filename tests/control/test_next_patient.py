"""Whatever a pump shows after an infusion, the next patient's order is taken."""

import asyncio

import pytest

from tests.control.beds import MODELS, bed, container
from tests.control.testbed import open_testbed

BEDS = {(name, model): bed(name, model) for name, model in MODELS}
IDS = [f"{name}-{model}" for name, model in MODELS]


async def next_patient(here, own):
    answer = await here.order(container=container(own), patient="token-2")
    assert answer.ok, answer.reasons
    await here.until("ready", "abandoned", within_s=60)
    assert here.state() == "ready", here.gateway.runners["bed1"].infusion.reason


@pytest.mark.requirement("STA-10")
@pytest.mark.parametrize(("name", "model"), MODELS, ids=IDS)
async def test_after_a_stop_a_pump_takes_the_next_patients_order(tmp_path, name, model):
    """A Model 44 shows an interrupted run until its next one, and counted as paused: no order was taken any more."""
    own = BEDS[name, model]
    async with open_testbed(tmp_path, each={"bed1": dict(own)}) as here:
        await here.start(container=container(own))
        await asyncio.sleep(30)
        assert (await here.ask(op="stop", pump="bed1", reason="test")).ok
        await here.until("stopped")
        await asyncio.sleep(5)
        await next_patient(here, own)


@pytest.mark.requirement("STA-10")
@pytest.mark.parametrize("model", ["model-44", "phd-2000"])
async def test_after_its_volume_a_pump_that_then_shows_an_interrupted_run_takes_the_next_order(tmp_path, model):
    own = BEDS["harvard-classic", model]
    own = own | {"simulated": own["simulated"] | {"options": {"target_prompt": "*"}}}
    async with open_testbed(tmp_path, each={"bed1": own}) as here:
        await here.start(container="50 mL", weight="40 kg", weight_again="40 kg")
        await here.until("completed", within_s=3000)
        await asyncio.sleep(5)
        await next_patient(here, own)
