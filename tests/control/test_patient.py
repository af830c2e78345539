"""PRG-21: order, wristband and pump name one patient, or nothing starts; the association survives restarts."""

import asyncio
from dataclasses import replace

import pytest

from pumpd.journal import JournalError
from pumpd.journal.writer import InlineWriter
from tests.control.test_restart import another_process, die
from tests.control.testbed import ORDER, Testbed, open_testbed
from tests.control.wire_tap import Tap

ALICE, BOB = ORDER["patient"], "token-2"


async def associate(here: Testbed, patient: str, pump: str = "bed1"):
    return await here.ask(op="associate", pump=pump, patient=patient, by="R. Weiss")


async def dissociate(here: Testbed, pump: str = "bed1"):
    return await here.ask(op="dissociate", pump=pump, by="R. Weiss")


async def ordered(here: Testbed):
    """Ready, on a pump without a patient."""
    assert (await here.ask(**ORDER)).ok
    await here.until("ready")
    return Tap(here.pump)


def changes(here: Testbed):
    return [
        (entry.fields["before"], entry.fields["patient"])
        for entry in here.entries()
        if entry.kind == "association_changed"
    ]


@pytest.mark.requirement("PRG-21")
async def test_on_a_pump_without_a_patient_nothing_starts_until_it_has_one(tmp_path):
    async with open_testbed(tmp_path) as here:
        tap = await ordered(here)
        refused = await here.confirm()
        assert refused.reasons[0].startswith(
            f"patient: order {ALICE}, wristband {ALICE}, pump without a patient: the pump differs; nothing starts"
        )
        await asyncio.sleep(10)
        assert (here.state(), tap.count("RUN"), here.truth()) == ("ready", 0, 0)
        assert (await associate(here, BOB)).reasons == (
            "patient: bed1 has an infusion; its patient cannot change until it has ended",
        )
        answer = await associate(here, ALICE)
        assert (answer.ok, answer.result["patient"]) == (True, ALICE)
        assert (await here.confirm()).ok
        await here.until("running")


