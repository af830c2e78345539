"""The simulated Poseidon against its protocol sheet: every trap observed on the published firmware, in steps."""

import asyncio
import math

import pytest

from pumpd_drivers.poseidon.codec import Echo, ReplyFramer
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.plant import Plant, PlantSettings
from pumpd_simulators.poseidon.device import PoseidonDevice
from pumpd_simulators.poseidon.motor import reached
from pumpd_simulators.poseidon.options import PoseidonOptions

NEAR = 30  # steps: the sheet's instants are a host's, through an emulated link


class Bench:
    """A host that only sends, and counts steps."""

    def __init__(self, **options):
        self.options = PoseidonOptions(**{"resets_on_open": False, "microsteps": "32", **options})
        self.plants = [Plant(LoopClock(), PlantSettings.ideal()) for _ in range(3)]
        self.device = PoseidonDevice(self.plants, "poseidon", self.options)
        self.heard, self.doing = b"", []
        self.device.attach(self._hear)

    def _hear(self, data):
        self.heard += data
        self.doing.append(self.device.doing)

    def send(self, body):
        self.heard = b""
        self.device.feed(f"<{body}>".encode())
        return self.heard

    def time(self, motors="BLAH"):
        """The Time that a harmless question shows."""
        (echo,) = ReplyFramer().feed(self.send(f"PING,X,{motors},0,F,0.0,0.0,0.0"))
        assert isinstance(echo, Echo)
        return echo.time

    def run(self, motors="1", p1=0, p2=0, p3=0, way="F"):
        return self.send(f"RUN,DIST,{motors},0.0,{way},{p1}.0,{p2}.0,{p3}.0")

    @property
    def steps(self):
        return tuple(motor.steps for motor in self.device.motors)

    async def until_step(self, motor, step):
        while abs(self.device.motors[motor - 1].steps) < step:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.001)


async def rest():
    await asyncio.sleep(60)


async def test_a_move_is_echoed_reported_and_exact():
    bench = Bench()
    heard = bench.run(p1=800)
    assert heard.startswith(
        b"string\r\n1\r\nStatus\r\n1\r\n0\r\n0\r\nStatus Distances\r\n800.00\r\n0.00\r\n0.00\r\n<mode: RUN "
    )
    assert heard.endswith(b"Sedding tomove command: 800.00\r\nEntering While Loop \r\n0\r\n1\r\n0\r\n0\r\n1\r\n")
    await rest()
    assert bench.steps == (800, 0, 0)
    assert bench.heard == heard, "nothing is sent at the end of a move"
    assert bench.doing == [Operation.START]


@pytest.mark.parametrize(
    ("sent", "steps"), [("F,100.0", 100), ("B,100.0", -100), ("F,-100.0", -100), ("B,-100.0", 100), ("F,100.9", 100)]
)
async def test_direction_sign_and_fractions(sent, steps):
    bench = Bench()
    bench.send(f"RUN,DIST,1,0.0,{sent},0.0,0.0")
    await rest()
    assert bench.steps == (steps, 0, 0)


@pytest.mark.parametrize(("asked", "measured"), [(300, 298), (1000, 977), (2000, 1981), (3000, 2837), (20000, 3900)])
async def test_the_measured_speeds_and_the_ceiling(asked, measured):
    assert reached(asked, 1, PoseidonOptions()) == pytest.approx(measured, rel=0.03)


async def test_three_motors_together_are_slower():
    assert reached(20000, 3, PoseidonOptions()) == 1340


