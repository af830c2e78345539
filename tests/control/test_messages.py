"""What control says keeps its message: through the state machine, the journal, a restart, and in what is signed."""

import asyncio
import json
from collections.abc import Iterator, Mapping

import pytest

from pumpd.control.confirming.review import review, shown
from pumpd.texts import Text, messages_in
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed, restart


def in_plain(data):
    """The same as JSON makes it: no message is left."""
    return json.loads(json.dumps(data))


async def test_a_refused_order_is_answered_with_a_message_for_each_reason(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order(dose="2 mg/kg", duration="40")
        assert not answer.ok
        assert set(answer.reasons) <= answer.messages.keys()
        ids = {each["id"] for each in answer.messages.values()}
        assert {"reason.with_requirement", "dose.above_hard", "accepted.no_unit"} <= ids


async def test_why_an_infusion_stands_is_a_message_before_and_after_a_restart(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        assert (await here.ask(op="pause", pump="bed1", by="R. Weiss", reason="pause requested")).ok
        await here.until("paused")
        before = here.gateway.runners["bed1"].infusion.reason
        said = messages_in(before)
        assert said[before]["parameters"]["reason"] == "pause requested"
        await asyncio.sleep(1)
        await die(here)
        async with another_process(here):
            state = here.gateway.status()
            infusion = state["pumps"][0]["infusion"]
            assert isinstance(infusion["reason"], Text)
            assert infusion["reason"] in messages_in(state)
            entries = [each for each in here.entries() if each.kind == "happened"]
            assert any("pause requested" in json.dumps(each.fields) for each in entries), "the journal is in English"


async def test_the_summary_of_an_infusion_is_known_again_after_a_restart(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        assert (await here.ask(op="stop", pump="bed1", by="R. Weiss", reason="stop requested")).ok
        await here.until("stopped")
        before = here.gateway.observations.of_pump("bed1")[0].summary["reason"]
        assert messages_in(before)[before]["parameters"]["reason"] == "stop requested"
        async with restart(here):
            after = here.gateway.observations.of_pump("bed1")[0].summary["reason"]
            assert messages_in(after) == messages_in(before)


@pytest.mark.requirement("SEC-10")
async def test_what_is_signed_does_not_depend_on_messages(tmp_path):
    """A tablet signs the English text, in whatever language it shows it: equal bytes with and without messages."""
    async with open_testbed(tmp_path) as here:
        overrides = {"duration_high": "treatment plan"}
        assert (await here.order(duration="50 min", overrides=overrides)).ok
        await here.until("ready")
        asked = review(here.gateway.runners["bed1"])
        assert messages_in(asked), "its warnings are messages"
        assert shown(asked) == shown(in_plain(asked))
        assert (await here.confirm()).ok


# Not control's words: names, what people typed, the notice in its legal form, and values with their units.
DATA = {"notice", "confirmed_by", "container", "containers", "name", "overrides", "duration_high", "library", "pause"}


def without_a_message(data: object, at: str = "") -> Iterator[str]:
    """Each text of more than one word that control said, and that a reader of another language cannot be shown."""
    match data:
        case Text():
            return
        case str():
            if " " in data:
                yield f"{at}: {data}"
        case Mapping():
            for name, value in data.items():
                if name not in DATA:
                    yield from without_a_message(value, f"{at}.{name}")
        case list() | tuple():
            for value in data:
                yield from without_a_message(value, at)


async def test_whatever_a_tablet_is_sent_is_a_message(tmp_path):
    async with open_testbed(tmp_path) as here:

        async def of_state(*states):
            await here.until(*states)
            assert [*without_a_message(here.gateway.status())] == []

        assert (await here.order(duration="50 min", overrides={"duration_high": "treatment plan"})).ok
        await of_state("ready")
        assert (await here.confirm()).ok
        await of_state("running")
        assert (await here.ask(op="pause", pump="bed1", by="R. Weiss", reason="treatment plan")).ok
        await of_state("paused")
        assert (await here.ask(op="resume", pump="bed1", by="R. Weiss")).ok
        await of_state("ready")
        assert (await here.ask(op="stop", pump="bed1", by="R. Weiss", reason="Stop pressed on the tablet")).ok
        await of_state("stopped")
        for asked in (
            {"op": "clear", "pump": "bed1"},
            {"op": "resume", "pump": "bed1"},
            {"op": "challenge", "pump": "bed1"},
            {"op": "challenge", "pump": "bed9"},
            {"op": "reconcile", "pump": "bed1", "volume": "3 mL", "reason": "read", "by": "R. Weiss"},
            {"op": "rest", "pump": "bed1", "treatment": "none", "patient": "p-1", "ordered_by": "dr"},
            {"op": "self_test", "pump": "bed1"},
            {"op": "history", "patient": "p-1"},
        ):
            answer = await here.ask(**asked)
            assert answer.messages.keys() >= set(answer.reasons), asked
            assert [*without_a_message(answer.result)] == [], asked
