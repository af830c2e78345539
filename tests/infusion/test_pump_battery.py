"""STA-13: as far as the pump reports it, a first start needs mains or an hour of battery; a running infusion warns."""

import pytest

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.pump import AlarmCode, PumpAlarm
from tests.infusion.bench import MIN, S, bench

LOW = (PumpAlarm.BATTERY_LOW,)


@pytest.mark.requirement("STA-13")
@pytest.mark.parametrize(
    ("mains", "left_min", "alarms", "why"),
    [
        (None, None, (), ""),  # most families do not report it
        (True, None, (), ""),
        (True, 5, LOW, ""),  # it is being charged
        (False, 60, (), ""),
        (False, 60, LOW, ""),
        (False, 59, (), "runs 59 min on its battery, at least 60 min are needed"),
        (None, 59, (), "runs 59 min on its battery"),
        (False, None, (), "does not report for how long"),
        (False, None, LOW, "reports that its battery is low"),
        (None, None, LOW, "reports that its battery is low"),
    ],
)
def test_a_first_start_needs_mains_or_an_hour_of_battery_as_far_as_the_pump_reports_it(mains, left_min, alarms, why):
    here = bench()
    here.pump.mains, here.pump.battery_left_min, here.pump.alarms = mains, left_min, alarms
    here.confirm()
    here.wait(S)
    assert here.state is (State.READY if why else State.RUNNING)
    assert here.pump.starts == (0 if why else 1)
    assert [why in reason for reason in here.refused] == ([True] if why else [])


@pytest.mark.requirement("STA-13")
@pytest.mark.parametrize(
    ("left_min", "alarm"),
    [
        (30, None),
        (29, AlarmCode.BATTERY_LOW),
        (10, AlarmCode.BATTERY_LOW),
        (9, AlarmCode.BATTERY_ENDING),
        (0, AlarmCode.BATTERY_ENDING),
    ],
)
def test_an_emptying_battery_warns_and_stops_nothing_and_mains_power_ends_the_warning(left_min, alarm):
    here = bench().run()
    here.wait(5 * MIN)
    here.pump.mains, here.pump.battery_left_min = False, left_min
    here.wait(2 * S)
    assert here.infusion.alarms == ({alarm} if alarm else set())
    assert here.state is State.RUNNING
    here.pump.mains = True
    here.wait(2 * S)
    assert here.infusion.alarms == frozenset()


@pytest.mark.requirement("STA-13")
def test_the_rest_of_an_infusion_may_be_resumed_on_battery():
    here = bench().run()
    here.wait(5 * MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    here.pump.mains, here.pump.battery_left_min = False, 40
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    here.wait(S)
    here.confirm(nonce="n-2", request="r-2")
    here.wait(S)
    assert here.state is State.RUNNING
    assert here.pump.starts == 2
