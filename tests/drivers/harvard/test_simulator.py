"""A simulated Harvard pump against the recorded dialogue and what public clients expect; sheet: harvard.md."""

import asyncio

import pytest

from pumpd_drivers.harvard.codec import ReplyFramer
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.family import family
from pumpd_simulators.harvard import FAMILY
from pumpd_simulators.plant import Plant, PlantSettings


class Bench:
    def __init__(self, model="legato-100", plant=None, **options):
        chosen = FAMILY.options.of(options)
        self.plants = [Plant(LoopClock(), plant or PlantSettings.ideal()) for _ in range(FAMILY.units(chosen))]
        self.plant = self.plants[0]
        self.device = FAMILY.make(self.plants, model, chosen)
        self.output = b""
        self.doing = []
        self.device.attach(self._hear)

    def _hear(self, data):
        self.output += data
        self.doing.append(self.device.doing)

    def ask(self, text, end="\r\n"):
        self.output = b""
        self.device.feed((text + end).encode())
        return self.output


@pytest.fixture
async def bench():
    return Bench


async def test_the_recorded_dialogue_byte_for_byte(bench):
    """harvard.md, "Real recorded bytes" (a Legato 100)."""
    pump = bench()
    dialogue = [
        ("@poll on", b"\n:\x11"),
        ("@nvram none", b"\n:\x11"),
        ("@version", b"\nFirmware:      v3.0.6\r\nPump address:  0\r\nSerial number: D101754\r\n:\x11"),
        ("@irate lim", b"\n25.0404 nl/min to 26.0035 ml/min\r\n:\x11"),
        ("@diameter 7.262", b"\n:\x11"),
        ("@diameter", b"\n7.2620 mm\r\n:\x11"),
        ("@diameter 14.43", b"\n:\x11"),
        ("@irate 199.49 ul/min", b"\n:\x11"),
        ("@irate", b"\n199.49 ul/min\r\n:\x11"),
        ("@tvolume", b"\nTarget volume not set\r\n:\x11"),
        ("@tvolume 2 l", b"\nArgument error: 2\r\n   Target volume out of range\r\n:\x11"),
        ("@tvolume 199.49 ul", b"\n:\x11"),
        ("@tvolume", b"\n199.49 ul\r\n:\x11"),
        ("@ctvolume", b"\n:\x11"),
        ("@ttime", b"\nTarget time not set\r\n:\x11"),
        ("@ttime 30", b"\n:\x11"),
        ("@ttime", b"\n30 seconds\r\n:\x11"),
        ("@ttime 180", b"\n:\x11"),
        ("@ttime", b"\n00:03:00\r\n:\x11"),
        ("@ttime 01:30:00", b"\n:\x11"),
        ("@ttime", b"\n01:30:00\r\n:\x11"),
        ("@cttime", b"\n:\x11"),
        ("@iramp", b"\nRamp not set up.\r\n:\x11"),
        ("@iramp 110 ul/min 417 ul/min 7.036", b"\n:\x11"),
        ("@iramp", b"\n110 ul/min to 417 ul/min in 7.036 seconds\r\n:\x11"),
        ("@syrmanu HOSHI 20 ml", b"\n:\x11"),
        ("@syrmanu", b"\nHoshi, 20 ml, 20.45 mm\r\n:\x11"),
        ("@syrmanu HOSHI ?", b"\n20 ml\r\n:\x11"),
        ("@syrmanu 200", b"\nArgument error: 200\r\n   Unknown syringe\r\n:\x11"),
        ("@svolume 8.6284 ml", b"\n:\x11"),
        ("@svolume", b"\n8.6284 ml\r\n:\x11"),
        ("@load", b"\nQuick Start - Infuse/Withdraw (qs iw)\r\n:\x11"),
        ("@load qs i", b"\n:\x11"),
        ("@load", b"\nQuick Start - Infuse Only (qs i)\r\n:\x11"),
        ("@load qs w", b"\n:\x11"),
        ("@load", b"\nQuick Start - Withdraw Only (qs w)\r\n:\x11"),
        ("@load qs iw", b"\n:\x11"),
        ("@force 15", b"\n:\x11"),
        ("@force", b"\n15%\r\n:\x11"),
        ("@irate 199.49 ul/min", b"\n:\x11"),
        ("@irun", b"\n>\x11"),
        ("@stp", b"\n:\x11"),
        ("@dim 15", b"\n:\x11"),
        ("@civolume", b"\n:\x11"),
        ("@ivolume", b"\n0 ul\r\n:\x11"),
        ("@cwvolume", b"\n:\x11"),
        ("@wrate 199.49 ul/min", b"\n:\x11"),
        ("@addr 2", b"\nPump address set to 2\r\n02:\x11"),
    ]
    for request, answered in dialogue:
        assert pump.ask(request) == answered, request


