"""A tenfold rate or dose caused in any one layer is caught by another (WIN-11): refused, or stopped within
10 s with 1.5 mL too much at most. Judged by the plant's truth.

Left out is what no layer of pumpd can see: a pump whose motor turns ten times as fast as its own counter reports.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from pumpd.control.ordering import planning as ordering
from pumpd.dosing import planning
from pumpd.pump import Done, PumpProgram, RateStep
from pumpd_simulators.device import PanelError
from tests.control import beds
from tests.control.beds import MODELS
from tests.control.testbed import open_testbed

pytestmark = pytest.mark.requirement("WIN-11")

WITHIN_S, EXTRA_ML = 10.0, 1.5
RATE_ML_H = 52.5  # of the testbed's order: 35 mL in 40 min
TENTH = Decimal("0.1")
KEYLESS = (  # they have no keys that change the rate, or not while controlled
    "dianet-star",
    "harvard-classic",
    "poseidon",
    "reference",
    "toy",
    "zyno-miva",
)


@pytest.fixture(params=MODELS, ids="-".join)
def bed(request):
    return beds.bed(*request.param)


def times(program: PumpProgram, factor: Decimal | int) -> PumpProgram:
    return replace(program, steps=tuple(RateStep(step.rate.times(factor), step.volume) for step in program.steps))


@pytest.mark.parametrize(
    "wrong",
    [
        {"dose": "5 mg/kg"},
        {"weight": "700 kg", "weight_again": "700 kg"},
        {"weight_again": "7 kg"},
        {"duration": "4 min"},
        {"entry": "ketamine-10mg-ml"},
    ],
)
async def test_a_tenfold_dose_in_the_order_is_refused(wrong, tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order(**wrong)
        assert not answer.ok
        assert next(iter(wrong)).removesuffix("_again") in " ".join(answer.reasons)


async def test_a_tenfold_error_in_the_arithmetic_is_refused(tmp_path, monkeypatch):
    true = planning.rate_for
    monkeypatch.setattr(planning, "rate_for", lambda *a: true(*a).times(10))
    async with open_testbed(tmp_path) as here:
        assert not (await here.order()).ok


async def test_a_tenfold_error_between_dosing_and_the_state_machine_is_refused(tmp_path, monkeypatch):
    true = ordering.plan

    def wrong(*a, **k):
        made = true(*a, **k)
        return replace(made, pump_program=times(made.pump_program, 10))

    monkeypatch.setattr(ordering, "plan", wrong)
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        assert (await here.confirm()).ok
        await asyncio.sleep(10)
        assert here.state() == "ready"
        assert "525 mL/h" in here.gateway.runners["bed1"].infusion.reason
        assert here.truth() == 0


async def test_a_tenfold_error_on_the_way_to_the_pump_is_caught_by_the_read_back(bed, tmp_path, monkeypatch):
    async with open_testbed(tmp_path, **bed) as here:
        driver = here.gateway.runners["bed1"].driver
        load = type(driver).load
        monkeypatch.setattr(type(driver), "load", lambda self, program: load(self, times(program, 10)))
        answer = await here.order(container=beds.container(bed))
        assert answer.ok, answer.reasons
        await here.until("abandoned")
        assert here.truth() == 0


async def test_a_tenfold_error_in_a_driver_that_lies_both_ways_is_caught_by_the_counter(bed, tmp_path, monkeypatch):
    async with open_testbed(tmp_path, **bed) as here:
        driver = here.gateway.runners["bed1"].driver
        kind = type(driver)
        load, read_back, read = kind.load, kind.read_back, kind.read

        async def falsified(self):
            outcome = await read(self)
            if isinstance(outcome, Done):
                return Done(replace(outcome.value, rate=outcome.value.rate.times(TENTH)))
            return outcome

        async def held(self):
            outcome = await read_back(self)
            if isinstance(outcome, Done):
                return Done(times(outcome.value, TENTH))
            return outcome

        monkeypatch.setattr(kind, "load", lambda self, program: load(self, times(program, 10)))
        monkeypatch.setattr(kind, "read_back", held)
        monkeypatch.setattr(kind, "read", falsified)
        answer = await here.order(container=beds.container(bed))
        assert answer.ok, answer.reasons
        await here.until("ready", "abandoned")
        if here.state() == "abandoned":  # more than this pump can do: its driver refused
            assert here.truth() == 0
            return
        assert (await here.confirm()).ok
        loop = asyncio.get_running_loop()
        await here.until("starting")
        await asyncio.sleep(0.3)  # flow begins with the reply, or just before it
        began = loop.time()
        while here.pump.truth()["running"]:
            await asyncio.sleep(0.01)
            assert loop.time() - began <= WITHIN_S, f"{here.truth()} mL, {here.state()}"
        assert here.truth() <= RATE_ML_H / 3600 * (loop.time() - began) + EXTRA_ML


async def test_a_tenfold_rate_at_the_panel_is_caught_by_the_next_poll(bed, tmp_path):
    async with open_testbed(tmp_path, **bed) as here:
        await here.start(container=beds.container(bed))
        await asyncio.sleep(5)
        given, loop = here.truth(), asyncio.get_running_loop()
        try:
            here.pump.press("rate", "1000%")
        except PanelError:
            assert bed["driver"] in KEYLESS
            return
        began = loop.time()
        while here.pump.truth()["running"]:
            await asyncio.sleep(0.01)
            assert loop.time() - began <= WITHIN_S, f"{here.truth() - given} mL, {here.state()}"
        assert here.truth() - given <= RATE_ML_H / 3600 * (loop.time() - began) + EXTRA_ML
