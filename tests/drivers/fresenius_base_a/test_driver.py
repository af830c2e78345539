"""The Base A driver with the simulated Base A on one loop: what it sends, what it accepts, what it never repeats."""

import asyncio
import contextlib
import itertools

import pytest

from pumpd.pump import Container, Done, LossOfControl, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import memory
from pumpd_drivers.fresenius_base_a.codec import ACK, DC4, ENQ, NAK, Frame, Signal
from pumpd_drivers.fresenius_base_a.driver import FreseniusBaseA
from pumpd_drivers.fresenius_base_a.replies import variables
from pumpd_simulators.bench import SimulatedPump
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.fresenius_base_a import FAMILY
from pumpd_simulators.plant import Plant, PlantSettings

PROGRAM = PumpProgram((RateStep(Rate("52.5"), Volume(35)),), Length("26.59"))
LEASE = Duration(10)
_names = itertools.count()


class Bench:
    """The pump, and a driver on it; `frames` is what went over the line as frames, both ways."""

    def __init__(self, pump, name):
        self.pump, self.name, self.frames = pump, name, []
        self._framers = {"out": FreseniusBaseA.codec.requests(), "in": FreseniusBaseA.codec.replies()}

    def tap(self, way, data, _):
        self.frames += [(way, frame) for frame in self._framers[way].feed(data)]

    def texts(self, *starting):
        """The host's frames."""
        texts = [str(frame) for way, frame in self.frames if way == "out" and isinstance(frame, Frame)]
        return [text for text in texts if text.startswith(starting)] if starting else texts

    async def driver(self, **settings):
        driver = await FreseniusBaseA.connect(self.name, settings)
        if self.tap not in driver.taps:
            driver.taps.append(self.tap)
        return driver


@contextlib.asynccontextmanager
async def bench(settings=None, *, contents_ml=None, **options):
    name = f"base-a-{next(_names)}"
    chosen, clock = FAMILY.options.of(options), LoopClock()
    plants = [Plant(clock, PlantSettings.ideal(contents_ml)) for _ in range(FAMILY.units(chosen))]
    pump = SimulatedPump(FAMILY.make(plants, "base-a", chosen), clock=clock)
    memory.serve(name, pump)
    here = Bench(pump, f"memory://{name}")
    driver = await here.driver(**(settings or {}))
    try:
        yield here, driver
    finally:
        await driver.close()
        memory.withdraw(name)
        pump.shut()


async def loaded(driver, program=PROGRAM):
    assert isinstance(await driver.identify(), Done)
    assert await driver.load(program) == Done(None)
    assert await driver.read_back() == Done(program)


async def test_connecting_changes_nothing():
    async with bench(modules="1,3", device_type="PILOT A") as (here, driver):
        here.pump.press("rate", "30")
        here.pump.press("start")
        identity = (await driver.identify()).value
        assert (identity.model, identity.firmware, identity.serial) == ("PILOT A", "not reported", None)
        assert here.texts() == ["1LE;aedr", "1DC", "0DC", "1DC", "1LE;aedr", "1LF;b"]
        reading = (await driver.read()).value
        assert (reading.state, reading.rate) == (PumpState.INFUSING, Rate(30))
        assert here.pump.truth()["running"] is True
        again = await here.driver(module=3)
        here.frames.clear()
        await again.identify()
        assert "0DC" not in here.texts(), "the base is not opened again: other modules depend on it"
        await again.close()


async def test_a_reply_to_another_question_is_not_a_device_type():
    async with bench() as (here, driver):
        for wrong in ("a0000;e0000;d0000;r00000000", "b", "b;d0000", "r00000000"):
            here.pump.device.modules[1]._commands["LF"] = lambda _, reply=wrong: reply
            assert isinstance(await driver.identify(), Unknown), wrong


