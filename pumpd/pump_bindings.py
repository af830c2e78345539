"""What binds each configured pump to its bed, and what is wrong with it (COM-15)."""

import re
from collections.abc import Sequence

from pumpd.pump import DriverFamily, Mark, UnknownFamilyError, family, mark_of
from pumpd.settings import PumpSettings
from pumpd.texts import text

# The kernel gives these out in the order in which adapters appear.
_BY_ORDER = re.compile(r"^/dev/tty(USB|ACM)[0-9]+$")
_TERMINAL = re.compile(r"^/dev/pts/[0-9]+$")


def unstable_port(port: str) -> str:
    """Why this name may mean another adapter or program tomorrow; empty when it does not."""
    if _TERMINAL.match(port):
        return text(
            "port.terminal",
            "port: {port} may belong to another program later; use the link that `pumpsim --pty` makes",
            port=port,
        )
    if not _BY_ORDER.match(port):
        return ""
    return text(
        "port.by_order",
        "port: {port} may be another adapter after a reboot or a replug; use its name in /dev/serial/by-path or by-id",
        port=port,
    )


def binding_errors(pumps: Sequence[PumpSettings]) -> list[str]:
    """Pumps that could be mistaken for each other with this configuration."""
    found: list[str] = []
    for number, (pump, own) in enumerate(known := _known(pumps)):
        for earlier, other in known[:number]:
            if earlier.driver == pump.driver:
                found += _confusable(earlier, other, pump, own)
    return found


def binding_warnings(pumps: Sequence[PumpSettings]) -> list[str]:
    """What is weak, and what to do about it."""
    found = []
    for pump, own in _known(pumps):
        if why := unstable_port(pump.port):
            found.append(f"pump {pump.name}: {why}")
        if not own.monitor_only and mark_of(own, pump.settings) is None:
            address = "give it an address of its own, or " if Mark.ADDRESS in own.marks else ""
            found.append(
                f"pump {pump.name}: nothing shows which pump answers; {address}a person must identify it each time its "
                "link was lost"
            )
    return found


def _known(pumps: Sequence[PumpSettings]) -> list[tuple[PumpSettings, type[DriverFamily]]]:
    """Those with a driver and settings that it accepts; the others are reported elsewhere."""
    found = []
    for pump in pumps:
        try:
            own = family(pump.driver)
            own.check_settings(pump.settings)
        except (UnknownFamilyError, ValueError):
            continue
        found.append((pump, own))
    return found


def _confusable(
    earlier: PumpSettings, other: type[DriverFamily], pump: PumpSettings, own: type[DriverFamily]
) -> list[str]:
    marks = mark_of(other, earlier.settings), mark_of(own, pump.settings)
    both = f"pumps {earlier.name} and {pump.name}"
    if marks == (Mark.SERIAL, Mark.SERIAL) and (earlier.serial, earlier.channel) == (pump.serial, pump.channel):
        return [f"{both}: both have serial {pump.serial}, so they are one pump"]
    if marks == (Mark.ADDRESS, Mark.ADDRESS):
        address = own.own_address(pump.settings)
        if other.own_address(earlier.settings) == address:
            return [f"{both}: both have address {address}; give each pump an address of its own"]
    ports = [each.port for each in (earlier, pump) if unstable_port(each.port)]
    if marks == (None, None) and ports:
        swapped = f"{' and '.join(ports)} may be swapped by a reboot or a replug"
        remedy = "use names in /dev/serial/by-path, or give each pump an address of its own"
        return [f"{both}: nothing shows which is which, and {swapped}; {remedy}"]
    return []
