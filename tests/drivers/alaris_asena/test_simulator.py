"""The simulated Asena on its own, byte for byte; sheet: alaris-asena.md. 60 mL/h is 1 mL a minute."""

import asyncio

import pytest

from pumpd_drivers.alaris_asena.codec import Framer, Message, security_code
from pumpd_simulators.alaris_asena import FAMILY
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.device import Operation, PanelError
from pumpd_simulators.plant import Plant, PlantSettings

TOKEN = "3CC1"  # of 8002-51740, as the sheet says
LAPSE_S = 5


class Bench:
    def __init__(self, model="asena-gh", contents_ml=None, **options):
        self.plant = Plant(LoopClock(), PlantSettings.ideal(contents_ml))
        self.device = FAMILY.make([self.plant], model, FAMILY.options.of(options))
        self.said, self.doing = b"", []
        self.device.attach(self._hear)

    def _hear(self, data):
        self.said += data
        self.doing.append(self.device.doing)

    def raw(self, data):
        self.said = b""
        self.device.feed(data)
        return self.said

    def ask(self, text):
        """The answer's text, without its word."""
        word, *fields = text.split("^")
        (answer,) = Framer().feed(self.raw(Message(word, tuple(fields)).to_bytes()))
        assert answer.word == word
        return "^".join(answer.fields)

    def control(self, token=TOKEN):
        return self.ask(f"REMOTE_CTRL^ENABLED^{token}")

    def run(self, rate="60.00", vtbi="5.000"):
        self.control()
        assert self.ask(f"INF_RATE^{rate}^ml/h") == f"{rate}^ml/h"
        assert self.ask(f"INF_VTBI^ACTIV^{vtbi}^ml^STOP") == f"ACTIV^{vtbi}^ml^STOP"
        self.ask("INF_START")
        assert self.plant.truth().running

    def state(self):
        """Flag, mode and rate of INF, infused volume, alarm."""
        fields = self.ask("INF").split("^")
        return fields[1], fields[2], fields[3], fields[6], self.ask("ALARM").split("^")[0]

    async def keep(self, seconds):
        """Time passes, and the token is repeated each second."""
        for _ in range(seconds):
            await asyncio.sleep(1)
            self.control()