async def test_a_program_runs_to_its_limit_and_no_further():
    async with bench() as (here, driver):
        await loaded(driver)
        assert here.texts("1PR") == [], "no rate before the start: it would begin the flow"
        assert here.pump.truth()["running"] is False
        assert await driver.start(LEASE) == Done(None)
        assert here.texts("1PR") == ["1PR;020D"]
        for second in range(1, 40):
            await asyncio.sleep(60)
            reading = (await driver.read()).value
            assert reading.state is PumpState.INFUSING
            assert (reading.rate, reading.alarms) == (Rate("52.5"), ())
            assert abs(float(reading.delivered.number) - here.pump.truth()["delivered_ml"]) < 0.002, second
            assert reading.asked_ns <= reading.answered_ns
        await asyncio.sleep(60)
        reading = (await driver.read()).value
        assert (reading.state, reading.rate, reading.delivered) == (PumpState.STOPPED, Rate(0), Volume(35))
        assert here.pump.truth()["delivered_ml"] == pytest.approx(35)
        assert "has delivered its 35 mL" in (await driver.start(LEASE)).reasons[0]
        assert await driver.release() == Done(None)
        assert here.texts("1MO") == ["1MO;2", "1MO;1"]
        assert here.texts("1PR") == ["1PR;020D"]


async def test_a_released_program_is_not_started():
    async with bench() as (here, driver):
        await loaded(driver)
        assert await driver.release() == Done(None)
        assert isinstance(await driver.read_back(), Refused)
        assert isinstance(await driver.start(LEASE), Refused)
        assert here.texts("1PR") == []


async def test_a_pump_whose_rate_is_only_held_is_started_by_its_command():
    options = {"start_command": "PO;0", "running_mode_bits": 16}
    async with bench({"start_command": "PO;0", "running_mode_bits": "16"}, **options) as (here, driver):
        await loaded(driver)
        assert (await driver.read()).value.state is PumpState.STOPPED, "it has a rate, and no flow"
        assert await driver.start(LEASE) == Done(None)
        assert (here.texts("1PR"), here.texts("1PO")) == (["1PR;020D"], ["1PO;0"])
        assert (await driver.read()).value.state is PumpState.INFUSING
        assert await driver.stop() == Done(None)


@pytest.mark.requirement("PRG-11", "STA-05")
async def test_a_pump_that_reports_no_limit_or_another_is_not_started():
    async with bench() as (here, driver):
        await loaded(driver)
        here.pump.device.modules[1].motor.limit = 36000
        assert (await driver.read_back()).value.vtbi == Volume(36)
        assert isinstance(await driver.start(LEASE), Refused)
        here.pump.device.modules[1].motor.limit = None
        assert "no program" in (await driver.read_back()).reasons[0]
        assert isinstance(await driver.start(LEASE), Refused)
        assert here.texts("1PR") == []


@pytest.mark.requirement("COM-02")
async def test_a_program_that_does_not_fit_is_refused_before_the_first_byte():
    async with bench({"highest_rate_ml_h": "100"}) as (here, driver):
        await driver.identify()
        here.frames.clear()
        for rate, volume, why in [("100.1", "1", "rate"), ("0.05", "1", "rate"), ("52.55", "1", "rate"),
                                  ("50", "60.001", "volume"), ("50", "0.0005", "volume")]:  # fmt: skip
            outcome = await driver.load(PumpProgram((RateStep(Rate(rate), Volume(volume)),), Length("26.59")))
            assert isinstance(outcome, Refused), (rate, volume)
            assert outcome.reasons[0].startswith(why), (rate, volume)
        assert isinstance(await driver.load(PumpProgram((PROGRAM.steps[0],) * 2)), Refused)
        assert here.frames == []
        outcome = await driver.load(PROGRAM)
        assert outcome == Done(None)


async def test_a_rate_that_the_pump_refuses_is_certainly_not_running():
    async with bench(highest_rate_ml_h="50") as (here, driver):
        await loaded(driver)
        outcome = await driver.start(LEASE)
        assert isinstance(outcome, Refused)
        assert "parameter out of limit (08)" in outcome.reasons[0]
        assert here.texts("1PR") == ["1PR;020D"]
    async with bench() as (here, driver):
        await loaded(driver)
        module = here.pump.device.modules[1]
        module._commands["PR"] = lambda value: (module._set_rate(value), module._set_mode("9"))[0]
        outcome = await driver.start(LEASE)
        assert isinstance(outcome, Unknown), "it refuses, and flows"
        assert "but it reports that it flows" in outcome.cause


