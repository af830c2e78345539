"""A folder of files and the texts in packaging/ as one .deb."""

import hashlib
import os
import tomllib
from pathlib import Path

from tools.package import layout
from tools.package.layout import ROOT, Debian
from tools.package.locked import run
from tools.package.tree import ENABLED

SOURCES = ROOT / "packaging"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def version(debian: Debian) -> str:
    """Debian's version: the one of pyproject.toml, and which Debian. 13 is newer than 12, for an upgrade of both."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: str = tomllib.load(file)["project"]["version"]
    return f"{found}+{debian.name}"


def filled(name: str, debian: Debian, architecture: str, installed_kib: int = 0) -> str:
    """A text of packaging/ with the values of one package."""
    values = {
        "VERSION": version(debian),
        "ARCHITECTURE": architecture,
        "PYTHON": debian.python,
        "INSTALLED_SIZE": str(installed_kib),
        "UNITS": " ".join(ENABLED),
        "CONFIG": layout.CONFIG,
    }
    text = (SOURCES / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def pack(tree: Path, into: Path, debian: Debian, architecture: str, epoch: int) -> Path:
    """Build the .deb with dpkg-deb. The same tree gives the same bytes."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files)  # noqa: S324  # dpkg's format, against accidents
    size_kib = sum(-(-path.stat().st_size // 1024) for path in files)
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "md5sums").write_text(sums, encoding="utf-8")
    (control / "control").write_text(filled("control.in", debian, architecture, size_kib), encoding="utf-8")
    for name in SCRIPTS:
        (control / name).write_text(filled(name, debian, architecture), encoding="utf-8")
    for path in control.iterdir():
        path.chmod(0o755 if path.name in SCRIPTS else 0o644)
        os.utime(path, (epoch, epoch))
    os.utime(control, (epoch, epoch))
    os.utime(tree, (epoch, epoch))
    made = into / f"pumpd_{version(debian)}_{architecture}.deb"
    run(
        "dpkg-deb", "--root-owner-group", "-Zgzip", "--threads-max=1", "--build", str(tree), str(made),
        environment={"SOURCE_DATE_EPOCH": str(epoch)},
    )  # fmt: skip
    return made
