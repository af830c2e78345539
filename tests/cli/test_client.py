"""What a command prints without an answer: the truth about control and the pump, and what to do."""

import os
import socket

import pytest

from pumpd.cli import client as client_module
from pumpd.cli.client import ControlClient, NoAnswerError
from pumpd.messages.requests import StatusRequest


def test_a_control_process_that_ends_is_reported_and_closing_does_not_hide_it(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        client = ControlClient(tmp_path / "control.sock")
        server.accept()[0].close()
        with pytest.raises(NoAnswerError, match=r"Control ended before it answered.* Go to the pump"), client:
            client.ask(StatusRequest())


def test_without_a_control_process_the_message_explains_that_and_what_to_do(tmp_path):
    with pytest.raises(NoAnswerError, match=r"No control process runs here.* Then start pumpd"):
        ControlClient(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with pytest.raises(NoAnswerError, match="No control process runs here"):
        ControlClient(tmp_path / "control.sock")


def test_a_user_without_access_is_not_told_that_control_is_down(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(socket.socket, "connect", refused)
    with pytest.raises(NoAnswerError, match=r"may not open .*control\.sock") as raised:
        ControlClient(tmp_path / "control.sock")
    assert "pumpd may be running" in str(raised.value)
    assert "No control process" not in str(raised.value)


def test_a_control_process_that_is_slow_may_still_carry_out_the_request(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "ANSWER_WITHIN_S", 0.05)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        with ControlClient(tmp_path / "control.sock") as client, pytest.raises(NoAnswerError, match="may still carry"):
            client.ask(StatusRequest())