async def test_a_running_volume_has_six_digits(bench):
    pump = bench()
    for text in ("poll on", "irate 199.49 ul/min", "irun"):
        pump.ask(text)
    await asyncio.sleep(1.69023 / 199.49 * 60)
    assert pump.ask("@ivolume") == b"\n1.69023 ul\r\n>\x11"
    assert pump.ask("@crate") == b"\nInfusing at 199.49 ul/min\r\n>\x11"
    await asyncio.sleep(60)
    assert pump.plant.moved()[0] == pytest.approx((199.49 + 1.69023) / 1000)


async def test_both_targets_end_a_run_and_the_first_one_counts(bench):
    for target, time, ends_ml, ends_s in (("1 ml", "00:10:00", 1.0, 60.0), ("5 ml", "30", 0.5, 30.0)):
        pump = bench()
        for text in ("poll on", "irate 60 ml/hr", f"tvolume {target}", f"ttime {time}"):
            assert pump.ask(text) == b"\n:\x11"
        assert pump.ask("irun") == b"\n>\x11"
        await asyncio.sleep(ends_s - 0.01)
        assert pump.ask("") == b"\n>\x11"
        await asyncio.sleep(0.02)
        assert pump.ask("") == b"\nT*\x11"
        await asyncio.sleep(60)
        assert pump.plant.moved() == (pytest.approx(ends_ml), 0)
        assert pump.ask("irun") == b"\nT*\x11"  # the target is of all that was infused
        assert not pump.plant.truth().running
        pump.ask("civolume")
        pump.ask("citime")
        assert pump.ask("irun") == b"\n>\x11"
        pump.device.shut()


async def test_the_other_choices_of_targets(bench):
    pump = bench(targets="last")
    pump.ask("tvolume 1 ml")
    pump.ask("ttime 30")
    assert pump.ask("tvolume") == b"\nTarget volume not set\r\n:"
    pump = bench(target_counts="run")
    for text in ("irate 60 ml/hr", "tvolume 1 ml", "irun"):
        pump.ask(text)
    await asyncio.sleep(61)
    assert pump.ask("irun") == b"\n>"
    await asyncio.sleep(61)
    assert pump.plant.moved()[0] == pytest.approx(2.0)


async def test_a_stall_is_a_prompt_and_a_flag_and_no_message(bench):
    for clears, after in ((True, b"\n:"), (False, b"\n*")):
        pump = bench(stp_clears_stall=clears)
        for text in ("irate 60 ml/hr", "irun"):
            pump.ask(text)
        pump.output = b""
        pump.plant.jam()
        await asyncio.sleep(1)
        assert pump.output == b""
        assert pump.ask("") == b"\n*"
        assert pump.ask("status").split()[-2] == b"i.S.i."
        assert pump.ask("stp") == after
        pump.plant.free()
        assert pump.ask("irun") == b"\n>"


async def test_an_occlusion_stalls_the_motor(bench):
    pump = bench()
    for text in ("irate 60 ml/hr", "irun"):
        pump.ask(text)
    pump.plant.occlude()
    await asyncio.sleep(29)  # compliance * pressure / rate = 0.5 mL / 60 mL/h = 30 s
    assert pump.ask("") == b"\n>"
    await asyncio.sleep(2)
    assert pump.ask("") == b"\n*"


async def test_status_has_the_width_that_a_public_client_requires_with_the_direction_at_29(bench):
    pump = bench()
    pump.ask("poll on")
    (reply,) = ReplyFramer().feed(pump.ask("status"))
    assert len(reply.lines[0]) == 35
    assert reply.lines[0][29] == "i"
    assert reply.lines[0].split() == ["0", "0", "0", "i...i."]
    for text in ("irate 3.6 ml/hr", "irun"):
        pump.ask(text)
    await asyncio.sleep(2)
    (reply,) = ReplyFramer().feed(pump.ask("status"))
    assert reply.lines[0].split() == ["1000000000", "2000", "2000000000", "I...i."]  # fL/s, ms, fL
    pump.ask("wrate 3.6 ml/hr")
    assert pump.ask("wrun") == b"\n<\x11"
    await asyncio.sleep(1)
    (reply,) = ReplyFramer().feed(pump.ask("status"))
    assert reply.lines[0].split() == ["1000000000", "1000", "1000000000", "W...w."]
    old = bench(status_target_flag=False, status_time="s", status_width=0)
    assert old.ask("stat") == b"\n0 0 0 i...i\r\n:"  # PHD Ultra rev A: five flags


