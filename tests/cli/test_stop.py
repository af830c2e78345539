"""`pumpd stop` believes what control says of each pump, and nothing else."""

import os
import socket
import threading
import time

import pytest
from typer.testing import CliRunner

import pumpd.cli.stop as stop_module
from pumpd.cli.main import app
from pumpd.messages.requests import Answer, Stop


def stop(monkeypatch, tmp_path, **pump):
    def asked(_settings, request, **_):
        found = {"stopping": ["bed1"]} if isinstance(request, Stop) else {"pumps": [{"pump": "bed1", **pump}]}
        return Answer(ok=True, result=found)

    monkeypatch.setattr(stop_module, "asked", asked)
    return run(tmp_path)


def run(tmp_path, *options: str):
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n', encoding="utf-8")
    return CliRunner().invoke(app, ["stop", "--wait", "0", "--config", str(config), *options])


@pytest.mark.requirement("STP-04")
@pytest.mark.parametrize("pump_state", ["infusing", "waiting", "stopped", None])
def test_a_pump_without_an_infusion_is_not_stopped_before_control_says_so(monkeypatch, tmp_path, pump_state):
    result = stop(monkeypatch, tmp_path, infusion=None, pump_state=pump_state, stopped=False)
    assert result.exit_code == 1
    assert "not confirmed for bed1. Stop at the pump" in result.stderr


@pytest.mark.requirement("STP-04")
def test_a_stop_that_control_confirms_is_shown(monkeypatch, tmp_path):
    result = stop(monkeypatch, tmp_path, infusion=None, pump_state="stopped", stopped=True)
    assert (result.exit_code, result.output) == (0, "Stopped: bed1.\n")


# -- without an answer -------------------------------------------------------------------------------------------------


def test_a_stop_that_could_not_be_sent_says_so_and_where_to_stop(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("The stop was NOT sent. There is no socket ")
    assert result.stderr.endswith("Stop at the pump, clamp the line.\n")


def test_a_user_without_access_hears_that_the_stop_was_not_sent_and_not_that_control_is_down(monkeypatch, tmp_path):
    def refused(*_):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "connect", refused)
    said = run(tmp_path).stderr
    assert said.startswith("The stop was NOT sent. This user may not open ")
    assert "pumpd may well be watching them" in said
    assert "watchdog" not in said


def test_a_stop_whose_answer_is_lost_may_have_been_carried_out(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()

        def close_one():
            one, _ = server.accept()
            one.recv(4096)
            one.close()

        thread = threading.Thread(target=close_one)
        thread.start()
        result = run(tmp_path)
        thread.join()
    assert result.exit_code == 1
    assert result.stderr.startswith("It is NOT KNOWN whether the stop was carried out.")


def test_a_stop_that_control_took_and_could_not_confirm_says_both(monkeypatch, tmp_path):
    def asked(_settings, request, **_):
        if isinstance(request, Stop):
            return Answer(ok=True, result={"stopping": ["bed1"]})
        raise stop_module.NoAnswerError("Control is gone.", sent=True)

    monkeypatch.setattr(stop_module, "asked", asked)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Control took the stop for bed1; that it has stopped is NOT confirmed.")


@pytest.mark.realtime
def test_a_stop_waits_for_a_full_queue_and_is_sent_once_there_is_room(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        waiting = socket.socket(socket.AF_UNIX)
        waiting.connect(str(path))  # the queue is full now
        heard: list[bytes] = []

        def serve():
            time.sleep(0.5)
            for answer in (None, {"stopping": []}, {"pumps": []}):
                one, _ = server.accept()
                if answer is not None:
                    heard.append(one.recv(4096))
                    one.sendall(Answer(ok=True, result=answer).model_dump_json().encode() + b"\n")
                one.close()

        thread = threading.Thread(target=serve)
        thread.start()
        result = run(tmp_path, "--wait", "30")
        thread.join()
        waiting.close()
    assert result.exit_code == 0, result.output
    assert b'"stop"' in heard[0]
