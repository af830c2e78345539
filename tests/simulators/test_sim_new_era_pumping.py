"""The simulated NE-1000 against the protocol sheet: its settings and limits, and how it pumps."""

import asyncio
from decimal import Decimal

import pytest

from pumpd_simulators.new_era.numbers import NotANumberError, TooLongError, read, show
from tests.simulators.test_sim_new_era import READY

# -- settings (S: commands, number rules, limits) ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("DIA", "00S26.59"),
        ("DIA 0.1", "00S"),
        ("DIA 50.0", "00S"),
        ("DIA 0.09", "00S?OOR"),
        ("DIA 50.01", "00S?OOR"),
        ("RAT", "00S0.000MH"),
        ("RAT 75.00 MH", "00S"),
        ("RAT C 75.00 MH", "00S"),
        ("RAT 20.00 MM", "00S"),
        ("RAT 1699 MH", "00S"),  # S: limits, BD 60
        ("RAT 1700 MH", "00S?OOR"),
        ("RAT 23.36 UH", "00S"),
        ("RAT 23.34 UH", "00S?OOR"),
        ("RAT 0", "00S?OOR"),
        ("RAT 75.000 MH", "00S?OOR"),  # five digits
        ("RAT 0.0001 MH", "00S?OOR"),
        ("RAT X", "00S?"),
        ("RAT -5 MH", "00S?"),
        ("RAT 1e2 MH", "00S?"),
        ("RAT 1.2.3 MH", "00S?"),
        ("RAT .500 MM", "00S"),
        ("VOL", "00S0.000ML"),
        ("VOL 1234.", "00S"),  # a public client sends a trailing point
        ("VOL 12345", "00S?OOR"),
        ("VOL UL", "00S"),
        ("VOL GAL", "00S?"),
        ("DIR", "00SINF"),
        ("DIR WDR", "00S"),
        ("DIR UP", "00S?"),
        ("DIS", "00SI0.000W0.000ML"),
        ("CLD INF", "00S"),
        ("CLD", "00S?"),
        ("PHN", "00S1"),
        ("PHN 41", "00S"),
        ("PHN 42", "00S?OOR"),
        ("PHN 0", "00S?OOR"),
        ("FUN", "00SRAT"),
        ("FUN PAS 30", "00S"),
        ("FUN PAS 100", "00S?OOR"),
        ("FUN XYZ", "00S?"),
        ("RUN 42", "00S?OOR"),
        ("RUN", "00S?OOR"),  # no rate was ever set
        ("STP", "00S?NA"),
        ("STP 1", "00S?"),
        ("PF", "00S0"),
        ("PF 1", "00S"),
        ("PF 2", "00S?OOR"),
        ("AL 1", "00S"),
        ("LOC", "00S0"),
        ("BUZ 1", "00S"),
        ("TRG LE", "00S"),
        ("NONSENSE", "00S?"),
        ("SA", "00S?"),
    ],
)
async def test_an_idle_pump_answers(bench, text, answer):
    host = bench()
    host.setup()
    assert host.basic(text) == answer


@pytest.mark.parametrize(
    ("diameter", "units"), [("13.99", "UL"), ("14.00", "UL"), ("14.01", "ML"), ("4.699", "UL"), ("26.59", "ML")]
)
async def test_volume_units_follow_the_diameter(bench, diameter, units):
    host = bench()
    host.setup(f"DIA {diameter}")
    assert host.basic("VOL") == f"00S0.000{units}"
    assert host.basic("DIS") == f"00SI0.000W0.000{units}"


