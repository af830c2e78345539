"""A process of the gateway imports nothing that it does without: such a module is memory for nothing."""

import subprocess
import sys

import pytest

from pumpd.unneeded import EMPTY_IN_BEDSIDE, leave_empty

ARCHIVES = {"bz2", "lzma"}  # what `block` names and a gateway has
HELP = "import runpy, sys; sys.argv[1:] = ['--help']\ntry: runpy.run_module({module!r}, run_name='__main__')\n"
NAMES = "except SystemExit: print(*(name for name, it in sys.modules.items() if it is not None), file=sys.stderr)"


def imported(module: str) -> set[str]:
    """The modules that `python -m MODULE` has imported once it could run."""
    code = HELP.format(module=module) + NAMES
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("pumpd.control", {"ssl", "difflib", "cryptography", "pumpd.bedside", "pumpd.cli"}),
        ("pumpd.bedside", {"click", "multiprocessing", "urllib.request", "difflib", "cryptography", "pumpd.control"}),
        ("pumpd.telemetry", {"difflib", "cryptography", "pumpd.control", "pumpd.bedside"}),
    ],
)
def test_a_process_imports_nothing_that_it_does_without(module, unneeded):
    found = imported(module)
    assert "pydantic" in found, "the process was not started"
    assert found & (unneeded | ARCHIVES) == set()


def test_an_empty_module_has_the_names_that_are_taken_from_it(monkeypatch):
    for name in EMPTY_IN_BEDSIDE:
        monkeypatch.delitem(sys.modules, name, raising=False)
    before = set(sys.modules)
    try:
        leave_empty(EMPTY_IN_BEDSIDE)
        assert all(getattr(sys.modules[name], each) is None for name, own in EMPTY_IN_BEDSIDE.items() for each in own)
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]
