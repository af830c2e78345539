"""`make setup` installs what is locked, and keeps what a person has installed beside it: a third party's driver."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = """
[project]
name = "locked"
version = "1"
requires-python = ">=3.11"

[tool.uv]
package = false
"""


def uv() -> str:
    found = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    assert Path(found).exists(), "these tests need uv, as `make test` has it"
    return found


def wheel(folder: Path) -> Path:
    """A distribution with an entry point for a driver and nothing else."""
    path = folder / "their_pump-1-py3-none-any.whl"
    files = {
        "their_pump.py": "",
        "their_pump-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: their-pump\nVersion: 1\n",
        "their_pump-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "their_pump-1.dist-info/entry_points.txt": "[pumpd.drivers]\ntheirs = their_pump:Theirs\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        record = "".join(f"{name},,\n" for name in [*files, "their_pump-1.dist-info/RECORD"])
        archive.writestr("their_pump-1.dist-info/RECORD", record)
    return path


@pytest.mark.realtime
def test_setup_keeps_a_third_party_s_driver(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV" and not name.startswith("UV_")}
    environment = kept | {"UV_OFFLINE": "1", "PATH": f"{Path(uv()).parent}:{os.environ['PATH']}"}

    def run(*command: object) -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    shutil.copy(ROOT / "Makefile", tmp_path)
    run(uv(), "venv", "--quiet", "--python", sys.executable)
    run(uv(), "lock")
    run("make", "setup")
    run(uv(), "pip", "install", wheel(tmp_path))  # as docs/how-to/write-a-driver.md says
    run("make", "setup")
    drivers = "from importlib.metadata import entry_points; print(*entry_points(group='pumpd.drivers').names)"
    assert run(".venv/bin/python", "-c", drivers) == "theirs\n"
