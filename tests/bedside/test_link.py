"""What a nurse reads when control does not answer: the truth about control and the pump, and what to do."""

import asyncio
import fcntl
import os
import socket

import pytest

from pumpd.bedside import link as link_module
from pumpd.bedside.link import ControlLink, NoControlError
from pumpd.messages.requests import Answer, NonceRequest, Stop

pytestmark = pytest.mark.realtime


async def why(path, lock=None) -> str:
    with pytest.raises(NoControlError) as raised:
        await ControlLink(path, lock).ask(NonceRequest())
    assert "Go to the pump: stop it there, clamp the line." in str(raised.value)
    return str(raised.value)


async def test_without_a_socket_there_is_no_control_and_nothing_was_sent(tmp_path):
    said = await why(tmp_path / "tablet.sock")
    assert "no control process runs" in said
    assert "Nothing was sent" in said


async def test_a_server_without_access_does_not_say_that_control_is_down(tmp_path, monkeypatch):
    async def refused(*_, **__):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(asyncio, "open_unix_connection", refused)
    said = await why(tmp_path / "tablet.sock")
    assert "may not open" in said
    assert "pumpd may well be watching them" in said
    assert "watchdog" not in said


async def test_a_control_process_that_is_starting_is_not_called_gone(tmp_path):
    with (tmp_path / "control.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "starting or ending" in await why(tmp_path / "tablet.sock", tmp_path / "control.lock")


@pytest.mark.parametrize(
    ("answer", "said"),
    [(None, "did not answer within"), (b"", "ended, or it closed the connection"), (b"{}\n", "different versions")],
)
async def test_a_request_that_was_sent_may_have_been_carried_out(tmp_path, monkeypatch, answer, said):
    monkeypatch.setattr(link_module, "ANSWER_WITHIN_S", 0.3)

    async def serve(_, writer):
        if answer is None:
            await asyncio.sleep(1)
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "tablet.sock")
    found = await why(tmp_path / "tablet.sock")
    assert said in found
    assert "Nothing was sent" not in found
    server.close()
    await server.wait_closed()
    await asyncio.sleep(1.1 if answer is None else 0)


async def test_a_full_queue_is_not_called_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(link_module, "FULL_FOR_S", 0.1)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as waiting:
        server.bind(str(tmp_path / "tablet.sock"))
        server.listen(0)
        waiting.connect(str(tmp_path / "tablet.sock"))
        said = await why(tmp_path / "tablet.sock")
    assert "takes no more connections" in said
    assert "watchdog" not in said


async def test_a_request_waits_for_room_in_a_full_queue(tmp_path):
    """asyncio took a full queue for a connection, and a stop from a tablet was lost in it."""
    heard = []

    async def serve(reader, writer):
        if line := await reader.readline():
            heard.append(line)
            writer.write(Answer(ok=True).model_dump_json().encode() + b"\n")
        writer.close()

    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as waiting:
        listening.bind(str(tmp_path / "tablet.sock"))
        listening.listen(0)
        waiting.connect(str(tmp_path / "tablet.sock"))
        asked = asyncio.create_task(ControlLink(tmp_path / "tablet.sock").ask(Stop(by="a tablet")))
        await asyncio.sleep(0.3)
        assert not asked.done()
        waiting.close()
        server = await asyncio.start_unix_server(serve, sock=listening)
        assert (await asked).ok
        server.close()
        await server.wait_closed()
    assert b'"stop"' in heard[0]
