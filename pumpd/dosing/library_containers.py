"""The containers of the drug library: syringes and bags, from `containers.toml`.

Promises:
- The lowest rate of a syringe cannot be loosened (PRG-13). A dead volume is 1 mL unless stated (PRG-12).
- Only a bag has an overfill, and a plausible one.
"""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from pumpd.dosing import limits
from pumpd.dosing.library_text import parsed
from pumpd.dosing.limits import LengthText, RateText, Section, VolumeText
from pumpd.pump import Container
from pumpd.quantities import Rate, Volume, plain

CONTAINERS_FILE = "containers.toml"
OVERFILL_MOST = Decimal("0.2")  # [P] of a bag's volume; more is a typing error

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]


class _ContainerTable(Section):
    """A syringe (with its inner diameter) or a bag. `minimum_rate` is a syringe's lowest recommended rate (PRG-13).
    `overfill` is what a bag holds beyond its volume.
    """

    name: Name
    volume: VolumeText
    overfill: VolumeText = Volume(0)
    dead_volume: VolumeText = Volume(1)
    minimum_rate: RateText | None = None
    diameter: LengthText | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.dead_volume >= self.volume:
            raise ValueError(f"dead_volume {self.dead_volume} leaves nothing of {self.volume}")
        if self.overfill and self.diameter:
            raise ValueError("overfill: a syringe holds its volume and no more; only a bag has an overfill")
        if self.overfill > self.volume.times(OVERFILL_MOST):
            raise ValueError(f"overfill {self.overfill} is more than {plain(OVERFILL_MOST * 100)} % of {self.volume}")
        least = limits.syringe_minimum(self.volume) if self.diameter else None
        if self.diameter and self.minimum_rate is None:
            raise ValueError("minimum_rate: a syringe needs its lowest recommended rate")
        if self.minimum_rate is not None and least is not None and self.minimum_rate < least:
            raise ValueError(f"minimum_rate {self.minimum_rate} is looser than {least} for this size (PRG-13)")
        return self

    def container(self) -> Container:
        least = self.minimum_rate or Rate(0)
        return Container(self.name, self.volume, self.dead_volume, least, self.diameter, self.overfill)


class _ContainersFile(Section):
    container: tuple[_ContainerTable, ...] = Field(min_length=1)

    @field_validator("container")
    @classmethod
    def _named_once(cls, tables: tuple[_ContainerTable, ...]) -> tuple[_ContainerTable, ...]:
        names = [table.name for table in tables]
        if len(set(names)) != len(names):
            raise ValueError("two containers have the same name")
        return tables


def parse_containers(text: str, name: str = CONTAINERS_FILE) -> dict[str, Container]:
    """Read the containers from TOML text. Raises LibraryError."""
    return {table.name: table.container() for table in parsed(_ContainersFile, text, name).container}
