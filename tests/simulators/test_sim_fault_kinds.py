"""Faults by volume, repeated and ended; what the sensors detect, and what happens on the line and to the processor."""

import asyncio

import pytest

from pumpd_simulators.bench import simulate
from pumpd_simulators.device import PanelError
from pumpd_simulators.faults import FACTS, FaultError, Kind
from pumpd_simulators.new_era.device import NewEraPump
from tests.simulators.test_sim_faults import RUNNING

# -- by volume, repeated, ended --------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1, 60])
async def test_a_fault_comes_when_its_volume_has_truly_been_given(bench, speed):
    host = bench(faults=["occlusion@5mL"], speed=speed)
    host.setup(*RUNNING)
    await asyncio.sleep(299 / speed)
    assert host.pump.truth()["waiting_faults"] == ["occlusion@5mL"]
    await asyncio.sleep(3 / speed)
    assert host.pump.truth()["faults"] == ["occlusion"]
    assert host.pump.truth()["delivered_ml"] == pytest.approx(5.0, abs=1e-4)


async def test_a_fault_waits_for_its_volume_while_the_pump_is_stopped(bench):
    host = bench(faults=["occlusion@2mL"])
    host.setup(*RUNNING)
    await asyncio.sleep(90)
    host.setup("STP")
    await asyncio.sleep(1000)
    assert host.pump.truth()["faults"] == []
    host.setup("RUN")
    await asyncio.sleep(31)
    assert host.pump.truth()["faults"] == ["occlusion"]


async def test_a_repeated_fault_lasts_as_long_as_the_later_one(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("occlusion/10s")
    await asyncio.sleep(5)
    host.pump.fire("occlusion")
    await asyncio.sleep(10)
    assert host.pump.truth()["faults"] == ["occlusion"]
    host.pump.clear(Kind.OCCLUSION)
    host.pump.fire("door/10s")
    await asyncio.sleep(5)
    host.pump.clear(Kind.DOOR)
    host.pump.fire("door")
    await asyncio.sleep(10)
    assert host.pump.truth()["faults"] == ["door"], "the end of a fault that was cleared ends no later one"


@pytest.mark.parametrize("kind", [kind for kind in Kind if not FACTS[kind].lasts])
async def test_a_momentary_fault_cannot_be_ended(bench, kind):
    with pytest.raises(FaultError, match="momentary"):
        bench().pump.clear(kind)


@pytest.mark.parametrize("kind", [kind for kind in Kind if FACTS[kind].lasts])
async def test_every_lasting_fault_shows_and_can_be_ended(bench, kind):
    pump = bench().pump
    pump.fire(f"{kind}:read" if kind is Kind.CRASH_AFTER else kind)
    if kind is not Kind.DISCONNECT:  # which only the port can end
        assert pump.truth()["faults"] == [kind]
    pump.clear(kind)
    assert pump.truth()["faults"] == []


# -- what the sensors detect -------------------------------------------------------------------------------------------


async def test_a_bubble_reaches_the_patient_as_air_and_does_not_count_as_drug(bench):
    host = bench(faults=["air:0.5mL@1min"])
    host.setup(*RUNNING)
    await asyncio.sleep(600)
    truth = host.pump.truth()
    assert truth["air_ml"] == pytest.approx(0.5)
    assert truth["delivered_ml"] == pytest.approx(9.5)


async def test_an_open_door_stops_delivery_though_the_motor_turns(bench):
    host = bench(faults=["door@1min/1min"])
    host.setup(*RUNNING)
    await asyncio.sleep(90)
    assert host.pump.truth()["door_open"] is True
    await asyncio.sleep(90)
    truth = host.pump.truth()
    assert truth["door_open"] is False
    assert truth["delivered_ml"] == pytest.approx(2.0)


async def test_an_emptied_syringe_gives_no_more_than_its_stated_volume(bench):
    host = bench(faults=["empty:0.5mL@1min"])
    host.setup(*RUNNING)
    await asyncio.sleep(600)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1.5)
    assert host.pump.truth()["contents_ml"] == pytest.approx(0)


async def test_free_flow_is_delivered_past_a_stopped_motor_until_it_is_ended(bench):
    host = bench()
    host.setup()
    host.pump.fire("free-flow:360")
    assert host.pump.truth()["faults"] == ["free-flow"]
    await asyncio.sleep(10)
    host.pump.clear(Kind.FREE_FLOW)
    await asyncio.sleep(100)
    truth = host.pump.truth()
    assert truth["delivered_ml"] == pytest.approx(1.0)
    assert truth["faults"] == []


async def test_mains_and_battery_are_in_the_truth(bench):
    pump = bench().pump
    pump.fire("battery:42%")
    pump.fire("mains")
    truth = pump.truth()
    assert (truth["mains"], truth["battery_percent"]) == (False, pytest.approx(42))
    pump.clear(Kind.MAINS)
    assert pump.truth()["mains"] is True


# -- the line and the processor ------------------------------------------------------------------------------------