async def test_addresses_on_one_line(bench):
    pump = bench(addresses="0,2,12")
    assert pump.ask("12:irat 3.2 u/m") == b"\n12:"
    assert pump.ask("12irat") == b"\n12:3.2 ul/min\r\n12:"
    assert pump.ask("02@irat 5 m/h") == b"\n02:"
    assert pump.ask("2@irate") == b"\n02:5 ml/hr\r\n02:"
    assert pump.ask("irate") == b"\n0 ml/min\r\n:"
    assert pump.ask("7stp") == b""
    assert pump.ask("2version").count(b"D101755") == 1
    pump.ask("02irun")
    await asyncio.sleep(3600)
    assert [plant.moved()[0] for plant in pump.plants] == [0, pytest.approx(5), 0]
    pump.device.press("stop", unit=2)
    assert pump.device.display(2)["status"] == ":"


async def test_the_other_choices_of_addresses(bench):
    assert bench(addresses="2").ask("") == b"\n02:"  # this is how a public client finds a pump's address
    assert bench(addresses="2", unaddressed="zero").ask("") == b""
    assert bench(addresses="2", address_on_text=False).ask("2irate") == b"\n0 ml/min\r\n02:"
    assert bench("11-elite", show_address_zero=True).ask("0VER ") == b"\n00:11 ELITE I/W Single 3.0.4\r\n00:"


async def test_numbers_and_units_as_public_clients_send_them(bench):
    pump = bench()
    for request, asked, shown in (
        ("irate 2.0000000000 m/m", "irate", "2 ml/min"),
        ("tvolume 10.000000000000000 m", "tvol", "10 ml"),
        ("TVOLUME 123.46 uL", "tvolume", "123.46 ul"),
        ("diameter 14.5670 mm", "diam", "14.5670 mm"),
        ("irate 52.5 ml/hr", "irat", "52.5 ml/hr"),
        ("ttime 1:2:3", "ttim", "01:02:03"),
    ):
        assert pump.ask(request, "\r") == b"\n:", request
        assert pump.ask(asked) == f"\n{shown}\r\n:".encode()


async def test_wrong_input_is_refused_and_changes_nothing(bench):
    pump = bench()
    pump.ask("irate 1 ml/min")
    for request in (
        "irate 27 ml/min",
        "irate 25 nl/min",
        "irate 5",
        "irate 5 furlongs",
        "irate -5 ml/hr",
        "tvolume x ml",
        "ttime 25:99",
        "diameter 33.01",
        "diameter 0.05",
        "addr 100",
        "baud 1",
        "force 200",
        "poll maybe",
        "load steps",
    ):
        assert pump.ask(request).startswith(b"\nArgument error: "), request
    for request in ("fly", "ir", "irunx", "\x7f\xff"):
        assert pump.ask(request) == b"\nCommand error:\r\n   Unknown command\r\n:", request
    assert pump.ask("irate") == b"\n1 ml/min\r\n:"
    assert pump.ask("irate max") == b"\n:"
    assert pump.ask("irun") == b"\n>"
    assert pump.ask("diameter 20").startswith(b"\nCommand error:")
    assert bench().ask("irun") == b"\nCommand error:\r\n   Rate not set\r\n:"
    assert bench(has_nvram_none=False).ask("nvram none").startswith(b"\nArgument error: none")


async def test_a_rate_changes_while_running_and_a_ramp_runs_up(bench):
    pump = bench()
    for text in ("irate 60 ml/hr", "tvolume 2 ml", "irun"):
        pump.ask(text)
    await asyncio.sleep(60)
    pump.ask("irate 30 ml/hr")
    await asyncio.sleep(119)
    assert pump.plant.moved()[0] == pytest.approx(1 + 119 / 120)
    await asyncio.sleep(2)
    assert pump.ask("") == b"\nT*"
    for after, prompt in (("hold", b"\n>"), ("stop", b"\nT*")):
        pump = bench(after_ramp=after)
        for text in ("iramp 0.01 ml/hr 120 ml/hr 60", "irun"):
            pump.ask(text)
        await asyncio.sleep(60.001)
        assert pump.plant.moved()[0] == pytest.approx(1.0, rel=0.02)  # the mean of 0 and 120 mL/h for a minute
        assert pump.ask("") == prompt
        pump.device.shut()


async def test_a_power_cut_stops_and_forgets_what_nvram_does_not_hold(bench):
    pump = bench()
    for text in ("poll on", "irate 60 ml/hr", "nvram none", "tvolume 5 ml", "irun"):
        pump.ask(text)
    await asyncio.sleep(10)
    pump.device.power(on=False)
    assert pump.ask("irate") == b""
    assert not pump.plant.truth().running
    pump.device.power(on=True)
    assert pump.ask("irate") == b"\n60 ml/hr\r\n:"  # poll is off again
    assert pump.ask("tvolume") == b"\nTarget volume not set\r\n:"
    assert pump.ask("ivolume") == b"\n0 ul\r\n:"


