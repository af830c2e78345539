"""A few stories of two beds and their cables, and proof that they find a pump that is believed without a proof."""

import pytest

from pumpd.control.infusions import pump_line
from pumpd.pump.marks import Mark
from tests.campaign.cables import play

STORIES = range(6)


@pytest.mark.requirement("COM-15")
@pytest.mark.parametrize("seed", STORIES)
def test_no_pump_is_started_or_believed_by_another_beds_cable(seed, quiet):
    assert not play(seed).violations


def test_a_pump_that_is_believed_by_its_model_alone_is_found(quiet, monkeypatch):
    monkeypatch.setattr(pump_line, "proof", lambda *_: Mark.SERIAL)
    broken = set().union(*(play(seed).violations for seed in STORIES))
    assert broken >= {"wrong start", "believed"}
