"""The simulated NE-1000 against the protocol sheet, as transcripts. S: sheet section (manual 1200-01 behind it)."""

import asyncio
import random
from decimal import Decimal

import pytest

from pumpd_drivers.new_era.codec import safe_frame
from pumpd_simulators.device import PanelError
from pumpd_simulators.new_era.numbers import NotANumberError, TooLongError, read, show

# A BD 60 mL syringe, 60 mL/h (1 mL a minute), 5 mL.
READY = ("DIA 26.59", "RAT 60.00 MH", "VOL ML", "VOL 5.000")


# -- framing (S: basic mode, safe mode) ---------------------------------------------------------------------------


async def test_a_basic_answer_is_stx_address_status_data_etx(bench):
    host = bench()
    host.setup()
    assert host.raw(b"\r") == b"\x0200S\x03"
    assert host.raw(b"VER\r") == b"\x0200SNE1000V3.92\x03"


@pytest.mark.parametrize("data", [b"ver\r", b" V E R \r", b"0VER\r", b"00VER\r", b"\nVER\r", b"0 v\ter\r", b"*VER\r"])
async def test_spaces_control_characters_and_case_do_not_matter(bench, data):
    host = bench()
    host.setup()
    assert host.raw(data) == b"\x0200SNE1000V3.92\x03"


async def test_the_worked_safe_frames(bench):
    """S: table of safe frames; SAF0 is the manual's own."""
    host = bench()
    transcript = [
        ("02 08 53 41 46 30 55 43 03", b"\x0200A?R\x03".hex()),  # SAF0, and the alarm of power-up
        ("02 09 30 53 41 46 35 09 08 03", "02 07 30 30 53 AA A6 03"),  # 0SAF5 -> 00S
        ("02 05 30 36 53 03", "02 07 30 30 53 AA A6 03"),  # 0 (status) -> 00S
        ("02 05 30 36 54 03", "02 0B 30 30 53 3F 43 4F 4D B5 80 03"),  # wrong CRC -> 00S?COM
        (safe_frame(b"0RAT9999MM").hex(), "02 0B 30 30 53 3F 4F 4F 52 23 3F 03"),  # 00S?OOR
        ("02 0F 30 52 41 54 37 35 2E 30 30 4D 48 07 FA 03", "02 07 30 30 53 AA A6 03"),  # 0RAT75.00MH -> 00S
        ("02 08 30 52 55 4E 44 07 03", "02 07 30 30 49 19 DD 03"),  # 0RUN -> 00I
    ]
    for sent, answer in transcript:
        assert host.raw(bytes.fromhex(sent)).hex() == bytes.fromhex(answer).hex(), sent
    host.raw(bytes.fromhex("02 08 30 53 54 50 B3 F9 03"))  # 0STP
    assert host.safe("0") == "00P"


async def test_bytes_may_come_one_at_a_time(bench):
    host = bench()
    host.setup()
    answers = [host.raw(bytes([byte])) for byte in b"VER\r"]
    assert answers == [b"", b"", b"", b"\x0200SNE1000V3.92\x03"]


async def test_a_gap_of_over_half_a_second_discards_a_partial_safe_packet(bench):
    host = bench()
    host.setup("SAF0")
    status = bytes.fromhex("02 05 30 36 53 03")
    assert host.raw(status[:3]) == b""
    await asyncio.sleep(0.6)
    assert host.raw(status) == b"\x0200S\x03"
    assert host.raw(status[:3]) == b""
    await asyncio.sleep(0.4)
    assert host.raw(status[3:]) == b"\x0200S\x03"


async def test_a_person_may_type_slowly_in_basic_mode(bench):
    host = bench()
    host.setup()
    host.raw(b"VE")
    await asyncio.sleep(5)
    assert host.raw(b"R\r") == b"\x0200SNE1000V3.92\x03"


