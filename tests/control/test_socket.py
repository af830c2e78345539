"""The control socket, over a real AF_UNIX socket: whatever arrives on it, later requests and stops are answered."""

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest

from pumpd.control.socket.doors import Door
from pumpd.control.socket.server import ControlServer, SocketInUseError
from pumpd.messages.requests import LONGEST_LINE
from tests.control.testbed import ORDER, Testbed, open_testbed
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime  # a socket's bytes take no virtual time


@contextlib.asynccontextmanager
async def serving_with(folder: Path) -> AsyncIterator[tuple[Testbed, ControlServer, Path]]:
    path = folder / "control.sock"
    async with open_testbed(folder) as here:
        server = ControlServer(here.gateway.dispatch, Door.OPERATOR, path)
        await server.open()
        try:
            yield here, server, path
        finally:
            await server.close()


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Testbed, Path]]:
    async with serving_with(folder) as (here, _, path):
        yield here, path


class Client:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_unix_connection(self._path)
        return self

    async def __aexit__(self, *_) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def send(self, text: bytes) -> None:
        self._writer.write(text)

    async def heard(self) -> dict:
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self._reader.readline())

    async def ask(self, text: bytes | str | dict) -> dict:
        raw = json.dumps(text) if isinstance(text, dict) else text
        self.send((raw.encode() if isinstance(raw, str) else raw) + b"\n")
        return await self.heard()


async def test_requests_of_one_connection_are_answered_in_order(tmp_path):
    async with serving(tmp_path) as (here, path), Client(path) as client:
        client.send(b'{"op":"status"}\n{"op":"challenge","pump":"bed1"}\n{"op":"status"}\n')
        answers = [await client.heard() for _ in range(3)]
        assert [answer["ok"] for answer in answers] == [True, False, True]
        assert answers[0]["result"]["gateway"] == "ward-7"
        assert (await client.ask(ORDER))["result"]["dose_mg"] == "35"
        entry = next(entry for entry in here.entries() if entry.kind == "order_accepted")
        assert entry.fields["peer"] == f"uid {os.getuid()}, pid {os.getpid()}"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("hello", "JSON"),
        (b"\xff\xfe", "request"),
        ('{"op":"\\ud800"}', "request"),
        ("[]", "request"),
        ("null", "request"),
        ("[" * 10_000, "request"),
        ('{"op":"launch"}', "'order'"),
        ('{"pump":"bed1"}', "op"),
        ('{"op":"pause","pump":"bed1","now":true}', "now"),
        ('{"op":"pause","pump":"../bed1"}', "pump"),
        ('{"op":"pause","pump":7}', "pump"),
        ('{"op":"stop",,}', "JSON"),
        ('{"op":"confirm","pump":"bed1","channel":1.5}', "channel"),
        ('{"op":"pause"}', "pump"),
        ('{"op":"pause","pump":"bed2","pump":"bed1"}', "twice"),
        ('{"op":"stop","op":"status"}', "twice"),
        (json.dumps(ORDER | {"overrides": {"dose_high": 3}}), "overrides"),
    ],
)
async def test_what_is_not_a_request_is_answered_with_the_reason_and_journalled(tmp_path, line, named):
    async with serving(tmp_path) as (here, path), Client(path) as client:
        answer = await client.ask(line)
        assert answer["ok"] is False
        assert named in "\n".join(answer["reasons"])
        entry = next(entry for entry in here.entries() if entry.kind == "request_malformed")
        assert entry.fields["problems"] == answer["reasons"]
        assert (await client.ask({"op": "status"}))["ok"]  # the same connection still works
        assert here.state() is None


@pytest.mark.requirement("STP-12", "STP-01")
@pytest.mark.parametrize(
    "line",
    [
        '{"op":"stop","pump":"bed1","now":true}',
        '{"op":"stop","pump":"../bed1"}',
        '{"op":"stop","pump":7}',
        '{"op":"stop","pump":"bed1","by":"\\u0000"}',
        '{"op":"stop","pump":"bed1","reason":"' + "x" * 500 + '"}',
        '{"op":"stop","pump":"bed1","of_session":[],"age_s":"long"}',
        '{"op":"stop","pump":"be',
        '{"op":"stop","pump":"bed1","pump":"bed2"}',
        '{"op":"status","op":"stop","pump":"bed2"}',
        '{"op":"stop",' + ",".join(f'"f{number}":1' for number in range(4000)) + "}",
        '{"op":"stop","reason":"' + "x" * 100_000 + '"}',
    ],
)
async def test_what_can_be_read_as_a_stop_is_a_stop_whatever_else_is_wrong_with_it(tmp_path, line):
    async with serving(tmp_path) as (here, path), Client(path) as client:
        answer = await client.ask(line)
        assert answer == {"ok": True, "result": {"stopping": ["bed1"]}, "reasons": []}
        assert "stop_requested" in here.kinds()


@pytest.mark.requirement("AUD-13")
@pytest.mark.parametrize(
    "line",
    [
        '{"op":"status",' + ",".join(f'"f{number}":1' for number in range(4000)) + "}",
        json.dumps(ORDER | {"overrides": {f"limit {number}": 1 for number in range(900)}}),
        json.dumps({"op": "status"} | {f"{number}" + "f" * 5000: 1 for number in range(10)}),
        '{"op":"' + "x" * 60_000 + '"}',
    ],
)
async def test_a_request_with_thousands_of_errors_gets_a_short_answer_and_a_short_entry(tmp_path, line):
    async with serving(tmp_path) as (here, path), Client(path) as client:
        answer = await client.ask(line)
        assert not answer["ok"]
        assert len(json.dumps(answer)) < 4000
        assert sum(len(entry.body) for entry in here.entries() if entry.kind == "request_malformed") < 4000


