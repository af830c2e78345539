"""Real pseudo-terminals and sockets: few and short, in real time."""

import asyncio
import os
import select
import time
from pathlib import Path

import pytest
import serial

from pumpd_simulators.bench import Bench
from pumpd_simulators.cables import outlet
from pumpd_simulators.port import PtyPort, TcpPort
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.realtime

VER = b"\x0200SNE1000V3.92\x03"


# -- pseudo-terminal -----------------------------------------------------------------------------------------------


def there(path: Path) -> bool:
    return os.path.lexists(path)


class Terminal:
    """A client on a terminal, which waits on the test's loop so that the pump on the same loop can answer."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    async def ask(self, data):
        os.write(self.fd, data)
        return await self.hear()

    async def hear(self):
        heard = b""
        async with asyncio.timeout(PATIENCE_S):
            while not heard.endswith(b"\x03"):
                await asyncio.sleep(0.002)
                if select.select([self.fd], [], [], 0)[0]:
                    heard += os.read(self.fd, 256)
        return heard

    def close(self):
        os.close(self.fd)


@pytest.fixture
async def pty(bench, tmp_path):
    opened = []

    async def make(**options):
        paced = options.pop("paced", False)
        pump = bench(**options).pump
        port = PtyPort(outlet(pump), tmp_path / "pump", paced=paced)
        await port.open()
        opened.append(port)
        return pump, tmp_path / "pump"

    yield make
    for port in opened:
        await port.close()
    assert not there(tmp_path / "pump"), "the link is gone at the end"


async def test_a_terminal_serves_one_client_after_another(pty):
    _, path = await pty()
    for expected in (b"\x0200A?R\x03", VER):
        client = Terminal(path)
        assert await client.ask(b"VER\r") == expected
        client.close()
        await asyncio.sleep(0.02)


async def test_a_terminal_serves_one_7e1_client_after_another(pty):
    """Fresenius racks speak 7E1, which a pseudo-terminal does not keep: infupy's second opening failed with EINVAL."""
    pump, path = await pty()
    heard = []
    pump.line._pump.feed = heard.append
    for number in (1, 2):
        with serial.Serial(str(path), 19200, bytesize=serial.SEVENBITS, parity=serial.PARITY_EVEN) as client:
            client.write(b"\x05")
            await until(lambda number=number: len(heard) >= number)
    assert heard == [b"\x05"] * 2


async def test_a_terminal_passes_every_byte_unchanged(pty):
    """0x03, 0x0D, 0x11 and others have a meaning to a terminal that is not raw."""
    pump, path = await pty()
    heard = []
    pump.line._pump.feed = heard.append
    client = Terminal(path)
    os.write(client.fd, bytes(range(256)))
    await until(lambda: len(b"".join(heard)) >= 256)
    client.close()
    assert b"".join(heard) == bytes(range(256))


async def test_bytes_take_the_time_of_the_baud_rate_both_ways(pty):
    """`VER` CR and 17 bytes of answer: 21 bytes of 10 bits at 19200 baud are 10.9 ms. No longer: see test_sim_pace."""
    _, path = await pty(paced=True)
    client = Terminal(path)
    await client.ask(b"\r")
    began = time.perf_counter()
    answer = await client.ask(b"VER\r")
    took = time.perf_counter() - began
    client.close()
    assert answer == VER
    assert took >= (4 + len(VER)) * 10 / 19200


async def test_a_pump_whose_bytes_are_longer_takes_longer(bench, tmp_path):
    """CR and the reset alarm's seven bytes, 11 bits each (8N2, 8E1) at 300 baud: 293 ms; of 10 bits, 267 ms."""
    pump = bench().pump
    pump.device.bits_a_byte = 11
    pump.device.memory.baud = 300
    port = PtyPort(outlet(pump), tmp_path / "pump")
    await port.open()
    client = Terminal(tmp_path / "pump")
    began = time.perf_counter()
    os.write(client.fd, b"\r")
    assert await client.hear() == b"\x0200A?R\x03"
    took = time.perf_counter() - began
    client.close()
    await port.close()
    assert took >= 8 * 11 / 300


