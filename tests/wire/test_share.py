"""Several pumps on one port: each has its own side of the link, its own stop and its own epoch."""

import asyncio

import pytest

from pumpd.wire import Lane, LineSettings, OvertakenError, PortError, join, memory

from .lines import LINE, LineFramer, ask


@pytest.fixture
async def port(peer):
    memory.serve("rack", peer)
    yield "memory://rack"
    memory.withdraw("rack")


async def two(port, **more):
    return [await join(port, LINE, LineFramer, name=name, **more) for name in (1, 2)]


async def test_two_sides_share_one_open_port(port, peer):
    one, other = await two(port)
    assert await asyncio.gather(ask(one, b"a"), ask(other, b"b")) == [b"a!", b"b!"]
    assert peer.attached == 1
    await one.close()
    assert await ask(other, b"c") == b"c!"
    await other.close()
    assert not other.connected


@pytest.mark.requirement("STP-02")
async def test_a_stop_on_one_side_does_not_end_anything_on_the_other(port, peer):
    peer.mute.add(b"busy")
    one, other = await two(port)
    begun, others = one.epoch, other.epoch
    busy = asyncio.create_task(ask(one, b"busy", 0.3))
    await asyncio.sleep(0)
    mine, theirs = asyncio.create_task(ask(one, b"mine")), asyncio.create_task(ask(other, b"theirs"))
    await asyncio.sleep(0)
    stop = asyncio.create_task(ask(one, b"stop", lane=Lane.STOP))
    with pytest.raises(OvertakenError):
        await mine
    assert await stop == b"stop!"
    assert await theirs == b"theirs!"
    assert [line for line in peer.lines if line != b"busy"] == [b"stop", b"theirs"]  # it also overtook the other side
    assert (one.epoch, other.epoch) == (begun + 1, others)
    with pytest.raises(OvertakenError):
        await ask(one, b"late", epoch=begun)
    assert await ask(other, b"again", epoch=others) == b"again!"
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)
    await one.close()
    await other.close()


async def test_each_side_sees_unsolicited_bytes(port, peer):
    one, other = await two(port)
    seen = []
    one.on_stray = lambda frame: seen.append((1, frame))
    other.on_stray = lambda frame: seen.append((2, frame))
    peer.say(b"alarm\n")
    await asyncio.sleep(0.1)
    assert seen == [(1, b"alarm"), (2, b"alarm")]
    await one.close()
    peer.say(b"again\n")
    await asyncio.sleep(0.1)
    assert seen[2:] == [(2, b"again")]
    await other.close()


async def test_a_name_can_be_used_once_and_the_line_must_be_the_same(port):
    one = await join(port, LINE, LineFramer, name=1)
    with pytest.raises(PortError, match="1 is already in use"):
        await join(port, LINE, LineFramer, name=1)
    with pytest.raises(PortError, match="another kind of pump"):
        await join(port, LineSettings(9600), LineFramer, name=2)

    class OtherFramer(LineFramer):
        pass

    with pytest.raises(PortError, match="another kind of pump"):
        await join(port, LINE, OtherFramer, name=2)
    await one.close()
    await one.close()  # harmless
    again = await join(port, LineSettings(9600), OtherFramer, name=1)
    await again.close()


async def test_a_lost_port_is_lost_for_all_and_counted(port, peer):
    one, other = await two(port)
    epochs, connections = (one.epoch, other.epoch), one.connections
    memory.unplug("rack")
    assert (one.epoch, other.epoch) == (epochs[0] + 1, epochs[1] + 1)
    with pytest.raises(PortError, match="just lost"):
        await join(port, LINE, LineFramer, name=3)
    memory.plug("rack")
    await asyncio.sleep(1)
    assert one.connections == other.connections == connections + 1
    await one.close()
    await other.close()


async def test_a_port_that_does_not_open_leaves_nothing_behind(peer):
    with pytest.raises(PortError):
        await join("memory://nowhere", LINE, LineFramer, name=1)
    memory.serve("nowhere", peer)
    side = await join("memory://nowhere", LINE, LineFramer, name=1)
    await side.close()
    memory.withdraw("nowhere")


async def test_what_a_closed_side_had_queued_is_not_sent(port, peer):
    peer.mute.add(b"busy")
    one, other = await two(port)
    busy = asyncio.create_task(ask(other, b"busy", 0.3))
    await asyncio.sleep(0)
    queued = asyncio.create_task(ask(one, b"queued"))
    await asyncio.sleep(0)
    await one.close()
    assert (await asyncio.gather(queued, return_exceptions=True))[0].sent is False
    await asyncio.gather(busy, return_exceptions=True)
    await asyncio.sleep(1)
    assert b"queued" not in peer.lines
    await other.close()


async def test_what_the_protocol_wants_acknowledged_is_answered_at_once(port, peer):
    side = await join(port, LINE, LineFramer, name=1, respond=lambda frame: b"ack\n" if frame == b"event" else None)
    peer.mute.add(b"ack")
    peer.say(b"event\n")
    assert await ask(side, b"a") == b"a!"
    assert sorted(peer.lines) == [b"a", b"ack"]
    await side.close()
