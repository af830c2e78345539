"""The usual calls of the New Era driver, for the tests in which something goes wrong between them."""

from pumpd.pump import Done, PumpProgram, RateStep
from pumpd.quantities import Duration, Length, Rate, Volume

PROGRAM = PumpProgram((RateStep(Rate(60), Volume(1)), RateStep(Rate(120), Volume("0.5"))), Length("26.59"))
WATCHDOG = Duration(10)


async def call(driver, method):
    arguments = {"load": (PROGRAM,), "start": (WATCHDOG,)}.get(method, ())
    return await getattr(driver, method)(*arguments)


async def session(driver, until):
    """The usual order of calls, up to and without `until`."""
    for method in ("identify", "load", "read_back", "start", "read", "stop", "release"):
        if method == until:
            return
        assert isinstance(await call(driver, method), Done), method
