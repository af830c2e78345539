"""What is published is what the models say; the AsyncAPI document names every topic."""

import asyncio
import re

import pytest
from pydantic import TypeAdapter

from pumpd.telemetry.messages import Translator
from pumpd.telemetry.models import (
    EVENTS,
    SCHEMA,
    TOPICS,
    ActiveAlarms,
    Anchor,
    Description,
    Event,
    GatewayState,
    OtherEvent,
    kind_of,
)
from tests.control.testbed import open_testbed
from tests.telemetry.test_ipec import published
from tools import telemetry_page

BY_KIND = {kind_of(model): model for model in EVENTS}


def model_of(topic: str, fields):
    """The model for a topic as it was published; exactly one matches."""
    below = topic.split("/", 3)[3]
    (found,) = [each for each in TOPICS if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(each.path)), below)]
    return BY_KIND.get(fields["kind"], OtherEvent) if found.model is Event else found.model


async def test_every_message_of_a_whole_infusion_is_as_its_model_says(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(30)
        await here.ask(op="pause", pump="bed1", reason="test")
        await here.until("paused")
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        messages = published(here.entries())
    seen = set()
    for topic, fields in messages:
        model = model_of(topic, fields)
        seen.add(model.__name__)
        TypeAdapter(model).validate_python(fields)
    assert {"Reading", "PumpState", "StateChanged", "ProgramLoaded", "InfusionEnded"} <= seen


def test_birth_description_and_anchor_are_as_their_models_say():
    translator = Translator("bed-3", {})
    for model, message in (
        (GatewayState, translator.gateway_state("ready", "b", "s", "m", "t")),
        (Description, translator.description("1", [{"name": "a", "driver": "d", "model": "m", "simulated": True}])),
        (Anchor, translator.anchor(1, "ab" * 32, "t")),
        (ActiveAlarms, translator.active_alarms("")),
    ):
        model.model_validate_json(message.payload)


@pytest.mark.parametrize("wrong", [{"weight_kg": 70}, {"seq": "x"}, {"late": False}])
def test_a_field_that_no_model_has_is_refused(wrong):
    good = {"seq": 1, "ts": "t", "t_mono_s": 1.0, "boot": "b", "kind": "a_kind_of_next_year"}
    OtherEvent.model_validate(good)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OtherEvent.model_validate(good | wrong)


def test_the_asyncapi_document_is_whole():
    """Every topic has a channel and an operation that sends, every reference leads somewhere, nothing is received."""
    document = telemetry_page.asyncapi()
    assert document["asyncapi"] == "3.0.0"
    addresses = [channel["address"] for channel in document["channels"].values()]
    assert addresses == [f"pumpd/v1/{{gateway}}/{topic.path}" for topic in TOPICS]
    assert {operation["action"] for operation in document["operations"].values()} == {"send"}
    assert len(document["operations"]) == len(TOPICS)
    for channel in document["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == channel["parameters"].keys()
    for reference in references(document):
        at = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
    assert telemetry_page.schema()["title"] == SCHEMA


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)
