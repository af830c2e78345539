"""Swapped, moved and doubled cables, judged by the plants: no start and no believed stop of a wrong pump (COM-15)."""

import asyncio
from dataclasses import replace

import pytest

from pumpd_drivers.harvard.driver import Harvard
from tests.control.testbed import open_testbed, restart

TWO = ("bed1", "bed2")
OTHER = {"patient": "token-2"}


def alike(folder, **changes):
    """Two NE-1000 that nobody has given an address: nothing shows which is which."""
    return open_testbed(folder, beds=TWO, addressed=False, **changes)


def running(here):
    return {bed for bed in here.pumps if here.pumps[bed].truth()["running"]}


async def identify(here, bed, pump=None, by="nurse-1"):
    """The nurse begins the test on the tablet of `bed`, and pulls the cable at `pump`."""
    pump = pump or bed
    assert (await here.ask(op="identify", pump=bed, by=by)).ok
    here.bench.pull(*here.bench.ports_of(pump), away_s=5, seen=False)
    await asyncio.sleep(15)


async def ready(here, *beds):
    for bed in beds or here.pumps:
        await identify(here, bed)


def proved_by(here, bed):
    return here.gateway.runners[bed].line.proved_by


async def both_run(here, apart_s):
    await ready(here)
    await here.start("bed1")
    await asyncio.sleep(apart_s)
    await here.start("bed2", **OTHER)


@pytest.mark.requirement("COM-15")
async def test_a_pump_that_nobody_has_identified_takes_no_order_and_one_that_was_identified_does(tmp_path):
    async with alike(tmp_path) as here:
        answer = await here.order()
        assert not answer.ok
        assert any("identify it, standing at the pump" in reason for reason in answer.reasons)
        await identify(here, "bed1")
        assert proved_by(here, "bed1").startswith("nurse-1")
        assert (await here.order()).ok
        assert not (await here.order(pump="bed2", **OTHER)).ok


@pytest.mark.requirement("COM-15")
async def test_an_address_of_its_own_or_a_serial_number_needs_no_person(tmp_path):
    harvard = {"driver": "harvard", "model": "LEGATO 100", "clamp": True, "serial": "D1"}
    harvard["simulated"] = {"name": "harvard", "options": {"serial": "D1"}}
    async with open_testbed(tmp_path, beds=TWO, each={"bed2": harvard}) as here:
        assert proved_by(here, "bed1") == "network address"
        assert proved_by(here, "bed2") == "serial number"
        refused = await here.ask(op="identify", pump="bed1", by="n")
        assert "identified already" in refused.reasons[0]


@pytest.mark.requirement("COM-15")
@pytest.mark.parametrize("seen", [True, False], ids=["hub", "by-hand"])
@pytest.mark.parametrize("apart_s", [0.3, 0.8, 1.2, 3, 60])
async def test_two_running_pumps_whose_cables_are_swapped_both_stop_and_neither_stop_is_believed(
    tmp_path, apart_s, seen
):
    async with alike(tmp_path) as here:
        await both_run(here, apart_s)
        await asyncio.sleep(30)
        here.bench.swap("bed1", "bed2", away_s=0.4 if seen else 3, seen=seen)
        await asyncio.sleep(8)
        assert running(here) == set()
        assert {here.state("bed1"), here.state("bed2")} == {"stopping"}
        await here.ask(op="stop", pump="bed1", reason="test")
        await asyncio.sleep(5)
        assert "stop_confirmed" not in here.kinds()
        codes = {alarm.code.value for alarm in here.gateway.alarms.active()}
        assert codes >= {"identity_doubted", "stop_unconfirmed"}


@pytest.mark.requirement("COM-15")
async def test_the_stops_are_believed_once_the_cables_are_right_and_a_person_has_identified_both(tmp_path):
    async with alike(tmp_path) as here:
        await both_run(here, 0.3)
        await asyncio.sleep(30)
        here.bench.swap("bed1", "bed2", away_s=0.4)
        await asyncio.sleep(8)
        await identify(here, "bed1")
        assert not proved_by(here, "bed1")
        assert "the cables are swapped" in here.gateway.status()["pumps"][0]["to_identify"]
        here.bench.restore(away_s=5, seen=False)
        await asyncio.sleep(12)
        await ready(here)
        await asyncio.sleep(5)
        for bed in TWO:
            assert here.state(bed) == "tripped"
            given = float(here.gateway.runners[bed].infusion.delivered.number)
            assert abs(given - here.truth(bed)) < 0.1