@pytest.mark.requirement("PRG-21")
async def test_another_patients_wristband_starts_nothing_and_is_on_record(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        tap = Tap(here.pump)
        refused = await here.confirm(replace(await here.binding(), wristband=BOB))
        assert f"order {ALICE}, wristband {BOB}, pump {ALICE}: the wristband differs" in refused.reasons[0]
        await asyncio.sleep(10)
        assert (here.state(), tap.count("RUN"), here.truth()) == ("ready", 0, 0)
        assert "confirmation_refused" in here.kinds()


@pytest.mark.requirement("PRG-21")
async def test_after_a_pause_the_wristband_is_scanned_again(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(300)
        assert (await here.ask(op="pause", pump="bed1")).ok
        await here.until("paused")
        assert (await here.ask(op="resume", pump="bed1")).ok
        await here.until("ready")
        given = here.truth()
        assert not (await here.confirm(replace(await here.binding(), wristband=BOB), request="r-2")).ok
        await asyncio.sleep(10)
        assert here.truth() == given
        assert (await here.confirm(request="r-3")).ok
        await here.until("running")


@pytest.mark.requirement("PRG-21")
async def test_no_order_is_accepted_on_another_patients_pump(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await associate(here, BOB)).ok
        refused = await here.ask(**ORDER)
        assert refused.reasons == (f"patient: bed1 is associated with another patient, {BOB}",)
        assert here.state() is None
        assert (await associate(here, ALICE)).ok  # it is voided by the new request
        assert (await here.ask(**ORDER)).ok


@pytest.mark.requirement("PRG-21")
async def test_the_patient_of_a_pump_cannot_change_during_an_infusion(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        for state, act in (("ready", None), ("running", here.confirm), ("paused", lambda: pause(here))):
            if act is not None:
                assert (await act()).ok
            await here.until(state)
            for answer in (await associate(here, BOB), await dissociate(here)):
                assert answer.reasons == (
                    "patient: bed1 has an infusion; its patient cannot change until it has ended",
                )
            assert (await associate(here, ALICE)).ok
            assert here.gateway.runners["bed1"].patient == ALICE
        assert (await here.ask(op="stop")).ok
        await here.until("stopped")
        assert (await dissociate(here)).ok
        assert changes(here)[-1] == (ALICE, None)


async def pause(here: Testbed):
    return await here.ask(op="pause", pump="bed1")


@pytest.mark.requirement("PRG-21", "PWR-13")
async def test_the_patient_of_a_pump_or_the_lack_of_one_survives_a_restart(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2", "bed3")) as here:
        await associate(here, BOB)
        await associate(here, ALICE)
        await associate(here, BOB, "bed2")
        await dissociate(here, "bed2")
        await die(here)
        async with another_process(here) as made:
            assert [runner.patient for runner in made.runners.values()] == [ALICE, "", ""]
            assert [pump["patient"] for pump in made.status()["pumps"]] == [ALICE, None, None]
        changes = [entry.fields for entry in here.entries() if entry.kind == "association_changed"]
        assert changes[1] == {"patient": ALICE, "before": BOB, "by": "R. Weiss, test"}


@pytest.mark.requirement("PRG-21")
async def test_an_association_that_cannot_be_written_leaves_the_pump_without_a_patient(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        assert (await associate(here, ALICE)).ok

        async def full(self, entries):
            raise JournalError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(InlineWriter, "append", full)
            for answer in (await dissociate(here), await associate(here, BOB)):
                assert answer.reasons == ("journal: disk full; bed1 has no patient now; associate it again",)
        await ordered(here)
        assert "pump without a patient" in (await here.confirm()).reasons[0]
        assert (await associate(here, ALICE)).ok
        assert (await here.confirm()).ok


@pytest.mark.requirement("PRG-21")
@pytest.mark.parametrize("first_fails", [True, False])
async def test_of_two_associations_at_once_the_later_one_holds(tmp_path, monkeypatch, first_fails):
    async with open_testbed(tmp_path) as here:
        append = InlineWriter.append

        async def slow(self, entries):
            first = [each.body["patient"] for each in entries if each.kind == "association_changed"] == [BOB]
            await asyncio.sleep(1)
            if first and first_fails:
                raise JournalError("disk full")
            return await append(self, entries)

        with monkeypatch.context() as patch:
            patch.setattr(InlineWriter, "append", slow)
            one, two = await asyncio.gather(associate(here, BOB), associate(here, ALICE))
        assert (one.ok, two.ok) == (not first_fails, True)
        assert here.gateway.runners["bed1"].patient == ALICE
        assert changes(here)[-1][1] == ALICE


@pytest.mark.requirement("PRG-21")
async def test_an_association_that_is_not_written_in_time_is_refused_now_and_after_a_restart(tmp_path, monkeypatch):
    async with open_testbed(tmp_path) as here:
        assert (await associate(here, BOB)).ok
        disk, append = asyncio.Event(), InlineWriter.append

        async def hang(self, entries):
            await append(self, entries)
            await disk.wait()

        with monkeypatch.context() as patch:
            patch.setattr(InlineWriter, "append", hang)
            began = asyncio.get_running_loop().time()
            answers = await asyncio.gather(associate(here, ALICE), associate(here, BOB))
            assert asyncio.get_running_loop().time() - began < 5, "bedside and the command line give up after 5 s"
            assert [answer.ok for answer in answers] == [False, False]
        assert here.gateway.runners["bed1"].patient == ""
        await die(here)
        async with another_process(here) as made:
            assert made.runners["bed1"].patient == ""


@pytest.mark.requirement("PRG-21")
@pytest.mark.parametrize("first", ["association", "order"])
async def test_of_an_order_and_an_association_at_once_one_is_refused(tmp_path, monkeypatch, first):
    """Whichever of the two is being written when the other arrives."""
    async with open_testbed(tmp_path) as here:
        disk, append = asyncio.Event(), InlineWriter.append

        async def slow(self, entries):
            if entries and entries[0].kind in ("order_accepted", "association_changed"):
                await disk.wait()
            return await append(self, entries)

        monkeypatch.setattr(InlineWriter, "append", slow)
        asks = [associate(here, BOB), here.ask(**ORDER)]
        asking = []
        for each in asks if first == "association" else asks[::-1]:
            asking.append(asyncio.create_task(each))
            await asyncio.sleep(1)
        disk.set()
        answers = await asyncio.gather(*asking)
        assert [each.ok for each in answers] == ([True, False] if first == "association" else [False, True])
        assert here.state() is None
        assert here.gateway.runners["bed1"].patient == BOB


@pytest.mark.requirement("PRG-21", "AUD-09")
@pytest.mark.parametrize("text", ["Jane Doe", "JANE^DOE^1970", "", " token-1", "token-1;", "a" * 64, "Ärztin"])
async def test_text_that_is_not_a_token_is_refused_and_written_nowhere(tmp_path, text):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        refused = await here.confirm(replace(await here.binding(), wristband=text))
        assert refused.reasons[0].startswith("patient: what was scanned is no patient token")
        assert here.state() == "ready"
        assert (await here.ask(op="stop")).ok
        await here.until("abandoned")
        refused = await associate(here, text)
        assert refused.reasons[0].startswith("patient: this is no patient token")
        assert here.gateway.runners["bed1"].patient == ALICE
        assert not text.strip() or not any(text in entry.body for entry in here.entries())


async def test_an_unknown_pump_has_no_patient(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert "'bed9' is not configured" in (await associate(here, ALICE, "bed9")).reasons[0]
        assert "'bed9' is not configured" in (await dissociate(here, "bed9")).reasons[0]
