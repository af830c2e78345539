"""The simulated Base A against the sheet (fresenius-base-a.md), by its bytes."""

import asyncio
import contextlib

import pytest

from pumpd_drivers.fresenius_base_a.codec import ACK, DC4, ENQ, NAK, Frame, Framer, Signal
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.fresenius_base_a import FAMILY
from pumpd_simulators.plant import Plant, PlantSettings


class Host:
    """A host that sends texts and receives frames; it answers only as set."""

    def __init__(self, *, contents_ml=None, polite=True, **options):
        chosen = FAMILY.options.of(options)
        clock = LoopClock()
        self.plants = [Plant(clock, PlantSettings.ideal(contents_ml)) for _ in range(FAMILY.units(chosen))]
        self.pump = FAMILY.make(self.plants, "base-a", chosen)
        self.heard, self.doing, self.polite = [], [], polite
        self._framer = Framer()
        self.pump.attach(self._hears)

    def _hears(self, data):
        self.doing.append(self.pump.doing)
        for frame in self._framer.feed(data):
            self.heard.append(frame)
            if self.polite and frame == Signal(ENQ):
                self.pump.feed(bytes([DC4]))

    def send(self, *texts):
        """Send frames such as "1LE;dr"; returns the text of the last reply, and requires one ACK before each."""
        for text in texts:
            address = int(text[0]) if text[0].isdigit() else None
            self.heard.clear()
            self.pump.feed(Frame(address, text[1:] if address is not None else text).to_bytes())
            assert self.heard[0] == Signal(ACK), self.heard
            assert len(self.heard) == 2, self.heard
            assert self.heard[1].address == address
        return self.heard[1].text

    def raw(self, data):
        self.heard.clear()
        self.pump.feed(data)
        return list(self.heard)

    def ready(self):
        assert self.send("0DC", "1DC", "1MO;2") == "C"
        return self


@pytest.fixture
async def host():
    with contextlib.ExitStack() as after:

        def make(**options):
            made = Host(**options)
            after.callback(made.pump.shut)
            after.callback(lambda: [plant.shut() for plant in made.plants])
            return made

        yield make


async def test_the_bytes_of_a_session(host):
    pump = host(modules="1,3", enquiry_s=0).pump
    output = []
    pump.attach(output.append)
    for request, answer in [  # worked frames of the sheet, each answered with ACK and its reply
        (b"\x020DC48\x03", b"\x06\x020C8C\x03"),
        (b"\x020LE;bA1\x03", b"\x06" + Frame(0, "C;b05").to_bytes()),
        (b"\x021LE;dr2C\x03", b"\x06" + Frame(1, "I;1E").to_bytes()),
        (b"\x021DC47\x03", b"\x06\x021C8B\x03"),
        (b"\x021MO;2C5\x03", b"\x06\x021C8B\x03"),
        (b"\x021PR;02EE05\x03", b"\x06\x021C8B\x03"),
    ]:
        output.clear()
        pump.feed(request)
        assert b"".join(output) == answer, request
    await asyncio.sleep(240)  # 75 mL/h for 4 min is 5 mL
    output.clear()
    pump.feed(b"\x021LE;dr2C\x03")
    assert b"".join(output) == b"\x06\x021C;d02EE;r00001388BF\x03"


async def test_sessions_open_from_the_base_to_the_module(host):
    base = host(modules="1,3")
    assert base.send("1LE;d") == "I;0D"
    assert base.send("1DC") == "I;0D"
    assert base.send("0DC") == "C"
    assert base.send("2DC") == "I;0E", "there is no module"
    assert base.send("1LE;d") == "I;1E"
    assert base.send("3DC", "3LF;b") == "C;bBASE-A"
    assert base.send("0LE;ib") == "C;i02;b05"
    assert base.send("3MO;2", "0FC") == "I;1F"
    assert base.send("3MO;1", "0FC") == "C"
    assert base.send("3LE;d") == "I;0D"


async def test_errors_are_those_of_the_sheet(host):
    base = host(contents_ml=3.0).ready()
    for text, error in [
        ("1XX", "01"), ("1MO", "04"), ("1MO;7", "05"), ("1MO;2", "06"), ("1PR;0", "08"), ("1PR;FFFF", "08"),
        ("1PR;2ee", "04"), ("1PV;", "04"), ("1LE;z", "0A"), ("1LE;7", "0B"), ("1PF", "16"), ("0PR;0001", "20"),
        ("1PB;0064;00001000", "15"), ("1EN;" + "A" * 90, "0C"),
    ]:  # fmt: skip
        assert base.send(text) == f"I;{error}", text
    assert base.send("1MO;1", "1PR;0001") == "I;02"
    assert base.send("1PO") == "I;02"
    assert host(manual_allows="PO").send("0DC", "1DC", "1PO") == "C"
    assert host(start_command="PO;0").ready().send("1PO;0") == "I;14"