async def test_a_basic_packet_is_invalid_in_safe_mode(bench):
    host = bench()
    host.setup(*READY)
    host.safe("0SAF10")
    assert host.raw(b"RUN\r") == bytes.fromhex("02 0B 30 30 53 3F 43 4F 4D B5 80 03")
    assert host.safe("0") == "00S"


async def test_a_safe_framed_saf0_brings_the_pump_back_to_basic_from_either_mode(bench):
    host = bench()
    saf0 = bytes.fromhex("02 08 53 41 46 30 55 43 03")
    host.setup()
    assert host.raw(saf0) == b"\x0200S\x03"
    host.safe("0SAF10")
    assert host.raw(saf0) == b"\x0200S\x03"
    assert host.basic("SAF") == "00S0"


# -- addresses (S: line and addressing) ----------------------------------------------------------------------------


@pytest.mark.parametrize("packet", [b"VER\r", b"0VER\r", b"8VER\r", b"70VER\r"])
async def test_no_address_means_0_and_only_the_pumps_own_counts(bench, packet):
    host = bench(addresses=7)
    assert host.basic("7") == "07A?R"
    assert host.raw(packet) == b""
    assert host.basic("07VER") == "07SNE1000V3.92"


async def test_system_commands_are_accepted_at_any_address(bench):
    host = bench(addresses=7)
    host.basic("7")
    assert host.basic("*ADR") == "07S7"
    assert host.basic("*ADR12") == "12S"
    assert host.basic("12") == "12S"
    assert host.basic("*ADR 3 B 9600") == "03S"
    assert host.pump.device.baud == 9600
    assert host.basic("*ADR 100") == "03S?OOR"
    assert host.basic("*ADR 3 B 9601") == "03S?OOR"
    assert host.basic("3ADR4") == "03S?"


async def test_pumps_on_a_network_answer_to_their_own_addresses_and_run_by_themselves(bench):
    host = bench(addresses="0,1,12")
    assert [host.basic(address) for address in ("", "1", "12")] == ["00A?R", "01A?R", "12A?R"]
    for address in ("1", "12"):
        for command in (*READY, "RUN"):
            assert "?" not in host.basic(address + command)
    assert host.basic("12RAT 30") == "12I"
    await asyncio.sleep(60)
    assert [host.pump.truth(unit)["delivered_ml"] for unit in (1, 2, 3)] == pytest.approx([0, 1.0, 0.5])
    assert [host.pump.truth(unit)["display"]["address"] for unit in (1, 2, 3)] == ["0", "1", "12"]
    host.pump.press("stop", None, 2)
    assert [host.basic(address) for address in ("", "1", "12")] == ["00S", "01P", "12I"]
    assert host.raw(b"5\r") == b""


@pytest.mark.parametrize("burst", [b"*STP\r", b"0STP\r1STP\r"])
async def test_replies_of_several_pumps_collide_though_each_obeys(bench, burst):
    host = bench(addresses="0,1")
    for address in ("0", "1"):
        host.basic(address)
        for command in (*READY, "RUN"):
            host.basic(address + command)
    assert host.raw(burst) == b""
    assert [host.basic(address) for address in ("0", "1")] == ["00P", "01P"]


async def test_a_packet_for_one_pump_does_not_disturb_its_neighbour_in_the_other_mode(bench):
    host = bench(addresses="0,1")
    assert host.basic("0") == "00A?R"
    assert host.basic("1") == "01A?R"
    assert host.safe("0SAF5") == "00S"
    assert host.basic("1VER") == "01SNE1000V3.92"
    assert host.raw(safe_frame(b"1VER")) == b"\x0201SNE1000V3.92\x03"
    assert host.safe("0VER") == "00SNE1000V3.92"
    assert b"?COM" in host.raw(b"0VER\r")


async def test_an_unsolicited_alarm_and_a_reply_fault_concern_one_pump_of_the_network(bench):
    host = bench(addresses="0,1")
    for address in ("0", "1"):
        host.basic(address)
    host.safe("0SAF1")
    host.heard.clear()
    await asyncio.sleep(1.1)
    assert host.heard == [safe_frame(b"00A?T")]
    host.safe("0")
    host.pump.fire("lost-reply:identify")
    assert host.basic("1DIA 20") == "01S"
    assert host.raw(b"1VER\r") == b""
    assert host.basic("1VER") == "01SNE1000V3.92"


