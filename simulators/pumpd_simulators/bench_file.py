"""A bench of several pumps, as a TOML file that `pumpsim serve` reads.

    speed = 60                      # for all pumps; also seed, pacing = false, control = "8440"

    [[pump]]
    name = "bed-1"                  # its name at the control port
    family = "new-era"              # also model, seed (default: the bench's seed plus the pump's place)
    pty = "/tmp/bed-1"              # or tcp = "127.0.0.1:4001"
    options = { addresses = 3 }     # options of the family
    faults = ["occlusion@12min"]
    quirks = ["latency=16ms"]       # of the line, from the beginning

Paths are relative to the directory in which the command was started.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from pumpd_simulators.clock import FASTEST
from pumpd_simulators.family import reasons
from pumpd_simulators.faults import Fault
from pumpd_simulators.port import host_port


def _address(text: str) -> str:
    host_port(text)
    return text


def _fault(text: str) -> str:
    Fault.parse(text)
    return text


def _quirk(text: str) -> str:
    Fault.quirk(text)
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Address = Annotated[str, AfterValidator(_address)]


class BenchFileError(ValueError):
    """A file that does not describe a bench; the message names the file, every wrong field and the reason."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PumpEntry(_Part):
    name: Name
    family: str
    model: str | None = None
    pty: Path | None = None
    tcp: Address | None = None
    seed: int | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    faults: tuple[Annotated[str, AfterValidator(_fault)], ...] = ()
    quirks: tuple[Annotated[str, AfterValidator(_quirk)], ...] = ()

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        if (self.pty is None) == (self.tcp is None):
            raise ValueError("give either pty or tcp")
        return self


class BenchFile(_Part):
    speed: float = Field(default=1.0, gt=0, le=FASTEST)
    seed: int = 0
    pacing: bool = True
    control: Address | None = None
    pump: tuple[PumpEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        names = [pump.name for pump in self.pump]
        ports = [str(pump.pty or pump.tcp) for pump in self.pump if pump.pty or not str(pump.tcp).endswith(":0")]
        wrong = [
            f"each pump needs a {what} of its own; given twice: {', '.join(twice)}"
            for what, given in (("name", names), ("port", ports))
            if (twice := sorted({each for each in given if given.count(each) > 1}))
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @classmethod
    def read(cls, path: Path) -> "BenchFile":
        """Raises BenchFileError, OSError."""
        try:
            with path.open("rb") as file:
                return cls.model_validate(tomllib.load(file))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BenchFileError(f"{path}: not valid TOML: {error}") from error
        except ValidationError as error:
            raise BenchFileError(f"{path}: {reasons(error, 'file')}") from error
