"""The simulated Reglo ICC against its protocol sheet (lab-peristaltic.md), byte for byte, on plants without error."""

import asyncio

import pytest

from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.plant import Plant, PlantSettings
from pumpd_simulators.reglo_icc import FAMILY
from pumpd_simulators.reglo_icc.device import RegloIccPump
from pumpd_simulators.reglo_icc.options import RegloIccOptions


class Bench:
    """A host that only sends: `say` returns the pump's reply."""

    def __init__(self, plant=None, **options):
        chosen = RegloIccOptions(**{"channel_addressing": True, **options})
        self.plants = [Plant(LoopClock(), plant or PlantSettings.ideal()) for _ in range(chosen.channels)]
        self.device = RegloIccPump(self.plants, "reglo-icc", chosen)
        self.heard, self.doing = b"", []
        self.device.attach(self._hear)

    def _hear(self, data):
        self.heard += data
        self.doing.append(self.device.doing)

    def say(self, raw, end=b"\r"):
        self.heard = b""
        self.device.feed(raw + end)
        return self.heard

    def volume_run(self, channel=1, flow=b"1000+0", volume=b"2000+0"):
        """60 mL/h, 2 mL, mode O."""
        at = b"%d" % channel
        for command in (b"O", b"f" + flow, b"v" + volume):
            assert self.say(at + command) not in (b"#", b"")
        return self.say(at + b"H")


def close(found, expected):
    return found == pytest.approx(expected, abs=1e-9)


async def test_the_pump_is_identified():
    bench = Bench(channels=3, serial="S-7")
    assert bench.say(b"1#") == b"REGLO ICC 0208 308\r\n"
    assert bench.say(b"1(") == b"0208\r\n"
    assert bench.say(b"1x!") == b"8\r\n"
    assert bench.say(b"1xS") == b"S-7\r\n"
    assert bench.say(b"1xA") == b"3\r\n"
    assert bench.say(b"1)") == b"0308\r\n"
    assert bench.say(b"1?") == b"20.00 ml/min\r\n"
    assert bench.say(b"1+") == b"2.06 mm\r\n"
    assert bench.doing[:6] == [Operation.IDENTIFY] * 6


async def test_numbers_are_set_and_reported_in_their_own_formats():
    """98.76 rpm is 1S009876; 1.200e-2 is set as 1200-2 and reported as 1200E-2 (the sheet's own examples)."""
    bench = Bench()
    assert bench.say(b"1S009876") == b"*"
    assert bench.say(b"1S") == b"98.76\r\n"
    assert bench.say(b"1v1200-2") == b"1200E-2\r\n"
    assert bench.say(b"1v") == b"1200E-2\r\n"
    assert bench.say(b"1f8750-1") == b"8750E-1\r\n"
    assert bench.say(b"1xT35964000") == b"*"
    assert bench.say(b"1xT35964001") == b"#"
    assert bench.say(b"1xT") == b"35964000\r\n"
    for wrong in (b"1S9876", b"1v1.2", b"1v1200E-2", b"1f-200-2", b"1xT123456789", b'1"1', b"1z", b"1xq", b"2f"):
        assert bench.say(wrong) == b"#", wrong
    assert Bench(set_answers="ok").say(b"1v1200-2") == b"*"


async def test_a_volume_at_a_rate_ends_by_itself_and_exactly():
    bench = Bench()
    (plant,) = bench.plants
    assert bench.volume_run() == b"*"
    assert bench.say(b"1E") == b"+"
    assert bench.say(b"1H") == b"-"  # it runs already
    await asyncio.sleep(60)
    assert close(plant.truth().delivered_ml, 1.0)
    assert bench.say(b"1:") == b"1.000 ml\r\n"
    await asyncio.sleep(61)
    assert bench.say(b"1E") == b"-"
    assert close(plant.truth().delivered_ml, 2.0)
    assert bench.say(b"1W") == b"*"
    assert bench.say(b"1:") == b"0.000 ml\r\n"
    assert bench.say(b"1H") == b"*"  # the whole volume again
    await asyncio.sleep(300)
    assert close(plant.truth().delivered_ml, 4.0)