async def test_a_reply_is_lost_by_the_operation_that_it_answers(bench):
    host = bench()
    host.setup(*RUNNING[:-1])
    host.pump.fire("lost-reply:start")
    assert host.basic("") == "00S"
    assert host.basic("RAT 60 MH") == "00S"
    assert host.raw(b"RUN\r") == b""
    assert host.basic("") == "00I", "it was carried out, and one reply was lost"
    assert host.pump.truth()["faults"] == []


async def test_a_slow_pump_still_answers_the_right_operation(bench):
    host = bench(reply_delay_s=0.1)
    host.raw(b"\r")
    await asyncio.sleep(0.2)
    host.pump.fire("lost-reply:identify")
    host.raw(b"RAT\r")
    host.pump.feed(b"VER\r")
    await asyncio.sleep(0.2)
    assert host.heard == [b"\x0200S0.000MH\x03"]


async def test_a_lost_request_is_not_carried_out(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("lost-request")
    assert host.raw(b"STP\r") == b""
    assert host.basic("") == "00I"


async def test_lost_requests_last_as_long_as_ordered(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("lost-request/5s")
    assert host.raw(b"STP\r") == host.raw(b"STP\r") == b""
    await asyncio.sleep(5.1)
    assert host.basic("") == "00I"


async def test_a_duplicated_reply_comes_twice_and_is_carried_out_once(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("duplicated-reply/5s")
    assert host.raw(b"STP\r") == 2 * b"\x0200P\x03"
    await asyncio.sleep(5.1)
    assert host.basic("") == "00P"


async def test_a_split_reply_comes_whole_in_order_and_late(bench):
    host = bench()
    host.setup()
    host.pump.fire("split-reply/1s")
    host.raw(b"VER\r")
    host.pump.feed(b"DIA\r")
    assert host.heard == []
    await asyncio.sleep(0.17)
    assert 8 <= len(host.heard) <= 10, "a byte each 20 ms"
    await asyncio.sleep(2)
    assert b"".join(host.heard) == b"\x0200SNE1000V3.92\x03" + b"\x0200S26.59\x03"
    assert {len(piece) for piece in host.heard} == {1}


async def test_a_hanging_pump_does_not_reply_or_act_while_the_motor_runs_on(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("hang/1min")
    assert host.raw(b"STP\r") == b""
    with pytest.raises(PanelError, match="hangs"):
        host.pump.press("stop")
    await asyncio.sleep(60.1)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(60.1 / 60)
    assert host.basic("") == "00I", "what it was sent meanwhile is lost"


async def test_a_power_cut_ends_a_hang(bench):
    host = bench()
    host.setup(*RUNNING)
    host.pump.fire("hang/1h")
    host.pump.power(on=False)
    host.pump.power(on=True)
    assert host.basic("") == "00A?R"


@pytest.mark.parametrize(("operation", "request_", "status"), [("start", "RUN", "00S"), ("stop", "STP", "00S")])
async def test_a_crash_comes_after_its_operation_and_before_the_reply(bench, operation, request_, status):
    host = bench(faults=[f"crash-after:{operation}/2s"])
    host.setup(*RUNNING[:-1])
    if operation == "stop":
        host.setup("RUN")
    assert host.raw(f"{request_}\r".encode()) == b""
    assert host.pump.truth()["powered"] is False
    assert host.pump.truth()["infusion_time_s"] is not None
    await asyncio.sleep(1.9)
    assert host.raw(b"\r") == b""
    await asyncio.sleep(0.2)
    assert host.basic("") == "00A?R"
    assert host.basic("") == status
    assert host.basic("RAT") == "00S60.00MH", "its memory survived"


async def test_what_followed_the_operation_is_not_carried_out_after_the_crash(bench):
    """RUN and STP together; a pump that restarts its program then shows which of them it carried out."""
    host = bench(faults=["crash-after:start/1s"], power_fail_restart=True)
    host.setup(*RUNNING[:-1])
    assert host.raw(b"RUN\rSTP\r") == b""
    await asyncio.sleep(1.1)
    assert host.basic("") == "00A?R"
    assert host.basic("") == "00I"


async def test_a_paused_bench_stops_and_loses_what_it_is_sent(bench):
    host = bench()
    host.setup(*RUNNING)
    await asyncio.sleep(60)
    host.pump.clock.change(paused=True)
    assert host.raw(b"STP\r") == b""
    with pytest.raises(PanelError, match="paused"):
        host.pump.press("stop")
    await asyncio.sleep(1000)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(1.0)
    host.pump.clock.change(paused=False)
    assert host.basic("") == "00I"


async def test_a_paused_pump_sends_nothing_by_itself(bench):
    host = bench()
    host.setup("SAF0", *RUNNING[:-1])
    host.safe("0SAF5")
    host.heard.clear()
    host.pump.clock.change(paused=True)
    await asyncio.sleep(20)
    assert host.heard == []


async def test_wrong_faults_are_refused_before_a_pump_is_made(monkeypatch):
    made = []
    monkeypatch.setattr(NewEraPump, "__init__", lambda *_: made.append(1))
    with pytest.raises(FaultError, match="fire"):
        simulate("new-era", faults=["stall", "fire"])
    assert made == []
