"""What the package installs where, and which Debian it is for. One table for the builder and its tests."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = "opt/pumpd"
LIBRARIES = f"{HOME}/lib"
PROGRAMS = f"{HOME}/bin"
DOCUMENTS = "usr/share/doc/pumpd"
ADDED_DRIVERS = "/usr/local/lib/pumpd"  # a site's own drivers: docs/how-to/install.md
CONFIG = "/etc/pumpd/pumpd.toml"

ARCHITECTURES = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}  # Debian's name, and the wheels'


@dataclass(frozen=True, slots=True)
class Debian:
    """A Debian and its Python. Raspberry Pi OS has the same."""

    name: str
    suite: str
    python: str


DEBIANS = {each.name: each for each in (Debian("deb12", "bookworm", "3.11"), Debian("deb13", "trixie", "3.13"))}

# Each group of distributions is a folder in lib/: the extra of pumpd that asks for it, or "" for what control needs.
GROUPS = {"core": "", "bedside": "bedside", "telemetry": "telemetry", "fleet": "fleet", "cli": "cli", "gpio": "gpio"}
SIMULATORS = "simulators"  # a group by itself: it uses core, bedside and telemetry
OWN = {"pumpd": ("core", "."), "pumpd-drivers": ("core", "drivers"), "pumpd-simulators": (SIMULATORS, "simulators")}


@dataclass(frozen=True, slots=True)
class Program:
    """A program in bin/: what it runs, and the groups that it can import. No other package of the machine is seen."""

    module: str
    groups: tuple[str, ...]
    purpose: str


PROGRAMS_TABLE = {
    "pumpd": Program("pumpd", ("core", "cli"), "the commands of a gateway"),
    "pumpd-control": Program("pumpd.control", ("core", "gpio"), "control: the pumps, over serial lines"),
    "pumpd-bedside": Program("pumpd.bedside", ("core", "bedside"), "bedside: the tablets' HTTPS server"),
    "pumpd-telemetry": Program(
        "pumpd.telemetry", ("core", "telemetry", "fleet"), "telemetry: the journal to an MQTT broker and to the ward"
    ),
    "pumpd-vitals": Program("pumpd.vitals", ("core", "telemetry"), "vitals: vital signs from an MQTT broker"),
    # Asked by the maintainer scripts of packaging/: exit status 0 permits.
    "pumpd-may-update": Program("pumpd.update.may", ("core",), "whether the software may be changed now"),
    "pumpsim": Program(
        "pumpd_simulators", ("core", "bedside", "telemetry", SIMULATORS), "simulated pumps, for trials without a pump"
    ),
}
COMMANDS = ("pumpd", "pumpsim")  # on everyone's path


def wrapper(name: str, python: str) -> str:
    """The program as a shell script. `-S`: the machine's own Python packages cannot get in; `-s`: nor a user's."""
    program = PROGRAMS_TABLE[name]
    path = ":".join([*(f"/{LIBRARIES}/{group}" for group in program.groups), ADDED_DRIVERS])
    return (
        "#!/bin/sh\n"
        f"# pumpd {program.purpose} (not a cleared medical device).\n"
        f"export PYTHONPATH={path} PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1\n"
        f"export PUMPD_PROGRAMS=/{PROGRAMS}\n"
        f'exec /usr/bin/python{python} -S -s -m {program.module} "$@"\n'
    )