@pytest.mark.requirement("COM-10")
async def test_an_unidentified_pump_is_neither_loaded_nor_started():
    async with bench() as (here, driver):
        assert isinstance(await driver.load(PROGRAM), Refused)
        assert isinstance(await driver.start(LEASE), Refused)
        assert here.frames == []
        await loaded(driver)
        name = here.name.removeprefix("memory://")
        memory.unplug(name)
        assert isinstance(await driver.read(), Refused)
        memory.plug(name)
        await asyncio.sleep(30)
        assert isinstance(await driver.start(LEASE), Refused)
        assert isinstance(await driver.read(), Done)
        assert here.texts("1PR") == []


@pytest.mark.requirement("COM-03", "COM-02")
async def test_a_start_is_sent_once_whatever_happens():
    for fault, expected in [
        ("lost-reply:start", Unknown),
        ("crash-after:start", Unknown),
        ("delayed-reply:3s/60s", Unknown),
        ("split-reply/60s", Done),
        ("duplicated-reply/60s", Done),
    ]:
        async with bench() as (here, driver):
            await loaded(driver)
            if "delayed" in fault:  # otherwise the questions before the start would not be answered either
                tell = driver.command
                driver.command = lambda *a, t=tell, p=here.pump, f=fault, **k: (p.fire(f), t(*a, **k))[1]
            else:
                here.pump.fire(fault)
            assert isinstance(await driver.start(LEASE), expected), fault
            await asyncio.sleep(30)
            assert here.texts("1PR") == ["1PR;020D"], fault


@pytest.mark.requirement("COM-02")
async def test_a_start_that_was_accepted_and_does_not_flow_is_unknown():
    async with bench() as (here, driver):
        await loaded(driver)
        here.pump.device.modules[1].motor._run = lambda: None
        here.pump.device.modules[1]._options = here.pump.device.options.model_copy(update={"start_command": "XX"})
        outcome = await driver.start(LEASE)  # PR is accepted, and only held
        assert isinstance(outcome, Unknown)
        assert "is stopped" in outcome.cause


@pytest.mark.requirement("COM-14")
async def test_only_a_reply_of_the_right_form_after_the_ack_answers_a_request():
    async with bench() as (_, driver):
        await driver.identify()
        exchange, verdicts = driver.link.exchange, []

        async def spy(request, accepts, *rest, **more):
            verdicts.append([accepts(frame) for frame in frames])
            return await exchange(request, accepts, *rest, **more)

        driver.link.exchange = spy
        frames = [Frame(1, "C"), Signal(ACK), Frame(3, "C"), Frame(1, "C;d0001"), Frame(1, "E"), Frame(1, "C")]
        await driver.command("SI")
        frames = [Frame(1, "C"), Signal(ACK), Frame(1, "C;d0001"), Signal(NAK, "2")]
        await driver.read()
        assert verdicts == [[False, False, False, False, False, True], [False] * 4]
        frames = [Signal(NAK, "2"), Signal(NAK, "5")]
        await driver.command("SI")
        assert verdicts[-1] == [True, False], "a NAK 5 is about our own ACK"


@pytest.mark.requirement("STP-01", "STP-03")
async def test_stop_ends_everything_that_runs():
    async with bench() as (here, driver):
        assert await driver.stop() == Done(None), "of a pump that is idle, and not yet identified"
        await loaded(driver)
        await driver.start(LEASE)
        await asyncio.sleep(60)
        assert await driver.stop() == Done(None)
        assert here.pump.truth()["running"] is False
        given = here.pump.truth()["delivered_ml"]
        await asyncio.sleep(60)
        assert here.pump.truth()["delivered_ml"] == given
        assert await driver.stop() == Done(None)


async def test_stop_of_a_pump_that_a_person_started_takes_control_first():
    async with bench() as (here, driver):
        here.pump.press("rate", "30")
        here.pump.press("start")
        assert await driver.stop() == Done(None)
        assert here.pump.truth()["running"] is False
        assert here.texts("1MO") == ["1MO;2"]


