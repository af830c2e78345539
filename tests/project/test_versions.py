"""All distributions of this repository have one version, and the changelog describes it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (".", "drivers", "simulators", "ward", "examples/reference-pump", "examples/toy-pump")


def project(folder: str) -> dict:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_all_distributions_have_the_version_of_the_newest_changelog_heading():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0]
    assert {folder: project(folder)["version"] for folder in FOLDERS} == dict.fromkeys(FOLDERS, newest)


def test_each_changelog_entry_is_one_line_under_its_kind():
    kinds = {"Added", "Changed", "Fixed", "Security", "Removed"}
    for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()[4:]:
        assert not line or line.startswith(("## [", "- ")) or (line.startswith("### ") and line[4:] in kinds), line
        assert len(line) <= 180, line


@pytest.mark.parametrize(("extra", "library"), [("telemetry", "aiomqtt"), ("bedside", "uvicorn")])
def test_a_library_whose_private_parts_are_used_is_pinned_to_its_minor_version(extra, library):
    (pinned,) = (each for each in project(".")["optional-dependencies"][extra] if each.startswith(library))
    assert re.fullmatch(rf"{library}~=\d+\.\d+\.\d+", pinned)


def test_every_distribution_supports_the_same_pythons():
    assert {project(folder)["requires-python"] for folder in FOLDERS} == {">=3.11,<3.14"}
    named = [each.rpartition(" ")[2] for each in project(".")["classifiers"] if "Python :: 3." in each]
    assert named == ["3.11", "3.12", "3.13"]