async def test_an_impossible_start_gives_its_reason():
    bench = Bench(max_volume_ml=500)
    assert bench.volume_run(flow=b"2001+1") == b"-"
    assert bench.say(b"1xe") == b"R 2000E+1\r\n"
    assert bench.volume_run(flow=b"0000+0") == b"-"
    assert bench.say(b"1xe") == b"R 2000E+1\r\n"
    assert bench.volume_run(volume=b"5001+2") == b"-"
    assert bench.say(b"1xe") == b"V 5000E+2\r\n"
    bench.volume_run()
    bench.say(b"1I")
    assert bench.say(b"1Q") == b"*"
    assert bench.say(b"1H") == b"-"
    assert bench.say(b"1xe") == b"C 0000E+0\r\n"
    assert close(bench.plants[0].truth().delivered_ml, 0.0)


async def test_each_mode_delivers_as_its_name_promises():
    """L 50 rpm of 100 is half the top flow of 20 mL/min; M, N, P at 1 mL/min; G 3 mL in 90 s; Q twice 2 mL."""
    minute = b"xT00000600"
    runs = {  # settings, what is given after one minute, after ten
        "L": ((b"L", b"S005000"), 10.0, 100.0),
        "M": ((b"M", b"f1000+0"), 1.0, 10.0),
        "N": ((b"M", b"f1000+0", b"N", minute), 1.0, 1.0),
        "G": ((b"G", b"v3000+0", b"xT00000900"), 2.0, 3.0),
        "Q": ((b"M", b"f4000+0", b"Q", b"v2000+0", b"xP00000600", b'"0002'), 2.0, 4.0),
        "P": ((b"M", b"f1000+0", b"P", b"xT00000300", b"xP00000600", b'"0003'), 0.5, 1.5),
    }
    for mode, (settings, after_one, after_ten) in runs.items():
        bench = Bench()
        for setting in settings:
            assert bench.say(b"1" + setting) not in (b"#", b""), setting
        assert bench.say(b"1xM") == mode.encode() + b"\r\n"
        assert bench.say(b"1H") == b"*"
        await asyncio.sleep(60)
        assert close(bench.plants[0].truth().delivered_ml, after_one), mode
        await asyncio.sleep(540)
        assert close(bench.plants[0].truth().delivered_ml, after_ten), mode
        bench.say(b"1I")


async def test_directions_are_kept():
    bench = Bench()
    assert bench.say(b"1K") == b"*"
    assert bench.say(b"1xD") == b"K\r\n"
    bench.volume_run()
    await asyncio.sleep(200)
    assert close(bench.plants[0].truth().delivered_ml, -2.0)
    assert bench.say(b"1J") == b"*"
    assert bench.say(b"1xD") == b"J\r\n"


async def test_a_pause_resumes_with_the_rest_and_a_stop_does_not():
    bench = Bench()
    (plant,) = bench.plants
    bench.volume_run()
    await asyncio.sleep(30)
    assert bench.say(b"1xI") == b"*"
    await asyncio.sleep(60)
    assert close(plant.truth().delivered_ml, 0.5)
    assert bench.say(b"1E") == b"-"
    assert bench.say(b"1H") == b"*"
    await asyncio.sleep(200)
    assert close(plant.truth().delivered_ml, 2.0)
    anew = Bench(pause_resumes=False)
    anew.volume_run()
    await asyncio.sleep(30)
    anew.say(b"1xI")
    anew.say(b"1H")
    await asyncio.sleep(200)
    assert close(anew.plants[0].truth().delivered_ml, 2.5)


async def test_a_running_channel_is_not_set():
    bench = Bench()
    bench.volume_run()
    for setting in (b"v5000+0", b"f2000+0", b"M", b"K", b"xf0"):
        assert bench.say(b"1" + setting) == b"#", setting
    loose = Bench(locked_while_running=False)
    loose.volume_run()
    assert loose.say(b"1v5000+0") == b"5000E+0\r\n"
    await asyncio.sleep(600)
    assert close(loose.plants[0].truth().delivered_ml, 2.0)  # holds from the next start on


