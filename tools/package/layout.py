"""What the packages install where, and which Debian they are for. One table for the builder and its tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
ARCHITECTURES = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}  # Debian's name, and the wheels'


@dataclass(frozen=True, slots=True)
class Debian:
    """A Debian and its Python. Raspberry Pi OS has the same."""

    name: str
    suite: str
    python: str


DEBIANS = {each.name: each for each in (Debian("deb12", "bookworm", "3.11"), Debian("deb13", "trixie", "3.13"))}


@dataclass(frozen=True, slots=True)
class Group:
    """A folder in lib/: what a distribution and its extra need, without what the groups beside it have."""

    distribution: str
    extra: str = ""
    beside: tuple[str, ...] = ("core",)


@dataclass(frozen=True, slots=True)
class Program:
    """A program in bin/: what it runs, and the groups that it can import. No other package of the machine is seen."""

    module: str
    groups: tuple[str, ...]
    purpose: str


@dataclass(frozen=True, slots=True)
class Product:
    """A Debian package. Folders of this repository are relative to ROOT."""

    name: str
    source: str  # of the distribution whose version it has
    texts: str  # control.in and the maintainer scripts
    systemd: str  # units, and the rules beside them
    config: str  # the services wait for this file
    groups: Mapping[str, Group]
    own: Mapping[str, tuple[str, str]]  # each distribution of this repository: its group, and where its source is
    programs: Mapping[str, Program]
    commands: tuple[str, ...]  # programs on everyone's path
    documents: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)  # further files: from the repository to where they go
    environment: Mapping[str, str] = field(default_factory=dict)  # of its programs
    added: str = ""  # a folder of the machine whose modules its programs see as well
    notices: str = ""  # what the page holds, below lib/

    @property
    def home(self) -> str:
        return f"opt/{self.name}"

    @property
    def libraries(self) -> str:
        return f"{self.home}/lib"

    @property
    def bin(self) -> str:
        return f"{self.home}/bin"

    @property
    def share(self) -> str:
        return f"usr/share/doc/{self.name}"

    @property
    def sbom(self) -> str:
        return f"{self.share}/sbom.cdx.json"

    @property
    def unit_files(self) -> tuple[Path, ...]:
        folder = ROOT / self.systemd
        kinds = ("*.service", "*.timer", "*.target")
        return tuple(sorted(path for kind in kinds for path in folder.glob(kind)))

    @property
    def enabled(self) -> tuple[str, ...]:
        """The units that an installation enables and starts; the others are started by one of these."""
        return tuple(path.name for path in self.unit_files if self._starts(path.read_text(encoding="utf-8")))

    @staticmethod
    def _starts(unit: str) -> bool:
        return "\nWantedBy=multi-user.target" in unit or "\nWantedBy=timers.target" in unit

    def wrapper(self, name: str, python: str) -> str:
        """The program as a shell script. `-S`: the machine's own Python packages cannot get in; `-s`: nor a user's."""
        program = self.programs[name]
        folders = [f"/{self.libraries}/{group}" for group in program.groups]
        path = ":".join([*folders, *([self.added] if self.added else [])])
        settings = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1", **self.environment}
        return (
            "#!/bin/sh\n"
            f"# {self.name} {program.purpose} (not a cleared medical device).\n"
            f"export {' '.join(f'{key}={value}' for key, value in settings.items())}\n"
            f'exec /usr/bin/python{python} -S -s -m {program.module} "$@"\n'
        )


GATEWAY = Product(
    name="pumpd",
    source=".",
    texts="packaging",
    systemd="systemd",
    config="/etc/pumpd/pumpd.toml",
    # The extra of pumpd that asks for it, or "" for what control needs.
    groups={
        "core": Group("pumpd", beside=()),
        "bedside": Group("pumpd", "bedside"),
        "telemetry": Group("pumpd", "telemetry"),
        "fleet": Group("pumpd", "fleet"),
        "cli": Group("pumpd", "cli"),
        "gpio": Group("pumpd", "gpio"),
        "simulators": Group("pumpd-simulators", "", ("core", "bedside", "telemetry")),
    },
    own={
        "pumpd": ("core", "."),
        "pumpd-drivers": ("core", "drivers"),
        "pumpd-simulators": ("simulators", "simulators"),
    },
    programs={
        "pumpd": Program("pumpd", ("core", "cli"), "the commands of a gateway"),
        "pumpd-control": Program("pumpd.control", ("core", "gpio"), "control: the pumps, over serial lines"),
        "pumpd-bedside": Program("pumpd.bedside", ("core", "bedside"), "bedside: the tablets' HTTPS server"),
        "pumpd-telemetry": Program(
            "pumpd.telemetry",
            ("core", "telemetry", "fleet"),
            "telemetry: the journal to an MQTT broker and to the ward",
        ),
        "pumpd-vitals": Program("pumpd.vitals", ("core", "telemetry"), "vitals: vital signs from an MQTT broker"),
        # Asked by the maintainer scripts of packaging/: exit status 0 permits.
        "pumpd-may-update": Program("pumpd.update.may", ("core",), "whether the software may be changed now"),
        "pumpsim": Program(
            "pumpd_simulators",
            ("core", "bedside", "telemetry", "simulators"),
            "simulated pumps, for trials without a pump",
        ),
    },
    commands=("pumpd", "pumpsim"),
    documents=("docs",),
    files={
        "systemd/sysusers.d/pumpd.conf": "usr/lib/sysusers.d/pumpd.conf",
        "systemd/tmpfiles.d/pumpd.conf": "usr/lib/tmpfiles.d/pumpd.conf",
        "systemd/udev.rules.d/60-pumpd.rules": "usr/lib/udev/rules.d/60-pumpd.rules",
        "config/pumpd.toml": "usr/share/doc/pumpd/examples/pumpd.toml",
        "config/bench.toml": "usr/share/doc/pumpd/examples/bench.toml",
        "config/mosquitto/pumpd.acl": "usr/share/doc/pumpd/examples/mosquitto/pumpd.acl",
        "config/mosquitto/pumpd.conf": "usr/share/doc/pumpd/examples/mosquitto/pumpd.conf",
        "systemd/system.conf.d/pumpd.conf": "usr/share/doc/pumpd/examples/system.conf.d/pumpd.conf",
        "systemd/timesyncd.conf.d/pumpd.conf": "usr/share/doc/pumpd/examples/timesyncd.conf.d/pumpd.conf",
        "README.md": "usr/share/doc/pumpd/README.md",
    },
    environment={"PUMPD_PROGRAMS": "/opt/pumpd/bin"},
    added="/usr/local/lib/pumpd",  # a site's own drivers: docs/how-to/install.md
    notices="core/pumpd/bedside/static/THIRD-PARTY-NOTICES.txt",
)

WARD = Product(
    name="pumpd-ward",
    source="ward",
    texts="packaging/ward",
    systemd="ward/systemd",
    config="/etc/pumpd-ward/ward.toml",
    groups={"core": Group("pumpd-ward", beside=()), "parquet": Group("pumpd-ward", "parquet")},
    own={"pumpd-ward": ("core", "ward")},
    programs={"pumpd-ward": Program("pumpd_ward", ("core", "parquet"), "many gateways at a glance")},
    commands=("pumpd-ward",),
    documents=(
        "docs/how-to/install-a-ward.md",
        "docs/how-to/ward.md",
        "docs/decisions/0046-the-engine-of-the-ward.md",
        "docs/decisions/0047-the-ward-reads-only.md",
        "docs/decisions/0052-sign-in-and-package-of-the-ward.md",
        "docs/decisions/0057-three-roles-in-the-wards-database.md",
        "examples/ward",
    ),
    files={
        "ward/systemd/sysusers.d/pumpd-ward.conf": "usr/lib/sysusers.d/pumpd-ward.conf",
        "config/ward/ward.toml": "usr/share/doc/pumpd-ward/examples/ward.toml",
        "config/ward/nats.conf": "usr/share/doc/pumpd-ward/examples/nats.conf",
    },
    notices="core/pumpd_ward/static/THIRD-PARTY-NOTICES.txt",
)

PRODUCTS = {each.name: each for each in (GATEWAY, WARD)}