@pytest.mark.parametrize(
    ("diameter", "top", "slowest"),
    [  # S: limits, table (mL/h, uL/h), whose values are rounded: four of them are tried from inside
        ("4.699", "53.06", "0.730"),
        ("14.43", "500.4", "6.878"),
        ("21.59", "1120", "15.40"),
        ("38.0", "3470", "47.70"),
    ],
)
async def test_rate_limits_follow_the_diameter(bench, diameter, top, slowest):
    host = bench()
    host.setup(f"DIA {diameter}")
    assert host.basic(f"RAT {top} MH") == "00S"
    assert host.basic(f"RAT {slowest} UH") == "00S"
    above = str(Decimal(top) + Decimal(10) ** (Decimal(top).as_tuple().exponent) * 2)
    assert host.basic(f"RAT {above} MH") == "00S?OOR"
    below = str(Decimal(slowest) - Decimal(10) ** (Decimal(slowest).as_tuple().exponent) * 2)
    assert host.basic(f"RAT {below} UH") == "00S?OOR"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.000"),
        (0.5, "0.500"),
        (9.9999, "9.999"),
        (26.59, "26.59"),
        (52.5, "52.50"),
        (999.9, "999.9"),
        (34.999, "34.99"),  # a counter is truncated, never ahead of the motor
        (34.9999999999, "35.00"),  # except for a float's last digit
        (1000.0, "1000."),
        (99999.0, "9999."),
        (Decimal(75), "75.00"),
    ],
)
def test_numbers_are_shown_with_four_digits(value, shown):
    assert show(value, dot=True) == shown


def test_a_number_from_1000_on_may_do_without_its_point():
    assert show(1234.0, dot=False) == "1234"


@pytest.mark.parametrize("text", ["1", "12.5", "1234.", ".5", "0.000", "9999"])
def test_valid_numbers_are_read(text):
    assert read(text) == Decimal(text)


@pytest.mark.parametrize("text", ["", ".", "1,5", "1e3", "-1", "+1", "1_0", "\u0665"])
def test_text_that_is_not_a_number_is_refused(text):
    with pytest.raises(NotANumberError):
        read(text)


@pytest.mark.parametrize("text", ["12345", "1.2345", "123.45", "0.0001"])
def test_numbers_with_too_many_digits_are_refused(text):
    with pytest.raises(TooLongError):
        read(text)


# -- pumping (S: commands) -----------------------------------------------------------------------------------------


async def test_it_pumps_its_volume_and_stops(bench):
    host = bench()
    host.setup(*READY)
    assert host.basic("RUN") == "00I"
    await asyncio.sleep(120)
    assert host.basic("DIS") == "00II2.000W0.000ML"
    await asyncio.sleep(180.01)
    assert host.basic("") == "00S"
    assert host.basic("DIS") == "00SI5.000W0.000ML"
    await asyncio.sleep(600)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(5.0)


async def test_volume_0_pumps_without_end(bench):
    host = bench()
    host.setup(*READY, "VOL 0", "RUN")
    await asyncio.sleep(7200)
    assert host.basic("DIS") == "00II120.0W0.000ML"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("RUN", "00I?NA"),
        ("DIA 20", "00I?NA"),
        ("DIA", "00I26.59"),
        ("VOL 1", "00I?NA"),
        ("VOL UL", "00I?NA"),
        ("VOL", "00I5.000ML"),
        ("DIR WDR", "00I?NA"),  # only if the volume is 0
        ("CLD INF", "00I?NA"),
        ("PHN 2", "00I?NA"),
        ("FUN STP", "00I?NA"),
        ("PUR", "00I?NA"),
        ("RAT 50 MM", "00I?NA"),  # the units may not change
        ("RAT 50 MH", "00I"),
        ("RAT 50", "00I"),
        ("RAT 1700", "00I?OOR"),
        ("RAT", "00I60.00MH"),
        ("STP", "00P"),
        ("", "00I"),
    ],
)
async def test_a_running_pump_answers(bench, text, answer):
    host = bench()
    host.setup(*READY, "RUN")
    await asyncio.sleep(1)
    assert host.basic(text) == answer


async def test_a_rate_changed_while_pumping_takes_effect_at_once_and_is_not_kept(bench):
    host = bench()
    host.setup(*READY, "RUN")
    await asyncio.sleep(60)
    assert host.basic("RAT 30 MH") == "00I"
    assert host.basic("RAT") == "00I30.00MH"
    await asyncio.sleep(60)
    assert host.basic("DIS") == "00II1.500W0.000ML"
    await asyncio.sleep(3600)
    assert host.basic("DIS") == "00SI5.000W0.000ML", "the volume stays the cap"
    host.pump.power(on=False)
    host.pump.power(on=True)
    host.setup()
    assert host.basic("RAT") == "00S60.00MH"


