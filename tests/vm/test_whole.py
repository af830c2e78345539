"""A whole infusion: forty minutes of real time, to its last drop."""

import pytest

from tests.vm.nurse import RATE_ML_H

pytestmark = [pytest.mark.vm, pytest.mark.whole, pytest.mark.realtime, pytest.mark.timeout(2 * 3600)]

DOSE_ML = 35.0  # 0.5 mg/kg of 70 kg, at 1 mg/mL
LONGEST_S = 60 * 60


@pytest.mark.requirement("RUN-04")
def test_a_whole_infusion_gives_what_was_ordered(gateway, nurse, measured):
    before = nurse.start("bed1")
    took = gateway.wait(lambda: gateway.infusion_state("bed1") != "running", "its end", LONGEST_S)
    gateway.until("bed1", "completed")
    booked, given = gateway.booked_enough("bed1", before)
    assert given == pytest.approx(DOSE_ML, rel=0.03)
    gateway.journal_is_intact()
    measured(
        f"a whole infusion: {given:.3f} mL of {DOSE_ML} given at {RATE_ML_H} mL/h, {booked:.3f} booked, {took:.0f} s"
    )
