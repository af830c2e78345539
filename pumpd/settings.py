"""Configuration of a gateway: one TOML file and the drop-ins beside it.

`pumpd.toml` and then `pumpd.d/*.toml` in sorted order; tables merge, later values win. An unknown key is an error,
because it is probably misspelt. Every error is listed, with its file and key.
"""

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
CareArea = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
# An Ed25519 public key, as the one line between the first and the last of its PEM file.
PublicKey = Annotated[str, StringConstraints(pattern=r"^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$")]

_LOOPBACK = re.compile(r"^http://(127\.0\.0\.1|localhost):[0-9]{1,5}(/pumps/[A-Za-z0-9_-]+)?$")

DEFAULT_PATH = Path("/etc/pumpd/pumpd.toml")


class SettingsError(ValueError):
    """The configuration cannot be used. `problems` holds a line for each error: file, key and reason."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("configuration refused:\n  " + "\n  ".join(problems))


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MqttSettings(_Section):
    host: str
    port: int = Field(default=8883, ge=1, le=65535)
    tls: bool = True
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    keepalive_s: int = Field(default=10, ge=5, le=60)


class PumpSettings(_Section):
    """One pump.

    `serial` is what the confirmation binds to: the pump's own serial number, or the asset label on its case for a
    family that does not report one. `clamp`: there is a line clamp that closes by itself when this gateway dies.
    Without one, a pump is refused if only its programmed volume would end the flow (COM-13).
    """

    name: Name
    driver: str
    port: str
    serial: str = Field(min_length=1, max_length=64)
    model: str
    channel: int = Field(default=1, ge=1, le=16)
    simulated: bool = False
    clamp: bool = False
    settings: Mapping[str, Any] = Field(default_factory=dict)


class SimulationSettings(_Section):
    """`time_scale` makes clinical time run that many times faster than real time, for simulated pumps only.

    The serial line does not get faster: much above 240, confirming that a pump has stopped takes longer than the window
    allows. `unsigned_library`: simulated pumps may be started with a drug library that is not signed.
    """

    time_scale: int = Field(default=1, ge=1, le=240)
    unsigned_library: bool = False


class HardwareSettings(_Section):
    """Real pumps stay off until `enabled`, and until the banner is acknowledged in these words."""

    enabled: bool = False
    acknowledged: str = ""


class BedsideLimits(_Section):
    """What the tablets' server gives to all clients together, so that none of them can take it from the others.

    `connections`: open at once; one more closes an idle one. `requests`: in progress at once, live streams included. A
    stop is not counted, so the connections beyond `requests` are its reserve. `handshake_s`: for the TLS handshake.
    `request_s`: for a whole request header, and between two requests. `body_s`: for a body. `unread_s`: how long an
    answer may wait for a client that does not read.
    """

    connections: int = Field(default=200, ge=15, le=400)
    requests: int = Field(default=100, ge=5, le=350)
    handshake_s: float = Field(default=5, gt=0, le=60)
    request_s: float = Field(default=5, gt=0, le=60)
    body_s: float = Field(default=5, gt=0, le=60)
    unread_s: float = Field(default=10, gt=0, le=60)

    @model_validator(mode="after")
    def _reserve(self) -> "BedsideLimits":
        if self.connections - self.requests < 10:
            raise ValueError("connections: at least 10 more than requests are needed, as the reserve for stops")
        return self


class BedsideSettings(_Section):
    """The tablets' server.

    `names`: the host names by which tablets reach this gateway, for its certificate. `bench`: by pump, the loopback
    address of a simulated pump's control port, for the engineer's panel.
    """

    host: str = "0.0.0.0"  # noqa: S104  # tablets come over the ward's network; TLS and pairing guard it
    port: int = Field(default=8443, ge=1, le=65535)
    names: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    bench: Mapping[Name, str] = Field(default_factory=dict)
    limits: BedsideLimits = BedsideLimits()


class AlarmSettings(_Section):
    """`output`: a brightness file of the kernel's LED class that drives an LED or a buzzer. None: there is none."""

    output: Path | None = None


class SupplySettings(_Section):
    """`full_minutes`: how long this gateway runs on a full battery, as measured by the site; needed for a battery that
    reports only a percentage. `sysfs`: where the kernel's files are.
    """

    full_minutes: int | None = Field(default=None, ge=1, le=7 * 24 * 60)
    sysfs: Path = Path("/sys")


