"""The services: running, started at boot, as shipped, and of the installed version; their memory and descriptors."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, bad, line, not_checked, ok, problem, warning
from pumpd.doctor.machine import Process
from pumpd.host.units import CONTROL, needed, unit

PACKAGE = "/var/lib/dpkg/info/pumpd.list"  # replaced at each installation
NOT_INSTALLED = "pumpd is not installed as services here"
# What a site may say in a drop-in without making a service less closed.
SITE_KEYS = ("IPAddressDeny", "IPAddressAllow", "LoadCredential", "CPUWeight", "After", "Wants", "Description")
SHIPPED = ("/usr/lib/systemd/", "/lib/systemd/")
FULL = 80  # percent of a limit
_KEY = re.compile(r"^\s*([A-Za-z]+)\s*=", re.MULTILINE)


def expected(facts: Facts) -> list[str]:
    """The units that this configuration needs."""
    return [CONTROL] if facts.settings is None else [*map(unit, needed(facts.settings))]


def _none(facts: Facts) -> Finding | None:
    """Why the services cannot be checked here."""
    if not facts.installed:
        return not_checked(NOT_INSTALLED)
    return None if facts.machine.unit(CONTROL) else not_checked("systemd does not run here")


@line(
    "units.active",
    "Service",
    when="a service that the configuration needs does not run (red), or was restarted (yellow)",
    to_do="See why: `journalctl -u NAME -b`. Start it: `systemctl enable --now NAME`.",
)
def _active(facts: Facts) -> Iterator[Finding]:
    if (why := _none(facts)) is not None:
        yield why
        return
    for name in expected(facts):
        unit, of = facts.machine.unit(name), _short(name)
        state, restarts = unit.get("ActiveState", "unknown"), unit.get("NRestarts", "0")
        if unit.get("LoadState") != "loaded":
            yield problem(
                f"it is {unit.get('LoadState', 'not known')}", _named("Install the package again.", name), of=of
            )
        elif state != "active":
            yield problem(f"{state} ({unit.get('Result') or unit.get('SubState')})", _named(_active.to_do, name), of=of)
        elif restarts != "0":
            yield warning(
                f"runs since {unit.get('ActiveEnterTimestamp')}, restarted {restarts} times",
                f"See why: `journalctl -u {of} -p warning`.",
                of=of,
            )
        else:
            yield ok(f"runs since {unit.get('ActiveEnterTimestamp')}", of=of)


def _short(name: str) -> str:
    return name.removesuffix(".service")


def _named(text: str, name: str) -> str:
    return text.replace("NAME", _short(name))


@line(
    "units.enabled",
    "Started at boot",
    when="a service does not start by itself after a power cut",
    to_do="Run `systemctl enable NAME`.",
)
def _enabled(facts: Facts) -> Iterator[Finding]:
    if (why := _none(facts)) is not None:
        yield why
        return
    for name in expected(facts):
        state = facts.machine.unit(name).get("UnitFileState") or "not known"
        if state.startswith("enabled"):
            yield ok(state, of=_short(name))
        else:
            yield bad(facts, state, _named(_enabled.to_do, name), of=_short(name))


@line(
    "units.sandbox",
    "Limits of the service",
    when="a unit file of the site replaces the shipped one, or a drop-in changes more than addresses and credentials",
    to_do="Compare with the shipped unit: `systemd-delta --diff`. Remove what is not needed: each service is closed "
    "for a reason.",
)
def _sandbox(facts: Facts) -> Iterator[Finding]:
    if (why := _none(facts)) is not None:
        yield why
        return
    for name in expected(facts):
        unit, of = facts.machine.unit(name), _short(name)
        file = unit.get("FragmentPath", "")
        drop_ins = [each for each in unit.get("DropInPaths", "").split() if not each.startswith(SHIPPED)]
        keys = sorted({key for each in drop_ins for key in _keys_of(facts, each)} - {*SITE_KEYS})
        if file and not file.startswith(SHIPPED):
            yield bad(facts, f"{file} replaces the shipped unit", of=of)
        elif keys:
            yield warning(f"{', '.join(drop_ins)} sets {', '.join(keys)}", of=of)
        else:
            yield ok(f"as shipped{f', and {len(drop_ins)} drop-ins of the site' if drop_ins else ''}", of=of)


def _keys_of(facts: Facts, file: str) -> list[str]:
    return _KEY.findall(facts.machine.text(file) or "")


@line(
    "units.version",
    "Running version",
    when="a process is older than the installed package: the update takes effect only at its restart",
    to_do="Restart it when no infusion runs and no patient is under observation: `systemctl restart NAME`.",
)
def _version(facts: Facts) -> Iterator[Finding]:
    try:
        installed = facts.machine.at(PACKAGE).stat().st_mtime
    except FileNotFoundError:
        yield not_checked("pumpd is not installed as a package here")
        return
    booted = facts.now.timestamp() - facts.machine.up_s
    old = sorted({each.unit for each in _processes(facts) if booted + each.started_s < installed})
    at = f"{datetime.fromtimestamp(installed, UTC):%Y-%m-%d %H:%M} UTC"
    for name in old:
        yield warning(f"started before the package was installed, {at}", _named(_version.to_do, name), of=_short(name))
    if not old:
        yield ok(f"every process is newer than the package, of {at}")


def _processes(facts: Facts) -> list[Process]:
    return [each for each in facts.machine.processes if each.unit.startswith("pumpd-")]


@line(
    "units.package",
    "Files of the package",
    when="an installed file is not what the package holds",
    to_do="Install the package again: `apt-get install --reinstall pumpd`.",
)
def _package(facts: Facts) -> Iterator[Finding]:
    if facts.machine.text(PACKAGE) is None:
        yield not_checked("pumpd is not installed as a package here")
        return
    printed = facts.machine.program("dpkg", "--verify", "pumpd")
    if printed is None:
        yield not_checked("dpkg did not answer")
        return
    lines = [each for each in printed.splitlines() if each.strip() and " c " not in each]  # c: a site may change it
    closed = [each for each in lines if "denied" in each]
    changed = [each.split()[-1] for each in lines if each not in closed]
    changed = [each for each in changed if not each.startswith("/usr/share/")]  # a site may leave documents out
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        yield bad(facts, f"changed: {', '.join(changed[:3])}{more}")
    elif closed:
        yield not_checked(f"{NEEDS_ROOT} for {len(closed)} files")
    else:
        yield ok("as installed")


@line(
    "units.update",
    "Last update",
    when="it was rolled back (yellow), or it began and is not finished (red)",
    to_do="Read why: `journalctl -u 'pumpd-update*'`. If it is interrupted, reboot when no infusion runs: the version "
    "before it is installed again.",
    outside=True,
)
def _update(facts: Facts) -> Iterator[Finding]:
    last = facts.update.last
    if facts.update.denied:
        yield not_checked(NEEDS_ROOT)
    elif facts.update.under_way:
        yield bad(facts, f"under way or interrupted: {facts.update.under_way.replace(' ', ' to ')}")
    elif not last:
        yield ok("none yet")
    elif last.get("outcome") == "rolled back":
        yield warning(f"{last.get('to')} was rolled back to {last.get('from')}: {last.get('why')}")
    else:
        yield ok(f"{last.get('from')} to {last.get('to')}: {last.get('outcome')}")


@line(
    "units.memory",
    "Memory of the service",
    when=f"it uses {FULL} % of what it may use",
    to_do="See its log for what it does: `journalctl -u NAME`. A restart gives the memory back.",
)
def _memory(facts: Facts) -> Iterator[Finding]:
    if (why := _none(facts)) is not None:
        yield why
        return
    for name in expected(facts):
        unit, of = facts.machine.unit(name), _short(name)
        used, most = unit.get("MemoryCurrent", ""), unit.get("MemoryMax", "")
        if not used.isdigit():
            yield not_checked("systemd does not count it", of=of)
            continue
        text = f"{int(used) >> 20} MB" + (f" of {int(most) >> 20} MB" if most.isdigit() else "")
        full = most.isdigit() and int(used) * 100 >= int(most) * FULL
        yield warning(text, _named(_memory.to_do, name), of=of) if full else ok(text, of=of)


@line(
    "units.descriptors",
    "Open files of the service",
    when=f"it has {FULL} % of the files and connections open that it may have",
    to_do="See who is connected: `ss -xp`. Restart the service when no infusion runs.",
)
def _descriptors(facts: Facts) -> Iterator[Finding]:
    found = _processes(facts)
    if not found:
        yield not_checked("no service of pumpd runs")
    for each in found:
        of = f"{_short(each.unit)} ({each.pid})"
        try:
            count = len(facts.machine.names(f"/proc/{each.pid}/fd"))
            limits = facts.machine.text(f"/proc/{each.pid}/limits") or ""
        except PermissionError:
            yield not_checked(NEEDS_ROOT, of=of)
            continue
        most = next((line.split()[3] for line in limits.splitlines() if line.startswith("Max open files")), "")
        text = f"{count}" + (f" of {most}" if most.isdigit() else "")
        full = most.isdigit() and count * 100 >= int(most) * FULL
        yield warning(text, _named(_descriptors.to_do, each.unit), of=of) if full else ok(text, of=of)


GROUP = Group("Services", (_active, _enabled, _sandbox, _version, _package, _update, _memory, _descriptors))
