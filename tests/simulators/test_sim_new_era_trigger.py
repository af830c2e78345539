"""The trigger input of a simulated New Era pump: which edge starts and stops it, by TRG.

Expected values: manual of firmware 3.9, section 9 (NE-500 publication 1200-02, page 38).
"""

import asyncio

import pytest

from pumpd_simulators.device import PanelError
from pumpd_simulators.new_era.trigger import MODES

PROGRAM = ("DIA 26.59", "RAT 60 MH", "VOL ML", "VOL 0")


@pytest.mark.parametrize(
    ("mode", "falling_at_rest", "rising_at_rest", "falling_running", "rising_running"),
    [
        ("FT", True, False, False, True),
        ("FH", True, False, True, False),
        ("F2", False, True, True, False),
        ("LE", False, True, False, True),
        ("ST", True, False, True, True),
        ("T2", False, True, True, True),
        ("SP", False, False, False, True),
        ("P2", False, False, True, False),
        ("RL", True, False, True, True),
        ("RH", False, True, True, True),
        ("SL", False, False, False, True),
        ("SH", False, False, True, False),
        ("ET", False, False, True, True),
        ("BT", False, False, True, True),
        ("OF", False, False, True, True),
    ],
)
async def test_whether_the_pump_runs_after_an_edge(
    bench, mode, falling_at_rest, rising_at_rest, falling_running, rising_running
):
    for runs, level, after in (
        (False, "0", falling_at_rest),
        (False, "1", rising_at_rest),
        (True, "0", falling_running),
        (True, "1", rising_running),
    ):
        host = bench(trigger="OF")
        host.setup(*PROGRAM)
        if level == "1":
            host.pump.press("trigger", "0")
        if runs:
            host.basic("RUN")
        assert host.basic(f"TRG {mode}") == ("00I" if runs else "00S")
        host.pump.press("trigger", level)
        assert host.pump.truth()["running"] is after, (runs, level)


def test_every_mode_is_in_the_table():
    assert len(MODES) == 15


async def test_a_new_pump_says_the_mode_of_its_trigger_and_a_word_that_is_none_is_refused(bench):
    host = bench()
    host.setup()
    assert host.basic("TRG") == "00SFT"
    assert host.basic("TRG ON") == "00S?"
    assert host.basic("TRG OF") == "00S"
    assert host.basic("TRG") == "00SOF"
    host.pump.power(on=False)
    host.pump.power(on=True)
    host.basic("")
    assert host.basic("TRG") == "00SOF", "it is kept like all settings"
    other = bench(trigger="LE")
    other.setup()
    assert other.basic("TRG") == "00SLE"


async def test_a_pulse_starts_a_foot_switch_pump_and_the_next_one_pauses_it(bench):
    host = bench()
    host.setup(*PROGRAM)
    host.pump.press("trigger")
    assert host.basic("") == "00I"
    host.pump.press("trigger")
    assert host.basic("") == "00P"
    host.pump.fire("front-panel:trigger")
    assert host.basic("") == "00I"


async def test_a_level_that_is_there_already_is_no_edge(bench):
    host = bench(trigger="ST")
    host.setup(*PROGRAM)
    host.pump.press("trigger", "1")
    assert host.basic("") == "00S"
    host.pump.press("trigger", "0")
    assert host.basic("STP") == "00P"
    host.pump.press("trigger", "0")
    host.pump.press("trigger")
    assert host.basic("") == "00P", "it was low: the pulse's falling edge is none"


async def test_a_pump_without_a_program_or_with_an_alarm_is_not_started(bench):
    new = bench()
    new.setup()
    new.pump.press("trigger")
    assert new.basic("") == "00S"
    host = bench()
    host.setup(*PROGRAM)
    host.pump.power(on=False)
    host.pump.power(on=True)
    host.pump.press("trigger")
    assert host.basic("") == "00A?R"
    assert host.basic("") == "00S"


async def test_a_locked_keypad_does_not_lock_the_trigger(bench):
    host = bench()
    host.setup(*PROGRAM, "LOC 1")
    host.pump.press("trigger")
    assert host.basic("") == "00I"
    with pytest.raises(PanelError, match="0, 1 or, without a value, a pulse"):
        host.pump.press("trigger", "2")


async def test_the_trigger_starts_in_safe_mode_too_and_the_watchdog_ends_it(bench):
    host = bench()
    host.setup(*PROGRAM)
    host.safe("SAF5")
    host.pump.press("trigger")
    assert host.safe("") == "00I"
    await asyncio.sleep(5.1)
    assert host.pump.truth()["running"] is False
