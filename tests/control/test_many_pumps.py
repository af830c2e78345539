"""One gateway, eight pumps of six families, two of them in one rack: each has its own infusion and its own stop."""

import asyncio

from tests.control.testbed import open_testbed

BAG = {"container": "100 mL bag"}
RACK = {"driver": "fresenius-base-a", "port": "memory://rack", "model": "BASE-A", "clamp": True}
BEDS = {
    "new-era": {},
    "asena": {
        "driver": "alaris-asena",
        "model": "Asena",
        "serial": "8002-00001",
        "simulated": {"name": "alaris-asena", "options": {"serial": "8002-00001"}},
    },
    "perfusor": {
        "driver": "dianet-star",
        "model": "Perfusor fm",
        "serial": "11111",
        "simulated": {"name": "dianet-star", "options": {"serial": "11111"}},
    },
    "infusomat": {
        "driver": "dianet-star",
        "model": "Infusomat fmS",
        "serial": "22222",
        "settings": {"model": "infusomat-fms"},
        "simulated": {"name": "dianet-star", "model": "infusomat-fms", "options": {"serial": "22222"}},
    },
    "module-1": RACK | {"settings": {"module": "1"}},
    "module-3": RACK | {"settings": {"module": "3"}},
    "harvard": {
        "driver": "harvard",
        "model": "LEGATO 100",
        "serial": "D33333",
        "clamp": True,
        "simulated": {"name": "harvard", "options": {"serial": "D33333"}},
    },
    "reglo": {
        "driver": "reglo-icc",
        "model": "REGLO ICC",
        "serial": "ICC44444",
        "clamp": True,
        "simulated": {"name": "reglo-icc", "options": {"serial": "ICC44444"}},
    },
}
RACKS = {"rack": {"name": "fresenius-base-a", "options": {"modules": "1,3"}}}
UNITS = {"module-1": ("rack", 1), "module-3": ("rack", 2)}
VOLUME_ML = {bed: 20 + number for number, bed in enumerate(BEDS)}


def truth(here, bed):
    name, unit = UNITS.get(bed, (bed, 1))
    return here.pumps[name].truth(unit)


async def test_eight_pumps_infuse_at_once_each_its_own_dose_and_one_stop_stops_one(tmp_path):
    async with open_testbed(tmp_path, beds=BEDS, each=BEDS, racks=RACKS) as here:
        for bed, volume in VOLUME_ML.items():  # 1 mg/mL
            weight = f"{volume * 2} kg"
            bag = BAG if bed in ("infusomat", "reglo") else {}
            await here.start(bed, weight=weight, weight_again=weight, patient=f"token-{bed}", **bag)
        assert all(here.state(bed) == "running" for bed in BEDS)
        assert all(truth(here, bed)["running"] for bed in BEDS)

        await asyncio.sleep(1200)
        assert (await here.ask(op="stop", pump="module-1", reason="test", by="nurse-1")).ok
        await here.until("stopped", pump="module-1")
        stopped_ml = truth(here, "module-1")["delivered_ml"]
        assert not truth(here, "module-1")["running"]
        others = [bed for bed in BEDS if bed != "module-1"]
        assert all(truth(here, bed)["running"] for bed in others), "the stop of one pump stopped another"

        for bed in others:
            await here.until("completed", pump=bed, within_s=1300)
        for bed in others:
            assert abs(truth(here, bed)["delivered_ml"] - VOLUME_ML[bed]) < 0.03 * VOLUME_ML[bed], bed
        assert truth(here, "module-1")["delivered_ml"] == stopped_ml
        assert here.raised() == ["near_end"] * len(others)  # all but the one that was stopped
