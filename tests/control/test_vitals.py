"""STA-07, STA-08, RUN-07 to RUN-09 through the whole gateway, in virtual time; and vital signs that lie."""

import asyncio
from itertools import pairwise

import pytest

from pumpd.infusion import State
from tests.control.monitor import Monitor, watched
from tests.control.test_restart import another_process, die
from tests.control.testbed import ORDER, open_testbed
from tests.control.wire_tap import Tap


def now():
    return asyncio.get_running_loop().time()


def infusion(here):
    found = here.gateway.runners["bed1"].infusion
    assert found is not None
    return found


def shown(here, pump="bed1"):
    state = here.gateway.status()
    return next(each["vitals"] for each in state["pumps"] if each["pump"] == pump)


def sign(here, name):
    return next(each for each in shown(here)["signs"] if each["name"] == name)


def taken(here):
    return [each for each in here.entries() if each.kind == "happened" and each.fields["event"] == "vitals_taken"]


# -- the whole way -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STA-07", "STA-08", "RUN-09")
async def test_an_infusion_with_vital_signs_runs_its_forty_minutes_without_an_alarm(tmp_path):
    async with watched(tmp_path) as (here, _):
        await here.start()
        await here.until("completed", within_s=2500)
        assert here.truth() == pytest.approx(35, rel=0.02)
        kinds = here.kinds()
        raised = {entry.fields["code"] for entry in here.entries() if entry.kind == "alarm_raised"}
        assert raised == {"near_end"}  # three minutes before the end, by design
        baseline = next(each for each in here.entries() if each.kind == "baseline_recorded")
        assert {each["sign"]: each["value"] for each in baseline.fields["signs"]} == {
            "spo2_percent": 97,
            "heart_rate_bpm": 72,
            "systolic_mmhg": 124,
            "diastolic_mmhg": 78,
        }
        assert all(each["source"] == "monitor m-1" for each in baseline.fields["signs"])
        assert kinds.index("baseline_recorded") < kinds.index("intent_start")


