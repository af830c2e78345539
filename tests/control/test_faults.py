"""Every fault that the simulator knows, in the middle of an infusion, judged by the plant's truth."""

import asyncio

import pytest

from pumpd.wire import memory
from pumpd_simulators.faults import Kind
from tests.control.ward import ward
from tests.control.wire_tap import Tap

LEASE_ML = 52.5 / 3600 * 10

# What a good gateway makes of each. A fault of the line that lasts less than the lease is lived through.
CASES = {
    "occlusion@5min": ("tripped", "occlusion"),
    "stall@5min": ("tripped", "occlusion"),
    "power-cut@5min/30s": ("tripped", None),
    "front-panel@5min": ("tripped", "program_changed"),
    "front-panel:stop@5min": ("tripped", "program_changed"),
    "silence@5min/4s": ("completed", None),
    "silence@5min/30s": ("tripped", None),
    "lost-reply@5min": ("completed", None),
    "lost-reply@5min/4s": ("completed", None),
    "delayed-reply@5min/4s": ("completed", None),
    "garbled@5min/4s": ("completed", None),
    "disconnect@5min/3s": ("completed", None),
    "disconnect@5min/60s": ("tripped", None),
}


def test_every_kind_of_fault_is_tried():
    assert {case.partition("@")[0].partition(":")[0] for case in CASES} == set(Kind)


@pytest.mark.requirement("COM-01", "COM-03", "RUN-04", "RUN-11")
@pytest.mark.parametrize("fault", CASES)
async def test_a_fault_in_the_middle_of_an_infusion(tmp_path, fault):
    outcome, trip = CASES[fault]
    async with ward(tmp_path, faults=[fault], group=64) as here:
        tap = Tap(here.pump)
        loop = asyncio.get_running_loop()
        plugs = []

        def pull(seconds: float) -> None:
            memory.unplug("bed1")
            plugs.append(loop.call_later(seconds, memory.plug, "bed1"))

        here.pump.line.on_disconnect = pull
        await here.start()
        await here.until("completed", "tripped", within_s=45 * 60)
        await asyncio.sleep(120)
        assert here.state() == outcome, here.gateway.status()
        assert tap.count("RUN") == 1
        assert not here.pump.truth()["running"]
        assert here.truth() <= 35 * 1.002 + LEASE_ML
        if outcome == "completed":
            assert here.truth() == pytest.approx(35, rel=0.005)
        else:
            assert here.truth() <= 5 * 60 * 52.5 * 1.5 / 3600 + 2 * LEASE_ML
        if trip:
            infusion = here.gateway.runners["bed1"].infusion
            assert infusion is not None
            assert infusion.trips[0].value == trip
        for plug in plugs:
            plug.cancel()
