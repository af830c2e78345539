"""Some of the fault-free sessions. A thousand of them: `make campaign ARGS="--alarm-budget 1000"`."""

import pytest

from tests.campaign.alarm_budget import Budget, session


@pytest.mark.requirement("ALM-13")
@pytest.mark.parametrize("first", range(0, 12, 2))
def test_a_session_without_faults_raises_no_alarm_but_the_notice_of_its_end(first, quiet):
    budget = Budget()
    for seed in (first, first + 1):
        budget.add(*session(seed))
    assert budget.kept, (budget.codes, budget.broken)


@pytest.mark.requirement("ALM-13", "RUN-12")
@pytest.mark.parametrize(
    ("raised", "kept"),
    [
        ([("near_end", "low")], True),
        ([("near_end", "low")] * 2, False),  # more than the infusions
        ([("near_end", "high")], False),
        ([("near_end", "low"), ("pause_ending", "low")], False),  # 1 in a session; the bound is 0.2
        ([("near_end", "low"), ("occlusion", "high")], False),
    ],
)
def test_only_the_notice_of_the_end_is_counted_apart(raised, kept):
    budget = Budget()
    budget.add(0, "new-era", raised, {}, 1)
    assert budget.kept is kept
    assert budget.by_design == sum(each == ("near_end", "low") for each in raised)
