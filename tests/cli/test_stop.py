"""`pumpd stop` believes what control says of each pump, and nothing else."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pumpd.cli import infusion
from pumpd.cli.main import app
from pumpd.messages.requests import Stop


def stop(monkeypatch, **pump):
    def ask(_config: Path, request, *, as_json):
        return {"stopping": ["bed1"]} if isinstance(request, Stop) else {"pumps": [{"pump": "bed1", **pump}]}

    monkeypatch.setattr(infusion, "ask", ask)
    return CliRunner().invoke(app, ["stop", "--wait", "0"])


@pytest.mark.requirement("STP-04")
@pytest.mark.parametrize("pump_state", ["infusing", "waiting", "stopped", None])
def test_a_pump_without_an_infusion_is_not_stopped_before_control_says_so(monkeypatch, pump_state):
    result = stop(monkeypatch, infusion=None, pump_state=pump_state, stopped=False)
    assert result.exit_code == 1
    assert "not confirmed for bed1. Stop at the pump" in result.stderr


@pytest.mark.requirement("STP-04")
def test_a_stop_that_control_confirms_is_shown(monkeypatch):
    result = stop(monkeypatch, infusion=None, pump_state="stopped", stopped=True)
    assert (result.exit_code, result.output) == (0, "Stopped: bed1.\n")
