"""Rules for a bad line, tested at every exchange of every call (COM-02, COM-03, COM-06, COM-14).

Whatever happens to a packet: a call is done only when the pump did it, a start is sent once, only a start causes flow,
and when the trouble is over, the pump can be identified, read and stopped.
"""

import asyncio
from collections.abc import Callable

from pumpd.pump import Done, Outcome, Reading, Refused, Unknown
from pumpd.wire import now_ns
from pumpd_simulators.conformance.rig import CALM_S, Rig, on_rig
from pumpd_simulators.conformance.running import check_reading
from pumpd_simulators.conformance.subject import Subject
from pumpd_simulators.conformance.wire import Trouble

REPLACED = 4  # at most this many different foreign replies to one request
TROUBLES = (
    Trouble.LOST_REQUEST,
    Trouble.GARBLED_REQUEST,
    Trouble.LOST_REPLY,
    Trouble.LATE,
    Trouble.VERY_LATE,
    Trouble.DUPLICATED,
    Trouble.SPLIT,
    Trouble.GARBLED,
    Trouble.MISREAD,
)
READ_AGAIN = (Trouble.LOST_REQUEST, Trouble.GARBLED_REQUEST, Trouble.LOST_REPLY, Trouble.SPLIT, Trouble.DUPLICATED)


async def prepare(rig: Rig, name: str) -> None:
    """Bring the pump to the state before the call, on a good line."""
    await rig.identify()
    if name in ("read_back", "start", "read", "stop"):
        await rig.must("load")
    if name in ("read", "stop"):
        await rig.must("start")
        await asyncio.sleep(1)


async def check(rig: Rig, name: str, outcome: Outcome[object], what: str, called_ns: int) -> None:
    """Assert that the call may end with this outcome; `what` describes the call in a failure."""
    if isinstance(outcome, Refused):
        assert outcome.reasons, f"{what}: refused without a reason"
        assert name != "stop", f"{what}: a stop that was sent was refused: {outcome}"
    match name:
        case "load" if isinstance(outcome, Done):
            await asyncio.sleep(CALM_S)
            await rig.identify()
            held = await rig.call("read_back")
            assert held == Done(rig.subject.program), f"{what}: the load was done, but the pump holds {held}"
        case "read_back" if isinstance(outcome, Done):
            assert outcome.value == rig.subject.program, f"{what}: it read back {outcome.value}"
        case "read" if isinstance(outcome, Done):
            assert isinstance(outcome.value, Reading), f"{what}: it read {outcome.value}"
            try:
                check_reading(rig, outcome.value, called_ns)
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
        case "stop" if isinstance(outcome, Done):
            assert not rig.flows, f"{what}: the stop was done, but the pump flows"
        case "start":
            await asyncio.sleep(1)
            if isinstance(outcome, Done):
                assert rig.flows, f"{what}: the start was done, but nothing flows"
            if isinstance(outcome, Refused):
                await asyncio.sleep(CALM_S)
                assert not rig.flows, f"{what}: the start was refused ({outcome}), but the pump flows"
        case _:  # not done, or without effect at the pump
            pass


async def one(rig: Rig, name: str, trouble: Trouble, number: int, foreign: bytes = b"") -> None:
    """One call with one damaged packet, and the calls after it."""
    what = f"{name}, packet {number}, {trouble}" + (f" {foreign!r}" if foreign else "")
    try:
        await _one(rig, name, trouble, number, foreign, what)
    except Exception as error:
        error.add_note(f"During: {what}")
        raise


async def _one(rig: Rig, name: str, trouble: Trouble, number: int, foreign: bytes, what: str) -> None:
    await prepare(rig, name)
    starts, called_ns = rig.starts, now_ns()
    rig.wire.arm(trouble, number, foreign)
    outcome = await rig.call(name)
    sent = rig.starts - starts
    assert sent <= (name == "start"), f"{what}: {sent} starts were sent"
    assert rig.flows is False or rig.starts > 0, f"{what}: it flows without a start"
    if trouble is Trouble.UNPLUGGED:
        await _plugged_in_again(rig, what)
    await check(rig, name, outcome, what, called_ns)
    if name == "read" and trouble in READ_AGAIN:
        assert isinstance(outcome, Done), f"{what}: a question can be repeated, but the outcome is {outcome}"
    if trouble is Trouble.SPLIT:
        assert isinstance(outcome, Done), f"{what}: a reply in two pieces is a reply, but the outcome is {outcome}"
    if trouble is Trouble.LATE:  # it comes during the next call
        assert not isinstance(await rig.call("stop"), Done) or not rig.flows, f"{what}: a false stop followed"
    await rig.recover(what)
    assert rig.starts == starts + sent, f"{what}: a start was sent later"


async def _plugged_in_again(rig: Rig, what: str) -> None:
    if not rig.wire.struck:
        rig.wire.disarm()  # otherwise the keep-alive's next packet would pull it
        return
    await asyncio.sleep(CALM_S)
    starts = rig.starts
    await rig.replug()
    for name in ("load", "start"):
        outcome = await rig.call(name)
        assert isinstance(outcome, Refused), f"{what}: {name} before the pump was identified again: {outcome}"
    assert rig.starts == starts, f"{what}: a start was sent when the port came back"


