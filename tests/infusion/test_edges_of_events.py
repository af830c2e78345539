"""What an event does at the edges of its rules: a reboot, a restart in each state, the same trip again."""

from dataclasses import fields, replace

import pytest

from pumpd.infusion import State, advance
from pumpd.infusion import events as ev
from pumpd.infusion.model import Sample
from pumpd.infusion.vitals import VitalSample
from pumpd.pump import AlarmCode, PumpAlarm
from pumpd.quantities import Volume
from pumpd.vital_signs import Sign
from tests.infusion.bench import MIN, S, bench
from tests.infusion.test_stop import states

BOOT_NS = -9 * 3600 * S  # the new boot's clock starts nine hours earlier


@pytest.fixture(scope="module")
def reached():
    """An infusion in each state, which these tests do not change."""
    return states()


# -- a reboot of the machine (PWR-01) ----------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-03", "PRG-14")
@pytest.mark.parametrize("by_ns", [BOOT_NS, 5 * MIN])
def test_after_a_reboot_as_much_is_booked_as_before_it(by_ns):
    """60 s after the last reading at 52.5 mL/h, 0.875 mL more may have been given."""
    here = bench().run()
    here.wait(10 * MIN)
    before, now_ns = here.infusion, here.now_ns + MIN
    assert before.booked(now_ns) >= before.delivered + Volume("0.875")
    assert before.moved(by_ns).booked(now_ns + by_ns) == before.booked(now_ns)


@pytest.mark.requirement("PWR-03")
def test_a_reboot_moves_every_instant_and_nothing_else(reached):
    """In each state, what the infusion answers about a time is the same in the new boot's time."""
    for state, here in reached.items():
        before, at = here.infusion, here.now_ns + 7 * S
        after = before.moved(BOOT_NS)
        for what in ("booked", "running_ns", "elapsed_ns", "paused_ns", "treatment_running_ns"):
            assert getattr(after, what)(at + BOOT_NS) == getattr(before, what)(at), (state, what)
        assert after.delivered == before.delivered
        assert after.moved(-BOOT_NS) == before.but(challenge=None, doubted_reading=None)
        assert before.moved(0) is before


def test_readings_samples_signs_and_trips_move_too():
    here = bench().run()
    here.wait(6 * S)
    sign = VitalSample(Sign.SPO2, 97, 3 * S, "monitor m-1")
    before = here.infusion.but(vitals=(sign,), tripped=((AlarmCode.OCCLUSION, 4 * S),), identified_ns=2 * S)
    after = before.moved(10 * S)
    assert before.reading is not None
    assert after.reading == replace(
        before.reading, asked_ns=before.reading.asked_ns + 10 * S, answered_ns=before.reading.answered_ns + 10 * S
    )
    assert after.samples == tuple(Sample(each.at_ns + 10 * S, each.delivered) for each in before.samples)
    assert after.samples != ()
    assert after.vitals == (replace(sign, at_ns=13 * S),)
    assert after.tripped == ((AlarmCode.OCCLUSION, 14 * S),)
    assert after.identified_ns == 12 * S


# -- a restart of control (PWR-02, PWR-03) -----------------------------------------------------------------------------

# What ControlRestarted does at once: whether a stop is sent, and the state that follows.
AFTER_RESTART = {
    State.ORDERED: (False, State.ABANDONED),
    State.LOADING: (False, State.ABANDONED),
    State.READY: (False, State.ABANDONED),
    State.ARMED: (False, State.ABANDONED),
    State.STARTING: (True, State.UNCERTAIN),
    State.RUNNING: (True, State.STOPPING),
    State.COMPLETING: (True, State.STOPPING),
    State.PAUSING: (True, State.STOPPING),
    State.STOPPING: (True, State.STOPPING),
    State.UNCERTAIN: (True, State.UNCERTAIN),
    State.PAUSED: (False, State.PAUSED),
    State.TRIPPED: (False, State.TRIPPED),
    State.COMPLETED: (False, State.COMPLETED),
    State.STOPPED: (False, State.STOPPED),
    State.ABANDONED: (False, State.ABANDONED),
}


@pytest.mark.requirement("PWR-02", "PWR-03", "PWR-04")
@pytest.mark.parametrize("state", State)
def test_a_restart_stops_at_once_what_may_flow_and_leaves_what_does_not(reached, state):
    here = reached[state]
    stops, then = AFTER_RESTART[state]
    after, actions = advance(here.infusion, ev.ControlRestarted(here.now_ns))
    assert (ev.StopPump() in actions) is stops
    assert not stops or actions[0] == ev.StopPump()
    assert after.state is then
    if state in (State.RUNNING, State.COMPLETING, State.PAUSING):
        assert AlarmCode.CONTROL_RESTARTED in after.trips
        assert ev.RaiseAlarm(AlarmCode.CONTROL_RESTARTED) in actions
        assert ev.ReadPump() in actions
        assert any(isinstance(each, ev.Record) and each.kind == "state_changed" for each in actions)


# -- the same trip again (STP-07) --------------------------------------------------------------------------------------


@pytest.mark.requirement("STP-07")
@pytest.mark.parametrize(
    ("first_ns", "count", "resumable"),
    [(0, 3, False), (-1, 3, True), (0, 2, True)],
    ids=["three in ten minutes", "the first a nanosecond before", "two"],
)
def test_trips_count_that_are_at_most_ten_minutes_old(first_ns, count, resumable):
    here = bench().run()
    here.wait(MIN)
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(5 * S)
    assert here.infusion.trips == (AlarmCode.OCCLUSION,)
    at = here.now_ns + 10 * MIN
    before = [(AlarmCode.OCCLUSION, here.now_ns + first_ns), (AlarmCode.OCCLUSION, at - 4 * S)][-(count - 1) :]
    tripped = here.infusion.but(tripped=(*before, (AlarmCode.OCCLUSION, at - S)), flow_ended_ns=at - S, since_ns=at - S)
    after, _ = advance(tripped, ev.TripsCleared(at, "nurse"))
    assert (after.state is State.PAUSED) is resumable, after.reason


def test_other_trips_do_not_count_for_it():
    here = bench().run()
    here.wait(MIN)
    here.pump.flowing, here.pump.alarms = False, (PumpAlarm.OCCLUSION,)
    here.wait(5 * S)
    others = ((AlarmCode.AIR_IN_LINE, here.now_ns), (AlarmCode.EMPTY, here.now_ns), *here.infusion.tripped)
    after, _ = advance(here.infusion.but(tripped=others), ev.TripsCleared(here.now_ns, "nurse"))
    assert after.state is State.PAUSED


def test_what_an_event_of_an_older_journal_does_not_say_is_taken_as_no():
    """A replay uses these defaults; control always says it."""
    assert ev.StopRequested(0, "nurse", "enough").switching is False
    unsaid = {each.name: each.default for each in fields(ev.DeliveryReconciled)}
    assert unsaid["seen_stopped"] is False
