"""Two machines that send as one gateway, such as a copied card: nothing of either is lost, and it is shown."""

import asyncio
import itertools

import pytest

from pumpd_ward.board.beds import board
from pumpd_ward.store import sql
from pumpd_ward.store.branches import Branch, belongs, origin, runs
from pumpd_ward.store.history import fleet
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.writing import write
from tests.patience import until

from . import made
from .conftest import gateway_settings
from .test_sink import sending, stream

# What both have: the journal up to the copy. Then each goes on from number 11 with a run of its own.
BEFORE = (0, made.of("a", [made.changed(1, "running"), *(made.reading(seq) for seq in range(2, 11))]))
ONE = (
    (10, made.of("b", [made.reading(11), made.reading(12), made.alarm(13, "raised", "occlusion")])),
    (13, made.of("b", [made.reading(14), made.reading(15)])),
)
OTHER = (
    (10, made.of("c", [made.alarm(11, "raised", "battery"), made.alarm(12, "raised", "occlusion")])),
    (12, made.of("c", [made.reading(13), made.alarm(14, "cleared", "occlusion")])),
)


async def open_alarms(store) -> list[str]:
    shown = await board(store, 10**9)
    return sorted(alarm["code"] for bed in shown["beds"] for alarm in bed["alarms"])


async def twice(store) -> set[bool]:
    shown = await board(store, 10**9)
    found = {each["twice"] for each in (*shown["beds"], *shown["gateways"])}
    assert found == {each["twice"] for each in (await fleet(store, 10**9))["gateways"]}
    return found


@pytest.mark.ward
@pytest.mark.realtime
@pytest.mark.requirement("ALM-16")
async def test_neither_loses_an_alarm_in_whatever_order_their_batches_come(store):
    for order in itertools.permutations((*ONE, *OTHER)):
        await store.execute("TRUNCATE gateway, journal, gap, entry, reading, trend, bed, alarm, machine, boot CASCADE")
        await write(store, [made.arrived(made.batch(*BEFORE)), made.arrived(made.status("m1"), 1)], Partitions())
        await write(store, [made.arrived(made.status("m2"), 2), made.arrived(made.status("m1"), 10)], Partitions())
        for second, each in enumerate(order, 1):
            for _ in range(2):  # at least once is what a stream promises
                await write(store, [made.arrived(made.batch(*each), second)], Partitions())
        # The one's occlusion is open; the other's was cleared by the other alone.
        assert set(await open_alarms(store)) == {"battery", "occlusion"}, order
        assert await store.fetchval("SELECT count(*) FROM alarm") == 3
        assert await store.fetchval("SELECT count(*) FROM reading") == 9 + 4 + 1
        assert await twice(store) == {True}
        if order.index(ONE[0]) < order.index(ONE[1]) and order.index(OTHER[0]) < order.index(OTHER[1]):
            # As a machine sends them. Otherwise its first batches may be in two branches, and an alarm open for longer.
            assert await open_alarms(store) == ["battery", "occlusion"], order
            assert await store.fetchval("SELECT count(*) FROM journal") == 2
            assert await store.fetchval("SELECT count(*) FROM hole WHERE last >= first") == 0


@pytest.mark.ward
@pytest.mark.realtime
async def test_all_in_one_transaction_is_the_same_and_what_they_send_is_enough_to_know_both(store):
    mixed = (BEFORE, ONE[0], *OTHER, ONE[1])
    whole = [made.arrived(made.batch(*each), second) for second, each in enumerate(mixed)]
    await write(store, whole, Partitions())
    assert await open_alarms(store) == ["battery", "occlusion"]
    assert await twice(store) == {True}


@pytest.mark.ward
@pytest.mark.realtime
async def test_each_goes_on_in_its_own_branch_after_it_was_started_again(store):
    for second, each in enumerate((BEFORE, *ONE, *OTHER)):
        await write(store, [made.arrived(made.batch(*each), second)], Partitions())
    again = {
        "b": (15, made.of("d", [made.changed(16, "stopped"), made.alarm(17, "cleared", "occlusion")])),
        "c": (14, made.of("e", [made.changed(15, "stopped"), made.alarm(16, "cleared", "battery")])),
    }
    for second, each in enumerate(again.values(), 10):
        await write(store, [made.arrived(made.batch(*each), second)], Partitions())
    rows = await store.fetch(
        "SELECT array_agg(name ORDER BY first) AS runs FROM boot GROUP BY journal ORDER BY journal"
    )
    assert [[name[0] for name in each["runs"]] for each in rows] == [["a", "b", "d"], ["c", "e"]]
    assert await open_alarms(store) == []


@pytest.mark.ward
@pytest.mark.realtime
async def test_two_machines_that_are_heard_at_once_are_shown_and_one_after_the_other_is_a_restart(store):
    for second, machine in ((0, "m1"), (10, "m1"), (25, "m2"), (35, "m2")):
        await write(store, [made.arrived(made.status(machine), second)], Partitions())
    assert await twice(store) == {False}
    await write(store, [made.arrived(made.status("m1"), 40)], Partitions())
    assert await twice(store) == {True}
    # m1 got a name of its own: it is no longer heard under this one.
    await write(store, [made.arrived(made.status("m2"), 40 + 130)], Partitions())
    assert await twice(store) == {False}


