"""Configuration of a gateway: one TOML file and the drop-ins beside it.

`pumpd.toml` and then `pumpd.d/*.toml` in sorted order; tables merge, later values win. An unknown key is an error,
because it is probably misspelt. Every error is listed, with its file and key.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, model_validator

from pumpd.settings_brokers import BrokerSettings, FleetSettings, MqttSettings
from pumpd.settings_file import Read
from pumpd.settings_problems import APART, explained
from pumpd.settings_section import Name, Section
from pumpd.settings_vitals import VitalsSettings
from pumpd.socket_paths import control_lock, operator_socket
from pumpd.validation import SeveralError

CareArea = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
# An Ed25519 public key, as the one line between the first and the last of its PEM file.
PublicKey = Annotated[str, StringConstraints(pattern=r"^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$")]

_HERE = ("localhost", "127.0.0.1", "::1")  # a broker on this gateway: nothing goes over a network
_LOOPBACK = re.compile(r"^http://(127\.0\.0\.1|localhost):[0-9]{1,5}(/pumps/[A-Za-z0-9_-]+)?$")

_OWN = re.compile(r"^[a-z]+://(127\.[0-9.]+|localhost|\[::1\])(:|/|$)")
_DEVICE = re.compile(r"^/dev/(tty[A-Za-z]|serial|cu|rfcomm)")


class SettingsError(ValueError):
    """The configuration cannot be used. `problems` holds a line for each error: file, key and reason.

    `sound`: the settings without what is wrong by itself, so that the rest can be checked as well; nothing may run by
    them. None where a file could not be read.
    """

    def __init__(self, problems: list[str], sound: "Settings | None" = None) -> None:
        self.problems, self.sound = problems, sound
        super().__init__("configuration refused:\n  " + "\n  ".join(problems))


class MetricsSettings(Section):
    """Metrics of control, bedside and telemetry for Prometheus. Telemetry serves them over HTTP, without TLS. Without
    this section there are none.
    """

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=9464, ge=1, le=65535)
    """TCP port to listen on."""
    socket: Path | None = None
    """Listen on this local socket instead, and on no port."""


class PumpSettings(Section):
    """One section per pump."""

    name: Name
    """Name of the pump: part of MQTT topics, journal entries and commands. No two pumps share one."""
    driver: str
    """Pump family; `pumpd driver list` shows them."""
    port: str
    """Serial port, or `tcp://HOST:PORT`. Names from `/dev/serial/by-id` or `by-path` survive a reboot."""
    serial: str = Field(min_length=1, max_length=64)
    """The pump's serial number, or the asset label on its case if the family does not report a serial number. A
    confirmation is bound to it."""
    model: str
    """The model that the pump must report."""
    channel: int = Field(default=1, ge=1, le=16)
    """Channel of a pump with several channels."""
    simulated: bool = False
    """The pump is simulated. Every surface then shows that it is."""
    clamp: bool = False
    """There is a line clamp that closes by itself when this gateway dies. Without one, a pump is refused if only its
    programmed volume would end the flow (COM-13)."""
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of the driver; `pumpd driver show FAMILY` lists them with their assumptions."""


class SimulationSettings(Section):
    """For simulated pumps only; refused if any pump is real."""

    time_scale: int = Field(default=1, ge=1, le=240)
    """How many times faster than real time clinical time runs. The serial line does not get faster: much above 240,
    confirming that a pump has stopped would take longer than the window allows."""
    unsigned_library: bool = False
    """Start simulated pumps with a drug library that is not signed. Refused together with `library_keys`."""


class HardwareSettings(Section):
    """Real pumps stay disabled until both keys are set."""

    enabled: bool = False
    """Allow real pumps."""
    acknowledged: str = ""
    """Must be the words `not a cleared medical device`."""


