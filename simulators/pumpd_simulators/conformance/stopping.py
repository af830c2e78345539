"""Rules for the stop: at any time, in every state, ahead of everything queued, and done only when nothing flows."""

import asyncio
from dataclasses import replace

from pumpd.pump import Done, LossOfControl, Refused
from pumpd_simulators.conformance.rig import Rig, on_rig
from pumpd_simulators.conformance.subject import Subject
from pumpd_simulators.faults import Fault

INSTANTS = 24
LEASE_S, ROUND_S, FIRST_S = 10, 0.5, 0.15  # of the deadman


class StoppingRules:
    subject: Subject

    @on_rig
    async def test_a_stop_of_a_pump_that_was_not_identified(self, rig: Rig) -> None:
        """Stopping is always allowed; a pump that must be identified first may leave it unknown, never refuse it."""
        outcome = await rig.call("stop")
        assert not isinstance(outcome, Refused), outcome
        await rig.recover("a stop before identify")

    @on_rig
    async def test_a_stop_of_a_stopped_pump(self, rig: Rig) -> None:
        await rig.identify()
        await rig.must("stop")
        await rig.must("load")
        await rig.must("stop")
        assert not rig.flows

    @on_rig
    async def test_a_stop_while_it_runs_is_done_at_no_flow_and_can_be_repeated(self, rig: Rig) -> None:
        await rig.run()
        await rig.watch(3)
        began, before = asyncio.get_running_loop().time(), rig.given_ml
        await rig.must("stop")
        assert not rig.flows, "the stop was done, but the pump flows"
        took = asyncio.get_running_loop().time() - began
        assert took <= self.subject.stop_within_s, f"the stop took {took:.2f} s"
        given, rate = rig.given_ml, float(self.subject.program.steps[0].rate.decimal)
        assert given - before <= 0.1 * rate / 90, "STP-08: at most 0.1 mL at 90 mL/h from the call to no flow"
        assert (await rig.read()).state.no_flow
        await rig.must("stop")
        await asyncio.sleep(30)
        assert rig.given_ml == given
        assert rig.starts == 1

    @on_rig
    async def test_the_deadman_s_frames_stop_the_pump_without_a_host(self, rig: Rig) -> None:
        """STP-09, with the host gone, at once and after the lease; no frames where no deadman is declared. The first
        frames stop a pump that needs nothing before (STP-11).
        """
        declared = LossOfControl.DEADMAN in rig.capabilities.loss_of_control
        await rig.run()
        stop = rig.driver.stop_frames
        assert (stop is not None) is declared, "stop_frames and the declared loss-of-control behaviour disagree"
        if stop is None:
            return
        for wait_s in (0, LEASE_S):
            await rig.must("stop")
            await rig.run()
            await rig.orphaned(wait_s)
            assert rig.flows or (wait_s > 0 and self._ends_by_itself(rig))
            if wait_s == 0:
                for frame in stop.frames[: 1 + int(FIRST_S / stop.gap_s)]:
                    rig.wire.pump.feed(frame)
                    await asyncio.sleep(stop.gap_s)
                assert not rig.flows, "the first frames did not stop it"
            for number in range(20):
                await rig.write_unheard(stop, ROUND_S)
                assert number == 0 or not rig.flows, f"after {number + 1} rounds the pump flows"
            given = rig.given_ml
            await asyncio.sleep(30)
            assert rig.given_ml == given
            await rig.adopted()

    def _ends_by_itself(self, rig: Rig) -> bool:
        """Whether a flow ends soon after its host is gone."""
        return LossOfControl.NATIVE in rig.capabilities.loss_of_control or self.subject.outlives_host_s is not None

    @on_rig
    async def test_two_stops_at_once(self, rig: Rig) -> None:
        await rig.run()
        outcomes = await asyncio.gather(rig.call("stop"), rig.call("stop"))
        assert any(isinstance(outcome, Done) for outcome in outcomes), outcomes
        assert not rig.flows
        await rig.recover("two stops at once")

    @on_rig
    async def test_a_stop_in_alarm(self, rig: Rig) -> None:
        faults = [text for alarm, text in self.subject.alarms.items() if alarm.stops_flow and not _needs_time(text)]
        assert faults, "the subject names no alarm that stops the flow at once: name one, or excuse it"
        await rig.run()
        rig.wire.pump.fire(replace(Fault.parse(faults[0]), unit=self.subject.unit))
        await asyncio.sleep(2)
        await rig.must("stop")
        assert not rig.flows

    @on_rig
    async def test_a_stop_overtakes_readings(self, rig: Rig) -> None:
        await rig.run()
        readings = [asyncio.create_task(rig.call("read")) for _ in range(20)]
        await asyncio.sleep(0.001)
        before = len(rig.wire.sent)
        await rig.must("stop")
        assert not rig.flows
        between = len(rig.wire.sent) - before
        await asyncio.gather(*readings)
        assert between <= 20, f"{between} packets left between the stop and its end"

    @on_rig
    async def test_a_stop_at_any_instant_of_load_and_start_leaves_the_pump_at_rest(self, rig: Rig) -> None:
        """STP-02: nothing that began before the stop continues after it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await rig.ready()
        await rig.must("start")
        whole = loop.time() - began
        await rig.must("stop")

        async def load_and_start() -> None:
            if isinstance(await rig.call("load"), Done):
                await rig.call("start")

        for instant in range(INSTANTS):
            before = rig.starts
            task = asyncio.create_task(load_and_start())
            await asyncio.sleep(whole * instant / (INSTANTS - 1))
            outcome = await rig.call("stop")
            at_return, flowed = rig.starts, rig.flows
            await task
            what = f"a stop after {instant} of {INSTANTS - 1} parts of load and start"
            assert isinstance(outcome, Done), f"{what}: {outcome}"
            assert not flowed, f"{what}: done, but the pump flows"
            assert rig.starts == at_return <= before + 1, f"{what}: a start was sent after it"
            await asyncio.sleep(1)
            assert not rig.flows, f"{what}: the pump flows after it"


def _needs_time(text: str) -> bool:
    return not text.startswith(("stall", "door"))
