"""What control says goes to a tablet as English text, and beside it as a message with an id and parameters."""

import asyncio
import json

from pumpd.control.socket.streams import StateStream
from pumpd.messages.requests import Answer
from pumpd.texts import Text, listed, messages_in, text


def test_an_answer_names_the_messages_of_its_reasons():
    why = text("dose.above", "dose: {dose} is above {most}", dose="2 mg/kg", most="1 mg/kg")
    answer = Answer(ok=False, reasons=(why, "plain text"))
    assert answer.reasons == ("dose: 2 mg/kg is above 1 mg/kg", "plain text")
    assert answer.messages == {why: {"id": "dose.above", "parameters": {"dose": "2 mg/kg", "most": "1 mg/kg"}}}


def test_an_answer_names_the_messages_anywhere_in_its_result():
    answer = Answer(ok=True, result={"pumps": [{"problem": text("pump.away", "no answer from the pump")}]})
    assert answer.messages == {"no answer from the pump": {"id": "pump.away", "parameters": {}}}


def test_an_answer_that_is_passed_on_keeps_its_messages():
    sent = Answer(ok=False, reasons=(text("pump.away", "no answer from {pump}", pump="bed1"),))
    passed_on = Answer.model_validate_json(sent.model_dump_json())
    assert passed_on == sent
    assert passed_on.messages["no answer from bed1"]["id"] == "pump.away"


def test_a_message_in_a_message_is_named_too():
    inner = text("pump.away", "no answer from {pump}", pump="bed1")
    outer = text("order.pump", "order: {why}", why=inner)
    assert messages_in(outer) == {
        "order: no answer from bed1": {"id": "order.pump", "parameters": {"why": "no answer from bed1"}},
        "no answer from bed1": {"id": "pump.away", "parameters": {"pump": "bed1"}},
    }


def test_a_list_of_messages_is_one_message():
    first, second, third = (text(f"a.{name}", name) for name in ("one", "two", "three"))
    whole = listed([first, second, third])
    assert whole == "one; two; three"
    assert {each["id"] for each in messages_in(whole).values()} == {"list.both", "a.one", "a.two", "a.three"}
    assert listed([], "none") == "none"
    assert isinstance(listed([first]), Text)


async def test_the_live_state_names_its_messages():
    lines: list[bytes] = []

    class Writer:
        def write(self, line: bytes) -> None:
            lines.append(line)

        async def drain(self) -> None:
            await asyncio.sleep(0)

    state = {"pumps": [{"problem": text("pump.away", "no answer from the pump")}], "ts": "2026-01-01T00:00:00Z"}
    reader = asyncio.StreamReader()
    reader.feed_eof()
    await StateStream(lambda: state).show(reader, Writer())
    assert json.loads(lines[0])["messages"] == {"no answer from the pump": {"id": "pump.away", "parameters": {}}}
    assert json.loads(lines[0])["pumps"] == [{"problem": "no answer from the pump"}]
