"""A whole treatment with an interruption, what is on record of a patient, a course, and the patient's vital signs."""

import datetime as dt

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import DOCTOR, NURSE, WITHIN_S, monitor, wait_until

# Half a treatment and its rest take a minute of real time, and more on a busy machine.
pytestmark = [pytest.mark.realtime, pytest.mark.browser, pytest.mark.timeout(300)]

WHOLE_ML = 35.0
RUNS_S = 90.0  # forty minutes of flow at most, sixty times faster


@pytest.mark.requirement("PRG-25", "STA-16")
def test_a_treatment_that_was_stopped_by_mistake_is_given_to_its_end_more_slowly(staged_nurse, staged_testbed):
    nurse, page = staged_nurse, staged_nurse.page
    nurse.signed_in("bed1")
    before = staged_testbed.truth("bed1")["delivered_ml"]
    nurse.start("bed1", patient="P-25")
    wait_until(
        lambda: staged_testbed.truth("bed1")["delivered_ml"] - before > WHOLE_ML / 3, RUNS_S, "a third of the dose"
    )
    nurse.stop_button("bed1").click()
    staged_testbed.until("bed1", "stopped")
    half = staged_testbed.truth("bed1")["delivered_ml"] - before
    assert half < WHOLE_ML * 0.9, "stopped too late to leave a rest"
    nurse.see("Stopped before the whole volume was given")
    first = staged_testbed.pumps()["bed1"]["infusion"]

    # A nurse sees that there is a rest, and that it takes a prescriber.
    nurse.signed_in("bed1", NURSE)
    offer = nurse.region("The rest of a treatment")
    expect(offer).to_contain_text("for P-25 were not given")
    expect(offer).to_contain_text("both need the role “prescribe”")
    expect(page.get_by_role("link", name="Give the rest")).to_have_count(0)

    nurse.signed_in("bed1", DOCTOR)
    page.get_by_role("link", name="Give the rest").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bed1: the rest")
    load = nurse.button("Load the rest")
    expect(load).to_be_disabled()
    page.get_by_role("group", name="Container").get_by_text("The same").click()
    page.get_by_role("group", name="How fast?").get_by_text("Slower, over a longer time").click()
    page.get_by_label("Time for the rest").fill("2")
    expect(page.locator(".field.wrong")).to_contain_text("faster")
    expect(load).to_be_disabled()
    page.get_by_label("Time for the rest").fill("45")
    expect(load).to_be_enabled()
    load.click()
    nurse.scan("bed1")

    # The review says what it is, and the pump holds exactly what is left.
    expect(page.get_by_test_id("sentence")).to_contain_text("The rest of a treatment of 35 mg of ketamine")
    expect(page.get_by_test_id("rest-of")).to_contain_text("of 35 mg given before")
    infusion = staged_testbed.pumps()["bed1"]["infusion"]
    review = infusion["review"]
    assert (review["treatment"], review["first_dose_mg"]) == (first["session"], "35")
    assert float(infusion["earlier_ml"]) >= half - 0.05, "what was booked covers what was given"
    assert float(infusion["earlier_ml"]) + float(review["vtbi_ml"]) <= WHOLE_ML
    assert all(float(step["rate_ml_h"]) < 52.5 for step in review["steps"])
    assert staged_testbed.starts("bed1") == 1, "loading started nothing"

    nurse.press_and_hold(nurse.hold("start"))
    staged_testbed.until("bed1", "running")
    running = nurse.region("Running infusion")
    expect(running.get_by_role("table", name="This delivery")).to_be_visible()
    expect(running.get_by_test_id("given-in-all")).to_contain_text("of 35 mg, 35 mL")
    wait_until(lambda: staged_testbed.infusion_state("bed1") == "completed", RUNS_S, "the end of the rest")
    nurse.see("Complete: the whole volume was given")
    expect(page.get_by_test_id("summary-in-all")).to_contain_text("of 35 mg, 35 mL")
    assert staged_testbed.truth("bed1")["delivered_ml"] - before == pytest.approx(WHOLE_ML, rel=0.03)
    assert staged_testbed.starts("bed1") == 2
    expect(page.get_by_role("link", name="Give the rest")).to_have_count(0)


