"""A file with the same name holds the same thing in every family; the licence is in every distribution."""

import ast
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "write-a-driver.md"
DRIVERS, SIMULATORS = ROOT / "drivers" / "pumpd_drivers", ROOT / "simulators" / "pumpd_simulators"
TOY = ROOT / "examples" / "toy-pump" / "toy_pump"
FAMILIES = sorted(path.parent.name for path in DRIVERS.glob("*/driver.py"))

# What a protocol needs besides the files that the page lists.
OWN_DRIVER_FILES = {
    "alaris_asena": {"control_token.py"},
    "dianet_star": {"segments.py"},
    "fresenius_base_a": {"responder.py"},
    "harvard_classic": {"dialects.py"},
    "new_era": {"safe_mode.py", "syringes.py"},
    "poseidon": {"slices.py"},
}
OWN_SIMULATOR_FILES = {
    "dianet_star": {"replies.py"},
    "harvard_classic": {"commands_44.py", "commands_oem.py"},
    "new_era": {"network.py", "trigger.py"},
}
MONITORED = {"space_bcc"}  # nothing is programmed, so there is no program.py

# What each file defines, in whichever family has it.
DEFINES = {
    "dialogue.py": r"class \w+Dialogue\(LinkDriver",
    "limits.py": r"def capabilities\(",
    "program.py": r"async def write\((.|\n)*async def read\(",
    "settings.py": r"class \w+Settings\(DriverSettings\)",
    "driver.py": r"class \w+\(\w+Dialogue\)",
    "codec.py": r"class \w*Framer\b",
}
SIMULATOR_DEFINES = {"options.py": r"class \w+Options\(SimulatorOptions\)", "device.py": r"def feed\("}


def listed(kind: str) -> set[str]:
    """The file names in the page's table for drivers or simulators."""
    table = PAGE.read_text(encoding="utf-8").partition(f"| {kind} | holds |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+\.py)` \|", table, re.MULTILINE))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.py")} - {"__init__.py"}


def test_the_page_lists_the_files():
    assert {"codec.py", "driver.py", "dialogue.py", "limits.py", "program.py", "settings.py"} <= listed("driver")
    assert {"device.py", "options.py"} <= listed("simulator")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_driver_has_only_listed_files_and_its_declared_own(family):
    assert files(DRIVERS / family) - listed("driver") == OWN_DRIVER_FILES.get(family, set())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_simulator_has_only_listed_files_and_its_declared_own(family):
    assert files(SIMULATORS / family) - listed("simulator") == OWN_SIMULATOR_FILES.get(family, set())


def test_the_toy_pump_has_only_listed_files_and_its_simulator():
    assert files(TOY) - listed("driver") == {"simulator.py"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_driver_has_the_main_files(family):
    main = {"codec.py", "dialogue.py", "driver.py", "limits.py", "settings.py"}
    assert main | (set() if family in MONITORED else {"program.py"}) <= files(DRIVERS / family)


@pytest.mark.parametrize("folder", [*(DRIVERS / family for family in FAMILIES), TOY], ids=lambda path: path.name)
def test_a_driver_file_defines_what_its_name_promises(folder):
    for name in files(folder) & set(DEFINES):
        assert re.search(DEFINES[name], (folder / name).read_text(encoding="utf-8")), f"{folder.name}/{name}"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_simulator_file_defines_what_its_name_promises(family):
    for name in files(SIMULATORS / family) & set(SIMULATOR_DEFINES):
        assert re.search(SIMULATOR_DEFINES[name], (SIMULATORS / family / name).read_text(encoding="utf-8")), name


@pytest.mark.parametrize("folder", [DRIVERS, SIMULATORS, TOY], ids=lambda path: path.name)
def test_no_import_hides_behind_type_checking(folder):
    for path in folder.rglob("*.py"):
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert "TYPE_CHECKING" not in names, path


@pytest.mark.parametrize(
    ("name", "folder"),
    [("pumpd-drivers", "drivers"), ("pumpd-simulators", "simulators"), ("pumpd-toy-pump", "examples/toy-pump")],
)
def test_every_distribution_carries_the_licence(name, folder):
    licence = ROOT / folder / "LICENSE"
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert distribution(name).metadata.get_all("License-File") == ["LICENSE"]
    assert [file.name for file in distribution(name).files or () if file.name == "LICENSE"]