async def test_a_whole_move_takes_its_time():
    """1000 steps/s, reached in 0.2 s at 5000 steps/s2: 2000 steps at 977 steps/s, and 0.2 s for both ramps together."""
    bench = Bench()
    bench.run(p1=2000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await bench.until_step(1, 2000)
    assert loop.time() - began == pytest.approx(2000 / 977 + 977 / 5000, abs=0.05)


async def test_time_is_frozen_during_a_move_and_a_pause():
    bench = Bench()
    await asyncio.sleep(2)
    bench.run(p1=4000)
    await asyncio.sleep(0.1)
    assert bench.time("1") == 5  # 3 s after the board's start
    await asyncio.sleep(2)
    assert bench.time("1") == 5
    bench.send("PAUSE,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await asyncio.sleep(2)
    assert bench.time("1") == 5
    bench.send("RESUME,BLAH,0,BLAH,F,0.0,0.0,0.0")
    await asyncio.sleep(0.1)
    assert bench.time() == 14  # 7.2 s, in ticks of 0.512 s


async def test_a_speed_counts_from_the_next_move_on():
    bench = Bench()
    bench.run(p1=2000)
    await asyncio.sleep(0.5)
    bench.send("SETTING,SPEED,1,300.0,F,0.0,0.0,0.0")
    await bench.until_step(1, 1500)
    assert bench.plants[0].truth().rate_ml_h == pytest.approx(977 * 3600 / bench.options.steps_per_ml)
    await rest()
    bench.run(p1=2000)
    await asyncio.sleep(1)
    assert bench.plants[0].truth().rate_ml_h == pytest.approx(298 * 3600 / bench.options.steps_per_ml)


async def test_a_speed_for_two_motors_at_once_does_nothing():
    bench = Bench()
    bench.send("SETTING,SPEED,12,300.0,F,0.0,0.0,0.0")
    assert [motor.speed for motor in bench.device.motors] == [1000, 1000, 1000]


async def test_speed_0_makes_one_step_and_then_rests_until_a_stop():
    bench = Bench()
    bench.send("SETTING,SPEED,1,0.0,F,0.0,0.0,0.0")
    bench.run(p1=100)
    await rest()
    assert bench.steps == (1, 0, 0)
    frozen = bench.time("1")
    await rest()
    assert bench.time("1") == frozen
    bench.send("STOP,BLAH,BLAH,BLAH,F,0.0,0.0,0.0")
    await asyncio.sleep(1)
    assert bench.time() > frozen


@pytest.mark.parametrize("body", ["RUN,RUN,1,0.0,F,100.0,0.0,0.0", "ZERO,X,1,0,F,9.0,0,0", "JOG,X,1,0,F,9.0,0,0"])
async def test_only_run_dist_moves(body):
    bench = Bench()
    assert b"<mode: " in bench.send(body)
    await rest()
    assert bench.steps == (0, 0, 0)


# -- STOP, PAUSE and nesting: the sheet's numbers ----------------------------------------------------------------------


async def test_1_a_stop_that_names_a_motor_does_not_stop_it():
    """`STOP,BLAH,1` at step 883: ran on to 2000."""
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 883)
    bench.send("STOP,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await rest()
    assert bench.steps == (2000, 0, 0)


async def test_2_a_stop_without_digits_halts_one_motor_and_its_move_is_forgotten():
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 883)
    assert bench.doing == [Operation.START]
    bench.send("STOP,BLAH,BLAH,BLAH,F,0.0,0.0,0.0")
    await rest()
    halted = bench.steps[0]
    assert 883 <= halted <= 883 + 21
    bench.run(p1=100)
    await rest()
    assert bench.steps == (halted + 100, 0, 0)


async def several(bench):
    """300/3000 by two motors at 1000 steps/s, stopped when the second has made about 1365."""
    bench.run("12", 300, 3000)
    await bench.until_step(2, 1365)
    bench.send("STOP,BLAH,BLAH,BLAH,F,0.0,0.0,0.0")
    await rest()
    assert bench.steps == (300, pytest.approx(1365, abs=NEAR), 0)
    return bench.steps[1]


async def test_3_a_stopped_move_of_two_motors_comes_back():
    """Stopped at 300/1365, then RUN 100/100: 400/3100."""
    bench = Bench()
    await several(bench)
    bench.run("12", 100, 100)
    await rest()
    assert bench.steps == (400, 3100, 0)


async def test_3_a_setting_for_the_motor_that_had_arrived_ends_it():
    """The cure: 400/1432, of which the sheet's host had seen 1332 before."""
    bench = Bench()
    halted = await several(bench)
    bench.send("SETTING,DELTA,1,0.0,F,0.0,0.0,0.0")
    await asyncio.sleep(0.1)
    bench.run("12", 100, 100)
    await rest()
    assert bench.steps == (400, halted + 100, 0)


async def test_4_a_frame_for_another_motor_ends_a_move():
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 500)
    bench.send("SETTING,SPEED,2,1000.0,F,0.0,0.0,0.0")
    await rest()
    assert bench.steps[0] == pytest.approx(500, abs=NEAR)
    bench.run(p1=2000)
    await bench.until_step(1, 1000)
    bench.run("2", 0, 200)
    await rest()
    assert bench.steps == (pytest.approx(1000, abs=NEAR), 200, 0)


async def test_5_a_move_of_the_same_motor_is_nested_and_both_are_made():
    """2000 + 500 = 2500."""
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 1000)
    bench.run(p1=500)
    assert len(bench.device.firmware.loops) == 2
    await rest()
    assert bench.steps == (2500, 0, 0)


