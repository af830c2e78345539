"""Rules for a flowing pump: readings are true, programs end, and events at the bench are reported."""

import asyncio
from dataclasses import replace

import pytest

from pumpd.pump import Done, PumpAlarm, PumpState, Reading
from pumpd.wire import now_ns
from pumpd_simulators.conformance.rig import Rig, on_rig
from pumpd_simulators.conformance.subject import Subject
from pumpd_simulators.faults import FACTS, Fault, Kind

VOLUME_ERROR = 0.02  # of the delivered volume
AFTER_END_S = 60.0
LATCHED_POLLS = 5
_GOES_AWAY = (Kind.OCCLUSION, Kind.STALL, Kind.POWER_CUT, Kind.SILENCE, Kind.DOOR)  # once cleared at the bench


def check_reading(rig: Rig, reading: Reading, called_ns: int) -> None:
    """Assert that the reading is of this call and reports the plant's true state."""
    assert called_ns <= reading.asked_ns <= reading.answered_ns <= now_ns(), "a reading's instants are not in its call"
    given, step = rig.given_ml, float(rig.capabilities.counter_step.decimal)
    slack = step + VOLUME_ERROR * given + rig.subject.volume_slack_ml
    reported = float(reading.delivered.decimal)
    assert abs(reported - given) <= slack, f"the reading has {reading.delivered}, but {given:.3f} mL were delivered"
    if rig.flows:
        rate = rig.subject.program.rate_at(reading.delivered)
        assert reading.rate == rate, f"the reading has {reading.rate}, not {rate}"
        assert reading.state is PumpState.INFUSING, f"the reading has {reading.state}, but the pump infuses"


class RunningRules:
    subject: Subject

    @on_rig
    async def test_a_start_flows_and_is_sent_once(self, rig: Rig) -> None:
        await rig.ready()
        assert not rig.flows
        early = rig.starts
        assert not early, "a start was sent before any was requested; or `is_start` matches other packets"
        await rig.run()
        assert rig.starts == 1
        assert (await rig.read()).state is PumpState.INFUSING
        truth, programmed = rig.plant.truth().rate_ml_h, float(self.subject.program.steps[0].rate.decimal)
        assert truth == pytest.approx(programmed, rel=self.subject.rate_slack)

    @on_rig
    async def test_readings_are_true_steady_and_of_their_own_call(self, rig: Rig) -> None:
        await rig.run()
        last = None
        for _ in range(20):
            await asyncio.sleep(self.subject.poll_s)
            called_ns = now_ns()
            reading = await rig.read()
            check_reading(rig, reading, called_ns)
            assert reading.alarms == ()
            assert last is None or reading.delivered >= last.delivered, "the delivered volume fell"
            last = reading
        assert rig.starts == 1

    @on_rig
    async def test_a_program_ends_by_itself_at_its_volume(self, rig: Rig) -> None:
        await rig.run()
        program = self.subject.program
        for _ in range(int(float(program.duration.decimal) / self.subject.poll_s) + 10):
            await asyncio.sleep(self.subject.poll_s)
            called_ns = now_ns()
            reading = await rig.read()
            check_reading(rig, reading, called_ns)
            if not reading.state.flowing:
                break
        assert not rig.flows, "the program's time is over, but the pump flows"
        assert rig.given_ml == pytest.approx(float(program.vtbi.decimal), rel=0.01)
        given = rig.given_ml
        for reading in await rig.watch(AFTER_END_S):
            assert reading.state.no_flow
        assert rig.given_ml == given, "more came after the end"
        await rig.must("stop")
        await rig.must("release")
        assert rig.starts == 1

    @on_rig
    async def test_delivered_counts_from_the_load(self, rig: Rig) -> None:
        await rig.run()
        await rig.watch(10)
        await rig.must("stop")
        await rig.must("load")
        called_ns = now_ns()
        check_reading(rig, await rig.read(), called_ns)

    @on_rig
    async def test_a_running_pump_is_not_programmed_and_not_started_again(self, rig: Rig) -> None:
        await rig.run()
        for name in ("load", "start"):
            outcome = await rig.call(name)
            assert type(outcome).__name__ != "Done", f"{name} of a running pump: {outcome}"
        reading = await rig.read()
        assert rig.flows
        assert reading.rate == self.subject.program.rate_at(reading.delivered), "a running pump was programmed"

    @on_rig
    async def test_a_rate_changed_at_the_panel_is_in_the_next_reading(self, rig: Rig) -> None:
        await rig.run()
        await rig.read()
        rig.wire.pump.press("rate", "50%", self.subject.unit)
        reading = await rig.read()
        truth = rig.plant.truth().rate_ml_h
        assert truth < 0.6 * float(self.subject.program.steps[0].rate.decimal), "the panel did not change the flow"
        assert float(reading.rate.decimal) == pytest.approx(truth, rel=0.02), "the reading keeps the programmed rate"

    @on_rig
    async def test_a_stop_at_the_panel_is_in_the_next_reading(self, rig: Rig) -> None:
        await rig.run()
        rig.wire.pump.press("stop", None, self.subject.unit)
        assert not rig.flows
        assert (await rig.read()).state.no_flow
        await rig.watch(10)
        assert not rig.flows, "it started again by itself"
        assert rig.starts == 1

    @on_rig
    async def test_a_pump_that_lost_its_power_is_not_reported_as_infusing(self, rig: Rig) -> None:
        """Nor is it started again; and it has an alarm, or is stopped."""
        await rig.run()
        await rig.watch(3)
        rig.wire.pump.fire("power-cut/3s")
        given = rig.given_ml
        came = None
        for _ in range(20):
            await asyncio.sleep(self.subject.poll_s)
            reading = await rig.poll()
            assert reading is None or not reading.state.flowing, "a pump without power is reported as flowing"
            came = reading or came
        assert came is not None, "the pump has its power back, but cannot be read"
        assert came.alarms or came.state in (PumpState.STOPPED, PumpState.PAUSED, PumpState.ALARM)
        assert rig.given_ml == pytest.approx(given, abs=1e-6)
        assert rig.starts == 1
        await rig.recover("a power cut")

    @on_rig
    async def test_the_pump_s_own_watchdog_ends_a_flow_that_is_not_polled(self, rig: Rig) -> None:
        """COM-13: the gateway hangs. Nothing polls the pump any more; the driver's own keep-alive must end too."""
        assert self.subject.watchdog_s is not None
        await rig.run()
        await rig.read()
        within = self.subject.watchdog_s + self.subject.watchdog_slack_s
        assert await rig.until(lambda: not rig.flows, within), f"it still flows after {within:g} s"
        reading = await rig.poll()
        assert reading is not None
        assert PumpAlarm.PUMP_WATCHDOG in reading.alarms, f"the reading does not report why the pump stopped: {reading}"
        await rig.watch(5)
        assert not rig.flows, "it continued when the gateway came back"

    @on_rig
    async def test_the_pump_s_own_watchdog_ends_a_flow_after_the_driver_was_closed(self, rig: Rig) -> None:
        """The process died."""
        assert self.subject.watchdog_s is not None
        await rig.run()
        await rig.driver.close()
        within = self.subject.watchdog_s + self.subject.watchdog_slack_s
        assert await rig.until(lambda: not rig.flows, within), f"it still flows after {within:g} s"

    @on_rig
    async def test_a_flow_without_its_host_ends_as_declared(self, rig: Rig) -> None:
        """COM-13: the process died. No watchdog of the pump ends the flow, but the pump was given only a part of it."""
        assert self.subject.outlives_host_s is not None
        await rig.run()
        await rig.driver.close()
        within = self.subject.outlives_host_s
        assert await rig.until(lambda: not rig.flows, within), f"it still flows after {within:g} s"
        given = rig.given_ml
        await asyncio.sleep(AFTER_END_S)
        assert rig.given_ml == given, "it began to flow again"

    @on_rig
    async def test_readings_keep_the_watchdog_from_acting(self, rig: Rig) -> None:
        await rig.run()
        for reading in await rig.watch(2.5 * (self.subject.watchdog_s or 10)):
            assert reading.alarms == ()
        assert rig.flows

    def test_every_mapped_alarm_is_reported_and_stays(self) -> None:
        """RUN-11: reported as it is, latched although its cause is gone, over when the next program runs."""
        assert self.subject.alarms, "the subject names no alarm: name those that the bench can provoke, or excuse it"
        for alarm, fault in self.subject.alarms.items():
            _Alarmed(self.subject, alarm, Fault.parse(fault)).check()


