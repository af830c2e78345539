"""Rules for answers that nobody understands and for lines that return what is sent (COM-16).

A pump that answers is never told as silent: its bytes are in the outcome. The host's own words are never an answer. One
bad answer does not end a stop, and a start is not sent to a pump that holds something else than what was loaded.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from pumpd.pump import Done, Outcome, PumpProgram, Refused, Unknown
from pumpd.quantities import Volume
from pumpd.wire import escaped, now_ns
from pumpd_simulators.conformance.bad_line import TROUBLES, check, prepare
from pumpd_simulators.conformance.rig import Rig, on_rig
from pumpd_simulators.conformance.subject import Subject
from pumpd_simulators.conformance.wire import Echo, Trouble

COMPARED = 16  # last bytes of an answer, which a message must show
ECHO_TOLD = "returns what is sent"


def _parity(data: bytes) -> bytes:
    """7E1 read as 8N1: the eighth bit makes the number of ones even."""
    return bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in data)


CHANGES: Mapping[str, Callable[[bytes], bytes]] = {
    "a blank behind it": lambda data: data + b" ",
    "a blank before its last byte": lambda data: data[:-1] + b" " + data[-1:],
    "NUL after each CR, as Telnet sends it": lambda data: data.replace(b"\r", b"\r\0"),
    "parity bits in its bytes": _parity,
    "a NUL inside": lambda data: data[: len(data) // 2] + b"\0" + data[len(data) // 2 :],
}


def changes(subject: Subject) -> dict[str, Callable[[bytes], bytes]]:
    """What can become of every answer; the last only for a family that states it."""
    own = {} if subject.unreadable is None else {"good frames, but data that nobody understands": subject.unreadable}
    return {**CHANGES, **own}


def told(outcome: Outcome[object]) -> str:
    """What a person reads about a call that was not done; empty when it was."""
    match outcome:
        case Refused(reasons=reasons):
            return "; ".join(reasons)
        case Unknown(cause=cause):
            return cause
        case Done():
            return ""


def check_told(outcome: Outcome[object], answers: list[bytes], what: str) -> None:
    """The pump answered: the outcome must not say that it was silent, and shows an answer that was not understood."""
    text = told(outcome)
    if isinstance(outcome, Done) or not answers:
        return
    assert "no reply" not in text, f"{what}: the pump answered, but is told as silent: {text}"
    if "not understood" in text:
        shown = [answer for answer in answers if escaped(answer[-COMPARED:]) in text]
        assert shown, f"{what}: no answer is shown in {text!r}; they were {answers}"


async def changed(rig: Rig, name: str, how: str, change: Callable[[bytes], bytes]) -> None:
    """One call while every answer is changed."""
    what = f"{name} while each answer has {how}"
    await prepare(rig, name)
    starts, heard, called_ns = rig.starts, len(rig.wire.replies), now_ns()
    rig.wire.change = change
    outcome = await rig.call(name)
    rig.wire.change = None
    sent = rig.starts - starts
    assert sent <= (name == "start"), f"{what}: {sent} starts were sent"
    check_told(outcome, [change(reply) for _, reply in rig.wire.replies[heard:]], what)
    if name != "identify":
        await check(rig, name, outcome, what, called_ns)
    await rig.recover(what)
    assert rig.starts == starts + sent, f"{what}: a start was sent later"


class UnderstoodRules:
    """For a pump that is driven and for one that is only monitored."""

    subject: Subject

    @on_rig
    async def test_a_line_that_returns_nothing_but_what_is_sent_is_told_and_never_taken_for_a_pump(
        self, rig: Rig
    ) -> None:
        """TX and RX connected: at no pump, nothing is identified, read or stopped."""
        rig.wire.echo = Echo.ALONE
        for name in ("identify", "read") if self.subject.family.monitor_only else ("stop", "identify", "read", "stop"):
            outcome = await rig.call(name)
            assert not isinstance(outcome, Done), f"{name}: the host's own words were taken for an answer: {outcome}"
            assert ECHO_TOLD in told(outcome), f"{name}: the echo is not told: {outcome}"

    @on_rig
    async def test_an_answer_that_is_not_understood_is_never_told_as_silence(self, rig: Rig) -> None:
        true = await rig.identify()
        for how, change in changes(self.subject).items():
            for name in ("identify", "read"):
                what, heard = f"{name} while each answer has {how}", len(rig.wire.replies)
                rig.wire.change = change
                outcome = await rig.call(name)
                rig.wire.change = None
                check_told(outcome, [change(reply) for _, reply in rig.wire.replies[heard:]], what)
                if name == "identify" and isinstance(outcome, Done):
                    assert outcome.value == true, f"{what}: {outcome}"
                await asyncio.sleep(10)
            await rig.identify()
            await rig.read()


class AnswerRules(UnderstoodRules):
    @on_rig
    async def test_a_whole_infusion_on_a_line_that_returns_every_byte(self, rig: Rig) -> None:
        """The echo comes byte by byte before each answer."""
        rig.wire.echo = Echo.FIRST
        await rig.run()
        for reading in await rig.watch(5):
            assert reading.state.flowing
        await rig.must("stop")
        assert not rig.flows
        await rig.must("release")
        assert rig.starts == 1

    @on_rig
    async def test_a_load_whose_answers_are_not_understood(self, rig: Rig) -> None:
        for how, change in changes(self.subject).items():
            await changed(rig, "load", how, change)

    @on_rig
    async def test_a_start_whose_answers_are_not_understood(self, rig: Rig) -> None:
        for how, change in changes(self.subject).items():
            await changed(rig, "start", how, change)

    @on_rig
    async def test_a_stop_whose_answers_are_not_understood(self, rig: Rig) -> None:
        for how, change in changes(self.subject).items():
            await changed(rig, "stop", how, change)

    @on_rig
    async def test_one_bad_answer_does_not_end_a_stop(self, rig: Rig) -> None:
        """Whatever came instead: the stop is sent again within the same call, and confirmed."""
        await prepare(rig, "stop")
        counts = await rig.exchanges("stop")
        await rig.recover("a clean stop")
        for trouble in TROUBLES:
            if trouble is Trouble.MISREAD and "stop" in self.subject.unchecked:
                continue
            for number in rig.packets(trouble, counts):
                await self._bad_once(rig, f"stop, packet {number}, {trouble}", trouble, number)
        for how, change in changes(self.subject).items():
            for number in range(counts[1]):
                await self._bad_once(rig, f"stop, answer {number} has {how}", Trouble.CHANGED, number, change)

    async def _bad_once(
        self, rig: Rig, what: str, trouble: Trouble, number: int, change: Callable[[bytes], bytes] | None = None
    ) -> None:
        await prepare(rig, "stop")
        rig.wire.arm(trouble, number, change=change)
        outcome = await rig.call("stop")
        assert isinstance(outcome, Done), f"{what}: one bad answer ended the stop: {outcome}"
        assert not rig.flows, f"{what}: the stop was done, but the pump flows"
        await rig.recover(what)

    @on_rig
    async def test_nothing_is_started_while_the_pump_holds_something_else(self, rig: Rig) -> None:
        """`start` itself asks the pump; nobody has to compare before."""
        await rig.ready()
        (step, *others), diameter = self.subject.program.steps, self.subject.program.diameter
        half = Volume(rig.capabilities.volume_grid.floor(step.volume.decimal / 2))
        await rig.load_behind_its_back(PumpProgram((replace(step, volume=half), *others), diameter))
        outcome = await rig.call("start")
        assert isinstance(outcome, Refused), f"the pump holds half of what was loaded, and start was {outcome}"
        assert str(half) in told(outcome), f"the difference is not told: {outcome}"
        assert not rig.starts
        assert not rig.flows
