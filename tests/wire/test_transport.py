"""Ports: real pseudo-terminals and sockets in real time, the port in memory in virtual time."""

import asyncio
import errno
import os
import pty
import termios
import threading
import tty

import pytest

from pumpd.wire import LineSettings, LinkLostError, PortError, memory, open_transport, transport
from tests.patience import PATIENCE_S, until

LINE = LineSettings(19200)
REAL = [pytest.mark.realtime]


def ignore(*_):
    pass


class Inbox:
    def __init__(self):
        self.data, self.lost, self.event = b"", [], asyncio.Event()

    def on_bytes(self, data):
        self.data += data
        self.event.set()

    def on_lost(self, why):
        self.lost.append(why)
        self.event.set()

    async def wait(self):
        await asyncio.wait_for(self.event.wait(), PATIENCE_S)
        self.event.clear()


@pytest.fixture
def terminal():
    """(master, slave path); the slave is held open, as a simulator does."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    ends = {"master": master, "slave": slave}
    yield ends
    for end in ends.values():
        if end is not None:
            os.close(end)


def unplug(ends):
    os.close(ends["slave"])
    os.close(ends["master"])
    ends["slave"] = ends["master"] = None


class TestPseudoTerminal:
    pytestmark = REAL

    async def test_bytes_pass_both_ways_and_there_is_a_descriptor(self, terminal):
        inbox = Inbox()
        port = await open_transport(os.ttyname(terminal["slave"]), LINE, inbox.on_bytes, inbox.on_lost)
        try:
            port.write(b"0RUN\r")
            assert os.read(terminal["master"], 100) == b"0RUN\r"
            os.write(terminal["master"], b"\x0200I\x03")
            await inbox.wait()
            assert inbox.data == b"\x0200I\x03"
            os.write(port.fileno(), b"from a duplicate")
            assert os.read(terminal["master"], 100) == b"from a duplicate"
        finally:
            port.close()
        assert port.fileno() is None

    async def test_a_duplicate_of_the_descriptor_does_not_hold_a_released_port(self, terminal):
        path = os.ttyname(terminal["slave"])
        port = await open_transport(path, LINE, ignore, ignore)
        duplicate = os.dup(port.fileno())  # as a deadman has it
        port.close()
        (await open_transport(path, LINE, ignore, ignore)).close()
        os.close(duplicate)

    async def test_a_line_with_parity_opens_again(self, terminal):
        for _ in range(2):
            with_parity = LineSettings(19200, 7, "E", 1)
            (await open_transport(os.ttyname(terminal["slave"]), with_parity, ignore, ignore)).close()

    async def test_settings_that_the_port_does_not_accept_are_reported_at_once(self, terminal, monkeypatch):
        def refuse(*_):
            raise termios.error(errno.EINVAL, "Invalid argument")

        monkeypatch.setattr(termios, "tcsetattr", refuse)
        with pytest.raises(PortError, match="Invalid argument"):
            await open_transport(os.ttyname(terminal["slave"]), LINE, ignore, ignore, timeout_s=PATIENCE_S)

    async def test_a_write_to_an_unplugged_port_raises_at_once(self, terminal):
        inbox = Inbox()
        port = await open_transport(os.ttyname(terminal["slave"]), LINE, inbox.on_bytes, inbox.on_lost)
        unplug(terminal)
        with pytest.raises(LinkLostError) as lost:
            port.write(b"0STP\r")
        assert not lost.value.sent
        with pytest.raises(LinkLostError):
            port.write(b"0STP\r")

    async def test_an_unplugged_port_is_reported_without_a_write(self, terminal):
        inbox = Inbox()
        await open_transport(os.ttyname(terminal["slave"]), LINE, inbox.on_bytes, inbox.on_lost)
        unplug(terminal)
        await inbox.wait()
        assert len(inbox.lost) == 1

    @pytest.mark.requirement("SEC-09")
    async def test_a_second_open_is_refused_and_a_later_one_is_not(self, terminal):
        path = os.ttyname(terminal["slave"])
        first = await open_transport(path, LINE, ignore, ignore)
        with pytest.raises(PortError, match="this program has the port open already"):
            await open_transport(path, LINE, ignore, ignore)
        first.close()
        (await open_transport(path, LINE, ignore, ignore)).close()

    async def test_a_port_that_takes_no_bytes_keeps_their_order_and_has_a_bound(self, terminal):
        """The master is not read: the kernel's buffer fills, then ours, and then a write is refused."""
        port = await open_transport(os.ttyname(terminal["slave"]), LINE, ignore, ignore)
        os.set_blocking(terminal["master"], False)
        written = []

        def write(count):
            for _ in range(count):
                frame = b"%06d\r" % len(written)
                port.write(frame)
                written.append(frame)

        while not port._unsent:
            write(1)
        got = os.read(terminal["master"], 1024)  # the kernel has room again, and what waits here goes first
        write(100)
        with pytest.raises(LinkLostError, match="accepts no more") as full:
            write(10_000)
        assert not full.value.sent
        expected = b"".join(written)
        async with asyncio.timeout(PATIENCE_S):
            while len(got) < len(expected):
                try:
                    got += os.read(terminal["master"], 65536)
                except BlockingIOError:
                    await asyncio.sleep(0.001)
        port.close()
        assert got == expected

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("/dev/no-such-port", "there is no such port"),
            ("/dev/null", "not a serial port"),
            ("/tmp", "not a serial port"),
            ("ftp://x", "is not known"),
            ("tcp://127.0.0.1", "host and a port number"),
        ],
    )
    async def test_an_unavailable_port_gives_its_reason(self, path, why):
        with pytest.raises(PortError, match=why) as refused:
            await open_transport(path, LINE, ignore, ignore)
        assert path in str(refused.value)

    async def test_an_open_that_hangs_ends_in_time_and_a_late_port_is_given_back(self, terminal, monkeypatch):
        opened, free = [], threading.Event()
        real = transport.serial.Serial

        def hangs(*arguments, **options):
            assert free.wait(PATIENCE_S), "the open was waited for"
            opened.append(real(*arguments, **options))
            return opened[0]

        monkeypatch.setattr(transport.serial, "Serial", hangs)
        with pytest.raises(PortError, match="did not open within"):
            await open_transport(os.ttyname(terminal["slave"]), LINE, ignore, ignore, timeout_s=0.1)
        assert opened == []
        free.set()
        await until(lambda: opened and not opened[0].is_open)


