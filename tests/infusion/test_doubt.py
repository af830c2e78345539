"""Which pump answers is not known: the limits of that doubt, in numbers by hand (COM-15).

At 52.5 mL/h a pump gives 0.1458 mL in 10 s. Counters may differ by 0.02 mL, as everywhere.
"""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from pumpd.infusion import Limits, State
from pumpd.infusion import events as ev
from pumpd.infusion.doubt import contradiction
from pumpd.infusion.record import event_from_data, event_to_data, infusion_from_data, to_data
from pumpd.pump import AlarmCode, PumpAlarm, PumpState, Reading
from pumpd.quantities import Rate, Volume
from pumpd.texts import text
from tests.infusion.bench import MIN, Pump, S, bench, infusion

pytestmark = pytest.mark.requirement("COM-15")

DOUBTED = AlarmCode.IDENTITY_DOUBTED


def doubt(here, *, others=True):
    """The cable is back; control says so before anything is read."""
    return here.send(ev.PumpDoubted(here.now_ns, text("identity.test", "the link was lost"), others))


def identify(here):
    return here.send(ev.PumpIdentified(here.now_ns, "nurse-1"))


def mismatches(here):
    return [action for action in here.done if isinstance(action, ev.Mismatched)]


def read_at(second, delivered, *alarms):
    at = second * S
    return Reading(at, at, PumpState.STOPPED, Rate("52.5"), Volume(delivered), tuple(alarms))


def stopped_at_ten(state=State.STOPPING, **more):
    """An infusion whose pump had counted 10 mL at its last reading, at 100 s."""
    return infusion().but(state=state, reading=read_at(100, "10"), counted=Volume("10"), **more)


@pytest.mark.parametrize(
    ("state", "delivered", "contradicts"),
    [
        (State.STOPPING, "9.97", True),
        (State.STOPPING, "9.98", False),
        (State.STOPPING, "10.16", False),
        (State.STOPPING, "10.17", True),
        (State.PAUSED, "9.97", True),
        (State.PAUSED, "9.98", False),
        (State.PAUSED, "10.02", False),
        (State.PAUSED, "10.03", True),
        (State.TRIPPED, "10.03", True),
    ],
)
def test_a_count_contradicts_below_the_last_one_and_above_what_can_have_flowed_in_ten_seconds(
    state, delivered, contradicts
):
    why = contradiction(stopped_at_ten(state), read_at(110, delivered))
    assert bool(why) is contradicts
    if contradicts:
        assert delivered in why
        assert "10 mL" in why


@pytest.mark.parametrize(
    ("delivered", "contradicts"), [("9.87", True), ("9.88", False), ("10.12", False), ("10.13", True)]
)
def test_a_coarse_counter_contradicts_only_beyond_its_step(delivered, contradicts):
    limits = Limits().for_counter(Volume("0.1"))
    assert bool(contradiction(stopped_at_ten(State.PAUSED, limits=limits), read_at(110, delivered))) is contradicts


@pytest.mark.parametrize(
    "unknown",
    [{"reading": None}, {"state": State.ORDERED}, {"load_unknown": True}],
    ids=lambda unknown: next(iter(unknown)),
)
def test_where_the_last_count_is_not_known_nothing_contradicts(unknown):
    assert contradiction(stopped_at_ten().but(**unknown), read_at(110, "0")) == ""


def test_the_count_of_a_pump_that_lost_its_power_proves_nothing():
    assert contradiction(stopped_at_ten(), read_at(110, "0")) != ""
    assert contradiction(stopped_at_ten(), read_at(110, "0", PumpAlarm.PUMP_RESET)) == ""


@pytest.mark.parametrize(("seconds", "recognized"), [(34, False), (35, True)])
def test_a_pump_is_recognized_from_half_a_millilitre(seconds, recognized):
    """At 52.5 mL/h that is given after 34.3 s; the pump shows 0.49 mL after 34 s."""
    here = bench().run()
    here.wait(seconds * S - (here.now_ns - here.infusion.flow_since_ns))
    doubt(here, others=False)
    assert (here.state is State.RUNNING) is recognized
    here.wait(S)
    assert (here.count(ev.PumpRecognized) == 1) is recognized
    assert (here.infusion.doubted_ns is None) is recognized
    assert (DOUBTED in here.infusion.alarms) is not recognized


@pytest.mark.parametrize(("behind", "recognized"), [("0.01", True), ("0.05", False), ("0.11", False)])
def test_a_pump_that_lags_behind_is_another_one(behind, recognized):
    """After 8 s without an answer ours has given 0.117 mL more. One that gave less has still counted more than ours
    had, and is not ours.
    """
    here = bench().run()
    here.wait(MIN)
    here.now_ns += 8 * S
    doubt(here, others=False)
    ours, here.pump = here.pump, replace(here.pump, counter=here.pump.counter - Fraction(behind))
    here.read()
    assert (here.state is State.RUNNING) is recognized
    assert (here.count(ev.PumpRecognized) == 1) is recognized
    if not recognized:
        assert here.infusion.trips == (DOUBTED,)
        ours.until(here.now_ns)
        assert here.infusion.booked(here.now_ns).decimal + Volume("0.02").decimal >= ours.given
    assert mismatches(here) == []


def test_the_recognized_infusion_goes_on_as_if_nothing_had_been():
    here = bench().run()
    here.wait(2 * MIN)
    here.now_ns += 8 * S
    doubt(here, others=False)
    here.read()
    here.wait(50 * MIN)
    assert here.state is State.COMPLETED
    assert here.pump.given == 35
    assert here.infusion.trips == ()


