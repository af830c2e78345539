"""What the Harvard driver knows without a pump: limits, settings, and what each prompt and flag means."""

from decimal import Decimal

import pytest

from pumpd.pump import Container, LossOfControl, PumpAlarm, PumpState
from pumpd.quantities import Length, Rate, Volume
from pumpd_drivers.harvard.codec import Reply
from pumpd_drivers.harvard.driver import Harvard
from pumpd_drivers.harvard.replies import Status


@pytest.mark.requirement("COM-13")
def test_capabilities_promise_no_watchdog_and_the_recorded_limits():
    """Recorded at 14.43 mm: 25.0404 nl/min to 26.0035 ml/min."""
    container = Container("10 mL", Volume(10), Volume(0), Rate(1), Length("14.43"))
    able = Harvard.capabilities(container, {})
    assert able.loss_of_control == (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
    assert able.watchdog is None
    assert able.max_steps == 1
    assert Rate("1560.1") <= able.rate_max <= Rate("26.0035").times(60)
    assert able.rate_min == Rate("0.002")
    for wrong, field in (({"digits": 9}, "digits"), ({"adress": 1}, "adress"), ({"address": 100}, "address")):
        with pytest.raises(ValueError, match=field):
            Harvard.check_settings(wrong)
    for inner in (None, Length("33.1"), Length("0.05")):
        with pytest.raises(ValueError, match="diameter"):
            Harvard.capabilities(Container("odd", Volume(10), Volume(0), Rate(1), inner), {})
    assert {"quiet_s", "target_time", "fastest_mm_min"} <= {item.name for item in Harvard.assumptions}


@pytest.mark.requirement("RUN-11")
def test_every_prompt_and_flag_is_a_state_and_an_alarm():
    """Prompts of the sheet; flags of the PHD Ultra user guide p. 88."""
    occlusion, empty, fault = PumpAlarm.OCCLUSION, PumpAlarm.EMPTY, PumpAlarm.PUMP_FAULT
    for prompt, flags, state, alarms in (
        (":", "i...i.", PumpState.STOPPED, ()),
        (">", "I...i.", PumpState.INFUSING, ()),
        ("<", "W...w.", PumpState.WITHDRAWING, ()),
        ("T*", "i...iT", PumpState.STOPPED, ()),
        ("*", "i.S.i.", PumpState.ALARM, (occlusion,)),
        ("*", "i...i", PumpState.ALARM, (occlusion,)),
        (":", "i.S.i", PumpState.ALARM, (occlusion,)),
        (">*", "ii..i.", PumpState.ALARM, (empty,)),
        ("<*", "ww..w.", PumpState.ALARM, (fault,)),
        (":", "I...i.", PumpState.INFUSING, ()),  # they disagree: it flows
        (">", "i...i.", PumpState.INFUSING, ()),
    ):
        status = Status.of(Reply((f"   14583333333 2400000 35000000000000 {flags}",), prompt))
        assert (status.state, status.alarms) == (state, alarms), (prompt, flags)
        assert status.displaced == Volume(35)
        assert status.rate(Rate("52.5")) == Rate("52.5")
        if status.flows:
            assert status.rate(Rate(40)).decimal == pytest.approx(Decimal("52.5"), abs=Decimal("0.00001"))


def test_a_live_prompt_in_any_line_that_says_moving_counts_as_flow():
    line = "14583333333 2400000 35000000000000 i...i."
    assert Status.of(Reply((f"02>{line}",), ":", 2)).state is PumpState.INFUSING
    assert Status.of(Reply((f"02:{line}",), ":", 2)).state is PumpState.STOPPED
