"""The serial ports of the pumps, and what else on a machine reaches for a serial port."""

import os
import stat
from collections.abc import Iterator

from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, bad, line, not_checked, ok, problem, warning
from pumpd.doctor.machine import Process
from pumpd.host.units import CONTROL
from pumpd.messages.no_answer import holder
from pumpd.pump_bindings import unstable_port
from pumpd.settings import PumpSettings
from pumpd.wire.holders import holding
from pumpd.wire.port_links import stale

SERIAL_GROUP = "dialout"  # of the control unit, by SupplementaryGroups=
LOGIN_GROUPS = ("dialout", "uucp")  # that a person may be a member of
RULES = "60-pumpd.rules"
RULE_FOLDERS = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
LOGINS = ("agetty", "getty")
_IGNORED = "ID_MM_"  # ID_MM_PORT_IGNORE or ID_MM_DEVICE_IGNORE


def _on_ports(facts: Facts) -> list[PumpSettings]:
    """The pumps on a port of this machine; the others are reached over TCP."""
    return [pump for pump in facts.settings.pumps if pump.port.startswith("/")] if facts.settings else []


@line(
    "serial.port",
    "Serial port",
    when="it is not there, or is a link that leads nowhere or to another program",
    to_do="Plug the adapter in, and see `ls -l /dev/serial/by-path` for its name; correct `port`.",
)
def _there(facts: Facts) -> Iterator[Finding]:
    for pump in _on_ports(facts):
        place = facts.machine.at(pump.port)
        if why := stale(str(place)):
            yield bad(facts, f"{pump.port}: {why}", of=pump.name)
        elif not place.exists():
            yield bad(facts, f"{pump.port} is not there", of=pump.name)
        else:
            yield ok(pump.port, of=pump.name)


@line(
    "serial.name",
    "Serial port's name",
    when="the name may mean another adapter after a reboot",
    to_do="Use the name in /dev/serial/by-path (the USB socket) or by-id (the adapter).",
)
def _name(facts: Facts) -> Iterator[Finding]:
    for pump in _on_ports(facts):
        why = unstable_port(pump.port)
        yield bad(facts, why.removeprefix("port: "), of=pump.name) if why else ok("it stays the same", of=pump.name)


@line(
    "serial.permission",
    "Permission for the port",
    when=f"the port's group is not `{SERIAL_GROUP}`, or the group may not read and write",
    to_do="Install pumpd's udev rules and replug the adapter, or run `udevadm trigger`.",
)
def _permission(facts: Facts) -> Iterator[Finding]:
    for pump in _on_ports(facts):
        try:
            found = facts.machine.at(pump.port).stat()
        except FileNotFoundError:
            continue  # the line above says so
        group = facts.machine.group(pump.port)
        shown = f"{stat.filemode(found.st_mode)[1:]}, group {group}"
        if not facts.installed and os.access(facts.machine.at(pump.port), os.R_OK | os.W_OK):
            yield ok(shown, of=pump.name)
        elif not facts.installed and group not in LOGIN_GROUPS:
            yield not_checked(f"{shown}: it belongs to another user", of=pump.name)
        elif not facts.installed:
            to_do = f"Run `sudo adduser $USER {group}`, and sign in again."
            yield bad(facts, f"{shown}: this user may not open it", to_do, of=pump.name)
        elif group == SERIAL_GROUP and found.st_mode & 0o060 == 0o060:
            yield ok(shown, of=pump.name)
        else:
            yield bad(facts, f"{shown}: control may not open it", of=pump.name)


@line(
    "serial.exclusive",
    "Nothing else has the port open",
    when="another program has the port open: it takes the pump's replies, or sends bytes of its own",
    to_do="End that program, and see that it does not start again.",
    outside=True,
)
def _exclusive(facts: Facts) -> Iterator[Finding]:
    own = _own(facts)
    for pump in _on_ports(facts):
        place = facts.machine.at(pump.port)
        if not place.exists():
            continue
        others = [name for pid, name in holding(str(place), facts.machine.at("/proc")) if pid not in own]
        if others:
            yield problem(f"{pump.port}: {', '.join(others)}", of=pump.name)
        elif not facts.machine.is_root:
            yield not_checked(f"{NEEDS_ROOT} to see other users' programs", of=pump.name)
        else:
            yield ok("only pumpd" if own else "no program", of=pump.name)


