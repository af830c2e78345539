"""A command whose control process goes away says so."""

import socket

import pytest

from pumpd.cli.client import ControlClient, NoAnswerError
from pumpd.messages.requests import StatusRequest


def test_a_control_process_that_goes_away_is_told_and_closing_hides_it_not(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        client = ControlClient(tmp_path / "control.sock")
        server.accept()[0].close()
        with pytest.raises(NoAnswerError, match="Look at the pump"), client:
            client.ask(StatusRequest())
