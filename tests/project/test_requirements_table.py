"""The requirement table: what it reads from tests, and the errors it reports."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import catalogue_ids
from tools.requirements_table import Project, main

CATALOGUE = """
| ID | Requirement | Number / pass criterion | Source |
|---|---|---|---|
| PRG-01 | Dose arithmetic is decimal | 0.1 % | FDA |
| PRG-02 | Rate is rounded down | 0 cases | rule |
| STP-01 | Stop always allowed | 1 s | manual |
"""
TESTS = """
import pytest
pytestmark = [pytest.mark.realtime, pytest.mark.requirement("STP-01")]

@pytest.mark.requirement("PRG-01", "PRG-02")
def test_one(): ...

class TestMany:
    @pytest.mark.requirement("PRG-01")
    async def test_two(self): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.requirement("PRG-02"))])
def test_three(x): ...

def requirement(identifier): "not a mark"
requirement("PRG-99")
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "docs" / "safety").mkdir(parents=True)
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "safety" / "requirements.md").write_text(CATALOGUE)
    (tmp_path / "docs" / "safety" / "claims.txt").write_text("# claims\nPRG-01 PRG-02 # both\n")
    (tmp_path / "tests" / "deep" / "test_it.py").write_text(TESTS)
    return Project(tmp_path)


def test_marks_are_found_on_functions_methods_modules_and_parameters(project):
    file = "tests/deep/test_it.py"
    assert project.tests() == {
        "PRG-01": [(file, "test_one"), (file, "test_two")],
        "PRG-02": [(file, "test_one"), (file, "test_three")],
        "STP-01": [(file, "")],
    }


def test_the_table_shows_claims_and_is_then_up_to_date(project, capsys):
    assert main(["--check"], project) == 1
    assert "out of date" in capsys.readouterr().err
    assert main([], project) == 0
    lines = project.table.read_text().splitlines()
    assert "Claimed by this version: 2 of 3. With tests: 3." in lines
    assert "| STP-01 | Stop always allowed | not yet | [test_it](../tests/deep/test_it.py) |" in lines
    assert any(line.startswith("| PRG-01 | Dose arithmetic is decimal | yes | [test_one](") for line in lines)
    assert main(["--check"], project) == 0


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ("PRG-01 PRG-07", "PRG-07 is claimed and not in the catalogue"),
        ("PRG-01 PRG-01", "PRG-01 is claimed twice"),
    ],
)
def test_a_wrong_claim_is_an_error(project, capsys, claims, error):
    (project.root / "docs" / "safety" / "claims.txt").write_text(claims)
    assert main([], project) == 1
    assert error in capsys.readouterr().err


def test_a_claim_without_a_test_and_a_mark_without_a_requirement_are_errors(project, capsys):
    (project.root / "tests" / "deep" / "test_it.py").write_text(TESTS.replace('"PRG-01"', '"PRG-31"'))
    assert main([], project) == 1
    errors = capsys.readouterr().err
    assert "PRG-01 is claimed and has no test" in errors
    assert "PRG-31 is marked in tests/deep/test_it.py and not in the catalogue" in errors


def test_the_catalogue_counts_its_requirements_and_all_readers_of_it_agree():
    here = Project()
    last_line = here.catalogue_file.read_text(encoding="utf-8").strip().splitlines()[-1]
    counted = Counter(identifier[:3] for identifier in here.catalogue())
    assert {area: int(number) for area, number in re.findall(r"([A-Z]{3}) (\d+)", last_line)} == counted
    assert f"**{counted.total()}**" in last_line
    assert set(here.catalogue()) == catalogue_ids()
    assert set(here.claims()) <= catalogue_ids()


@pytest.mark.requirement("AUD-12")
def test_every_requirement_of_the_catalogue_is_claimed_and_has_a_test():
    project = Project()
    assert set(project.claims()) == set(project.tests()) == set(project.catalogue())
