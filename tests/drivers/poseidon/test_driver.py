"""The Poseidon driver on the simulated firmware: a program in slices, of which the pump reports only its Time."""

import asyncio
import contextlib
import itertools
from decimal import Decimal

import pytest

from pumpd.driving import DeclinedError
from pumpd.pump import Container, Done, LossOfControl, PumpAlarm, PumpProgram, PumpState, RateStep, Refused, Unknown
from pumpd.quantities import Duration, Length, Rate, Volume
from pumpd.wire import PortError, memory
from pumpd_drivers.poseidon import limits
from pumpd_drivers.poseidon.codec import Request, RequestFramer
from pumpd_drivers.poseidon.driver import Poseidon
from pumpd_drivers.poseidon.replies import Sign, Times
from pumpd_drivers.poseidon.settings import PoseidonSettings
from pumpd_simulators.bench import simulate
from pumpd_simulators.plant import PlantSettings

INNER = Length("26.56")
PROGRAM = PumpProgram((RateStep(Rate(60), Volume("0.3")),), INNER)  # 18 s
WATCHDOG = Duration(10)
SLICE_S = 2.0
_names = itertools.count()


class Rig:
    def __init__(self, pump, driver, name):
        self.pump, self.driver, self.name, self.sent = pump, driver, name, []
        driver.taps.append(self._tap)

    def _tap(self, way, data, at_ns):
        if way == "out":
            self.sent += [(frame, at_ns / 1e9) for frame in RequestFramer().feed(data)]

    @property
    def runs(self):
        return [frame for frame, _ in self.sent if frame.mode == "RUN"]

    @property
    def motor(self):
        return self.pump.device.motors[self.driver.settings.motor - 1]

    @property
    def flows(self):
        return self.motor.plant.truth().running

    async def must(self, call, *arguments):
        outcome = await getattr(self.driver, call)(*arguments)
        assert isinstance(outcome, Done), (call, outcome)
        return outcome.value

    async def started(self, program=PROGRAM):
        await self.must("identify")
        await self.must("load", program)
        await self.must("start", WATCHDOG)

    async def poll(self, seconds):
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            await self.must("read")
        return await self.must("read")


@contextlib.asynccontextmanager
async def rig(settings=None, plant=None, **options):
    options = {"diameter_mm": 26.56, "resets_on_open": False, **options}
    pump, name = simulate("poseidon", options=options, plant=plant or PlantSettings.ideal()), f"poseidon-{next(_names)}"
    memory.serve(name, pump)
    driver = await Poseidon.connect(f"memory://{name}", {"boot_s": 0, **(settings or {})})
    try:
        yield Rig(pump, driver, name)
    finally:
        await driver.close()
        memory.withdraw(name)
        pump.shut()


# -- a program in slices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("microsteps", [1, 32])
@pytest.mark.parametrize(("motor", "way"), [(1, "F"), (3, "B")])
async def test_a_program_is_given_in_slices_that_add_up_to_its_steps(microsteps, motor, way):
    """0.3 mL of BD 60: 451.2 steps/mL with m 1 and 14439.2 with m 32 (sheet's table), rounded down."""
    settings = {"microsteps": microsteps, "motor": motor, "direction": way}
    async with rig(settings, microsteps=str(microsteps), infuses=way) as here:
        await here.started()
        reading = await here.poll(20)
        wanted = {1: 135, 32: 4331}[microsteps]
        assert abs(here.motor.steps) == wanted
        assert sum(float([run.p1, run.p2, run.p3][motor - 1]) for run in here.runs) == wanted
        assert {run.motors for run in here.runs} == {str(motor)}
        assert len(here.runs) == {1: 9, 32: 10}[microsteps]  # of 15 and of 481 steps: 2 s at 60 mL/h
        assert reading.state is PumpState.STOPPED
        assert float(reading.delivered.decimal) == pytest.approx(here.motor.plant.truth().delivered_ml, abs=1e-6)
        assert [motor.steps for motor in here.pump.device.motors].count(0) == 2


async def test_slices_never_overlap_and_keep_the_mean_rate():
    async with rig({"microsteps": 32}, microsteps="32") as here:
        await here.started(PumpProgram((RateStep(Rate(60), Volume(1)),), INNER))
        nested = 0
        for second in range(1, 60):
            for _ in range(100):
                await asyncio.sleep(0.01)
                nested = max(nested, len(here.pump.device.firmware.loops))
            reading = await here.must("read")
            assert float(reading.delivered.decimal) == pytest.approx(second / 60, abs=0.02)
        assert nested == 1
        assert max(len(frame.body) for frame, _ in here.sent) <= 63, "the pump would cut it"
        assert here.motor.steps == 14439


