"""Hypothesis drives the state machine with hostile orders of events and checks it against the pump's truth.

The bench's pump keeps its own account. The line loses requests and replies, and is down for any time. People press
everything at any moment, even at the pump's panel. Confirmations come altered, late and twice, and answers when nothing
waits for them.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pumpd.infusion import State
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks import read_back
from pumpd.pump import Done, PumpAlarm, Refused, Unknown
from tests.infusion.bench import MIN, PATIENT, Bench, S, infusion, program

LINES = st.sampled_from(["ok", "ok", "ok", "ok", "lost-request", "lost-reply", "down"])
PROGRAMS = st.sampled_from(
    [
        program(),
        program(("31.5", "5.25"), ("59.5", "29.75")),
        program(("75", "49")),
        program(("0.9", "0.6")),
    ]
)
PATIENTS = st.sampled_from([PATIENT, PATIENT, "P-2", PATIENT.lower(), f"{PATIENT} ", ""])
OUTCOMES = st.sampled_from([Done(None), Refused(("no",)), Unknown("lost")])


class Watched(Bench):
    """A bench that checks every start when it is commanded, and counts the confirmations given."""

    given_confirmations = 0

    def send(self, event):
        before = self.infusion
        actions = super().send(event)
        if any(isinstance(action, ev.StartPump) for action in actions):
            assert before.state is State.ARMED
            assert before.confirmed is not None
            assert before.confirmed.digest == before.segment.digest
            assert before.confirmed.wristband == before.patient != ""
            assert event.at_ns < before.confirmed.expires_ns
        return actions


class Hostile(RuleBasedStateMachine):
    @initialize(held=PROGRAMS)
    def order(self, held):
        self.good_confirmations = 0
        self.nonces = 0
        self.old_bindings = []
        self.fate = "ok"
        self.here = Watched(infusion(held), line=lambda _what: self.fate)
        self.prescribed = Fraction(held.vtbi.decimal)
        self.panel_flow = False

    # -- the world ---------------------------------------------------------------------------------------------------

    @rule(fate=LINES)
    def line(self, fate):
        self.fate = fate

    @rule(seconds=st.sampled_from([1, 1, 2, 5, 9, 11, 30]))
    def time(self, seconds):
        self.here.wait(seconds * S)

    @rule(minutes=st.integers(1, 15))
    def long_time(self, minutes):
        self.here.wait(minutes * MIN, every=2 * S)

    @rule(seconds=st.integers(1, 120))
    def gateway_freezes(self, seconds):
        """The gateway is frozen: no reading, no event."""
        self.here.now_ns += seconds * S
        self.here.pump.until(self.here.now_ns)

    @rule(seconds=st.integers(0, 20))
    def tick(self, seconds):
        self.here.now_ns += seconds * S
        self.here.pump.until(self.here.now_ns)
        self.here.send(ev.TimePassed(self.here.now_ns))

    @rule(alarm=st.sampled_from(list(PumpAlarm)))
    def pump_alarm(self, alarm):
        self.here.pump.until(self.here.now_ns)
        if alarm.stops_flow:
            self.here.pump.flowing = False
        self.here.pump.alarms = (alarm,)

    @rule()
    def alarm_goes_by_itself(self):
        self.here.pump.alarms = ()

    @rule()
    def panel_stop(self):
        self.here.pump.until(self.here.now_ns)
        self.here.pump.flowing = False

    @rule()
    def power_cut(self):
        self.here.pump.until(self.here.now_ns)
        self.here.pump.flowing, self.here.pump.alarms = False, (PumpAlarm.PUMP_RESET,)

    # -- people ------------------------------------------------------------------------------------------------------

    @rule()
    def stop(self):
        before = self.here.state
        actions = self.here.send(ev.StopRequested(self.here.now_ns, "nurse", "stop"))
        assert actions[0] == ev.StopPump(), before

    @rule()
    def pause(self):
        self.here.send(ev.PauseRequested(self.here.now_ns, "nurse", "pause"))

    @rule()
    def resume(self):
        self.here.send(ev.ResumeRequested(self.here.now_ns, "nurse"))

    @rule()
    def clear(self):
        self.here.send(ev.TripsCleared(self.here.now_ns, "nurse"))

    @rule(wait=st.sampled_from([0, 0, 0, 30, 61]), again=st.booleans())
    def confirm(self, wait, again):
        self.nonces += 1
        binding = self.here.challenge(f"n{self.nonces}")
        if binding is None:
            return
        self.old_bindings.append(binding)
        self.here.wait(wait * S)
        for _ in range(2 if again else 1):
            self.good_confirmations += self.here.state is State.READY
            self.here.confirm(binding, request=f"r{self.nonces}")

    @precondition(lambda self: self.here.state is State.READY)
    @rule(seconds=st.integers(2, 900))
    def start_well(self, seconds):
        self.fate = "ok"
        self.confirm(wait=0, again=False)
        self.here.wait(seconds * S)

    @precondition(lambda self: self.here.state in (State.RUNNING, State.PAUSED))
    @rule(seconds=st.integers(1, 120))
    def pause_and_resume_well(self, seconds):
        self.fate = "ok"
        self.pause()
        self.here.wait((3 + seconds) * S)
        self.resume()
        self.start_well(seconds) if self.here.state is State.READY else None

    @rule(wristband=PATIENTS, associated=PATIENTS)
    def confirmed_for(self, wristband, associated):
        """Any wristband, a pump of any patient: only if both are those of the order's patient does it start."""
        self.nonces += 1
        binding = self.here.challenge(f"n{self.nonces}")
        if binding is None:
            return
        one = wristband == associated == PATIENT
        starts = self.here.count(ev.StartPump)
        self.good_confirmations += one and self.here.state is State.READY
        self.here.confirm(replace(binding, wristband=wristband), request=f"p{self.nonces}", associated=associated)
        assert one or self.here.count(ev.StartPump) == starts

    @rule(data=st.data())
    def forged(self, data):
        self.nonces += 1
        binding = self.here.challenge(f"n{self.nonces}")
        if binding is None:
            return
        field = data.draw(st.sampled_from(["nonce", "digest", "serial", "session", "gateway", "channel", "expires_ns"]))
        wrong = getattr(binding, field)
        altered = replace(binding, **{field: wrong + 1 if isinstance(wrong, int) else wrong + "x"})
        starts = self.here.count(ev.StartPump)
        self.here.confirm(altered, request=f"f{self.nonces}")
        assert self.here.count(ev.StartPump) == starts

    @precondition(lambda self: self.old_bindings)
    @rule(data=st.data())
    def replayed(self, data):
        binding = data.draw(st.sampled_from(self.old_bindings))
        if self.here.infusion.challenge is not None and binding.nonce == self.here.infusion.challenge.nonce:
            return
        starts = self.here.count(ev.StartPump)
        self.here.confirm(binding, request=f"old{self.here.now_ns}")
        assert self.here.count(ev.StartPump) == starts

    # -- answers that nothing waits for -------------------------------------------------------------------------------

    @rule(outcome=OUTCOMES)
    def late_start_answer(self, outcome):
        starts = self.here.count(ev.StartPump)
        self.here.send(ev.StartAnswered(self.here.now_ns, outcome))
        assert self.here.count(ev.StartPump) == starts

    @rule(outcome=OUTCOMES)
    def late_load_answer(self, outcome):
        if self.here.state is State.LOADING:
            return
        self.here.send(ev.ProgramLoaded(self.here.now_ns, outcome))

    @rule(outcome=OUTCOMES)
    def late_stop_answer(self, outcome):
        self.here.send(ev.StopAnswered(self.here.now_ns, outcome))

    @rule()
    def journal_fails(self):
        self.here.send(ev.JournalFailed(self.here.now_ns, "disk full"))

    @rule()
    def planned_out_of_turn(self):
        if self.here.state is not State.PAUSED:
            self.here.send(ev.SegmentPlanned(self.here.now_ns, ev.Segment("stolen", program(("90", "90")))))

    # -- what must always hold -------------------------------------------------------------------------------------

    @invariant()
    def every_start_has_a_confirmation_of_its_own(self):
        assert self.here.pump.starts <= self.here.count(ev.StartPump) <= self.good_confirmations

    @invariant()
    def delivered_never_above_prescribed_plus_one_lease(self):
        lease = Fraction(self.here.infusion.segment.program.highest_rate.decimal) * 10 / 3600
        assert self.here.given <= self.prescribed + lease

    @invariant()
    def a_pump_that_flows_is_in_a_state_that_may_flow_or_its_watchdog_runs(self):
        self.here.pump.until(self.here.now_ns)
        if self.here.pump.flowing:
            assert self.here.state.may_flow or self.here.pump.watchdog_ns is not None
            assert self.here.pump.heard_ns + 10 * S >= self.here.now_ns

    @invariant()
    def what_is_booked_is_never_less_than_the_truth(self):
        booked = Fraction(self.here.infusion.booked(self.here.now_ns).decimal)
        assert booked + Fraction(1, 50) * (1 + self.here.count(ev.StartPump)) >= self.here.given

    @invariant()
    def what_is_believed_is_the_truth_while_the_line_works(self):
        if self.fate == "ok" and self.here.state.ended and self.here.infusion.flow_ended_ns is not None:
            off = self.here.given - Fraction(self.here.infusion.delivered.decimal)
            assert off <= Fraction(1, 10) * self.here.count(ev.StartPump), off

    @invariant()
    def permission_needs_a_confirmation_and_a_read_back(self):
        state = self.here.infusion
        if state.state in (State.STARTING, State.RUNNING):
            assert state.confirmed is not None
            assert state.confirmed.digest == state.segment.digest
            assert state.read_back is not None
            assert not read_back.differences(state.segment.program, state.read_back)
            assert state.lease_until_ns is not None
        if state.state is State.UNCERTAIN:
            assert state.confirmed is None
            assert state.lease_until_ns is None

    def teardown(self):
        """From any state: once the line works, a stop ends all flow within the time for its confirmation."""
        if not hasattr(self, "here"):
            return
        self.fate = "ok"
        self.here.send(ev.StopRequested(self.here.now_ns, "nurse", "stop"))
        self.here.wait(4 * S, every=S // 2)
        self.here.pump.until(self.here.now_ns)
        assert not self.here.pump.flowing
        assert not self.here.state.may_flow, self.here.state


TestHostile = pytest.mark.requirement("STA-01", "PRG-21", "STP-01", "COM-03", "COM-04", "RUN-04")(Hostile.TestCase)
TestHostile.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