async def test_all_pumps_of_a_network_share_one_supply(bench):
    host = bench(addresses="0,1")
    for address in ("0", "1"):
        host.basic(address)
    host.pump.power(on=False)
    assert host.raw(b"1\r") == b""
    host.pump.power(on=True)
    assert [host.basic(address) for address in ("0", "1")] == ["00A?R", "01A?R"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"addresses": ""}, "addresses: each pump needs an address of its own"),
        ({"addresses": "0,100"}, "addresses.1: .* 99$"),
        ({"addresses": "1,1"}, "addresses: each pump needs an address of its own"),
        ({"network": "0,1", "address": 1}, "address is another name of addresses"),
        ({"addresses": "0,1", "reply_delay_s": 0.1}, "addresses, reply_delay_s: "),
    ],
)
async def test_an_impossible_network_is_refused(bench, wrong, message):
    with pytest.raises(ValueError, match=message):
        bench(**wrong)


# -- alarms (S: status and alarms) ---------------------------------------------------------------------------------


async def test_the_first_answer_after_power_up_is_the_reset_alarm_and_the_command_is_not_carried_out(bench):
    host = bench()
    assert host.basic("DIA 14.43") == "00A?R"
    assert host.basic("DIA") == "00S26.59"
    assert host.basic("DIA 14.43") == "00S"
    assert host.basic("DIA") == "00S14.43"


async def test_an_alarm_makes_the_pump_ignore_run(bench):
    host = bench()
    host.setup(*READY)
    host.pump.power(on=False)
    host.pump.power(on=True)
    assert host.basic("RUN") == "00A?R"
    await asyncio.sleep(10)
    assert host.basic("") == "00S"
    assert host.pump.truth()["delivered_ml"] == 0


async def test_an_invalid_packet_does_not_acknowledge_an_alarm(bench):
    host = bench()
    assert host.raw(bytes.fromhex("02 05 30 36 54 03")) == b"\x0200A?R?COM\x03"
    assert host.basic("") == "00A?R"


async def test_in_safe_mode_an_alarm_is_sent_by_itself_and_not_thereby_acknowledged(bench):
    host = bench()
    host.setup("SAF0", *READY)
    host.safe("0SAF60")
    host.safe("0RUN")
    host.heard.clear()
    host.pump.fire("stall")
    await asyncio.sleep(0.001)
    assert host.heard == [bytes.fromhex("02 09 30 30 41 3F 53 75 A7 03")]
    assert host.safe("0") == "00A?S"
    assert host.safe("0") == "00S"


async def test_in_basic_mode_nothing_is_sent_without_a_request(bench):
    host = bench()
    host.setup(*READY, "RUN")
    host.heard.clear()
    host.pump.fire("stall")
    await asyncio.sleep(1)
    assert host.heard == []
    assert host.basic("") == "00A?S"


async def test_saf_on_a_pending_alarm_answers_in_the_new_framing(bench):
    """[U] in the sheet, the default: a basic answer here makes a known client hang."""
    host = bench()
    assert host.raw(bytes.fromhex("02 09 30 53 41 46 35 09 08 03")) == bytes.fromhex("02 09 30 30 41 3F 52 65 86 03")
    assert host.safe("0SAF") == "00S5"


async def test_saf_on_a_pending_alarm_may_be_ignored_instead(bench):
    host = bench(saf_before_alarm=False)
    assert host.raw(bytes.fromhex("02 09 30 53 41 46 35 09 08 03")) == b"\x0200A?R\x03"
    assert host.basic("SAF") == "00S0"


# -- watchdog (S: safe mode behaviour) -----------------------------------------------------------------------------