@pytest.mark.requirement("STA-07", "STA-08", "RUN-08")
async def test_without_vital_signs_the_confirmation_starts_nothing(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        monitor.streaming = False
        await asyncio.sleep(6)
        assert (await here.order()).ok
        await here.until("ready")
        assert not shown(here)["ready"]
        await here.confirm()
        await asyncio.sleep(3)
        assert here.state() == "ready"
        assert here.truth() == 0
        (refused,) = [each.fields["reasons"] for each in here.entries() if each.kind == "refused"]
        assert refused == shown(here)["reasons"]
        assert len(refused) == 2
        monitor.streaming = True
        await asyncio.sleep(20)
        assert here.state() == "ready"  # signs that come again start nothing
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")


@pytest.mark.requirement("RUN-07")
@pytest.mark.parametrize(
    "signs", [{"spo2_percent": 85}, {"heart_rate_bpm": 121, "spo2_percent": 91}, {"systolic_mmhg": 200}]
)
async def test_the_stop_is_on_the_wire_within_a_second_of_the_sample(tmp_path, signs):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        await asyncio.sleep(30.4)
        tap = Tap(here.pump)
        sent_s = now()
        assert (await monitor.send(**signs)).ok
        assert here.state() == "stopping"  # at once, not with the next event
        monitor.stream |= {name: value for name, value in signs.items() if name in monitor.stream}
        while not tap.count("STP"):
            assert now() - sent_s <= 1
            await asyncio.sleep(0.01)
        await here.until("tripped")
        assert [code.value for code in infusion(here).trips] == ["vitals_critical"]
        monitor.stream = {"spo2_percent": 98, "heart_rate_bpm": 70}
        given = here.truth()
        await asyncio.sleep(60)
        assert here.state() == "tripped"
        assert here.truth() == given
        await monitor.send(systolic_mmhg=120, diastolic_mmhg=80)
        assert (await here.ask(op="clear", pump="bed1")).ok
        assert here.state() == "paused"
        assert (await here.ask(op="resume", pump="bed1")).ok
        await here.until("ready")
        await asyncio.sleep(5)
        assert here.truth() == given
        assert (await here.confirm(request="r-again")).ok
        await here.until("running")


@pytest.mark.requirement("RUN-08")
async def test_a_monitor_that_falls_silent_stops_the_infusion_after_a_minute(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        await asyncio.sleep(30)
        monitor.streaming, last_s = False, now()
        codes = {}
        while here.state() == "running":
            for code in infusion(here).alarms:
                codes.setdefault(code.value, now() - last_s)
            assert now() - last_s < 63
            await asyncio.sleep(0.1)
        assert list(codes) == ["vitals_late", "vitals_missing"]
        assert 4 <= codes["vitals_late"] <= 6.2
        assert 29 <= codes["vitals_missing"] <= 31.2
        assert 59 <= now() - last_s <= 61.2
        await here.until("tripped")
        assert [code.value for code in infusion(here).trips] == ["vitals_lost"]
        level = sign(here, "spo2_percent")
        assert (level["level"], level["value"]) == ("missing", None)
        assert level["age_s"] >= 59


@pytest.mark.requirement("RUN-09")
async def test_an_overdue_blood_pressure_pauses_and_a_person_resumes(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        await monitor.send(**monitor.cuff)
        monitor.cuff_every_s, measured_s = None, now()
        for _ in range(2000):
            if infusion(here).alarms:
                break
            await asyncio.sleep(0.5)
        assert [code.value for code in infusion(here).alarms] == ["pressure_overdue"]
        assert 900 <= now() - measured_s <= 902
        await here.until("pausing", within_s=310)
        assert 1200 <= now() - measured_s <= 1202
        await here.until("paused")
        assert not infusion(here).trips
        await monitor.send(**monitor.cuff)
        await asyncio.sleep(3)
        assert not infusion(here).alarms
        assert here.state() == "paused"
        assert (await here.ask(op="resume", pump="bed1")).ok
        await here.until("ready")
        assert (await here.confirm(request="r-again")).ok
        await here.until("running")


# -- vital signs that lie ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-08")
@pytest.mark.parametrize("lie", [{"spo2_percent": 127}, {"spo2_percent": -1}, {"age_s": -0.5}, {"patient": "token-9"}])
async def test_a_monitor_that_lies_counts_as_silent(tmp_path, lie):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        monitor.streaming, monitor.cuff_every_s = False, None
        for _ in range(64):
            await monitor.send(**({**monitor.stream} | lie))
            await asyncio.sleep(1)
        await here.until("tripped")
        assert [code.value for code in infusion(here).trips] == ["vitals_lost"]
        refused = [each for each in here.entries() if each.kind in ("vitals_refused", "request_refused")]
        assert 1 <= len(refused) <= 250


async def test_samples_out_of_order_do_not_bring_back_an_old_value(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        monitor.streaming = False
        await monitor.send(age_s=1, spo2_percent=97, heart_rate_bpm=72)
        answer = await monitor.send(age_s=3, spo2_percent=91)
        assert not answer.ok
        assert "older than the last one" in answer.reasons[0]
        assert sign(here, "spo2_percent")["value"] == 97


async def test_a_value_that_never_changes_is_not_a_fault(tmp_path):
    async with watched(tmp_path) as (here, _):
        await here.start()
        await asyncio.sleep(300)
        assert here.state() == "running"
        assert not infusion(here).alarms


async def test_the_signs_of_the_last_patient_are_not_those_of_the_next(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        assert shown(here)["ready"]
        monitor.streaming, monitor.cuff_every_s = False, None
        await here.ask(op="associate", pump="bed1", patient="token-2", by="nurse-1")
        assert {each["level"] for each in shown(here)["signs"]} == {"missing"}
        assert (await here.order(patient="token-2")).ok
        assert infusion(here).vitals == ()
        answer = await Monitor(here, patient="token-1").send(spo2_percent=97)
        assert not answer.ok
        assert "another patient" in answer.reasons[0]


async def test_signs_that_came_while_nobody_was_associated_are_nobodys(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        monitor.streaming, monitor.cuff_every_s = False, None
        await here.ask(op="dissociate", pump="bed1", by="nurse-1")
        assert (await monitor.send(**monitor.stream, **monitor.cuff)).ok
        assert (await here.ask(**ORDER)).ok
        await here.until("ready")
        await asyncio.sleep(2)
        assert infusion(here).vitals == ()
        assert not shown(here)["ready"]
        assert (await monitor.send(**monitor.stream)).ok  # now it is the bed of the order's patient
        await asyncio.sleep(2)
        assert len(infusion(here).vitals) == 2


async def test_each_bed_has_its_own_signs(tmp_path):
    async with watched(tmp_path, beds=("bed1", "bed2")) as (here, monitor):
        assert (await here.order()).ok
        other = await here.order(pump="bed2", patient="token-2")
        assert other.ok
        await here.until("ready", pump="bed2")
        await here.confirm(pump="bed2", request="r-2")
        await asyncio.sleep(2)
        assert here.state("bed2") == "ready"
        assert here.truth("bed2") == 0
        assert not (await Monitor(here, pump="bed9").send(**monitor.stream)).ok


async def test_a_message_without_signs_is_refused(tmp_path):
    async with watched(tmp_path) as (_, monitor):
        answer = await monitor.send()
        assert answer.reasons == ("vitals: there is no vital sign in this",)


# -- a flood -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RUN-01", "RUN-07")
async def test_a_flood_of_samples_neither_delays_polls_nor_fills_the_journal(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        monitor.streaming = False
        begun_s = now()
        number = 0
        while now() - begun_s < 60:
            number += 1
            await monitor.send(spo2_percent=93 + number % 6, heart_rate_bpm=60 + number % 50)
            await monitor.send(spo2_percent=300)
            await asyncio.sleep(0.01)
        assert number > 5000
        assert here.state() == "running"
        assert len(taken(here)) <= 70
        assert len([each for each in here.entries() if each.kind == "request_refused"]) <= 250
        readings = [each for each in here.entries() if each.kind == "reading" and each.fields["state"] == "running"]
        assert max((b.mono_ns - a.mono_ns) / 1e9 for a, b in pairwise(readings)) <= 1.1
        tap, sent_s = Tap(here.pump), now()
        await monitor.send(spo2_percent=80)
        while not tap.count("STP"):
            assert now() - sent_s <= 1
            await asyncio.sleep(0.01)


# -- a restart, and without configuration ------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-02", "RUN-08")
async def test_after_a_restart_the_infusions_own_samples_are_known_and_nothing_resumes_without_new_ones(tmp_path):
    async with watched(tmp_path) as (here, monitor):
        await here.start()
        await asyncio.sleep(20)
        monitor.streaming, monitor.cuff_every_s = False, None
        await die(here)
        async with another_process(here):
            await here.until("tripped")
            assert {each.sign.value for each in infusion(here).vitals} == {*monitor.stream, *monitor.cuff}
            await here.ask(op="clear", pump="bed1")
            await asyncio.sleep(6)
            await here.ask(op="resume", pump="bed1")
            await here.until("ready")
            await here.confirm(request="r-again")
            await asyncio.sleep(2)
            assert here.state() == "ready"
            monitor.streaming = True
            await asyncio.sleep(2)
            assert (await here.confirm(request="r-third")).ok
            await here.until("running")


async def test_without_the_section_nothing_is_taken_shown_or_run(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        assert here.gateway.status()["pumps"][0]["vitals"] is None
        assert "vital signs" not in here.gateway.parts._parts
        answer = await Monitor(here).send(spo2_percent=40)
        assert not answer.ok
        assert "not configured" in answer.reasons[0]
        await asyncio.sleep(120)
        assert infusion(here).state is State.RUNNING
        assert infusion(here).vital_rules is None
        assert not taken(here)


@pytest.mark.requirement("RUN-08")
async def test_simulated_time_that_runs_faster_does_not_make_a_monitor_late(tmp_path):
    async with watched(tmp_path, top={"simulation": {"time_scale": 10}}) as (here, monitor):
        monitor.streaming = False
        await monitor.send(**monitor.stream, **monitor.cuff)
        await asyncio.sleep(4.9)
        assert shown(here)["ready"]
        assert sign(here, "spo2_percent")["age_s"] == pytest.approx(4.9)
        await asyncio.sleep(0.2)
        assert not shown(here)["ready"]
