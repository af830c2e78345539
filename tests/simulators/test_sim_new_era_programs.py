"""The simulated NE-1000 against the protocol sheet: programs of phases, what a power cut leaves, its keys."""

import asyncio
import random

import pytest

from pumpd_drivers.new_era.codec import safe_frame
from pumpd_simulators.device import PanelError
from tests.simulators.test_sim_new_era import READY

# -- programs (S: programs) ----------------------------------------------------------------------------------------


async def test_phases_follow_each_other_and_a_stop_phase_ends_them(bench):
    host = bench()
    host.setup(*READY, "VOL 1", "PHN2", "FUN RAT", "RAT 30 MH", "VOL 1", "PHN3", "FUN STP", "PHN1", "RUN")
    assert host.basic("RAT") == "00I60.00MH"
    await asyncio.sleep(90)
    assert host.basic("RAT") == "00I30.00MH"
    assert host.basic("DIS") == "00II1.250W0.000ML"
    await asyncio.sleep(91)
    assert host.basic("") == "00S"
    assert host.basic("DIS") == "00SI2.000W0.000ML"
    assert host.basic("RAT") == "00S60.00MH"


async def test_an_untouched_second_phase_keeps_delivering(bench):
    """After *RESET phase 2 is RAT with volume 0: a driver that does not set it to FUN STP over-delivers."""
    host = bench()
    host.setup("*RESET", *READY, "RUN")
    await asyncio.sleep(600)
    assert host.basic("") == "00I"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(10.0)


async def test_a_stop_phase_prevents_that_delivery(bench):
    host = bench(factory_phases="continue")
    host.setup(*READY, "PHN2", "FUN STP", "PHN1", "RUN")
    await asyncio.sleep(600)
    assert host.basic("") == "00S"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(5.0)


async def test_pause_clear_and_beep_phases_work(bench):
    host = bench()
    host.setup(*READY, "VOL 1", "PHN2", "FUN PAS 30", "PHN3", "FUN CLD", "PHN4", "FUN BEP")
    host.setup("PHN5", "FUN RAT", "RAT 60 MH", "VOL 2", "PHN1", "RUN")
    await asyncio.sleep(75)
    assert host.basic("") == "00T"
    assert host.basic("FUN") == "00TPAS30"
    await asyncio.sleep(45)
    assert host.basic("DIS") == "00II0.500W0.000ML"
    await asyncio.sleep(91)
    assert host.basic("DIS") == "00SI2.000W0.000ML"


async def test_a_timed_pause_can_be_paused_and_keeps_the_rest_of_its_time(bench):
    host = bench()
    host.setup(*READY, "VOL 1", "PHN2", "FUN PAS 30", "PHN3", "FUN RAT", "RAT 60 MH", "VOL 1", "PHN1", "RUN")
    await asyncio.sleep(70)
    assert host.basic("STP") == "00P"
    await asyncio.sleep(100)
    assert host.basic("RUN") == "00T"
    await asyncio.sleep(19.9)
    assert host.basic("") == "00T"
    await asyncio.sleep(0.2)
    assert host.basic("") == "00I"


async def test_a_later_phase_out_of_range_is_an_alarm(bench):
    host = bench()
    host.setup(*READY, "RAT 600 MH", "VOL 1", "PHN2", "FUN RAT", "RAT 1600 MH", "VOL 1", "PHN1", "DIA 20", "VOL 1")
    assert host.basic("RUN") == "00I"
    await asyncio.sleep(10)
    assert host.basic("") == "00A?O"
    assert host.basic("") == "00S"


async def test_rate_volume_and_direction_belong_to_rate_phases(bench):
    host = bench()
    host.setup("PHN2")
    assert host.basic("FUN") == "00SSTP"
    assert [host.basic("RAT 60 MH"), host.basic("VOL 1"), host.basic("DIR WDR")] == ["00S?NA"] * 3


async def test_run_may_start_at_a_phase(bench):
    host = bench()
    host.setup(*READY, "PHN2", "FUN RAT", "RAT 30 MH", "VOL 1", "PHN1")
    assert host.basic("RUN 2") == "00I"
    assert host.basic("RAT") == "00I30.00MH"


