"""A pump is identified again after every silence: the cable may be on another pump, or the pump was switched off."""

import asyncio

import pytest

from pumpd.driving import LinkDriver
from pumpd.pump import PumpState, Unknown
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from tests.control.beds import MODELS, bed, container
from tests.control.testbed import open_testbed

SERIALS = {
    "harvard": ({"driver": "harvard", "model": "LEGATO 100", "clamp": True}, "D11111", "D99999"),
    "dianet-star": ({"driver": "dianet-star", "model": "Perfusor fm"}, "11111", "99999"),
    "alaris-asena": ({"driver": "alaris-asena", "model": "Asena"}, "8002-00001", "8002-99999"),
    "reglo-icc": ({"driver": "reglo-icc", "model": "REGLO ICC", "clamp": True}, "ICC11111", "ICC99999"),
    "zyno-miva": ({"driver": "zyno-miva", "model": "MIVA", "clamp": True}, "SN111111", "SN999999"),
}
BAG = {"container": "100 mL bag"}
BAGS = ("reglo-icc", "zyno-miva")


def move_cable(name, serial):
    """Move the cable from one pump to the other behind an adapter: the port stays open."""
    served = memory._served["bed1"]
    served.peer.detach()
    other = simulate(name=name, seed=9, options={"serial": serial})
    served.peer = other
    other.attach(served.transport.send)
    return other


def open_bed(folder, name):
    settings, serial, _ = SERIALS[name]
    simulated = {"name": name, "options": {"serial": serial}}
    return open_testbed(folder, simulated=simulated, serial=serial, **settings)


@pytest.mark.requirement("COM-10", "STA-12")
@pytest.mark.parametrize("name", SERIALS)
async def test_another_pump_behind_the_same_open_port_is_neither_programmed_nor_started(tmp_path, name):
    async with open_bed(tmp_path, name) as here:
        served = memory._served["bed1"]
        served.peer.detach()
        await asyncio.sleep(4)  # the cable is unplugged, in a person's hand
        other = move_cable(name, SERIALS[name][2])
        await asyncio.sleep(10)
        runner = here.gateway.runners["bed1"]
        assert f"serial {SERIALS[name][2]} where {SERIALS[name][1]} is configured" in runner.problem
        answer = await here.order(**(BAG if name in BAGS else {}))
        assert not answer.ok
        assert not other.truth()["running"]
        other.shut()


@pytest.mark.requirement("COM-10", "STA-12")
@pytest.mark.parametrize("name", SERIALS)
async def test_a_cable_that_is_moved_after_the_order_starts_nothing_on_the_other_pump(tmp_path, name):
    async with open_bed(tmp_path, name) as here:
        assert (await here.order(**(BAG if name in BAGS else {}))).ok
        await here.until("ready")
        binding = await here.binding()
        served = memory._served["bed1"]
        served.peer.detach()
        await asyncio.sleep(4)
        other = move_cable(name, SERIALS[name][2])
        await here.confirm(binding)
        await asyncio.sleep(10)
        assert not other.truth()["running"]
        assert here.state() != "running"
        other.shut()


