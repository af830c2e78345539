"""Everything a person may read first states that pumpd is not a cleared medical device (SEC-20)."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SENTENCE = "not a cleared medical device"

pytestmark = pytest.mark.requirement("SEC-20")


def states_it(text: str) -> bool:
    """Ignores line breaks, quoting and capitals."""
    return SENTENCE in " ".join(text.replace("*", "").replace("│", " ").split()).lower()


def test_the_readme_states_it_near_its_top():
    assert states_it("\n".join((ROOT / "README.md").read_text().splitlines()[:40]))


@pytest.mark.parametrize("folder", [".", "drivers", "simulators", "ward"])
def test_each_distribution_states_it(folder):
    assert states_it(tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]["description"])


@pytest.mark.realtime
@pytest.mark.parametrize(
    "command", [["pumpd", "--help"], ["pumpsim", "--help"], ["pumpd-ward", "--help"]], ids=" ".join
)
def test_the_help_of_each_command_states_it(command):
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [str(program), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert done.returncode == 0, done.stderr
    assert states_it(done.stdout)
