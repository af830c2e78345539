"""A driver and a simulated Asena at its line, for the tests of the driver."""

import asyncio
import contextlib
import itertools

from pumpd.pump import (
    Container,
    Done,
    PumpProgram,
    RateStep,
)
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.alaris_asena.codec import Framer
from pumpd_drivers.alaris_asena.driver import AlarisAsena
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

DIAMETER = Length("26.59")
PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), DIAMETER)
LEASE = Duration(10)
LAPSE_S = 5.0
ML_S = 52.5 / 3600
CONTAINER = Container("a syringe", Volume(50), Volume(0), Rate(1), DIAMETER)
SETTINGS = ("INF_RATE", "INF_VTBI", "INF_VI_CLEAR")
_names = itertools.count()


@contextlib.asynccontextmanager
async def bench(settings=None, **options):
    pump = simulate("alaris-asena", options=options, plant=PlantSettings.ideal())
    pump.port = f"asena-{next(_names)}"
    memory.serve(pump.port, pump)
    driver = await AlarisAsena.connect(f"memory://{pump.port}", settings or {})
    try:
        yield driver, pump
    finally:
        await driver.close()
        memory.withdraw(pump.port)
        pump.shut()


def sent_to_pump(driver):
    """Words sent to the pump from now on."""
    words = []
    driver.taps.append(lambda way, data, _: words.extend(m.word for m in Framer().feed(data)) if way == "out" else None)
    return words


async def ready(driver):
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(PROGRAM) == Done(None)
    assert await driver.read_back() == Done(PROGRAM)


async def running(driver):
    await ready(driver)
    assert await driver.start(LEASE) == Done(None)


async def watch(driver, seconds):
    for _ in range(seconds):
        await asyncio.sleep(1)
        reading = (await driver.read()).value
    return reading