def _own(facts: Facts) -> set[int]:
    """Control and its deadmen, which outlive it."""
    held = holder(facts.machine.at(facts.settings.lock_path), facts.machine.at("/proc/locks")) if facts.settings else 0
    return {
        each.pid
        for each in facts.machine.processes
        if each.unit == CONTROL or (held and held in (each.pid, each.parent)) or _is_deadman(each)
    }


def _is_deadman(process: Process) -> bool:
    return any(word.endswith("pumpd/wire/deadman.py") for word in process.words)


@line(
    "serial.rules",
    "Rules for serial adapters (udev)",
    when=f"`{RULES}` is not installed: no stable names, and other services may take an adapter for a modem",
    to_do="Install the package again, then run `udevadm control --reload && udevadm trigger`.",
)
def _rules(facts: Facts) -> Iterator[Finding]:
    found = _rule_file(facts)
    if found:
        yield ok(found)
    elif facts.installed:
        yield bad(facts, "not installed")
    else:
        yield not_checked("pumpd is not installed as a package here")


def _rule_file(facts: Facts) -> str:
    files = (f"{folder}/{RULES}" for folder in RULE_FOLDERS)
    return next((file for file in files if facts.machine.text(file) is not None), "")


@line(
    "serial.modem_manager",
    "ModemManager",
    when="it runs, and no rule keeps it from sending modem commands to a pump",
    to_do="Run `systemctl disable --now ModemManager`, or install pumpd's udev rules.",
)
def _modem_manager(facts: Facts) -> Iterator[Finding]:
    if not any(each.name == "ModemManager" for each in facts.machine.processes):
        yield ok("does not run")
    elif (file := _rule_file(facts)) and _IGNORED in (facts.machine.text(file) or ""):
        yield ok("runs, and is kept away from the adapters by a rule")
    else:
        yield bad(facts, "runs, and nothing keeps it away from the adapters")


@line(
    "serial.brltty",
    "brltty",
    when="brltty (braille displays) runs, or its rules are installed: it takes USB serial adapters as soon as they are "
    "plugged in",
    to_do="Run `apt-get remove brltty`, then replug the adapters.",
)
def _brltty(facts: Facts) -> Iterator[Finding]:
    rules = [name for folder in RULE_FOLDERS for name in facts.machine.names(folder) if "brltty" in name]
    if any(each.name == "brltty" for each in facts.machine.processes):
        yield bad(facts, "runs")
    elif rules:
        yield warning(f"does not run, but its rules would start it: {rules[0]}")
    else:
        yield ok("not there")


@line(
    "serial.console",
    "Console on a serial port",
    when="the kernel's console or a login is on the port of a pump",
    to_do="Take `console=` of that port out of the kernel's command line (`raspi-config`: Interface Options, Serial "
    "Port, no login shell), and run `systemctl disable --now serial-getty@PORT`.",
)
def _console(facts: Facts) -> Iterator[Finding]:
    words = (facts.machine.text("/proc/cmdline") or "").split()
    consoles = {_last(each.partition("=")[2].partition(",")[0]) for each in words if each.startswith("console=")}
    logins = {_last(word) for each in facts.machine.processes if each.name in LOGINS for word in each.words}
    for pump in _on_ports(facts):
        own = {_last(os.path.realpath(facts.machine.at(pump.port))), _last(pump.port)}
        if found := own & consoles:
            yield bad(facts, f"{found.pop()} is the kernel's console", of=pump.name)
        elif found := own & logins:
            yield bad(facts, f"a login waits on {found.pop()}", of=pump.name)
        else:
            yield ok("none on this port", of=pump.name)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


GROUP = Group("Serial ports", (_there, _name, _permission, _exclusive, _console, _rules, _modem_manager, _brltty))
