"""One tablet, one pump: order, check, hold, pause, alarm, stop."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import ENDED, WITHIN_S, wait_until
from tests.browser.tablet import stopped_pump

pytestmark = [pytest.mark.realtime, pytest.mark.browser]


def test_an_order_is_refused_at_its_fields_and_exceeds_a_soft_limit_only_when_confirmed_twice(nurse, testbed):
    page = nurse.page
    nurse.signed_in("bed1")
    nurse.fill_order("bed1", Dose="1.2", Container="60 mL", **{"Weight, typed again": "71"})
    expect(page.get_by_label("Dose", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has_text="Dose").first).to_contain_text("hard limit")
    expect(page.get_by_label("Weight, typed again")).to_have_attribute("aria-invalid", "true")
    expect(nurse.button("Load the pump")).to_be_disabled()

    page.get_by_label("Weight, typed again").fill("70")
    page.get_by_label("Dose", exact=True).fill("0.8")
    why = page.get_by_label("Why is this right for this patient?")
    expect(why).to_be_visible()
    expect(nurse.button("Load the pump")).to_be_disabled()
    why.fill("no response at 0.5 mg/kg")
    nurse.button("Load the pump").click()
    expect(nurse.button("Yes, order outside the limits")).to_be_visible()
    assert testbed.infusion_state("bed1") in ENDED
    nurse.button("Yes, order outside the limits").click()
    nurse.scan("bed1")
    expect(nurse.hold("start")).to_be_enabled()
    nurse.see("Reason given: “no response at 0.5 mg/kg”")
    nurse.see("56 mg of ketamine in 56 mL over 40 minutes")
    nurse.stop_button("bed1").click()
    testbed.until("bed1", "stopped", "abandoned")


@pytest.mark.requirement("STA-16")
def test_letting_go_starts_nothing_a_hold_starts_and_a_pause_needs_a_hold_again(nurse, testbed):
    page = nurse.page
    nurse.signed_in("bed1")
    nurse.order("bed1")
    before = testbed.starts("bed1")
    for held_ms in (0, 1300):
        nurse.press_and_hold(nurse.hold("start"), held_ms)
    nurse.hold("start").focus()
    page.keyboard.down("Space")
    page.wait_for_timeout(1000)
    page.keyboard.up("Space")
    page.keyboard.press("Enter")
    nurse.hold("start").dispatch_event("click")
    page.wait_for_timeout(1000)
    assert testbed.infusion_state("bed1") == "ready"
    assert testbed.starts("bed1") == before

    nurse.hold("start").focus()
    page.keyboard.down("Space")  # a keyboard, or a switch that acts as one
    page.wait_for_timeout(1700)
    page.keyboard.up("Space")
    testbed.until("bed1", "running")
    assert testbed.starts("bed1") == before + 1
    running = nurse.region("Running infusion")
    expect(running).to_have_attribute("data-freshness", "fresh")
    expect(running.get_by_test_id("rate")).to_contain_text("52.5")
    wait_until(lambda: testbed.truth("bed1")["delivered_ml"] > 0.1, WITHIN_S, "flow")
    expect(running.get_by_test_id("given")).not_to_have_text(re.compile(r"\b0 mg"))
    expect(running.get_by_test_id("rate")).to_contain_text("52.5 mg/h")
    expect(running.get_by_test_id("ordered")).to_contain_text("35 mg")
    expect(running.get_by_test_id("started")).to_contain_text("by Dr A. Brandt")

    nurse.page.get_by_role("button", name="Pause", exact=True).click()  # one touch; why is asked afterwards
    testbed.until("bed1", "paused")
    explained = len(testbed.entries("pause_explained", "bed1"))
    nurse.button("Patient asks for a break").click()
    given = testbed.truth("bed1")["delivered_ml"]
    nurse.see("Paused. Nothing flows.")
    nurse.see("Reason: Patient asks for a break")
    entries = testbed.entries("pause_explained", "bed1")
    assert len(entries) == explained + 1
    assert entries[-1].fields["reason"] == "Patient asks for a break"
    page.wait_for_timeout(500)
    assert testbed.truth("bed1")["delivered_ml"] == given
    page.get_by_role("button", name="Resume", exact=True).click()
    nurse.scan("bed1")
    expect(nurse.hold("resume")).to_be_enabled()
    nurse.see("The last")
    nurse.press_and_hold(nurse.hold("resume"))
    testbed.until("bed1", "running")
    assert testbed.starts("bed1") == before + 2

    nurse.stop_button("bed1").click()
    testbed.until("bed1", "stopped")
    nurse.see("Stopped before the whole volume was given")
    assert not testbed.truth("bed1")["running"]


@pytest.mark.requirement("ALM-02", "ALM-05", "ALM-11", "ALM-12", "STP-05")
def test_an_alarm_shows_cause_and_action_and_acknowledging_does_not_clear_it(nurse, testbed):
    page = nurse.page
    nurse.signed_in("bed2")
    nurse.start("bed2")
    testbed.fault("bed2", "stall")
    testbed.until("bed2", "tripped")
    banner = nurse.region("Alarms")
    expect(banner).to_contain_text("bed2")
    expect(banner.locator(".alarm-mark")).to_have_count(3)
    expect(banner).to_contain_text("High")
    cause = banner.locator(".alarm-text b").inner_text()
    assert 2 <= len(cause.split()) <= 10  # the bed's name among them
    steps = nurse.page.locator("main .steps li")
    expect(steps.last).to_contain_text("Clear the alarm")
    symbol = banner.locator(".alarm-symbol").first
    flash = "each => { const s = getComputedStyle(each); return [s.animationName, s.animationDuration] }"
    assert symbol.evaluate(flash) == ["flash", "0.5s"]  # twice a second

    page.get_by_role("button", name="Acknowledge").first.click()
    expect(banner.get_by_text("Seen by")).to_contain_text("Dr A. Brandt")
    expect(banner).to_contain_text(cause)
    assert testbed.infusion_state("bed2") == "tripped"
    expect(page.get_by_role("timer", name="Alarm sound paused")).to_contain_text("1:")

    # The cause goes away by itself: nothing is cleared and nothing starts.
    testbed.fault("bed2", "stall", clear=True)
    page.wait_for_timeout(1000)
    assert testbed.infusion_state("bed2") == "tripped"
    expect(nurse.button("Clear the alarm")).to_be_disabled()
    page.get_by_label("I have checked the pump").check()
    nurse.button("Clear the alarm").click()
    testbed.until("bed2", "paused")
    expect(page.locator(".alarms", has_text=cause)).to_have_count(0)
    page.get_by_role("button", name="Resume", exact=True).click()
    nurse.scan("bed2")
    nurse.press_and_hold(nurse.hold("resume"))
    testbed.until("bed2", "running")
    nurse.stop_button("bed2").click()
    testbed.until("bed2", "stopped")
    for kind in ("alarm_raised", "alarm_acknowledged", "alarm_audio_paused", "alarm_cleared"):
        assert all(entry.fields["by"] for entry in testbed.entries(kind)), kind
        assert testbed.entries(kind), kind


@pytest.mark.requirement("STP-01")
def test_stop_is_one_touch_on_the_overview_with_nobody_signed_in(nurse, testbed):
    page = nurse.page
    nurse.signed_in("bed3")
    nurse.start("bed3")
    nurse.button("Sign out").click()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    page.get_by_role("link", name="All beds").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Beds")
    button = nurse.stop_button("bed3")
    button.dispatch_event("pointerdown", {"button": 0, "bubbles": True})  # the finger comes down; it need not lift
    expect(button).to_have_attribute("data-shows", "stopped")
    testbed.until("bed3", "stopped")
    assert not testbed.truth("bed3")["running"]


@pytest.mark.requirement("STP-01")
def test_a_stop_that_the_pump_does_not_answer_sends_the_nurse_to_the_pump(nurse, testbed):
    nurse.signed_in("bed4")
    nurse.start("bed4")
    nurse.button("Sign out").click()
    expect(nurse.page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    testbed.fault("bed4", "silence", duration="6s")
    button = nurse.stop_button("bed4")
    button.click()
    expect(button).to_have_attribute("data-shows", "stopping")
    expect(button).to_contain_text("Stop at the pump and clamp the line")
    expect(button).to_have_attribute("data-shows", "unconfirmed")
    assert testbed.infusion_state("bed4") == "stopping"
    testbed.until("bed4", "stopped", "tripped")  # the line works again, and a repeated stop got through
    assert not testbed.truth("bed4")["running"]


@pytest.mark.requirement("SEC-12")
def test_text_from_outside_is_shown_as_text(nurse, testbed):
    """The serial number and a typed reason are markup that would fetch and run something."""
    dialogs = []
    nurse.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    nurse.signed_in("bed5")
    nurse.fill_order("bed5", Dose="0.8", Container="60 mL")
    nurse.page.get_by_label("Why is this right for this patient?").fill("<b>b</b><script>alert(2)</script>")
    nurse.button("Load the pump").click()
    nurse.button("Yes, order outside the limits").click()
    nurse.see("serial <img src=x onerror=alert(1)>")
    nurse.see("“<b>b</b><script>alert(2)</script>”")
    assert nurse.page.locator("main img, main script, .note b").count() == 0
    assert dialogs == []
    nurse.stop_button("bed5").click()


@pytest.mark.requirement("STP-01")
def test_stops_of_two_beds_within_a_moment_are_two_stops(nurse, testbed):
    """The touch and the click of one press count once. A press on the next bed counts again, however soon."""
    page = nurse.page
    page.goto(f"{nurse.url}/#/bed/bed1")
    page.reload()  # else a stop of bed1 a moment ago, at the end of another test, may be the same press
    expect(nurse.stop_button("bed1")).to_be_visible()
    asked, answered = [], []
    page.on("request", lambda sent: asked.append(sent) if "/api/stop?" in sent.url else None)
    page.on("response", lambda got: answered.append(got) if "/api/stop?" in got.url else None)
    pressed = """() => { const button = document.querySelector("footer button.stop");
      button.dispatchEvent(new PointerEvent("pointerdown", { button: 0, bubbles: true })); button.click(); }"""
    page.evaluate(pressed)
    page.evaluate("location.hash = '#/bed/bed2'")
    expect(page.get_by_role("heading", level=1)).to_have_text("bed2")
    page.evaluate(pressed)
    expect(nurse.stop_button("bed2")).to_have_attribute("data-shows", "stopped")
    assert list(dict.fromkeys(stopped_pump(sent.url) for sent in asked)) == ["bed1", "bed2"]
    assert {sent.post_data for sent in asked} == {None}, "a stop has no body that could be late or break off"

    def stopped() -> set[str]:  # each has its own connection, so the second answer may come first
        return {stopped_pump(got.url) for got in answered if got.ok}

    wait_until(lambda: page.wait_for_timeout(100) or stopped() == {"bed1", "bed2"}, WITHIN_S, "both answers")