async def test_echo_can_be_switched_on(bench):
    pump = bench()
    pump.ask("echo on")
    assert pump.ask("irate", "\r") == b"irate\r\n0 ml/min\r\n:"


async def test_keys_work(bench):
    pump = bench()
    with pytest.raises(PanelError):
        pump.device.press("rate", "150%")
    pump.ask("irate 60 ml/hr")
    pump.device.press("start")
    pump.device.press("rate", "150%")
    assert pump.ask("irate") == b"\n90 ml/hr\r\n>"
    pump.device.press("stop")
    assert pump.ask("") == b"\n:"
    for key, value in (("dance", None), ("rate", None), ("stop", "1"), ("rate", "9999"), ("diameter", "99")):
        with pytest.raises(PanelError):
            pump.device.press(key, value)
    assert pump.device.display()["rate"] == "90 ml/hr"


async def test_its_activity_is_named_in_words_that_faults_accept(bench):
    pump = bench()
    for text in (
        "version",
        "status",
        "irate lim",
        "tvolume",
        "tvolume 1 ml",
        "civolume",
        "irate 1 ml/min",
        "irun",
        "stp",
    ):
        pump.ask(text)
    o = Operation
    assert pump.doing == [o.IDENTIFY, o.READ, o.READ, o.READ, o.PROGRAM, o.PROGRAM, o.PROGRAM, o.START, o.STOP]
    assert pump.device.doing is None


async def test_every_command_of_the_sheet_is_known(bench):
    pump = bench()
    sheet = """
        address ascale baud boot cat cmd config delmethod dim echo force ftswitch poll remote time tilt ver version
        metrics load diameter svolume gang syrmanu run rrun irun wrun stp stop irate wrate rate iramp wramp crate
        civolume ctvolume cvolume cwvolume ivolume wvolume tvolume citime ctime cttime cwtime itime ttime input
        output sync status nvram
        """.split()  # noqa: SIM905 - as the sheet has it
    for name in sheet:
        for word in (name, name[:4]):
            assert b"Unknown command" not in pump.ask(word), word


def test_the_family_is_found_by_its_entry_point():
    assert family("harvard") is FAMILY


async def test_what_some_pumps_and_lines_do_to_a_reply(bench):
    for options, answered in (
        ({}, b"\n02:60 ml/hr\r\n02T*"),
        ({"prompt_on_text": True}, b"\n02T*60 ml/hr\r\n02T*"),
        ({"prompt_on_text": True, "address_on_text": False}, b"\n02T*60 ml/hr\r\n02T*"),
        ({"colon_before_prompt": True}, b"\n02:60 ml/hr\r\n02:T*"),
        ({"leaked_prompt": True}, b"T*\r\n02:60 ml/hr\r\n02T*"),
        ({"trailing_blank": True}, b"\n02:60 ml/hr \r\n02T*"),
        ({"telnet": True}, b"\n02:60 ml/hr\r\0\n02T*"),
        ({"nul_bytes": "before"}, b"\0\n02:60 ml/hr\r\n02T*"),
        ({"nul_bytes": "text"}, b"\n02:60\0 ml/hr\r\n02T*"),
        ({"wrong_address": "before"}, b"\n00:\n02:60 ml/hr\r\n02T*"),
        ({"wrong_address": "instead"}, b"\n02:60 ml/hr\r\nT*"),
    ):
        pump = bench(addresses="2", **options)
        for text in ("02irate 60 ml/hr", "02tvolume 1 ml", "02irun"):
            pump.ask(text)
        await asyncio.sleep(61)
        assert pump.ask("02irate") == answered, options
    pump = bench(addresses="0,2", silent_settings=True)
    assert pump.ask("irate 60 ml/hr") == b"\n:"
    assert pump.ask("02irate 60 ml/hr") == b""
    assert pump.ask("02irate") == b"\n02:60 ml/hr\r\n02:"
    assert pump.ask("02cvolume") == b""
    assert pump.ask("02irun") == b"\n02>"


async def test_each_line_can_be_parsed_as_a_public_client_of_the_11_elite_does(bench):
    """Two digits, a prompt of one character (`T*` has two), and text."""
    pump = bench("11-elite", show_address_zero=True, prompt_on_text=True)
    for text in ("0irate 60 ml/hr", "0tvolume 1 ml", "0irun"):
        pump.ask(text)
    for waits_s, prompt in ((1, ">"), (61, "T")):
        await asyncio.sleep(waits_s)
        first, *lines = pump.ask("0irate").decode().split("\n")
        assert first == ""
        for line, text in zip(lines, ("60 ml/hr", ""), strict=True):
            assert (int(line[:2]), line[2]) == (0, prompt)
            assert line[4 if prompt == "T" else 3 :].strip() == text
