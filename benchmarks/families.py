"""The families that are measured: those of pumpd's own drivers, and what an infusion on each needs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pumpd.pump import Done, Identity, Mark, families, family
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from pumpd_simulators.family import family as simulated

FIRST = "new-era"  # the family to use where only one is measured
# Only the programmed volume ends their flow, so an order needs a line clamp (COM-13).
CLAMPED = {"fresenius-base-a", "harvard", "harvard-classic", "poseidon", "reglo-icc", "zyno-miva"}
MOST = {"harvard-classic": 9}  # pumps with an address of their own from 1 on: a Model 22 has one digit
ORDERS: Mapping[str, Mapping[str, str]] = {name: {"container": "100 mL bag"} for name in ("reglo-icc", "zyno-miva")}


def own() -> list[str]:
    """pumpd's own families, not those of other distributions; FIRST comes first."""
    names = [name for name, point in families().items() if point.value.startswith("pumpd_drivers.")]
    return sorted(names, key=lambda name: (name != FIRST, name))


def own_mark(name: str, number: int = 1) -> tuple[dict[str, int], dict[str, str]]:
    """Driver settings and simulator options by which a pump of this family shows which one it is: an address, or a
    serial number of its own.
    """
    if Mark.ADDRESS in family(name).marks:
        return {"address": number}, {"addresses": str(number)}
    serial = simulated(name).options.model_fields.get("serial")
    if serial is None or number == 1:
        return {}, {}
    letters, digits = re.fullmatch(r"(.*?)(\d+)", str(serial.default)).groups()
    return {}, {"serial": f"{letters}{int(digits) + number - 1:0{len(digits)}}"}


def controlled(names: Iterable[str]) -> list[str]:
    """The families whose pumps take a stop."""
    return [name for name in names if not family(name).monitor_only]


def named(given: Sequence[str]) -> Sequence[str]:
    """Those that were given on the command line of a single benchmark, or all; exits if there is no such family."""
    if unknown := set(given) - set(own()):
        raise SystemExit(f"no such family: {', '.join(sorted(unknown))}; known: {', '.join(own())}")
    return given or own()


@dataclass(frozen=True)
class Bed:
    """A pump in the configuration of the control process. No two have the same `number`."""

    family: str
    port: str
    name: str = "bed1"
    number: int = 1

    async def as_toml(self) -> str:
        who = await identity(self.family, self.number)
        return (
            f'[[pump]]\nname = "{self.name}"\ndriver = "{self.family}"\nport = "{self.port}"\nmodel = "{who.model}"\n'
            f'serial = "{who.serial or self.name}"\nclamp = {str(self.family in CLAMPED).lower()}\nsimulated = true\n'
            + "".join(f"settings.{key} = {value}\n" for key, value in own_mark(self.family, self.number)[0].items())
        )


async def identity(name: str, number: int = 1) -> Identity:
    """What the simulated pump with this number reports about itself; the configuration has to match it."""
    settings, options = own_mark(name, number if "serial" in own_mark(name, number)[1] else 1)
    kind = (name, options.get("serial"))
    if kind not in _identified:
        pump = simulate(name, options=options)
        memory.serve("who", pump, paced=False)
        driver = await family(name).connect("memory://who", settings)
        try:
            outcome = await driver.identify()
            assert isinstance(outcome, Done), outcome
            _identified[kind] = outcome.value
        finally:
            await driver.close()
            memory.withdraw("who")
            pump.shut()
    return _identified[kind]


_identified: dict[tuple[str, str | None], Identity] = {}
