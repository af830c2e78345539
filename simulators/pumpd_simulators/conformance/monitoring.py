"""Rules for a driver that only monitors: it sends nothing that can change a pump, and its readings are true.

A person runs the pump: `rate=ML_H` and `start` at its panel, with the rate of the subject's program.
"""

import asyncio
from typing import Any

from pumpd.pump import Done, Outcome, PumpState, Refused
from pumpd.wire import now_ns
from pumpd_simulators.conformance.bad_line import READ_AGAIN, TROUBLES, asked_four_times
from pumpd_simulators.conformance.identifying import IdentityRules
from pumpd_simulators.conformance.rig import CALM_S, Rig, on_rig
from pumpd_simulators.conformance.running import check_reading
from pumpd_simulators.conformance.wire import Trouble
from pumpd_simulators.faults import FACTS, Fault

COMMANDS = ("load", "read_back", "start", "stop", "release")
QUESTIONS = ("identify", "read")


def run_at_panel(rig: Rig) -> None:
    press = rig.wire.pump.press
    press("rate", rig.subject.program.steps[0].rate.number, rig.subject.unit)
    press("start", None, rig.subject.unit)
    assert rig.flows, "it was started at the panel, but nothing flows"


async def check(name: str, rig: Rig, outcome: Outcome[Any], true: Any, what: str, called_ns: int) -> None:
    if not isinstance(outcome, Done):
        return
    if name == "identify":
        assert outcome.value == true, f"{what}: identified as {outcome.value}, but it is {true}"
        return
    try:
        check_reading(rig, outcome.value, called_ns)
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error


async def one(rig: Rig, name: str, trouble: Trouble, number: int, foreign: bytes = b"") -> None:
    """A question with one damaged packet, and good ones after it."""
    what = f"{name}, packet {number}, {trouble}" + (f" {foreign!r}" if foreign else "")
    true, called_ns = await rig.identify(), now_ns()
    rig.wire.arm(trouble, number, foreign)
    outcome = await rig.call(name)
    if trouble is Trouble.UNPLUGGED and rig.wire.struck:
        await asyncio.sleep(CALM_S)
        await rig.replug()
    rig.wire.disarm()
    await check(name, rig, outcome, true, what, called_ns)
    if trouble in READ_AGAIN:
        assert isinstance(outcome, Done), f"{what}: a question can be repeated, but the outcome is {outcome}"
    await asyncio.sleep(CALM_S)
    for question in QUESTIONS:
        called_ns = now_ns()
        await check(question, rig, Done(await rig.must(question)), true, f"after {what} {question}", called_ns)
    assert rig.flows, f"{what}: the pump was stopped"