ACKNOWLEDGEMENT = "not a cleared medical device"


class Settings(_Section):
    gateway: Name
    state_dir: Path
    library_dir: Path | None = None
    library_keys: Mapping[Name, PublicKey] = Field(default_factory=dict)  # those that may sign a library
    care_area: CareArea | None = None  # which library this gateway may use
    socket: Path | None = None
    clock_trusted: bool = False  # its own clock keeps time; the site answers for its error (PWR-12, STA-11)
    mqtt: MqttSettings | None = None
    bedside: BedsideSettings | None = None
    alarm: AlarmSettings = AlarmSettings()
    supply: SupplySettings | None = None
    hardware: HardwareSettings = HardwareSettings()
    simulation: SimulationSettings = SimulationSettings()
    pumps: tuple[PumpSettings, ...] = Field(default=(), alias="pump")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        names = [pump.name for pump in self.pumps]
        if len(set(names)) != len(names):
            raise ValueError("pump: two pumps have the same name")
        real = [pump.name for pump in self.pumps if not pump.simulated]
        bench = dict(self.bedside.bench) if self.bedside else {}
        real_ones = f"not simulated: {', '.join(real)}"
        if bench and real:
            raise ValueError(f"bedside.bench: only where all pumps are simulated; {real_ones}")
        if unknown := sorted(set(bench) - set(names)):
            raise ValueError(f"bedside.bench: {', '.join(unknown)}: no pump has that name")
        if far := sorted(name for name, url in bench.items() if not _LOOPBACK.match(url)):
            raise ValueError(f"bedside.bench: {', '.join(far)}: http://127.0.0.1:PORT, or a path below it, is needed")
        if real and self.simulation.time_scale != 1:
            raise ValueError(f"simulation.time_scale: only simulated pumps run faster than real time; {real_ones}")
        if real and self.simulation.unsigned_library:
            raise ValueError(f"simulation.unsigned_library: only for simulated pumps; {real_ones}")
        if self.library_keys and self.simulation.unsigned_library:
            raise ValueError("simulation.unsigned_library: library_keys are set, so the library must be signed")
        if self.library_keys and self.care_area is None:
            raise ValueError("care_area: is missing; library_keys alone do not say which library may be used here")
        if real and not (self.hardware.enabled and self.hardware.acknowledged == ACKNOWLEDGEMENT):
            raise ValueError(
                f"hardware: {', '.join(real)} not marked `simulated = true`; to drive real pumps set "
                f'hardware.enabled = true and hardware.acknowledged = "{ACKNOWLEDGEMENT}"'
            )
        return self

    @property
    def supply_watched(self) -> SupplySettings | None:
        """Always set where a pump is real. With simulated pumps only, perhaps on a laptop, it has to be configured."""
        real = any(not pump.simulated for pump in self.pumps)
        return self.supply or (SupplySettings() if real else None)

    @property
    def journal_path(self) -> Path:
        return self.state_dir / "journal.sqlite3"

    @property
    def keys_path(self) -> Path:
        return self.state_dir / "paired-keys.json"

    @property
    def staff_path(self) -> Path:
        return self.state_dir / "staff.json"

    @property
    def tls_dir(self) -> Path:
        """The certificate authority and the server's certificate that `pumpd tls` makes."""
        return self.state_dir / "tls"

    @property
    def socket_path(self) -> Path:
        return self.socket or self.state_dir / "control.sock"

    def deadman_socket(self, pump: str) -> Path:
        """The socket of a pump's deadman process, beside the control socket."""
        return self.socket_path.parent / f"deadman-{pump}.sock"

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read the file and its drop-ins. Raises SettingsError with every problem found."""
        merged: dict[str, Any] = {}
        problems: list[str] = []
        drop_ins = sorted(path.with_suffix(".d").glob("*.toml"))
        for file in (path, *drop_ins):
            try:
                with file.open("rb") as stream:
                    _merge(merged, tomllib.load(stream, parse_float=Decimal))
            except OSError as error:
                problems.append(f"{file}: cannot be read: {error.strerror}")
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                problems.append(f"{file}: not valid TOML: {error}")
        if problems:
            raise SettingsError(problems)
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            raise SettingsError(
                [
                    f"{path}: {'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}"
                    for item in error.errors(include_url=False)
                ]
            ) from error


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
