"""Eight pumps on one gateway do not affect each other, even two that share a line: faults, stops, confirmations."""

import asyncio

from tests.control.testbed import open_testbed

from .test_many_pumps import BAG, BEDS, RACKS

NETWORK = {"port": "memory://network"}
EIGHT = {bed: own for bed, own in BEDS.items() if bed not in ("new-era", "reglo")} | {
    "net-0": NETWORK,
    "net-7": NETWORK | {"settings": {"address": 7}},
}
LINES = RACKS | {"network": {"name": "new-era", "options": {"network": "0,7"}}}
PLACES = {"module-1": ("rack", 1), "module-3": ("rack", 2), "net-0": ("network", 1), "net-7": ("network", 2)}


def eight(folder):
    return open_testbed(folder, beds=EIGHT, each=EIGHT, racks=LINES, group=256)


def truth(here, bed):
    line, unit = PLACES.get(bed, (bed, 1))
    return here.pumps[line].truth(unit)


def running(here):
    return {bed for bed in EIGHT if truth(here, bed)["running"]}


def order(bed):
    return {"patient": f"token-{bed}"} | (BAG if bed == "infusomat" else {})


async def all_started(here):
    await asyncio.gather(*(here.start(bed, **order(bed)) for bed in EIGHT))
    assert running(here) == set(EIGHT)


async def test_a_fault_at_one_pump_does_not_affect_the_others(tmp_path):
    async with eight(tmp_path) as here:
        await all_started(here)
        await asyncio.sleep(300)
        here.pumps["network"].fire("occlusion#2")  # net-0 is on the same line
        assert (await here.ask(op="stop", pump="module-1", by="nurse")).ok  # module-3 is in the same rack
        assert (await here.ask(op="pause", pump="perfusor", by="nurse")).ok
        await here.until("tripped", pump="net-7", within_s=300)
        await here.until("stopped", pump="module-1")
        await here.until("paused", pump="perfusor")
        others = set(EIGHT) - {"net-7", "module-1", "perfusor"}
        before = {bed: truth(here, bed)["delivered_ml"] for bed in EIGHT}
        await asyncio.sleep(60)
        assert {bed for bed in EIGHT if truth(here, bed)["delivered_ml"] > before[bed] + 0.1} == others
        assert {here.state(bed) for bed in others} == {"running"}
        raised = [entry for entry in here.entries() if entry.kind == "alarm_raised"]
        assert {entry.pump for entry in raised if entry.fields["code"] != "near_end"} == {"net-7"}


async def test_one_stop_without_a_pump_name_stops_all_eight(tmp_path):
    async with eight(tmp_path) as here:
        await all_started(here)
        await asyncio.sleep(60)
        assert (await here.ask(op="stop", by="nurse")).ok
        await asyncio.sleep(1.0)  # STP-01: at most 1 s for a local stop
        assert running(here) == set()
        await asyncio.gather(*(here.until("stopped", pump=bed) for bed in EIGHT))


async def test_a_confirmation_of_one_pumps_program_starts_no_other(tmp_path):
    async with eight(tmp_path) as here:
        for bed in ("net-0", "net-7"):
            assert (await here.order(pump=bed, **order(bed))).ok
            await here.until("ready", pump=bed)
        binding = await here.binding("net-0")
        await here.binding("net-7")  # it also has an open challenge, which this does not answer
        refused = await here.confirm(binding, pump="net-7")
        assert "answers no open challenge" in " ".join(refused.reasons)
        assert running(here) == set()
        assert (await here.confirm(pump="net-0")).ok
        await here.until("running", pump="net-0")
        assert running(here) == {"net-0"}
