"""What an order form is told while it is filled in, and what a tablet reports of a wristband."""

import pytest

from pumpd.control.infusions.recovery import asked_fields
from pumpd.dosing import Prescription
from tests.bedside.tablet import FORM, bedsides
from tests.bedside.test_patient_history import given
from tests.control.wall import Wall

RECORDED = FORM | {"weight_again": "", "weight_from_record": True}  # 70 kg, actual weight


@pytest.mark.requirement("PRG-07", "PRG-08")
async def test_a_weight_on_record_is_confirmed_instead_of_typed_twice_and_the_journal_says_so(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        wall = Wall(monkeypatch)
        assert (await here.tablet.sign_in())["ok"]
        [why] = (await here.tablet.ask("preview", **RECORDED))["reasons"]
        assert why == "weight_again: no weight of this patient is on record; type it twice (PRG-07)"
        await given(here)
        wall.skip(days=2)
        for other in ({"weight": "71 kg"}, {"weight_basis": "ideal"}):
            [why] = (await here.tablet.ask("preview", **RECORDED | other))["reasons"]
            assert why.startswith("weight_again: the weight on record is 70 kg, actual"), other
        [why] = (await here.tablet.ask("preview", **FORM | {"weight_again": ""}))["reasons"]
        assert why.startswith("weight_again:"), "it is typed twice where nobody confirmed it"
        answer = await here.tablet.ask("order", **RECORDED)
        assert answer["ok"], answer
        asked = [body["order"] for body in here.bodies("began")]
        assert [each["weight_from_record"] for each in asked] == [False, True]
        assert Prescription.from_text(asked_fields(asked[1]), order=True).weight.number == "70"  # after a restart


@pytest.mark.requirement("PRG-07")
async def test_after_the_28_days_of_a_course_the_weight_is_typed_again(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        wall = Wall(monkeypatch)
        await given(here)
        wall.skip(days=27)
        assert (await here.tablet.sign_in())["ok"]
        preview = (await here.tablet.ask("preview", **RECORDED))["result"]
        assert preview["on_record"]["confirmable_until_ts"][:10] == "2026-03-30"
        wall.skip(days=1)
        assert (await here.tablet.sign_in())["ok"]
        reasons = (await here.tablet.ask("preview", **RECORDED))["reasons"]
        old = "weight_again: the weight on record is too old; weigh the patient and type it twice (PRG-07)"
        assert old in reasons


@pytest.mark.requirement("PRG-12")
async def test_a_preview_names_the_containers_that_hold_the_dose(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        for dose, holding in (("0.5 mg/kg", ["50 mL", "60 mL"]), ("0.8 mg/kg", ["60 mL"]), ("1 mg/kg", [])):
            answer = await here.tablet.ask("preview", **FORM | {"container": "", "dose": dose})
            assert not answer["ok"]
            assert answer["result"]["containers"] == holding, dose
        whole = await here.tablet.ask("preview", **FORM)
        assert (whole["ok"], whole["result"]["containers"]) == (True, ["50 mL", "60 mL"])


@pytest.mark.requirement("PRG-21", "AUD-08")
async def test_a_wristband_of_another_patient_is_on_record_with_the_person_and_starts_nothing(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("associate", pump="bed1", patient=FORM["patient"]))["ok"]
        assert (await here.tablet.ask("order", **FORM))["ok"]
        await here.testbed.until("ready")
        assert (await here.tablet.ask("wristband", pump="bed1", read=FORM["patient"]))["ok"]
        refused = await here.tablet.ask("wristband", pump="bed1", read="token-2")
        assert "the wristband differs" in refused["reasons"][0]
        named = await here.tablet.ask("wristband", pump="bed1", read="Jane Doe")
        assert "no patient token" in named["reasons"][0]
        first, second = here.bodies("confirmation_refused")
        assert "token-2" in first["reasons"][0]
        assert first["by"]
        assert "Jane" not in str(second)
        assert here.testbed.state() == "ready"
        assert here.testbed.truth() == 0
