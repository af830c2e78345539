"""IPEC's delivery events and the telemetry of a whole infusion, from the rows that control really writes."""

import asyncio
import itertools
import json

import pytest

from pumpd.telemetry.messages import Translator
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed


def published(entries):
    """Topic and fields of every message of these rows, in order."""
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
async def test_each_segment_is_one_start_and_one_stop_or_comp_in_order_also_over_a_death(tmp_path):
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
    assert [ts for _, ts in events] == [entry.ts for entry in steps], "of when it happened, whenever it is published"


@pytest.mark.requirement("AUD-06")
async def test_what_never_flowed_has_no_event_and_a_stop_is_one(tmp_path):
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
async def test_no_mdc_code_or_name_goes_out(tmp_path):
    """pumpd has no table of MDC codes yet, so it names none."""
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        await here.ask(op="stop", pump="bed1", reason="test")
        await here.until("stopped")
        said = published(here.entries())
    assert len(said) > 60
    for _, fields in said:
        assert "mdc" not in json.dumps(fields).lower()
        assert not any(
            isinstance(value, int) and 60_000 < value < 300_000 for key, value in fields.items() if key != "seq"
        )


@pytest.mark.requirement("RUN-15")
async def test_telemetry_of_a_running_infusion_comes_each_second_and_shows_a_gap(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        digest = here.gateway.runners["bed1"].infusion.segment.digest
        said = published(here.entries())
    numbers = [fields["seq"] for _, fields in said]
    assert sorted(set(numbers)) == list(range(1, numbers[-1] + 1)), "each row goes out, so a gap is a loss"
    readings = [fields for topic, fields in said if topic.endswith("/telemetry") and fields["state"] == "running"]
    assert len(readings) >= 299
    for fields in readings:
        assert {"seq", "t_mono_s", "ts", "boot", "state", "digest"} <= fields.keys()
        assert fields["digest"] == digest
    gaps = [after["t_mono_s"] - before["t_mono_s"] for before, after in itertools.pairwise(readings)]
    assert max(gaps) <= 1.01
