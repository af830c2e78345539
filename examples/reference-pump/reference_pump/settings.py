"""The settings of a reference pump."""

from pydantic import Field

from pumpd.driving import DriverSettings


class ReferenceSettings(DriverSettings):
    """Nothing about the protocol is assumed: the firmware's source is its manual."""

    address: int = Field(default=1, ge=1, le=254)