async def test_6_a_pause_waits_and_a_resume_makes_the_exact_total():
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 700)
    bench.send("PAUSE,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await rest()
    assert bench.steps[0] == pytest.approx(700, abs=NEAR)
    bench.send("RESUME,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await rest()
    assert bench.steps == (2000, 0, 0)


async def test_6_a_resume_without_a_pause_is_a_move():
    """3000 + 100."""
    bench = Bench()
    bench.run(p1=3000)
    await rest()
    bench.send("RESUME,BLAH,1,BLAH,F,100.0,0.0,0.0")
    await rest()
    assert bench.steps == (3100, 0, 0)


async def test_7_a_stop_during_a_pause_does_not_cancel_the_move():
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 700)
    bench.send("PAUSE,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await asyncio.sleep(1)
    bench.send("STOP,BLAH,BLAH,BLAH,F,0.0,0.0,0.0")
    await rest()
    bench.send("RESUME,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await rest()
    assert bench.steps == (2000, 0, 0)


async def test_7_a_resume_of_no_motor_cancels_it():
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 700)
    bench.send("PAUSE,BLAH,1,BLAH,F,0.0,0.0,0.0")
    await asyncio.sleep(1)
    halted = bench.steps[0]
    heard = bench.send("RESUME,BLAH,0,BLAH,F,0.0,0.0,0.0")
    assert heard.count(b"Entering While Loop ") == 2, "the firmware enters the move of RESUME, and that of its pause"
    await asyncio.sleep(1)
    bench.run(p1=100)
    await rest()
    assert bench.steps == (halted + 100, 0, 0)


async def test_8_a_question_for_the_same_motor_leaves_the_total_exact():
    bench = Bench()
    bench.run(p1=2000)
    for _ in range(40):
        await asyncio.sleep(0.04)
        bench.time("1")
    await rest()
    assert bench.steps == (2000, 0, 0)


# -- the line, power and what is around the board ----------------------------------------------------------------------


async def test_printing_blocks_stepping():
    """Some 200 bytes through a buffer of 64: roughly 6 to 9 ms for each frame."""
    loop = asyncio.get_running_loop()
    took = []
    for frames in (0, 50):
        bench, began = Bench(), loop.time()
        bench.run(p1=1500)
        for _ in range(frames):
            await asyncio.sleep(0.02)
            bench.time("1")
        await bench.until_step(1, 1500)
        took.append(loop.time() - began)
    assert 50 * 0.0055 <= took[1] - took[0] <= 50 * 0.009


async def test_a_frame_that_comes_while_the_pump_prints_waits_and_more_than_63_bytes_are_lost():
    bench = Bench()
    bench.device.feed(b"<PING,X,1,1,F,0.0,0.0,0.0>" * 5)
    await asyncio.sleep(0.1)
    assert bench.heard.count(b"<mode: PING") == 3  # one at once, and two whole ones of 26 bytes in 63


async def test_opening_the_port_resets_a_normal_board():
    bench = Bench(resets_on_open=True, bootloader_s=0.5)
    assert bench.heard == b""
    await asyncio.sleep(1.49)
    assert bench.heard == b""
    await asyncio.sleep(0.02)
    assert bench.heard == b"<Arduino is ready>\r\n"
    bench.run(p1=4000)
    await asyncio.sleep(1)
    bench.device.attach(bench._hear)
    moved = bench.steps
    await rest()
    assert bench.steps == moved, "a reset ends the move"
    assert [motor.speed for motor in bench.device.motors] == [1000] * 3


async def test_a_power_cut_forgets_speeds_and_starts_time_again():
    bench = Bench()
    bench.send("SETTING,SPEED,2,77.0,F,0.0,0.0,0.0")
    await asyncio.sleep(20)
    before = bench.time()
    bench.device.power(on=False)
    assert bench.send("PING,X,1,0,F,0.0,0.0,0.0") == b""
    bench.device.power(on=True)
    await asyncio.sleep(3)
    assert bench.time() < before
    assert bench.device.motors[1].speed == 1000


async def test_the_only_key_is_reset():
    bench = Bench()
    bench.run(p1=4000)
    await asyncio.sleep(1)
    bench.device.press("reset")
    moved = bench.steps
    await rest()
    assert bench.steps == moved
    with pytest.raises(PanelError, match="reset"):
        bench.device.press("rate", "50%")


async def test_a_stalled_motor_is_stepped_all_the_same_and_nothing_moves():
    bench = Bench()
    bench.run(p1=2000)
    await bench.until_step(1, 500)
    bench.plants[0].jam()
    given = bench.plants[0].truth().delivered_ml
    await rest()
    assert bench.steps == (2000, 0, 0)
    assert bench.plants[0].truth().delivered_ml == pytest.approx(given)


async def test_steps_become_volume_as_in_the_sheets_table():
    """BD 10 mL and 1/32: 48917.9 steps per mL."""
    bench = Bench(diameter_mm=2 * math.sqrt(163.539454 / math.pi))
    assert bench.options.steps_per_ml == pytest.approx(48917.9, abs=0.05)
    bench.run("3", 0, 0, 48918)
    await asyncio.sleep(120)
    assert bench.plants[2].truth().delivered_ml == pytest.approx(1, abs=1e-4)
    assert bench.device.display(3)["steps"] == "48918"
