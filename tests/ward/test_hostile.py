"""What a gateway that was taken over may send: it holds up no other gateway, ends no service and breaks no page."""

import asyncio
import csv
import io
import json
import random

import asyncpg
import pytest
from pydantic import ValidationError

from pumpd_ward.board.beds import board
from pumpd_ward.export import as_csv
from pumpd_ward.messages import Batch, Entry, Status
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.writing import refuse, write

from . import made
from .conftest import ward_settings
from .test_ingest import eventually, publish, working

LONG = "".join(chr(0x20000 + random.Random(1).randrange(40_000)) for _ in range(201))  # 4 bytes each, for an index


def refused(entry: dict) -> str:
    with pytest.raises(ValidationError) as said:
        Entry.model_validate_json(json.dumps(entry))
    return said.value.errors(include_url=False)[0]["msg"]


@pytest.mark.parametrize(
    "value",
    [10**400, float("inf"), float("nan"), 1e300, -1e300, "52", [52], {"a": 1}],
    ids=lambda value: str(value)[:9],
)
def test_a_number_is_one_that_can_be_stored_added_up_and_shown(value):
    assert "rate_ml_h" in refused({**made.reading(1), "rate_ml_h": value})


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, "x" * 201, "x" * 1_000_000], ids=lambda value: str(value)[:9])
@pytest.mark.parametrize("name", ["state", "pump_state", "code", "priority", "cause", "outcome"])
def test_a_text_is_a_text_of_a_length_that_an_index_takes(name, value):
    assert name in refused(made.entry(1, "x", **{name: value}))


@pytest.mark.parametrize("name", ["kind", "boot", "pump", "session"])
def test_a_name_that_no_index_takes_is_refused(name):
    assert "200" in refused({**made.entry(1, "x"), name: LONG})


@pytest.mark.parametrize("name", ["boot", "pump", "session", "cause", "state"])
@pytest.mark.parametrize("text", ["a\u202eb", "a\nb", "a\0b", "\x1b[2J", "a\u200bb"], ids=ascii)
def test_a_text_that_would_change_how_others_are_shown_is_refused(name, text):
    assert refused({**made.entry(1, "x"), name: text})


def test_a_text_in_any_script_is_taken():
    assert Entry.model_validate_json(json.dumps(made.entry(1, "x", cause="Prüfen: 点滴 💧", pump="Bett 3")))


def test_what_a_newer_gateway_may_add_is_taken():
    more = made.entry(1, "x", flag=True, list=[1, "a"], text="y" * 5000, object={"a": 1}, nothing=None, code=None)
    assert Entry.model_validate_json(json.dumps(more)).body["text"] == "y" * 5000


@pytest.mark.parametrize(
    "fields",
    [
        {"pumps": "x"},
        {"pumps": [1]},
        {"pumps": [{"name": {}}]},
        {"pumps": [{"name": "a"}] * 101},
        {"version": {"a": 1}},
        {"disk_free_mb": "much"},
        {"disk_mb": float("inf")},
        {"supply_left_s": []},
        {"certificates": ["x"]},
        {"certificates": {"fleet": "soon"}},
        {"under_voltage": "perhaps"},
    ],
    ids=str,
)
def test_a_status_that_would_break_the_page_is_refused(fields):
    whole = {"schema": "pumpd.fleet.v1", "gateway": "g1", "ts": "2026-03-01T08:00:00Z", **fields}
    with pytest.raises(ValidationError):
        Status.model_validate_json(json.dumps(whole))


def test_numbers_of_entries_are_exact_in_a_browser_too():
    entry = {**made.entry(1, "x"), "seq": 2**53}
    assert "less than" in refused(entry)
    with pytest.raises(ValidationError):
        Batch.model_validate({**made.batch(0, [made.entry(1, "x")]).model_dump(by_alias=True), "after": -1})


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20x"]


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_no_text_of_a_gateway_is_a_formula_in_an_export(text):
    (_, (cell,)) = csv.reader(io.StringIO(as_csv(("cause",), [{"cause": text}]).decode(), newline=""))
    assert cell == f"'{text}"


def test_a_negative_number_stays_a_number():
    assert as_csv(("ml",), [{"ml": -1.5}]) == b"ml\r\n-1.5\r\n"


@pytest.mark.ward
@pytest.mark.realtime
async def test_the_board_of_all_is_made_whatever_a_pump_is_said_to_do(store):
    """A rate so small that what is left takes longer than there are numbers."""
    running = [made.changed(1, "running"), made.reading(2, rate=1e-300, volume_remaining_ml=1e12)]
    await write(store, [made.arrived(made.batch(0, running))], Partitions())
    (bed,) = (await board(store, 30))["beds"]
    assert (bed["rate_ml_h"], bed["remaining_s"]) == (1e-300, None)


@pytest.mark.ward
@pytest.mark.realtime
@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.ProgramLimitExceededError("index row size 4032 exceeds maximum"),
        asyncpg.CheckViolationError("violates"),
        OverflowError("int too large"),
        ValueError("exceeds the limit"),
        RecursionError("too deep"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_message_that_the_store_cannot_hold_is_put_aside_and_the_others_are_stored(
    node, server, store, monkeypatch, fault
):
    async def unless_it_is_bad(connection, arrived, partitions):
        if any(each.message.gateway == "bad" for each in arrived):
            raise fault
        await write(connection, arrived, partitions)

    monkeypatch.setattr("pumpd_ward.ingest.worker.write", unless_it_is_bad)
    async with working(ward_settings(server, node)):
        good = [made.batch(0, [made.entry(1, "x")], name) for name in ("g1", "g2")]
        await publish(node.url, [good[0], made.batch(0, [made.entry(1, "x")], "bad"), good[1]])
        await eventually(store, "SELECT count(*) FROM entry", 2)
        await eventually(store, "SELECT string_agg(why, ',') FROM refused", str(fault))


@pytest.mark.ward
@pytest.mark.realtime
async def test_a_subject_that_is_no_text_holds_up_nobody(node, server, store):
    """Its bytes would end the reading of everything else in nats-py."""
    async with working(ward_settings(server, node)):
        await publish(node.url, [made.batch(0, [made.entry(1, "x")], "g1")])
        _, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(b"CONNECT {}\r\nPUB pumpd.fleet.v1.g1.\xff\xfe 2\r\n{}\r\nPUB pumpd.fleet.v1.g1.more 2\r\n{}\r\n")
        writer.write(b"PUB pumpd.fleet.v1.g\x001.entries 2\r\n{}\r\n")
        await writer.drain()
        await publish(node.url, [made.batch(0, [made.entry(1, "x")], "g2")])
        await eventually(store, "SELECT count(*) FROM entry", 2)
        await eventually(store, "SELECT string_agg(subject, ',') FROM refused", "pumpd.fleet.v1.g 1.entries")
        writer.close()


@pytest.mark.ward
@pytest.mark.realtime
async def test_a_status_is_no_way_to_fill_the_page(node, server, store):
    whole = {"schema": "pumpd.fleet.v1", "gateway": "g1", "ts": "2026-03-01T08:00:00Z", "more": "x" * 65_536}
    async with working(ward_settings(server, node)):
        await publish(node.url, [json.dumps(whole).encode()], "status")
        await eventually(store, "SELECT count(*) FROM refused", 1)
    assert await store.fetchval("SELECT count(*) FROM gateway") == 0


@pytest.mark.ward
@pytest.mark.realtime
async def test_what_is_put_aside_is_text(store):
    await refuse(store, "a\0b", "c\0d", b"\0")
    assert tuple(await store.fetchrow("SELECT subject, why FROM refused")) == ("a b", "c d")
