"""The doctor where less is known: control is dead, a file is closed to this user, a check fails or hangs."""

from pathlib import Path

import pytest

from pumpd.doctor.examination import examine
from pumpd.doctor.facts import Control
from pumpd.doctor.line import Check, Group, State, line, ok
from tests.doctor.gateway import CONTROL_PID, STATE, Gateway
from tests.doctor.test_lines import gone, not_good, wrong_time

RED, YELLOW, OPEN = State.PROBLEM, State.WARNING, State.NOT_CHECKED


@pytest.fixture
def gateway(tmp_path) -> Gateway:
    return Gateway(tmp_path)


def test_a_dead_control_is_red_and_everything_else_is_still_checked(gateway):
    gateway.status = None
    found = not_good(gateway)
    assert found.pop("control.answers") is RED
    assert found == dict.fromkeys(
        (
            "control.alarms",
            "control.journal",
            "control.in_use",
            "pump.available",
            "pump.loss_of_control",
            "pump.self_test",
            "tls.served",
        ),
        OPEN,
    )


def test_a_control_that_this_user_may_not_ask_is_neither_good_nor_bad(gateway):
    gateway.changes["control"] = Control(why="this user may not open it", denied=True)
    assert not_good(gateway)["control.answers"] is OPEN


def test_a_plain_user_gets_needs_root_and_no_verdict(gateway, monkeypatch):
    """What only root may read is neither good nor bad."""
    closed = [gateway.root / STATE, gateway.root / f"proc/{CONTROL_PID}/fd", gateway.root / "etc/pumpd/library"]

    def is_closed(path) -> bool:
        return any(Path(path).is_relative_to(each) for each in closed)

    deny(monkeypatch, is_closed)
    gateway.machine.is_root = False
    checks = examine(gateway.facts)
    assert {each.id: each.found for each in checks if each.state in (RED, YELLOW)} == {}
    closed_lines = {each.id for each in checks if each.state is OPEN and "needs root" in each.found}
    assert closed_lines >= {
        *("journal.tail", "tls.certificate", "tls.key", "tablets.paired", "tablets.staff"),
        *("library.signed", "serial.exclusive", "units.descriptors"),
    }


def deny(monkeypatch, closed) -> None:
    """Root may read everything, so the refusal of the kernel is acted out for the calls that the doctor makes."""
    import os

    def guard(call):
        def guarded(self, *args, **kwargs):
            if closed(self):
                raise PermissionError(13, "Permission denied", str(self))
            return call(self, *args, **kwargs)

        return guarded

    for name in ("read_bytes", "read_text", "iterdir", "stat", "exists"):
        monkeypatch.setattr(Path, name, guard(getattr(Path, name)))
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, bits: not closed(path) and real(path, bits))


def test_a_configuration_that_cannot_be_read_leaves_the_machine_to_check(gateway):
    gateway.changes |= {"settings": None, "errors": ("pumpd.toml:3: not valid TOML",), "control": Control(why="?")}
    found = not_good(gateway)
    assert {name for name, state in found.items() if state is RED} == {"config.check"}
    assert not {name for name in found if name.startswith(("clock.", "power.", "memory.", "version."))}


def test_a_configuration_that_this_user_may_not_read_is_not_called_wrong(gateway):
    gateway.changes |= {"settings": None, "denied": True, "control": Control(why="?")}
    assert RED not in not_good(gateway).values()


def test_on_a_laptop_with_simulated_pumps_nothing_of_a_gateway_is_red(gateway):
    gateway.given |= {"hardware": {}, "bedside": None, "library_keys": {}, "simulation": {"unsigned_library": True}}
    gateway.given["pump"] = [gateway.given["pump"][0] | {"simulated": True, "port": "socket://127.0.0.1:7000"}]
    for path in ("sys", "usr", "var/lib/dpkg", "etc/pumpd/library/library.sig", "etc/pumpd/library/library.toml"):
        gone(path)(gateway)
    gateway.status = None
    wrong_time(gateway)
    assert RED not in not_good(gateway).values()


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyError("x")])
def test_a_defect_in_a_check_is_no_verdict(gateway, error):
    @line("x", "X", when="", to_do="")
    def broken(facts):
        yield ok("first")
        raise error

    found = Group("G", (broken,)).checks(gateway.facts)
    assert [each.state for each in found] == [State.OK, OPEN]
    assert isinstance(found[1], Check)


@pytest.mark.realtime
def test_a_disk_that_hangs_holds_up_its_own_line_only(gateway):
    import threading

    released = threading.Event()

    @line("x", "X", when="", to_do="")
    def hangs(facts):
        released.wait()
        yield ok("late")

    try:
        (found,) = hangs.checks(gateway.facts, within_s=0.05)
    finally:
        released.set()
    assert found.state is RED
    assert "no answer within" in found.found
