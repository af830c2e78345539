"""RUN-07: in every state that a hostile order of events leads to, vital signs that arrive can stop, and nothing else.

The same machine as `test_hostile`, with a patient at a monitor that sends anything at any moment: values that are well,
critical or impossible, old ones, and some of the future.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from pumpd.infusion import State, advance
from pumpd.infusion import events as ev
from pumpd.infusion.vitals import VitalSample
from pumpd.vital_signs import MEASURABLE, Sign
from tests.infusion import patient, test_hostile
from tests.infusion.bench import MIN, S, infusion
from tests.infusion.patient import RULES

MAY = (ev.StopPump, ev.ReadPump, ev.RaiseAlarm, ev.ClearAlarm, ev.Record, ev.RenewLease)
PERMITTED = frozenset({State.STARTING, State.RUNNING})
SAMPLES = st.lists(
    st.tuples(st.sampled_from(Sign), st.integers(-5, 410), st.sampled_from([-3600, -1, 0, 0, 0, 1, 4, 6, 61, 900])),
    min_size=1,
    max_size=5,
)


class Bedside(patient.Watched, test_hostile.Watched):
    def send(self, event):
        if isinstance(event, ev.VitalsTaken):
            self.check_vitals(event)
        return super().send(event)

    def check_vitals(self, event):
        before = self.infusion
        after, actions = advance(before, event)
        if not before.state.may_flow:
            assert actions == ()
            assert after == before.but(vitals=after.vitals)
            return
        assert all(isinstance(action, MAY) for action in actions)
        assert after.segment == before.segment
        assert after.confirmed in (before.confirmed, None)
        assert after.read_back == before.read_back
        if after.state in PERMITTED:
            assert before.state in PERMITTED
            assert not RULES.danger(after.vitals)
        if before.state.ending:
            assert not after.state.may_flow or after.state.ending


class HostileVitals(test_hostile.Hostile):
    @initialize(held=test_hostile.PROGRAMS)
    def order(self, held):
        super().order(held)
        self.here = Bedside(infusion(held).but(vital_rules=RULES), line=lambda _what: self.fate)

    @rule(found=SAMPLES, at_once=st.booleans())
    def anything_measured(self, found, at_once):
        now_ns = self.here.now_ns
        taken = tuple(VitalSample(sign, value, now_ns - age_s * S, "monitor m") for sign, value, age_s in found)
        for each in [taken] if at_once else [(sample,) for sample in taken]:
            self.here.send(ev.VitalsTaken(now_ns, each))

    @rule(streaming=st.booleans(), every=st.sampled_from([None, 5 * MIN, 10 * MIN]))
    def monitor(self, streaming, every):
        self.here.streaming, self.here.cuff_every_ns = streaming, every

    @rule()
    def well_again(self):
        self.here.take(patient.WELL)

    @invariant()
    def what_counts_is_possible_and_not_of_the_future(self):
        for each in self.here.infusion.vitals:
            assert each.at_ns <= self.here.now_ns
            least, most = MEASURABLE[each.sign]
            assert least <= each.value <= most


TestHostileVitals = pytest.mark.requirement("RUN-07")(HostileVitals.TestCase)
TestHostileVitals.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
