"""What reads telemetry elsewhere, the ward and the command line, and shares no code with it, has the same rules."""

from pumpd.cli import infusion, over_mqtt
from pumpd.infusion import State
from pumpd.telemetry import messages
from pumpd.telemetry.fleet import messages as fleet
from pumpd_ward import messages as ward
from pumpd_ward.store.keeping import MAY_FLOW


def test_the_ward_knows_in_which_states_something_may_flow():
    assert {*MAY_FLOW} == {state.value for state in State if state.may_flow}


def test_the_ward_reads_the_messages_that_gateways_send():
    assert ward.SCHEMA == fleet.SCHEMA
    assert ward.LONGEST_TEXT == messages._TEXT_MAX
    assert ward._NUMBERS.pattern == messages._NUMBER.pattern


def test_the_command_line_takes_a_reading_for_live_as_long_as_the_broker_keeps_it():
    assert over_mqtt.FRESH_S == messages.READING_EXPIRY_S
    assert over_mqtt.LONGEST == messages._TEXT_MAX


def test_a_command_waits_no_longer_once_only_a_person_can_continue():
    assert {*infusion.ENDED} == {state.value for state in State if state.ended} | {State.TRIPPED.value}