@pytest.mark.requirement("COM-15", "STA-12")
@pytest.mark.parametrize("seen", [True, False], ids=["hub", "by-hand"])
async def test_a_pump_that_was_ready_before_its_cable_was_swapped_is_not_started(tmp_path, seen):
    async with alike(tmp_path) as here:
        await ready(here)
        for bed, order in (("bed1", {}), ("bed2", OTHER)):
            assert (await here.order(pump=bed, **order)).ok
            await here.until("ready", pump=bed)
        binding = await here.binding("bed1")
        here.bench.swap("bed1", "bed2", away_s=0.4 if seen else 3, seen=seen)
        await asyncio.sleep(6)
        assert not (await here.confirm(binding)).ok
        assert not (await here.ask(op="challenge", pump="bed1")).ok
        await asyncio.sleep(30)
        assert running(here) == set()
        assert here.state("bed1") == here.state("bed2") == "ordered"


@pytest.mark.requirement("COM-15")
async def test_an_order_waits_for_the_person_and_is_then_loaded_and_read_back_again(tmp_path):
    async with alike(tmp_path) as here:
        await ready(here)
        assert (await here.order()).ok
        await here.until("ready")
        here.bench.pull("bed1", away_s=0.4)
        await asyncio.sleep(60)
        assert here.state() == "ordered"
        await identify(here, "bed1")
        await here.until("ready")
        assert here.kinds().count("program_read_back") == 2
        assert (await here.confirm()).ok
        await here.until("running")
        assert running(here) == {"bed1"}


@pytest.mark.requirement("COM-15")
async def test_an_order_whose_pump_nobody_identifies_is_withdrawn_after_ten_minutes(tmp_path):
    async with alike(tmp_path) as here:
        await ready(here)
        assert (await here.order()).ok
        await here.until("ready")
        here.bench.pull("bed1", away_s=0.4)
        await asyncio.sleep(590)
        assert here.state() == "ordered"
        await asyncio.sleep(20)
        assert here.state() == "abandoned"
        assert "nobody identified the pump" in here.gateway.runners["bed1"].infusion.reason


@pytest.mark.requirement("COM-15", "STA-12")
async def test_a_cable_that_was_swapped_while_idle_starts_nothing(tmp_path):
    async with alike(tmp_path) as here:
        await ready(here)
        here.bench.swap("bed1", "bed2", away_s=0.4)
        await asyncio.sleep(10)
        assert not (await here.order()).ok
        assert running(here) == set()


@pytest.mark.requirement("COM-15")
@pytest.mark.parametrize("how", ["move", "double"])
async def test_a_running_pumps_cable_on_another_bed_is_stopped_there_and_not_believed_here(tmp_path, how):
    """Bed 2's pump runs, and then port bed1 leads to it: alone, or beside its own port."""
    async with alike(tmp_path) as here:
        await ready(here)
        await here.start("bed2", **OTHER)
        await asyncio.sleep(60)
        if how == "move":
            here.bench.move("bed2", to="bed1", away_s=3, seen=False)
        else:
            here.bench.double("bed2", "bed1", away_s=3, seen=False)
        await asyncio.sleep(30)
        assert running(here) == set()
        assert here.state("bed2") != "running"
        assert "flow" in " ".join(here.kinds())


@pytest.mark.requirement("COM-15")
async def test_the_only_pump_of_its_kind_continues_when_its_counter_does(tmp_path):
    async with open_testbed(tmp_path, addressed=False) as here:
        await ready(here)
        await here.start()
        await asyncio.sleep(120)
        here.bench.pull("bed1", away_s=0.4)
        await asyncio.sleep(8)
        assert here.state() == "running"
        assert "pump_recognized" in here.kinds()
        assert "identity_doubted" not in {alarm.code.value for alarm in here.gateway.alarms.active()}
        await here.until("completed", within_s=2600)
        assert abs(here.truth() - 35) < 0.2


@pytest.mark.requirement("COM-15")
async def test_the_only_pump_of_its_kind_is_stopped_when_too_little_was_given_to_recognize_it(tmp_path):
    async with open_testbed(tmp_path, addressed=False) as here:
        await ready(here)
        await here.start()
        await asyncio.sleep(5)
        here.bench.pull("bed1", away_s=0.4)
        await asyncio.sleep(8)
        assert running(here) == set()
        assert here.state() == "stopping"
        await identify(here, "bed1")
        await here.until("tripped")
        assert (await here.ask(op="clear", pump="bed1", by="n")).ok
        assert here.state() == "paused"


