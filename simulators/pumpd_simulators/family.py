"""A family that can be simulated: its models, its own options, and how its device is made.

Families are found by the entry-point group `pumpd.simulators`, so a third party's simulator is served by `pumpsim` and
tried by the conformance suite like those here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pumpd_simulators.device import Device
from pumpd_simulators.plant import Plant, PlantSettings

ENTRY_POINT_GROUP = "pumpd.simulators"


class SimulatorOptions(BaseModel):
    """What can be chosen for one family: addresses, modules, and for every assumption the other choices.

    Each field has a default and a description (`Field(description=...)`): `pumpsim FAMILY --help` shows them, and a
    field `some_name` is the option `--some-name`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "SimulatorOptions":
        """From texts or values. Raises ValueError that names every field and reason."""
        try:
            return cls.model_validate({key.replace("-", "_"): value for key, value in options.items()})
        except ValidationError as error:
            raise ValueError(reasons(error, "options")) from error


def reasons(error: ValidationError, whole: str) -> str:
    """Every wrong field and why; what is wrong with all of them together is said of the `whole`."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or whole}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False)
    )


@dataclass(frozen=True, slots=True)
class Family:
    """`units` tells how many plants a choice of options needs; `make` builds the device on them, powered, as from
    power-up, on the running event loop; `physics` are the plant's defaults for a model and a seed.
    """

    name: str
    title: str
    models: tuple[str, ...]
    options: type[SimulatorOptions]
    make: Callable[[Sequence[Plant], str, Any], Device]  # plants, model, options (of the family's own class)
    physics: Callable[[str, int], PlantSettings]  # model, seed
    units: Callable[[Any], int] = lambda _: 1
    paced: bool = True  # False for a family whose line is a network


class UnknownFamilyError(ValueError):
    """No installed distribution simulates that family. The message lists those that are simulated."""


class BrokenFamilyError(ValueError):
    """An installed distribution simulates that family, and its code does not load. The message says why."""


def families() -> dict[str, EntryPoint]:
    """Families by name, not yet loaded."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)}


def family(name: str) -> Family:
    """The family of that name. Raises UnknownFamilyError, BrokenFamilyError."""
    found = families()
    if name not in found:
        raise UnknownFamilyError(f"family {name!r} is not simulated; known: {', '.join(found) or 'none'}")
    try:
        loaded = found[name].load()
    except Exception as error:
        raise BrokenFamilyError(f"family {name} does not load: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, Family):
        raise BrokenFamilyError(f"family {name} does not load: {found[name].value} is no Family")
    return loaded
