"""A whole treatment with an interruption: half of it, a stop by mistake, the rest more slowly, its end."""

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import DOCTOR, NURSE, wait_until

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

WHOLE_ML = 35.0
RUNS_S = 90.0  # forty minutes of flow at most, sixty times faster


@pytest.mark.requirement("PRG-25", "STA-16")
def test_a_treatment_that_was_stopped_by_mistake_is_given_to_its_end_more_slowly(staged_nurse, staged_testbed):
    nurse, page = staged_nurse, staged_nurse.page
    nurse.signed_in("bed1")
    before = staged_testbed.truth("bed1")["delivered_ml"]
    nurse.start("bed1", **{"Patient token": "P-25"})
    wait_until(lambda: staged_testbed.truth("bed1")["delivered_ml"] - before > WHOLE_ML / 3, RUNS_S, "a third of the dose")
    nurse.stop_button("bed1").click()
    staged_testbed.until("bed1", "stopped")
    half = staged_testbed.truth("bed1")["delivered_ml"] - before
    assert half < WHOLE_ML * 0.9, "stopped too late to leave a rest"
    nurse.see("Stopped before the whole volume was given")
    first = staged_testbed.pumps()["bed1"]["infusion"]

    # A nurse sees that there is a rest, and that it takes a prescriber.
    nurse.signed_in("bed1", NURSE)
    offer = nurse.region("The rest of a treatment")
    expect(offer).to_contain_text("of the treatment of P-25 can still be given")
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
    expect(running.get_by_test_id("given")).to_contain_text("Given in this delivery")
    expect(running.get_by_test_id("given-in-all")).to_contain_text("of 35 mg, 35 mL")
    wait_until(lambda: staged_testbed.infusion_state("bed1") == "completed", RUNS_S, "the end of the rest")
    nurse.see("Complete: the whole volume was given")
    expect(page.get_by_test_id("summary-in-all")).to_contain_text("of 35 mg, 35 mL")
    assert staged_testbed.truth("bed1")["delivered_ml"] - before == pytest.approx(WHOLE_ML, rel=0.03)
    assert staged_testbed.starts("bed1") == 2
    expect(page.get_by_role("link", name="Give the rest")).to_have_count(0)
