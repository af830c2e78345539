"""Rules for the pace of a stop (STP-11): it waits for no lost, late or damaged reply, and is sent again until answered.

The bounds are of the pump's own line: its longest healthy answer, as this driver has just had it.
"""

import asyncio
import gc
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from pumpd.pump import Done, Refused
from pumpd_simulators.conformance.bad_line import prepare
from pumpd_simulators.conformance.rig import Rig, on_rig
from pumpd_simulators.conformance.subject import Subject
from pumpd_simulators.conformance.wire import Trouble

PATIENCE = 1.5  # times the longest healthy answer
AGAIN_S, FIRST_S = 0.15, 1.0
ALIKE_S = 1e-6  # instants
HEALTHY_READS, APART_S = 10, 0.3
LATE_S = 0.4

TROUBLES = (Trouble.LOST_REPLY, Trouble.LATE, Trouble.GARBLED)


@dataclass
class Sent:
    """What left the host, by the instant of its first byte, and what the answers took."""

    packets: list[tuple[float, bytes]] = field(default_factory=list)
    heard_at: dict[int, float] = field(default_factory=dict)  # the last byte after the packet of this number

    def __call__(self, direction: str, data: bytes, at_ns: int) -> None:
        if direction == "out":
            self.packets.append((at_ns / 1e9, data))
        elif self.packets:
            self.heard_at[len(self.packets) - 1] = at_ns / 1e9

    @property
    def longest_answer_s(self) -> float:
        return max(at - self.packets[number][0] for number, at in self.heard_at.items())

    def between(self, since: float, until: float) -> list[tuple[float, bytes]]:
        return [packet for packet in self.packets if since - ALIKE_S <= packet[0] < until - ALIKE_S]


class StopPaceRules:
    subject: Subject

    @on_rig
    async def test_a_stop_while_the_reply_before_it_is_lost_late_or_garbled(self, rig: Rig) -> None:
        await prepare(rig, "stop")
        counts = await rig.exchanges("read")
        is_stop = await self._stop_packet(rig)
        for trouble in TROUBLES:
            for number in rig.packets(trouble, counts):
                what = f"a stop while packet {number} of a reading is a {trouble}"
                await prepare(rig, "stop")
                healthy_s = await _longest_answer_s(rig)
                rig.wire.arm(trouble, number)
                reading = asyncio.create_task(rig.call("read"))
                await rig.until(lambda: rig.wire.struck, 2, 0.001)
                if not rig.wire.struck:
                    assert number, f"{what}: it never came"
                    await reading  # it had fewer packets
                    await rig.recover(what)
                    continue
                sent, called, outcome = await _stopped(rig)
                await reading
                first = next(at for at, packet in sent.packets if is_stop(packet))
                assert first - called <= PATIENCE * healthy_s + ALIKE_S, (
                    f"{what}: it left after {first - called:.3f} s; the longest healthy answer took {healthy_s:.3f} s"
                )
                assert isinstance(outcome, Done), f"{what}: {outcome}"
                assert not rig.flows, f"{what}: done, but the pump flows"
                await rig.recover(what)

    @on_rig
    async def test_a_stop_that_is_not_answered_is_sent_again_with_nothing_between(self, rig: Rig) -> None:
        """For its first second. After an answer, a question may follow each stop."""
        await prepare(rig, "stop")
        is_stop = await self._stop_packet(rig)
        for what in ("silent", "late", "garbled"):
            await prepare(rig, "stop")
            healthy_s = await _longest_answer_s(rig)
            if what == "garbled":
                rig.wire.change = _garbled
            else:
                fault = "silence" if what == "silent" else f"delayed-reply:{LATE_S * 1e3:g}ms"
                rig.wire.pump.fire(f"{fault}/{FIRST_S:g}s")
            sent, called, _ = await _stopped(rig)
            over = min(called + FIRST_S, asyncio.get_running_loop().time())
            rig.wire.change = None
            acknowledges = self.subject.is_acknowledgement or (lambda _: False)
            packets = [packet for packet in sent.between(called, over) if not acknowledges(packet[1])]
            stops = [at for at, packet in packets if is_stop(packet)]
            assert stops[0] - called <= PATIENCE * healthy_s + ALIKE_S, f"{what}: the first left after {stops[0]}"
            longest = max(later - earlier for earlier, later in itertools.pairwise([*stops, over]))
            assert longest <= AGAIN_S, f"{what}: no stop was sent for {longest:.3f} s: {packets}"
            between = [packet for _, packet in packets if not is_stop(packet)]
            assert what == "late" or not between, f"{what}: between the stops were {between}"
            await asyncio.sleep(2)
            await rig.recover(what)

    @on_rig
    async def test_readings_in_a_plain_loop_let_a_stop_out(self, rig: Rig) -> None:
        """Each is refused while a stop is under way, and lets others run."""
        await prepare(rig, "stop")
        rig.wire.pump.fire("silence/2s")
        stop = asyncio.create_task(rig.call("stop"))
        await asyncio.sleep(0)
        turns: list[int] = []
        for number in range(5):
            asyncio.get_running_loop().call_soon(turns.append, number)
            outcome = await rig.call("read")
            assert isinstance(outcome, Refused), f"a reading while a stop is under way: {outcome}"
            assert turns == list(range(number + 1)), "a refused reading kept everything else waiting"
        await stop
        await rig.recover("silence")

    @on_rig
    async def test_silence_leaves_no_error_that_nobody_sees(self, rig: Rig) -> None:
        """Neither in what was asked nor in what the driver asks by itself."""
        unseen: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(str(context)))
        for name in ("identify", "load", "read_back", "start", "read", "stop", "release"):
            await prepare(rig, "stop" if name in ("read", "stop") else name)
            rig.wire.pump.fire("silence/8s")
            calls = [asyncio.create_task(rig.call(each)) for each in (name, "read", name, "stop")]
            await asyncio.sleep(0.3)
            calls[2].cancel()
            await asyncio.wait(calls)
            await asyncio.sleep(8)
            del calls
            await rig.recover(f"silence during {name}")
        gc.collect()
        assert not unseen, unseen

    async def _stop_packet(self, rig: Rig) -> Callable[[bytes], bool]:
        """Recognises the packet that stops: the first of a stop on a quiet line, unless the subject knows better."""
        sent, _, _ = await _stopped(rig)
        first = sent.packets[0][1]
        return self.subject.is_stop or (lambda packet: packet == first)


async def _stopped(rig: Rig) -> tuple[Sent, float, object]:
    """One stop: what left, when it was called, and its outcome."""
    sent = Sent()
    rig.driver.taps.append(sent)
    called = asyncio.get_running_loop().time()
    outcome = await rig.call("stop")
    rig.driver.taps.remove(sent)
    return sent, called, outcome


async def _longest_answer_s(rig: Rig) -> float:
    sent = Sent()
    rig.driver.taps.append(sent)
    for _ in range(HEALTHY_READS):
        await rig.read()
        await asyncio.sleep(APART_S)  # what the driver asks by itself is among the answers
    rig.driver.taps.remove(sent)
    return sent.longest_answer_s


def _garbled(data: bytes) -> bytes:
    """A byte that text never contains, in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x80]) + data[middle + 1 :]
