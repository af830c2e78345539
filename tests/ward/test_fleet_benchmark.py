"""`python -m benchmarks.fleet` under a signal: what it started ends, and what it wrote is removed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ward, pytest.mark.realtime]


def below(pid: int) -> dict[int, str]:
    """The processes that a process started, and those that these started: each with its command line."""
    parents, lines = {}, {}
    for each in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            lines[int(each.name)] = (each / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    found, new = {}, {pid}
    while new := {one for one, parent in parents.items() if parent in new} - found.keys():
        found |= {one: lines[one] for one in new}
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_leaves_no_process_and_no_file(tmp_path, number):
    command = [sys.executable, "-m", "benchmarks.fleet", "--gateways", "5", "--seconds", "600", "--nodes", "1"]
    with (tmp_path / "out").open("wb") as out:
        running = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, "TMPDIR": str(tmp_path)}, cwd=Path(__file__).parents[2]
        )
    try:
        deadline = time.monotonic() + 60
        while not all(
            any(word in line for line in below(running.pid).values()) for word in ("nats", "postgres", "ingest")
        ):
            assert running.poll() is None, (tmp_path / "out").read_text()
            assert time.monotonic() < deadline, below(running.pid)
            time.sleep(0.1)
        started = below(running.pid)
        (data,) = {line.split("-D ")[1].split()[0] for line in started.values() if "-D " in line}
        running.send_signal(number)
        assert running.wait(60) == 130, (tmp_path / "out").read_text()
    finally:
        running.kill()
        running.wait()
    assert [line for pid, line in started.items() if Path(f"/proc/{pid}").exists()] == []
    assert not Path(data).parent.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "nothing is left" in (tmp_path / "out").read_text()