async def test_a_much_too_long_line_is_refused_and_the_connection_closed(tmp_path):
    async with serving(tmp_path) as (here, path):
        async with Client(path) as client:
            client.send(b"x" * (LONGEST_LINE * 3))
            answer = await client.heard()
            assert answer["reasons"] == [f"request: longer than {LONGEST_LINE} bytes"]
            with contextlib.suppress(ConnectionError):
                assert await client._reader.read() == b""
        assert "request_malformed" in here.kinds()
        async with Client(path) as client:
            assert (await client.ask({"op": "status"}))["ok"]


@pytest.mark.requirement("STA-04")
async def test_half_a_request_from_a_client_that_hangs_up_does_nothing(tmp_path):
    async with serving(tmp_path) as (here, path):
        for cut in (1, 20, len(json.dumps(ORDER)) - 1):
            async with Client(path) as client:
                client.send(json.dumps(ORDER).encode()[:cut])
        await asyncio.sleep(0.1)
        assert here.state() is None
        assert here.kinds().count("request_malformed") == 3


async def test_a_request_is_carried_out_even_if_its_client_hangs_up_before_the_answer(tmp_path):
    async with serving(tmp_path) as (here, path):
        async with Client(path) as client:
            client.send(json.dumps(ORDER).encode() + b"\n")
        await here.until("ordered", "loading", "ready")
        async with Client(path) as client:
            assert (await client.ask({"op": "status"}))["ok"]


@pytest.mark.requirement("STP-01")
async def test_stop_is_answered_while_others_hang_flood_and_never_read(tmp_path):
    async with serving(tmp_path) as (here, path), contextlib.AsyncExitStack() as stack:
        await here.start()
        for number in range(40):
            client = await stack.enter_async_context(Client(path))
            client.send(b'{"op":"st' if number % 2 else b'{"op":"status"}\n' * 500)  # and reads no answer
        async with Client(path) as nurse:
            answer = await nurse.ask({"op": "stop", "by": "nurse", "reason": "patient asked"})
        assert answer == {"ok": True, "result": {"stopping": ["bed1"]}, "reasons": []}
        # It waited for none of them: their 10,000 answers never end, because nobody reads them.
        await until(lambda: not here.pump.truth()["running"])
        entry = next(entry for entry in here.entries() if entry.kind == "stop_requested")
        assert entry.fields["by"].startswith("nurse, uid ")


async def test_many_clients_at_once_each_get_their_own_answers(tmp_path):
    async def one(path: Path, number: int) -> None:
        async with Client(path) as client:
            for _ in range(5):
                answer = await client.ask({"op": "stop", "pump": f"bed-{number}"})
                assert f"'bed-{number}'" in answer["reasons"][0]

    async with serving(tmp_path) as (_, path):
        await asyncio.gather(*(one(path, number) for number in range(100)))


async def test_a_defect_in_one_request_leaves_the_socket_answering(tmp_path, monkeypatch):
    async with serving(tmp_path) as (here, path), Client(path) as client:

        def defect(*_):
            raise ZeroDivisionError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(here.gateway.live, "state", defect)
            answer = await client.ask({"op": "status"})
            assert answer["ok"] is False
            assert "ZeroDivisionError" in answer["reasons"][0]
        assert (await client.ask({"op": "stop"}))["ok"]


# -- the socket itself -------------------------------------------------------------------------------------------------


async def test_only_owner_and_group_may_open_the_socket_and_it_is_removed_at_the_end(tmp_path):
    async with serving(tmp_path) as (_, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert path.is_socket()
    assert not path.exists()


async def test_a_second_control_process_is_refused_and_the_first_continues(tmp_path):
    async with serving(tmp_path) as (here, path):
        with pytest.raises(SocketInUseError, match=r"control\.sock is in use: another pumpd control process"):
            await ControlServer(here.gateway.dispatch, Door.OPERATOR, path).open()
        async with Client(path) as client:
            assert (await client.ask({"op": "status"}))["ok"]


async def test_a_socket_left_behind_by_a_dead_process_is_replaced(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    async with serving(tmp_path) as (_, same), Client(same) as client:
        assert same == path
        assert (await client.ask({"op": "status"}))["ok"]


async def test_a_file_in_the_way_is_left_alone_and_named(tmp_path):
    (tmp_path / "control.sock").write_text("not a socket")
    with pytest.raises(OSError, match=r"control\.sock"):
        async with serving(tmp_path):
            pytest.fail("it was replaced")
    assert (tmp_path / "control.sock").read_text() == "not a socket"


async def test_closing_waits_for_no_client(tmp_path):
    path = tmp_path / "control.sock"
    async with open_testbed(tmp_path) as here, contextlib.AsyncExitStack() as stack:
        server = ControlServer(here.gateway.dispatch, Door.OPERATOR, path)
        await server.open()
        idle = await stack.enter_async_context(Client(path))
        assert (await idle.ask({"op": "status"}))["ok"]
        deaf = await stack.enter_async_context(Client(path))
        deaf._writer.transport.pause_reading()
        deaf.send(b'{"op":"status"}\n' * 5000)
        await asyncio.sleep(0.3)
        await asyncio.wait_for(server.close(), PATIENCE_S)  # the deaf one never reads
        assert await idle._reader.read() == b""