async def test_each_run_is_sent_once_the_clock_has_shown_the_end_of_the_previous_one():
    async with rig() as here:
        await here.started()
        await here.poll(20)
        modes = [frame.mode for frame, _ in here.sent]
        for at, mode in enumerate(modes):
            assert mode != "RUN" or modes[at - 1] in ("PING", "SETTING"), modes[at - 3 : at + 1]


@pytest.mark.parametrize("every_s", [0.0503, 0.0989, 0.5003, 0.9977])
async def test_questions_at_every_instant_of_a_slice_disturb_nothing(every_s):
    """One of them is on its way when a slice is sent: what it shows is about the time before."""
    async with rig() as here:
        await here.started(PumpProgram((RateStep(Rate(60), Volume("0.9")),), INNER))
        loop = asyncio.get_running_loop()
        ends = loop.time() + 60
        while loop.time() < ends:
            await asyncio.sleep(every_s)
            reading = await here.must("read")
            assert reading.alarms == ()
        assert here.motor.steps == 406  # 0.9 mL of 451.2 steps/mL
        assert reading.state is PumpState.STOPPED


async def test_a_motor_that_does_not_reach_its_speed_is_noticed_and_gets_no_further_slice():
    """A rate that is silently not reached: here the motor makes 60 steps/s of the 272 that it was told."""
    async with rig({"microsteps": 32}, microsteps="32", ceiling_steps_s=60) as here:
        await here.started()
        reading = await here.poll(10)
        assert len(here.runs) == 1
        assert reading.alarms == (PumpAlarm.PUMP_FAULT,)
        assert here.motor.steps <= 481  # one slice


async def test_a_motor_that_is_a_little_slow_is_counted_as_slow_as_it_is():
    """200 steps/s of 272: a slice of 481 steps takes 2.4 s instead of 2.0 s at most."""
    async with rig({"microsteps": 32}, microsteps="32", ceiling_steps_s=200) as here:
        await here.started(PumpProgram((RateStep(Rate(60), Volume(2)),), INNER))
        for _ in range(60):
            reading = await here.poll(1)
            truth = here.motor.plant.truth().delivered_ml
            assert float(reading.delivered.decimal) == pytest.approx(truth, abs=0.01)
        assert reading.alarms == ()
        assert 0.7 <= truth <= 0.85, "of the 1 mL that were ordered in this time"
        assert len(here.pump.device.firmware.loops) <= 1


async def test_a_stalled_motor_is_not_noticed():
    """What cannot be promised: the reading says that it infuses, and counts a volume that nobody got."""
    async with rig() as here:
        await here.started()
        here.pump.fire("stall")
        before = here.motor.plant.truth().delivered_ml
        reading = await here.poll(10)
        assert reading.state is PumpState.INFUSING
        assert reading.alarms == ()
        assert float(reading.delivered.decimal) > 0.15
        assert here.motor.plant.truth().delivered_ml == before


# -- loss of control ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-13")
async def test_control_that_no_longer_polls_ends_the_flow_with_the_slice_after_its_lease():
    async with rig() as here:
        await here.started(PumpProgram((RateStep(Rate(60), Volume(5)),), INNER))
        await here.poll(3)
        last = asyncio.get_running_loop().time()
        await asyncio.sleep(60)
        assert here.sent[-1][1] - last <= 10 + SLICE_S
        assert not here.flows
        reading = await here.must("read")
        assert reading.state is PumpState.STOPPED
        assert reading.delivered < Volume("0.3")


@pytest.mark.requirement("COM-13")
async def test_a_dead_process_ends_the_flow_with_the_present_slice():
    """Closing the driver sends nothing, as a process that is killed."""
    async with rig() as here:
        await here.started(PumpProgram((RateStep(Rate(60), Volume(5)),), INNER))
        await here.poll(3)
        sent, steps = len(here.sent), here.motor.steps
        await here.driver.close()
        await asyncio.sleep(SLICE_S)
        assert not here.flows
        assert len(here.sent) == sent
        assert here.motor.steps <= steps + 15  # a slice at 60 mL/h and m 1
        await asyncio.sleep(30)
        assert not here.flows


