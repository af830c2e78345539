"""Prompts, addresses and lines as pumps and adapters in the field have them: the driver reads each, or refuses it."""

import asyncio

import pytest

from pumpd.pump import Done, PumpAlarm, PumpState, Refused, Unknown
from pumpd.quantities import Rate, Volume
from pumpd_drivers.harvard.driver import Harvard
from tests.drivers.harvard.rig import PROGRAM, SHORT, WATCHDOG, reading, rig, running

CHAIN = {"addresses": "2"}
VARIANTS = [  # the simulator's options, the driver's settings
    ({"colon_before_prompt": "true"}, {}),
    (CHAIN | {"colon_before_prompt": "true"}, {"address": 2}),
    (CHAIN | {"prompt_on_text": "true"}, {"address": 2}),
    (CHAIN | {"prompt_on_text": "true", "colon_before_prompt": "true", "leaked_prompt": "true"}, {"address": 2}),
    ({"show_address_zero": "true", "prompt_on_text": "true"}, {}),
    ({"addresses": "0,2,12", "prompt_on_text": "true"}, {"address": 12}),
    ({"leaked_prompt": "true"}, {}),
    ({"trailing_blank": "true"}, {}),
    (CHAIN | {"trailing_blank": "true", "prompt_on_text": "true"}, {"address": 2}),
    ({"telnet": "true"}, {}),
    ({"nul_bytes": "before"}, {}),
    ({"nul_bytes": "text"}, {"nul_in_text": "dropped"}),
    (
        CHAIN | {"nul_bytes": "text", "telnet": "true", "prompt_on_text": "true"},
        {"address": 2, "nul_in_text": "dropped"},
    ),
]


def unit(here):
    """The plant and the pump that the driver's address names."""
    device = here.pump.device
    number = [pump.address for pump in device.pumps].index(here.driver.settings.address)
    return device.plants[number], device.pumps[number]


@pytest.mark.requirement("COM-14")
@pytest.mark.parametrize(("options", "settings"), VARIANTS)
async def test_a_whole_run_its_regular_end_and_a_stop(options, settings):
    async with rig(options, settings) as here:
        plant, _ = unit(here)
        await running(here, SHORT)
        await asyncio.sleep(30)
        now = await reading(here)
        assert (now.state, now.rate, now.alarms) == (PumpState.INFUSING, Rate(60), ())
        assert float(now.delivered.decimal) == pytest.approx(0.5, abs=0.005)
        await asyncio.sleep(40)
        now = await reading(here)
        assert (now.state, now.delivered, now.alarms) == (PumpState.STOPPED, Volume(1), ())
        assert await here.driver.stop() == Done(None)
        assert await here.driver.load(PROGRAM) == Done(None)
        assert await here.driver.start(WATCHDOG) == Done(None)
        await asyncio.sleep(10)
        assert await here.driver.stop() == Done(None)
        assert not plant.truth().running
        assert here.starts == 2


@pytest.mark.requirement("RUN-11", "STP-02")
@pytest.mark.parametrize("clears", ["true", "false"])
@pytest.mark.parametrize(("options", "settings"), VARIANTS)
async def test_a_stall_is_an_occlusion_and_its_stop_is_confirmed(options, settings, clears):
    async with rig(options | {"stp_clears_stall": clears}, settings) as here:
        plant, _ = unit(here)
        await running(here)
        await asyncio.sleep(5)
        plant.jam()
        await asyncio.sleep(1)
        now = await reading(here)
        assert (now.state, now.alarms) == (PumpState.ALARM, (PumpAlarm.OCCLUSION,))
        assert await here.driver.stop() == Done(None)


@pytest.mark.requirement("COM-16", "STP-02")
async def test_a_stop_is_confirmed_by_prompts_where_the_text_is_not_understood():
    for options in ({"nul_bytes": "text"}, {"nul_bytes": "text", "telnet": True}):
        async with rig(identified=False) as here:
            await here.driver.identify()
            await running(here)
            here.pump.device.options = here.pump.device.options.model_copy(update=options)
            assert await here.driver.stop() == Done(None), options
            assert not here.pump.plant.truth().running
    for words in (
        b"\nflow 0.00, time 12 s\r\n:\x11",
        b"\nCommand error:\r\n   Unknown command\r\n:\x11",
        b"\n   0 2000 2\xff000000 i...i.\r\n:\x11",
        b"\n  0 2000 20000000 i...i.\r\nT*\x11",
        b"\n  0 2000 20000000 i...i. 7\r\n*\x11",
    ):
        async with rig() as here:
            await running(here)
            here.instead(b"status", words)
            assert await here.driver.stop() == Done(None), words
            assert not here.pump.plant.truth().running


