"""A simulated family: its models, its options, and how its device is made.

Families are found by the entry-point group `pumpd.simulators`, so that `pumpsim` and the conformance suite work with a
third-party simulator as with those in this package.
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
    """The options of one family: addresses, modules, and the other choices for every assumption.

    Each field has a default and a description (`Field(description=...)`), which `pumpsim FAMILY --help` shows; the
    field `some_name` is the option `--some-name`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "SimulatorOptions":
        """From texts or values. Raises ValueError that names every wrong field and the reason."""
        try:
            return cls.model_validate({key.replace("-", "_"): value for key, value in options.items()})
        except ValidationError as error:
            raise ValueError(reasons(error, "options")) from error


def reasons(error: ValidationError, whole: str) -> str:
    """Every wrong field and the reason; an error of all fields together is reported for the `whole`."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or whole}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False)
    )


@dataclass(frozen=True, slots=True)
class Family:
    """`units` returns how many plants the options need; `make` builds the device on them, as after power-up, on the
    running event loop; `physics` returns the plant's defaults for a model and a seed.
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
    """No installed distribution simulates that family. The message lists the known ones."""


class BrokenFamilyError(ValueError):
    """An installed distribution simulates that family, but its code does not load. The message gives the reason."""


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
        raise BrokenFamilyError(f"family {name} does not load: {found[name].value} is not a Family")
    return loaded
