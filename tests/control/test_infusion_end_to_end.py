"""The main job in virtual time: every layer from the codec to the journal; only the cable is in memory."""

import asyncio
import json
from itertools import pairwise

import pytest

from pumpd.journal import JournalReader
from tests.control.testbed import open_testbed
from tests.control.wire_tap import Tap


@pytest.mark.requirement("STA-01", "STA-05", "STA-06", "RUN-01", "WIN-01", "PRG-11")
async def test_a_prescription_becomes_a_confirmed_infusion_that_ends_after_forty_minutes(tmp_path):
    async with open_testbed(tmp_path) as here:
        answer = await here.order()
        assert answer.ok, answer.reasons
        await here.until("ready")
        assert here.truth() == 0
        assert (await here.confirm()).ok
        await here.until("running")
        await here.until("completed", within_s=2500)
        assert here.truth() == pytest.approx(35, rel=0.02)
        entries = here.entries()
        ended = json.loads(next(entry.body for entry in entries if entry.kind == "infusion_ended"))
        assert ended["outcome"] == "completed"
        assert ended["off_window"] is False
        assert float(ended["delivered_ml"]) == 35
        assert float(ended["running_s"]) == pytest.approx(2400, abs=8)
        readings = [
            entry for entry in entries if entry.kind == "reading" and json.loads(entry.body)["state"] == "running"
        ]
        gaps = [(b.mono_ns - a.mono_ns) / 1e9 for a, b in pairwise(readings)]
        assert max(gaps) <= 1.1
        assert here.raised() == ["near_end"]
        reader = JournalReader(here.journal)
        assert reader.verify() == len(entries)
        reader.close()