async def test_the_deadman_s_frame_ends_the_slices_too():
    """Another process writes STOP: the driver sees that a slice ended early, and sends no other."""
    async with rig() as here:
        await here.started()
        await asyncio.sleep(0.5)
        for frame in here.driver.stop_frames.frames:
            here.pump.feed(frame)
        reading = await here.poll(10)
        assert len(here.runs) == 1
        assert reading.state is PumpState.STOPPED
        assert 0 <= float(reading.delivered.decimal) - here.motor.plant.truth().delivered_ml <= 0.02


async def test_the_classes_of_loss_of_control_are_declared():
    container = Container("BD 60", Volume(60), Volume(1), Rate(1), INNER)
    pump = Poseidon.capabilities(container, {})
    assert pump.loss_of_control == (LossOfControl.DEADMAN, LossOfControl.VTBI_ONLY)
    assert pump.watchdog is None
    assert Poseidon.marks == ()


# -- stop --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STP-01", "STP-08")
@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.3, 0.6, 1.2, 1.5, 1.75, 1.85, 1.95, 2.0, 2.1])
async def test_a_stop_at_any_instant_of_a_slice_counts_at_least_what_was_given(after_s):
    async with rig({"microsteps": 32}, microsteps="32") as here:
        await here.started()
        await asyncio.sleep(after_s)
        began = asyncio.get_running_loop().time()
        await here.must("stop")
        assert asyncio.get_running_loop().time() - began <= 1.0
        assert not here.flows
        steps, runs = here.motor.steps, len(here.runs)
        await asyncio.sleep(10)
        assert (here.motor.steps, len(here.runs)) == (steps, runs)
        reading = await here.must("read")
        over = float(reading.delivered.decimal) * 14439.2 - steps
        assert -1 <= over <= 60, "a slice of 481 steps at 272 steps/s: at most a tenth faster than it is, and an echo"


async def test_a_stop_is_believed_only_with_a_running_clock_and_ends_a_pause_of_another_client():
    """STOP during a PAUSE does not cancel it: a later RESUME would finish the old move."""
    async with rig() as here:
        here.pump.feed(Request("RUN", "DIST", "1", "0.0", "F", "2000.0").to_bytes())
        await asyncio.sleep(0.5)
        here.pump.feed(b"<PAUSE,BLAH,1,BLAH,F,0.0,0.0,0.0>")
        await asyncio.sleep(0.5)
        assert here.pump.device.firmware.loops
        await here.must("stop")
        assert not here.pump.device.firmware.loops
        assert [(frame.mode, frame.motors) for frame, _ in here.sent if frame.mode != "PING"][-1] == ("RESUME", "0")
        steps = here.motor.steps
        here.pump.feed(b"<RESUME,BLAH,1,BLAH,F,0.0,0.0,0.0>")
        await asyncio.sleep(10)
        assert here.motor.steps == steps


async def test_a_stop_of_several_motors_that_another_client_started_is_not_believed_while_the_old_move_lives():
    """The sheet's trap: STOP halts, but the old move waits below. The clock stays frozen: the stop is unknown."""
    async with rig() as here:
        here.pump.feed(Request("RUN", "DIST", "12", "0.0", "F", "300.0", "3000.0").to_bytes())
        await asyncio.sleep(1)
        outcome = await here.driver.stop()
        assert isinstance(outcome, Unknown)
        assert "frozen" in outcome.cause
        steps = [motor.steps for motor in here.pump.device.motors]
        reading = await here.must("read")
        assert reading.state is PumpState.INFUSING, "not known to be stopped"
        assert isinstance(await here.driver.load(PROGRAM), Refused)
        await asyncio.sleep(5)
        assert [motor.steps for motor in here.pump.device.motors] == steps, "no frame of the driver moved it"


async def test_a_resume_after_a_stop_gives_the_rest_and_no_more():
    async with rig() as here:
        await here.started()
        await here.poll(5)
        await here.must("stop")
        given = (await here.must("read")).delivered
        rest = PROGRAM.after(given)
        rest = PumpProgram((RateStep(Rate(60), rest.vtbi.floor(limits.GRID)),), INNER)
        await here.must("load", rest)
        await here.must("start", WATCHDOG)
        await here.poll(20)
        assert here.motor.plant.truth().delivered_ml <= 0.3
        assert here.motor.plant.truth().delivered_ml == pytest.approx(0.3, abs=0.02)


