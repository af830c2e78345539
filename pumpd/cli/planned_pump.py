"""For which pump `pumpd program` plans: a family with settings, or a pump of a gateway's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pumpd.cli.setting import settings_of
from pumpd.dosing import Library, Refusal, Refusals
from pumpd.pump import Capabilities, UnknownFamilyError, family
from pumpd.quantities import QuantityError
from pumpd.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class PlannedPump:
    """Its family and settings; for one of a gateway, its name and model, and the gateway's library too."""

    driver: str
    settings: Mapping[str, object]
    name: str = ""
    model: str = ""
    library: Path | None = None

    @classmethod
    def of(cls, driver: str | None, settings: list[str] | None) -> "PlannedPump":
        """From the command line. Raises Refusals."""
        if driver is None:
            known = "an installed pump family (see `pumpd driver list`)"
            raise Refusals(
                [Refusal("driver", f"is missing. Accepted: {known}, or a pump of the configuration as --pump")]
            )
        try:
            return cls(driver, settings_of(settings))
        except QuantityError as error:
            raise Refusals([Refusal("setting", error.reason)]) from error

    @classmethod
    def configured(cls, name: str, path: Path) -> "PlannedPump":
        """From a gateway's configuration. Raises Refusals."""
        try:
            gateway = Settings.load(path)
        except SettingsError as error:
            raise Refusals([Refusal("config", problem) for problem in error.problems]) from error
        for each in gateway.pumps:
            if each.name == name:
                return cls(each.driver, each.settings, name, each.model, gateway.library_dir)
        known = ", ".join(each.name for each in gateway.pumps) or "no pump"
        raise Refusals([Refusal("pump", f"{name!r} is not in {path}, which has {known}")])

    def capabilities(self, library: Library | None, container: str) -> Capabilities | None:
        """What it can do with that container; None when the container is unknown, which is reported elsewhere.

        Raises Refusals.
        """
        try:
            found = family(self.driver)
        except UnknownFamilyError as error:
            raise Refusals([Refusal("driver", str(error.args[0]))]) from error
        try:
            found.check_settings(self.settings)
        except ValueError as error:
            raise Refusals([Refusal("setting", f"{self.driver}: {error}")]) from error
        if library is None or container not in library.containers:
            return None
        try:
            return found.capabilities(library.containers[container], self.settings)
        except ValueError as error:
            raise Refusals([Refusal("container", f"{self.driver} cannot use it: {error}")]) from error

    def __str__(self) -> str:
        return f"{self.name}, a {self.driver} pump ({self.model})" if self.name else f"a {self.driver} pump"
