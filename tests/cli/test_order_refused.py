"""What `pumpd order` says of a pump that did not take its program."""

import pytest

from pumpd.cli import infusion
from pumpd.messages.requests import OrderRest


@pytest.mark.parametrize(("stopped", "said"), [(True, "It does not flow."), (False, "It may flow: go to the pump.")])
def test_it_says_of_a_pump_that_was_not_programmed_whether_it_may_flow(monkeypatch, capsys, tmp_path, stopped, said):
    """A pump that was started at its panel before the order reached it is left alone, and flows."""
    ended = {"stopped": stopped, "infusion": {"state": "abandoned", "reason": "the pump is infusing, not idle"}}
    monkeypatch.setattr(infusion, "ask", lambda *_, **__: {"weight": None})
    monkeypatch.setattr(infusion, "_wait_for", lambda *_, **__: ended)
    request = OrderRest(pump="bed1", treatment="t-1", patient="token-1", ordered_by="dr-a")
    with pytest.raises(SystemExit):
        infusion._order(request, "bed1", tmp_path / "pumpd.toml", 1.0, as_json=False)
    assert said in " ".join(capsys.readouterr().err.split())
