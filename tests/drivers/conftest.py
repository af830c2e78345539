import contextlib
import itertools

import pytest

from pumpd.wire import memory
from pumpd_drivers.new_era.driver import NewEra

from .toy_pump import ToyPump
from .transcript import Transcript

_names = itertools.count()


@contextlib.asynccontextmanager
async def connected(peer, **settings):
    name = f"new-era-{next(_names)}"
    memory.serve(name, peer)
    try:
        driver = await NewEra.connect(f"memory://{name}", settings)
        try:
            yield driver
        finally:
            await driver.close()
    finally:
        memory.withdraw(name)


@pytest.fixture
def connect():
    return connected


@pytest.fixture
async def pump():
    return ToyPump()


@pytest.fixture
async def driver(pump):
    async with connected(pump) as driver:
        yield driver


@pytest.fixture
def follows():
    """`async with follows(script, **settings) as driver`: the driver must send exactly what the script contains."""

    @contextlib.asynccontextmanager
    async def follow(script, **settings):
        transcript = Transcript(script)
        async with connected(transcript, **settings) as driver:
            driver._identified_on = driver.connections  # scripts begin with an identified pump
            yield driver
        transcript.check()

    return follow
