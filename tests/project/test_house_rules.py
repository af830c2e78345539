"""The rules of tests/conftest.py work: each one is given a test that breaks it, in a separate pytest."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.realtime


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in `folder` with our configuration and our conftest."""
    options_of_ours = [
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(folder),
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
    ]
    command = [sys.executable, "-m", "pytest", *options_of_ours, *options, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_rules.py").write_text(
        """
import asyncio, os, threading, time
import pytest

kept = []

async def test_leaves_a_task():
    kept.append(asyncio.create_task(asyncio.sleep(100)))

def test_leaves_a_thread():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

def test_leaves_a_descriptor():
    kept.append(os.pipe())

@pytest.fixture
async def started():
    task = asyncio.create_task(asyncio.sleep(100))
    yield asyncio.get_running_loop().time()
    task.cancel()

async def test_cleans_up_in_virtual_time_from_zero_on(started):
    await asyncio.sleep(2400)
    assert started == 0
    assert asyncio.get_running_loop().time() == 2400

@pytest.mark.realtime
async def test_real_time_is_real():
    begin = time.monotonic()
    await asyncio.sleep(0.1)
    assert time.monotonic() - begin >= 0.1
    await asyncio.to_thread(time.sleep, 0.01)
"""
    )
    done = run_pytest(folder, "-p", "no:randomly", "-q", "-rA")
    lines = [line.split(" ") for line in done.stdout.splitlines() if line.startswith(("PASSED", "ERROR", "FAILED"))]
    found: dict[str, str] = {}
    for verdict, test, *_ in lines:
        name = test.split("::")[-1]
        if found.get(name, "PASSED") == "PASSED":  # a test that passes can still fail in its teardown
            found[name] = verdict
    assert len(found) == 5, done.stdout + done.stderr
    return found


@pytest.mark.parametrize("left", ["task", "thread", "descriptor"])
def test_a_leftover_fails_the_test(outcome, left):
    assert outcome[f"test_leaves_a_{left}"] == "ERROR"


def test_a_clean_test_in_virtual_or_real_time_passes(outcome):
    assert outcome["test_cleans_up_in_virtual_time_from_zero_on"] == "PASSED"
    assert outcome["test_real_time_is_real"] == "PASSED"


def test_an_unknown_requirement_stops_the_run(tmp_path):
    (tmp_path / "test_it.py").write_text('import pytest\n@pytest.mark.requirement("PRG-99")\ndef test_it(): ...\n')
    done = run_pytest(tmp_path)
    assert done.returncode == 4
    assert "requirement('PRG-99',) is not in docs/safety/requirements.md" in done.stdout + done.stderr
