"""Some of the fault-free sessions. A thousand of them: `make campaign ARGS="--alarm-budget 1000"`."""

import pytest

from tests.campaign.alarm_budget import Budget, session


@pytest.mark.requirement("ALM-13")
@pytest.mark.parametrize("first", range(0, 12, 2))
def test_a_session_without_faults_raises_no_alarm(first, quiet):
    budget = Budget()
    for seed in (first, first + 1):
        budget.add(*session(seed))
    assert budget.kept, (budget.codes, budget.broken)
