"""ALM-17: no alarm, on the page or on the command line, asks for what can no longer be done.

The page's steps are a pure function of the alarm and of the infusion's state (`alarm/steps.ts`). Which of its acts are
possible in which state is compared here with the state machine itself.
"""

import re
from functools import cache
from typing import Any

import pytest

from pumpd.infusion import Infusion, State, advance
from pumpd.infusion import events as ev
from pumpd.pump import ALARM_TABLE, AlarmCode
from pumpd.quantities import Volume
from tests.bedside.page_modules import printed
from tests.infusion.bench import MIN, infusion

PRINT = """
import { POSSIBLE, stepsFor } from "./src/alarm/steps.ts";
import { CAUSE } from "./src/words/texts/alarm.ts";
console.log(JSON.stringify({ possible: POSSIBLE, codes: Object.keys(CAUSE) }));
"""
OF_THE_PAGE = {"tablet_link_lost", "order_left", "unknown"}
NOW = 20 * MIN


@cache
def page() -> dict[str, Any]:
    return printed(PRINT)


def in_state(state: State) -> Infusion:
    """An infusion that flowed, where its state permits that, and whose given volume is in doubt."""
    begun = state not in (State.ORDERED, State.LOADING, State.READY, State.ARMED, State.ABANDONED)
    return infusion().but(
        state=state,
        started_ns=MIN if begun else None,
        flow_since_ns=MIN if begun else None,
        flow_ended_ns=None if state.may_flow or not begun else NOW - MIN,
        stop_since_ns=NOW - 2 * MIN if state.ending else None,
        trips=(AlarmCode.OCCLUSION,) if state is State.TRIPPED else (),
        alarms=frozenset({AlarmCode.DELIVERY_UNCERTAIN}) if begun else frozenset(),
    )


ASKED: dict[str, ev.Event] = {
    "clear": ev.TripsCleared(NOW, "nurse"),
    "resume": ev.ResumeRequested(NOW, "nurse"),
    "hold": ev.ChallengeIssued(NOW, "n-1", "0" * 64),
    "reconcile": ev.DeliveryReconciled(NOW, "nurse", Volume("1"), "read at the pump", seen_stopped=True),
}


def takes(state: State, act: str) -> bool:
    if act == "stop":
        return in_state(state).takes_stop
    _, actions = advance(in_state(state), ASKED[act])
    return not any(isinstance(action, ev.Refuse) for action in actions)


def test_the_page_has_a_row_for_every_alarm_and_no_other():
    assert set(page()["codes"]) == {code.value for code in AlarmCode} | OF_THE_PAGE


@pytest.mark.requirement("ALM-17")
@pytest.mark.parametrize("act", ["stop", *ASKED])
def test_what_a_step_asks_for_is_taken_by_the_state_machine_in_that_state(act):
    possible = {State(each) for each in page()["possible"][act]}
    assert possible
    if act in ("clear", "resume", "hold"):
        assert possible == {state for state in State if takes(state, act)}
    else:
        assert all(takes(state, act) for state in possible)


# What the texts of the command line may ask for that depends on the infusion, and the alarms that last no longer than
# it is possible: `pause_ending` is cleared as soon as no pause can be ended, `confirmation_waiting` is one of READY.
ASKS = {
    r"\bContinue or end\b": {AlarmCode.PAUSE_ENDING},
    r"\bConfirm it, or stop it\b": {AlarmCode.CONFIRMATION_WAITING},
    r"\breconcile\b": {AlarmCode.DELIVERY_UNCERTAIN},
}


@pytest.mark.requirement("ALM-17")
def test_no_text_of_the_command_line_asks_for_an_act_that_may_be_over():
    acts = re.compile(r"\b(continue|resume|clear|confirm|reconcile|pause|restart)\b(?<!do not restart)", re.IGNORECASE)
    asking = {code for code, text in ALARM_TABLE.items() if acts.search(text.action)}
    assert asking == set().union(*ASKS.values())
    for words, codes in ASKS.items():
        assert {code for code, text in ALARM_TABLE.items() if re.search(words, text.action)} == codes


@pytest.mark.requirement("ALM-17")
@pytest.mark.parametrize("state", [state for state in State if in_state(state).in_doubt and not state.may_flow])
def test_a_given_volume_in_doubt_can_be_reconciled_as_long_as_its_alarm_lasts(state):
    after, actions = advance(in_state(state), ASKED["reconcile"])
    assert not any(isinstance(action, ev.Refuse) for action in actions)
    assert AlarmCode.DELIVERY_UNCERTAIN not in after.alarms