@pytest.mark.requirement("STP-02", "STP-06")
async def test_a_stop_is_never_confirmed_by_a_prompt_or_flag_that_says_moving_and_stp_is_repeated():
    for stp, status in (
        (b"\n:\x11", b"\nflow 0.00\r\n>\x11"),
        (b"\n>\x11", b"\nflow 0.00\r\n:\x11"),  # one of two: a damaged byte alone makes : of >
        (b"\n:\x11", b"\n00>flow 0.00\r\n00:\x11"),
        (b"\n:\x11", b"\n  0 2000 2\xff000000 I...i.\r\n:\x11"),
        (b"\n:\x11", b"\n  0 2000 20000000 I...i.\r\n:\x11"),
        (b"\n:\x11", b"\n  0 2000 20000000 i...i.\r\n>\x11"),
        (b"\n:\x11", b"\nflow 0.00\r\n>*\x11"),
        (b"\n:\x11", b"\nflow 0.00\r\n;\x11"),
        (b"\n:\x11", b"\n:\x11"),  # a prompt alone may answer anything
        (b"\n:\x11", b"\n07:flow 0.00\r\n07:\x11"),
    ):
        async with rig() as here:
            await running(here)
            here.instead(b"status", status)
            here.instead(b"stp", stp)
            here.sent.clear()
            assert isinstance(await here.driver.stop(), Unknown), (stp, status)
            assert here.sent.count(b"@stp\r") >= Harvard.stop_tries
            assert here.pump.plant.truth().running


@pytest.mark.requirement("STP-02", "STP-06")
async def test_an_xon_of_the_adapter_is_not_taken_for_the_answer_to_a_stop():
    """Before it, four stops within 10 ms were each answered by the XON that came before the pump's own answer."""
    async with rig() as here:
        await running(here)
        real, device = here.pump.device.feed, here.pump.device

        def feed(data):
            device._put(b"\x11")
            real(data)

        device.feed = feed
        here.sent.clear()
        assert await here.driver.stop() == Done(None)
        assert here.sent.count(b"@stp\r") == 1
        assert not here.pump.plant.truth().running


@pytest.mark.requirement("STP-06")
async def test_a_stop_is_repeated_at_once_after_a_bad_answer():
    async with rig() as here:
        await running(here)
        real, device, answers = here.pump.device.feed, here.pump.device, [b"\n\xff\xff\r\n>\x11"]

        def feed(data):
            if data.startswith(b"@stp") and answers:
                device._put(answers.pop())  # the pump never gets it
            else:
                real(data)

        device.feed = feed
        began = asyncio.get_running_loop().time()
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running
        assert asyncio.get_running_loop().time() - began < 0.1  # no time-out was waited for


@pytest.mark.requirement("COM-14", "COM-16")
async def test_a_prompt_that_comes_unasked_answers_no_question():
    async with rig() as here:
        await running(here)
        real, device = here.pump.device.feed, here.pump.device
        for unasked in (b"\nT*\x11", b"\n:\x11", b"\n00>\r\n00:\x11", b"\n02:1 ml/hr\r\n02:\x11"):

            def feed(data, unasked=unasked):
                device._put(unasked)
                real(data)

            device.feed = feed
            now = await reading(here)
            assert (now.state, now.rate) == (PumpState.INFUSING, Rate("52.5")), unasked
            assert now.delivered < Volume("0.01")


@pytest.mark.requirement("COM-10")
@pytest.mark.parametrize("wrong", ["before", "instead"])
async def test_a_chained_pump_that_shows_another_address_is_refused_with_the_cause(wrong):
    async with rig(CHAIN | {"wrong_address": wrong}, {"address": 2}, identified=False) as here:
        outcome = await here.driver.identify()
        assert isinstance(outcome, Refused)
        assert "pump 0 answers where pump 2 was asked" in outcome.reasons[0]
        assert isinstance(await here.driver.load(SHORT), Refused)
        assert here.starts == 0


@pytest.mark.requirement("COM-06")
async def test_a_chained_pump_that_answers_no_setting_is_not_started_and_is_stopped():
    async with rig(CHAIN | {"silent_settings": "true"}, {"address": 2}) as here:
        _, pump = unit(here)
        assert isinstance(await here.driver.load(SHORT), Unknown)
        assert isinstance(await here.driver.start(WATCHDOG), Refused)
        assert here.starts == 0
        pump.execute("irate", ["60", "ml/hr"])
        here.pump.press("start")
        assert (await reading(here)).state is PumpState.INFUSING
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running


@pytest.mark.requirement("STP-02")
async def test_a_pump_that_answers_no_stp_is_stopped_and_its_status_confirms_it():
    async with rig() as here:
        await running(here)
        real, device = here.pump.device.feed, here.pump.device

        def feed(data):
            device.attach((lambda _: None) if data.startswith((b"@stp", b"@poll")) else here.pump.line._from_pump)
            real(data)

        device.feed = feed
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running