async def test_link_errors_change_nothing(host):
    base = host().ready()
    for raw, error in [(b"\x021PR;02EE04\x03", "2"), (b"\x0291PO00\x03", "2"), (b"\x021P\x06", "8"),
                       (Frame(7, "PO").to_bytes(), "4"), (Frame(None, "PO").to_bytes(), "4"), (b"\x02\x03", "7"),
                       (b"\x02\xff00\x03", "1")]:  # fmt: skip
        assert base.raw(raw) == [Signal(NAK, error)], raw
    assert base.raw(b"noise") == []
    assert not base.pump.modules[1].motor.running
    alone = host(standalone=True)
    assert alone.send("DC", "LE;d") == "C;d0000"
    assert alone.raw(Frame(1, "PO").to_bytes()) == [Signal(NAK, "4")]


async def test_the_limit_ends_the_flow_at_exactly_its_volume(host):
    for option, alarm in [("pause", "0000"), ("alarm", "0020")]:
        base = host(at_limit=option).ready()
        assert base.send("1RV", "1PV;000001F4", "1PR;02EE") == "C"
        assert base.send("1LM;rd") == "C;r000001F4;d02EE"
        await asyncio.sleep(23.9)  # 0.5 mL at 75 mL/h take 24 s
        assert base.send("1LE;d") == "C;d02EE"
        await asyncio.sleep(0.2)
        assert base.send("1LE;adr") == f"C;a{alarm};d0000;r000001F4"
        assert base.plants[0].truth().delivered_ml == pytest.approx(0.5)
        assert base.send("1PR;02EE") == ("I;03" if option == "pause" else "I;12"), "at its limit it does not run on"


async def test_a_pause_and_another_rate_keep_the_limit(host):
    base = host().ready()
    base.send("1PV;000003E8", "1PR;0258")  # 1 mL at 60 mL/h
    await asyncio.sleep(30)
    assert base.send("1PO", "1LE;dr") == "C;d0000;r000001F4"
    await asyncio.sleep(100)
    assert base.send("1LE;r") == "C;r000001F4"
    base.send("1PR;012C")  # the other half at 30 mL/h
    await asyncio.sleep(61)
    assert base.send("1LE;dr") == "C;d0000;r000003E8"


async def test_a_rate_can_be_held_without_a_start(host):
    base = host(start_command="PO;0", running_mode_bits=0x10).ready()
    assert base.send("1PR;0258", "1LE;md") == "C;m0002;d0258"
    assert not base.plants[0].truth().running
    assert base.send("1PO;0", "1LE;md") == "C;m0012;d0258"
    assert base.plants[0].truth().rate_ml_h == pytest.approx(60)


async def test_an_alarm_is_reported_until_it_is_silenced_after_its_cause_has_gone(host):
    base = host().ready()
    base.send("1PR;0258")
    base.plants[0].occlude()
    await asyncio.sleep(60)  # 0.25 mL at 60 mL/h reach 500 mmHg after 15 s
    assert base.send("1LE;ad") == "C;a0001;d0000"
    assert base.send("1SI", "1LE;a") == "C;a0001"
    assert base.send("1PR;0258") == "I;12"
    base.plants[0].release()
    assert base.send("1LE;a") == "C;a0001"
    assert base.send("1SI", "1LE;a") == "C;a0000"

    base = host(contents_ml=6.0).ready()
    base.send("1PR;0E10")  # 360 mL/h: 0.1 mL/s
    await asyncio.sleep(11)
    assert base.send("1LE;ad") == "C;a0004;d0E10", "near empty at 5 mL, and it runs on"
    await asyncio.sleep(60)
    assert base.send("1LE;adr") == "C;a0006;d0000;r00001770"

    base = host().ready()
    base.send("1PR;0258")
    base.plants[0].open_door()
    assert base.send("1LE;ad") == "C;a0008;d0000"
    base.plants[0].close_door()
    base.send("1SI", "1PR;0258")
    base.plants[0].mains(on=False)
    base.plants[0].discharge(10)
    assert base.send("1LE;ad") == "C;a0010;d0258"
    base.plants[0].discharge(0)
    assert not base.pump.powered
    assert base.raw(Frame(1, "LE;a").to_bytes()) == []


