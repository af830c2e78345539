"""No flow without a confirmed, read-back program on a pump that is known to be stopped."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import confirmation
from pumpd.pump import AlarmCode, Done, PumpAlarm, PumpProgram, RateStep, Refused, Unknown
from pumpd.quantities import Rate, Volume
from pumpd.texts import text
from tests.infusion.bench import MIN, PATIENT, Bench, S, bench, infusion, program


@pytest.mark.requirement("STA-04")
def test_an_unconfirmed_order_waits_for_ever_and_starts_nothing():
    here = bench()
    here.wait(3 * 60 * MIN, every=10 * S)
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 0
    assert here.given == 0


@pytest.mark.requirement("STA-01", "STA-04")
def test_ten_thousand_orders_and_readings_never_start_a_pump():
    for number in range(10_000):
        here = bench(program((f"{30 + number % 50}", "30")))
        assert here.count(ev.StartPump) == 0
        assert here.state is State.READY


@pytest.mark.requirement("STA-01", "STA-06")
def test_a_confirmed_program_runs():
    here = bench().run()
    assert here.count(ev.StartPump) == 1
    assert here.state is State.RUNNING


@pytest.mark.requirement("STA-02")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonce", "another"),
        ("digest", "another"),
        ("action", ev.ConfirmAction.RESUME),
        ("serial", "SN-2"),
        ("channel", 2),
        ("session", "s-2"),
        ("gateway", "ward-8"),
        ("expires_ns", 10**18),
    ],
)
def test_a_confirmation_with_any_field_altered_starts_nothing(field, value):
    here = bench()
    binding = here.challenge()
    assert binding is not None
    here.confirm(replace(binding, **{field: value}))
    here.wait(5 * S)
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 0
    assert here.refused


@pytest.mark.requirement("PRG-21")
@pytest.mark.parametrize("action", ["start", "resume"])
@pytest.mark.parametrize(
    ("wristband", "associated", "finding"),
    [
        ("P-2", "P-1", "order P-1, wristband P-2, pump P-1: the wristband differs"),
        ("P-1", "P-2", "order P-1, wristband P-1, pump P-2: the pump differs"),
        ("P-2", "P-2", "order P-1, wristband P-2, pump P-2: the order differs"),
        ("P-2", "P-3", "order P-1, wristband P-2, pump P-3: no two are the same"),
        ("p-1", "P-1", "the wristband differs"),
        ("P-1 ", "P-1", "the wristband differs"),
        ("", "P-1", "order P-1, wristband without a patient, pump P-1: the wristband differs"),
        ("P-1", "", "order P-1, wristband P-1, pump without a patient: the pump differs"),
        ("", "", "the order differs"),
    ],
)
def test_order_wristband_and_pump_are_one_patient_or_nothing_starts(wristband, associated, finding, action):
    here = bench()
    if action == "resume":
        here.run()
        here.send(ev.PauseRequested(here.now_ns, "n", "x"))
        here.wait(4 * S)
        here.send(ev.ResumeRequested(here.now_ns, "n"))
    starts = here.count(ev.StartPump)
    binding = here.challenge("n-9")
    assert binding is not None
    here.confirm(replace(binding, wristband=wristband), request="r-9", associated=associated)
    here.wait(5 * S)
    assert here.state is State.READY
    assert here.count(ev.StartPump) == starts
    assert len(here.refused) == 1
    assert finding in here.refused[0]
    here.confirm(binding, request="r-10")  # the attempt did not use up the challenge
    here.wait(S)
    assert here.state is State.RUNNING


@pytest.mark.requirement("PRG-21")
@pytest.mark.parametrize(("wristband", "associated"), [("", ""), ("P-1", "P-1")])
def test_an_order_without_a_patient_starts_nothing(wristband, associated):
    """An older pumpd wrote such orders."""
    here = Bench(infusion().but(patient=""))
    here.confirm(replace(here.challenge(), wristband=wristband), associated=associated)
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 0


@pytest.mark.requirement("PRG-21")
@given(st.tuples(*[st.sampled_from(["", "P-1", "P-2", "p-1", "P-1 ", "P-10"])] * 3))
def test_three_tokens_are_one_patient_only_when_all_are_there_and_equal(three):
    assert (confirmation.patient_faults(*three) == ()) is (len(set(three)) == 1 and "" not in three)


@pytest.mark.requirement("STA-02")
def test_a_confirmation_lives_sixty_seconds():
    here = bench()
    binding = here.challenge()
    assert binding is not None
    assert binding.expires_ns - here.now_ns == 60 * S
    here.wait(60 * S)
    here.confirm(binding)
    assert here.state is State.READY
    assert "expiry" in here.refused[-1]


@pytest.mark.requirement("STA-02")
def test_one_instant_before_its_expiry_a_confirmation_still_holds():
    here = bench()
    binding = here.challenge()
    assert binding is not None
    here.now_ns = binding.expires_ns - S // 1000
    here.pump.until(here.now_ns)
    here.confirm(binding)
    assert here.count(ev.StartPump) == 1


@pytest.mark.requirement("STA-02")
def test_a_confirmation_that_expires_while_the_pump_is_read_starts_nothing():
    here = bench(auto=False)
    here.now_ns = S
    here.send(ev.ReadingTaken(S, here.pump.reading(S)))
    here.send(ev.ProgramLoaded(S, Done(None)))
    here.send(ev.ProgramReadBack(S, Done(here.infusion.segment.program)))
    binding = here.challenge()
    assert binding is not None
    here.now_ns = binding.expires_ns - 1
    here.confirm(binding)
    assert here.state is State.ARMED
    here.now_ns = binding.expires_ns
    here.pump.until(here.now_ns)
    here.send(ev.ProgramReadBack(here.now_ns, Done(here.infusion.segment.program)))
    here.send(ev.ReadingTaken(here.now_ns, here.pump.reading(here.now_ns)))
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 0


@pytest.mark.requirement("STA-02")
def test_a_confirmation_is_used_once():
    here = bench()
    binding = here.challenge()
    assert binding is not None
    here.confirm(binding)
    here.wait(2 * S)
    here.send(ev.PauseRequested(here.now_ns, "n", "x"))
    here.wait(4 * S)
    here.send(ev.ResumeRequested(here.now_ns, "n"))
    assert here.state is State.READY
    here.confirm(binding, request="r-2")
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 1
    assert confirmation.faults(here.infusion, binding, PATIENT, here.now_ns)


@pytest.mark.requirement("STA-02")
def test_a_confirmation_that_an_interlock_refused_is_used_up():
    here = bench()
    binding = here.challenge()
    assert binding is not None
    here.pump.alarms = (PumpAlarm.AIR_IN_LINE,)
    here.confirm(binding)
    assert here.state is State.READY
    here.pump.alarms = ()
    here.wait(S)
    here.confirm(binding, request="r-2")
    here.wait(5 * S)
    assert here.count(ev.StartPump) == 0
    assert "used before" in here.refused[-1]


@pytest.mark.requirement("STA-15")
def test_the_same_request_sent_many_times_is_one_flow_command():
    here = bench()
    binding = here.challenge()
    assert binding is not None
    for _ in range(20):
        here.confirm(binding, request="same")
        here.wait(S // 10)
    here.wait(5 * S)
    assert here.count(ev.StartPump) == 1
    assert here.pump.starts == 1
    assert here.refused == []


@pytest.mark.requirement("STA-05", "SEC-17")
@pytest.mark.parametrize(
    "held",
    [
        program(("52.6", "35")),
        program(("52.4", "35")),
        program(("52.5", "35.1")),
        program(("52.5", "17"), ("52.5", "18")),
        PumpProgram(program().steps, None),
    ],
)
def test_a_program_that_reads_back_differently_is_abandoned(held):
    here = bench(auto=False)
    here.send(ev.ReadingTaken(S, here.pump.reading(0)))
    here.send(ev.ProgramLoaded(S, Done(None)))
    here.send(ev.ProgramReadBack(S, Done(held)))
    assert here.state is State.ABANDONED
    assert "read-back" in here.infusion.reason
    assert here.infusion.read_back == held, "an interlock compares it once more"


@pytest.mark.requirement("STA-05", "SEC-17")
@pytest.mark.parametrize("outcome", [Refused((text("pump.test", "no"),)), Unknown("silence")])
def test_without_a_read_back_there_is_no_confirmation(outcome):
    here = bench(auto=False)
    here.send(ev.ReadingTaken(S, here.pump.reading(0)))
    here.send(ev.ProgramLoaded(S, Done(None)))
    here.send(ev.ProgramReadBack(S, outcome))
    assert here.state is State.ABANDONED
    assert here.challenge() is None


@pytest.mark.requirement("STA-05", "SEC-17")
def test_a_program_changed_between_confirmation_and_start_starts_nothing():
    here = bench()
    here.pump.held = program(("60", "35"))
    here.confirm()
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 0
    assert any("60 mL/h" in reason for reason in here.refused)
    assert here.infusion.read_back == here.pump.held


@pytest.mark.requirement("STA-05")
def test_a_pump_that_takes_over_five_seconds_to_be_read_is_not_started():
    here = bench(auto=False)
    here.send(ev.ReadingTaken(S, here.pump.reading(0)))
    here.send(ev.ProgramLoaded(S, Done(None)))
    here.send(ev.ProgramReadBack(S, Done(program())))
    here.now_ns = 2 * S
    here.confirm()
    here.now_ns = 7 * S
    here.send(ev.ProgramReadBack(here.now_ns, Done(program())))
    assert here.state is State.READY
    assert here.count(ev.StartPump) == 0


@pytest.mark.requirement("STA-10")
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"flowing": True, "held": program()}, "infusing"),
        ({"alarms": (PumpAlarm.OCCLUSION,)}, "alarm"),
    ],
)
def test_a_pump_that_is_not_idle_is_left_alone(change, word):
    from tests.infusion.bench import Pump, infusion

    here = Bench(infusion(), pump=Pump(**change))
    assert here.state is State.ABANDONED
    assert word in here.infusion.reason
    assert here.count(ev.LoadProgram) == 0
    assert here.count(ev.StopPump) == 0  # pumpd did not start what runs there


@pytest.mark.requirement("STA-10")
def test_a_counter_that_is_not_zero_starts_nothing():
    here = bench()
    here.pump.counter = here.pump.counter + 1
    here.confirm()
    here.wait(5 * S)
    assert here.state is State.TRIPPED
    assert here.infusion.trips == (AlarmCode.PROGRAM_CHANGED,)
    assert here.infusion.booked(here.now_ns) == Volume(1)
    assert here.count(ev.StartPump) == 0


@pytest.mark.requirement("STA-06")
def test_no_flow_within_five_seconds_of_the_start_stops_and_alarms():
    here = bench()
    here._start = lambda watchdog: None  # the pump answers, and does nothing
    here.confirm()
    here.wait(4 * S)
    assert here.state is State.STARTING
    here.wait(2 * S)
    assert here.state in (State.STOPPING, State.TRIPPED)
    assert AlarmCode.START_FAILED in here.infusion.trips
    assert here.count(ev.StopPump) >= 1


@pytest.mark.requirement("STA-06", "RUN-06")
def test_flow_at_another_rate_after_the_start_stops():
    here = bench()
    here.confirm()
    here.pump.panel_rate = Rate("80")
    here.wait(2 * S)
    assert AlarmCode.PROGRAM_CHANGED in here.infusion.trips


@pytest.mark.requirement("STA-05")
def test_a_read_back_is_compared_by_value_and_not_by_spelling():
    here = bench(program(("52.5", "35")))
    here.pump.held = PumpProgram((RateStep(Rate("52.50"), Volume("35.00")),), here.infusion.segment.program.diameter)
    here.confirm()
    assert here.count(ev.StartPump) == 1
