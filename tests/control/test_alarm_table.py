"""ALM-01, ALM-12: every alarm's priority follows from its harm and onset; every text states cause and action."""

import pytest

from pumpd.pump import ALARM_TABLE, AlarmCode, Priority
from pumpd.pump.alarm_risk import MATRIX, RISK, Harm, Onset

# Safety reference 3.1: rows are harm, columns immediate, prompt, delayed.
WRITTEN = {"death": "HIGH HIGH MEDIUM", "reversible": "HIGH MEDIUM LOW", "minor": "MEDIUM LOW LOW"}


@pytest.mark.requirement("ALM-01")
def test_the_matrix_equals_that_of_the_reference():
    for harm, row in zip(Harm, WRITTEN.items(), strict=True):
        assert harm.value.startswith(row[0])
        assert [MATRIX[harm][onset].name for onset in Onset] == row[1].split()


@pytest.mark.requirement("ALM-01")
@pytest.mark.parametrize("code", AlarmCode)
def test_every_priority_is_justified_by_harm_and_onset(code):
    harm, onset, why = RISK[code]
    assert ALARM_TABLE[code].priority is MATRIX[harm][onset]
    assert len(why.split()) >= 1


@pytest.mark.requirement("ALM-01")
@pytest.mark.parametrize(
    ("code", "priority"),
    [
        (AlarmCode.OVER_DELIVERY, Priority.HIGH),
        (AlarmCode.FREE_FLOW, Priority.HIGH),
        (AlarmCode.STOP_UNCONFIRMED, Priority.HIGH),
        (AlarmCode.DELIVERY_UNCERTAIN, Priority.HIGH),
        (AlarmCode.LINK_LOST, Priority.HIGH),
        (AlarmCode.PROGRAM_CHANGED, Priority.HIGH),
        (AlarmCode.PAUSE_TOO_LONG, Priority.MEDIUM),
        (AlarmCode.WINDOW_CLOSED, Priority.MEDIUM),
        (AlarmCode.FLOW_DEVIATION, Priority.MEDIUM),
        (AlarmCode.TABLET_LOST, Priority.LOW),
        (AlarmCode.TABLET_GONE, Priority.MEDIUM),
        (AlarmCode.BATTERY_LOW, Priority.LOW),
    ],
)
def test_the_priorities_of_the_safety_reference_hold(code, priority):
    """Its table 3.3, row by row, for the alarms that exist here."""
    assert ALARM_TABLE[code].priority is priority


@pytest.mark.requirement("ALM-12")
@pytest.mark.parametrize("code", AlarmCode)
def test_a_message_states_cause_and_action_in_twelve_words(code):
    text = ALARM_TABLE[code]
    words = [*text.cause.split(), *text.action.split()]
    assert len(words) <= 12
    assert len(text.cause.split()) >= 2
    assert len(text.action.split()) >= 2
    assert code.value not in (text.cause, text.action)
    assert not any(word.isupper() or "_" in word for word in words)
