"""Versions: of pumpd, its drivers, Python, the system and the kernel."""

import platform
from collections.abc import Iterator
from importlib import metadata

from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Finding, Group, line, ok, warning
from pumpd.doctor.machine import pairs

PYTHONS = ((3, 11), (3, 13))
DEBIANS = ("12", "13")


def versions(facts: Facts) -> dict[str, str]:
    """By name; what is not installed is left out."""
    machine = facts.machine
    found = {name: _installed(name) for name in ("pumpd", "pumpd-drivers", "pumpd-simulators")}
    package = machine.program("dpkg-query", "-W", "-f", "${Version} ${Architecture}", "pumpd")
    found |= {
        "package": (package or "").strip(),
        "python": platform.python_version(),
        "system": pairs(machine.text("/etc/os-release") or "").get("PRETTY_NAME", ""),
        "kernel": machine.text("/proc/sys/kernel/osrelease") or "",
        "machine": platform.machine(),
        "board": machine.text("/proc/device-tree/model") or "",
        "systemd": machine.properties.get("Version", ""),
    }
    return {name: version for name, version in found.items() if version}


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@line(
    "version.pumpd",
    "pumpd",
    when="the package and the program that runs are of different versions",
    to_do="Run the program of the package, /usr/bin/pumpd; see `command -v pumpd`.",
)
def _pumpd(facts: Facts) -> Iterator[Finding]:
    found = versions(facts)
    own, package = found.get("pumpd", "not known"), found.get("package", "")
    shown = ", ".join(f"{name} {found[name]}" for name in ("pumpd-drivers", "package") if name in found)
    if package and not package.startswith(own):
        yield warning(f"{own}, but the package is {package}")
    else:
        yield ok(f"{own}{f'; {shown}' if shown else ''}")


@line(
    "version.system",
    "System",
    when=f"Python is not {PYTHONS[0][0]}.{PYTHONS[0][1]} to {PYTHONS[1][0]}.{PYTHONS[1][1]}, or the system is not "
    f"Debian {' or '.join(DEBIANS)}: pumpd is not tested there",
    to_do="Use Raspberry Pi OS or Debian of one of these versions.",
)
def _system(facts: Facts) -> Iterator[Finding]:
    found = versions(facts)
    shown = ", ".join(found.get(name, "") or f"{name} not known" for name in ("system", "kernel", "machine"))
    text = f"{shown}, Python {found['python']}"
    python = tuple(int(each) for each in found["python"].split(".")[:2])
    debian = pairs(facts.machine.text("/etc/os-release") or "").get("VERSION_ID", "")
    tested = PYTHONS[0] <= python <= PYTHONS[1] and debian in DEBIANS
    yield ok(text) if tested else warning(text)


GROUP = Group("Versions", (_pumpd, _system))