async def test_reset_clears_program_mode_and_address(bench):
    host = bench(addresses=5)
    host.basic("5")
    assert host.basic("5DIA 20") == "05S"
    assert host.basic("5RAT 30 MH") == "05S"
    assert host.basic("*RESET") == "00S"
    assert host.basic("RAT") == "00S0.000MH"


async def test_a_command_in_the_instant_of_a_new_phase_may_be_ignored(bench):
    """?IGN (S: data-field errors); the length of that instant is an assumption. Questions are answered."""
    host = bench(phase_start_s=0.5)
    host.setup(*READY, "VOL 1", "PHN2", "FUN RAT", "RAT 30 MH", "VOL 1", "PHN3", "FUN STP", "PHN1", "RUN")
    assert host.basic("STP") == "00P", "a start is no change of phase"
    host.setup("RUN")
    await asyncio.sleep(60.2)
    assert host.basic("STP") == "00I?IGN"
    assert host.basic("VER") == "00INE1000V3.92"
    assert host.basic("DIS")[:6] == "00II1."
    assert host.basic("") == "00I"
    await asyncio.sleep(0.5)
    assert host.basic("STP") == "00P"


async def test_plunger_speeds_that_no_source_states_may_be_chosen(bench):
    host = bench(model="ne-4000", fastest_cm_min=6.0, slowest_cm_h=0.01)
    host.setup("DIA 20.00")
    assert host.basic("RAT 1130 MH") == "00S"  # pi cm2 * 6 cm/min = 1131 mL/h
    assert host.basic("RAT 1132 MH") == "00S?OOR"
    assert host.basic("RAT 31.42 UH") == "00S"  # pi cm2 * 0.01 cm/h = 31.416 uL/h
    assert host.basic("RAT 31.40 UH") == "00S?OOR"


# -- memory and power-fail (S: commands, safety-relevant list) -----------------------------------------------------


async def test_the_memory_survives_a_power_cut(bench):
    host = bench()
    host.setup(*READY, "PHN2", "FUN PAS 7", "PHN1")
    host.pump.power(on=False)
    host.pump.power(on=True)
    host.setup()
    assert [host.basic(text) for text in ("DIA", "RAT", "VOL")] == ["00S26.59", "00S60.00MH", "00S5.000ML"]
    host.setup("PHN2")
    assert host.basic("FUN") == "00SPAS7"


async def test_a_power_cut_ends_the_program_without_power_fail_restart(bench):
    host = bench()
    host.setup(*READY, "PF 0", "RUN")
    await asyncio.sleep(60)
    host.pump.power(on=False)
    await asyncio.sleep(60)
    host.pump.power(on=True)
    await asyncio.sleep(600)
    assert host.basic("") == "00A?R"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1.0)


async def test_with_power_fail_restart_left_on_the_pump_gives_the_volume_again(bench):
    host = bench(power_fail_restart=True)
    host.setup(*READY, "RUN")
    await asyncio.sleep(60)
    host.pump.power(on=False)
    await asyncio.sleep(60)
    host.pump.power(on=True)
    assert host.basic("") == "00A?R"
    assert host.basic("") == "00I"
    await asyncio.sleep(600)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(6.0)


async def test_a_stopped_pump_does_not_start_after_a_power_cut(bench):
    host = bench(power_fail_restart=True)
    host.setup(*READY, "RUN", "STP", "STP")
    host.pump.power(on=False)
    host.pump.power(on=True)
    await asyncio.sleep(60)
    host.setup()
    assert host.basic("") == "00S"


async def test_a_stall_resets_the_program_or_pauses_it_as_assumed(bench):
    """[U] in the sheet: what is left of the program after a stall."""
    for after, status in (("stopped", "00S"), ("paused", "00P")):
        host = bench(after_stall=after)
        host.setup(*READY, "RUN")
        await asyncio.sleep(60)
        host.pump.fire("stall")
        await asyncio.sleep(1)
        assert host.basic("") == "00A?S"
        assert host.basic("") == status
        host.pump.plant.free()
        host.setup("RUN")
        await asyncio.sleep(301)
        assert host.basic("DIS") == ("00SI6.000W0.000ML" if after == "stopped" else "00SI5.000W0.000ML")


