"""What the quirks of adapters and lines do to the bytes between a host and a simulated New Era pump."""

import asyncio

import pytest

from pumpd_simulators.faults import QUIRKS, Fault, FaultError

RESET = b"\x0200A?R\x03"
VER = b"\x0200SNE1000V3.92\x03"


@pytest.fixture
def line(bench):
    """A host at a pump with these quirks, past the power-up alarm, and what it hears of a question within a second."""

    async def make(*quirks):
        host = bench(quirks=quirks)
        host.raw(b"\r")
        await asyncio.sleep(1)

        async def ask(data=b"VER\r", within_s=1.0):
            host.heard.clear()
            host.pump.feed(data)
            await asyncio.sleep(within_s)
            return b"".join(host.heard)

        return host, ask

    return make


async def test_echo_comes_before_the_reply(line):
    _, ask = await line("echo")
    assert await ask() == b"VER\r" + VER


async def test_a_shorted_line_carries_only_the_hosts_own_bytes(line):
    host, ask = await line("shorted")
    assert await ask(b"BUZ1\r") == b"BUZ1\r"
    host.pump.clear(Fault.quirk("shorted").kind)
    assert await ask(b"BUZ\r") == RESET, "the pump has heard nothing since power-up"


async def test_the_latency_timer_passes_bytes_on_after_16_ms_in_one_piece(line):
    host, ask = await line("latency=16ms")
    assert await ask(within_s=0.0159) == b""
    await asyncio.sleep(0.0002)
    assert host.heard == [VER]
    assert await ask(b"VER\rVER\r") == VER * 2
    assert len(host.heard) == 1


async def test_62_bytes_do_not_wait_for_the_latency_timer(line):
    _, ask = await line("latency=16ms")
    assert await ask(b"VER\r" * 4, 0) == VER * 4, "64 bytes and more"


async def test_opening_the_port_restarts_the_pump(line):
    host, ask = await line("dtr-reset=2s")
    host.pump.detach()
    host.pump.attach(host.heard.append)
    assert host.pump.device.powered is False
    assert await ask(within_s=1.9) == b""
    await asyncio.sleep(0.2)
    assert await ask() == RESET


async def test_xon_and_xoff_are_swallowed_both_ways(bench):
    host = bench(quirks=["xon-xoff"])
    heard = []
    host.pump.device.feed = heard.append
    host.pump.feed(b"\x10\x11\x12\x13\x14")
    assert heard == [b"\x10\x12\x14"]
    host.pump.line._from_pump(b"\x11a\x13")
    assert host.heard == [b"a"]


async def test_bit_7_is_even_parity(line):
    _, ask = await line("parity")
    answer = await ask()
    assert bytes(byte & 0x7F for byte in answer) == VER
    assert all(byte.bit_count() % 2 == 0 for byte in answer)


async def test_bytes_come_one_at_a_time(line):
    host, ask = await line("split-reply=5ms")
    assert await ask() == VER
    assert [len(piece) for piece in host.heard] == [1] * len(VER)
    await ask(within_s=0.0051)
    assert len(host.heard) == 2


@pytest.mark.parametrize(
    ("quirk", "answers"),
    [
        ("nul", [b"\0" + VER] * 2),
        ("nul=each", [b"\0" + VER] * 2),
        ("nul=first", [VER, VER]),  # the first was the power-up alarm
        ("nul=inside", [VER[:8] + b"\0" + VER[8:]] * 2),
        ("lost-request", [RESET, VER]),
    ],
)
async def test_nul_bytes_and_a_lost_command(line, quirk, answers):
    _, ask = await line(quirk)
    assert [await ask(), await ask()] == answers


async def test_a_nul_comes_before_the_first_reply_and_the_first_command_of_each_opening(bench):
    first, command = bench(quirks=["nul=first"]), bench(quirks=["nul=command"])
    for _ in range(2):
        assert [first.raw(b"\r"), first.raw(b"\r")] == [b"\0" + RESET, b"\x0200S\x03"]
        first.pump.power(on=False)
        first.pump.power(on=True)
        first.pump.detach()
        first.pump.attach(first.heard.append)
    fed = []
    command.pump.device.feed = fed.append
    for data in (b"a", b"b"):
        command.pump.feed(data)
    assert fed == [b"\0a", b"b"]


async def test_a_nul_follows_every_cr(bench):
    host = bench(quirks=["cr-nul"])
    host.pump.line._from_pump(b"a\r\nb\r")
    assert host.heard == [b"a\r\0\nb\r\0"]


async def test_a_second_reader_takes_bytes_of_some_replies(line):
    _, ask = await line("second-reader=30%")
    answers = [await ask() for _ in range(300)]
    whole = sum(answer == VER for answer in answers)
    assert 180 <= whole <= 240, "70 % of 300, within four standard deviations"
    assert all(VER.endswith(answer) for answer in answers)
    _, ask = await line("second-reader=0%")
    assert [await ask() for _ in range(20)] == [VER] * 20


async def test_a_quirk_stays_and_is_a_fault_with_a_time_too(bench):
    host = bench(quirks=["echo"])
    await asyncio.sleep(100_000)
    assert host.raw(b"\r") == b"\r" + RESET
    assert host.pump.truth()["faults"] == ["echo"]
    other = bench()
    other.pump.fire("echo/1s")
    assert other.raw(b"\r") == b"\r" + RESET
    await asyncio.sleep(1.1)
    assert other.raw(b"\r") == b"\x0200S\x03"


async def test_a_hung_pumps_adapter_echoes(bench):
    host = bench(quirks=["echo"])
    host.pump.fire("hang")
    assert host.raw(b"VER\r") == b"VER\r"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("echoe", "'echoe' is not known, did you mean echo"),
        ("stall", "'stall' is not known"),
        ("latency=fast", "'fast' is not a time"),
        ("nul=twice", "takes one of each, first, inside, command"),
        ("second-reader=some", "number of %"),
        ("echo=1s", "takes no detail"),
    ],
)
def test_what_is_not_a_quirk_is_refused_with_what_is(text, names):
    with pytest.raises(FaultError, match=names):
        Fault.quirk(text)


@pytest.mark.parametrize("kind", QUIRKS)
def test_a_quirk_is_written_as_a_fault(kind):
    assert str(Fault.quirk(kind)) == kind