async def test_the_watchdog_stops_the_pump_and_raises_the_time_out_alarm(bench):
    host = bench()
    host.setup("SAF0", *READY)
    host.safe("0SAF10")
    host.safe("0RUN")
    host.heard.clear()
    await asyncio.sleep(9.9)
    assert host.heard == []
    await asyncio.sleep(0.2)
    assert host.heard == [bytes.fromhex("02 09 30 30 41 3F 54 05 40 03")]
    assert host.pump.truth()["running"] is False
    assert host.pump.truth()["delivered_ml"] == pytest.approx(10 / 60)
    assert host.safe("0RUN") == "00A?T"
    assert host.safe("0") == "00S"


async def test_each_valid_packet_re_arms_the_watchdog(bench):
    host = bench()
    host.setup("SAF0", *READY)
    host.safe("0SAF10")
    host.safe("0RUN")
    for _ in range(20):
        await asyncio.sleep(9)
        assert host.safe("0") == "00I"


@pytest.mark.parametrize("packet", [bytes.fromhex("02 05 30 36 54 03"), safe_frame(b"1"), b"RUN\r"])
async def test_corrupt_foreign_and_basic_packets_do_not_re_arm_it(bench, packet):
    """Wrong CRC; a valid packet for address 1; RUN without a safe frame."""
    host = bench()
    host.setup("SAF0", *READY)
    host.safe("0SAF10")
    host.safe("0RUN")
    for _ in range(4):
        await asyncio.sleep(3)
        host.raw(packet)
    assert host.safe("0") == "00A?T"


async def test_an_expired_watchdog_stays_off_until_the_next_valid_packet(bench):
    host = bench()
    host.setup("SAF0")
    host.safe("0SAF10")
    await asyncio.sleep(11)
    host.heard.clear()
    await asyncio.sleep(60)
    assert host.heard == []
    assert host.safe("0") == "00A?T"
    host.heard.clear()
    await asyncio.sleep(11)
    assert len(host.heard) == 1


async def test_safe_mode_survives_a_power_cut_and_its_watchdog_waits_for_a_first_packet(bench):
    host = bench()
    host.setup("SAF0")
    host.safe("0SAF10")
    host.pump.power(on=False)
    await asyncio.sleep(100)
    host.heard.clear()
    host.pump.power(on=True)
    assert host.heard == [bytes.fromhex("02 09 30 30 41 3F 52 65 86 03")], "the reset alarm comes by itself"
    await asyncio.sleep(100)
    assert len(host.heard) == 1
    assert host.safe("0") == "00A?R"
    await asyncio.sleep(11)
    assert len(host.heard) == 2


async def test_saf0_switches_the_watchdog_off(bench):
    host = bench()
    host.setup("SAF0", *READY)
    host.safe("0SAF10")
    host.safe("0RUN")
    assert host.raw(bytes.fromhex("02 08 53 41 46 30 55 43 03")) == b"\x0200I\x03"
    await asyncio.sleep(60)
    assert host.basic("") == "00I"


async def test_a_change_of_baud_switches_the_watchdog_off_until_the_next_packet(bench):
    host = bench()
    host.setup("SAF0")
    host.safe("0SAF10")
    host.safe("*ADR0B9600")
    host.heard.clear()
    await asyncio.sleep(30)
    assert host.heard == []


async def test_the_watchdog_runs_in_real_time_at_any_speed_of_the_plant(bench):
    host = bench(speed=60)
    host.setup("SAF0", "DIA26.59", "RAT60MH", "VOLML", "VOL0")
    host.safe("0SAF10")
    host.safe("0RUN")
    await asyncio.sleep(9.9)
    assert host.safe("0") == "00I"
    await asyncio.sleep(10.1)
    assert host.pump.truth()["running"] is False


async def test_saf_accepts_0_to_255(bench):
    host = bench()
    host.setup()
    assert host.basic("SAF256") == "00S?OOR"
    assert host.basic("SAFX") == "00S?"
    assert host.safe("SAF255") == "00S"


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
