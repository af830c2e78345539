"""The families that are measured: those of pumpd's own drivers, and what an infusion on each wants."""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pumpd.pump import Done, Identity, families, family
from pumpd.wire import memory
from pumpd_simulators.bench import simulate

FIRST = "new-era"  # the family that is measured when only one is
# Nothing but the programmed volume ends their flow, so an order wants a line clamp (COM-13).
CLAMPED = {"fresenius-base-a", "harvard", "reglo-icc"}
ORDERS: Mapping[str, Mapping[str, str]] = {"reglo-icc": {"container": "100 mL bag"}}


def own() -> list[str]:
    """pumpd's own families, not those of other distributions; the one that is measured alone comes first."""
    names = [name for name, point in families().items() if point.value.startswith("pumpd_drivers.")]
    return sorted(names, key=lambda name: (name != FIRST, name))


def controlled(names: Iterable[str]) -> list[str]:
    """Those whose pumps take a stop."""
    return [name for name in names if not family(name).monitor_only]


def named() -> list[str]:
    """Those on the command line of a benchmark that is run by itself; all, when there are none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("family", nargs="*", help=f"of {', '.join(own())}; all, unless named")
    given: list[str] = parser.parse_args().family
    if unknown := set(given) - set(own()):
        parser.error(f"no such family: {', '.join(sorted(unknown))}")
    return given or own()


@dataclass(frozen=True)
class Bed:
    """A pump of the control process' configuration."""

    family: str
    port: str
    name: str = "bed1"

    async def as_toml(self) -> str:
        who = await identity(self.family)
        return (
            f'[[pump]]\nname = "{self.name}"\ndriver = "{self.family}"\nport = "{self.port}"\nmodel = "{who.model}"\n'
            f'serial = "{who.serial or self.name}"\nclamp = {str(self.family in CLAMPED).lower()}\nsimulated = true\n'
        )


async def identity(name: str) -> Identity:
    """What the simulated pump of a family says of itself, as the configuration has to name it."""
    if name not in _met:
        pump = simulate(name)
        memory.serve("who", pump, paced=False)
        driver = await family(name).connect("memory://who", {})
        try:
            said = await driver.identify()
            assert isinstance(said, Done), said
            _met[name] = said.value
        finally:
            await driver.close()
            memory.withdraw("who")
            pump.shut()
    return _met[name]


_met: dict[str, Identity] = {}
