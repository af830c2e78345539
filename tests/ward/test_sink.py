"""Telemetry's second sink against a real nats-server."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator

import nats
import pytest
from structlog.testing import capture_logs

from pumpd.journal import Entry
from pumpd.process import end
from pumpd.telemetry.fleet.cursor import FleetCursor
from pumpd.telemetry.fleet.service import Fleet
from pumpd.telemetry.fleet.stream import StreamError, connected
from pumpd_ward.local.nats_server import Node
from tests.patience import until
from tests.telemetry.test_tls import Authority

from .conftest import alarm, gateway_settings, reading

# As long as an alarm can be: texts of 200 characters of 4 bytes each.
LONG_ALARM = {"code": "occlusion", **dict.fromkeys(("priority", "cause", "action"), "\U0001f4a7" * 200)}

pytestmark = [pytest.mark.ward, pytest.mark.realtime]


@contextlib.asynccontextmanager
async def sending(settings) -> AsyncIterator[FleetCursor]:
    with contextlib.closing(FleetCursor(settings.state_dir / "fleet.sqlite3")) as cursor:
        task = asyncio.create_task(Fleet(settings, settings.fleet, cursor, random.Random(1)).run())
        try:
            yield cursor
        finally:
            await end(task)


@contextlib.asynccontextmanager
async def stream(node, **more):
    client = await nats.connect(node.url)
    try:
        js = client.jetstream()
        await js.add_stream(name="ward", subjects=["pumpd.fleet.v1.>"], **more)
        yield js
    finally:
        await client.close()


async def stored(js, what: str) -> list[dict]:
    info = await js.stream_info("ward")
    found = [await js.get_msg("ward", number) for number in range(1, info.state.last_seq + 1)]
    return [json.loads(each.data) for each in found if each.subject.endswith(f".{what}")]


async def batches(js) -> list[dict]:
    return await stored(js, "entries")


async def test_entries_arrive_in_order_in_batches_that_cover_everything(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    for number in range(1, 46):
        journal.append([reading(number)])
    async with stream(node) as js, sending(settings) as cursor:
        await until(lambda: cursor.position.id == 45)
        got = await batches(js)
    assert [(each["after"], each["last"]) for each in got] == [(0, 20), (20, 40), (40, 45)]
    assert [entry["seq"] for each in got for entry in each["entries"]] == list(range(1, 46))
    assert got[0]["entries"][0]["kind"] == "reading"
    assert got[0]["entries"][0]["rate_ml_h"] == 52.5
    assert {each["gateway"] for each in got} == {"bed-3"}


async def test_an_alarm_does_not_wait_for_a_full_batch(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    async with stream(node), sending(settings) as cursor:
        journal.append([alarm("occlusion")])
        began = asyncio.get_running_loop().time()
        await until(lambda: cursor.position.id == 1)
        assert asyncio.get_running_loop().time() - began < 0.9


async def test_nothing_counts_as_sent_without_a_stream_and_nothing_is_lost(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    journal.append([reading(1)])
    with capture_logs() as logs:
        async with sending(settings) as cursor:
            await until(lambda: any(each["event"] == "fleet_unavailable" for each in logs))
            assert "no stream" in logs[0]["error"]
            assert cursor.position.id == 0
            async with stream(node) as js:
                await until(lambda: cursor.position.id == 1)
                assert len(await batches(js)) == 1


async def test_what_was_acknowledged_but_not_noted_is_stored_once(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    journal.append([reading(1)])
    async with stream(node) as js:
        async with sending(settings) as cursor:
            await until(lambda: cursor.position.id == 1)
        with contextlib.closing(FleetCursor(state_dir / "fleet.sqlite3")) as behind:
            behind._db.execute("DELETE FROM cursor")  # as after a power cut
        async with sending(settings) as cursor:
            await until(lambda: cursor.position.id == 1)
        assert len(await batches(js)) == 1


async def test_a_killed_node_loses_nothing_that_it_acknowledged(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    async with stream(node), sending(settings) as cursor:
        for number in range(1, 400):
            journal.append([reading(number)])
        await until(lambda: cursor.position.id > 60)
        node.kill()
        acknowledged = cursor.position.id
        node.start()
        await until(lambda: cursor.position.id == 399)
    client = await nats.connect(node.url)
    kept = {entry["seq"] for each in await batches(client.jetstream()) for entry in each["entries"]}
    await client.close()
    assert acknowledged > 60
    assert kept == set(range(1, 400))


async def test_a_full_stream_that_refuses_moves_no_cursor(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    full = {"max_msgs": 1, "discard": nats.js.api.DiscardPolicy.NEW}
    with capture_logs() as logs:
        async with stream(node, **full) as js, sending(settings) as cursor:
            await js.publish("pumpd.fleet.v1.x.entries", b"{}")
            journal.append([reading(1)])
            await until(lambda: any(each["event"] == "fleet_unavailable" for each in logs))
            await asyncio.sleep(1.5)
            assert cursor.position.id == 0


async def test_a_replaced_journal_is_sent_from_its_start_under_another_name(state_dir, journal, node):
    settings = gateway_settings(state_dir, port=node.port)
    journal.append([reading(1), reading(2)])
    async with stream(node) as js:
        async with sending(settings) as cursor:
            await until(lambda: cursor.position.id == 2)
        journal.close()
        for each in state_dir.glob("journal.sqlite3*"):
            each.unlink()
        from pumpd.journal import Journal

        with contextlib.closing(Journal(state_dir / "journal.sqlite3", boot="boot-2")) as other:
            other.append([reading(7)])
            async with sending(settings) as cursor:
                await until(lambda: cursor.position.id == 1)
        first, second = await batches(js)
    assert first["journal"] != second["journal"]
    assert (second["after"], second["last"]) == (0, 1)


async def test_a_port_where_nobody_listens_is_said_in_words(state_dir, tmp_path):
    settings = gateway_settings(state_dir, port=1)
    with pytest.raises(StreamError) as refused:
        async with connected(settings.fleet, "g", "127.0.0.1"):
            pass
    assert str(refused.value) == "Connection refused"


def secured(tmp_path) -> Node:
    authority = Authority(tmp_path)
    for name in ("node", "bed-3"):
        authority.issue(name)
    files = {"cert_file": "node.crt", "key_file": "node.key", "ca_file": "ca.crt"}
    return Node(tmp_path / "nats", tls={key: tmp_path / name for key, name in files.items()})


async def test_a_gateway_identifies_itself_by_its_certificate_over_tls(state_dir, journal, tmp_path):
    node = secured(tmp_path)
    node.start()
    try:
        mine = {"client_cert": tmp_path / "bed-3.crt", "client_key": tmp_path / "bed-3.key"}
        with_it = gateway_settings(state_dir, port=node.port, tls=True, ca_file=tmp_path / "ca.crt", **mine)
        without = gateway_settings(state_dir, port=node.port, tls=True, ca_file=tmp_path / "ca.crt")
        async with connected(with_it.fleet, "bed-3", "127.0.0.1") as stream:
            with pytest.raises(StreamError, match="no stream"):  # the node answered
                await stream.publish("pumpd.fleet.v1.bed-3.entries", b"{}", "1")
        with pytest.raises(StreamError):
            async with connected(without.fleet, "bed-3", "127.0.0.1") as stream:
                await stream.publish("pumpd.fleet.v1.bed-3.entries", b"{}", "1")
    finally:
        node.end()


async def test_what_the_nodes_rules_forbid_is_said_and_does_not_count(state_dir, journal, tmp_path):
    rules = """
