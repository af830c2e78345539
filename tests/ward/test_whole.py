"""`make ward` in its short form: it comes up with real gateways, and leaves nothing."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

ROOT = Path(__file__).parents[2]
WITHIN_S = 100


@pytest.fixture
def folder():
    """Its path is short: a socket's has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="w-") as name:
        yield Path(name)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("more", [(), ("--cluster",)], ids=["one node", "cluster"])
def test_a_simulated_gateway_infuses_on_the_board_and_nothing_is_left(folder, tmp_path, more):
    log = tmp_path / "ward.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.ward", "--gateways", "1", *more],
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    try:
        address, password = _announced(log, process)
        with httpx.Client(base_url=address) as client:
            signed = client.post("/api/sign-in", json={"name": "charge", "password": password})
            assert signed.status_code == 200
            bed = _running(client, log)
        assert bed["simulated"] is True
        assert bed["rate_ml_h"] == 52.5
    finally:
        process.terminate()
        process.wait(60)
    assert process.returncode == 0, log.read_text()
    assert list(folder.iterdir()) == []


def _announced(log: Path, process: subprocess.Popen[bytes]) -> tuple[str, str]:
    deadline = time.monotonic() + WITHIN_S
    while not (said := re.search(r"(http://\S+) .*password: (\S+)", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return said[1], said[2]


def _running(client: httpx.Client, log: Path) -> dict:
    """The bed, once its infusion runs."""
    deadline = time.monotonic() + WITHIN_S
    with client.stream("GET", "/api/live", timeout=30) as live:
        for line in live.iter_lines():
            assert time.monotonic() < deadline, log.read_text()
            beds = json.loads(line[6:])["beds"] if line.startswith("data: {") else []
            if beds and beds[0]["state"] == "running" and beds[0]["rate_ml_h"]:
                return beds[0]
    raise AssertionError("the board ended")
