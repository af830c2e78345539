"""The files of a package in a folder, as they will be on a machine."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import Parser
from pathlib import Path

from tools.package import man_pages
from tools.package.layout import GATEWAY, ROOT, Debian, Product
from tools.package.locked import PackageError, git, install, own_requirement


def build(
    product: Product,
    tree: Path,
    wheels: Mapping[str, Path],
    groups: Mapping[str, Mapping[str, str]],
    debian: Debian,
    architecture: str,
) -> None:
    """Everything below `tree`, which is empty.

    :raises PackageError: a wheel is missing, or not the locked one
    """
    for group, listed in groups.items():
        own = {name: wheels[name] for name, (in_group, _) in product.own.items() if in_group == group}
        texts = [*listed.values(), *(own_requirement(name, wheel) for name, wheel in own.items())]
        install(texts, list(own.values()), tree / product.libraries / group, debian, architecture)
    for name in product.programs:
        _write(tree / product.bin / name, product.wrapper(name, debian.python), mode=0o755)
    for name in product.commands:
        link = tree / "usr/bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/{product.bin}/{name}")
    for source, target in product.files.items():
        _write(tree / target, (ROOT / source).read_bytes())
    for unit in product.unit_files:
        _write(tree / "usr/lib/systemd/system" / unit.name, unit.read_bytes())
    for name in _documents(product):
        _write(tree / product.share / name, (ROOT / name).read_bytes())
    for dropin in (ROOT / product.systemd / debian.name).rglob("*.conf"):
        _write(tree / "usr/lib/systemd/system" / dropin.parent.name / dropin.name, dropin.read_bytes())
    overrides = ROOT / product.texts / "lintian-overrides"
    _write(tree / "usr/share/lintian/overrides" / product.name, overrides.read_bytes())
    _write_zipped(tree / product.share / "changelog", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    for name, text in man_pages.of(product, wheels[product.name].name.split("-")[1]).items():
        _write_zipped(tree / f"usr/share/man/man1/{name}.1", text)
    if product is GATEWAY:
        for shell, target in man_pages.COMPLETION.items():
            _write(tree / target, man_pages.completion(shell))
    _write(tree / product.share / "copyright", _copyright(product, tree))
    _write(tree / product.sbom, sbom(product, tree))


def _write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _write_zipped(path: Path, text: str) -> None:
    _write(path.with_name(f"{path.name}.gz"), gzip.compress(text.encode(), mtime=0))


def _documents(product: Product) -> list[str]:
    """Its pages, as far as they are in the repository."""
    return [name for name in git("ls-files", *product.documents).splitlines() if (ROOT / name).is_file()]


def installed(product: Product, tree: Path) -> Iterator[Message]:
    """The metadata of each distribution in the tree."""
    for metadata in sorted(tree.glob(f"{product.libraries}/*/*.dist-info/METADATA")):
        yield Parser().parsestr(metadata.read_text(encoding="utf-8"), headersonly=True)


def _copyright(product: Product, tree: Path) -> str:
    """debian/copyright: this project's licence, and where each library's is."""
    lines = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        "",
        "Files: *",
        "Copyright: 2026 The pumpd authors",
        "License: Apache-2.0",
        " On Debian systems, the text is in /usr/share/common-licenses/Apache-2.0.",
        "",
        "Comment: these libraries are included; the text of each licence is beside it, in",
        f" /{product.libraries}/*/*.dist-info. What the page holds is listed in",
        f" /{product.libraries}/{product.notices}.",
    ]
    for each in installed(product, tree):
        licence = each.get("License-Expression") or (each.get("License") or "see its licence file").splitlines()[0]
        lines.append(f" {each['Name']} {each['Version']}: {licence}")
    return "".join(f"{line}\n" for line in lines)


def sbom(product: Product, tree: Path) -> str:
    """The bill of materials in CycloneDX, of what is in the tree (SEC-11). The same text every time."""
    folders = sorted(str(path) for path in (tree / product.libraries).iterdir())
    # cyclonedx-py asks a Python for its path. This one answers with the tree's, and has nothing else installed.
    python = tree.parent / "python-of-the-package"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={":".join(folders)} exec {sys.executable} -S -s "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    tool = Path(sys.executable).parent / "cyclonedx-py"
    done = subprocess.run(
        [tool, "environment", "--output-reproducible", "--pyproject", ROOT / product.source / "pyproject.toml",
         "--mc-type", "application", "--spec-version", "1.6", "--output-format", "JSON", python],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PackageError(f"cyclonedx-py: {done.stderr}")
    bill = json.loads(done.stdout)
    return json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def settle(tree: Path, epoch: int) -> None:
    """Modes and times that do not depend on who builds when: files 0644 or 0755, everything of one time."""
    for folder, folders, files in os.walk(tree):
        for name in [*folders, *files]:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    for folder, _, files in os.walk(tree, topdown=False):
        for name in files:
            os.utime(Path(folder) / name, (epoch, epoch), follow_symlinks=False)
        os.utime(folder, (epoch, epoch))


def clear(folder: Path) -> None:
    """An empty folder, whatever was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