@pytest.mark.requirement("COM-15")
async def test_what_a_pump_in_doubt_reports_is_neither_booked_nor_believed(tmp_path):
    """An idle pump of another room is on the cable: it reports 0 mL and stopped, while the patient's runs on."""
    async with alike(tmp_path) as here:
        await ready(here)
        await here.start("bed1")
        await asyncio.sleep(300)
        here.bench.double("bed2", "bed1", away_s=3, seen=False)
        await asyncio.sleep(20)
        infusion = here.gateway.runners["bed1"].infusion
        assert here.state("bed1") == "stopping"
        assert float(infusion.booked(here.gateway.clock.monotonic_ns()).number) >= here.truth("bed1")
        assert "stop_confirmed" not in here.kinds()
        assert running(here) == set()  # by its own watchdog: nothing else reaches it


@pytest.mark.requirement("COM-15")
async def test_a_paused_infusion_is_not_resumed_on_a_pump_in_doubt(tmp_path):
    async with alike(tmp_path) as here:
        await ready(here)
        await here.start("bed1")
        await asyncio.sleep(120)
        await here.ask(op="pause", pump="bed1", by="n", reason="test")
        await here.until("paused")
        here.bench.pull("bed1", away_s=0.4)
        await asyncio.sleep(5)
        refused = await here.ask(op="resume", pump="bed1", by="n")
        assert not refused.ok
        assert "which pump answers" in refused.reasons[0]
        await identify(here, "bed1")
        assert (await here.ask(op="resume", pump="bed1", by="n")).ok
        await here.until("ready")


@pytest.mark.requirement("COM-15")
@pytest.mark.parametrize("name", ["harvard", "alaris-asena", "dianet-star", "reglo-icc"])
async def test_two_pumps_with_serial_numbers_whose_ports_come_back_swapped_are_both_stopped(tmp_path, name):
    model = {"harvard": "LEGATO 100", "alaris-asena": "Asena", "dianet-star": "Perfusor fm", "reglo-icc": "REGLO ICC"}
    serial = {"harvard": "D1111{}", "alaris-asena": "8002-0000{}", "dianet-star": "1111{}", "reglo-icc": "ICC1111{}"}
    each = {}
    for number, bed in enumerate(TWO):
        own = serial[name].format(number)
        each[bed] = {"driver": name, "model": model[name], "clamp": True, "serial": own}
        each[bed]["simulated"] = {"name": name, "options": {"serial": own}}
    bag = {"container": "100 mL bag"} if name == "reglo-icc" else {}
    async with open_testbed(tmp_path, beds=TWO, each=each) as here:
        await here.start("bed1", **bag)
        await here.start("bed2", **OTHER, **bag)
        await asyncio.sleep(30)
        here.bench.swap("bed1", "bed2", away_s=0.4)
        await asyncio.sleep(15)
        assert running(here) == set()
        assert "stop_confirmed" not in here.kinds()
        assert "where" in here.gateway.runners["bed1"].problem


def never_with_serial(monkeypatch):
    """Harvard pumps that report no serial number, although their family does."""
    ask = Harvard._identify

    async def identify(self, epoch):
        return replace(await ask(self, epoch), serial=None)

    monkeypatch.setattr(Harvard, "_identify", identify)


@pytest.mark.requirement("COM-15")
@pytest.mark.parametrize("name", ["reglo-icc", "harvard"])
async def test_two_pumps_that_do_not_report_the_serial_number_of_their_family_are_alike(tmp_path, name, monkeypatch):
    """A Reglo ICC that is not asked for it, and pumps that leave it out: both stop, and neither stop is believed."""
    never_with_serial(monkeypatch)
    bed = {"driver": name, "model": "REGLO ICC" if name == "reglo-icc" else "LEGATO 100", "clamp": True}
    bed |= {"simulated": {"name": name}, "settings": {"asks_serial": False} if name == "reglo-icc" else {}}
    bag = {"container": "100 mL bag"} if name == "reglo-icc" else {}
    async with open_testbed(tmp_path, beds=TWO, each=dict.fromkeys(TWO, bed), addressed=False) as here:
        for each in TWO:
            assert not proved_by(here, each)
        here.identify_all()
        for each, order in (("bed1", {}), ("bed2", OTHER)):
            assert (await here.order(pump=each, **order, **bag)).ok
            await here.until("ready", pump=each)
        for each in TWO:  # so soon after each other that their counters do not tell them apart
            assert (await here.confirm(pump=each, request=f"r-{each}")).ok
            await here.until("running", pump=each)
        await asyncio.sleep(60)
        here.bench.swap("bed1", "bed2", away_s=0.4)
        await asyncio.sleep(8)
        assert running(here) == set()
        await here.ask(op="stop", pump="bed1", reason="test")
        await asyncio.sleep(5)
        assert "stop_confirmed" not in here.kinds()
        assert "identity_doubted" in {alarm.code.value for alarm in here.gateway.alarms.active()}