@pytest.fixture
async def bench():
    """Each call a new pump; none leaves a timer."""
    made = []

    def make(*args, **options):
        made.append(Bench(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.device.shut()
        each.plant.shut()


async def test_the_verified_dialogue_byte_for_byte(bench):
    """Sheet, "Verified messages"."""
    pump = bench(serial="8002-51740")
    dialogue = [
        (b"!COMMS_PROTOCOL|E8DA", b"!COMMS_PROTOCOL^Asena Rev 2.1.5|661A"),
        (b"!INST_SERIALNO|457D", b"!INST_SERIALNO^8002-51740|050B"),
        (b"!COMMS_RESPONSE_MAX|7E29", b"!COMMS_RESPONSE_MAX^4000^ms|DFDF"),
        (b"!SYRINGE_STATUS|4102", b"!SYRINGE_STATUS^BD PLASTIPAK^ 50^CONF|1CF8"),
        (b"!INF_RATE_MAX_SYRINGE|8F30", b"!INF_RATE_MAX_SYRINGE^1200.00^ml/h|8575"),
        (b"!ALARM|50B2", b"!ALARM^AL_NOALM^ ^ |C73B"),
        (b"!REMQUERY^DEACT|F295", b"!REMQUERY^DEACT^^^^|E5C9"),
        (Message("REMOTE_CTRL", ("ENABLED", TOKEN)).to_bytes()[:-1], b"!REMOTE_CTRL^ENABLED^****^PERMIT^0^ms|7BB0"),
        (b"!INF_RATE^0.1^ml/h|B775", b"!INF_RATE^0.10^ml/h|D407"),
        (b"!INF_VTBI^ACTIV^11.000^ml^STOP|4433", b"!INF_VTBI^ACTIV^11.000^ml^STOP|4433"),
        (b"!INF_BOLUS^ENABLED|E288", b"!INF_BOLUS^ENABLED|E288"),
        (b"!INF_VI_CLEAR|A706", b"!INF_VI_CLEAR|A706"),
        (b"!INF_START|38F3", b"!INF_START|38F3"),
        (b"!INF_STOP|CD57", b"!INF_STOP|CD57"),
        (b"!REMOTE_CTRL^DISABLED|EF95", b"!REMOTE_CTRL^DISABLED^****^PERMIT^0^ms|3C5D"),
    ]
    for sent, answer in dialogue:
        assert pump.raw(sent + b"\r") == answer + b"\r", sent


async def test_the_status_has_the_fields_of_the_capture(bench):
    pump = bench(serial="8002-51733")
    assert pump.ask("INF") == "8002-51733^-^HLD^0.00^ml/h^^0.000^ml^0.00^mmHg^00:00:00^EVENT^214725"
    pump.control(security_code("8002-51733"))
    pump.ask("INF_RATE^60^ml/h")
    for vtbi, left in (("4.150", "00:04:09"), ("30.000", "00:30:00")):
        pump.ask(f"INF_VTBI^ACTIV^{vtbi}^ml^STOP")
        assert pump.ask("INF").split("^")[10] == left
    pump.ask("INF_RATE^0.1^ml/h")
    assert pump.ask("INF").split("^")[10] == "24+"


async def test_pieces_noise_and_aborted_messages_are_handled(bench):
    pump = bench()
    heard = [pump.raw(bytes([byte])) for byte in b"!INST_SERIALNO|457D\r"]
    assert heard == [b""] * 19 + [b"!INST_SERIALNO^8002-51740|050B\r"]
    for silent in (
        b"!INST_SERIALNO|457E\r",
        b"!NEVER_HEARD_OF|",
        b"\x1b",
        Message("NEVER_HEARD_OF").to_bytes(),
        b"\r\n",
    ):
        assert pump.raw(silent) == b""
    assert pump.raw(b"!INF_START\x1b!ALARM|50B2\r!INST_SERIALNO|457D\r").count(b"\r") == 2


# -- control ------------------------------------------------------------------------------------------------------


async def test_nothing_changes_without_the_token(bench):
    pump = bench()
    pump.control("9535")  # another pump's
    for setting in ("INF_RATE^60^ml/h", "INF_VTBI^ACTIV^5.000^ml^STOP", "INF_BOLUS^ENABLED"):
        pump.ask(setting)
    assert (pump.ask("INF_RATE"), pump.ask("INF_VTBI"), pump.ask("INF_BOLUS")) == ("0.00^ml/h", "DEACT^^^", "DISABLED")
    pump.run()
    await pump.keep(6)
    pump.ask("REMOTE_CTRL^DISABLED")
    pump.ask("INF_VI_CLEAR")
    pump.ask("INF_RATE^70^ml/h")
    assert pump.state() == ("-", "SET", "60.00", "0.100", "AL_NOALM")
    pump.ask("INF_STOP")
    pump.ask("INF_START")
    assert not pump.plant.truth().running


async def test_later_firmware_does_not_accept_control(bench):
    for revision, said in (("2.3.6", "ENABLED"), ("2.3.7", "DISABLED"), ("2.4", "DISABLED"), ("10.0.0", "DISABLED")):
        assert bench(revision=revision).control().startswith(said), revision


@pytest.mark.requirement("COM-01")
async def test_a_token_that_is_not_repeated_lapses_and_the_flow_ends(bench):
    pump = bench()
    pump.run()
    await pump.keep(30)
    await asyncio.sleep(LAPSE_S - 0.001)
    assert pump.state()[:2] == ("-", "SET")
    await asyncio.sleep(0.002)
    assert pump.state() == ("A", "HLD", "0.00", "0.583", "AL_COMTO")  # 35 s
    assert pump.plant.moved()[0] == pytest.approx(35 / 60)


async def test_only_remote_ctrl_keeps_the_flow(bench):
    pump = bench()
    pump.run()
    for _ in range(2 * LAPSE_S):
        await asyncio.sleep(1)
        pump.ask(f"REMOTE_CFG^ENABLED^{TOKEN}")
        pump.ask("INF")
        pump.control("0000")
    assert pump.state()[4] == "AL_COMTO"


async def test_control_can_be_simulated_with_the_other_choices(bench):
    pump = bench(token_lapse_s=0, told_lapse_ms=1500, settings_need_cfg=True, stop_needs_control=True)
    assert pump.control() == "ENABLED^****^PERMIT^1500^ms"
    assert pump.ask("INF_RATE^60.00^ml/h") == "0.00^ml/h"
    assert pump.ask(f"REMOTE_CFG^ENABLED^{TOKEN}").startswith("ENABLED")
    pump.run()
    await asyncio.sleep(60)
    pump.ask("REMOTE_CTRL^DISABLED")
    pump.ask("INF_STOP")
    assert pump.state()[3] == "1.000"
    assert pump.plant.truth().running
    pump.control()
    pump.ask("INF_STOP")
    assert not pump.plant.truth().running


# -- settings and flow --------------------------------------------------------------------------------------------


async def test_the_volume_ends_the_flow_exactly(bench):
    pump = bench()
    pump.run(vtbi="1.000")
    await pump.keep(59)
    assert pump.state() == ("-", "SET", "60.00", "0.983", "AL_NOALM")
    await pump.keep(10)
    assert pump.state() == ("A", "HLD", "0.00", "1.000", "AL_VTBIS")
    assert pump.plant.moved()[0] == 1.0
    pump.ask("INF_START")  # nothing is left to give
    assert pump.state() == ("-", "HLD", "0.00", "1.000", "AL_NOALM")
    pump.ask("INF_VTBI^ACTIV^0.500^ml^STOP")
    pump.ask("INF_START")
    await pump.keep(40)
    assert pump.plant.moved()[0] == 1.5


async def test_clearing_the_counter_and_stopping_do_not_change_the_volume_to_go(bench):
    pump = bench(vtbi_tells="left", vtbi_word="")
    pump.run(vtbi="2.000")
    await pump.keep(30)
    pump.ask("INF_VI_CLEAR")
    pump.ask("INF_STOP")
    assert pump.ask("INF_VI") == "0.000^ml"
    assert pump.ask("INF_VTBI") == "ACTIV^1.500^ml^STOP"
    pump.ask("INF_START")
    await pump.keep(120)
    assert pump.state() == ("-", "HLD", "0.00", "1.500", "AL_NOALM")
    assert pump.plant.moved()[0] == 2.0


async def test_without_a_volume_the_flow_continues(bench):
    pump = bench()
    pump.run(vtbi="1.000")
    assert pump.ask("INF_VTBI^DEACT") == "DEACT^^^"
    await pump.keep(120)
    assert pump.state()[1:4] == ("SET", "60.00", "2.000")


async def test_a_rate_changes_while_infusing(bench):
    pump = bench()
    pump.run(vtbi="2.000")
    await pump.keep(60)
    pump.ask("INF_RATE^120.00^ml/h")
    await pump.keep(29)
    assert pump.state()[2:4] == ("120.00", "1.967")  # 1 mL, and 29 s at 2 mL a minute
    await pump.keep(5)
    assert pump.plant.moved()[0] == 2.0


async def test_settings_out_of_range_are_not_accepted(bench):
    pump = bench(rate_max_ml_h=100)
    pump.control()
    pump.ask("INF_RATE^50.00^ml/h")
    pump.ask("INF_VTBI^ACTIV^5.000^ml^STOP")
    for rate in ("0.09", "100.01", "-1", "NaN", "Infinity", "five", ""):
        assert pump.ask(f"INF_RATE^{rate}^ml/h") == "50.00^ml/h", rate
    assert pump.ask("INF_RATE^1^ml/min") == "50.00^ml/h"
    for wrong in (
        "ACTIV^50.001^ml^STOP",
        "ACTIV^0^ml^STOP",
        "ACTIV^5^ml^KVO",
        "ACTIV^5^l^STOP",
        "ACTIV^x^ml^STOP",
        "ACTIV",
    ):
        assert pump.ask(f"INF_VTBI^{wrong}") == "ACTIV^5.000^ml^STOP", wrong
    for edge in ("0.10", "100.00"):
        assert pump.ask(f"INF_RATE^{edge}^ml/h") == f"{edge}^ml/h"


async def test_a_start_needs_a_rate_a_volume_to_go_and_a_confirmed_syringe(bench):
    pump = bench(confirmed=False)
    pump.control()
    assert pump.ask("SYRINGE_STATUS") == "BD PLASTIPAK^ 50^NCONF"
    pump.ask("INF_START")
    pump.ask("INF_RATE^60^ml/h")
    pump.ask("INF_START")
    assert not pump.plant.truth().running
    pump.device.press("confirm")
    pump.ask("INF_START")
    assert pump.plant.truth().running


async def test_other_words_and_a_motor_that_takes_its_time(bench):
    pump = bench(infusing_word="INF", standing_word="STB", held_rate="set", start_delay_s=2)
    pump.control()
    pump.ask("INF_RATE^60^ml/h")
    pump.ask("INF_START")
    await pump.keep(1)
    assert pump.state()[1:3] == ("STB", "60.00")
    await pump.keep(2)
    assert pump.state()[1:4] == ("INF", "60.00", "0.017")
    pump.ask("INF_STOP")
    pump.ask("INF_START")
    pump.ask("INF_STOP")  # before the motor turned
    await pump.keep(5)
    assert not pump.plant.truth().running


# -- alarms -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-19")
async def test_a_blocked_line_alarms_at_the_pressure_limit(bench):
    pump = bench(pressure_limit_mmhg=500)
    pump.run()
    pump.plant.occlude()
    await pump.keep(14)  # 0.0005 mL/mmHg * 500 mmHg at 1 mL/min is 15 s
    assert pump.state()[0] == "-"
    await pump.keep(2)
    assert pump.state() == ("A", "HLD", "0.00", "0.250", "AL_OCCLU")
    assert pump.ask("INF").split("^")[8] == "500.00"
    pump.ask("INF_START")  # it is blocked still
    assert pump.state()[1::3] == ("HLD", "AL_OCCLU")
    pump.plant.release()
    pump.ask("INF_START")
    assert pump.state()[0] == "-"
    assert pump.plant.truth().running


async def test_each_fault_halts_the_pump_with_its_word(bench):
    cases = [
        ({}, lambda plant: plant.open_door(), "AL_DRDIS"),
        ({"holder_word": "AL_SYRCO"}, lambda plant: plant.open_door(), "AL_SYRCO"),
        ({}, lambda plant: plant.jam(), "AL_OCCLU"),
        ({"contents_ml": 0.5}, lambda _: None, "AL_EOIST"),
    ]
    for options, happens, word in cases:
        pump = bench(**options)
        pump.run()
        happens(pump.plant)
        await pump.keep(40)
        assert pump.state()[0::4] == ("A", word), word
        assert not pump.plant.truth().running
        assert pump.ask("INF").endswith("214726"), word  # one event
        pump.device.press("clear")
        assert pump.state()[4] == "AL_NOALM"


async def test_a_released_syringe_must_be_confirmed_again(bench):
    pump = bench()
    pump.run()
    pump.plant.open_door()
    pump.plant.close_door()
    assert pump.ask("SYRINGE_STATUS").endswith("NCONF")
    pump.ask("INF_START")
    assert not pump.plant.truth().running


async def test_a_low_battery_warns_and_an_empty_one_ends_everything(bench):
    pump = bench()
    pump.run(vtbi="50.000")
    pump.plant.discharge(1)
    pump.plant.mains(on=False)
    assert pump.state() == ("A", "SET", "60.00", "0.000", "AL_LBTAC")
    pump.device.press("clear")
    assert pump.state()[4] == "AL_LBTAC"  # it is low still
    await pump.keep(5)
    pump.plant.mains(on=True)
    pump.plant.discharge(50)
    assert pump.state()[0] == "-"
    pump.plant.discharge(0)
    pump.plant.mains(on=False)
    assert not pump.device.powered
    assert not pump.plant.truth().running


async def test_an_alarm_may_have_to_be_cleared_at_the_pump(bench):
    pump = bench(start_clears_alarm=False)
    pump.run()
    await asyncio.sleep(LAPSE_S + 1)
    pump.control()
    pump.ask("INF_START")
    assert pump.state()[4] == "AL_COMTO"
    pump.device.press("clear")
    pump.ask("INF_START")
    assert pump.plant.truth().running


# -- keys, power, options -----------------------------------------------------------------------------------------


async def test_keys_and_display_work(bench):
    pump = bench("asena-cc")
    press = pump.device.press
    with pytest.raises(PanelError, match="needs a rate"):
        press("start")
    press("rate", "40")
    press("start")
    press("rate", "150%")
    assert pump.device.display() == {
        "status": "infusing",
        "rate": "60.0 mL/h",
        "vtbi": "off",
        "infused": "0.0 mL",
        "alarm": "AL_NOALM",
        "control": "local",
    }
    await asyncio.sleep(60)
    assert pump.state()[1:4] == ("SET", "60.00", "1.000")
    press("stop")
    assert not pump.plant.truth().running
    for key, value in (("rate", "1201"), ("rate", "x"), ("rate", "x%"), ("rate", None), ("bolus", None)):
        with pytest.raises(PanelError):
            press(key, value)
    assert pump.ask("INF_RATE") == "60.00^ml/h"


async def test_a_power_cut_erases_everything(bench):
    pump = bench()
    pump.run()
    await pump.keep(6)
    pump.device.power(on=False)
    assert pump.raw(b"!INF|4961\r") == b""
    assert pump.device.display() == {"status": "off"}
    with pytest.raises(PanelError):
        pump.device.press("start")
    await asyncio.sleep(10)  # no token lapses any more
    pump.device.power(on=True)
    assert pump.state() == ("-", "HLD", "0.00", "0.000", "AL_NOALM")
    assert (pump.ask("INF_VTBI"), pump.ask("INF_RATE")) == ("DEACT^^^", "0.00^ml/h")
    assert pump.plant.moved()[0] == pytest.approx(0.1)


async def test_it_reports_its_activity_while_it_replies(bench):
    pump = bench()
    words = {
        "INST_SERIALNO": Operation.IDENTIFY,
        "INF": Operation.READ,
        "INF_VTBI": Operation.READ,
        f"REMOTE_CTRL^ENABLED^{TOKEN}": Operation.KEEP_ALIVE,
        "INF_RATE^60^ml/h": Operation.PROGRAM,
        "INF_VTBI^ACTIV^5^ml^STOP": Operation.PROGRAM,
        "INF_VI_CLEAR": Operation.PROGRAM,
        "INF_START": Operation.START,
        "INF_STOP": Operation.STOP,
        "INF_BOLUS^DISABLED": Operation.OTHER,
    }
    for word in words:
        pump.ask(word)
    assert pump.doing == list(words.values())
    assert pump.device.doing is None


async def test_unknown_options_are_named(bench):
    with pytest.raises(ValueError, match=r"revision.*token_lapse_s") as wrong:
        bench(revision="two", token_lapse_s=-1)
    assert "serial" not in str(wrong.value)
    assert all(field.description for field in FAMILY.options.model_fields.values())