class TestSocket:
    pytestmark = REAL

    @pytest.mark.parametrize("scheme", ["tcp", "socket"])
    async def test_bytes_pass_both_ways_and_the_end_is_reported(self, scheme):
        clients = []

        async def serve(reader, writer):
            clients.append(writer)
            writer.write(b"got " + await reader.readexactly(5))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        number = server.sockets[0].getsockname()[1]
        inbox = Inbox()
        port = await open_transport(f"{scheme}://127.0.0.1:{number}", LINE, inbox.on_bytes, inbox.on_lost)
        port.write(b"0RUN\r")
        await inbox.wait()
        assert inbox.data == b"got 0RUN\r"
        clients[0].close()
        await inbox.wait()
        assert len(inbox.lost) == 1
        with pytest.raises(LinkLostError):
            port.write(b"0STP\r")
        server.close()
        with pytest.raises(PortError, match=os.strerror(errno.ECONNREFUSED).lower()):
            await open_transport(f"{scheme}://127.0.0.1:{number}", LINE, ignore, ignore)


class Echo:
    def __init__(self):
        self.heard, self.attached, self.send = [], False, None

    def attach(self, send):
        self.send, self.attached = send, True

    def detach(self):
        self.attached = False

    def feed(self, data):
        self.heard.append((asyncio.get_running_loop().time(), data))


class TestMemory:
    @pytest.fixture
    def peer(self):
        peer = Echo()
        memory.serve("echo", peer)
        yield peer
        memory.withdraw("echo")

    async def test_bytes_take_the_time_of_the_line_one_after_the_other(self, peer):
        inbox = Inbox()
        port = await open_transport("memory://echo", LineSettings(300), inbox.on_bytes, inbox.on_lost)
        port.write(b"x" * 30)  # a second at 300 baud
        port.write(b"y" * 60)
        await asyncio.sleep(10)
        assert peer.heard == [(pytest.approx(1.0), b"x" * 30), (pytest.approx(3.0), b"y" * 60)]
        peer.send(b"z" * 30)
        await asyncio.sleep(0.99)
        assert inbox.data == b""
        await asyncio.sleep(0.02)
        assert inbox.data == b"z" * 30
        port.close()
        assert not peer.attached

    async def test_what_was_on_its_way_when_the_cable_came_out_is_lost(self, peer):
        inbox = Inbox()
        port = await open_transport("memory://echo", LINE, inbox.on_bytes, inbox.on_lost)
        port.write(b"0RUN\r")
        peer.send(b"late")
        memory.unplug("echo")
        await asyncio.sleep(1)
        assert (peer.heard, inbox.data, len(inbox.lost)) == ([], b"", 1)
        with pytest.raises(LinkLostError):
            port.write(b"x")
        with pytest.raises(PortError, match="no such port"):
            await open_transport("memory://echo", LINE, ignore, ignore)
        memory.plug("echo")
        (await open_transport("memory://echo", LINE, ignore, ignore)).close()

    async def test_a_name_is_served_once(self, peer):
        with pytest.raises(ValueError, match="already served"):
            memory.serve("echo", Echo())


def test_line_time_counts_start_parity_and_stop_bits():
    assert LineSettings(19200).time_for(1920) == pytest.approx(1.0)
    assert LineSettings(1200, parity="E", stopbits=2).time_for(100) == pytest.approx(1.0)
