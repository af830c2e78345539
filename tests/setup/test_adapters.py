"""Serial adapters get the name that does not change: of the adapter if it has a serial number, else of the socket."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pumpd.pump_bindings import unstable_port
from pumpd.setup.adapters import adapters


@dataclass
class Listed:
    """As pyserial lists a port."""

    device: str
    serial_number: str | None = None
    vid: int | None = 0x0403
    description: str = "FT232R USB UART"


def machine(root: Path) -> None:
    """Two adapters, links as udev makes them, and one link that leads to neither."""
    for name in ("ttyUSB0", "ttyUSB1", "ttyS0"):
        (root / "dev").mkdir(exist_ok=True)
        (root / "dev" / name).touch()
    links = {
        "serial/by-id/usb-FTDI_FT232R_A1-if00-port0": "ttyUSB1",
        "serial/by-path/platform-usb-0:1.1:1.0-port0": "ttyUSB0",
        "serial/by-path/platform-usb-0:1.2:1.0-port0": "ttyUSB1",
        "pumpd/usb/platform-usb-0:1.1:1.0": "ttyUSB0",
        "serial/by-id/gone": "ttyUSB9",
    }
    for name, target in links.items():
        link = root / "dev" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(root / "dev" / target)


@pytest.mark.requirement("COM-15")
def test_each_adapter_gets_a_name_that_does_not_change(tmp_path):
    machine(tmp_path)
    found = adapters([Listed("/dev/ttyUSB1", serial_number="A1"), Listed("/dev/ttyUSB0")], tmp_path)
    assert [each.port for each in found] == [
        "/dev/pumpd/usb/platform-usb-0:1.1:1.0",  # no serial number: the socket
        "/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0",
    ]
    assert all(each.stable and each.usb and not unstable_port(each.port) for each in found)


def test_a_port_without_such_a_name_and_the_boards_own_are_told_apart(tmp_path):
    machine(tmp_path)
    own, usb = adapters([Listed("/dev/ttyUSB5"), Listed("/dev/ttyS0", vid=None, description="n/a")], tmp_path)
    assert (own.port, own.usb, own.stable, own.what) == ("/dev/ttyS0", False, False, "serial port")
    assert (usb.port, usb.usb, usb.stable) == ("/dev/ttyUSB5", True, False)
