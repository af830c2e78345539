"""Real control processes die over real pseudo-terminals, with pumps of every family running; the plants tell the truth.

All deaths happen at once, on one pumpsim. How many seconds the flow goes on also depends on the machine: that is what
`python -m benchmarks death` measures, and prints as a table.
"""

import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.dying import BEDS, DEATHS, LEASE_S, control, simulators
from tests.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.realtime

WARDS = {"SIGKILL": tuple(BEDS), "SIGSTOP": tuple(BEDS), "frozen loop": ("harvard",), "no memory": ("harvard",)}


@pytest.fixture
def folder():
    """Its path is short: a socket's has at most 107 bytes."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def kept(bed):
    """Whether the flow must stop, whichever way the process dies."""
    return BEDS[bed].bound_s("SIGKILL") is not None


@pytest.mark.requirement("COM-01", "COM-12", "COM-13", "STP-09", "RUN-17", "WIN-07")
def test_every_familys_flow_ends_as_declared_however_control_dies(folder):
    with ExitStack() as stack:
        ports = {f"{death}: {bed}": bed for death, beds in WARDS.items() for bed in beds}
        pumps = stack.enter_context(simulators(folder / "p", ports))
        controls = {}
        for number, (death, beds) in enumerate(WARDS.items()):
            places = {bed: pumps.port(f"{death}: {bed}") for bed in beds}
            controls[death] = stack.enter_context(control(folder / str(number), places))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda each: each.run_all(), controls.values()))
        assert all(pumps.truth(name)["running"] for name in ports)

        for death, process in controls.items():
            os.kill(process.popen.pid, DEATHS[death])
        died_at = time.monotonic()
        wait_until(lambda: not any(pumps.truth(name)["running"] for name, bed in ports.items() if kept(bed)))
        time.sleep(max(0.0, died_at + LEASE_S + 1.0 - time.monotonic()))
        assert all(pumps.truth(name)["running"] is not kept(bed) for name, bed in ports.items())

        # A suspended process wakes up late: it trips, reads that its pumps have stopped, and releases the deadmen.
        controls["SIGSTOP"].popen.send_signal(signal.SIGCONT)

        # The next control finds the deadmen that stop their pumps, reads "stopped", and releases them.
        after = controls["SIGKILL"]
        armed = sorted(f"deadman-{bed}" for bed in BEDS if "deadman" in BEDS[bed].ends)
        assert sorted(path.stem for path in after.deadmen()) == armed
        after.popen.wait()
        after.start()
        after.until("tripped")
        wait_until(lambda: not after.deadmen())
        controls["SIGSTOP"].until("tripped")
        wait_until(lambda: not controls["SIGSTOP"].deadmen())
        found = {entry.pump: entry.fields for entry in after.entries("deadman_found")}
        assert sorted(f"deadman-{bed}" for bed in found) == armed
        assert all(body["state"] == "stopping" and body["frames_written"] >= 1 for body in found.values())
        assert not any(pumps.truth(f"{death}: {bed}")["running"] for death in ("SIGKILL", "SIGSTOP") for bed in BEDS)


def deadman_of(process, bed):
    """The process id of the deadman of that bed."""
    children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children").read_text().split()
    (number,) = [
        int(child) for child in children if f"deadman-{bed}.sock" in Path(f"/proc/{child}/cmdline").read_text()
    ]
    return number


@pytest.mark.requirement("COM-01", "COM-12")
def test_no_start_without_a_deadman_and_no_flow_that_lost_its_only_one(folder):
    beds = ("new-era", "harvard", "reglo")
    with simulators(folder / "p", dict(zip(beds, beds, strict=True))) as pumps:
        with control(folder / "c", {bed: pumps.port(bed) for bed in beds}) as process:
            in_the_way = folder / "c" / "state" / "deadman-reglo.sock"
            in_the_way.mkdir()
            process.until("", None)
            refused = process.order("reglo")
            assert any(reason.startswith("self-test: deadman: ") for reason in refused["reasons"])  # before any load
            in_the_way.rmdir()
            process.order_all()
            in_the_way.unlink()
            in_the_way.mkdir()
            os.kill(deadman_of(process, "reglo"), signal.SIGKILL)  # it dies between the order and the start
            process.confirm_all()
            wait_until(lambda: set(process.states().values()) == {"running", "tripped"})
            assert process.states()["reglo"] == "tripped"
            assert pumps.truth("reglo")["delivered_ml"] == 0
            (answered,) = [entry.fields for entry in process.entries("start_answered") if entry.pump == "reglo"]
            assert answered["outcome"].startswith("refused: deadman: ")
            in_the_way.rmdir()

            lost = {bed: deadman_of(process, bed) for bed in ("new-era", "harvard")}
            for number in lost.values():
                os.kill(number, signal.SIGKILL)
            wait_until(lambda: process.states() == {"new-era": "running", "harvard": "tripped", "reglo": "tripped"})
            assert not pumps.truth("harvard")["running"]
            assert alarms(process, "harvard") == ["deadman_failed"]
            wait_until(lambda: alarms(process, "new-era") == [])  # a new one was armed
            assert deadman_of(process, "new-era") != lost["new-era"]
            raised = [entry for entry in process.entries("alarm_raised") if entry.pump == "new-era"]
            assert [entry.fields["code"] for entry in raised] == ["deadman_failed"]

            # Control that is asked to end reads "stopped" and leaves no deadman, only the socket of a killed one.
            process.popen.send_signal(signal.SIGTERM)
            assert process.popen.wait(PATIENCE_S) == 0
            assert {path.stem for path in process.deadmen()} <= {"deadman-harvard"}
        assert not any(pumps.truth(bed)["running"] for bed in beds)


def alarms(process, bed):
    (pump,) = [pump for pump in process.pumps() if pump["pump"] == bed]
    return [alarm["code"] for alarm in pump["alarms"]]