# -- what is held, and a reset -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["power-cut/3s", "front-panel:reset"])
async def test_after_a_reset_everything_is_gone_and_said(fault):
    async with rig() as here:
        await here.started()
        await here.poll(3)
        here.pump.fire(fault)
        await asyncio.sleep(6)
        await here.driver.read()
        reading = await here.must("read")
        assert reading.alarms == (PumpAlarm.PUMP_RESET,)
        assert reading.state is PumpState.ALARM
        assert isinstance(await here.driver.read_back(), Refused)
        assert isinstance(await here.driver.start(WATCHDOG), Refused)
        assert len(here.runs) <= 3
        assert float(reading.delivered.decimal) >= here.motor.plant.truth().delivered_ml
        await here.started()
        assert (await here.must("read")).alarms == ()


async def test_a_reset_is_seen_by_the_time_even_where_its_ready_text_is_lost():
    async with rig() as here:
        await here.must("identify")
        await here.must("load", PROGRAM)
        await asyncio.sleep(20)
        await here.must("read")
        here.pump.fire("lost-reply/4s")
        here.pump.press("reset")
        await asyncio.sleep(5)
        await here.must("read")
        assert PumpAlarm.PUMP_RESET in (await here.must("read")).alarms
        assert isinstance(await here.driver.read_back(), Refused)


async def test_read_back_asks_for_the_echo_of_speed_and_acceleration_and_claims_no_more():
    async with rig() as here:
        await here.must("identify")
        await here.must("load", PROGRAM)
        before = len(here.sent)
        assert await here.must("read_back") == PROGRAM
        assert [(frame.setting, frame.motors) for frame, _ in here.sent[before:]] == [("ACCEL", "1"), ("SPEED", "1")]
        assert here.motor.speed == pytest.approx(float(here.sent[-1][0].value))


async def test_a_load_is_for_one_start():
    async with rig() as here:
        await here.started()
        await here.poll(20)
        runs = len(here.runs)
        assert isinstance(await here.driver.start(WATCHDOG), Refused)
        assert len(here.runs) == runs


async def test_a_move_is_never_sent_to_a_pump_that_is_not_known_to_be_idle():
    async with rig() as here:
        with pytest.raises(DeclinedError, match="never overlap"):
            await here.driver.move(1, 10, here.driver.link.epoch)
        assert here.runs == []


async def test_a_start_sets_the_speed_again_that_another_client_changed():
    async with rig() as here:
        await here.must("identify")
        await here.must("load", PROGRAM)
        here.pump.feed(b"<SETTING,SPEED,1,999.0,F,0.0,0.0,0.0>")
        await asyncio.sleep(0.1)
        await here.must("start", WATCHDOG)
        assert here.motor.plant.truth().rate_ml_h <= 60 * 1.2


async def test_identify_waits_for_a_board_that_the_opened_port_reset():
    async with rig({"boot_s": 3}, resets_on_open=True) as here:
        began = asyncio.get_running_loop().time()
        await here.must("identify")
        assert (
            1.5 <= asyncio.get_running_loop().time() - began <= 2.5
        )  # 0.5 s and 1 s until the ready text, then a tick
        assert (await here.must("read")).alarms == ()
        assert here.sent[0][1] >= 1.5


async def test_one_driver_for_a_port_because_another_motor_s_frames_would_end_the_move():
    async with rig() as here:
        with pytest.raises(PortError, match="one motor can be used at a time"):
            await Poseidon.connect(f"memory://{here.name}", {"motor": 2})


# -- forks of the firmware ---------------------------------------------------------------------------------------------


async def test_a_fork_whose_time_runs_during_a_move_is_never_started():
    """Its Time would prove nothing. One slice moves, and nothing follows."""
    async with rig(time_in_a_move="runs") as here:
        await here.must("identify")
        await here.must("load", PROGRAM)
        assert isinstance(await here.driver.start(WATCHDOG), Unknown)
        await here.poll(10)
        assert len(here.runs) == 1


async def test_a_fork_without_the_report_of_a_move_is_never_started():
    async with rig(has_move_report=False) as here:
        await here.must("identify")
        await here.must("load", PROGRAM)
        assert isinstance(await here.driver.start(WATCHDOG), Unknown)
        await here.poll(10)
        assert len(here.runs) == 1


# -- limits ------------------------------------------------------------------------------------------------------------

SHEET = [("BD plastic 1 mL", 32, "461306.1", "128.14"), ("BD plastic 1 mL", 1, "14415.8", "4.004"),
         ("BD plastic 10 mL", 32, "48917.9", "13.588"), ("BD plastic 60 mL", 32, "14439.2", "4.011"),
         ("BD plastic 60 mL", 1, "451.2", "0.1253")]  # fmt: skip


