"""The smallest initramfs that starts Debian's kernel from a virtio disk: its own modules, and busybox.

Debian's initramfs-tools would also do, with udev and a search for the disk: that doubles an emulated machine's boot.
"""

import gzip
import lzma
from pathlib import Path

MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod "$module"; done
until /bin/busybox mount -t ext4 -o noatime,errors=remount-ro /dev/vda /root; do /bin/busybox sleep 0.1; done
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""


def initramfs(root: Path, version: str) -> bytes:
    """A compressed cpio archive, for the kernel of this version in this Debian root."""
    files = {"init": INIT.encode(), "bin/busybox": (root / "usr/bin/busybox").read_bytes()}
    for number, module in enumerate(_modules(root / "usr/lib/modules" / version)):
        raw = module.read_bytes()
        files[f"modules/{number:02d}.ko"] = lzma.decompress(raw) if module.suffix == ".xz" else raw
    folders = {"bin": None, "modules": None, "dev": None, "root": None}
    return gzip.compress(_cpio(folders | files), compresslevel=1, mtime=0)


def _modules(folder: Path) -> list[Path]:
    """What MODULES need, before what needs it. What is built into the kernel is not in the list of modules."""
    needs = {}
    for line in (folder / "modules.dep").read_text(encoding="utf-8").splitlines():
        module, _, needed = line.partition(":")
        needs[Path(module).name.partition(".")[0]] = [module, *needed.split()]
    found: dict[str, None] = {}
    for name in MODULES:
        found |= dict.fromkeys(reversed(needs.get(name, [])))
    return [folder / each for each in found]


def _cpio(files: dict[str, bytes | None]) -> bytes:
    """The archive format of initramfs ("newc"). None is a folder."""
    packed = bytearray()
    for number, (name, held) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        mode, content = 0o040755 if held is None else 0o100755, held or b""
        numbers = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        packed += b"070701" + b"".join(b"%08x" % each for each in numbers) + name.encode() + b"\0"
        packed += b"\0" * (-len(packed) % 4) + content
        packed += b"\0" * (-len(packed) % 4)
    return bytes(packed)
