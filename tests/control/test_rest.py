"""The rest of an interrupted treatment: a new order, never more than is left, never faster (PRG-25)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pumpd.control.state import snapshot
from pumpd.host.clock import Clock
from pumpd.infusion import State
from pumpd.quantities import Volume
from tests.control.test_restart import another_process, die
from tests.control.testbed import open_testbed

PRESCRIBED_ML = 35.0


async def interrupted(here, after_s=600, **order):
    """An infusion on bed1 that was stopped by mistake after this long; returns the session, which is the treatment."""
    await here.start(**order)
    session = here.gateway.runners["bed1"].infusion.place.session
    await asyncio.sleep(after_s)
    assert (await here.ask(op="stop", pump="bed1", reason="by mistake")).ok
    await here.until("stopped")
    return session


async def order_rest(here, treatment, pump="bed1", **changes):
    patient = changes.pop("patient", "token-1")
    await here.ask(op="associate", pump=pump, patient=patient, by="nurse-1")
    asked = {"treatment": treatment, "patient": patient, "ordered_by": "dr-a"} | changes
    return await here.ask(op="rest", pump=pump, **asked)


async def run_rest(here, pump="bed1", within_s=7200):
    await here.until("ready", pump=pump)
    answer = await here.confirm(pump=pump, request="r-rest")
    assert answer.ok, answer.reasons
    await here.until("completed", pump=pump, within_s=within_s)


def given(here, *pumps):
    return sum(here.truth(pump) for pump in pumps or ("bed1",))


@pytest.mark.requirement("PRG-25", "RUN-05")
async def test_the_rest_completes_the_treatment_and_not_more(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        first = given(here)
        booked = float(here.gateway.runners["bed1"].infusion.booked(0).number)
        rest = here.gateway.status()["pumps"][0]["rest"]
        assert rest["treatment"] == treatment
        assert float(rest["left_ml"]) == pytest.approx(PRESCRIBED_ML - booked, abs=1e-6)
        ordered = await order_rest(here, treatment)
        assert ordered.ok, ordered.reasons
        await run_rest(here)
        assert given(here) <= PRESCRIBED_ML + 0.1
        assert given(here) >= PRESCRIBED_ML - 0.5
        assert given(here) - first > 20
        infusion = here.gateway.runners["bed1"].infusion
        assert infusion.treatment == treatment
        assert infusion.earlier + infusion.prescribed == infusion.whole
        assert here.gateway.status()["pumps"][0]["rest"] is None
        assert not (await order_rest(here, treatment)).ok


@pytest.mark.requirement("PRG-25")
@pytest.mark.parametrize("after_s", [1, 12, 60])
async def test_a_stop_by_mistake_soon_after_the_start_leaves_nearly_all_to_give(tmp_path, after_s):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here, after_s)
        assert (await order_rest(here, treatment)).ok
        await run_rest(here)
        assert PRESCRIBED_ML - 0.5 <= given(here) <= PRESCRIBED_ML + 0.1


@pytest.mark.requirement("PRG-25", "RUN-05")
async def test_the_rest_may_be_slower_and_never_faster(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here, 1200)
        refused = await order_rest(here, treatment, duration="10 min")
        assert any("faster than the first program" in reason for reason in refused.reasons)
        assert (await order_rest(here, treatment, duration="60 min")).ok
        await here.until("ready")
        rate = here.gateway.runners["bed1"].infusion.segment.program.highest_rate
        assert float(rate.number) == pytest.approx(17.5, abs=0.2)
        await run_rest(here)
        assert PRESCRIBED_ML - 0.5 <= given(here) <= PRESCRIBED_ML + 0.1
        assert here.gateway.runners["bed1"].infusion.reason.endswith("given")


@pytest.mark.requirement("PRG-25")
async def test_the_rest_may_be_on_another_pump_from_another_container(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        treatment = await interrupted(here)
        refused = await order_rest(here, treatment, pump="bed2", container="20 mL")
        assert any("more than the 19 mL usable" in reason for reason in refused.reasons)
        assert (await order_rest(here, treatment, pump="bed2", container="60 mL")).ok
        assert here.gateway.status()["pumps"][0]["rest"] is None  # bed2 gives it
        await run_rest(here, pump="bed2")
        assert PRESCRIBED_ML - 0.5 <= given(here, "bed1", "bed2") <= PRESCRIBED_ML + 0.1


@pytest.mark.requirement("PRG-25", "PWR-13")
async def test_the_rest_of_the_rest_is_planned_from_all_that_was_given_over_restarts(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        assert (await order_rest(here, treatment)).ok
        await here.until("ready")
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")
        await asyncio.sleep(600)
        await die(here)
        async with another_process(here):
            await asyncio.sleep(20)
            await here.until("tripped", within_s=60)
            assert (await here.ask(op="clear", pump="bed1")).ok
            assert (await here.ask(op="stop", pump="bed1", reason="no resume")).ok
            await here.until("stopped")
            booked = here.gateway.runners["bed1"].infusion.booked(0)
            again = await order_rest(here, treatment)
            assert again.ok, again.reasons
            await here.until("ready")
            infusion = here.gateway.runners["bed1"].infusion
            assert infusion.treatment == treatment
            assert float(infusion.earlier.number) >= float(booked.number) + 8
            await run_rest(here)
            assert given(here) <= PRESCRIBED_ML + 0.1
            assert given(here) >= PRESCRIBED_ML - 1


@pytest.mark.requirement("PRG-25")
async def test_a_rest_that_was_recovered_is_the_same_program(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        assert (await order_rest(here, treatment, duration="50 min")).ok
        await here.until("ready")
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")
        await asyncio.sleep(60)
        await die(here)
        async with another_process(here):
            await here.until("tripped", within_s=60)
            assert here.gateway.runners["bed1"].program is not None
            assert here.gateway.runners["bed1"].program.treatment == treatment
            assert (await here.ask(op="clear", pump="bed1")).ok
            assert (await here.ask(op="resume", pump="bed1")).ok


@pytest.mark.requirement("PRG-25", "PRG-17")
async def test_spacing_holds_back_another_treatment_and_not_the_rest(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        another = await here.order()
        assert any("not before" in reason for reason in another.reasons)
        assert any(f"order that instead, with `pumpd rest --treatment {treatment}`" in why for why in another.reasons)
        assert (await order_rest(here, treatment)).ok


@pytest.mark.requirement("PRG-25", "PRG-07")
async def test_the_rest_of_a_program_for_another_weight_is_not_proposed(tmp_path):
    """It may have been stopped because the weight was wrong."""
    async with open_testbed(tmp_path) as here:
        await interrupted(here, 30, weight="90 kg", weight_again="90 kg")
        another = await here.order(weight="50 kg", weight_again="50 kg")
        assert any("not before" in reason for reason in another.reasons)
        assert not any("pumpd rest" in reason for reason in another.reasons)


@pytest.mark.requirement("PRG-25")
async def test_after_its_time_no_rest_is_given(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        then = datetime.now(UTC) + timedelta(minutes=95)  # 30 min are left of the program
        monkeypatch.setattr(Clock, "now", lambda _: then)
        refused = await order_rest(here, treatment)
        assert any("must be given within 120 min" in reason for reason in refused.reasons)


@pytest.mark.requirement("PRG-25", "PRG-26")
async def test_a_rest_that_is_confirmed_too_late_is_not_started(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        then = datetime.now(UTC) + timedelta(minutes=85)
        monkeypatch.setattr(Clock, "now", lambda _: then)
        assert (await order_rest(here, treatment)).ok
        await here.until("ready")
        await asyncio.sleep(10 * 60)
        if here.state() == "ready":
            assert (await here.confirm(request="r-2")).ok
            await asyncio.sleep(10)
        assert here.state() in ("ready", "abandoned")
        assert given(here) < 10


@pytest.mark.requirement("PRG-25")
async def test_a_treatment_that_nobody_has_or_another_patient_has_no_rest(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        for changes in ({"patient": "token-2"}, {}):
            refused = await order_rest(here, treatment if changes else "0123456789abcdef", **changes)
            assert any("has no rest" in reason for reason in refused.reasons)


@pytest.mark.requirement("PRG-25", "COM-05")
async def test_what_may_have_been_given_without_a_reply_is_not_given_again(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        session = here.gateway.runners["bed1"].infusion.place.session
        await asyncio.sleep(300)
        await die(here)
        async with another_process(here):
            refused = await order_rest(here, session)
            assert not refused.ok
            assert given(here) < PRESCRIBED_ML / 2


@pytest.mark.requirement("PRG-25", "WIN-10")
async def test_one_observation_follows_the_last_delivery(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        assert (await order_rest(here, treatment)).ok
        await run_rest(here)
        await asyncio.sleep(2)
        [observation] = here.gateway.status()["pumps"][0]["observations"]
        assert observation["session"] != treatment


@pytest.mark.requirement("PRG-25", "STA-01")
async def test_the_confirmation_of_the_first_delivery_starts_no_rest(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order()
        assert answer.ok
        await here.until("ready")
        old = await here.confirmation()
        assert (await here.ask(**old)).ok
        await here.until("running")
        session = here.gateway.runners["bed1"].infusion.place.session
        await asyncio.sleep(60)
        await here.ask(op="stop", pump="bed1", reason="by mistake")
        await here.until("stopped")
        assert (await order_rest(here, session)).ok
        await here.until("ready")
        assert not (await here.ask(**old)).ok
        assert here.state() == "ready"


async def test_the_review_says_that_it_is_the_rest(tmp_path):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        answer = await order_rest(here, treatment)
        assert answer.result["treatment"] == treatment
        assert answer.result["first_dose_mg"] == "35"
        assert float(answer.result["dose_mg"]) < 27


async def test_a_disk_that_hangs_refuses_the_rest_and_loads_nothing(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)

        async def hangs(self):
            await asyncio.sleep(3600)

        monkeypatch.setattr(here.gateway.ordering.planning._first._disk, "result", lambda: hangs(None))
        refused = await order_rest(here, treatment)
        assert any("check the gateway's disk" in reason for reason in refused.reasons)
        assert here.state() == "stopped"


@pytest.mark.requirement("PRG-25", "PRG-14", "PWR-04")
async def test_no_rest_after_a_person_started_the_pump_while_no_process_ran(tmp_path):
    """What it gave until it was found flowing is on no record: the program that it held counts as given."""
    async with open_testbed(tmp_path) as here:
        treatment = await interrupted(here)
        await die(here)
        here.pump.press("start")
        await asyncio.sleep(300)
        async with another_process(here) as made:
            here.gateway = made
            await asyncio.sleep(20)
            assert not here.pump.plant.truth().running
            refused = await order_rest(here, treatment)
            assert any("there is no rest" in reason for reason in refused.reasons), refused.reasons


@pytest.mark.requirement("PRG-25", "ALM-17")
async def test_no_rest_is_offered_once_too_little_time_is_left_for_it(tmp_path):
    async with open_testbed(tmp_path) as here:
        await interrupted(here)  # 30 min are left of the program, and 110 of the treatment
        await asyncio.sleep(79 * 60)
        assert here.gateway.status()["pumps"][0]["rest"] is not None
        await asyncio.sleep(2 * 60)
        assert here.gateway.status()["pumps"][0]["rest"] is None


@pytest.mark.requirement("PRG-25")
async def test_no_rest_is_offered_of_a_completed_treatment_whatever_its_count_lacks(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.until("completed", within_s=2500)
        runner, at = here.gateway.runners["bed1"], here.gateway.clock.instant()
        short = runner.infusion.but(counted=runner.infusion.counted - Volume("0.5"))
        assert snapshot._rest(short.but(state=State.STOPPED), runner.program, at) is not None
        assert snapshot._rest(short, runner.program, at) is None