class MonitorRules(IdentityRules):
    def test_capabilities_are_pure_and_declare_monitoring_only(self) -> None:
        chosen = self.subject
        pump = chosen.family.capabilities(chosen.container, chosen.settings)
        assert pump == chosen.family.capabilities(chosen.container, dict(chosen.settings))
        assert pump.family == chosen.family.family
        assert chosen.family.models, "the family names no model"
        assert pump.monitor_only, "pumpd would plan infusions with it"
        assert chosen.family.monitor_only

    @on_rig
    async def test_every_command_is_refused_and_nothing_is_sent(self, rig: Rig) -> None:
        """Identified or not, stopped or flowing."""
        for flowing in (False, True):
            for identified in (False, True):
                if identified:
                    await rig.identify()
                before = len(rig.wire.sent)
                for name in COMMANDS:
                    outcome = await rig.call(name)
                    assert isinstance(outcome, Refused), f"{name}: {outcome}"
                    assert all(outcome.reasons), f"{name}: refused without a reason"
                assert rig.wire.sent[before:] == [], "something was sent"
            assert rig.flows is flowing
            if not flowing:
                run_at_panel(rig)

    @on_rig
    async def test_readings_are_true_steady_and_of_their_own_call(self, rig: Rig) -> None:
        last = await rig.read()
        assert not last.state.flowing
        run_at_panel(rig)
        for _ in range(20):
            await asyncio.sleep(self.subject.poll_s)
            called_ns = now_ns()
            reading = await rig.read()
            check_reading(rig, reading, called_ns)
            assert reading.alarms == ()
            assert reading.delivered >= last.delivered, "the delivered volume fell"
            last = reading

    @on_rig
    async def test_changes_at_the_panel_are_in_the_next_reading(self, rig: Rig) -> None:
        run_at_panel(rig)
        assert (await rig.read()).state is PumpState.INFUSING
        half = self.subject.program.steps[0].rate.decimal / 2
        rig.wire.pump.press("rate", format(half, "f"), self.subject.unit)
        assert (await rig.read()).rate.decimal == half
        rig.wire.pump.press("stop", None, self.subject.unit)
        assert not (await rig.read()).state.flowing

    @on_rig
    async def test_a_pump_that_lost_its_power_is_not_reported_as_infusing(self, rig: Rig) -> None:
        run_at_panel(rig)
        await rig.watch(3)
        rig.wire.pump.fire("power-cut/3s")
        came = None
        for _ in range(20):
            await asyncio.sleep(self.subject.poll_s)
            reading = await rig.poll()
            assert reading is None or not reading.state.flowing, "a pump without power is reported as flowing"
            came = reading or came
        assert came is not None, "the pump has its power back, but cannot be read"

    @on_rig
    async def test_a_question_is_repeated_three_times_and_readings_come_back(self, rig: Rig) -> None:
        """COM-06"""
        run_at_panel(rig)
        await rig.read()
        await asked_four_times(rig)
        await asyncio.sleep(60)
        called_ns = now_ns()
        check_reading(rig, await rig.read(), called_ns)

    @on_rig
    async def test_every_mapped_alarm_is_reported_while_its_cause_is_there(self, rig: Rig) -> None:
        """RUN-11. The pump itself latches and ends it: a monitored pump is never loaded or released."""
        assert self.subject.alarms, "the subject names no alarm: name those that the bench can provoke, or excuse it"
        for alarm, text in self.subject.alarms.items():
            fault, what = Fault.parse(text), f"{alarm} by {text}"
            run_at_panel(rig)
            assert (await rig.read()).alarms == ()
            rig.wire.pump.fire(fault)
            reported = False
            for _ in range(int(self.subject.alarm_within_s / self.subject.poll_s)):
                await asyncio.sleep(self.subject.poll_s)
                reading = await rig.read()
                assert alarm in reading.alarms or not reported, f"{what}: no longer reported"
                assert reading.state.flowing is rig.flows, f"{what}: {reading.state}, while the flow is {rig.flows}"
                reported = alarm in reading.alarms
            assert reported, f"{what}: not reported within {self.subject.alarm_within_s:g} s"
            if FACTS[fault.kind].lasts:
                rig.wire.pump.clear(fault.kind, self.subject.unit)
                run_at_panel(rig)
                assert alarm not in (await rig.read()).alarms, f"{what}: it is over, but still reported"

    @on_rig
    async def test_a_bad_line_while_monitoring(self, rig: Rig) -> None:
        run_at_panel(rig)
        for name in QUESTIONS:
            counts = await rig.exchanges(name)
            for trouble in (*TROUBLES, Trouble.UNPLUGGED):
                if trouble is Trouble.MISREAD and name in self.subject.unchecked:
                    continue
                for number in rig.packets(trouble, counts):
                    await one(rig, name, trouble, number)

    @on_rig
    async def test_a_reply_to_another_question_is_not_accepted(self, rig: Rig) -> None:
        """COM-14: each question is dropped, and the reply to another one comes instead."""
        run_at_panel(rig)
        for name in QUESTIONS:
            for number, request in await _questions(rig, name):
                for other in {reply for question, reply in rig.wire.replies if question != request}:
                    await one(rig, name, Trouble.FOREIGN, number, other)

    @on_rig
    async def test_a_reply_of_another_pump_on_the_line_is_not_accepted(self, rig: Rig) -> None:
        assert self.subject.other_pump is not None
        run_at_panel(rig)
        for name in QUESTIONS:
            for number, request in await _questions(rig, name):
                theirs = self.subject.other_pump(dict(rig.wire.replies)[request])
                await one(rig, name, Trouble.FOREIGN, number, theirs)


async def _questions(rig: Rig, name: str) -> list[tuple[int, bytes]]:
    """The call's requests that are answered, each with its place among all packets sent."""
    await rig.identify()
    before = len(rig.wire.sent)
    await rig.must(name)
    answered = {question for question, _ in rig.wire.replies}
    return [(number, request) for number, request in enumerate(rig.wire.sent[before:]) if request in answered]