def test_what_a_pump_counted_before_it_lost_its_power_is_booked_once_it_is_identified():
    here = bench().run()
    here.wait(MIN)
    doubt(here)
    here.wait(2 * S)
    here.pump.counter, here.pump.alarms = Fraction(0), (PumpAlarm.PUMP_RESET,)
    here.wait(5 * S)
    assert here.state is State.STOPPING
    assert mismatches(here) == []
    identify(here)
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert AlarmCode.DELIVERY_UNCERTAIN in here.infusion.trips
    assert here.infusion.booked(here.now_ns).decimal >= here.given


def test_a_stop_is_believed_only_of_the_pump_that_a_person_has_identified():
    here = bench().run()
    here.wait(MIN)
    ours, here.pump = here.pump, Pump(now_ns=here.now_ns)
    doubt(here)
    here.wait(30 * S)
    assert here.state is State.STOPPING
    assert len(mismatches(here)) == 1
    assert AlarmCode.STOP_UNCONFIRMED in here.infusion.alarms
    ours.until(here.now_ns)
    assert here.infusion.booked(here.now_ns).decimal >= ours.given
    here.pump = ours
    doubt(here)
    here.wait(10 * S)
    assert here.state is State.STOPPING
    identify(here)
    here.wait(3 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.counted == ours.shown


def test_an_order_that_nobody_identifies_in_ten_minutes_is_withdrawn():
    here = bench()
    assert here.state is State.READY
    here.now_ns += 3 * MIN
    doubt(here)
    assert here.state is State.ORDERED
    here.wait(10 * MIN - S)
    assert here.state is State.ORDERED
    here.wait(S)
    assert here.state is State.ABANDONED
    assert "nobody identified the pump within 600 s" in here.infusion.reason
    assert here.count(ev.StopPump) == 0


@pytest.mark.parametrize(("silent_s", "state"), [(19, State.ORDERED), (20, State.ABANDONED)])
def test_an_identified_pump_has_as_long_to_be_loaded_as_a_new_order(silent_s, state):
    here = bench()
    doubt(here)
    here.wait(9 * MIN)
    here.line = lambda _what: "down"
    identify(here)
    here.silence(silent_s * S)
    assert here.state is state
    if state is State.ORDERED:
        here.line = lambda _what: "ok"
        here.read()
        assert here.state is State.READY


def test_an_identified_pump_is_read_before_it_is_loaded():
    """It was idle when it was last read, and somebody may have started it at its panel since."""
    here = bench()
    here.wait(2 * S)
    doubt(here)
    here.now_ns += MIN
    here.pump.flowing = True
    loads = here.count(ev.LoadProgram)
    assert not any(isinstance(action, ev.LoadProgram) for action in identify(here))
    assert here.count(ev.LoadProgram) == loads
    assert here.state is State.ABANDONED
    assert here.pump.flowing


def test_after_the_end_a_doubt_means_nothing():
    here = bench()
    doubt(here)
    here.send(ev.StopRequested(here.now_ns, "nurse-1", "not needed"))
    assert here.state is State.ABANDONED
    here.pump = Pump(now_ns=here.now_ns, flowing=True)
    assert here.send(ev.ReadingTaken(here.now_ns, here.pump.reading(here.now_ns))) == ()
    assert doubt(here) == ()
    assert identify(here) == ()


def test_a_remainder_that_was_planned_before_the_doubt_is_not_loaded():
    here = bench().run()
    here.wait(MIN)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    doubt(here)
    planned = ev.Segment("digest-2", here.infusion.segment.program.after(here.infusion.counted))
    assert here.send(ev.SegmentPlanned(here.now_ns, planned)) == ()
    assert here.state is State.PAUSED


def test_a_second_doubt_reports_a_contradiction_again():
    here = bench().run()
    here.wait(MIN)
    here.pump = Pump(now_ns=here.now_ns)
    for times in (1, 2):
        doubt(here)
        here.wait(5 * S)
        assert len(mismatches(here)) == times


def test_the_instants_of_a_doubt_move_with_the_clock_and_its_reading_is_dropped():
    one = stopped_at_ten(doubted_ns=105 * S, doubted_reading=read_at(110, "0"), identified_ns=50 * S, mismatched=True)
    moved = one.moved(-40 * S)
    assert (moved.doubted_ns, moved.identified_ns, moved.mismatched) == (65 * S, 10 * S, True)
    assert moved.doubted_reading is None
    assert one.but(doubted_ns=None, identified_ns=None).moved(S).doubted_ns is None


@pytest.mark.parametrize(
    "event", [ev.PumpDoubted(7, "the link was lost", others=True), ev.PumpIdentified(8, "nurse-1")]
)
def test_the_events_come_back_from_the_journal(event):
    assert event_from_data(json.loads(json.dumps(event_to_data(event)))) == event


def test_a_doubt_comes_back_from_the_journal_and_an_older_journal_has_none():
    one = stopped_at_ten(doubted_ns=105 * S, doubted_reading=read_at(110, "0"), identified_ns=50 * S, mismatched=True)
    data = json.loads(json.dumps(to_data(one)))
    assert infusion_from_data(data) == one
    for name in ("doubted_ns", "doubted_reading", "identified_ns", "mismatched"):
        del data[name]
    for name in ("identified_within_ns", "recognized_from"):
        del data["limits"][name]
    older = infusion_from_data(data)
    assert (older.doubted_ns, older.doubted_reading, older.identified_ns, older.mismatched) == (None, None, None, False)
    assert older.limits == one.limits