class _Alarmed:
    """One alarm on its own rig."""

    def __init__(self, subject: Subject, alarm: PumpAlarm, fault: Fault) -> None:
        self.subject, self.alarm, self.fault = subject, alarm, replace(fault, unit=subject.unit)

    @on_rig
    async def check(self, rig: Rig) -> None:
        what = f"{self.alarm} by {self.fault}"
        await rig.run()
        await rig.watch(2)
        rig.wire.pump.fire(self.fault)
        reading = await self._until_reported(rig)
        assert reading is not None, f"{what}: not reported within {self.subject.alarm_within_s:g} s"
        self._check_state(rig, reading, what)
        if FACTS[self.fault.kind].lasts:
            rig.wire.pump.clear(self.fault.kind, self.subject.unit)
        for _ in range(LATCHED_POLLS):
            await asyncio.sleep(self.subject.poll_s)
            reading = await rig.poll()
            assert reading is None or self.alarm in reading.alarms, f"{what}: no longer reported"
        await rig.must("stop")
        assert not rig.flows, f"{what}: flows after the stop"
        reading = await rig.poll()
        assert reading is not None
        assert self.alarm in reading.alarms, f"{what}: no longer reported after the stop"
        assert rig.starts == 1, f"{what}: started again"
        await rig.must("identify")
        if self.fault.kind in _GOES_AWAY and isinstance(await rig.call("load"), Done):
            await rig.must("start")
            await asyncio.sleep(self.subject.poll_s)
            reading = await rig.read()
            assert self.alarm not in reading.alarms, f"{what}: still there when the next program runs"

    async def _until_reported(self, rig: Rig) -> Reading | None:
        for _ in range(int(self.subject.alarm_within_s / self.subject.poll_s)):
            await asyncio.sleep(self.subject.poll_s)
            reading = await rig.poll()
            if reading is not None and self.alarm in reading.alarms:
                return reading
        return None

    def _check_state(self, rig: Rig, reading: Reading, what: str) -> None:
        assert reading.state.flowing is rig.flows, f"{what}: {reading.state}, while the flow is {rig.flows}"
        if self.alarm.stops_flow:  # STP-06: at once, and by the pump itself
            assert not rig.flows, f"{what}: reported, but it flows"
            assert reading.state in (PumpState.ALARM, PumpState.STOPPED, PumpState.PAUSED), f"{what}: {reading.state}"
