"""The cable is pulled for good, or the gateway loses its power: then only the pump itself can end the flow."""

import asyncio

import pytest

from pumpd.wire import memory
from tests.control.testbed import open_testbed

from .test_many_pumps import BAG, BEDS, RACKS, truth

ITS_OWN_S = {"new-era": 10.0, "asena": 10.0, "perfusor": 1.2, "infusomat": 1.2}  # without a message from the host
VTBI_ML, RATE_ML_H = 35.0, 52.5


@pytest.mark.requirement("COM-12", "COM-13", "STP-09")
async def test_a_pump_with_a_watchdog_stops_within_its_time_out_and_any_other_at_its_volume(tmp_path):
    async with open_testbed(tmp_path, beds=BEDS, each=BEDS, racks=RACKS, group=256) as here:
        for bed in BEDS:
            bag = BAG if bed in ("infusomat", "reglo") else {}
            await here.start(bed, patient=f"token-{bed}", **bag)
        declared = {
            bed: [each.value for each in here.gateway.runners[bed].capabilities.loss_of_control] for bed in BEDS
        }
        assert declared == {bed: ["native" if bed in ITS_OWN_S else "vtbi_only"] for bed in BEDS}  # in memory
        await asyncio.sleep(60)

        before = {bed: truth(here, bed)["delivered_ml"] for bed in BEDS}
        for port in {here.gateway.runners[bed].settings.port for bed in BEDS}:
            memory.unplug(port.removeprefix("memory://"))
        passed_s = 0.0
        for own_s in (1.2, 10.0):
            await asyncio.sleep(own_s + 0.1 - passed_s)
            passed_s = own_s + 0.1
            stand = {bed for bed in BEDS if not truth(here, bed)["running"]}
            assert stand == {bed for bed, limit_s in ITS_OWN_S.items() if limit_s <= own_s}
        given = {bed: truth(here, bed)["delivered_ml"] for bed in BEDS}
        for bed, own_s in ITS_OWN_S.items():
            assert given[bed] - before[bed] <= RATE_ML_H * own_s / 3600 * 1.05, bed  # the pumps' own accuracy

        for task in asyncio.all_tasks():  # the gateway has lost its power: it does not even retry
            if task.get_name().startswith("pump "):
                task.cancel()
        await asyncio.sleep(45 * 60)
        for bed in BEDS:
            now = truth(here, bed)
            assert not now["running"], bed
            if bed in ITS_OWN_S:
                assert now["delivered_ml"] == given[bed], bed
            else:
                assert 0.95 * VTBI_ML < now["delivered_ml"] <= VTBI_ML * 1.05 + 0.1, (
                    bed
                )  # as accurate as that kind of pump
