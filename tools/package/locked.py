"""The distributions of uv.lock, group by group, installed from wheels whose hashes the lock states."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.package.layout import ARCHITECTURES, ROOT, Debian, Product


class PackageError(Exception):
    """A package cannot be built; the message says why."""


def run(*command: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    """Run a command of the build; its output is returned.

    :raises PackageError: it failed
    """
    settings = None if environment is None else os.environ | dict(environment)
    done = subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def git(*words: str) -> str:
    """Ask git about this repository, also as root about a person's: `sudo make package-test`."""
    return run("git", "-c", f"safe.directory={ROOT}", *words)


def uv() -> str:
    """The uv that runs this, or the one of `make setup`."""
    found = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    if not Path(found).exists():
        raise PackageError("uv is missing: run `make setup`")
    return found


def requirements(exported: str) -> dict[str, str]:
    """Each requirement of `uv export`, by its name, with its marker and its hashes."""
    found = {}
    for block in re.split(r"^(?=\S)", exported, flags=re.MULTILINE):
        name = re.match(r"[A-Za-z0-9._-]+", block)
        if name:
            found[name[0].lower()] = block.rstrip() + "\n"
    return found


def _exported(package: str, extra: str) -> dict[str, str]:
    extras = ["--extra", extra] if extra else []
    what = ["--locked", "--quiet", "--no-dev", "--no-emit-workspace", "--no-annotate", "--no-header"]
    return requirements(run(uv(), "export", *what, "--package", package, *extras))


def groups(product: Product) -> dict[str, dict[str, str]]:
    """The requirements of each group from outside this repository."""
    whole = {name: _exported(group.distribution, group.extra) for name, group in product.groups.items()}
    return {
        name: {
            requirement: text
            for requirement, text in whole[name].items()
            if not any(requirement in whole[other] for other in group.beside)
        }
        for name, group in product.groups.items()
    }


def own_wheels(product: Product, folder: Path, epoch: int) -> dict[str, Path]:
    """Build its distributions of this repository, with the build backend of the lock. The same bytes every time."""
    made = {}
    for name, (_, source) in product.own.items():
        into = folder / name
        run(
            sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into),
            cwd=ROOT / source, environment={"SOURCE_DATE_EPOCH": str(epoch)},
        )  # fmt: skip
        (made[name],) = into.glob("*.whl")
    return made


def own_requirement(name: str, wheel: Path) -> str:
    version = wheel.name.split("-")[1]
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def install(texts: Sequence[str], wheels: Sequence[Path], into: Path, debian: Debian, architecture: str) -> None:
    """Put wheels for that Debian and architecture into a folder. A hash that is missing or wrong ends it.

    :raises PackageError: there is no such wheel, or it is not the locked one
    """
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(texts), encoding="utf-8")
        links = [word for wheel in wheels for word in ("--find-links", str(wheel.parent))]
        run(
            uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--python-version", debian.python, "--python-platform", ARCHITECTURES[architecture],
            "--target", str(into), "--link-mode", "copy", *links, "--requirements", str(listed),
        )  # fmt: skip
    _without_traces(into)


def _without_traces(into: Path) -> None:
    """Remove what tells of the machine that built it: console scripts with its Python, and where a wheel came from."""
    for folder in ("bin", "share"):  # and manual pages of commands that are not installed
        shutil.rmtree(into / folder, ignore_errors=True)
    for name in (".lock", ".gitignore"):
        (into / name).unlink(missing_ok=True)
    for record in into.glob("*.dist-info/RECORD"):
        for trace in ("direct_url.json", "uv_cache.json", "REQUESTED"):
            (record.parent / trace).unlink(missing_ok=True)
        kept = [
            line
            for line in record.read_text(encoding="utf-8").splitlines()
            if not line.startswith(("../", "bin/", "share/")) and (into / line.rsplit(",", 2)[0].strip('"')).exists()
        ]
        record.write_text("".join(f"{line}\n" for line in sorted(kept)), encoding="utf-8")
