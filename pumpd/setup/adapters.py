"""The serial adapters of this machine, by names that do not change."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from serial.tools.list_ports import comports

# Names of udev's own rules and of pumpd's. Where the adapter has a serial number, it names the adapter, wherever it is
# plugged in; otherwise the USB socket does.
BY_ADAPTER = ("/dev/pumpd/serial", "/dev/serial/by-id")
BY_SOCKET = ("/dev/pumpd/usb", "/dev/serial/by-path")


class Listed(Protocol):
    """What pyserial knows about a port."""

    device: str
    description: str
    serial_number: str | None
    vid: int | None


@dataclass(frozen=True, slots=True)
class Adapter:
    """`port`: the name to configure. `stable`: it means the same adapter or socket after a reboot. `usb`: otherwise it
    is the board's own port, where a console may be.
    """

    port: str
    device: str
    what: str
    stable: bool
    usb: bool


def adapters(listed: Iterable[Listed] | None = None, root: Path = Path("/")) -> list[Adapter]:
    """Every adapter that the kernel knows, by device. `listed`, `root`: for tests."""
    found = comports() if listed is None else listed
    return sorted((_adapter(each, root) for each in found), key=lambda each: each.device)


def _adapter(listed: Listed, root: Path) -> Adapter:
    by_adapter, by_socket = (_names(listed.device, folders, root) for folders in (BY_ADAPTER, BY_SOCKET))
    names = [*by_adapter, *by_socket] if listed.serial_number else [*by_socket, *by_adapter]
    what = listed.description if listed.description not in ("", "n/a") else "serial port"
    return Adapter(
        names[0] if names else listed.device, listed.device, what, stable=bool(names), usb=listed.vid is not None
    )


def _names(device: str, folders: Iterable[str], root: Path) -> list[str]:
    """The links in these directories that lead to the device."""
    target = (root / device.lstrip("/")).resolve()
    return [
        f"/{link.relative_to(root)}"
        for folder in folders
        for link in sorted((root / folder.lstrip("/")).glob("*"))
        if link.resolve() == target
    ]
