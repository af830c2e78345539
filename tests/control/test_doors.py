"""SEC-21: every request at every door, from every kind of user, against a second table written by hand."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import typing
from dataclasses import replace

import pytest

from pumpd.control.socket.clients import Peer
from pumpd.control.socket.doors import TABLE, Caller, Door, User, objection
from pumpd.control.socket.server import doors
from pumpd.messages.requests import Request
from tests.control.monitor import RECEIVER, watched
from tests.control.monitor import VITALS as SECTION
from tests.control.testbed import BEDSIDE, OPERATOR, ORDER, open_testbed

pytestmark = pytest.mark.requirement("SEC-21")

OWNER, GROUP, EVERYBODY = {"owner"}, {"owner", "member"}, {"owner", "member", "other"}
OPERATORS = {
    **dict.fromkeys(["order", "rest", "challenge", "confirm", "associate", "dissociate"], GROUP),
    **dict.fromkeys(["pause", "resume", "clear", "identify", "reconcile", "self_test"], GROUP),
    **dict.fromkeys(["history", "correct_dose", "order_course", "assess_course"], GROUP),
    **dict.fromkeys(["status", "watch", "library", "trace", "key_list"], GROUP),
    **dict.fromkeys(["pair_open", "pair_accept", "pair_close", "pair_state"], OWNER),
    **dict.fromkeys(["key_add", "key_rename", "key_revoke"], OWNER),
    **dict.fromkeys(["staff_list", "staff_add", "staff_remove", "pin_reset", "prune_journal"], OWNER),
    "stop": EVERYBODY,
}
TABLETS = {
    **dict.fromkeys(["tablet", "nonce", "alive", "serving", "pair_offer", "pair_reveal", "pair_state"], GROUP),
    **dict.fromkeys(["watch", "library", "trace"], GROUP),
    "stop": EVERYBODY,
}
VITALS = {"vital_signs": GROUP}
KINDS = {kind.model_fields["op"].default: kind for kind in typing.get_args(typing.get_args(Request)[0])}


@pytest.mark.parametrize("op", KINDS)
def test_every_request_at_every_door_from_every_user_is_decided_by_the_table(op):
    request = KINDS[op].model_construct(op=op)
    at = {Door.OPERATOR: OPERATORS, Door.TABLET: TABLETS, Door.VITALS: VITALS}
    for (door, expected), user in itertools.product(at.items(), User):
        why = objection(request, Caller(door, user, "test"))
        assert (why is None) is (user.value in expected.get(op, set())), (door, user)
        assert why is None or why.startswith(f"{op}: ")


def test_the_table_has_every_request_and_no_other():
    assert set(TABLE) == set(KINDS.values())
    assert set(OPERATORS) | set(TABLETS) | set(VITALS) == set(KINDS)


def test_a_request_that_is_not_in_the_table_is_refused_at_every_door(monkeypatch):
    monkeypatch.delitem(TABLE, KINDS["stop"])
    for door, user in itertools.product(Door, User):
        assert objection(KINDS["stop"](), Caller(door, user, "test"))


async def test_bedside_orders_associates_pauses_resumes_and_clears_nothing_without_a_signature(tmp_path):
    async with open_testbed(tmp_path) as here:

        async def refused(**fields):
            answer = await here.ask_as(BEDSIDE, **fields)
            assert answer.reasons == (f"{fields['op']}: the tablet socket does not take that request",)
            entry = here.entries()[-1]
            assert (entry.kind, entry.fields["op"]) == ("request_refused", fields["op"])
            assert (entry.fields["door"], entry.fields["peer"]) == ("tablet socket", BEDSIDE.name)

        by = {"pump": "bed1", "by": "Nurse (badge 1001)"}
        await refused(op="associate", patient="token-1", **by)
        await refused(**ORDER)
        assert here.gateway.runners["bed1"].patient == ""
        await here.start()
        await refused(op="pause", reason="no reason", **by)
        await refused(op="reconcile", volume="3 mL", reason="no reason", **by)
        assert here.state() == "running"
        await here.ask(op="pause", **by)
        await here.until("paused")
        await refused(op="resume", **by)
        await refused(op="clear", **by)
        await refused(op="challenge", pump="bed1")
        await refused(op="dissociate", **by)
        assert here.state() == "paused"
        assert (await here.ask_as(BEDSIDE, op="stop")).ok
        await here.until("stopped")


async def test_bedside_cannot_confirm_even_with_a_software_nurses_signature(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.order()
        await here.until("ready")
        signed = await here.confirmation()
        assert "does not take that request" in (await here.ask_as(BEDSIDE, **signed)).reasons[0]
        assert here.state() == "ready"
        assert (await here.ask(**signed)).ok


@pytest.mark.requirement("STP-01")
@pytest.mark.parametrize("door", [Door.OPERATOR, Door.TABLET])
@pytest.mark.parametrize("user", User)
async def test_a_stop_is_accepted_at_both_doors_of_people_from_every_user(tmp_path, door, user):
    async with open_testbed(tmp_path) as here:
        await here.start()
        assert (await here.ask_as(Caller(door, user, "anybody"), op="stop")).ok
        await here.until("stopped")


@pytest.mark.requirement("SEC-19", "AUD-13")
async def test_what_a_door_refuses_leaves_a_limited_number_of_journal_entries(tmp_path):
    async with open_testbed(tmp_path) as here:
        for _ in range(400):
            assert not (await here.ask_as(BEDSIDE, **ORDER)).ok
            here.gateway.dispatch.malformed(BEDSIDE, ("request: no JSON",))
        kinds = here.kinds()
        refused, malformed = kinds.count("request_refused"), kinds.count("request_malformed")
        assert 50 <= refused <= 250
        assert 50 <= malformed <= 250
        assert not (await here.ask_as(replace(OPERATOR, user=User.OTHER), op="status")).ok
        assert here.kinds().count("request_refused") == refused + 1  # the other door has a budget of its own


@pytest.mark.requirement("RUN-07")
async def test_the_door_for_vital_signs_takes_vital_signs_and_no_command_not_even_a_stop(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        for op, kind in KINDS.items():
            if op != "vital_signs":
                answer = await here.gateway.answer(kind.model_construct(op=op), RECEIVER)
                assert answer.reasons == (f"{op}: the vitals socket does not take that request",)
        assert here.state() == "running"
        assert (await monitor.send(**monitor.stream)).ok
        sent = {"op": "vital_signs", "pump": "bed1", "source": "m-1", "age_s": 0, "spo2_percent": 97}
        for caller in (OPERATOR, BEDSIDE, replace(RECEIVER, user=User.OTHER)):
            assert not (await here.ask_as(caller, **sent)).ok


@pytest.mark.realtime
async def test_the_socket_for_vital_signs_is_there_only_where_they_are_configured(tmp_path):
    for number, top in enumerate(({}, {"vitals": SECTION})):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with open_testbed(folder, top=top) as here:
            path = here.gateway.settings.vitals_socket_path
            async with doors(here.gateway.dispatch, here.gateway.settings):
                assert path.exists() is bool(top)
                if top:
                    assert path.stat().st_mode & 0o777 == 0o660
                    sent = {"op": "vital_signs", "pump": "bed1", "source": "m-1", "age_s": 0, "spo2_percent": 97}
                    answer = await asked(path, sent)
                    assert answer["result"] == {"taken": ["spo2_percent"], "refused": []}
                    assert not (await asked(path, {"op": "stop"}))["ok"]
            assert not path.exists()


@pytest.mark.realtime
async def test_what_reads_requests_is_built_before_the_sockets_are_there(tmp_path, monkeypatch):
    """It takes 0.1 s and more, which no stop has to wait for."""
    built = []

    class Request:
        def rebuild(self):
            built.append(path.exists())

    async with open_testbed(tmp_path) as here:
        path = here.gateway.settings.socket_path
        monkeypatch.setattr("pumpd.control.socket.server.REQUEST", Request())
        async with doors(here.gateway.dispatch, here.gateway.settings):
            assert path.exists()
    assert built == [False]


@pytest.mark.realtime
async def test_each_socket_accepts_what_its_door_accepts(tmp_path):
    async with open_testbed(tmp_path) as here:
        settings = here.gateway.settings
        async with doors(here.gateway.dispatch, settings):
            for path, taken in ((settings.socket_path, True), (settings.tablet_socket_path, False)):
                assert path.stat().st_mode & 0o777 == 0o660
                answer = await asked(path, {"op": "status"})
                assert answer["ok"] is taken
                assert (await asked(path, {"op": "nonce"}))["ok"] is not taken
                assert (await asked(path, {"op": "stop"}))["ok"]
        assert not settings.socket_path.exists()
        assert not settings.tablet_socket_path.exists()


async def asked(path, fields):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(json.dumps(fields).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("peer", "user"),
    [
        (Peer(0, 1, frozenset()), User.OWNER),
        (Peer(os.getuid(), 1, frozenset()), User.OWNER),
        (Peer(990, 1, frozenset({990, 77})), User.MEMBER),
        (Peer(990, 1, frozenset({77})), User.MEMBER),
        (Peer(990, 1, frozenset({990, 78})), User.OTHER),
    ],
)
def test_a_user_is_the_owner_a_member_of_the_sockets_group_or_neither(peer, user):
    assert peer.user(77) is user


def test_the_kernel_reports_who_is_at_the_other_end():
    one, other = socket.socketpair()
    with contextlib.closing(one), contextlib.closing(other):
        peer = Peer.of(one)
    assert (peer.uid, peer.pid) == (os.getuid(), os.getpid())
    assert os.getgid() in peer.groups
    assert str(peer) == f"uid {os.getuid()}, pid {os.getpid()}"
