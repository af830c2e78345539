"""The simulated NE-1000 against the protocol sheet, as transcripts. S: sheet section (manual 1200-01 behind it)."""

import asyncio

import pytest

from pumpd_drivers.new_era.codec import safe_frame

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