@pytest.mark.requirement("RUN-05", "WIN-01")
async def test_the_pump_itself_holds_a_gentle_profile_and_changes_its_rate(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = Tap(here.pump)
        await here.start(entry="ketamine-1mg-ml-gentle")
        await asyncio.sleep(595)
        assert here.truth() == pytest.approx(4.37, rel=0.02)
        await here.until("completed", within_s=2000)
        assert here.truth() == pytest.approx(35, rel=0.005)
        assert tap.count("RUN") == 1
        rates = {entry.fields["rate_ml_h"] for entry in here.entries() if entry.kind == "reading"}
        assert rates == {"0", "26.22", "61.26"}
        assert here.raised() == ["near_end"]
        sent = tap.commands[tap.commands.index("RUN") + 1 :]
        assert not [command for command in sent if command.startswith("RAT") and command != "RAT"]


@pytest.mark.requirement("STA-04")
async def test_orders_alone_never_start_the_pump(tmp_path):
    async with open_testbed(tmp_path) as here:
        for number in range(200):
            await here.order(patient=f"token-{number}")
        await asyncio.sleep(600)
        assert here.truth() == 0
        assert here.state() == "ready"


@pytest.mark.requirement("STA-14")
async def test_a_second_order_for_the_pump_or_the_patient_is_refused(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        assert (await here.order()).ok
        again = await here.order(patient="token-2")
        assert not again.ok
        assert "already" in again.reasons[0]
        same = await here.order(pump="bed2")
        assert not same.ok
        assert "patient" in same.reasons[0]
        assert (await here.order(pump="bed2", patient="token-2")).ok
        assert here.kinds().count("order_refused") == 2


@pytest.mark.requirement("STP-01", "STP-03", "STP-04")
async def test_stop_needs_no_key_and_ends_the_flow(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        before = here.truth()
        assert (await here.ask(op="stop")).ok
        await asyncio.sleep(0.2)
        assert here.truth() - before <= 0.01
        await here.until("stopped", within_s=5)
        at_stop = here.truth()
        await asyncio.sleep(600)
        assert here.truth() == at_stop
        assert "stop_confirmed" in here.kinds()


async def test_stop_works_before_any_order_and_after_the_end(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.ask(op="stop", pump="bed1")).ok
        await asyncio.sleep(1)
        assert here.kinds().count("stop_answered") == 1
        wrong = await here.ask(op="stop", pump="bed9")
        assert not wrong.ok
        assert "bed1" in wrong.reasons[0]


@pytest.mark.requirement("RUN-10", "RUN-11", "STP-05")
async def test_an_occlusion_trips_latches_and_the_rest_needs_a_nurse(tmp_path):
    async with open_testbed(tmp_path, faults=["stall@12min"]) as here:
        await here.start()
        await here.until("tripped", within_s=800)
        infusion = here.gateway.runners["bed1"].infusion
        assert infusion is not None
        assert [code.value for code in infusion.trips] == ["occlusion"]
        given = here.truth()
        assert given == pytest.approx(12 * 60 * 52.5 / 3600, abs=0.3)
        here.pump.clear("stall")
        await asyncio.sleep(60)
        assert here.truth() == given
        assert not (await here.ask(op="resume", pump="bed1")).ok
        assert (await here.ask(op="clear", pump="bed1", by="nurse")).ok
        assert (await here.ask(op="resume", pump="bed1", by="nurse")).ok
        await here.until("ready")
        assert here.truth() == given
        assert (await here.confirm(request="r-2")).ok
        await here.until("completed", within_s=2000)
        assert here.truth() == pytest.approx(35, rel=0.02)


@pytest.mark.requirement("WIN-05", "PRG-15", "RUN-05")
async def test_a_pause_and_a_confirmed_resume_give_the_whole_dose(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(600)
        assert (await here.ask(op="pause", pump="bed1", by="nurse")).ok
        await here.until("paused")
        given = here.truth()
        await asyncio.sleep(240)
        assert here.truth() == given
        assert (await here.ask(op="resume", pump="bed1", by="nurse")).ok
        await here.until("ready")
        binding = await here.binding()
        assert binding.action.value == "resume"
        assert (await here.confirm(binding, request="r-2")).ok
        await here.until("completed", within_s=2000)
        assert here.truth() == pytest.approx(35, rel=0.02)
        assert here.kinds().count("intent_start") == 2


@pytest.mark.requirement("RUN-06")
async def test_a_rate_changed_at_the_panel_stops_within_two_seconds(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        loop = asyncio.get_running_loop()
        here.pump.press("rate", "80")
        changed = loop.time()
        while here.pump.truth()["running"]:
            assert loop.time() - changed <= 2.0
            await asyncio.sleep(0.01)
        await here.until("tripped")


@pytest.mark.requirement("COM-01", "RUN-01")
async def test_a_silent_line_ends_in_a_stop_by_the_pumps_own_watchdog(tmp_path):
    async with open_testbed(tmp_path, faults=["silence@5min/40min"]) as here:
        await here.start()
        await asyncio.sleep(299)
        given = here.truth()
        await asyncio.sleep(60)
        lease = 52.5 / 3600 * 10
        assert here.truth() - given <= 52.5 / 3600 * 2.5 + lease  # to the fault, and one lease
        assert not here.pump.truth()["running"]
        assert here.state() == "stopping"  # the pump cannot be read: the infusion stays in this state, with an alarm
        assert "stop_unconfirmed" in [json.loads(r.body)["code"] for r in here.entries() if r.kind == "alarm_raised"]


@pytest.mark.requirement("COM-03", "COM-02")
async def test_a_lost_reply_to_run_is_never_followed_by_another_run(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        runs = 0
        feed = here.pump.line._pump.feed

        def listen(data: bytes) -> None:
            nonlocal runs
            if b"RUN" in data:
                runs += 1
                here.pump.fire("lost-reply")
            feed(data)

        here.pump.line._pump.feed = listen
        assert (await here.confirm()).ok
        await here.until("tripped", within_s=30)
        assert runs == 1
        infusion = here.gateway.runners["bed1"].infusion
        assert infusion is not None
        assert [code.value for code in infusion.trips] == ["delivery_uncertain"]
        assert not here.pump.truth()["running"]


@pytest.mark.requirement("STP-02")
async def test_a_stop_while_the_program_is_being_loaded_leaves_a_pump_that_never_starts(tmp_path):
    for pause_s in (0.0, 0.01, 0.05, 0.1, 0.2, 0.3):
        folder = tmp_path / str(pause_s)
        folder.mkdir()
        async with open_testbed(folder) as here:
            assert (await here.order()).ok
            await asyncio.sleep(pause_s)
            await here.ask(op="stop")
            await asyncio.sleep(30)
            assert here.state() == "abandoned"
            assert here.truth() == 0


@pytest.mark.requirement("RUN-06")
async def test_a_start_at_the_panel_after_the_end_is_stopped_within_the_idle_poll(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        await here.ask(op="stop")
        await here.until("stopped")
        given = here.truth()
        await asyncio.sleep(5)
        here.pump.press("start")
        assert here.pump.truth()["running"]
        await asyncio.sleep(1.2)
        assert not here.pump.truth()["running"]
        assert here.truth() - given <= 52.5 / 3600 * 1.2
        assert "unprescribed_flow" in here.kinds()


async def test_a_pump_that_is_used_by_hand_before_any_order_is_left_alone_and_reported(tmp_path):
    async with open_testbed(tmp_path) as here:
        await asyncio.sleep(10)
        here.pump.press("rate", "60")
        here.pump.press("start")
        await asyncio.sleep(10)
        assert here.pump.truth()["running"]
        assert here.kinds().count("unprescribed_flow") == 1
        answer = await here.order()  # its self-test sends no stop to a pump that flows
        assert answer.reasons == ("self-test: stop path: the pump is infusing, not idle: stop it first",)
        await asyncio.sleep(5)
        assert here.pump.truth()["running"]
        here.pump.press("stop")


async def test_the_next_order_clears_the_alarms_of_the_previous_infusion(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await here.ask(op="pause", pump="bed1")
        await here.until("paused")
        await here.until("stopped", within_s=400)  # all pause time is used up
        assert (await here.order(patient="token-2")).ok
        await asyncio.sleep(0.1)
        codes = [(entry.kind, entry.fields["code"]) for entry in here.entries() if entry.kind.startswith("alarm_")]
        assert codes == [
            ("alarm_raised", "pause_ending"),
            ("alarm_cleared", "pause_ending"),
            ("alarm_raised", "pause_too_long"),
            ("alarm_cleared", "pause_too_long"),
        ]


async def test_orders_are_accepted_again_once_the_journal_can_be_written_again(tmp_path, monkeypatch):
    from pumpd.journal import Journal, JournalError

    async with open_testbed(tmp_path) as here:
        real = Journal.append

        def full(*_: object) -> None:
            raise JournalError("disk full")

        monkeypatch.setattr(Journal, "append", full)
        refused = await here.order()
        assert "disk full" in " ".join(refused.reasons)
        again = await here.order()
        assert "disk full" in " ".join(again.reasons)
        monkeypatch.setattr(Journal, "append", real)
        assert (await here.order()).ok
        assert "journal_restored" in here.kinds()