async def test_the_flow_of_a_run_without_end_changes_at_once():
    bench = Bench()
    for command in (b"M", b"f1000+0", b"H"):
        bench.say(b"1" + command)
    await asyncio.sleep(60)
    assert bench.say(b"1f2000+0") == b"2000E+0\r\n"
    await asyncio.sleep(60)
    assert close(bench.plants[0].truth().delivered_ml, 3.0)


async def test_the_speed_applies_when_the_setpoint_is_the_speed():
    """`xf0`: mode O then runs at S, whatever f says. A driver that forgets it gives another rate."""
    bench = Bench(flow_setpoint=False)
    bench.say(b"1S005000")
    bench.volume_run(volume=b"1000+2")
    await asyncio.sleep(60)
    assert close(bench.plants[0].truth().delivered_ml, 10.0)
    bench.say(b"1I")
    assert bench.say(b"1xf1") == b"*"
    assert bench.say(b"1xf") == b"1\r\n"


async def test_channels_are_addressed_separately_and_zero_is_all_of_them():
    bench = Bench(channels=2, running_query="channel")
    one, other = bench.plants
    assert bench.volume_run(2) == b"*"
    await asyncio.sleep(60)
    assert close(one.truth().delivered_ml, 0.0)
    assert close(other.truth().delivered_ml, 1.0)
    assert (bench.say(b"1E"), bench.say(b"2E"), bench.say(b"2:")) == (b"-", b"+", b"1.000 ml\r\n")
    assert bench.say(b"0I") == b"*"
    assert not other.truth().running
    assert bench.say(b"3H") == b"#"
    bench.volume_run(1)
    bench.say(b"1I")
    assert bench.say(b"0H") == b"*"
    assert one.truth().running
    assert other.truth().running


async def test_running_and_total_may_apply_to_the_whole_pump():
    bench = Bench(channels=2, total_query="pump")
    bench.volume_run(2)
    await asyncio.sleep(60)
    assert (bench.say(b"1E"), bench.say(b"1:")) == (b"+", b"1.000 ml\r\n")


async def test_in_legacy_mode_the_digit_is_the_pumps_address():
    bench = Bench(channels=2, channel_addressing=False, address=3)
    assert bench.say(b"1E") == b""
    assert bench.say(b"3E") == b"-"
    assert bench.say(b"3~") == b"0\r\n"
    assert bench.volume_run(3) == b"*"
    assert all(plant.truth().running for plant in bench.plants)
    assert bench.say(b"@5") == b"*"
    assert bench.say(b"3I") == b""
    assert bench.say(b"5I") == b"*"
    assert bench.say(b"@9") == b"#"
    assert bench.say(b"5~1") == b"*"
    assert bench.say(b"2~") == b"1\r\n"


async def test_line_feeds_split_requests_and_noise():
    bench = Bench()
    assert bench.say(b"1E", b"\r\n") == b"-"
    assert bench.say(b"\n1E", b"\r\n") == b"-"
    bench.say(b"1", b"")
    assert bench.say(b"E") == b"-"
    assert bench.say(b"\xff\xff") == b""
    assert bench.say(b"1E") == b"-"


async def test_events_come_after_the_answer_and_only_when_asked_for():
    bench = Bench()
    assert bench.say(b"1xE") == b"0\r\n"
    bench.volume_run()
    assert bench.heard == b"*"
    bench.say(b"1I")
    assert bench.say(b"1xE1") == b"*"
    bench.volume_run()
    assert bench.heard == b"*^U1|A|0|0|0\r\n"
    bench.heard = b""
    await asyncio.sleep(200)
    assert bench.heard == b"^X1|A\r\n"
    assert bench.doing[-1] is None
    bench.say(b"1H")
    assert bench.say(b"1I") == b"*^X1|1\r\n"