# -- the keys ------------------------------------------------------------------------------------------------------


async def test_keys_start_pause_and_stop(bench):
    host = bench()
    host.setup(*READY)
    host.pump.press("start")
    assert host.basic("") == "00I"
    host.pump.press("rate", "30")
    assert host.basic("RAT") == "00I30.00MH"
    host.pump.press("stop")
    assert host.basic("") == "00P"
    host.pump.press("stop")
    assert host.basic("") == "00S"
    host.pump.press("diameter", "20")
    assert host.basic("DIA") == "00S20.00"


async def test_any_key_acknowledges_an_alarm_and_does_nothing_else(bench):
    host = bench()
    host.pump.press("start")
    assert host.basic("") == "00S"


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("rate", "1700", "OOR"),
        ("rate", "fast", "fast"),
        ("rate", None, "needs a value"),
        ("stop", "1", "no value"),
        ("eject", None, "eject.*start, stop"),
        ("stop", None, "NA"),
        ("diameter", "x", "'x'"),
    ],
)
async def test_a_key_press_that_does_nothing_gives_its_reason(bench, key, value, names):
    host = bench()
    host.setup(*READY)
    with pytest.raises(PanelError, match=names):
        host.pump.press(key, value)


async def test_a_locked_keypad_accepts_only_stop(bench):
    host = bench()
    host.setup(*READY, "LOC 1", "RUN")
    with pytest.raises(PanelError, match="locked"):
        host.pump.press("rate", "30")
    host.pump.press("stop")
    assert host.basic("") == "00P"


@pytest.mark.parametrize("seed", range(8))
async def test_no_bytes_can_break_the_pump(bench, seed):
    """Noise, cut and glued packets: it answers or not, and still answers a status query afterwards."""
    rng = random.Random(seed)
    host = bench(ideal=False, seed=seed)
    words = [*host.pump.device._commands, "PF", "LOC", "*", "0", "00", "1.5", "9999.", "MH", "ML", "INF", "STP", "41"]
    for _ in range(400):
        text = "".join(rng.choice(words) for _ in range(rng.randrange(4))).encode()
        packet = rng.choice((text + b"\r", safe_frame(text[:40]), rng.randbytes(rng.randrange(12))))
        cut = rng.randrange(len(packet) + 1) if rng.random() < 0.2 else len(packet)
        host.raw(packet[:cut])
        await asyncio.sleep(rng.choice((0, 0.01, 0.7, 40)))
        assert all(answer[:1] == b"\x02" and answer[-1:] == b"\x03" for answer in host.heard)
    await asyncio.sleep(1)
    host.raw(b"\r")
    host.raw(bytes.fromhex("02 08 53 41 46 30 55 43 03"))
    address = host.pump.device.memory.address
    host.basic(f"{address}")
    assert host.basic(f"{address}VER") == f"{address:02d}{host.basic(str(address))[2]}NE1000V3.92"


async def test_the_reply_delay_is_that_of_the_settings(bench):
    host = bench(reply_delay_s=0.01)
    assert host.raw(b"\r") == b""
    await asyncio.sleep(0.011)
    assert host.heard == [b"\x0200A?R\x03"]


async def test_a_slow_reply_is_never_sent_after_a_power_cut(bench):
    host = bench(reply_delay_s=2.0)
    host.raw(b"VER\r")
    host.pump.power(on=False)
    host.pump.power(on=True)
    await asyncio.sleep(5)
    assert host.heard == []


async def test_unplugging_leaves_the_pump_running(bench):
    host = bench()
    host.setup(*READY, "RUN")
    host.pump.detach()
    await asyncio.sleep(60)
    host.pump.attach(host.heard.append)
    assert host.basic("DIS") == "00II1.000W0.000ML"


@pytest.mark.parametrize("wrong", [{"address": 100}, {"model": "ne-9999"}, {"faults": ["fire@1min"]}])
async def test_an_impossible_pump_is_refused(bench, wrong):
    with pytest.raises(ValueError, match=r"addresses.0: .* 99|ne-9999|fire"):
        bench(**wrong)