@pytest.mark.requirement("COM-15")
async def test_two_pumps_with_addresses_of_their_own_stop_by_themselves_when_swapped(tmp_path):
    async with open_testbed(tmp_path, beds=TWO) as here:
        await here.start("bed1")
        await here.start("bed2", **OTHER)
        await asyncio.sleep(30)
        here.bench.swap("bed1", "bed2", away_s=0.4)
        await asyncio.sleep(30)
        assert running(here) == set()
        assert "stop_confirmed" not in here.kinds()


@pytest.mark.requirement("COM-15")
async def test_after_a_restart_of_control_a_pump_without_a_mark_is_in_doubt(tmp_path):
    async with alike(tmp_path) as here:
        await both_run(here, 0.3)
        await asyncio.sleep(30)
        for part in list(asyncio.all_tasks()):
            if part.get_name().startswith(("pump ", "time of ")):
                part.cancel()
        await asyncio.sleep(0)
        async with restart(here) as made:
            await asyncio.sleep(8)
            assert running(here) == set()
            assert {runner.infusion.state.value for runner in made.runners.values()} == {"stopping"}


@pytest.mark.requirement("COM-15")
async def test_only_the_cable_that_the_person_pulled_identifies_a_pump(tmp_path):
    async with alike(tmp_path) as here:
        assert (await here.ask(op="identify", pump="bed1", by="n")).ok
        here.bench.pull("bed1", "bed2", away_s=5)
        await asyncio.sleep(15)
        assert not proved_by(here, "bed1")
        assert not proved_by(here, "bed2")
        await identify(here, "bed1", pump="bed2")
        assert not proved_by(here, "bed1")
        await identify(here, "bed1")
        assert proved_by(here, "bed1")
        assert (await here.ask(op="identify", pump="bed2", by="n")).ok
        await asyncio.sleep(120)
        assert not proved_by(here, "bed2")
        assert here.gateway.status()["pumps"][1]["to_identify"] == "no cable was pulled in time"


@pytest.mark.requirement("COM-15")
async def test_nobody_identifies_a_pump_while_another_cable_is_in_somebodys_hand(tmp_path):
    async with alike(tmp_path) as here:
        await ready(here, "bed1")
        here.bench.pull("bed1", away_s=20, seen=False)
        await asyncio.sleep(4)
        refused = await here.ask(op="identify", pump="bed2", by="n")
        assert "bed1 went silent a moment ago" in refused.reasons[0]
        await asyncio.sleep(25)
        await identify(here, "bed2")
        assert proved_by(here, "bed2")


@pytest.mark.requirement("COM-15")
@pytest.mark.parametrize("seen", [True, False], ids=["hub", "by-hand"])
async def test_another_beds_pump_that_is_moved_to_the_port_meanwhile_is_not_identified_as_its_own(tmp_path, seen):
    """The port that it left stays silent, which is noticed a little later than the pump on the other one."""
    async with alike(tmp_path) as here:
        await ready(here, "bed1")
        assert (await here.ask(op="identify", pump="bed2", by="n")).ok
        here.bench.move("bed1", to="bed2", away_s=3, seen=seen)
        await asyncio.sleep(15)
        assert not proved_by(here, "bed2")
        assert "bed1 went silent too" in here.gateway.status()["pumps"][1]["to_identify"]


@pytest.mark.requirement("COM-15")
async def test_one_person_at_a_time_identifies_a_pump(tmp_path):
    async with alike(tmp_path) as here:
        assert (await here.ask(op="identify", pump="bed1", by="a")).ok
        refused = await here.ask(op="identify", pump="bed2", by="b")
        assert "one at a time" in refused.reasons[0]
