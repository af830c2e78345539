"""A simulated family: its models, its options, and how its device is made.

Families are found by the entry-point group `pumpd.simulators`, so that `pumpsim` and the conformance suite work with a
third-party simulator as with those in this package.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from pumpd_simulators.device import Device
from pumpd_simulators.faults import did_you_mean
from pumpd_simulators.plant import Plant, PlantSettings

ENTRY_POINT_GROUP = "pumpd.simulators"


def _listed(given: object) -> object:
    """`1,2` as [1, 2]; one value as a list of one."""
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
    return [str(each) for each in parts if each != ""]


Listed = BeforeValidator(_listed)  # of values separated by commas; each must be readable from text


class SimulatorOptions(BaseModel):
    """The options of one family: addresses, identity, and the other choices for every assumption.

    Each field has a default and a description (`Field(description=...)`), which `pumpsim FAMILY --help` shows; the
    field `some_name` is the option `--some-name`. What other families have too has the same name there: `addresses`,
    `serial`, `firmware`, `reported_model`, `rate_max_ml_h`, `vtbi_max_ml`, `rate_at_rest`, `has_...`. `aliases` are the
    names of earlier versions and the present ones; they are accepted and not shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aliases: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _by_present_names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        named: dict[str, Any] = {}
        for name, value in given.items():
            present = cls.aliases.get(name, name)
            if present in named:
                raise ValueError(f"{name} is another name of {present}; give one of them")
            named[present] = value
        return named

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "SimulatorOptions":
        """From texts or values. Raises ValueError that names every wrong field and the reason."""
        given = {key.replace("-", "_"): value for key, value in options.items()}
        unknown = [name for name in given if name not in cls.model_fields and name not in cls.aliases]
        wrong = [f"{name}: there is no such option{did_you_mean(name, cls.model_fields)}" for name in unknown]
        try:
            made = cls.model_validate({name: value for name, value in given.items() if name not in unknown})
        except ValidationError as error:
            raise ValueError("; ".join([*wrong, reasons(error, "options")])) from error
        if wrong:
            raise ValueError("; ".join(wrong))
        return made


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


@cache
def families() -> Mapping[str, EntryPoint]:
    """Families by name, not yet loaded. Looked for once: that reads what every distribution says."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)}


def family(name: str) -> Family:
    """The family of that name. Raises UnknownFamilyError, BrokenFamilyError."""
    found = families()
    if name not in found:
        known = ", ".join(found) or "none"
        raise UnknownFamilyError(f"family {name!r} is not simulated{did_you_mean(name, found)}; known: {known}")
    try:
        loaded = found[name].load()
    except Exception as error:
        raise BrokenFamilyError(f"family {name} does not load: {type(error).__name__}: {error}") from error
    if not isinstance(loaded, Family):
        raise BrokenFamilyError(f"family {name} does not load: {found[name].value} is not a Family")
    return loaded