@pytest.mark.ward
@pytest.mark.realtime
async def test_an_image_that_was_put_back_replaces_what_the_card_had_sent_since(store):
    """One machine, whose journal went back to an earlier number: what it had raised afterwards is history."""
    for second, each in enumerate((BEFORE, *ONE)):
        await write(store, [made.arrived(made.batch(*each), second)], Partitions())
    await write(store, [made.arrived(made.batch(*OTHER[0]), 60)], Partitions())
    assert await twice(store) == {False}
    assert await open_alarms(store) == ["battery", "occlusion"]  # both are the other's
    assert await store.fetchval("SELECT count(*) FROM alarm") == 3


@pytest.mark.ward
@pytest.mark.realtime
async def test_a_branch_of_a_copy_that_was_renamed_is_forgotten_after_a_day(store):
    for second, each in enumerate((BEFORE, ONE[0], *OTHER, ONE[1])):
        await write(store, [made.arrived(made.batch(*each), second)], Partitions())
    assert await open_alarms(store) == ["battery", "occlusion"]
    for after, seconds in ((14, 3600), (15, 90_000)):
        more = made.of("c", [made.reading(after + 1)])
        await write(store, [made.arrived(made.batch(after, more), seconds)], Partitions())
        assert await twice(store) == {False}
    assert await open_alarms(store) == ["battery"]


@pytest.mark.ward
@pytest.mark.realtime
async def test_a_restart_a_repetition_and_what_a_command_wrote_make_no_branch(store):
    prune = [{**made.entry(13, "pruned"), "boot": "prune"}]
    parts = (
        BEFORE,
        (10, [*made.of("b", [made.reading(11), made.reading(12)]), *prune]),
        (5, made.of("a", [made.reading(seq) for seq in range(6, 11)])),  # cut in another way, after a power cut
        (8, [*made.of("a", [made.reading(9), made.reading(10)]), *made.of("b", [made.reading(11)])]),
        (13, [*made.of("d", [made.reading(14)]), {**made.entry(15, "pruned"), "boot": "prune"}]),
        (10, made.of("b", [made.reading(12)])),  # retention removed 11
    )
    for second, each in enumerate(parts):
        await write(store, [made.arrived(made.batch(*each), second)], Partitions())
    assert await store.fetchval("SELECT count(*) FROM journal") == 1
    assert await store.fetchval("SELECT covered::text FROM journal") == "{[1,16)}"
    assert await twice(store) == {False}


@pytest.mark.ward
@pytest.mark.realtime
async def test_a_store_from_before_branches_goes_on(store):
    """A batch of a run that the store has, but not which numbers it wrote."""
    await write(store, [made.arrived(made.batch(*BEFORE))], Partitions())
    await store.execute("DELETE FROM boot")
    for each in (BEFORE, ONE[0]):
        await write(store, [made.arrived(made.batch(*each))], Partitions())
    assert await store.fetchval("SELECT count(*) FROM journal") == 1


@pytest.mark.ward
@pytest.mark.realtime
async def test_old_machines_are_forgotten(store):
    await write(store, [made.arrived(made.status("m1"))], Partitions())
    await store.execute(sql.MACHINES_GONE)
    assert await store.fetchval("SELECT count(*) FROM machine") == 0  # its time is months ago


def test_runs_of_a_batch_are_those_of_control_only():
    batch = made.batch(
        10, [*made.of("b", [made.reading(11), made.reading(14)]), {**made.entry(15, "x"), "boot": "prune"}]
    )
    assert runs(batch) == {"b" * 16: (11, 14)}


def test_a_batch_belongs_where_its_run_is_known_then_where_it_continues():
    first = Branch(1, 0, 20, {"b" * 16: (11, 20)})
    second = Branch(2, 1, 15, {"c" * 16: (11, 15)})
    known = made.batch(30, made.of("b", [made.reading(31)]))
    assert belongs(known, [first, second]) is first
    assert belongs(made.batch(15, made.of("d", [made.reading(16)])), [first, second]) is second
    assert belongs(made.batch(20, made.of("d", [made.reading(21)])), [first, second]) is first
    assert belongs(made.batch(10, made.of("d", [made.reading(11)])), [first, second]) is None


@pytest.mark.ward
@pytest.mark.realtime
async def test_a_copied_gateway_says_another_machine_than_the_original(state_dir, journal, node, tmp_path):
    """The same card twice: every file is the same, and both send."""
    import json
    import shutil

    copy = tmp_path / "copy"
    async with stream(node) as js:
        settings = gateway_settings(state_dir, port=node.port)
        async with sending(settings):
            await until((state_dir / "fleet.sqlite3").exists)
        shutil.copytree(state_dir, copy)
        async with sending(settings), sending(gateway_settings(copy, port=node.port)):
            async with asyncio.timeout(10):
                found: set[tuple[str, str]] = set()
                while len({machine for _, machine in found}) < 2:
                    info = await js.stream_info("ward")
                    stored = [await js.get_msg("ward", each) for each in range(1, info.state.last_seq + 1)]
                    said = [json.loads(each.data) for each in stored if each.subject.endswith(".status")]
                    found = {(each["journal"], each["machine"]) for each in said}
                    await asyncio.sleep(0.1)
    assert len({journal for journal, _ in found}) == 1


def test_a_branch_shares_what_was_before_the_first_run_that_differs():
    first = Branch(1, 0, 20, {"a" * 16: (1, 10), "b" * 16: (11, 20)})
    second = Branch(2, 1, 15, {"c" * 16: (8, 15)})
    assert origin(made.batch(12, made.of("d", [made.reading(13)])), [first, second]) == (1, 11)
    assert origin(made.batch(0, made.of("d", [made.reading(1)])), []) == (None, 1)
