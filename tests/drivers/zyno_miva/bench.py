"""A Zyno driver and a simulated pump on one virtual loop, with what was sent."""

import contextlib
import itertools

from pumpd.pump import Done, PumpProgram, RateStep
from pumpd.quantities import Duration, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.zyno_miva.codec import Check, Frame, Framer
from pumpd_drivers.zyno_miva.driver import ZynoMiva
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),))
WATCHDOG = Duration(10)
_names = itertools.count()


class Tapped:
    """The simulated pump and what it was sent; `answer` may change its replies, or drop them with None."""

    def __init__(self, pump):
        self.pump, self.heard, self.framer = pump, [], Framer(Check.SUM)
        self.port = ""
        self.answer = lambda request, reply: reply

    def attach(self, send):
        def say(raw):
            (frame,) = Framer().feed(raw)
            reply = self.answer(self.heard[-1], frame.text)
            if reply is not None:
                send(reply if isinstance(reply, bytes) else Frame(reply).to_bytes())

        self.pump.attach(say)

    def feed(self, data):
        self.heard += [str(frame) for frame in self.framer.feed(data)]
        self.pump.feed(data)

    def detach(self):
        self.pump.detach()

    @property
    def device(self):
        return self.pump.device

    @property
    def flows(self):
        return self.pump.plant.truth().running

    @property
    def given_ml(self):
        return self.pump.plant.truth().delivered_ml


@contextlib.asynccontextmanager
async def bench(settings=None, contents_ml=None, **options):
    tapped = Tapped(simulate("zyno-miva", options=options, plant=PlantSettings.ideal(contents_ml)))
    port = f"zyno-{next(_names)}"
    memory.serve(port, tapped)
    tapped.port = port
    driver = await ZynoMiva.connect(f"memory://{port}", settings or {})
    try:
        yield driver, tapped
    finally:
        await driver.close()
        memory.withdraw(port)
        tapped.pump.shut()


async def loaded(driver, program=PROGRAM):
    for outcome in (await driver.identify(), await driver.load(program)):
        assert isinstance(outcome, Done), outcome


async def running(driver, program=PROGRAM):
    await loaded(driver, program)
    outcome = await driver.start(WATCHDOG)
    assert outcome == Done(None), outcome