async def every(rig: Rig, name: str, troubles: tuple[Trouble, ...]) -> None:
    """All troubles at all packets that the call exchanges on a good line."""
    await prepare(rig, name)
    counts = await rig.exchanges(name)
    await rig.recover("a clean call")
    for trouble in troubles:
        if trouble is Trouble.MISREAD and name in rig.subject.unchecked:
            continue
        for number in rig.packets(trouble, counts):
            await one(rig, name, trouble, number)


async def foreign(rig: Rig, name: str) -> None:
    """Each request is dropped, and a reply to another request comes instead."""
    await prepare(rig, name)
    if name != "start":  # before a start, only replies from before any flow are used
        await rig.must("read")
    before = len(rig.wire.sent)
    await rig.must(name)
    requests = rig.wire.sent[before:]
    replies = list(rig.wire.replies)
    await rig.recover("a clean call")
    for number, request in enumerate(requests):
        others = {reply: None for asked, reply in replies if asked and asked != request}
        true = {reply for asked, reply in replies if asked == request}
        chosen = [reply for reply in others if reply not in true]
        for reply in chosen[:: max(1, len(chosen) // REPLACED)]:
            await one(rig, name, Trouble.FOREIGN, number, reply)


async def from_another(rig: Rig, name: str, other_pump: Callable[[bytes], bytes]) -> None:
    """Each request is dropped, and its reply comes from another pump on the line."""
    await prepare(rig, name)
    before, heard = len(rig.wire.sent), len(rig.wire.replies)
    await rig.must(name)
    requests, answers = rig.wire.sent[before:], dict(rig.wire.replies[heard:])
    await rig.recover("a clean call")
    for number, request in enumerate(requests):
        if request in answers:
            await one(rig, name, Trouble.FOREIGN, number, other_pump(answers[request]))


async def asked_four_times(rig: Rig) -> None:
    before = len(rig.wire.sent)
    rig.wire.pump.fire("silence/1min")
    outcome = await rig.call("read")
    assert isinstance(outcome, Unknown), f"a silent pump was read: {outcome}"
    sent = rig.wire.sent[before:]
    asked = max(sent.count(packet) for packet in sent)
    assert asked == 4, f"a question was asked {asked} times: {sent}"


class BadLineRules:
    subject: Subject

    @on_rig
    async def test_a_bad_line_while_identifying(self, rig: Rig) -> None:
        true = await rig.identify()
        counts = await rig.exchanges("identify")
        for trouble in (*TROUBLES, Trouble.UNPLUGGED):
            if trouble is Trouble.MISREAD and "identify" in self.subject.unchecked:
                continue
            for number in rig.packets(trouble, counts):
                what = f"identify, packet {number}, {trouble}"
                rig.wire.arm(trouble, number)
                outcome = await rig.call("identify")
                assert not isinstance(outcome, Done) or outcome.value == true, f"{what}: {outcome}"
                assert trouble is not Trouble.SPLIT or isinstance(outcome, Done), f"{what}: {outcome}"
                if trouble is Trouble.UNPLUGGED:
                    await _plugged_in_again(rig, what)
                await rig.recover(what)
        assert not rig.starts

    @on_rig
    async def test_a_bad_line_while_loading(self, rig: Rig) -> None:
        await every(rig, "load", TROUBLES)

    @on_rig
    async def test_a_bad_line_while_reading_back(self, rig: Rig) -> None:
        await every(rig, "read_back", TROUBLES)

    @on_rig
    async def test_a_bad_line_while_starting(self, rig: Rig) -> None:
        await every(rig, "start", TROUBLES)

    @on_rig
    async def test_a_bad_line_while_reading(self, rig: Rig) -> None:
        await every(rig, "read", TROUBLES)

    @on_rig
    async def test_a_bad_line_while_stopping(self, rig: Rig) -> None:
        await every(rig, "stop", TROUBLES)

    @on_rig
    async def test_a_question_without_a_reply_is_repeated_three_times(self, rig: Rig) -> None:
        """COM-06: then the outcome is unknown."""
        await rig.identify()
        await asked_four_times(rig)

    @on_rig
    async def test_the_cable_is_pulled_at_any_exchange(self, rig: Rig) -> None:
        for name in ("load", "read_back", "start", "read", "stop"):
            await every(rig, name, (Trouble.UNPLUGGED,))

    @on_rig
    async def test_a_reply_of_another_pump_on_the_line_is_not_accepted(self, rig: Rig) -> None:
        assert self.subject.other_pump is not None
        for name in ("load", "read_back", "start", "read", "stop"):
            await from_another(rig, name, self.subject.other_pump)

    @on_rig
    async def test_a_reply_to_another_command_is_not_accepted_while_loading(self, rig: Rig) -> None:
        await foreign(rig, "load")

    @on_rig
    async def test_a_reply_to_another_command_is_not_accepted_while_reading_back(self, rig: Rig) -> None:
        await foreign(rig, "read_back")

    @on_rig
    async def test_a_reply_to_another_command_is_not_accepted_while_starting(self, rig: Rig) -> None:
        await foreign(rig, "start")

    @on_rig
    async def test_a_reply_to_another_command_is_not_accepted_while_reading(self, rig: Rig) -> None:
        await foreign(rig, "read")

    @on_rig
    async def test_a_reply_to_another_command_is_not_accepted_while_stopping(self, rig: Rig) -> None:
        await foreign(rig, "stop")