authorization { users: [
  { user: "g", password: "p", permissions: { publish: "pumpd.fleet.v1.bed-3.>", subscribe: "_INBOX.bed-3.>" } }
] }
"""
    node = Node(tmp_path / "nats", extra=rules)
    node.start()
    (tmp_path / "secret").write_text("p\n")
    journal.append([reading(1)])
    foreign = gateway_settings(state_dir, name="bed-4", port=node.port, username="g", password_file=tmp_path / "secret")
    try:
        with capture_logs() as logs:
            async with sending(foreign) as cursor:
                await until(lambda: any(each["event"] == "fleet_unavailable" for each in logs))
                assert cursor.position.id == 0
        assert "permissions violation" in str(logs).lower()
    finally:
        node.end()


def test_a_password_needs_tls(state_dir, tmp_path):
    with pytest.raises(ValueError, match=r"fleet.tls: a password needs TLS"):
        gateway_settings(state_dir, host="nats.example.org", username="g", password_file=tmp_path / "secret")


async def test_two_machines_with_one_cursor_say_that_they_are_two(state_dir, journal, node):
    """A copied card has the cursor's file, and with it the name of the journal."""
    settings = gateway_settings(state_dir, port=node.port)
    async with stream(node) as js:
        for boot in ("first", "second"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("pumpd.telemetry.machine.boot_id", lambda boot=boot: boot)
                async with sending(settings):
                    async with asyncio.timeout(10):
                        while len(said := await stored(js, "status")) < (1 if boot == "first" else 2):
                            pass
    assert len({each["machine"] for each in said}) == 2
    assert len({each["journal"] for each in said}) == 1


async def test_a_node_that_takes_small_messages_only_gets_every_entry(state_dir, journal, tmp_path):
    """Of an entry that is too long even alone, that it happened and when. Nothing holds up what comes after it."""
    small = Node(tmp_path / "small", extra="max_payload: 1600")
    small.start()
    try:
        settings = gateway_settings(state_dir, port=small.port)
        journal.append([reading(number) for number in range(1, 31)])
        journal.append([Entry("alarm_raised", {**LONG_ALARM}, pump="pump-a", session="s1"), reading(32)])
        async with stream(small) as js, sending(settings) as cursor:
            await until(lambda: cursor.position.id == 32)
            got = await batches(js)
    finally:
        small.end()
    entries = {entry["seq"]: entry for each in got for entry in each["entries"]}
    assert sorted(entries) == list(range(1, 33))
    assert [each["after"] for each in got[1:]] == [each["last"] for each in got[:-1]]
    assert (entries[31]["cut"], entries[31]["code"], "cause" in entries[31]) == (True, "occlusion", False)
    assert [seq for seq, entry in entries.items() if "cut" in entry] == [31]
