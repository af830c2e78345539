"""What a command prints without an answer: the truth about control and the pump, and what to do."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from pumpd.cli.client import ControlClient, NoAnswerError
from pumpd.cli.wording import pump_lines
from pumpd.messages.no_answer import holder
from pumpd.messages.requests import StatusRequest


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "control.sock"


def no_answer(path: Path, lock: Path | None = None) -> str:
    with pytest.raises(NoAnswerError) as raised, ControlClient(path, lock=lock) as client:
        client.ask(StatusRequest())
    return str(raised.value)


def listening(path: Path, backlog: int = 5) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(backlog)
    return server


def test_a_control_process_that_ends_is_reported_and_closing_does_not_hide_it(path):
    with listening(path) as server:
        client = ControlClient(path)
        server.accept()[0].close()
        with pytest.raises(NoAnswerError, match=r"closed the connection before it answered.* Go to the pump"), client:
            client.ask(StatusRequest())


def test_without_a_socket_no_control_process_runs(path):
    said = no_answer(path)
    assert said.startswith(f"There is no socket {path}, so no control process runs with this configuration.")
    assert "pumpd does not watch the pumps now" in said.lower()
    assert "Go to the pump" in said
    assert "Start pumpd" in said


def test_a_socket_that_was_left_behind_is_told_from_none(path):
    listening(path).close()
    said = no_answer(path)
    assert said.startswith(f"Nobody answers on the socket {path}: the control process that made it is gone.")
    assert "Go to the pump" in said


def test_something_else_in_the_place_of_the_socket_is_named(path):
    path.write_text("", encoding="utf-8")
    said = no_answer(path)
    assert f"{path} is not a socket" in said
    assert "not known" in said


@pytest.mark.parametrize("left", [True, False])
def test_a_control_process_that_is_starting_is_not_called_absent(path, left):
    """It holds its lock from before it opens the journal until after its sockets are closed."""
    if left:
        listening(path).close()
    lock = path.with_name("control.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = no_answer(path, lock)
        assert f"rocess {os.getpid()} holds {lock.parent} but takes no requests: control is starting or ending" in said
        assert "stops every pump that it finds infusing" in said
        assert "Try again" in said
        with pytest.raises(BlockingIOError), lock.open("r") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)  # looking took nothing from the holder
    assert "starting" not in no_answer(path, lock)


def test_looking_for_the_holder_takes_no_lock_that_a_starting_control_needs(path, monkeypatch):
    lock = path.with_name("control.lock")
    lock.touch()
    monkeypatch.setattr(fcntl, "flock", lambda *_: pytest.fail("a lock was taken"))
    assert holder(lock) == 0


def test_a_user_without_access_is_not_told_that_control_is_down(path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "connect", refused)
    said = no_answer(path)
    assert said.startswith(f"This user may not open {path}.")
    assert "not affected, and pumpd may well be watching them" in said
    assert "pumpd-operators" in said
    assert "no control process" not in said.lower()
    assert "watchdog" not in said


def test_a_full_queue_is_not_called_absent(path):
    with listening(path, 0), socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(path))
        said = no_answer(path)
    assert "takes no more connections" in said
    assert "not known" in said
    assert "Nothing was sent" in said


def test_a_control_process_that_is_slow_may_still_carry_out_the_request(path, monkeypatch):
    monkeypatch.setattr("pumpd.cli.exchange.ANSWER_WITHIN_S", 0.05)
    with listening(path):
        said = no_answer(path)
    assert "did not answer within" in said
    assert "may still carry out" in said


def test_an_answer_of_another_version_is_no_librarys_message(path):
    with listening(path) as server:
        client = ControlClient(path)
        with server.accept()[0] as one:
            one.sendall(b'{"no": "answer"}\n')
            with pytest.raises(NoAnswerError, match="different versions") as raised, client:
                client.ask(StatusRequest())
    assert "pydantic" not in str(raised.value)
    assert "validation" not in str(raised.value)


def test_an_absent_idle_pump_is_shown_as_absent():
    """Its last reading was from before its cable was pulled."""
    pump = {
        "pump": "bed1", "simulated": False, "model": "NE-1000", "driver": "new-era", "serial": "1", "proved_by": "",
        "problem": "no answer on /dev/serial/by-id/x", "to_identify": "", "patient": "", "alarms": [], "rest": None,
        "infusion": None, "pump_state": "stopped", "age_s": 34.2, "links": {"pump": "lost"},
    }  # fmt: skip
    said = "\n".join(pump_lines(pump))
    assert "ABSENT: it does not answer, so what it does is not known; last seen stopped, 34 s ago" in said
    assert "pump stopped" not in said
    assert "no infusion; pump stopped" in "\n".join(pump_lines(pump | {"problem": "", "links": {"pump": "ok"}}))
    assert "never read" in "\n".join(pump_lines(pump | {"pump_state": None, "age_s": None}))
