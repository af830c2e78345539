"""Orders that race each other or something else: at most one infusion for a pump and for a patient (STA-14, PRG-21).

The tests' journal writer yields in `append` as the real one does; here it can also be slow.
"""

import asyncio

import pytest

from pumpd.control.ordering.dose_history import DoseHistory
from pumpd.control.ordering.library_check import LibraryCheck
from pumpd.journal.writer import InlineWriter
from tests.control.testbed import ORDER, open_testbed


@pytest.fixture(params=[0.0, 0.003, 0.5], ids=["one turn of the loop", "3 ms", "500 ms"])
def slow_disk(request, monkeypatch):
    plain = InlineWriter.append

    async def append(self, entries):
        await plain(self, entries)
        await asyncio.sleep(request.param)

    monkeypatch.setattr(InlineWriter, "append", append)


def accepted(answers):
    return [answer.ok for answer in answers].count(True)


@pytest.mark.requirement("STA-14")
async def test_of_two_orders_at_once_on_one_pump_one_is_accepted(tmp_path, slow_disk):
    async with open_testbed(tmp_path) as here:
        answers = await asyncio.gather(here.ask(**ORDER), here.ask(**(ORDER | {"patient": "token-2"})))
        assert accepted(answers) == 1
        (reason,) = next(answer.reasons for answer in answers if not answer.ok)
        assert reason == "pump: bed1 has an infusion already; it must end first"
        await here.until("ready")
        assert here.kinds().count("began") == 1
        assert here.gateway.runners["bed1"].infusion.patient == "token-1"


@pytest.mark.requirement("STA-14")
@pytest.mark.parametrize("spelling", ["token-1", "TOKEN-1"])
async def test_of_two_orders_at_once_for_one_patient_one_is_accepted(tmp_path, slow_disk, spelling):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        other = ORDER | {"pump": "bed2", "patient": spelling}
        answers = await asyncio.gather(here.ask(**ORDER), here.ask(**other))
        assert accepted(answers) == 1
        reasons = next(answer.reasons for answer in answers if not answer.ok)
        assert any("patient: has an infusion on bed1 already" in reason for reason in reasons)
        assert here.kinds().count("began") == 1


@pytest.mark.requirement("STA-14")
async def test_orders_at_once_for_different_patients_on_different_pumps_are_all_accepted(tmp_path, slow_disk):
    beds = [f"bed{number}" for number in range(1, 5)]
    async with open_testbed(tmp_path, beds=beds) as here:
        answers = await asyncio.gather(*(here.ask(**(ORDER | {"pump": bed, "patient": bed})) for bed in beds))
        assert accepted(answers) == 4


@pytest.mark.requirement("STA-14")
async def test_of_many_orders_at_once_no_pump_and_no_patient_gets_two(tmp_path, slow_disk):
    beds, patients = ("bed1", "bed2"), ("token-1", "token-2", "token-3")
    async with open_testbed(tmp_path, beds=beds) as here:
        orders = [ORDER | {"pump": bed, "patient": patient} for patient in patients for bed in beds]
        answers = await asyncio.gather(*(here.ask(**order) for order in orders))
        began = [entry for entry in here.entries() if entry.kind == "began"]
        assert 1 <= len(began) == accepted(answers)
        assert len(began) == len({entry.pump for entry in began})
        assert len(began) == len({entry.fields["order"]["patient"] for entry in began})


@pytest.mark.requirement("STA-14", "PRG-17")
async def test_a_second_tablet_cannot_order_what_the_first_one_has_just_stopped(tmp_path, slow_disk):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(60)
        stopped, ordered = await asyncio.gather(here.ask(op="stop", pump="bed1"), here.ask(**ORDER))
        assert stopped.ok
        assert not ordered.ok


@pytest.mark.requirement("STA-14")
async def test_an_order_during_which_the_pump_is_lost_is_refused(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        plain = InlineWriter.append

        async def append(self, entries):
            await plain(self, entries)
            here.gateway.runners["bed1"]._polling.problem = "the port is gone"

        monkeypatch.setattr(InlineWriter, "append", append)
        answer = await here.ask(**ORDER)
        assert any("the port is gone" in reason for reason in answer.reasons)
        assert here.state() is None


@pytest.mark.requirement("STA-14", "PRG-19")
async def test_an_order_during_which_the_library_becomes_unusable_is_refused(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        plain = DoseHistory.catch_up

        async def catch_up(self, patient, *, flush=True):
            await plain(self, patient, flush=flush)
            here.gateway.library_check.known = ("library: another start found it changed",)

        monkeypatch.setattr(DoseHistory, "catch_up", catch_up)
        assert not (await here.ask(**ORDER)).ok
        assert here.state() is None


@pytest.mark.requirement("STA-14")
@pytest.mark.parametrize("where", ["library", "journal"])
async def test_an_order_that_is_not_carried_out_in_time_is_refused_and_leaves_nothing_behind(
    tmp_path, monkeypatch, where
):
    async with open_testbed(tmp_path) as here:
        disk, loop = asyncio.Event(), asyncio.get_running_loop()

        async def library(self):
            await disk.wait()
            return ()

        async def append(self, entries):
            if any(entry.kind == "order_accepted" for entry in entries):
                await disk.wait()
            self.post(entries)

        with monkeypatch.context() as patched:
            if where == "library":
                patched.setattr(LibraryCheck, "objections", library)
            else:
                patched.setattr(InlineWriter, "append", append)
            began = loop.time()
            answers = await asyncio.gather(here.ask(**ORDER), here.ask(**ORDER))
            assert loop.time() - began < 5, "bedside and the command line give up after 5 s"
            for answer in answers:
                assert "was not carried out within 4 s and is withdrawn; nothing was loaded" in answer.reasons[0]
            disk.set()
            await asyncio.sleep(30)
        assert here.state() is None
        assert "began" not in here.kinds()
        if where == "journal":
            assert "order_withdrawn" in here.kinds()
        assert (await here.ask(**ORDER)).ok, "the disk is back"


@pytest.mark.requirement("PRG-21")
async def test_the_patient_of_a_pump_cannot_change_between_an_order_and_its_infusion(tmp_path, slow_disk):
    async with open_testbed(tmp_path) as here:
        await here.ask(op="associate", pump="bed1", patient="token-1", by="nurse-1")
        change = {"op": "associate", "pump": "bed1", "patient": "token-2", "by": "nurse-2"}
        ordered, changed = await asyncio.gather(here.ask(**ORDER), here.ask(**change))
        assert (ordered.ok, changed.ok) in ((True, False), (False, True))
        patient = here.gateway.runners["bed1"].patient
        infusion = here.gateway.runners["bed1"].infusion
        assert patient == ("token-1" if ordered.ok else "token-2")
        assert infusion is None or infusion.patient == patient


@pytest.mark.requirement("PRG-21")
async def test_of_a_confirmation_and_a_change_of_the_patient_at_once_nothing_starts_for_another(tmp_path, slow_disk):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()
        change = {"op": "associate", "pump": "bed1", "patient": "token-2", "by": "nurse-2"}
        confirmed, changed = await asyncio.gather(here.confirm(binding), here.ask(**change))
        assert not changed.ok
        assert confirmed.ok
        assert here.gateway.runners["bed1"].patient == "token-1" == here.gateway.runners["bed1"].infusion.patient