async def test_a_stale_link_is_replaced_and_a_file_is_left_alone(bench, tmp_path):
    path = tmp_path / "pump"
    path.symlink_to("/dev/pts/nothing")
    port = PtyPort(outlet(bench().pump), path)
    await port.open()
    assert path.resolve().exists()
    await port.close()
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="left alone"):
        await PtyPort(outlet(bench().pump), path).open()
    assert path.read_text() == "precious"


async def test_the_link_of_a_running_simulator_is_left_alone(pty, bench, tmp_path):
    _, path = await pty()
    (tmp_path / "same").symlink_to(tmp_path)
    for other in (path, tmp_path / "same" / "pump"):
        with pytest.raises(FileExistsError, match="served by another pumpsim"):
            await PtyPort(outlet(bench().pump), other).open()
    client = Terminal(path)
    assert await client.ask(b"\r") == b"\x0200A?R\x03"
    client.close()


async def test_a_pulled_cable_disconnects_the_client_and_the_port_returns_under_the_same_name(pty):
    pump, path = await pty()
    client = Terminal(path)
    await client.ask(b"\r")
    pump.fire("disconnect/100ms")
    with pytest.raises(OSError, match="Input/output"):
        os.write(client.fd, b"\r")
    client.close()
    assert not there(path)
    await asyncio.sleep(0.15)
    client = Terminal(path)
    assert await client.ask(b"VER\r") == VER
    client.close()


async def test_opening_a_terminal_restarts_a_pump_that_its_adapter_resets(pty):
    pump, path = await pty(quirks=["dtr-reset=1s"])  # long enough to be seen on a busy machine
    await until(lambda: pump.device.powered)  # it restarted when the port appeared
    client = Terminal(path)
    await until(lambda: not pump.device.powered)
    await until(lambda: pump.device.powered)
    assert await client.ask(b"VER\r") == b"\x0200A?R\x03"
    assert await client.ask(b"VER\r") == VER
    client.close()
    client = Terminal(path)
    await until(lambda: not pump.device.powered)
    await until(lambda: pump.device.powered)
    assert await client.ask(b"VER\r") == b"\x0200A?R\x03"
    client.close()


async def test_swapped_terminals_come_back_with_the_other_pump(bench, tmp_path):
    pumps = {"one": bench(address=1).pump, "two": bench(address=2).pump}
    here = Bench(pumps, pumps["one"].clock)
    ports = [PtyPort(here.outlets[name], tmp_path / name, paced=False) for name in pumps]
    for port in ports:
        await port.open()
    first = Terminal(tmp_path / "one")
    assert await first.ask(b"1\r") == b"\x0201A?R\x03"
    here.swap("one", "two", away_s=0.1)
    with pytest.raises(OSError, match="Input/output"):
        os.write(first.fd, b"\r")
    first.close()
    assert not there(tmp_path / "one")
    assert not there(tmp_path / "two")
    await asyncio.sleep(0.15)
    second = Terminal(tmp_path / "one")
    assert await second.ask(b"2\r") == b"\x0202A?R\x03"
    second.close()
    for port in ports:
        await port.close()
    here.shut()


# -- TCP -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def tcp(bench):
    opened = []

    async def make():
        pump = bench().pump
        port = TcpPort(outlet(pump), "127.0.0.1", 0, paced=False)
        await port.open()
        opened.append(port)
        return pump, int(port.address.rpartition(":")[2])

    yield make
    for port in opened:
        await port.close()


async def asked(number, data):
    """The answer; None when the port rejects the client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    try:
        writer.write(data)
        return await reader.readuntil(b"\x03")
    except (ConnectionResetError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.close()


async def test_tcp_serves_one_client_at_a_time_and_one_after_another(tcp):
    _, number = await tcp()
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(b"\r")
    assert await reader.readuntil(b"\x03") == b"\x0200A?R\x03"
    second, other = await asyncio.open_connection("127.0.0.1", number)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await second.readexactly(1)
    other.close()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await asked(number, b"VER\r")) is None:
            pass  # the port has not noticed yet that the first one left
    assert answer == VER


async def test_a_pulled_cable_drops_the_tcp_client(tcp):
    pump, number = await tcp()
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(b"\r")
    await reader.readuntil(b"\x03")
    pump.fire("disconnect/50ms")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    await asyncio.sleep(0.06)
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(b"\r")
    assert await reader.readuntil(b"\x03") == b"\x0200S\x03"
    writer.close()
    await writer.wait_closed()