async def test_flow_volume_and_total_can_have_the_other_units_and_digits():
    litres = Bench(unit="l")
    assert litres.volume_run(flow=b"1000-3", volume=b"2000-3") == b"*"
    await asyncio.sleep(300)
    assert close(litres.plants[0].truth().delivered_ml, 2.0)
    auto = Bench(total_units="auto")
    auto.volume_run(flow=b"1000+1", volume=b"2000+3")
    said = []
    for seconds in (3, 27, 270, 11_700):  # at 10 mL/min
        await asyncio.sleep(seconds)
        said.append(auto.say(b"1:"))
    assert said == [b"500.0 ul\r\n", b"5.000 ml\r\n", b"50.00 ml\r\n", b"2.000 l\r\n"]


async def test_a_stalled_motor_ends_the_run():
    bench = Bench()
    bench.volume_run()
    await asyncio.sleep(30)
    bench.plants[0].jam()
    assert bench.say(b"1E") == b"-"
    assert bench.say(b"1:") == b"0.500 ml\r\n"
    over = Bench(after_stall="overload")
    over.volume_run()
    over.plants[0].jam()
    assert over.say(b"1E") == b"#"
    assert over.say(b"1I") == b"#"
    assert over.say(b"1-") == b"*"
    assert over.say(b"1E") == b"-"


async def test_an_occluded_line_stalls_the_motor_when_the_tube_is_full():
    """0.0005 mL/mmHg times 1000 mmHg (the plant's): 0.5 mL, which is 30 s at 60 mL/h."""
    bench = Bench()
    bench.volume_run()
    bench.plants[0].occlude()
    await asyncio.sleep(29.9)
    assert bench.say(b"1E") == b"+"
    await asyncio.sleep(0.2)
    assert bench.say(b"1E") == b"-"


async def test_loss_of_power_ends_the_run():
    bench = Bench(channel_addressing=False)
    bench.say(b"1~1")
    bench.volume_run()
    await asyncio.sleep(30)
    bench.device.power(on=False)
    assert bench.say(b"1E") == b""
    await asyncio.sleep(30)
    bench.device.power(on=True)
    assert close(bench.plants[0].truth().delivered_ml, 0.5)
    assert bench.say(b"1~") == b"0\r\n"
    assert (bench.say(b"1E"), bench.say(b"1v"), bench.say(b"1:")) == (b"-", b"2000E+0\r\n", b"0.000 ml\r\n")
    forgetful = Bench(keeps_settings=False, keeps_total=True)
    forgetful.volume_run()
    await asyncio.sleep(30)
    forgetful.device.power(on=False)
    forgetful.device.power(on=True)
    assert (forgetful.say(b"1v"), forgetful.say(b"1:")) == (b"0000E+0\r\n", b"0.500 ml\r\n")


async def test_keys_and_display_work():
    bench = Bench()
    device = bench.device
    for key in ("mode=O", "rate=1", "volume=2"):
        device.press(*key.split("="))
    device.press("start")
    await asyncio.sleep(30)
    device.press("rate", "200%")  # resumes with the rest, twice as fast
    await asyncio.sleep(30)
    assert close(bench.plants[0].truth().delivered_ml, 1.5)
    shown = device.display()
    assert (shown["status"], shown["mode"], shown["flow_ml_min"], shown["total"]) == ("running", "O", "2", "1.500 ml")
    assert bench.say(b"1B") == b"*"
    with pytest.raises(PanelError, match="remote control"):
        device.press("rate", "3")
    device.press("stop")
    assert bench.say(b"1E") == b"-"
    assert bench.say(b"1A") == b"*"
    for key in (("start", "1"), ("rate", None), ("rate", "NaN"), ("rate", "21"), ("bolus", None), ("mode", "Z")):
        with pytest.raises(PanelError):
            device.press(*key)
    device.press("start")
    with pytest.raises(PanelError, match="refuses start"):
        device.press("start")
    device.power(on=False)
    assert device.display() == {"status": "off"}
    with pytest.raises(PanelError, match="off"):
        device.press("stop")