@pytest.mark.parametrize(("syringe", "microsteps", "per_ml", "steps_s"), SHEET)
def test_the_sheets_table_of_steps(syringe, microsteps, per_ml, steps_s):
    """Its diameters are rounded to four digits, so steps agree to a thousandth."""
    found = limits.steps_per_ml(limits.SYRINGES[syringe], PoseidonSettings(microsteps=microsteps))
    assert float(found) == pytest.approx(float(per_ml), rel=1e-3)
    assert float(found / 3600) == pytest.approx(float(steps_s), rel=1e-3)


@pytest.mark.parametrize("slice_s", ["1.5", "2", "5"])
@pytest.mark.parametrize("acceleration", [2000, 5000, 50000])
@pytest.mark.parametrize("microsteps", [1, 8, 32])
@pytest.mark.parametrize("part", ["0", "0.37", "1"])
def test_no_slice_is_faster_than_1000_steps_a_second_and_each_ends_in_time(slice_s, acceleration, microsteps, part):
    settings = PoseidonSettings(slice_s=Decimal(slice_s), acceleration=acceleration, microsteps=microsteps)
    pump = limits.capabilities("poseidon", Container("c", Volume(60), Volume(0), Rate(1), INNER), settings)
    span = pump.rate_max.decimal - pump.rate_min.decimal
    rate = Rate(limits.GRID.floor(pump.rate_min.decimal + span * Decimal(part)))
    plan = limits.Plan.of(PumpProgram((RateStep(rate, Volume(50)),), INNER), settings)
    assert plan.speed <= 1000
    assert plan.each >= 2
    due = plan.each / plan.mean
    assert due <= settings.slice_s
    moves = plan.each / plan.speed * Decimal("1.03") + plan.speed / acceleration  # sheet: 3 % slower, both ramps
    assert moves + Decimal("0.12") <= due + Decimal("0.001")


def test_the_default_gear_can_only_give_too_little():
    """m is not known to the firmware: with any other jumpers a step moves less than the driver calculates."""
    default = limits.steps_per_ml(INNER, PoseidonSettings())
    for microsteps in (2, 4, 8, 16, 32):
        assert limits.steps_per_ml(INNER, PoseidonSettings(microsteps=microsteps)) > default


async def test_a_program_that_is_over_before_the_clock_shows_it_is_refused():
    async with rig() as here:
        await here.must("identify")
        outcome = await here.driver.load(PumpProgram((RateStep(Rate(60), Volume("0.02")),), INNER))
        assert isinstance(outcome, Refused)
        assert "duration" in outcome.reasons[0]


# -- the light, and the meaning of Time --------------------------------------------------------------------------------


async def test_the_light_goes_out_and_comes_on_as_often_as_asked_and_nothing_moves():
    async with rig() as here:
        await here.must("identify")
        task, seen = asyncio.ensure_future(here.driver.signal(3)), []
        while not task.done():
            await asyncio.sleep(0.1)
            seen.append(here.pump.device.lit)
        assert task.result() == Done(None)
        phases = [lit for lit, _ in itertools.groupby(seen)]
        assert phases.count(False) == 3
        assert all(len(list(same)) >= 3 for _, same in itertools.groupby(seen[1:-1])), "long enough to be seen"
        assert here.motor.steps == 0


TIMES = [
    ([(7, 0.0)], [Sign.FIRST]),
    ([(7, 0.0), (7, 0.3)], [Sign.FIRST, Sign.SAME]),
    ([(7, 0.0), (7, 0.6)], [Sign.FIRST, Sign.FROZEN]),
    ([(7, 0.0), (8, 0.3), (8, 0.7), (9, 0.9)], [Sign.FIRST, Sign.GREW, Sign.SAME, Sign.GREW]),
    ([(7, 0.0), (7, 2.0), (11, 2.1)], [Sign.FIRST, Sign.FROZEN, Sign.GREW]),
    ([(7, 0.0), (6, 0.3)], [Sign.FIRST, Sign.OTHER]),
    ([(7, 0.0), (70, 1.0)], [Sign.FIRST, Sign.OTHER]),
]


@pytest.mark.parametrize(("echoes", "signs"), TIMES)
def test_what_a_time_shows(echoes, signs):
    times = Times()
    assert [times.take(time, at_s, at_s + 0.01) for time, at_s in echoes] == signs