@pytest.mark.requirement("STP-03")
async def test_a_stop_is_done_only_when_the_pump_reports_no_flow():
    for fault in ("lost-reply:stop", "lost-request", "lost-reply:read", "garbled/1s"):
        async with bench() as (here, driver):
            await loaded(driver)
            await driver.start(LEASE)
            here.pump.fire(fault)
            assert await driver.stop() == Done(None), fault
            assert here.pump.truth()["running"] is False
    async with bench() as (here, driver):
        await loaded(driver)
        await driver.start(LEASE)
        here.pump.device.modules[1].motor.pause = lambda: None  # it replies C, and flows on
        outcome = await driver.stop()
        assert isinstance(outcome, Unknown)
        assert "still flows" in outcome.cause
        here.pump.fire("silence/60s")
        assert isinstance(await driver.stop(), Unknown)


@pytest.mark.requirement("RUN-11", "RUN-10")
async def test_every_alarm_is_a_fault_and_stays_until_the_next_load():
    for fault, flowing in [("occlusion", False), ("stall", False), ("door", False), ("battery:10%", True)]:
        async with bench() as (here, driver):
            await loaded(driver)
            await driver.start(LEASE)
            if "battery" in fault:
                here.pump.fire("mains")
            here.pump.fire(fault)
            await asyncio.sleep(60)
            reading = (await driver.read()).value
            assert reading.alarms == (PumpAlarm.PUMP_FAULT,), fault
            assert reading.state is (PumpState.INFUSING if flowing else PumpState.ALARM), fault
            assert await driver.stop() == Done(None)
            assert (await driver.read()).value.state is PumpState.ALARM
            if fault != "stall":  # a jammed motor is felt only when it should turn
                assert "remove its cause" in (await driver.load(PROGRAM)).reasons[0]
            assert here.texts("1PR") == ["1PR;020D"], "nothing is started again"
            for end in (here.pump.plant.release, here.pump.plant.free, here.pump.plant.close_door):
                end()
            here.pump.plant.mains(on=True)
            here.pump.plant.discharge(90)
            assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_FAULT,), "latched"
            assert await driver.load(PROGRAM) == Done(None)
            assert (await driver.read()).value.alarms == ()
    async with bench(contents_ml=1.0) as (here, driver):  # near empty from the start
        await driver.identify()
        assert isinstance(await driver.load(PROGRAM), Refused)
    async with bench() as (here, driver):
        here.pump.device.modules[1].error = 4
        assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_FAULT,)


async def test_a_session_that_the_pump_closed_is_opened_for_a_reading_and_for_a_stop():
    async with bench() as (here, driver):
        await loaded(driver)
        await driver.start(LEASE)
        here.pump.device._close()
        assert (await driver.read()).value.state is PumpState.INFUSING
        here.pump.device._close()
        assert await driver.stop() == Done(None)
        assert here.pump.truth()["running"] is False


@pytest.mark.requirement("PRG-12")
def test_a_bag_does_not_fit_a_syringe_module():
    with pytest.raises(ValueError, match="a bag needs a volumetric pump"):
        FreseniusBaseA.capabilities(Container("bag", Volume(50), Volume(1), Rate(1)), {})


@pytest.mark.requirement("COM-01", "COM-13")
async def test_enquiries_are_answered_only_while_the_pump_is_polled():
    capabilities = FreseniusBaseA.capabilities(Container("s", Volume(50), Volume(1), Rate(1), Length("26.59")), {})
    assert (capabilities.loss_of_control, capabilities.watchdog) == ((LossOfControl.VTBI_ONLY,), None)
    async with bench(without_dc4="pause") as (here, driver):
        await loaded(driver)
        await driver.start(LEASE)
        for _ in range(60):
            await asyncio.sleep(1)
            await driver.read()
        assert here.pump.truth()["running"] is True
        here.frames.clear()
        await asyncio.sleep(30)  # control hangs: no polls
        answers = [frame for _, frame in here.frames]
        assert 9 <= answers.count(Signal(DC4)) <= 10, "a lease of 10 s, an ENQ each second"
        assert answers.count(Signal(ENQ)) == 30
        assert here.pump.truth()["running"] is False
        await driver.read()
        here.frames.clear()
        await asyncio.sleep(5)
        assert ("out", Signal(DC4)) not in here.frames, "a lease that has lapsed stays so"
        await driver.stop()
        here.frames.clear()
        await asyncio.sleep(5)
        assert here.frames.count(("out", Signal(DC4))) == 5