@pytest.mark.requirement("COM-14", "COM-16")
async def test_a_nul_within_a_text_is_not_believed_unless_the_settings_say_so():
    """It may replace a digit that was lost: 5 mL/h is not 52 mL/h."""
    async with rig() as here:
        await running(here)
        real = here.pump.device.feed
        here.instead(b"irate", b"\n52.5\x00 ml/hr\r\n>\x11")
        outcome = await here.driver.read()
        assert isinstance(outcome, Unknown)
        assert "not understood" in outcome.cause
        assert "52.5\\x00 ml/hr" in outcome.cause
        here.pump.device.feed = real
        assert (await reading(here)).alarms == ()  # it is not taken for a pump that lost its power
    async with rig({"nul_bytes": "text"}, identified=False) as here:
        assert isinstance(await here.driver.identify(), Unknown)
        assert here.starts == 0


@pytest.mark.requirement("COM-14", "COM-16")
@pytest.mark.parametrize(("options", "settings"), [({}, {}), (CHAIN | {"prompt_on_text": "true"}, {"address": 2})])
async def test_an_adapter_that_echoes_each_byte_changes_nothing(options, settings):
    async with rig(options, settings, identified=False) as here:
        real, device = here.pump.device.feed, here.pump.device

        def feed(data):
            device._put(data)
            real(data)

        device.feed = feed
        assert isinstance(await here.driver.identify(), Done)
        await running(here, SHORT)
        await asyncio.sleep(10)
        assert (await reading(here)).state is PumpState.INFUSING
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running
        assert here.starts == 1


@pytest.mark.requirement("COM-14", "COM-16")
@pytest.mark.parametrize("xon", [b"", b"\x11", b"\n\x11"])
async def test_nothing_is_done_by_a_line_that_only_returns_what_is_sent(xon):
    """TX and RX connected, also where something adds an XON."""
    async with rig() as here:
        await running(here)
        here.pump.device.feed = lambda data: here.pump.device._put(data + xon)
        for call in (here.driver.stop, here.driver.read, here.driver.read_back, here.driver.identify):
            outcome = await call()
            assert isinstance(outcome, Unknown), (call, outcome)
            if not xon:
                assert "returns what is sent" in outcome.cause
        assert isinstance(await here.driver.load(SHORT), Refused | Unknown)
        assert isinstance(await here.driver.start(WATCHDOG), Refused | Unknown)
        assert here.starts == 1


@pytest.mark.requirement("PRG-11")
async def test_a_start_is_refused_with_each_value_that_is_not_what_was_loaded():
    for command, arguments, reason in (
        ("irate", ["78.75", "ml/hr"], "target time"),
        ("diameter", ["20"], "diameter is 20 mm, ordered 26.72 mm"),
        ("tvolume", ["0.035", "ml"], "target time"),
        ("ttime", ["1:0:0"], "target time"),
        ("iramp", ["1", "ml/hr", "9", "ml/hr", "60"], "ramp"),
    ):
        async with rig() as here:
            assert await here.driver.load(PROGRAM) == Done(None)
            here.pump.device.pumps[0].execute(command, arguments)
            outcome = await here.driver.start(WATCHDOG)
            assert isinstance(outcome, Refused), command
            assert any(reason in each for each in outcome.reasons), outcome
            assert here.starts == 0
    async with rig({}, {"target_time": "off"}) as here:
        assert await here.driver.load(PROGRAM) == Done(None)
        here.pump.device.pumps[0].execute("irate", ["78.75", "ml/hr"])
        outcome = await here.driver.start(WATCHDOG)
        assert isinstance(outcome, Refused)
        assert "rate of step 1 is 78.75 mL/h, ordered 52.5 mL/h" in str(outcome.reasons)
        assert here.starts == 0


@pytest.mark.requirement("COM-16", "STP-02")
async def test_a_wrong_address_that_comes_during_a_run_is_reported_and_the_stop_is_confirmed():
    """By the last prompt, which is the pump's own, once nothing in the answer can be that of a moving motor."""
    async with rig(CHAIN, {"address": 2}) as here:
        await running(here)
        device = here.pump.device
        device.options = device.options.model_copy(update={"wrong_address": "before"})
        outcome = await here.driver.read()
        assert isinstance(outcome, Unknown)
        assert "00:" in outcome.cause
        assert await here.driver.stop() == Done(None)
        assert not here.pump.plant.truth().running
        device.options = device.options.model_copy(update={"wrong_address": "instead"})
        assert isinstance(await here.driver.stop(), Unknown)  # it is stopped, but not by its own word