async def test_defaults_and_activity_are_reported():
    bench = Bench()
    bench.volume_run()
    assert bench.say(b"10") == b"#"
    bench.say(b"1I")
    assert bench.say(b"10") == b"*"
    assert bench.say(b"1v") == b"0000E+0\r\n"
    bench.doing.clear()
    for command in (b"1v2000+0", b"1v", b"1H", b"1I", b"1E", b"1A", b"1O"):
        bench.say(command)
    program, read = Operation.PROGRAM, Operation.READ
    assert bench.doing == [program, read, Operation.START, Operation.STOP, read, Operation.OTHER, program]


async def test_times_are_set_in_eight_digits_or_fewer_and_in_the_older_way():
    bench = Bench()
    for asked, tenths in ((b"xT600", b"600"), (b"V0150", b"150"), (b"VM010", b"6000"), (b"VH001", b"36000")):
        assert bench.say(b"1" + asked) == b"*", asked
        assert bench.say(b"1V") == bench.say(b"1xT") == tenths + b"\r\n"
    for wrong in (b"V10", b"VM1", b"VD010", b"T00000"):
        assert bench.say(b"1" + wrong) == b"#", wrong
    assert bench.say(b"1T0030") == b"*"
    assert bench.say(b"1xP") == b"30\r\n"
    assert Bench(short_times=False).say(b"1xT600") == b"#"


async def test_values_without_effect_are_reported_as_set_for_each_channel():
    bench = Bench(channels=2)
    assert bench.say(b"1+0317") == b"*"
    assert (bench.say(b"1+"), bench.say(b"2+")) == (b"3.17 mm\r\n", b"2.06 mm\r\n")
    assert bench.say(b"1r7900+1") == b"*"
    assert bench.say(b"1r") == b"7900E+1\r\n"
    assert bench.say(b"1xL3") == b"*"
    assert bench.say(b"2xL") == b"3\r\n"
    assert bench.say(b"1xSA1") == b"*"
    assert bench.say(b"1xS") == b"A1\r\n"
    assert (bench.say(b"1xA0002"), bench.say(b"1xA0003")) == (b"*", b"#")
    for wrong in (b"+317", b"xRH", b"xL4", b"r79", b"U1", b"xW10", b")0208"):
        assert bench.say(b"1" + wrong) == b"#", wrong


async def test_a_calibration_gives_its_target_in_its_time_and_can_be_cancelled():
    bench = Bench()
    (plant,) = bench.plants
    assert bench.say(b"1xY") == b"-"  # no target yet
    for command in (b"xU2000+0", b"xW00000600", b"xRK"):
        assert bench.say(b"1" + command) == b"*"
    assert bench.say(b"1xY") == b"*"
    assert bench.say(b"1xY") == b"-"
    assert bench.say(b"1S005000") == b"#"
    await asyncio.sleep(30)
    assert close(plant.truth().delivered_ml, -1.0)
    assert bench.say(b"1xZ") == b"*"
    bench.say(b"1xY")
    await asyncio.sleep(120)
    assert close(plant.truth().delivered_ml, -3.0)
    assert bench.say(b"1E") == b"-"
    assert bench.say(b"1xJ") == b"900\r\n"  # 30 s and 60 s, in tenths
    assert bench.say(b"1xC") == b"15\r\n"  # 3 mL; 20 mL are 100 revolutions
    for command in (b"xY", b"xZ"):
        bench.say(b"1" + command)
    assert bench.doing[-2:] == [Operation.START, Operation.STOP]


async def test_the_family_is_declared():
    assert FAMILY.units(RegloIccOptions(channels=4)) == 4
    assert FAMILY.physics("reglo-icc", 1).is_peristaltic
    plants = [Plant(LoopClock()) for _ in range(2)]
    device = FAMILY.make(plants, "reglo-icc", RegloIccOptions(channels=2))
    assert (device.model, device.baud, len(device.plants)) == ("Reglo ICC", 9600, 2)
    device.shut()