async def test_messages_of_the_pump_are_acknowledged_at_once():
    async with bench() as (here, driver):
        await driver.identify()
        here.frames.clear()
        here.pump.device._say(Frame(1, "E;a0001;r00000000").to_bytes())
        await asyncio.sleep(0.2)
        assert [frame for way, frame in here.frames if way == "out"] == [Signal(ACK), Frame(1, "E")]
        assert (await driver.read()).value.alarms == (PumpAlarm.PUMP_FAULT,)
        here.frames.clear()
        here.pump.device._say(Frame(3, "M;d0001").to_bytes() + b"\x021C00\x03")
        await asyncio.sleep(0.2)
        assert [frame for way, frame in here.frames if way == "out"] == [Signal(ACK), Frame(3, "M"), Signal(NAK, "2")]


async def test_a_pump_that_insists_on_acknowledgements_is_satisfied():
    async with bench(ack_timeout_s=0.5) as (here, driver):
        await loaded(driver)
        assert await driver.start(LEASE) == Done(None)
        assert await driver.stop() == Done(None)
        assert not [frame for way, frame in here.frames if way == "in" and frame.to_bytes()[0] == NAK]


async def test_two_modules_share_a_line_and_a_stop_ends_only_its_own():
    async with bench({"module": 1}, modules="1,3") as (here, driver):
        other = await here.driver(module="3")
        await asyncio.gather(loaded(driver), loaded(other))
        assert await asyncio.gather(driver.start(LEASE), other.start(LEASE)) == [Done(None), Done(None)]
        assert await driver.stop() == Done(None)
        assert (here.pump.truth(1)["running"], here.pump.truth(2)["running"]) == (False, True)
        assert (await other.read()).value.state is PumpState.INFUSING
        with pytest.raises(OSError, match="in use"):
            await here.driver(module=3)
        assert await other.stop() == Done(None)
        await other.close()


async def test_a_pump_on_its_own_line():
    async with bench({"module": 0}, standalone=True) as (here, driver):
        await loaded(driver)
        assert await driver.start(LEASE) == Done(None)
        assert await driver.stop() == Done(None)
        assert here.texts()[0] == "LE;aedr"


async def test_after_a_power_cut_it_is_stopped_and_its_program_is_gone():
    async with bench() as (here, driver):
        await loaded(driver)
        await driver.start(LEASE)
        await asyncio.sleep(60)
        assert (await driver.read()).value.alarms == ()
        here.pump.fire("power-cut/2s")
        await asyncio.sleep(5)
        reading = (await driver.read()).value
        assert (reading.state, reading.delivered) == (PumpState.ALARM, Volume(0))
        assert reading.alarms == (PumpAlarm.PUMP_RESET,)
        assert isinstance(await driver.start(LEASE), Refused)
        assert here.texts("1PR") == ["1PR;020D"]


async def test_a_reading_is_repeated_and_a_malformed_one_is_not_accepted():
    async with bench() as (here, driver):
        await driver.identify()
        here.pump.fire("lost-reply:read")
        assert isinstance(await driver.read(), Done)
        here.pump.fire("garbled/0.3s")
        assert isinstance(await driver.read(), Done)
        here.pump.device.modules[1]._commands["LE"] = lambda _: "d0000;r00000000"  # no report of alarms
        assert isinstance(await driver.read(), Unknown)
    assert variables("d02EE;r00001388") == {"d": 750, "r": 5000}
    for text in ("", "d", "d02EE;", "d02EE;d02EE", "D02EE", "d02ee", "d123456789", "02EE"):
        assert variables(text) == {}, text


def test_settings_name_their_assumptions():
    assumed = {assumption.name for assumption in FreseniusBaseA.assumptions}
    assert {"start_command", "limit_query", "running_mode_bits", "highest_rate_ml_h", "highest_volume_ml"} <= assumed
    with pytest.raises(ValueError, match=r"settings\.module: .*settings\.start_command: "):
        FreseniusBaseA.check_settings({"module": "7", "start_command": "go!"})
