"""After a stop the record states what was not given, within 0.1 mL of the plant's truth (WIN-09)."""

import asyncio
from dataclasses import replace

import pytest

from pumpd_simulators.family import family
from tests.control import beds
from tests.control.testbed import open_testbed

ORDERED_ML = 35.0


@pytest.fixture(params=beds.MODELS, ids="-".join)
def bed(request):
    name, model = request.param
    made = beds.bed(name, model)
    exact = replace(family(name).physics(model, 0), error_percent=0.0, drift_ppm=0.0, ripple_percent=0.0)
    made["simulated"]["plant"] = exact
    return made


@pytest.mark.requirement("WIN-09")
async def test_the_volume_not_given_is_reported_as_the_plant_knows_it(bed, tmp_path):
    async with open_testbed(tmp_path, **bed) as here:
        await here.start(container=beds.container(bed))
        await asyncio.sleep(240)
        await here.ask(op="stop")
        await here.until("stopped")
        await here.gateway.journal.append([])  # so that everything before it is on disk
        ended = [entry for entry in here.entries() if entry.kind == "infusion_ended"][-1].fields
        assert abs(float(ended["undelivered_ml"]) - (ORDERED_ML - here.truth())) <= 0.1
