"""Identifying a pump: the right one is found, nothing flows, and nothing but `identify` is ever called."""

import asyncio
import itertools

import pytest

from pumpd.pump import families
from pumpd.setup import identifying
from pumpd.setup.identifying import identified
from pumpd.wire import memory
from pumpd_simulators.bench import simulate

NAMES = sorted(families())


async def asked(simulated: str, drivers: list[str], **options):
    """What setup finds, and what the pump's plant did meanwhile."""
    bench = simulate(name=simulated, seed=1, options=options)
    memory.serve("port", bench)
    try:
        found = await identified("memory://port", drivers)
        await asyncio.sleep(60)  # a flow that began late would show
        return found, bench.truth()
    finally:
        memory.withdraw("port")
        bench.shut()


@pytest.mark.requirement("STA-01")
@pytest.mark.parametrize(("pump", "driver"), list(itertools.product(NAMES, NAMES)), ids=str)
async def test_no_identify_makes_a_pump_of_any_family_flow(pump, driver):
    """Setup is told the families, but a person may be wrong."""
    _, truth = await asked(pump, [driver])
    assert (truth["running"], float(truth["delivered_ml"])) == (False, 0.0)


@pytest.mark.parametrize("name", NAMES)
async def test_each_family_identifies_its_own_pump(name):
    answered, _ = await asked(name, [name])
    assert answered.found is not None, answered.why
    assert answered.found.driver == name


async def test_a_pump_with_an_address_is_found_and_its_address_is_written_down():
    answered, _ = await asked("new-era", ["new-era"], address=2)
    assert answered.found is not None, answered.why
    assert dict(answered.found.settings) == {"address": 2}
    unlucky, _ = await asked("new-era", ["new-era"], address=40)
    assert unlucky.found is None
    assert len(unlucky.why) == 1 + len(identifying.ADDRESSES)


async def test_a_port_that_cannot_be_opened_is_asked_once(tmp_path):
    answered = await identified(str(tmp_path / "none"), ["new-era", "harvard-classic"])
    assert answered.found is None
    assert len(answered.why) == 1
    assert "not opened" in answered.why[0]
