"""IPEC's delivery events and the telemetry of a whole infusion, from the entries that control really writes."""

import asyncio
import itertools
import json

import pytest

from pumpd.telemetry import codes as codes_table
from pumpd.telemetry.messages import Translator
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed


def published(entries):
    """Topic and fields of every message for these entries, in order."""
    translator = Translator("ward-7", {"bed1": True})
    messages = [message for entry in entries for message in translator.messages(entry)]
    return [(message.topic, json.loads(message.payload)) for message in messages if message.payload]


def delivery(entries):
    return [(fields["ipec_event"], fields["ts"]) for _, fields in published(entries) if "ipec_event" in fields]


async def resumed(here, number):
    assert (await here.ask(op="resume", pump="bed1", by="nurse")).ok
    await here.until("ready")
    assert (await here.confirm(request=f"again-{number}")).ok
    await here.until("running")


@pytest.mark.requirement("AUD-06")
async def test_each_segment_is_one_start_and_one_stop_or_comp_in_order_even_across_a_death(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        await here.ask(op="pause", pump="bed1", reason="test")
        await here.until("paused")
        await resumed(here, 1)
        await asyncio.sleep(60)
        await die(here)
        async with another_process(here):
            await here.until("tripped")
            assert (await here.ask(op="clear", pump="bed1", by="nurse")).ok
            await resumed(here, 2)
            await here.until("completed", within_s=2600)
            entries = here.entries()
    events = delivery(entries)
    assert [name for name, _ in events] == ["START", "STOP", "START", "STOP", "START", "COMP"]
    begins_or_ends = ("running", "pausing", "stopping", "completed")
    steps = [entry for entry in entries if entry.kind == "state_changed" and entry.fields["to"] in begins_or_ends]
    assert [ts for _, ts in events] == [entry.ts for entry in steps], (
        "the time at which it happened, whenever it is published"
    )


@pytest.mark.requirement("AUD-06")
async def test_an_order_that_never_flowed_has_no_event_and_a_stop_has_one(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("abandoned")
        assert delivery(here.entries()) == []
        await here.start()
        for _ in range(3):
            await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        assert [name for name, _ in delivery(here.entries())] == ["START", "STOP"]


@pytest.mark.requirement("AUD-07")
async def test_only_codes_that_two_sources_agree_on_are_published(tmp_path):
    """Every number that could be a code of the nomenclature, anywhere in any message, is a verified one."""
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        messages = published(here.entries())
    messages.append(("", json.loads(Translator("ward-7", {}).description("1", []).payload)))
    assert len(messages) > 60
    codes = [code for _, fields in messages for code in whole_numbers(fields)]
    units = {codes_table.ML.number, codes_table.ML_H.number}
    verified = {code.number for code in codes_table.TABLE if code.verified} | units
    assert set(codes) == {157784, 157872, 197288} | units <= verified
    named = [fields["mdc"] for _, fields in messages if "ipec_event" in fields]
    assert named == [{"name": "MDC_EVT_PUMP_DELIV_START", "code": 197288}, {"name": "MDC_EVT_PUMP_DELIV_STOP"}]


def whole_numbers(fields):
    """Those of the size of a code, without the numbers of entries."""
    for key, value in fields.items():
        if isinstance(value, dict):
            yield from whole_numbers(value)
        elif isinstance(value, int) and not isinstance(value, bool) and value > 60_000 and key != "seq":
            yield value


@pytest.mark.requirement("AUD-07")
def test_a_code_that_only_one_source_gives_is_never_sent():
    for code in codes_table.TABLE:
        assert ("code" in code.sent()) == (code.number is not None and code.sources >= 2)
        assert code.where
    single = {code.number for code in codes_table.TABLE if code.sources < 2 and code.number}
    assert single == {157884, 157864, 157760}


@pytest.mark.requirement("RUN-15")
async def test_telemetry_of_a_running_infusion_comes_every_second_and_shows_a_gap(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        digest = here.gateway.runners["bed1"].infusion.segment.digest
        messages = published(here.entries())
    numbers = [fields["seq"] for _, fields in messages]
    assert sorted(set(numbers)) == list(range(1, numbers[-1] + 1)), "each entry is published, so a gap is a loss"
    readings = [fields for topic, fields in messages if topic.endswith("/telemetry") and fields["state"] == "running"]
    assert len(readings) >= 299
    for fields in readings:
        assert {"seq", "t_mono_s", "ts", "boot", "state", "digest"} <= fields.keys()
        assert fields["digest"] == digest
    gaps = [after["t_mono_s"] - before["t_mono_s"] for before, after in itertools.pairwise(readings)]
    assert max(gaps) <= 1.01