class BedsideLimits(Section):
    """What the tablets' server gives to all clients together, so that none of them can take it from the others."""

    connections: int = Field(default=200, ge=15, le=400)
    """Connections open at once; one more closes an idle one."""
    requests: int = Field(default=100, ge=5, le=350)
    """Requests in progress at once, live streams included, three quarters of them for one address. A stop is not
    counted, so the connections beyond this number are its reserve."""
    handshake_s: float = Field(default=5, gt=0, le=60)
    """Seconds for the TLS handshake."""
    request_s: float = Field(default=5, gt=0, le=60)
    """Seconds for a whole request header, and between two requests."""
    body_s: float = Field(default=5, gt=0, le=60)
    """Seconds for a request body."""
    unread_s: float = Field(default=10, gt=0, le=60)
    """Seconds that an answer may wait for a client that does not read."""

    @model_validator(mode="after")
    def _reserve(self) -> "BedsideLimits":
        if self.connections - self.requests < 10:
            raise ValueError("connections: at least 10 more than requests are needed, as the reserve for stops")
        return self


class BedsideSettings(Section):
    """The tablets' server. Without this section there is none."""

    host: str = "0.0.0.0"  # noqa: S104  # tablets come over the ward's network; TLS and pairing guard it
    """Address to listen on."""
    port: int = Field(default=8443, ge=1, le=65535)
    """TCP port to listen on."""
    names: tuple[str, ...] = ()
    """Host names and addresses by which tablets reach this gateway, for the certificate that `pumpd tls` makes."""
    tls_cert: Path | None = None
    """The server's certificate, PEM. Default: the one that `pumpd tls` made."""
    tls_key: Path | None = None
    """The key of `tls_cert`, PEM."""
    bench: Mapping[Name, str] = Field(default_factory=dict)
    """By pump, the loopback address of a simulated pump's control port, for the engineer's panel. Only where all pumps
    are simulated."""
    limits: BedsideLimits = BedsideLimits()


class AlarmSettings(Section):
    """The gateway's own alarm signal."""

    output: Path | None = None
    """A brightness file of the kernel's LED class that drives an LED or a buzzer. Default: no signal."""


class GpioSettings(Section):
    """A stop button, a light and a buzzer at the gateway itself, on lines of one GPIO chip; needs the extra `gpio`.
    Without this section there are none.
    """

    chip: Path = Path("/dev/gpiochip0")
    """The GPIO chip."""
    stop_button: int | None = Field(default=None, ge=0, le=1023)
    """The line of the button that stops all pumps, by its number on the chip."""
    stop_button_active_low: bool = True
    """The button connects the line to ground when it is pressed. `false` for one that opens when it is pressed: then a
    broken cable is noticed as well, as a button that is always pressed."""
    stop_button_pull: Literal["up", "down", "none"] = "up"
    """The chip's own resistor on that line."""
    debounce_ms: int = Field(default=10, ge=1, le=50)
    """Milliseconds for which the button must be pressed, so that a disturbance on the line is no press."""
    light: int | None = Field(default=None, ge=0, le=1023)
    """The line of a light, which flashes while there is an alarm."""
    buzzer: int | None = Field(default=None, ge=0, le=1023)
    """The line of a buzzer, which sounds while there is an alarm and its sound is not paused."""
    outputs_active_low: bool = False
    """Light and buzzer are on while their lines are low."""

    @property
    def lines(self) -> dict[str, int]:
        """The configured lines by name."""
        named = {"stop_button": self.stop_button, "light": self.light, "buzzer": self.buzzer}
        return {name: line for name, line in named.items() if line is not None}

    @model_validator(mode="after")
    def _usable(self) -> "GpioSettings":
        if not self.lines:
            raise ValueError("gpio: stop_button, light or buzzer is needed; leave the section out if there are none")
        if len(set(self.lines.values())) != len(self.lines):
            raise ValueError("gpio: two of stop_button, light and buzzer are on the same line")
        return self


