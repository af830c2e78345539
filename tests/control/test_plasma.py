"""Where the plasma estimate is shown, what it follows, and that nothing depends on it (PRG-23).

Expected values: the golden table of docs/safety/reference.md, 6.6, for 0.5 mg/kg in 40 min at 70 kg.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pumpd.control import plasma
from pumpd.control.plasma import PlasmaService
from pumpd.dosing.history import Dose
from pumpd.dosing.library import Substance
from pumpd.dosing.plasma import NOTE
from pumpd.quantities import Mass
from tests.bedside.tablet import FORM, bedsides
from tests.control.test_rest import interrupted, order_rest
from tests.control.test_restart import another_process, die, until_ended
from tests.control.testbed import open_testbed
from tests.dosing.samples import program

pytestmark = pytest.mark.requirement("PRG-23")

PEAKS = (177.3, 253.1)
AT_20_MIN, AFTER_40_MIN = (109.5, 209.6), (45.8, 84.7)
NEAR = 0.04  # of a value: the pump starts some seconds late, and counts in steps


def pump(here):
    return here.gateway.status()["pumps"][0]


def band(shown):
    assert shown["note"] == "estimated for an average adult, not measured"
    return shown["low_ng_ml"], shown["high_ng_ml"]


def peaks(shown):
    assert shown["note"] == NOTE
    return shown["peak_low_ng_ml"], shown["peak_high_ng_ml"]


async def test_it_is_beside_the_review_and_not_in_it(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        preview = (await here.tablet.ask("preview", **FORM))["result"]
        assert (await here.tablet.order())["ok"]
        await here.testbed.until("ready")
        challenge = await here.tablet.challenge()
        for answer in (preview, challenge):
            assert peaks(answer["plasma"]) == pytest.approx(PEAKS, abs=1)
            assert answer["plasma"]["minutes"] == list(range(161))
            assert "plasma" not in str(answer["review"])
        assert (await here.tablet.confirm(challenge))["ok"], "a signature over the review alone is enough"


async def test_it_follows_what_the_pump_counted_until_the_observation_ends(tmp_path):
    async with open_testbed(tmp_path) as here:
        assert (await here.order()).ok
        await here.until("ready")
        assert pump(here)["plasma"] is None, "nothing was given yet"
        assert (await here.confirm()).ok
        await here.until("running")
        await asyncio.sleep(1200)
        assert band(pump(here)["plasma"]) == pytest.approx(AT_20_MIN, rel=NEAR)
        await here.until("completed", within_s=1300)
        assert peaks(pump(here)["summary"]["plasma"]) == pytest.approx(PEAKS, rel=NEAR)
        await asyncio.sleep(2400)
        assert band(pump(here)["plasma"]) == pytest.approx(AFTER_40_MIN, rel=NEAR)
        session = here.gateway.runners["bed1"].infusion.place.session
        here.gateway.observations.end("bed1", session, "nurse-1", "has gone to the ward")
        assert pump(here)["plasma"] is None


async def test_a_stopped_infusion_does_not_go_on_in_the_estimate(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(1200)
        assert (await here.ask(op="stop", pump="bed1", by="nurse-1", reason="enough")).ok
        await here.until("stopped")
        await asyncio.sleep(1200)
        assert peaks(pump(here)["summary"]["plasma"]) == pytest.approx(AT_20_MIN, rel=NEAR)
        low, high = band(pump(here)["plasma"])
        assert low < 60
        assert high < 110


async def test_a_resume_shows_what_the_rest_leads_to_on_top_of_what_was_given(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(1200)
        assert (await here.ask(op="pause", pump="bed1", by="nurse-1", reason="")).ok
        await here.until("paused")
        await asyncio.sleep(280)
        assert (await here.ask(op="resume", pump="bed1", by="nurse-1")).ok
        await here.until("ready")
        answer = await here.ask(op="challenge", pump="bed1")
        shown = answer.result["plasma"]
        assert len(shown["minutes"]) == pytest.approx(141, abs=1)
        # Between no pause and one of ten minutes (the table of hazards): the lowest and the highest end.
        assert 165 <= shown["peak_low_ng_ml"] <= 178
        assert 244 <= shown["peak_high_ng_ml"] <= 254


async def test_after_a_restart_it_continues_from_what_the_journal_shows(tmp_path):
    async with open_testbed(tmp_path) as here:
        await here.start()
        await asyncio.sleep(1200)
        before = band(pump(here)["plasma"])
        await die(here)
        await asyncio.sleep(3)
        async with another_process(here):
            await until_ended(here)
            await asyncio.sleep(20)
            low, high = band(pump(here)["plasma"])
            assert 0.9 * before[0] < low <= before[0]
            assert 0.5 * before[1] < high < before[1]


async def test_a_failure_of_the_estimate_stops_nothing_and_keeps_nothing_from_starting(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise ArithmeticError("a defect")

    async with open_testbed(tmp_path) as here:
        monkeypatch.setattr(plasma, "predict", fails)
        await here.start()
        monkeypatch.setattr(plasma.Estimate, "advanced", fails)
        await asyncio.sleep(600)
        assert here.state() == "running"
        assert pump(here)["plasma"] is None
        await here.until("completed", within_s=2000)
        assert "plasma" not in pump(here)["summary"]


async def test_a_substance_without_models_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(plasma, "has_models", lambda entry: False)
    async with bedsides(tmp_path, monkeypatch) as here:
        assert (await here.tablet.sign_in())["ok"]
        assert (await here.tablet.ask("preview", **FORM))["result"]["plasma"] is None
        assert (await here.tablet.order())["ok"]
        await here.testbed.until("ready")
        assert (await here.tablet.challenge())["plasma"] is None


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KETAMINE = Substance(key="ketamine", rxnorm="6130").identifiers


def dose(started_min_ago, ended_min_ago, mg, patient="P-1", substance=KETAMINE):
    def ns(min_ago):
        return int((NOW - timedelta(minutes=min_ago)).timestamp() * 1e9)

    ended_ns = ns(ended_min_ago)
    return Dose("s", patient, substance, "any", ns(started_min_ago), ended_ns, ended_ns, Mass(35), Mass(mg))


def planned_after(*doses):
    """The band that is shown for 0.5 mg/kg at 70 kg to patient P-1, after these doses."""
    past = SimpleNamespace(complete=True, of_patient=lambda patient, live: doses)
    service = PlasmaService({}, past, SimpleNamespace(now=lambda: NOW, scale=1))
    return service.of_planned(SimpleNamespace(program=program(patient="P-1")))


def test_earlier_deliveries_of_the_last_day_count():
    alone = planned_after()
    after = planned_after(dose(30, 10, 17))
    assert alone["low_ng_ml"][0] == 0
    # Half of the dose, then 10 min: more than half of Domino's value 10 min after the whole one, less than at the end.
    assert 71.1 / 2 < after["low_ng_ml"][0] < AT_20_MIN[0]
    assert after["peak_low_ng_ml"] > alone["peak_low_ng_ml"]
    still_open = planned_after(dose(20, -40, 17))
    assert still_open["low_ng_ml"][0] == pytest.approx(AT_20_MIN[0] * 17 / 17.5, abs=1)


@pytest.mark.parametrize(
    "other",
    [
        dose(30, 10, 17, patient="P-2"),
        dose(30, 10, 17, substance=frozenset({"esketamine", "rxnorm:2119365"})),
        dose(25 * 60, 24 * 60 + 20, 17),
        dose(-30, -50, 17),
    ],
    ids=["another patient", "another substance", "more than a day ago", "dated in the future"],
)
def test_other_doses_do_not_count(other):
    assert planned_after(other) == planned_after()


@pytest.mark.requirement("PRG-25")
async def test_the_rest_on_another_pump_counts_what_the_first_one_gave(tmp_path):
    async with open_testbed(tmp_path, beds=("bed1", "bed2")) as here:
        treatment = await interrupted(here, 1200)
        assert pump(here)["plasma"] is not None
        assert (await order_rest(here, treatment, pump="bed2", container="60 mL")).ok
        await here.until("ready", pump="bed2")
        shown = (await here.ask(op="challenge", pump="bed2")).result["plasma"]
        assert shown["low_ng_ml"][0] > 0
        assert shown["peak_low_ng_ml"] > AT_20_MIN[0], "half of the dose alone leads to less"
        assert pump(here)["plasma"] is None, "it would lack what the other pump gives"
        assert (await here.confirm(pump="bed2", request="r-2")).ok
        await here.until("running", pump="bed2")
        assert here.gateway.status()["pumps"][1]["plasma"]["low_ng_ml"] > 0
