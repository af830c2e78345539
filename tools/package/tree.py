"""The files of the package in a folder, as they will be on a gateway."""

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

from tools.package import layout, man_pages
from tools.package.layout import ROOT, Debian
from tools.package.locked import PackageError, git, install, own_requirement

_UNITS = sorted((*(ROOT / "systemd").glob("*.service"), *(ROOT / "systemd").glob("*.timer")))
UNITS = tuple(path.name for path in _UNITS)
# What is enabled and started when the package is installed; the others are started by one of these.
ENABLED = tuple(path.name for path in _UNITS if "[Install]" in path.read_text(encoding="utf-8"))
SBOM = f"{layout.DOCUMENTS}/sbom.cdx.json"
# From the repository to where it is on a gateway.
FILES = {
    "systemd/sysusers.d/pumpd.conf": "usr/lib/sysusers.d/pumpd.conf",
    "systemd/tmpfiles.d/pumpd.conf": "usr/lib/tmpfiles.d/pumpd.conf",
    "systemd/udev.rules.d/60-pumpd.rules": "usr/lib/udev/rules.d/60-pumpd.rules",
    "packaging/lintian-overrides": "usr/share/lintian/overrides/pumpd",
    "config/pumpd.toml": f"{layout.DOCUMENTS}/examples/pumpd.toml",
    "config/bench.toml": f"{layout.DOCUMENTS}/examples/bench.toml",
    "config/mosquitto/pumpd.acl": f"{layout.DOCUMENTS}/examples/mosquitto/pumpd.acl",
    "config/mosquitto/pumpd.conf": f"{layout.DOCUMENTS}/examples/mosquitto/pumpd.conf",
    "systemd/system.conf.d/pumpd.conf": f"{layout.DOCUMENTS}/examples/system.conf.d/pumpd.conf",
    "systemd/timesyncd.conf.d/pumpd.conf": f"{layout.DOCUMENTS}/examples/timesyncd.conf.d/pumpd.conf",
    "README.md": f"{layout.DOCUMENTS}/README.md",
    **{f"systemd/{unit}": f"usr/lib/systemd/system/{unit}" for unit in UNITS},
}


def build(
    tree: Path, wheels: Mapping[str, Path], groups: Mapping[str, Mapping[str, str]], debian: Debian, architecture: str
) -> None:
    """Everything below `tree`, which is empty.

    :raises PackageError: a wheel is missing, or not the locked one
    """
    for group, listed in groups.items():
        own = {name: wheels[name] for name, (in_group, _) in layout.OWN.items() if in_group == group}
        texts = [*listed.values(), *(own_requirement(name, wheel) for name, wheel in own.items())]
        install(texts, list(own.values()), tree / layout.LIBRARIES / group, debian, architecture)
    for name in layout.PROGRAMS_TABLE:
        _write(tree / layout.PROGRAMS / name, layout.wrapper(name, debian.python), mode=0o755)
    for name in layout.COMMANDS:
        link = tree / "usr/bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/{layout.PROGRAMS}/{name}")
    for source, target in FILES.items():
        _write(tree / target, (ROOT / source).read_bytes())
    for name in _documents():
        _write(tree / layout.DOCUMENTS / name, (ROOT / name).read_bytes())
    for dropin in (ROOT / "systemd" / debian.name).rglob("*.conf"):
        _write(tree / "usr/lib/systemd/system" / dropin.parent.name / dropin.name, dropin.read_bytes())
    _write_zipped(tree / layout.DOCUMENTS / "changelog", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    for name, text in man_pages.pages(wheels["pumpd"].name.split("-")[1]).items():
        _write_zipped(tree / f"usr/share/man/man1/{name}.1", text)
    for shell, target in man_pages.COMPLETION.items():
        _write(tree / target, man_pages.completion(shell))
    _write(tree / layout.DOCUMENTS / "copyright", _copyright(tree))
    _write(tree / SBOM, sbom(tree))


def _write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _write_zipped(path: Path, text: str) -> None:
    _write(path.with_name(f"{path.name}.gz"), gzip.compress(text.encode(), mtime=0))


def _documents() -> list[str]:
    """The pages under docs/, as far as they are in the repository."""
    return [name for name in git("ls-files", "docs").splitlines() if (ROOT / name).is_file()]


def installed(tree: Path) -> Iterator[Message]:
    """The metadata of each distribution in the tree."""
    for metadata in sorted(tree.glob(f"{layout.LIBRARIES}/*/*.dist-info/METADATA")):
        yield Parser().parsestr(metadata.read_text(encoding="utf-8"), headersonly=True)


def _copyright(tree: Path) -> str:
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
        f" /{layout.LIBRARIES}/*/*.dist-info. What the tablet's page holds is listed in",
        f" /{layout.LIBRARIES}/core/pumpd/bedside/static/THIRD-PARTY-NOTICES.txt.",
    ]
    for each in installed(tree):
        licence = each.get("License-Expression") or (each.get("License") or "see its licence file").splitlines()[0]
        lines.append(f" {each['Name']} {each['Version']}: {licence}")
    return "".join(f"{line}\n" for line in lines)


def sbom(tree: Path) -> str:
    """The bill of materials in CycloneDX, of what is in the tree (SEC-11). The same text every time."""
    folders = sorted(str(path) for path in (tree / layout.LIBRARIES).iterdir())
    # cyclonedx-py asks a Python for its path. This one answers with the tree's, and has nothing else installed.
    python = tree.parent / "python-of-the-package"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={":".join(folders)} exec {sys.executable} -S -s "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    tool = Path(sys.executable).parent / "cyclonedx-py"
    done = subprocess.run(
        [tool, "environment", "--output-reproducible", "--pyproject", ROOT / "pyproject.toml", "--mc-type",
         "application", "--spec-version", "1.6", "--output-format", "JSON", python],
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