@pytest.mark.requirement("COM-10")
async def test_a_pump_that_was_silent_for_a_moment_is_identified_again_and_continues(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        here.pump.fire("silence/3s")
        await asyncio.sleep(10)
        assert here.state() == "running"
        assert "pump_identified_again" in here.kinds()


@pytest.mark.requirement("COM-10", "STA-12")
@pytest.mark.parametrize("call", ["load", "read_back"])
async def test_a_pump_is_identified_again_after_a_call_that_may_hide_a_silence(tmp_path, monkeypatch, call):
    plain = getattr(LinkDriver, call)

    async def slow(driver, *given):
        await asyncio.sleep(2.1)
        return await plain(driver, *given)

    async with open_testbed(tmp_path) as here:
        monkeypatch.setattr(LinkDriver, call, slow)
        await here.order()
        await here.until("ready")
        await asyncio.sleep(1)
        assert here.kinds().count("pump_identified_again") == 1


@pytest.mark.requirement("STP-01")
async def test_a_stop_does_not_wait_for_the_identification(tmp_path, monkeypatch):
    async def unheard(*_):
        await asyncio.sleep(2)
        return Unknown("no reply")

    async with open_testbed(tmp_path) as here:
        await here.start()
        monkeypatch.setattr(LinkDriver, "read", unheard)
        monkeypatch.setattr(LinkDriver, "identify", unheard)
        await asyncio.sleep(4)
        await here.ask(op="stop", pump="bed1", reason="test")
        await asyncio.sleep(0.3)
        assert not here.pump.truth()["running"]


BEDS = {(name, model): bed(name, model) for name, model in MODELS}


@pytest.mark.requirement("STA-10", "COM-10")
@pytest.mark.parametrize(("name", "model"), MODELS, ids=[f"{name}-{model}" for name, model in MODELS])
async def test_a_pump_that_was_switched_off_and_on_between_two_patients_takes_the_next_order(tmp_path, name, model):
    own = BEDS[name, model]
    async with open_testbed(tmp_path, each={"bed1": dict(own)}) as here:
        here.pump.fire("power-cut/5s")
        await asyncio.sleep(60)
        assert here.gateway.runners["bed1"].problem == ""
        here.identify_all()
        answer = await here.order(container=container(own))
        assert answer.ok, answer.reasons
        await here.until("ready", "abandoned", within_s=60)
        assert here.state() == "ready", here.gateway.runners["bed1"].infusion.reason


@pytest.mark.requirement("COM-10", "STA-05")
async def test_a_ready_pump_that_shows_which_one_it_is_stays_ready_over_a_lost_link_and_starts(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        here.bench.pull("bed1", away_s=0.4)
        await asyncio.sleep(10)
        assert here.state() == "ready"
        assert (await here.confirm()).ok
        await here.until("running")


async def loaded(here, name, *, remainder):
    """An order waits for its confirmation, or the remainder of a paused infusion."""
    bag = BAG if name in BAGS else {}
    if remainder:
        await here.start(**bag)
        await asyncio.sleep(120)
        assert (await here.ask(op="pause", pump="bed1", by="n", reason="test")).ok
        await here.until("paused")
        assert (await here.ask(op="resume", pump="bed1")).ok
    else:
        assert (await here.order(**bag)).ok
    await here.until("ready")


@pytest.mark.requirement("COM-10", "STA-05")
@pytest.mark.parametrize("name", SERIALS)
@pytest.mark.parametrize("remainder", [False, True], ids=["order", "remainder"])
async def test_a_program_is_loaded_again_after_another_pump_was_on_the_line(tmp_path, name, remainder):
    """Otherwise it stays "ready", and every start of it fails."""
    async with open_bed(tmp_path, name) as here:
        await loaded(here, name, remainder=remainder)
        served = memory._served["bed1"]
        own = served.peer
        own.detach()
        await asyncio.sleep(4)
        other = move_cable(name, SERIALS[name][2])
        await asyncio.sleep(10)
        assert "is configured" in here.gateway.runners["bed1"].problem
        served.peer = own
        if served.transport is not None:  # else the next connection does it
            other.detach()
            own.attach(served.transport.send)
        await asyncio.sleep(20)
        other.shut()
        if remainder:
            assert here.state() == "tripped"
            assert (await here.ask(op="clear", pump="bed1")).ok
            assert (await here.ask(op="resume", pump="bed1")).ok
        if here.gateway.runners["bed1"].reading.state is PumpState.ALARM:  # its own watchdog noticed the silence
            return  # a person clears that at the pump
        await here.until("ready")
        assert (await here.confirm(request="again")).ok
        await here.until("running")


# What becomes of an order whose pump reports that it was switched off and on. An Asena cannot before it has given
# anything: test_loaded_again has what finds it then.
AFTER_A_RESET = {
    "new-era": "ready",
    "zyno-miva": "ready",
    "dianet-star": "abandoned",
    "harvard": "abandoned",
    "reglo-icc": "abandoned",
}


@pytest.mark.requirement("STA-05", "STA-10")
@pytest.mark.parametrize("name", AFTER_A_RESET)
async def test_an_order_whose_pump_reports_that_it_was_switched_off_is_loaded_again_or_ends(tmp_path, name):
    opened = open_testbed(tmp_path) if name == "new-era" else open_bed(tmp_path, name)
    async with opened as here:
        assert (await here.order(**(BAG if name in BAGS else {}))).ok
        await here.until("ready")
        loaded = here.kinds().count("program_loaded")
        here.pump.fire("power-cut/1s")
        await asyncio.sleep(30)
        assert here.state() == AFTER_A_RESET[name]
        if here.state() == "abandoned":
            assert "switched off and on" in here.gateway.runners["bed1"].infusion.reason
        else:
            assert here.kinds().count("program_loaded") == loaded + 1
            assert (await here.confirm()).ok
            await here.until("running")


@pytest.mark.requirement("STA-05", "STA-10")
@pytest.mark.parametrize("cut_s", [1, 30], ids=["briefly", "for long"])
@pytest.mark.parametrize("own", BEDS.values(), ids=map("-".join, BEDS))
async def test_an_order_whose_pump_was_switched_off_is_loaded_again_or_ends(tmp_path, own, cut_s):
    """Whether or not the pump reports it. At most one confirmation is refused because of it, and only if the pump was
    off so briefly that no poll was without an answer.
    """
    async with open_testbed(tmp_path, **own) as here:
        assert (await here.order(container=container(own))).ok
        await here.until("ready")
        here.pump.fire(f"power-cut/{cut_s}s")
        await asyncio.sleep(60)
        runner = here.gateway.runners["bed1"]
        for request in ("first", "second"):
            if here.state() != "ready":
                break
            assert (await here.confirm(request=request)).ok
            await asyncio.sleep(10)
            if request == "first" and cut_s > 2:
                break  # this one must count
        match here.state():
            case "running":
                pass
            case "abandoned":
                assert any(why in runner.infusion.reason for why in ("switched off and on", "confirm it at the pump"))
            case "ordered":  # a person has to say which pump it is
                assert not runner.line.proved_by
            case other:
                pytest.fail(f"{other}: {runner.infusion.reason}")


@pytest.mark.requirement("COM-10", "STA-12")
@pytest.mark.parametrize("remainder", [False, True], ids=["order", "remainder"])
@pytest.mark.parametrize("name", SERIALS)
async def test_a_confirmation_is_refused_at_once_while_the_pump_is_known_not_to_be_there(tmp_path, name, remainder):
    """First nothing answers, then another pump does. Nothing was accepted, and the reason names what is there."""
    async with open_bed(tmp_path, name) as here:
        await loaded(here, name, remainder=remainder)
        accepted, binding = here.kinds().count("confirmation_accepted"), await here.binding()
        memory._served["bed1"].peer.detach()
        await asyncio.sleep(10)
        silent = await here.confirm(binding)
        other = move_cable(name, SERIALS[name][2])
        await asyncio.sleep(10)
        another = await here.confirm(binding, request="again")
        other.shut()
        assert not silent.ok
        assert "must be identified again" in silent.reasons[0]
        assert not another.ok
        assert f"serial {SERIALS[name][2]} where {SERIALS[name][1]} is configured" in another.reasons[0]
        assert here.kinds().count("confirmation_accepted") == accepted
        assert here.state() == "ready"
