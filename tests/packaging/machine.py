"""A clean Debian with the package on it, for the tests of `make package-test`."""

import json
import subprocess
import tempfile
from pathlib import Path

import pytest

from tools.debian_root import host_architecture, unpack
from tools.package import deb, layout
from tools.package.layout import GATEWAY, ROOT, WARD, Debian, Product

DIST = ROOT / "dist"
# For a fixture's `params`. `make package-test` gives all tests of one Debian to the same worker.
EACH_DEBIAN = tuple(pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in layout.DEBIANS)
# What the package depends on and recommends, so that it installs without a network.
INCLUDE = ("dbus", "python3", "systemd", "systemd-sysv", "udev")
FURTHER = {WARD.name: ("postgresql",)}
# Files that Debian's own tools change on any installation.
OTHERS = ("/var/cache/", "/var/lib/dpkg/", "/var/log/", "/var/lib/apt/", "/tmp/", "/root/", "/etc/.pwd.lock", "/run/")


class Machine:
    """One Debian root, and what the tests ask of it."""

    def __init__(self, debian: Debian, folder: Path, product: Product = GATEWAY) -> None:
        self.debian, self.product = debian, product
        self.package = DIST / f"{product.name}_{deb.version(product, debian)}_{host_architecture()}.deb"
        assert self.package.is_file(), f"{self.package} is missing: run `make package`"
        self.root = unpack(debian.suite, host_architecture(), folder, (*INCLUDE, *FURTHER.get(product.name, ())))

    def __call__(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command without a network."""
        return self.root.run(*command, network=False, check=False)

    def must(self, *command: str) -> str:
        done = self(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, package: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        package = package or self.package
        there = self.root.path / "root" / package.name
        there.write_bytes(package.read_bytes())
        settings = [f"{name}={value}" for name, value in environment.items()]
        return self("env", *settings, "dpkg", "--install", f"/root/{package.name}")

    def version(self) -> str:
        return self("dpkg-query", "--show", "--showformat", "${Version} ${Status}", self.product.name).stdout

    def files(self) -> set[str]:
        """Every file of this machine that an installation could have brought."""
        found = set()
        for path in self.root.path.rglob("*"):
            name = f"/{path.relative_to(self.root.path)}"
            if not f"{name}/".startswith(OTHERS):
                found.add(name)
        return found

    def python_of(self, program: str, code: str) -> str:
        """What some code prints with the Python and the import path of one program."""
        script = (self.root.path / self.product.bin / program).read_text(encoding="utf-8")
        assert script.count(" -m ") == 1
        there = self.root.path / "root" / "probe"
        there.write_text(
            script.replace(script.partition(" -m ")[2], '- "$@"\n').replace(" -m -", " -"), encoding="utf-8"
        )
        return self.root.run("sh", "/root/probe", network=False, text=code).stdout

    def importable(self, program: str, modules: tuple[str, ...]) -> set[str]:
        code = f"import importlib.util as u, json; print(json.dumps([m for m in {modules} if u.find_spec(m)]))"
        return set(json.loads(self.python_of(program, code)))


def repacked(package: Path, version: str, into: Path) -> Path:
    """The same package under another version."""
    made = into / f"pumpd_{version}.deb"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
        old = package.name.split("_")[1]
        for file in (each for each in ("control", "preinst") if (tree / "DEBIAN" / each).exists()):
            text = (tree / "DEBIAN" / file).read_text(encoding="utf-8")
            assert old in text
            (tree / "DEBIAN" / file).write_text(text.replace(old, version), encoding="utf-8")
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, made], check=True, capture_output=True
        )
    return made
