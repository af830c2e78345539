"""The README's section "By hand", run as it is written, in three shells."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pumpd.journal import JournalReader
from pumpd.settings import Settings
from tests.patience import PATIENCE_S
from tests.terminal import typed

ROOT = Path(__file__).parents[2]
SET_UP = "make setup"  # the run of this test was started in what it makes


def blocks() -> list[str]:
    """The commands of the section, one text for each terminal."""
    section = re.search(r"^## By hand\n(.*?)^## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    return re.findall(r"^```sh\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A directory with what the commands use of a checkout."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@contextlib.contextmanager
def left_running(folder: Path, commands: str) -> Iterator[subprocess.Popen[bytes]]:
    """A terminal in which these commands are typed; the last one runs until the end."""
    shell = subprocess.Popen(
        ["bash", "-ec", commands],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield shell
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(PATIENCE_S)


def there(path: Path, shell: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert shell.poll() is None, f"it ended before {path.name} was there"
        assert time.monotonic() < end, f"{path.name} did not appear"
        time.sleep(0.1)


@pytest.mark.realtime
def test_by_hand_works_as_written(checkout):
    pump, gateway, nurse = blocks()
    assert SET_UP in pump
    with left_running(checkout, pump.replace(SET_UP, "")) as first:
        there(checkout / "quickstart" / "pump", first)
        with left_running(checkout, gateway) as second:
            there(checkout / "quickstart" / "state" / "control.sock", second)
            identified(checkout)
            with typed(checkout, ["bash", "-ec", nurse], {"HOME": str(checkout)}) as third:
                third.until("Loaded and read back")
                third.answer("Type the dose in mg", "35")
                for told in ("Running: flow seen", "Stopped: bed1.", "chain intact"):
                    third.until(told)
                assert third.ended() == 0
    with contextlib.closing(JournalReader(checkout / "quickstart" / "state" / "journal.sqlite3")) as reader:
        kinds = [entry.kind for entry in reader.after(0, 10_000)]
    assert "intent_start" in kinds
    assert kinds.count("infusion_ended") == 1


def identified(checkout: Path) -> None:
    """Wait for what a person sees in the second terminal: the pump is ready."""
    command = [sys.executable, "-m", "pumpd", "status", "--config", "config/quickstart.toml"]
    end = time.monotonic() + 60
    while (
        "identified by" not in subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False).stdout
    ):
        assert time.monotonic() < end, "the pump was not identified"
        time.sleep(0.2)


def test_the_quickstart_has_only_a_simulated_pump_and_says_so():
    settings = Settings.load(ROOT / "config" / "quickstart.toml")
    assert [pump.simulated for pump in settings.pumps] == [True]
    assert "Not a cleared medical device" in (ROOT / "config" / "quickstart.toml").read_text()