class SupplySettings(Section):
    """The gateway's battery, UPS and voltage. Also monitored without this section if any pump is real."""

    full_minutes: int | None = Field(default=None, ge=1, le=7 * 24 * 60)
    """Minutes for which this gateway runs on a full battery, as measured by the site. Needed for a battery that reports
    only a percentage."""
    sysfs: Path = Path("/sys")
    """Where the kernel's files are."""


ACKNOWLEDGEMENT = "not a cleared medical device"


class Settings(Section):
    """Keys above the first section."""

    gateway: Name
    """Name of this gateway: part of MQTT topics, journal entries and confirmations."""
    state_dir: Path
    """Directory of the journal, paired keys, staff and certificates."""
    library_dir: Path | None = None
    """The drug library. Default: `/etc/pumpd/library` if it exists, otherwise the shipped library."""
    library_keys: Mapping[Name, PublicKey] = Field(default_factory=dict)
    """Public keys that may sign a library, by name."""
    care_area: CareArea | None = None
    """The care area whose library this gateway may use. Required with `library_keys`."""
    socket: Path | None = None
    """The operator socket, which the command line uses. Default: `control.sock` in `state_dir`."""
    tablet_socket: Path | None = None
    """The tablet socket, which bedside uses. Default: `tablet.sock` beside the operator socket."""
    vitals_socket: Path | None = None
    """The vitals socket, which the process that receives vital signs uses. Default: `vitals.sock` beside the operator
    socket. It exists only with the section `[vitals]`."""
    clock_trusted: bool = False
    """The gateway's own clock keeps time without a network, and the site is responsible for its error (PWR-12,
    STA-11)."""
    archive_mb: int = Field(default=4000, ge=0, le=1_000_000)
    """How many megabytes of old journal entries are kept as files in `journal-archive` in `state_dir`, written before
    retention removes them; beyond that the oldest files are deleted. 0: none are kept."""
    mqtt: MqttSettings | None = None
    fleet: FleetSettings | None = None
    metrics: MetricsSettings | None = None
    bedside: BedsideSettings | None = None
    alarm: AlarmSettings = AlarmSettings()
    gpio: GpioSettings | None = None
    supply: SupplySettings | None = None
    vitals: VitalsSettings | None = None
    hardware: HardwareSettings = HardwareSettings()
    simulation: SimulationSettings = SimulationSettings()
    pumps: tuple[PumpSettings, ...] = Field(default=(), alias="pump")

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> "Settings":
        if info.context is APART:
            return self
        if found := [*self._of_pumps(), *self._of_sections(), *self._of_library()]:
            raise SeveralError(found)
        return self

    def _of_pumps(self) -> Iterator[str]:
        """What a pump may not be: simulated where a real one can be, or real where nothing allows it."""
        names = [pump.name for pump in self.pumps]
        real = [pump.name for pump in self.pumps if not pump.simulated]
        real_ones = f"not simulated: {', '.join(real)}"
        if len(set(names)) != len(names):
            yield "pump: two pumps have the same name"
        if real and not (self.hardware.enabled and self.hardware.acknowledged == ACKNOWLEDGEMENT):
            yield (
                f"hardware: {', '.join(real)} not marked `simulated = true`; to drive real pumps set "
                f'hardware.enabled = true and hardware.acknowledged = "{ACKNOWLEDGEMENT}"'
            )
        hardware = {number: why for number, pump in enumerate(self.pumps) if (why := hardware_port(pump.port))}
        for number, why in hardware.items():
            if self.pumps[number].simulated:
                yield f"pump.{number}.simulated: {why}, so a real pump may be there; a simulated pump is never there"
        if self.simulation.time_scale != 1:
            if real:
                yield f"simulation.time_scale: only simulated pumps run faster than real time; {real_ones}"
            if hardware:
                ports = ", ".join(hardware.values())
                yield f"simulation.time_scale: a real pump does not run faster than real time, and {ports}"
        if real and self.simulation.unsigned_library:
            yield f"simulation.unsigned_library: only for simulated pumps; {real_ones}"
        if real and self.bedside is not None and self.bedside.bench:
            yield f"bedside.bench: only where all pumps are simulated; {real_ones}"

    def _of_sections(self) -> Iterator[str]:
        names = {pump.name for pump in self.pumps}
        bench = dict(self.bedside.bench) if self.bedside else {}
        if unknown := sorted(set(bench) - names):
            yield f"bedside.bench: {', '.join(unknown)}: no pump has that name"
        if far := sorted(name for name, url in bench.items() if not _LOOPBACK.match(url)):
            yield f"bedside.bench: {', '.join(far)}: http://127.0.0.1:PORT, or a path below it, is needed"
        if unknown := sorted(set(self.vitals.topics if self.vitals else ()) - names):
            yield f"vitals.topics: {', '.join(unknown)}: no pump has that name"
        brokers: dict[str, BrokerSettings | None] = {
            "mqtt": self.mqtt,
            "fleet": self.fleet,
            "vitals.broker": self.vitals.broker if self.vitals else None,
        }
        for section, broker in brokers.items():
            if broker is not None and broker.password_file is not None and not broker.tls and broker.host not in _HERE:
                yield f"{section}.tls: a password needs TLS, or the network can read it; set tls = true"

    def _of_library(self) -> Iterator[str]:
        if self.library_keys and self.simulation.unsigned_library:
            yield "simulation.unsigned_library: library_keys are set, so the library must be signed"
        if self.library_keys and self.care_area is None:
            yield "care_area: is missing; library_keys alone do not say which library may be used here"

    @property
    def real_pumps(self) -> list[str]:
        """The names of the pumps that are not simulated."""
        return [pump.name for pump in self.pumps if not pump.simulated]

    @property
    def supply_watched(self) -> SupplySettings | None:
        """Always set where a pump is real. With simulated pumps only, perhaps on a laptop, it has to be configured."""
        real = any(not pump.simulated for pump in self.pumps)
        return self.supply or (SupplySettings() if real else None)

    @property
    def journal_path(self) -> Path:
        return self.state_dir / "journal.sqlite3"

    @property
    def archive_path(self) -> Path:
        return self.state_dir / "journal-archive"

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
    def lock_path(self) -> Path:
        """The file that control holds while it runs, so that a second one touches neither journal nor pump."""
        return control_lock(self.state_dir)

    @property
    def socket_path(self) -> Path:
        """The operator socket, which the command line uses."""
        return operator_socket(self.state_dir, self.socket)

    @property
    def tablet_socket_path(self) -> Path:
        """The tablet socket, which bedside uses; it accepts fewer requests."""
        return self.tablet_socket or self.socket_path.parent / "tablet.sock"

    @property
    def vitals_socket_path(self) -> Path:
        """The vitals socket, which takes vital signs and nothing else."""
        return self.vitals_socket or self.socket_path.parent / "vitals.sock"

    def deadman_socket(self, pump: str) -> Path:
        """The socket of a pump's deadman process, beside the operator socket."""
        return self.socket_path.parent / f"deadman-{pump}.sock"

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read the file and its drop-ins. Raises SettingsError with every problem found."""
        return cls.of(Read(path))

    @classmethod
    def of(cls, read: Read) -> "Settings":
        """The same from files that have been read."""
        if read.problems:
            raise SettingsError(read.problems)
        try:
            return cls.model_validate(read.merged)
        except ValidationError as error:
            raise SettingsError(*explained(cls, read, error)) from error


def hardware_port(port: str) -> str:
    """Why a real pump may be at this port; empty where only a simulated one can be.

    A link is followed: `/dev/serial/by-id/…`, or one of udev's, leads to the device itself.
    """
    if re.match(r"^(tcp|socket)://", port):
        return "" if _OWN.match(port) else f"{port} is on another machine"
    device = os.path.realpath(port) if port.startswith("/") else port
    if port.startswith("/dev/serial/") or _DEVICE.match(device):
        return f"{port} is a serial port" if device == port else f"{port} is a serial port ({device})"
    return ""
