"""Packages for the updates of a virtual gateway: made from the real one in dist/, signed, on a drive of their own."""

import hashlib
import subprocess
from pathlib import Path

from pumpd.trust import load_key, public_text
from tests.vm.image import DIST
from tools import sign_update

BARE = """\
Package: pumpd
Version: {version}
Architecture: {architecture}
Maintainer: The pumpd authors <pumpd@localhost>
Description: a package of this test, without any file
"""


class Releases:
    """Those who release pumpd: one key, and what they offer. `drive` holds all of it as a tar archive."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self._folder, self._architecture = folder, architecture
        self._offers = folder / "offers"
        self._offers.mkdir()
        self.drive = folder / "drive.tar"
        self._key = folder / "release.pem"
        assert sign_update.main(["key", str(self._key)]) == 0
        found = sorted(DIST.glob(f"pumpd_*+deb13_{architecture}.deb"), key=lambda file: file.stat().st_mtime)
        self._unpacked = folder / "unpacked"
        _run("dpkg-deb", "--raw-extract", found[-1], self._unpacked)
        self._version = _run("dpkg-deb", "--field", found[-1], "Version").strip()
        (self._offers / "update.pub").write_text(
            public_text(load_key(self._key, sign_update.MAKER).public_key()) + "\n"
        )
        (self._offers / "installed.deb").write_bytes(found[-1].read_bytes())

    def bare(self, name: str, version: str, architecture: str = "") -> None:
        """A signed package without any file: for what is refused before it would be installed."""
        root = self._folder / name
        (root / "DEBIAN").mkdir(parents=True)
        text = BARE.format(version=version, architecture=architecture or self._architecture)
        (root / "DEBIAN/control").write_text(text)
        self._signed(root, name)

    def newer(self, name: str, version: str, control: str = "") -> None:
        """The whole package as a newer version. `control`: instead of the program that starts control."""
        program = self._unpacked / "opt/pumpd/bin/pumpd-control"
        own = program.read_text()
        for file in ("control", "preinst"):
            _replace(self._unpacked / "DEBIAN" / file, self._version, version)
        (info,) = self._unpacked.glob("opt/pumpd/lib/core/pumpd-*.dist-info/METADATA")
        _replace(info, f"\nVersion: {self._version.partition('+')[0]}\n", f"\nVersion: {version.partition('+')[0]}\n")
        self._version = version
        program.write_text(control or own)
        self._sums()
        self._signed(self._unpacked, name)
        program.write_text(own)

    def _sums(self) -> None:
        """What `dpkg --verify` compares the installed files with."""
        files = sorted(file for file in self._unpacked.rglob("*") if file.is_file() and "DEBIAN" not in file.parts)
        lines = [
            f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(self._unpacked)}\n" for file in files
        ]
        (self._unpacked / "DEBIAN/md5sums").write_text("".join(lines))

    def copied(self, name: str, package: str, signature: str) -> None:
        """One package with the signature of another one."""
        (self._offers / f"{name}.deb").write_bytes((self._offers / f"{package}.deb").read_bytes())
        (self._offers / f"{name}.deb.sig").write_bytes((self._offers / f"{signature}.deb.sig").read_bytes())

    def written(self) -> Path:
        """The drive."""
        _run("tar", "--create", "--file", self.drive, "--directory", self._offers, ".")
        return self.drive

    def _signed(self, root: Path, name: str) -> None:
        made = self._offers / f"{name}.deb"
        # Little compression: an emulated processor unpacks it.
        _run("dpkg-deb", "--root-owner-group", "-Zzstd", "-z3", "--build", root, made)
        assert sign_update.main([str(made), "--key", str(self._key)]) == 0


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file.name} does not name {old}"
    file.write_text(text.replace(old, new))
