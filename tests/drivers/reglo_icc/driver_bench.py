"""What the driver's tests of this family share: the driver on a simulated pump, and what that was sent."""

import contextlib
import itertools

from pumpd.pump import (
    Container,
    Done,
    PumpProgram,
    RateStep,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.reglo_icc.codec import RequestFramer
from pumpd_drivers.reglo_icc.driver import RegloIcc
from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.plant import Plant, PlantSettings
from pumpd_simulators.reglo_icc import FAMILY
from pumpd_simulators.reglo_icc.options import RegloIccOptions

PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),))
WATCHDOG = Duration(10)
_names = itertools.count()


class Tapped:
    """The simulated pump and what it was sent; `answer` may change its replies."""

    def __init__(self, pump):
        self.pump, self.heard, self.framer = pump, [], RequestFramer()
        self.answer = lambda request, raw: raw
        self.request = ""

    def attach(self, send):
        def say(raw):
            if (changed := self.answer(self.request, raw)) is not None:
                send(changed)

        self.pump.attach(say)

    def feed(self, data):
        for frame in self.framer.feed(data):
            self.request = str(frame)
            self.heard.append(self.request)
        self.pump.feed(data)

    def detach(self):
        self.pump.detach()

    def received(self, text):
        return self.heard.count(text)


@contextlib.asynccontextmanager
async def bench(settings=None, **options):
    name = f"reglo-{next(_names)}"
    chosen = RegloIccOptions(**options)
    plants = [Plant(LoopClock(), PlantSettings.ideal()) for _ in range(chosen.channels)]
    pump = SimulatedPump(FAMILY.make(plants, "reglo-icc", chosen))
    line = Tapped(pump)
    memory.serve(name, line)
    try:
        driver = await RegloIcc.connect(f"memory://{name}", settings or {})
        try:
            yield driver, pump, line
        finally:
            await driver.close()
    finally:
        memory.withdraw(name)
        pump.shut()


async def running(driver, program=PROGRAM):
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(program) == Done(None)
    assert await driver.read_back() == Done(program)
    assert await driver.start(WATCHDOG) == Done(None)


async def reading(driver):
    outcome = await driver.read()
    assert isinstance(outcome, Done), outcome
    return outcome.value


def container(ml=50):
    return Container("bottle", Volume(ml), Volume(0), Rate("0.1"))
