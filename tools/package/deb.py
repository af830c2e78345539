"""A folder of files and the texts in packaging/ as one .deb."""

import hashlib
import os
import tomllib
from pathlib import Path

from tools.package.layout import ROOT, Debian, Product
from tools.package.locked import run

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")


def version(product: Product, debian: Debian) -> str:
    """Debian's version: the one of pyproject.toml, and which Debian. 13 is newer than 12, for an upgrade of both."""
    with (ROOT / product.source / "pyproject.toml").open("rb") as file:
        found: str = tomllib.load(file)["project"]["version"]
    return f"{found}+{debian.name}"


def filled(product: Product, name: str, debian: Debian, architecture: str, installed_kib: int = 0) -> str:
    """A text of a package with its values."""
    values = {
        "VERSION": version(product, debian),
        "ARCHITECTURE": architecture,
        "PYTHON": debian.python,
        "INSTALLED_SIZE": str(installed_kib),
        "UNITS": " ".join(product.enabled),
        "CONFIG": product.config,
    }
    text = (ROOT / product.texts / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def scripts(product: Product) -> list[str]:
    """The maintainer scripts that it has."""
    return [name for name in SCRIPTS if (ROOT / product.texts / name).is_file()]


def pack(product: Product, tree: Path, into: Path, debian: Debian, architecture: str, epoch: int) -> Path:
    """Build the .deb with dpkg-deb. The same tree gives the same bytes."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files)  # noqa: S324  # dpkg's format, against accidents
    size_kib = sum(-(-path.stat().st_size // 1024) for path in files)
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "md5sums").write_text(sums, encoding="utf-8")
    (control / "control").write_text(filled(product, "control.in", debian, architecture, size_kib), encoding="utf-8")
    for name in scripts(product):
        (control / name).write_text(filled(product, name, debian, architecture), encoding="utf-8")
    for path in control.iterdir():
        path.chmod(0o755 if path.name in SCRIPTS else 0o644)
        os.utime(path, (epoch, epoch))
    os.utime(control, (epoch, epoch))
    os.utime(tree, (epoch, epoch))
    made = into / f"{product.name}_{version(product, debian)}_{architecture}.deb"
    run(
        "dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--threads-max=1", "--build", str(tree), str(made),
        environment={"SOURCE_DATE_EPOCH": str(epoch)},
    )  # fmt: skip
    return made
