"""An environment for each package that is compared, made with uv when it is needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_AFTER = "2026-11-20"  # no later release of what a package needs is installed: the same run again has the same


class UnavailableError(Exception):
    """The package could not be installed here."""


class Environment:
    """In `folder`, which the caller removes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def python(self, package: str) -> Path:
        """The interpreter of the environment that has this package ("name==version"). Raises UnavailableError."""
        python = self._folder / package / "bin" / "python"
        if not python.exists():
            self._uv("venv", "--quiet", "--python", sys.executable, str(python.parents[1]), package=package)
            wanted = ("--exclude-newer", NOT_AFTER, "--python", str(python), package)
            self._uv("pip", "install", "--quiet", *wanted, package=package)
        return python

    def _uv(self, *arguments: str, package: str) -> None:
        uv = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
        try:
            done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False, timeout=300)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"{package} was not installed: {error}") from error
        if done.returncode:
            shutil.rmtree(self._folder / package, ignore_errors=True)
            raise UnavailableError(f"{package} was not installed: {done.stderr.strip().splitlines()[-1]}")
