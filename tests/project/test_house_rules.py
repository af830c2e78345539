"""The rules of tests/conftest.py work: each one is given a test that breaks it, in a separate pytest."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S, wait_until

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.realtime


def pytest_of(folder: Path, *options: str) -> list[str]:
    """The command that runs the tests in `folder` with our configuration and our conftest."""
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
    return [sys.executable, "-m", "pytest", *options_of_ours, *options, str(folder)]


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(pytest_of(folder, *options), cwd=ROOT, capture_output=True, text=True, check=False)


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


KEEPS = """
import tempfile, time
from pathlib import Path

def test_it(tmp_path):
    made = [tmp_path, Path(tempfile.mkdtemp())]
    Path(__file__).with_name("made").write_text("\\n".join(map(str, made)))
    {then}
"""


def killed_with_what_it_started(run: subprocess.Popen[bytes]) -> None:
    """Nothing is left that could remove anything."""
    for child in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    run.kill()


def test_what_a_run_left_that_was_killed_as_a_whole_is_removed_by_the_next(tmp_path):
    (tmp_path / "test_it.py").write_text(KEEPS.format(then="time.sleep(600)"))
    told = tmp_path / "made"
    with subprocess.Popen(pytest_of(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL) as run:
        wait_until(lambda: told.exists() and told.read_text().count("\n"))
        killed_with_what_it_started(run)
    made = [Path(line) for line in told.read_text().splitlines()]
    assert all(each.exists() for each in made)
    (tmp_path / "test_it.py").write_text(
        f"def test_it():\n    assert not any(__import__('os').path.exists(each) for each in {[*map(str, made)]})\n"
    )
    next_run = run_pytest(tmp_path)
    assert next_run.returncode == 0, next_run.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_a_run_in_the_background_starts_hears_every_signal(tmp_path, number):
    (tmp_path / "test_it.py").write_text(
        "import subprocess\n"
        "def test_it():\n"
        f"    with subprocess.Popen(['sleep', '60']) as it:\n        it.send_signal({int(number)})\n"
        f"    assert it.returncode == {-number}\n"
    )
    ignoring = f"trap '' {int(number)}; exec \"$@\""
    command = ["/bin/sh", "-c", ignoring, "sh", *pytest_of(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("end", ["itself", "SIGTERM", "SIGKILL"])
def test_temporary_folders_are_removed_however_a_run_ends(tmp_path, end):
    (tmp_path / "test_it.py").write_text(KEEPS.format(then="" if end == "itself" else "time.sleep(600)"))
    told = tmp_path / "made"
    with subprocess.Popen(pytest_of(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL) as run:
        wait_until(lambda: told.exists() and told.read_text().count("\n"))
        if end != "itself":
            run.send_signal(signal.Signals[end])
        run.wait(PATIENCE_S)
    made = [Path(line) for line in told.read_text().splitlines()]
    assert len(made) == 2
    assert not any(each.is_relative_to(tmp_path) for each in made)
    wait_until(lambda: not any(each.exists() for each in made))
