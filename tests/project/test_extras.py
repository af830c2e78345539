"""Each process works with its own extra only, and says in words when that extra is missing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pumpd.extras import needs

ROOT = Path(__file__).parents[2]
# The modules of each extra's own distributions: `project.optional-dependencies` of pyproject.toml.
MODULES = {
    "bedside": ("starlette", "uvicorn", "h11", "anyio"),
    "telemetry": ("aiomqtt", "paho"),
    "fleet": ("nats",),
    "metrics": ("prometheus_client",),
    "cli": ("typer", "rich", "segno", "icalendar"),
    "gpio": ("gpiod",),
}
# Which of them each process may use.
PROCESSES = {
    "pumpd.control": ("gpio",),
    "pumpd.bedside": ("bedside",),
    "pumpd.telemetry": ("telemetry",),
    "pumpd.vitals": ("telemetry",),
    "pumpd": ("cli",),
}


def started(module: str, without: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE --help` in an environment that lacks these extras."""
    missing = [name for extra in without for name in MODULES[extra]]
    # A finder that knows none of them is the same as if they were not installed; None in sys.modules is not.
    code = f"""
import runpy, sys
from importlib.abc import MetaPathFinder
class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = ["x", "--help"]
runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.realtime
@pytest.mark.parametrize("module", PROCESSES)
def test_a_process_starts_with_its_own_extra_only(module):
    done = started(module, tuple(set(MODULES) - set(PROCESSES[module])))
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage" in done.stdout.lower()


@pytest.mark.realtime
@pytest.mark.parametrize("module", [name for name in PROCESSES if name != "pumpd.control"])
def test_without_it_a_process_says_what_to_install(module):
    (own,) = PROCESSES[module]
    done = started(module, (own,))
    assert done.returncode == 2
    assert f"pip install 'pumpd[{own}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "nothing was done" in done.stderr


def test_a_missing_module_of_pumpd_itself_is_a_fault_and_is_shown_as_one():
    with pytest.raises(ModuleNotFoundError), needs("cli"):
        import pumpd.not_there  # noqa: F401


def test_the_extras_here_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(MODULES) | {"gateway", "demo"} == set(extras)
    assert "pumpd[bedside,cli,fleet,gpio,metrics,telemetry]" in extras["gateway"]
    for each in project["dependencies"]:
        assert not each.startswith(tuple(name for names in MODULES.values() for name in names)), (
            "control does not need it"
        )
