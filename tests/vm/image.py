"""The disk of a gateway, installed as an operator installs it: a Debian root, the package, a configuration.

    python -m tests.vm.image amd64       prints the folder of the image of the newest package in dist/

Needs root rights, as a Debian root does; `make vm` takes care of it. The image is made once for a package and kept in
${XDG_CACHE_HOME:-~/.cache}/pumpd/vm; a machine never writes to it.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pumpd.control.tablets.staff import StaffStore
from pumpd.library.files import CHECKOUT
from pumpd.library.signing import throwaway
from tests.browser.gateway import PINS, STAFF, Certificate
from tests.vm.initramfs import initramfs
from tests.vm.machine import BROKER, GATEWAY, Image
from tests.vm.pumps import BEDS
from tools.debian_root import Root, cache, fresh, quick

SUITE = "trixie"
DIST = Path(__file__).parents[2] / "dist"
DISK = "1700M"  # sparse; about half of it is used
KEPT = 4  # images; older ones are removed
PACKAGES = (
    "systemd-sysv", "udev", "kmod", "dbus", "systemd-timesyncd", "iproute2", "procps", "qemu-guest-agent",
    "initramfs-tools", "busybox-static", "zstd", "python3", "openssl",
)  # fmt: skip
KERNELS = {"amd64": "linux-image-amd64", "arm64": "linux-image-arm64"}
# Jobs of a Debian machine that have nothing to do with a gateway and would disturb what is measured.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "systemd-tmpfiles-clean.timer", "getty@tty1.service", "serial-getty@ttyS0.service",
    "serial-getty@ttyAMA0.service", "modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@fuse.service",
    "modprobe@configfs.service", "sys-kernel-config.mount", "sys-kernel-tracing.mount", "sys-kernel-debug.mount",
    "dev-hugepages.mount", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "systemd-pstore.service",
)  # fmt: skip


def _once_there(channel: str) -> str:
    """Wait for the channel, which udev names when it comes to it: a service that fails meanwhile costs more."""
    wait = f"until [ -e /dev/virtio-ports/{channel} ]; do sleep 0.5; done"
    return f"ExecStartPre=/bin/sh -c '{wait}'\nTimeoutStartSec=infinity\n"


FILES = {
    "etc/fstab": "/dev/vda / ext4 errors=remount-ro,noatime 0 1\n",
    "etc/hostname": f"{GATEWAY}\n",
    "etc/systemd/network/eth.network": "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
    "LinkLocalAddressing=no\nIPv6AcceptRA=no\n",
    # What the tests need of the machine beside the agent: it carries requests to the operator socket.
    "etc/systemd/system/bridge.service": f"[Service]\n{_once_there('operator')}"
    "ExecStart=/usr/bin/python3 -I /usr/local/lib/bridge.py\nRestart=always\nRestartSec=1\nOOMScoreAdjust=-1000\n"
    "[Install]\nWantedBy=multi-user.target\n",
    # Debian's own is bound to its device: systemd restarts it at each daemon-reload, and it forgets what it runs.
    "etc/systemd/system/qemu-guest-agent.service": f"[Service]\n{_once_there('org.qemu.guest_agent.0')}"
    "ExecStart=/usr/sbin/qemu-ga\nRestart=always\n"
    "RestartSec=1\nOOMScoreAdjust=-1000\n[Install]\nWantedBy=multi-user.target\n",
    "usr/local/lib/bridge.py": Path(__file__).with_name("bridge.py").read_text(encoding="utf-8"),
    # An emulated processor is ten times slower than a Raspberry Pi's, and the host may be busy.
    **{
        f"etc/systemd/system/{unit}.service.d/emulated.conf": "[Service]\nTimeoutStartSec=300\nTimeoutStopSec=120\n"
        for unit in ("pumpd-control", "pumpd-bedside", "pumpd-telemetry", "pumpd-vitals")
    },
    "etc/systemd/journald.conf.d/machine.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=32M\n",
}


def configuration(library: str) -> str:
    """The settings of a gateway with real pumps: every adapter by the number that it has in itself."""
    pumps = "".join(
        f'[[pump]]\nname = "{bed}"\ndriver = "new-era"\nmodel = "ne-1000"\nserial = "{case}"\n'
        f'port = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{bed}-if00-port0"\nsettings.address = {number}\n'
        for number, (bed, case) in enumerate(BEDS.items(), 1)
    )
    return (
        f'gateway = "{GATEWAY}"\nstate_dir = "/var/lib/pumpd"\nsocket = "/run/pumpd/control.sock"\n'
        'tablet_socket = "/run/pumpd-tablets/tablet.sock"\nvitals_socket = "/run/pumpd-vitals/vitals.sock"\n'
        f"clock_trusted = true\n{library}"
        '[hardware]\nenabled = true\nacknowledged = "not a cleared medical device"\n'
        '[bedside]\nnames = ["localhost", "127.0.0.1"]\n'
        f'[mqtt]\nhost = "{BROKER[0]}"\nport = {BROKER[1]}\ntls = false\n{pumps}'
    )


def images() -> Path:
    return cache().parent / "vm"


def image(arch: str, package: Path) -> Image:
    """The image of this package; made if there is none."""
    own = b"".join(
        Path(__file__).with_name(name).read_bytes() for name in ("image.py", "initramfs.py", "pumps.py", "bridge.py")
    )
    digest = hashlib.sha256(own + package.read_bytes()).hexdigest()[:16]
    made = images() / f"{arch}-{digest}"
    if not made.is_dir():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent, prefix=".making-") as folder:
            there = Path(folder) / made.name
            there.mkdir()
            with fresh(SUITE, arch, (*PACKAGES, KERNELS[arch])) as root:
                with quick(root, SUITE) as same:
                    _install(same, package)
                _configure(root, there)
                _write(root, there)
            there.rename(made)
        _forget(made.parent)
    made.touch()
    return Image(made, arch)


def _install(root: Root, package: Path) -> None:
    shutil.copyfile(package, root.path / "package.deb")
    root.run("dpkg", "--install", "/package.deb", network=False)
    (root.path / "package.deb").unlink()


def _configure(root: Root, made: Path) -> None:
    for name, text in FILES.items():
        file = root.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for unit in MASKED:
        (root.path / "etc/systemd/system" / unit).symlink_to("/dev/null")
    units = ("systemd-networkd.service", "bridge.service", "qemu-guest-agent.service")
    root.run("systemctl", "enable", *units, network=False)
    for folder in ("system.conf.d", "timesyncd.conf.d"):  # as docs/how-to/gateway.md says
        target = root.path / "etc/systemd" / folder
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT.parents[1] / "systemd" / folder / "pumpd.conf", target)

    etc, state = root.path / "etc/pumpd", root.path / "var/lib/pumpd"
    etc.mkdir(exist_ok=True)
    library = throwaway(CHECKOUT, etc / "library").replace(str(root.path), "")
    (etc / "pumpd.toml").write_text(configuration(library), encoding="utf-8")
    state.mkdir(exist_ok=True)
    certificate = Certificate.made(made / "tls")
    shutil.copytree(certificate.folder, state / "tls")
    staff = StaffStore(state / "staff.json")
    for badge, (name, roles) in STAFF.items():
        staff.add(badge, name, roles, PINS[badge])
    root.run("chown", "--recursive", "pumpd:pumpd", "/var/lib/pumpd", network=False)
    root.run("chmod", "750", "/var/lib/pumpd", network=False)
    own = [f"pumpd-{name}.service" for name in ("control", "bedside", "telemetry")]
    root.run("systemctl", "enable", *own, network=False)
    root.run("pumpd", "config", "check", network=False)


def _write(root: Root, made: Path) -> None:
    """Kernel, initramfs and disk. mke2fs copies the root into a file; nothing is mounted."""
    (kernel,) = (root.path / "boot").glob("vmlinu[xz]-*")
    version = kernel.name.split("-", 1)[1]
    shutil.copyfile(kernel, made / "vmlinuz")
    (made / "initrd.img").write_bytes(initramfs(root.path, version))
    for big in ("boot", "usr/share/doc", "usr/share/locale", "var/lib/apt/lists", "var/cache/apt"):
        shutil.rmtree(root.path / big, ignore_errors=True)
    mke2fs = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin")
    assert mke2fs is not None, "mke2fs is missing: apt-get install e2fsprogs"
    subprocess.run(
        [mke2fs, "-q", "-t", "ext4", "-d", str(root.path), "-L", "gateway", str(made / "disk.raw"), DISK],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _forget(folder: Path) -> None:
    """Old images are of packages that nobody has any more."""
    found = sorted(
        (each for each in folder.iterdir() if not each.name.startswith(".")), key=lambda at: at.stat().st_mtime
    )
    for old in found[:-KEPT]:
        shutil.rmtree(old)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.vm.image", description="The disk of a virtual gateway.")
    parser.add_argument("arch", choices=KERNELS)
    arguments = parser.parse_args()
    packages = sorted(DIST.glob(f"pumpd_*+deb13_{arguments.arch}.deb"), key=lambda file: file.stat().st_mtime)
    if not packages:
        parser.error(f"no package for {arguments.arch} is in {DIST}: `make vm ARCH={arguments.arch}` builds it")
    made = image(arguments.arch, packages[-1])
    # `make vm` makes it by sudo; the tests read it as the user.
    for file in (made.folder, *made.folder.rglob("*")):
        file.chmod(0o755 if file.is_dir() else 0o644)
    owner = os.environ.get("SUDO_UID")
    if owner:
        subprocess.run(["chown", "--recursive", owner, str(made.folder)], check=True)
    print(made.folder)


if __name__ == "__main__":
    main()
