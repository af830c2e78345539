"""A machine that QEMU emulates: Debian's kernel, a disk, a network card, USB sockets and a hardware watchdog.

No KVM by default: every instruction is emulated, so this runs wherever QEMU does. `PUMPD_VM_ACCEL=kvm` uses it.

Promises:
- QEMU ends with the test, by its own process id, and with the process that started it, however that ends.
- The network leads only to the forwarded port of the tablets' server and, from inside, to one broker on this host.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.vm.channel import Agent, ChannelError, Monitor
from tools.mutants.forks import end_with_parent

ACCEL = os.environ.get("PUMPD_VM_ACCEL", "tcg,thread=multi,tb-size=256")
UP_WITHIN_S = 600.0  # a machine that is emulated, on a host that is busy; a test that passes does not wait
GATEWAY = "ward-7"
BROKER = ("10.0.2.100", 1883)  # where the machine finds the broker of this host
SOCKETS = ("1", "2", "3", "4.1", "4.2")  # USB sockets; those at 4 are on a hub
# Modules for devices that no gateway has: loading them takes an emulated machine seconds.
UNUSED = ("floppy", "pcspkr", "ata_piix", "ata_generic", "i2c_piix4", "cfg80211", "rfkill", "drm")


@dataclass(frozen=True)
class Arch:
    """How a machine of this architecture is emulated."""

    program: str
    machine: str
    cpu: str  # the simplest one: what a newer one has is slower when it is emulated
    console: str


ARCHES = {
    "amd64": Arch("qemu-system-x86_64", "pc,i8042=off", "qemu64", "ttyS0"),
    "arm64": Arch("qemu-system-aarch64", "virt,gic-version=3", "cortex-a57", "ttyAMA0"),
}


@dataclass(frozen=True)
class Image:
    """An installed gateway: kernel, initramfs and disk, which stay as they are; a machine writes to a layer above."""

    folder: Path
    arch: str = "amd64"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"


@dataclass
class Machine:
    """`folder` is short: it holds sockets. `cables`: the pseudo-terminal at the end of each adapter, by name."""

    folder: Path
    image: Image
    cables: Mapping[str, Path]
    port: int
    broker_port: int = 0
    memory_mb: int = 768
    brought: Path | None = None  # a file of this host that the machine reads as /dev/vdb
    boots: int = 0
    _process: Any = None

    def __post_init__(self) -> None:
        self.monitor = Monitor(self.folder / "monitor")
        self.agent = Agent(self.folder / "agent")
        self.console = self.folder / "console.log"
        self.disk = self.folder / "disk.qcow2"
        base = ["-b", str(self.image.disk), "-F", "raw", str(self.disk)]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *base], check=True)

    # -- power -------------------------------------------------------------------------------------------------------

    def on(self, *, clock: str = "", disk: str = "") -> float:
        """Switch it on, and wait for its first sign of life from systemd; returns the seconds. `clock`: the time that
        its battery clock shows, as QEMU takes it; `disk`: further properties of the drive.
        """
        assert self._process is None, "it is on"
        began = time.monotonic()
        self.boots += 1
        for name in ("monitor", "agent", "operator"):
            (self.folder / name).unlink(missing_ok=True)
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(clock, disk),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then end it
                preexec_fn=end_with_parent,  # noqa: PLW1509 - one call of the system, before QEMU begins
            )
        self._wait(self.monitor.answers, began, "QEMU's monitor")
        self.alive(began)
        return time.monotonic() - began

    def alive(self, began: float | None = None) -> None:
        """Wait until the machine answers."""
        self._wait(self.agent.answers, time.monotonic() if began is None else began, "the machine to answer")

    def cut(self) -> None:
        """The power is cut: QEMU is killed in the middle of whatever it does."""
        assert self._process is not None, "it is off"
        self._process.kill()
        self._ended()

    def shut_down(self) -> float:
        """Press the power button and wait until it is off; returns the seconds."""
        began = time.monotonic()
        self.monitor.ask("system_powerdown")
        self._process.wait(UP_WITHIN_S)
        self._ended()
        return time.monotonic() - began

    def close(self) -> None:
        if self.is_on:
            self.cut()

    @property
    def is_on(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def _ended(self) -> None:
        self._process.wait()
        self._process = None

    def _wait(self, true: Any, began: float, what: str) -> None:
        while not true():
            if self._process.poll() is not None:
                raise ChannelError(f"QEMU ended: {(self.folder / 'qemu.log').read_text()[-500:]}")
            if time.monotonic() > began + UP_WITHIN_S:
                raise ChannelError(f"waited {UP_WITHIN_S:g} s for {what}; the console ends:\n{self.said()}")
            time.sleep(0.05)

    def said(self) -> str:
        """The end of what the console showed."""
        with contextlib.suppress(OSError):
            return self.console.read_text(encoding="utf-8", errors="replace")[-3000:]
        return ""

    # -- cables ------------------------------------------------------------------------------------------------------

    def plug(self, cable: str, socket_: str, serial: str | None = None) -> None:
        """Plug the adapter of a cable into a USB socket. `serial`: the adapter's own number; None: it has none."""
        # QEMU invents a number where none is given; an adapter without one has an empty one.
        self.monitor.ask(
            "device_add", driver="usb-serial", id=f"usb-{cable}", chardev=cable, bus="xhci.0", port=socket_,
            serial=serial or "",
        )  # fmt: skip

    def pull(self, cable: str) -> None:
        self.monitor.until("DEVICE_DELETED", UP_WITHIN_S, "device_del", id=f"usb-{cable}")

    def throttle(self, bytes_per_s: int = 0, operations_per_s: int = 0) -> None:
        """Make the disk slow; 0 is as fast as it can be."""
        off = dict.fromkeys(("bps_rd", "bps_wr", "iops_rd", "iops_wr"), 0)
        self.monitor.ask("block_set_io_throttle", device="disk", bps=bytes_per_s, iops=operations_per_s, **off)

    # -- QEMU --------------------------------------------------------------------------------------------------------

    def _command(self, clock: str, disk: str) -> list[str]:
        arch = ARCHES[self.image.arch]
        program = shutil.which(arch.program)
        if program is None:
            raise ChannelError(f"{arch.program} is missing; `make vm` installs it")
        kvm = ACCEL.startswith("kvm")
        forward = f",hostfwd=tcp:127.0.0.1:{self.port}-:8443"
        if self.broker_port:
            # One connection at a time is all that a character device carries; telemetry opens one and reopens it.
            forward += f",guestfwd=tcp:{BROKER[0]}:{BROKER[1]}-cmd:nc 127.0.0.1 {self.broker_port}"
        boot = f"root=/dev/vda rw console={arch.console} loglevel=4 systemd.show_status=0 net.ifnames=0"
        boot += f" modprobe.blacklist={','.join(UNUSED)}"
        words = [
            program, "-nodefaults", "-no-user-config", "-display", "none", "-name", "pumpd-gateway",
            "-machine", arch.machine,
            "-accel", ACCEL, "-cpu", "host" if kvm else arch.cpu, "-smp", "1", "-m", str(self.memory_mb),
            "-kernel", str(self.image.folder / "vmlinuz"), "-initrd", str(self.image.folder / "initrd.img"),
            "-append", boot,
            "-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console",
            "-qmp", f"unix:{self.folder}/monitor,server=on,wait=off",
            "-drive", f"if=none,id=disk,file={self.disk},format=qcow2,cache=writeback,discard=unmap{disk}",
            "-device", "virtio-blk-pci,drive=disk",
            "-netdev", f"user,id=net,restrict=on{forward}", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self.folder}/agent,server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
            "-chardev", f"socket,id=operator,path={self.folder}/operator,server=on,wait=off",
            "-device", "virtserialport,chardev=operator,name=operator",
            "-device", "qemu-xhci,id=xhci", "-device", "usb-hub,id=hub,bus=xhci.0,port=4",
            "-device", "i6300esb", "-action", "watchdog=reset",
        ]  # fmt: skip
        if clock:
            words += ["-rtc", f"base={clock},clock=vm"]
        if self.brought is not None:
            words += ["-drive", f"if=none,id=brought,file={self.brought},format=raw,readonly=on"]
            words += ["-device", "virtio-blk-pci,drive=brought"]
        for name, end in self.cables.items():
            words += ["-chardev", f"serial,id={name},path={end.resolve()}"]
        return words


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
