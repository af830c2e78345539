"""Fault texts, and what each fault does to a pump and its line."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpd_simulators.device import Operation
from pumpd_simulators.faults import FACTS, Fault, FaultError, Kind

RUNNING = ("DIA 26.59", "RAT 60 MH", "VOL ML", "VOL 0", "RUN")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("occlusion@12min", Fault(Kind.OCCLUSION, 720.0)),
        ("power-cut@90s", Fault(Kind.POWER_CUT, 90.0)),
        ("silence@5min/30s", Fault(Kind.SILENCE, 300.0, 30.0)),
        ("stall", Fault(Kind.STALL)),
        ("lost-reply@1.5h", Fault(Kind.LOST_REPLY, 5400.0)),
        ("delayed-reply:500ms@0s/1min", Fault(Kind.DELAYED_REPLY, 0.0, 60.0, "500ms")),
        ("front-panel:rate=80@10min", Fault(Kind.FRONT_PANEL, 600.0, None, "rate=80")),
        ("front-panel:stop", Fault(Kind.FRONT_PANEL, None, None, "stop")),
        ("disconnect/3s", Fault(Kind.DISCONNECT, None, 3.0)),
        ("air#2@5mL", Fault(Kind.AIR, at_ml=5.0, unit=2)),
        ("air:0.5mL", Fault(Kind.AIR, detail="0.5mL")),
        ("lost-reply:start", Fault(Kind.LOST_REPLY, detail="start")),
        ("crash-after:keep-alive#3@1.5mL/2s", Fault(Kind.CRASH_AFTER, None, 2.0, "keep-alive", 1.5, 3)),
    ],
)
def test_a_fault_is_read(text, fault):
    assert Fault.parse(text) == fault


def numbers(most: int):
    return st.builds(
        lambda whole, places: f"{whole}.{places}" if places else f"{whole}",
        st.integers(0, most),
        st.one_of(st.just(""), st.from_regex(r"[0-9]{1,3}", fullmatch=True)),
    )


TIMES = st.builds(lambda number, unit: number + unit, numbers(999_999), st.sampled_from(["ms", "s", "min", "h"]))
DETAILS = {
    Kind.FRONT_PANEL: st.one_of(st.sampled_from(["stop", "start"]), numbers(9999).map("rate={}%".format)),
    Kind.DELAYED_REPLY: TIMES,
    Kind.LOST_REPLY: st.sampled_from(list(Operation)),
    Kind.CRASH_AFTER: st.sampled_from(list(Operation)),
    Kind.AIR: numbers(9999).map("{}mL".format),
    Kind.EMPTY: numbers(9999),
    Kind.BATTERY: numbers(9999).map("{}%".format),
    Kind.FREE_FLOW: numbers(9999),
}


@st.composite
def fault_texts(draw):
    kind = draw(st.sampled_from(list(Kind)))
    has_detail = kind is Kind.CRASH_AFTER or (kind in DETAILS and draw(st.booleans()))
    text = kind + (":" + draw(DETAILS[kind]) if has_detail else "")
    text += draw(st.one_of(st.just(""), st.integers(1, 99).map("#{}".format)))
    text += draw(st.one_of(st.just(""), TIMES.map("@{}".format), numbers(9999).map("@{}mL".format)))
    if FACTS[kind].lasts:
        text += draw(st.one_of(st.just(""), TIMES.filter(lambda time: time.strip("0.hmins")).map("/{}".format)))
    return text


@given(fault_texts())
@settings(max_examples=300, deadline=None)
def test_a_fault_is_written_as_it_is_read(text):
    """Exactly, even where six digits would not be enough."""
    fault = Fault.parse(text)
    assert Fault.parse(str(fault)) == fault


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_fault_or_refused(text):
    try:
        fault = Fault.parse(text)
    except FaultError:
        return
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "KIND"),
        ("fire@1min", "fire.*occlusion, stall"),
        ("occlusion@12", "'12'.*12min"),
        ("occlusion@12m", "'12m'"),
        ("occlusion@-1s", "'-1s'"),
        ("occlusion@1e3s", "'1e3s'"),
        ("occlusion@", "''|KIND"),
        ("silence@1s/", "''|KIND"),
        ("silence@1s/0s", "above 0"),
        ("occlusion:left@1s", "left"),
        ("front-panel:rate=-1", "rate=-1"),
        ("front-panel:stop@1s/3s", "duration"),
        ("delayed-reply:soon", "soon"),
        ("OCCLUSION", "KIND"),
        ("occlusion@1s@2s", "2s"),
        ("air:lots", "air takes a number of mL.*'lots'"),
        ("air/3s", "duration"),
        ("air@5l", "'5l'.*12min.*5mL"),
        ("occlusion#0", "KIND"),
        ("occlusion#100", "KIND"),
        ("crash-after", "operation.*start.*keep-alive"),
        ("crash-after:eject", "'eject'.*keep-alive"),
        ("lost-reply:run", "'run'.*start"),
        ("battery:-5%", "battery takes a number"),
    ],
)
def test_a_wrong_fault_is_refused_with_what_is_accepted(text, names):
    with pytest.raises(FaultError, match=names):
        Fault.parse(text)


@pytest.mark.parametrize("parts", [{"unit": 0}, {"unit": 100}, {"at_s": 1.0, "at_ml": 1.0}])
def test_a_fault_that_no_text_can_describe_cannot_be_made(parts):
    with pytest.raises(FaultError, match=r"unit|at both"):
        Fault(Kind.STALL, **parts)


def test_every_kind_has_a_description():
    assert set(FACTS) == set(Kind)


async def test_a_fault_comes_at_its_infusion_time_not_before_the_first_run(bench):
    host = bench(faults=["occlusion@12min"])
    host.setup(*RUNNING[:-1])
    await asyncio.sleep(3600)
    assert host.pump.truth()["faults"] == []
    host.basic("RUN")
    await asyncio.sleep(719)
    assert host.pump.truth()["faults"] == []
    await asyncio.sleep(2)
    assert host.pump.truth()["faults"] == ["occlusion"]
    assert host.pump.truth()["delivered_ml"] == pytest.approx(60 * 720 / 3600)


async def test_infusion_time_is_plant_time(bench):
    host = bench(faults=["occlusion@12min"], speed=60)
    host.setup(*RUNNING)
    await asyncio.sleep(12.01)
    assert host.pump.truth()["faults"] == ["occlusion"]
    assert host.pump.truth()["delivered_ml"] == pytest.approx(12.0)


async def test_many_faults_can_be_active_at_once_and_the_same_one_twice(bench):
    host = bench(faults=["lost-reply@1min", "lost-reply@1min", "stall@2min", "silence@1min/5s"])
    host.setup(*RUNNING)
    await asyncio.sleep(61)
    assert host.pump.truth()["faults"] == ["silence", "lost-reply"]
    await asyncio.sleep(5)
    assert [host.raw(b"\r"), host.raw(b"\r")] == [b"", b""]
    assert host.basic("") == "00I"
    await asyncio.sleep(60)
    assert host.basic("") == "00A?S"


async def test_an_occlusion_stalls_the_pump_and_clears_with_a_bolus(bench):
    host = bench(faults=["occlusion@1min"])
    host.setup(*RUNNING)
    await asyncio.sleep(60 + 0.5 / 60 * 3600 - 1)
    assert host.basic("") == "00I"
    await asyncio.sleep(2)
    assert host.basic("") == "00A?S"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1.0)
    host.pump.clear(Kind.OCCLUSION)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1.5)
    assert host.pump.truth()["largest_bolus_ml"] == pytest.approx(0.5)


async def test_an_occlusion_with_a_duration_opens_by_itself_in_plant_time(bench):
    host = bench(faults=["occlusion@1min/10s"], speed=10)
    host.setup(*RUNNING)
    await asyncio.sleep(6.5)
    assert host.pump.truth()["faults"] == ["occlusion"]
    await asyncio.sleep(1)
    assert host.pump.truth()["faults"] == []
    assert host.basic("") == "00I"


async def test_a_stall_is_an_alarm_at_once_and_the_motor_is_stopped_until_freed(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("stall")
    await asyncio.sleep(0.001)
    assert host.basic("") == "00A?S"
    assert host.basic("RUN") == "00I"
    await asyncio.sleep(1)
    assert host.basic("") == "00A?S"
    host.pump.clear(Kind.STALL)
    host.basic("RUN")
    await asyncio.sleep(60)
    assert host.basic("") == "00I"


async def test_silence_blocks_both_directions_for_its_real_seconds(bench):
    host = bench(speed=60)
    host.setup(*RUNNING)
    host.pump.fire("silence/30s")
    assert host.raw(b"STP\r") == b""
    await asyncio.sleep(29)
    assert host.raw(b"\r") == b""
    await asyncio.sleep(1.1)
    assert host.basic("") == "00I", "the stop was never received"


async def test_a_command_with_a_lost_reply_was_carried_out(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("lost-reply")
    assert host.raw(b"STP\r") == b""
    assert host.basic("") == "00P"


async def test_lost_replies_last_as_long_as_ordered(bench):
    host = bench()
    host.setup()
    host.pump.fire("lost-reply/5s")
    assert host.raw(b"\r") == host.raw(b"\r") == b""
    await asyncio.sleep(5.1)
    assert host.basic("") == "00S"


async def test_a_delayed_reply_comes_late_and_unchanged(bench):
    host = bench()
    host.setup()
    host.pump.fire("delayed-reply:2s/10s")
    assert host.raw(b"VER\r") == b""
    await asyncio.sleep(1.9)
    assert host.heard == []
    await asyncio.sleep(0.2)
    assert host.heard == [b"\x0200SNE1000V3.92\x03"]


async def test_garbled_packets_are_refused_by_the_safe_modes_check_and_the_fault_ends(bench):
    host = bench(seed=5)
    host.setup(*RUNNING)
    host.safe("0SAF200")
    host.pump.fire("garbled/60s")
    stop, paused = bytes.fromhex("02 08 30 53 54 50 B3 F9 03"), bytes.fromhex("02 05 30 36 53 03")
    status = [host.raw(paused)]
    for _ in range(98):
        await asyncio.sleep(0.6)  # longer than the gap that discards a cut packet
        status.append(host.raw(paused))
    infusing = max(set(status), key=status.count)
    assert infusing[2:5] == b"00I"
    assert 10 < status.count(infusing) < 50, "about a quarter arrives intact"
    await asyncio.sleep(2)
    assert host.raw(paused) == infusing
    assert host.raw(stop)[2:5] == b"00P"


async def test_garbling_is_repeatable_by_seed(bench):
    async def answers(seed):
        host = bench(seed=seed)
        host.setup()
        host.pump.fire("garbled/60s")
        return [host.raw(b"VER\r") for _ in range(30)]

    assert await answers(1) == await answers(1)
    assert await answers(1) != await answers(2)


async def test_a_power_cut_stops_the_flow_and_the_pump_comes_back_with_its_reset_alarm(bench):
    host = bench(faults=["power-cut@1min/5s"])
    host.setup(*RUNNING)
    await asyncio.sleep(61)
    assert host.raw(b"\r") == b""
    assert host.pump.truth()["powered"] is False
    assert host.pump.truth()["display"] == {"status": "off"}
    await asyncio.sleep(5)
    assert host.basic("STP") == "00A?R"
    assert host.basic("") == "00S"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1.0)


async def test_infusion_time_counts_from_the_first_start_not_from_a_restart(bench):
    host = bench(faults=["power-cut@1min/5s", "occlusion@2min"], power_fail_restart=True)
    host.setup(*RUNNING)
    await asyncio.sleep(119)
    assert host.pump.truth()["running"] is True
    assert host.pump.truth()["faults"] == []
    await asyncio.sleep(2)
    assert host.pump.truth()["faults"] == ["occlusion"]
    assert host.pump.truth()["waiting_faults"] == []


async def test_front_panel_changes_reach_the_pump(bench):
    host = bench(faults=["front-panel@1min", "front-panel:stop@2min"])
    host.setup(*RUNNING)
    await asyncio.sleep(61)
    assert host.basic("RAT") == "00I90.00MH"
    await asyncio.sleep(60)
    assert host.basic("") == "00P"
    assert host.pump.truth()["delivered_ml"] == pytest.approx(2.5)


async def test_a_disconnect_without_a_port_is_silence(bench):
    host = bench()
    host.setup()
    host.pump.fire("disconnect/3s")
    assert host.raw(b"\r") == b""
    await asyncio.sleep(3.1)
    assert host.basic("") == "00S"


async def test_a_disconnect_is_requested_from_the_port(bench):
    host, asked = bench(), []
    host.pump.line.on_disconnect = asked.append
    host.pump.fire("disconnect")
    assert asked == [2.0]


async def test_the_truth_is_marked_as_simulated(bench):
    host = bench()
    truth = host.pump.truth()
    assert truth["simulated"] is True
    assert truth["pump"] == "NE-1000"
    assert truth["infusion_time_s"] is None