@pytest.mark.requirement("PRG-25", "PRG-07", "PRG-18")
def test_another_pump_offers_the_rest_and_what_is_on_record_is_shown(staged_nurse, staged_testbed):
    nurse, page = staged_nurse, staged_nurse.page
    nurse.signed_in("bed2")
    nurse.start("bed2", patient="P-26")
    wait_until(lambda: float(staged_testbed.pumps()["bed2"]["infusion"]["delivered_ml"]) > 1, RUNS_S, "some flow")
    nurse.stop_button("bed2").click()
    staged_testbed.until("bed2", "stopped")

    # The syringe pump is changed: the rest is ordered on bed1, and not started.
    staged_testbed.free("bed1")
    staged_testbed.ask(op="associate", pump="bed1", patient="P-26", by="the test")
    nurse.signed_in("bed1")
    expect(nurse.region("The rest of a treatment")).to_contain_text("for P-26 were not given")
    page.get_by_role("link", name="Give the rest").click()
    expect(page.get_by_test_id("balance")).to_contain_text("35 mg ordered")
    page.get_by_role("group", name="Container").get_by_text("60 mL").click()
    page.get_by_role("group", name="How fast?").get_by_text("At the same rates").click()
    nurse.button("Load the rest").click()
    expect(page.get_by_test_id("rest-of")).to_contain_text("It began")
    review = staged_testbed.pumps()["bed1"]["infusion"]["review"]
    assert (review["container"], review["first_dose_mg"]) == ("60 mL", "35")
    nurse.stop_button("bed1").click()
    staged_testbed.until("bed1", "abandoned", "stopped")

    # 70 kg are on record, beside the 110 that are typed; and the treatment of today refuses another one.
    nurse.fill_order("bed1", **{"patient": "P-26", "Weight": "110", "Weight, typed again": "110"})
    expect(page.get_by_test_id("on-record")).to_contain_text("70 kg")
    expect(page.locator(".order-result .reasons")).to_contain_text("the hard limit")
    expect(nurse.button("Load the pump")).to_be_disabled()
    page.get_by_text("Treatments of P-26: 1").click()
    expect(page.get_by_role("region", name="Treatments of the patient")).to_contain_text("of 35")

    # A course: six dates from its first day and weekdays. Nothing of it starts anything.
    nurse.bed("bed1", "course")
    nurse.button("Order a course").click()
    form = page.get_by_role("form", name="Order a course")
    form.get_by_text("Ketamine 1 mg/mL, constant rate", exact=True).click()
    form.get_by_label("Name of the course").fill("C-26")
    first = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=14)
    form.get_by_label("First day").fill(first.isoformat())
    for weekday in ("Mon", "Wed", "Fri"):
        form.get_by_role("checkbox", name=weekday).check()
    form.get_by_role("button", name="Order this course").click()
    course = page.get_by_role("region", name="Course 1")
    expect(course.get_by_role("listitem")).to_have_count(6)
    expect(course).to_contain_text("0 of 6 infusions given")
    expect(course.get_by_test_id("next-due")).to_contain_text("Infusion 1 of 6 is next")
    assert staged_testbed.infusion_state("bed1") in ("abandoned", "stopped")


@pytest.mark.requirement("STA-07", "STA-08", "RUN-07", "RUN-08")
def test_vital_signs_permit_the_start_are_shown_while_running_and_stop_it(watching_nurse, watched_testbed):
    nurse, page = watching_nurse, watching_nurse.page
    signs = {"spo2_percent": 97, "heart_rate_bpm": 76}
    with monitor(watched_testbed, "bed1", signs):
        nurse.signed_in("bed1")
        nurse.fill_order("bed1")
        nurse.button("Load the pump").click()
        nurse.scan("bed1")
        # No blood pressure yet: nothing can start.
        expect(page.get_by_text("Not ready: vital signs")).to_be_visible()
        expect(nurse.hold("start")).to_be_disabled()
        seen = nurse.region("Vital signs of the patient")
        expect(seen.get_by_test_id("systolic_mmhg")).to_contain_text("missing")
        expect(seen.get_by_test_id("spo2_percent")).to_contain_text("97")
        enter(nurse, "128", "82", "76", "97")
        expect(seen.get_by_test_id("systolic_mmhg")).to_contain_text("128/82")
        expect(seen.get_by_test_id("systolic_mmhg")).to_contain_text("by hand")
        expect(page.get_by_text("Not ready: vital signs")).to_have_count(0)
        expect(nurse.hold("start")).to_be_enabled()
        nurse.press_and_hold(nurse.hold("start"))
        watched_testbed.until("bed1", "running")

        running = nurse.region("Running infusion")
        signs["heart_rate_bpm"] = 115
        expect(running.get_by_test_id("heart_rate_bpm")).to_contain_text("warning")
        enter(nurse, "131", "84", "115", "96", "14")
        expect(running.get_by_test_id("respiration_per_min")).to_contain_text("14")
        expect(running.get_by_test_id("systolic_mmhg")).to_contain_text("131/84")
        kept = signs.copy()
        signs.clear()  # the probe fell off
        expect(running.get_by_test_id("spo2_percent")).to_contain_text("missing")
        signs.update(kept | {"spo2_percent": 85})
        watched_testbed.until("bed1", "tripped")
        assert not watched_testbed.truth("bed1")["running"]
        expect(nurse.region("Alarms")).to_contain_text("High")
        nurse.stop_button("bed1").click()
        watched_testbed.until("bed1", "stopped")
    wait_until(lambda: bool(watched_testbed.entries("vitals_entered", "bed1")), WITHIN_S, "the entry in the journal")


def enter(nurse, systolic, diastolic, heart_rate, spo2, respiration=""):
    nurse.button("Record vital signs").click()
    form = nurse.page.get_by_role("form", name="Vital signs")
    for label, value in (("Systolic", systolic), ("Diastolic", diastolic), ("Heart rate", heart_rate), ("SpO₂", spo2)):
        form.get_by_label(label).fill(value)
    form.get_by_label("Respiration").fill(respiration)
    form.get_by_role("button", name="Record", exact=True).click()
    expect(nurse.button("Record vital signs")).to_be_visible()