async def test_a_bolus_is_given_and_counted(host):
    base = host().ready()
    base.send("1PR;0258", "1PB;0E10;000003E8")  # 1 mL at 360 mL/h
    await asyncio.sleep(10.0)
    assert base.send("1LE;ksrd") == "C;k0E10;s000003E8;r000003E8;d0258"
    await asyncio.sleep(60.0)
    assert base.send("1LE;r") == "C;r000007D0"


async def test_enquiries_and_a_host_that_does_not_answer_them(host):
    base = host(enquiry_s=2.0, enquiries_missed=2).ready()
    base.send("1PR;0258")
    base.heard.clear()
    await asyncio.sleep(20)
    assert base.heard == [Signal(ENQ)] * 10
    for option, after in [("disconnect", "I;0D"), ("nothing", "C;d0258"), ("pause", "C;d0000")]:
        base = host(enquiry_s=2.0, enquiries_missed=2, without_dc4=option).ready()
        base.send("1PR;0258")
        base.polite = False
        await asyncio.sleep(5.9)
        assert base.send("1LE;d") == "C;d0258", "two missed, and the third not yet due"
        await asyncio.sleep(0.2)
        assert base.send("1LE;d") == after, option
        assert base.plants[0].truth().running is (option != "pause")


async def test_spontaneous_messages_are_repeated_until_they_are_answered(host):
    base = host(enquiry_s=0).ready()
    base.send("1DE;ar")
    base.heard.clear()
    await asyncio.sleep(2.5)
    assert base.heard == [Frame(1, "E;a0000;r00000000")] * 2
    assert base.raw(Frame(1, "E").to_bytes()) == [Signal(ACK)]
    await asyncio.sleep(5)
    assert base.heard == [Signal(ACK)], "nothing new, no message"
    base.send("1PR;0E10")
    base.heard.clear()
    await asyncio.sleep(0.6)
    assert base.heard[0].text.startswith("E;a0000;r0000")
    base.send("1AE", "1DM;d")
    base.heard.clear()
    await asyncio.sleep(1.1)
    assert base.heard == [Frame(1, "M;d0E10")]


async def test_a_pump_that_insists_on_acknowledgements(host):
    base = host(ack_timeout_s=0.5, enquiry_s=0)
    base.send("0DC")
    assert base.raw(Frame(1, "DC").to_bytes()) == [Signal(NAK, "6")]
    await asyncio.sleep(0.6)
    assert base.heard[-1] == Signal(NAK, "5")
    base.send("1DC")
    assert base.raw(bytes([ACK]) + Frame(1, "LE;d").to_bytes())[-1] == Frame(1, "C;d0000")
    again = host(repeats_on_nak=True)
    again.send("0DC")
    assert again.raw(bytes([NAK]) + b"2") == [Frame(0, "C")]


async def test_a_power_cut_ends_sessions_and_flow(host):
    base = host().ready()
    base.send("1PR;0258")
    base.pump.power(on=False)
    assert base.raw(Frame(1, "PO").to_bytes()) == []
    assert not base.plants[0].truth().running
    base.pump.power(on=True)
    assert base.send("1LE;d") == "I;0D"
    assert base.send("0DC", "1DC", "1LE;dr") == "C;d0000;r00000000"


async def test_keys_work(host):
    base = host(keys_under_control=False)
    base.pump.press("rate", "60")
    base.pump.press("start")
    base.pump.press("rate", "150%")
    assert base.send("0DC", "1DC", "1LE;d") == "C;d0384"
    assert base.pump.display()["status"] == "running"
    base.send("1MO;2")
    for key, value in [("start", None), ("rate", "10"), ("dance", None)]:
        with pytest.raises(PanelError):
            base.pump.press(key, value)
    base.pump.press("stop")
    assert base.pump.display() == {"status": "paused", "rate_ml_h": "90.0", "volume_ml": "0.000", "limit_ml": "none",
                                   "alarms": "none", "mode": "PC control"}  # fmt: skip
    with pytest.raises(PanelError, match="not a rate"):
        host().pump.press("rate", "fast")


async def test_faults_can_target_operations(host):
    base = host().ready()
    base.doing.clear()
    base.send("1LF;b", "1LE;d", "1PV;00000FFF", "1PR;0258", "1PO", "1SI")
    assert base.doing == [Operation.IDENTIFY, Operation.READ, Operation.PROGRAM, Operation.START, Operation.STOP,
                          Operation.OTHER]  # fmt: skip
    assert base.pump.doing is None


async def test_options_that_do_not_fit_are_refused():
    for options in [{"modules": "7"}, {"modules": "1,1"}, {"modules": ""}, {"standalone": "true", "modules": "1,2"}]:
        with pytest.raises(ValueError, match="addresses"):
            FAMILY.options.of(options)
