"""What the driver's tests of this family share: the driver on a simulated pump, and what it sends there."""

import asyncio
import contextlib
import itertools

import pytest

from pumpd.pump import (
    Done,
    PumpProgram,
    RateStep,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.dianet_star.codec import RequestFramer
from pumpd_drivers.dianet_star.driver import DianetStar
from pumpd_drivers.dianet_star.segments import (
    Action,
    CcMode,
    DoIt,
    Mode,
    Word,
)
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

DIAMETER = Length("26.59")
PERFUSOR, INFUSOMAT = "perfusor-fm", "infusomat-fms"
STEP = RateStep(Rate("52.5"), Volume(35))
PROGRAM = PumpProgram((STEP,), DIAMETER)
PROGRAMS = {PERFUSOR: PROGRAM, INFUSOMAT: PumpProgram((STEP,))}
LEASE = Duration(10)
ML_S = 52.5 / 3600
START, STOP = DoIt(Action.START_STOP, 1).to_data(), DoIt(Action.START_STOP, 0).to_data()
CHANGES = range(Word.CC_MODE, 0x100)  # segments that write
both = pytest.mark.parametrize("model", [PERFUSOR, INFUSOMAT])
_names = itertools.count()


@contextlib.asynccontextmanager
async def bench(settings=None, *, model=PERFUSOR, **options):
    pump = simulate("dianet-star", model=model, options=options, plant=PlantSettings.ideal())
    pump.port = f"dianet-{next(_names)}"
    memory.serve(pump.port, pump)
    driver = await DianetStar.connect(f"memory://{pump.port}", {"model": model} | (settings or {}))
    try:
        yield driver, pump
    finally:
        await driver.close()
        memory.withdraw(pump.port)
        pump.shut()


def sent_to_pump(driver):
    """Requests sent to the pump from now on."""
    requests, framer = [], RequestFramer()
    driver.taps.append(lambda way, data, _: requests.extend(framer.feed(data)) if way == "out" else None)
    return requests


def starts(requests):
    return [request.data for request in requests].count(START)


def changes(requests):
    return [request for request in requests if request.segment in CHANGES]


def modes(requests):
    return [Mode(CcMode.of(each.data).mode) for each in requests if each.segment == Word.CC_MODE]


async def ready(driver, program=None):
    program = program or PROGRAMS[driver.settings.model]
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(program) == Done(None)
    assert await driver.read_back() == Done(program)


async def running(driver):
    await ready(driver)
    assert await driver.start(LEASE) == Done(None)


async def watch(driver, seconds):
    for _ in range(seconds):
        await asyncio.sleep(1)
        reading = (await driver.read()).value
    return reading


async def settle():
    """The keys' two seconds pass."""
    await asyncio.sleep(2.1)
