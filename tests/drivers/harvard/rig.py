"""A Harvard driver and its simulated pump on a line in memory."""

import contextlib
import itertools

from pumpd.pump import Done, PumpProgram, RateStep
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.harvard.driver import Harvard
from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.harvard import FAMILY
from pumpd_simulators.plant import Plant, PlantSettings

PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume("35")),), Length("26.72"))
SHORT = PumpProgram((RateStep(Rate(60), Volume(1)),), Length("26.72"))
WATCHDOG = Duration(10)
_names = itertools.count()


class Rig:
    """A driver, its simulated pump, and what went over the line."""

    def __init__(self, pump, name):
        self.pump, self.name, self.sent = pump, name, []

    def tap(self, way, data, _):
        if way == "out":
            self.sent.append(data)

    def instead(self, command, answer):
        """The pump does not receive that command; `answer` replies instead."""
        real, device = self.pump.device.feed, self.pump.device

        def feed(data):
            if data.strip().lstrip(b"@").startswith(command):
                device._put(answer)
            else:
                real(data)

        device.feed = feed

    @property
    def starts(self):
        return sum(b"run" in data for data in self.sent)


@contextlib.asynccontextmanager
async def rig(options=None, settings=None, model="legato-100", *, identified=True):
    chosen = FAMILY.options.of(options or {})
    plants = [Plant(LoopClock(), PlantSettings.ideal()) for _ in range(FAMILY.units(chosen))]
    pump = SimulatedPump(FAMILY.make(plants, model, chosen))
    name = f"harvard-{next(_names)}"
    memory.serve(name, pump)
    try:
        driver = await Harvard.connect(f"memory://{name}", settings or {})
        try:
            rig = Rig(pump, name)
            rig.driver = driver
            driver.taps.append(rig.tap)
            if identified:
                assert isinstance(await driver.identify(), Done)
            yield rig
        finally:
            await driver.close()
    finally:
        memory.withdraw(name)
        pump.shut()


async def running(rig, program=PROGRAM):
    assert await rig.driver.load(program) == Done(None)
    assert await rig.driver.start(WATCHDOG) == Done(None)


async def reading(rig):
    outcome = await rig.driver.read()
    assert isinstance(outcome, Done), outcome
    return outcome.value
