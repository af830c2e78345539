"""A driver's refusal stays the message that it was, from the exception to the outcome."""

from pumpd.driving import DeclinedError, UnansweredError, of_error, outcome, text
from pumpd.pump import Refused, Unknown
from pumpd.texts import Text

REASON = text("pump.stop_first", "the pump is {state}: stop it first", state="infusing")


async def raising(error: Exception) -> None:
    raise error


async def test_every_reason_of_a_refusal_is_still_a_message():
    found = await outcome(raising(DeclinedError(REASON, REASON)))
    assert isinstance(found, Refused)
    assert [reason.message for reason in found.reasons if isinstance(reason, Text)] == ["pump.stop_first"] * 2


async def test_an_unknown_outcome_names_the_error_below_it():
    request = text("pump.request", "{request}: {why}", request="RUN", why=of_error(UnansweredError(REASON)))
    found = await outcome(raising(UnansweredError(request)))
    assert isinstance(found, Unknown)
    assert isinstance(found.cause, Text)
    assert isinstance(found.cause.parameters["why"], Text)
    assert found.cause == "RUN: the pump is infusing: stop it first"


def test_what_a_pump_sent_cannot_control_a_screen_and_the_message_is_kept():
    why = text("pump.replied", "{command}: the pump replied {reply}", command="RUN", reply="\x1b[2J")
    (reason,) = Refused((why,)).reasons
    assert reason == r"RUN: the pump replied \x1b[2J"
    assert isinstance(reason, Text)
    assert reason.message == "pump.replied"
    assert reason.parameters["reply"] == r"\x1b[2J"
