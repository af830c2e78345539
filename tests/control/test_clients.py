"""Clients of a socket use a bounded number of connections, and bounded memory if they do not read (STP-01)."""

import asyncio
import contextlib
import json
import os
import select
import socket
import struct

import pytest

from pumpd.control.socket import clients as limits
from pumpd.control.socket.clients import MOST, UNREAD_BYTES, Client, Clients, Peer
from pumpd.control.socket.streams import StateStream
from pumpd.messages.requests import LONGEST_LINE
from tests.control.test_socket import Client as Nurse
from tests.control.test_socket import serving_with
from tests.patience import until


class Transport:
    def __init__(self):
        self.dropped = False

    def abort(self):
        self.dropped = True


def entered(clients, count, uid, *, busy=False):
    made = [Client(uid, Transport(), busy=busy) for _ in range(count)]
    for client in made:
        clients.enter(client)
    return made


def dropped(clients):
    return [client for client in clients if client.transport.dropped]


def test_a_new_client_always_gets_a_place_and_the_maximum_is_never_exceeded():
    clients = Clients()
    held = entered(clients, MOST + 10, 7)
    assert len(clients) == MOST
    assert dropped(held) == held[:10]  # the one that has been silent longest


def test_an_idle_client_is_dropped_before_one_that_waits_for_something():
    clients = Clients()
    watching = entered(clients, 5, 7, busy=True)
    idle = entered(clients, MOST - 5, 7)
    entered(clients, 3, 7)
    assert dropped(watching + idle) == idle[:3]


def test_the_client_that_sent_something_last_is_dropped_last():
    clients = Clients()
    held = entered(clients, MOST, 7)
    clients.heard(held[0])
    held[0].busy = False
    entered(clients, 1, 7)
    assert dropped(held) == [held[1]]


def test_the_user_with_the_most_clients_loses_one_and_no_other_user_does():
    clients = Clients()
    operator = entered(clients, 3, 0)
    flood = entered(clients, 2 * MOST, 990, busy=True)
    assert not dropped(operator)
    assert len(dropped(flood)) == MOST + 3


@pytest.mark.realtime
@pytest.mark.requirement("STP-01", "SEC-21")
async def test_a_stop_gets_through_when_idle_clients_hold_every_place(tmp_path):
    async with serving_with(tmp_path) as (here, server, path), contextlib.AsyncExitStack() as stack:
        await here.start()
        for _ in range(MOST + 5):
            await stack.enter_async_context(Nurse(path))
        await until(lambda: len(server.clients) == MOST)
        async with Nurse(path) as nurse:
            assert (await nurse.ask({"op": "stop"}))["ok"]
        await here.until("stopped")


@pytest.mark.realtime
@pytest.mark.parametrize("request_", [b'{"op":"status"}\n', b"no request\n"])
async def test_clients_that_send_and_never_read_cost_a_bounded_buffer_and_are_dropped(tmp_path, monkeypatch, request_):
    monkeypatch.setattr(limits, "READ_WITHIN_S", 1.0)
    async with serving_with(tmp_path) as (_, server, path), contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            deaf = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(str(path))
            deaf.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                deaf.send(request_ * 20_000)
        transports, most = set(), 0

        def dropped():
            nonlocal most
            transports.update(client.transport for client in server.clients)
            most = max(most, *(each.get_write_buffer_size() for each in transports)) if transports else 0
            return len(transports) == 10 and not len(server.clients)

        await until(dropped)
        assert 0 < most <= UNREAD_BYTES + LONGEST_LINE  # one buffer and one answer


@pytest.mark.realtime
@pytest.mark.requirement("STP-01")
async def test_a_client_that_asks_no_more_and_never_reads_gives_its_descriptor_back(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "READ_WITHIN_S", 1.0)
    async with serving_with(tmp_path) as (_, server, path), contextlib.AsyncExitStack() as stack:
        deaf = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
        deaf.connect(str(path))
        await until(lambda: len(server.clients) == 1)
        (client,) = server.clients
        while not client.transport.get_write_buffer_size():  # the kernel takes no more
            deaf.send(b'{"op":"status"}\n')
            await asyncio.sleep(0.005)
        deaf.shutdown(socket.SHUT_WR)
        gone = select.poll()
        gone.register(deaf, 0)  # POLLHUP always shows: the other end is closed
        assert not gone.poll(0)
        assert list(server.clients) == [client], "it has a descriptor, so it counts"
        await until(lambda: gone.poll(0))
        await until(lambda: not len(server.clients))


@pytest.mark.requirement("STP-12")
async def test_what_all_who_watch_are_shown_is_collected_once():
    collected, lines = [], []

    class Writer:
        def write(self, line):
            lines.append(line)

        async def drain(self):
            await asyncio.sleep(0)

    def state():
        collected.append(1)
        return {"number": len(collected)}

    stream = StateStream(state)
    watching = [asyncio.create_task(stream.show(asyncio.StreamReader(), Writer())) for _ in range(100)]
    await asyncio.sleep(0.01)
    stream.change()
    await asyncio.sleep(5)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    assert len(lines) >= 500
    assert len(collected) <= 10
    assert json.loads(lines[100])["number"] == 2, "a change is shown at once, whatever was collected just before"


@pytest.mark.requirement("SEC-21")
def test_the_kernel_reports_every_group_of_a_client():
    """Not only its main group: bedside and vitals reach their sockets by a further one."""
    near, far = socket.socketpair()
    with near, far:
        raw = near.getsockopt(socket.SOL_SOCKET, limits._SO_PEERGROUPS, limits._MOST_GROUPS_BYTES)
        assert set(struct.unpack(f"{len(raw) // 4}I", raw)) == set(os.getgroups())
        assert Peer.of(near).groups == {os.getgid(), *os.getgroups()}
