"""Cables swapped, moved, doubled and pulled together, in memory: which pump a host at a port then speaks with."""

import asyncio

import pytest

from pumpd.wire import LineSettings, LinkLostError, PortError, memory
from pumpd_simulators.bench import Bench, simulate
from pumpd_simulators.cables import CableError
from pumpd_simulators.clock import LoopClock

LINE = LineSettings(19200)


class Client:
    """A host at a port in memory."""

    def __init__(self, port):
        self.heard, self.lost = b"", False
        self.transport = memory.connect(port, LINE, self.hear, self.lose)

    def hear(self, data):
        self.heard += data

    def lose(self, why):
        self.lost = True

    async def ask(self, text):
        self.heard = b""
        self.transport.write(text + b"\r")
        await asyncio.sleep(0.1)
        return self.heard


@pytest.fixture
async def bench():
    """Two NE-1000 that no reply tells apart, and one at address 7. Each has its own diameter, for the test."""
    pumps = {
        name: simulate("new-era", options={"diameter_mm": diameter, "address": address}, clock=LoopClock())
        for name, diameter, address in (("one", "11.11", 0), ("two", "22.22", 0), ("seven", "17.77", 7))
    }
    here = Bench(pumps, LoopClock())
    here.serve(memory.serve)
    yield here
    here.shut()
    for name, pump in pumps.items():
        memory.withdraw(name)
        pump.shut()


async def ready(port):
    client = Client(port)
    await client.ask(b"")  # the reset alarm
    return client


async def diameter(port):
    """Of the pump that answers at this port; empty without an answer."""
    client = await ready(port)
    answer = await client.ask(b"DIA")
    client.transport.close()
    return answer[4:-1]


async def test_swapped_ports_vanish_together_and_lead_to_the_other_pump(bench):
    one, two = await ready("one"), await ready("two")
    bench.swap("one", "two", away_s=0.4)
    assert (one.lost, two.lost) == (True, True)
    await asyncio.sleep(0.39)
    for port in ("one", "two"):
        with pytest.raises(PortError):
            Client(port)
    await asyncio.sleep(0.02)
    assert (await diameter("one"), await diameter("two")) == (b"22.22", b"11.11")
    assert (bench.pumps_at("one"), bench.ports_of("one")) == (("two",), ("two",))
    bench.swap("one", "two")
    assert (await diameter("one"), await diameter("two")) == (b"11.11", b"22.22")


async def test_the_truth_stays_with_its_pump(bench):
    one = await ready("one")
    for text in (b"RAT60MH", b"RUN"):
        await one.ask(text)
    bench.swap("one", "two")
    assert (bench.pumps["one"].truth()["running"], bench.pumps["two"].truth()["running"]) == (True, False)
    assert await (await ready("two")).ask(b"STP") == b"\x0200P\x03"
    assert bench.pumps["one"].truth()["running"] is False


async def test_a_pump_that_is_moved_leaves_its_port_empty(bench):
    bench.move("one", to="two")
    assert await diameter("two") == b"11.11"
    with pytest.raises(PortError):
        Client("one")
    bench.restore(away_s=1)
    await asyncio.sleep(1.01)
    assert (await diameter("one"), await diameter("two")) == (b"11.11", b"22.22")


async def test_a_cable_moved_at_the_pumps_end_is_not_seen(bench):
    one, two = await ready("one"), await ready("two")
    bench.swap("one", "two", away_s=0.4, seen=False)
    assert await one.ask(b"DIA") == b"", "nothing is plugged in"
    await asyncio.sleep(0.4)
    assert (one.lost, two.lost) == (False, False)
    assert (await one.ask(b"DIA"), await two.ask(b"DIA")) == (b"\x0200S22.22\x03", b"\x0200S11.11\x03")


async def test_two_ports_of_one_pump_both_hear_its_replies(bench):
    bench.double("one", "two")
    one, two = await ready("one"), Client("two")
    assert await one.ask(b"DIA") == two.heard == b"\x0200S11.11\x03"
    one.transport.close()
    assert await two.ask(b"DIA") == b"\x0200S11.11\x03", "one host leaves, the other one stays"
    assert await two.ask(b"VER") == b"\x0200SNE1000V3.92\x03"


async def test_two_pumps_on_one_line_both_answer(bench):
    bench.join("one", "seven")
    one = Client("one")
    await one.ask(b"")
    await one.ask(b"7")
    assert await one.ask(b"DIA") == b"\x0200S11.11\x03"
    assert await one.ask(b"7DIA") == b"\x0207S17.77\x03"
    bench.join("one", "two")
    one = await ready("one")
    assert await one.ask(b"DIA") == b"\x0200S11.11\x03\x0200S22.22\x03"


async def test_links_that_drop_together_come_back_together(bench):
    one, two, seven = await ready("one"), await ready("two"), await ready("seven")
    bench.pull("one", "two", away_s=2)
    assert (one.lost, two.lost, seven.lost) == (True, True, False)
    await asyncio.sleep(1)
    bench.swap("one", "two", away_s=2)  # while away: from now on
    await asyncio.sleep(1.5)
    with pytest.raises(PortError):
        Client("one")
    await asyncio.sleep(0.51)
    assert (await diameter("one"), await diameter("two")) == (b"22.22", b"11.11")


async def test_a_disconnect_pulls_the_cable_wherever_it_is(bench):
    bench.swap("one", "two")
    one, two = await ready("one"), await ready("two")
    bench.pumps["one"].fire("disconnect/1s")
    assert (one.lost, two.lost) == (False, True)
    with pytest.raises(LinkLostError):
        two.transport.write(b"\r")
    await asyncio.sleep(1.01)
    assert await diameter("two") == b"11.11"


@pytest.mark.parametrize(("fault", "found"), [("hub-reset/1s", "one"), ("hub-reset:swapped/1s", "two")])
async def test_a_hub_reset_takes_all_ports_away(bench, fault, found):
    clients = [await ready(port) for port in ("one", "two", "seven")]
    bench.pumps["two"].fire(fault)
    assert all(client.lost for client in clients)
    await asyncio.sleep(0.99)
    with pytest.raises(PortError):
        Client("two")
    await asyncio.sleep(0.02)
    assert bench.pumps_at("one") == (found,)
    assert (await (await ready("one")).ask(b"DIA"))[4:9] == {"one": b"11.11", "two": b"22.22"}[found]


@pytest.mark.parametrize(
    ("act", "names"),
    [
        (lambda bench: bench.swap("one", "three"), "'three'; known: one, two, seven"),
        (lambda bench: bench.move("one", to="one"), "one is one port"),
        (lambda bench: bench.pull("on", away_s=1), "'on'; known"),
    ],
)
async def test_a_port_that_is_not_there_is_refused_and_nothing_is_moved(bench, act, names):
    one = await ready("one")
    with pytest.raises(CableError, match=names):
        act(bench)
    assert not one.lost