async def test_a_continuous_phase_may_reverse(bench):
    host = bench()
    host.setup(*READY, "VOL 0", "RUN")
    await asyncio.sleep(60)
    assert host.basic("DIR WDR") == "00W"
    await asyncio.sleep(30)
    assert host.basic("DIS") == "00WI1.000W0.500ML"
    assert host.basic("DIR REV") == "00I"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(0.5)


async def test_withdrawing_is_counted_separately(bench):
    host = bench()
    host.setup(*READY, "DIR WDR")
    assert host.basic("RUN") == "00W"
    await asyncio.sleep(301)
    assert host.basic("DIS") == "00SI0.000W5.000ML"
    host.setup("CLD WDR")
    assert host.basic("DIS") == "00SI0.000W0.000ML"


async def test_the_first_stop_pauses_and_run_resumes_with_the_rest(bench):
    host = bench()
    host.setup(*READY, "RUN")
    await asyncio.sleep(120)
    assert host.basic("STP") == "00P"
    await asyncio.sleep(1000)
    assert host.basic("DIS") == "00PI2.000W0.000ML"
    assert host.basic("RUN") == "00I"
    await asyncio.sleep(180.01)
    assert host.basic("DIS") == "00SI5.000W0.000ML"


async def test_the_second_stop_resets_the_program_and_run_gives_the_full_volume_again(bench):
    host = bench()
    host.setup(*READY, "RUN")
    await asyncio.sleep(120)
    assert [host.basic("STP"), host.basic("STP"), host.basic("STP")] == ["00P", "00S", "00S?NA"]
    assert host.basic("RUN") == "00I"
    await asyncio.sleep(301)
    assert host.basic("DIS") == "00SI7.000W0.000ML"


async def test_a_paused_pump_may_be_set_and_resumes_at_the_new_rate(bench):
    host = bench()
    host.setup(*READY, "RUN")
    await asyncio.sleep(60)
    host.setup("STP", "RAT 30 MH", "RUN")
    await asyncio.sleep(60)
    assert host.basic("DIS") == "00II1.500W0.000ML"


async def test_a_rate_changed_while_pumping_survives_a_pause(bench):
    host = bench()
    host.setup(*READY, "RUN", "RAT 30 MH", "STP", "RUN")
    await asyncio.sleep(60)
    assert host.basic("DIS") == "00II0.500W0.000ML"


async def test_setting_the_diameter_clears_the_counters(bench):
    host = bench()
    host.setup(*READY, "RUN")
    await asyncio.sleep(301)
    host.setup("DIA 26.59")
    assert host.basic("DIS") == "00SI0.000W0.000ML"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(5.0), "no command touches the truth"


async def test_micro_litres_are_shown(bench):
    host = bench()
    host.setup("DIA 4.699", "RAT 50 MH", "VOL 500", "RUN")
    assert host.basic("VOL") == "00I500.0UL"
    await asyncio.sleep(37)
    assert host.basic("DIS") == "00SI500.0W0.000UL"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(0.5)


async def test_purging_runs_at_the_syringes_top_rate_until_stopped(bench):
    host = bench()
    host.setup("DIA 26.59")
    assert host.basic("PUR") == "00X"
    await asyncio.sleep(36)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1699.0 / 100, rel=1e-3)  # S: limits, BD 60
    assert host.basic("STP") == "00S"


async def test_the_counter_shows_what_the_motor_turned_and_the_truth_differs(bench):
    host = bench(ideal=False, seed=4)
    host.setup(*READY, "RUN")
    await asyncio.sleep(301)
    assert host.basic("DIS") == "00SI5.000W0.000ML"
    truth = host.pump.truth()["delivered_ml"]
    assert truth != 5.0
    assert truth == pytest.approx(5.0, rel=0.01)
