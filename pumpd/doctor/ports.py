"""The network ports on which pumpd's processes listen, compared with the published list (SEC-14)."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import NEEDS_ROOT, Finding, Group, bad, line, not_checked, ok, warning
from pumpd.doctor.machine import Machine, Process
from pumpd.settings import Settings

# The kernel's tables, and the state in which a socket takes what comes from others (include/net/tcp_states.h).
_TABLES = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
_SOCKET = re.compile(r"^socket:\[(\d+)\]$")


def published(settings: Settings) -> dict[str, int]:
    """By process, its only port: the list of docs/reference/bedside.md. Every other process has none."""
    found = {}
    if settings.bedside is not None:
        found["bedside"] = settings.bedside.port
    if settings.metrics is not None and settings.metrics.socket is None:
        found["telemetry"] = settings.metrics.port
    return found


@line(
    "units.ports",
    "Network ports",
    when="a process of pumpd listens on a port that is not in the published list (docs/reference/bedside.md) (red), or "
    "not on its own (yellow)",
    to_do="See what it is: `ss -lntup`. Restart the service when no infusion runs; if the port is back, something has "
    "changed pumpd: install the package again.",
)
def _ports(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        yield not_checked(NO_SETTINGS)
        return
    wanted, open_ports, good = published(facts.settings), set(), True
    running = [(each, name) for each in facts.machine.processes if (name := _name(facts, each))]
    for each, name in running:
        of = f"{name} ({each.pid})"
        try:
            listening = sorted(_listening(facts.machine, each.pid))
        except PermissionError:
            yield not_checked(NEEDS_ROOT, of=of)
            return
        for kind, address, port in listening:
            if kind == "TCP" and wanted.get(name) == port:
                open_ports.add(port)
            else:
                good = False
                yield bad(facts, f"it listens on {kind} {address} port {port}, which is not in the list", of=of)
        if name in wanted and wanted[name] not in open_ports:
            good = False
            advice = f"See why in its log, and whether another program has the port: `ss -lntp sport = {wanted[name]}`."
            yield warning(f"it does not listen on its TCP port {wanted[name]}", advice, of=of)
    if not running:
        yield not_checked("no process of pumpd runs here")
    elif good:
        yield ok(", ".join(f"TCP {port}" for port in sorted(open_ports)) or "no port is open")


def _name(facts: Facts, process: Process) -> str:
    """Which of this gateway's processes it is, such as `bedside`; empty for any other."""
    if process.unit.startswith("pumpd-"):
        return process.unit.removeprefix("pumpd-").removesuffix(".service")
    words = process.words
    named = next((words[place + 1] for place, word in enumerate(words[:-1]) if word == "-m"), "")
    config = next((words[place + 1] for place, word in enumerate(words[:-1]) if word == "--config"), "")
    if not named.startswith("pumpd.") or not config:
        return ""
    try:
        folder = facts.machine.at(f"/proc/{process.pid}/cwd").readlink()
    except OSError:  # another user's, or it has ended
        return ""
    return named.removeprefix("pumpd.") if folder / config == facts.config.absolute() else ""


def _listening(machine: Machine, pid: int) -> Iterator[tuple[str, str, int]]:
    """Kind, address and port of each socket of a process, in its own network. Raises PermissionError."""
    own = set()
    for number in machine.names(f"/proc/{pid}/fd"):
        try:
            found = _SOCKET.match(str(machine.at(f"/proc/{pid}/fd/{number}").readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
        own |= {found[1]} if found else set()
    for table, state in _TABLES.items():
        for row in (machine.text(Path(f"/proc/{pid}/net/{table}")) or "").splitlines()[1:]:
            fields = row.split()
            if len(fields) > 9 and fields[3] == state and fields[9] in own:
                address, _, port = fields[1].partition(":")
                yield table[:3].upper(), _address(address), int(port, 16)


def _address(raw: str) -> str:
    """The kernel prints each four bytes as a number of this machine, which is little-endian on all that pumpd knows."""
    parts = [bytes.fromhex(raw[at : at + 8])[::-1] for at in range(0, len(raw), 8)]
    return str(ipaddress.ip_address(b"".join(parts)))


GROUP = Group("Network", (_ports,))
