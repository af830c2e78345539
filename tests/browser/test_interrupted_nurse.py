"""What comes between: an answer that is lost, another person at the tablet, an alarm, "back", a pump that is pulled.
Each screen has a way to continue, and says why a button is grey. Scenes of the mock.
"""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.hand import Hand
from tools.tablet_pictures import Screen, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

ORDER = Screen("order", "", "ordering", "/bed/bed1/order")
SIGNING_IN = Screen("sign-in", "", "idle", "/bed/bed1", person="")
TWO_NURSES = json.dumps([{"badge": "1", "name": "A. Nurse", "digits": 6}, {"badge": "2", "name": "B. Nurse"}])
ALL_ROLES = "view,confirm,prescribe,maintain"


@pytest.fixture
def gateway(stage):
    stage[0].ask(f"roles={ALL_ROLES}&library=1")
    return stage[0]


@pytest.fixture
def page(stage, gateway):
    with opened(stage[1], gateway, "tablet", "day") as made:
        yield made


def hold(page):
    return page.get_by_test_id("hold")


def asked(request):
    """What a signed request of the page asks for."""
    return json.loads(json.loads(request.post_data)["request"]) if "/api/request" in request.url else {}


def losing(page, op, times=1):
    """Lose that many answers to `op`."""
    left = [times]

    def lose(route):
        if asked(route.request).get("op") == op and left[0] > 0:
            left[0] -= 1
            return route.abort()
        return route.continue_()

    page.route("**/api/request", lose)


LOSABLE = {
    "order": ORDER,
    "rest": Screen("rest", "", "interrupted", "/bed/bed1/rest"),
    "course": Screen("course", "", "moved", "/bed/bed2/course"),
    "idle": Screen("idle", "", "idle"),
    "review": Screen("review", "", "ready"),
    "two nurses": Screen("two", "", "gentle"),
    "running": Screen("running", "", "running"),
    "paused": Screen("paused", "", "paused"),
    "tripped": Screen("tripped", "", "tripped"),
    "uncertain": Screen("uncertain", "", "uncertain"),
    "ended": Screen("ended", "", "complete"),
}


def test_a_session_that_ends_in_the_middle_of_a_screen_leaves_a_way_to_sign_in_there(page, gateway):
    without = {}
    for name, screen in LOSABLE.items():
        turn_to(page, gateway, screen)
        gateway.ask("person=")
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
        ways = page.locator("main form.keypad-form, main a, footer a")
        if not [each for each in ways.all() if each.is_visible() and re.search("Sign in|PIN", each.inner_text())]:
            without[name] = page.locator("main").inner_text()
    assert without == {}


def test_the_check_of_an_order_whose_answer_is_lost_is_made_again_by_itself(page, gateway):
    turn_to(page, gateway, ORDER)
    losing(page, "preview", 1)
    page.get_by_role("button", name="I have checked it: still 70 kg").click()
    expect(page.get_by_role("button", name="50 mL Load this container")).to_be_enabled()  # nobody touched anything


def test_an_order_whose_answer_is_lost_can_be_sent_again(page, gateway):
    turn_to(page, gateway, ORDER)
    page.get_by_role("button", name="I have checked it: still 70 kg").click()
    page.get_by_role("group", name="Container").get_by_text("60 mL", exact=True).click()
    losing(page, "order", 1)
    load = page.get_by_role("button", name="Load the pump")
    load.click()
    expect(page.locator("main [role=alert]").filter(has_text="Not possible")).to_be_visible()
    load.click()
    expect(hold(page)).to_be_visible()


def test_what_one_person_typed_of_a_pin_is_not_of_the_next(page, gateway):
    turn_to(page, gateway, SIGNING_IN)
    page.evaluate("people => localStorage.setItem('people', people)", TWO_NURSES)
    page.reload()
    page.get_by_role("button", name="A. Nurse").click()
    Hand(page).keys("Keypad", "000")
    page.get_by_role("button", name="B. Nurse").click()
    expect(page.get_by_label("PIN", exact=True)).to_have_value("")


def test_a_double_touch_of_the_last_digit_is_no_digit_of_the_next_try(page, gateway):
    turn_to(page, gateway, SIGNING_IN)
    page.evaluate("people => localStorage.setItem('people', people)", TWO_NURSES)
    page.reload()
    page.get_by_role("button", name="A. Nurse").click()
    page.route("**/api/request", lambda route: (page.wait_for_timeout(400), route.continue_()))
    Hand(page).keys("Keypad", "12345")
    six = page.get_by_role("group", name="Keypad").get_by_role("button", name="6")
    six.dblclick()
    expect(page.get_by_role("alert").filter(has_text="badge or PIN is wrong")).to_be_visible()
    expect(page.get_by_label("PIN", exact=True)).to_have_value("")


def test_an_alarm_moves_no_key_of_a_pin_and_takes_no_digit(page, gateway):
    turn_to(page, gateway, Screen("sign-in", "", "running", "/bed/bed1/sign-in", person=""))
    page.get_by_label("Badge number").fill("20417")
    page.get_by_label("PIN", exact=True).click()
    keys = page.get_by_role("group", name="Keypad")
    Hand(page).keys("Keypad", "000")
    before = keys.bounding_box()
    gateway.ask("scene=tripped")
    expect(page.get_by_role("region", name="Alarms")).to_contain_text("Line blocked")
    assert keys.bounding_box() == before
    Hand(page).keys("Keypad", "000")
    expect(page.get_by_label("PIN", exact=True)).to_have_value("000000")


def test_back_leads_to_no_screen_on_which_nothing_is_left_to_do(page, gateway):
    turn_to(page, gateway, Screen("beds", "", "ordering", "/", person=""))
    page.get_by_role("link", name="Open bed1").click()
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.get_by_label("Badge number").fill("20417")
    page.get_by_label("PIN", exact=True).fill("000000")
    page.locator("main").get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Order an infusion for P-1042").click()
    page.get_by_role("button", name="I have checked it: still 70 kg").click()
    page.get_by_role("button", name="60 mL Load this container").click()
    expect(hold(page)).to_be_visible()
    page.go_back()  # not the order, which was sent
    expect(hold(page)).to_be_visible()
    page.go_back()  # not the sign-in
    expect(hold(page)).to_be_visible()


@pytest.mark.parametrize(("scene", "act"), [("running", "Pause"), ("paused", "Resume"), ("tripped", "Clear the alarm")])
def test_who_may_only_look_is_told_why_the_act_is_grey(page, gateway, scene, act):
    gateway.ask("roles=view")
    turn_to(page, gateway, Screen(scene, "", scene))
    expect(page.get_by_role("button", name=act)).to_be_disabled()
    expect(page.get_by_role("button", name=act)).to_contain_text("It takes the role “confirm”")


@pytest.mark.requirement("SEC-07")
def test_a_second_check_is_not_that_of_the_next_nurse(page, gateway):
    turn_to(page, gateway, LOSABLE["two nurses"])
    page.get_by_label("Badge number").fill("30522")
    page.get_by_label("PIN", exact=True).fill("000000")
    page.get_by_role("button", name="Checked").click()
    expect(page.get_by_text("30522")).to_be_visible()
    gateway.ask("person=30999")
    expect(page.get_by_role("heading", name="Independent double check")).to_be_visible()
    expect(hold(page)).to_be_disabled()


@pytest.mark.requirement("PRG-29")
def test_a_volume_that_is_read_at_the_pump_may_have_a_comma_and_the_grey_button_says_what_lacks(stage, gateway):
    with opened(stage[1], gateway, "tablet", "day", locale="de-DE") as page:
        turn_to(page, gateway, LOSABLE["uncertain"])
        form = page.get_by_role("form", name="Volumen abgleichen")
        expect(form).to_contain_text("Es fehlt noch: Volumen")
        volume = form.locator("input[name=volume]")
        volume.fill("1.500")
        expect(form).to_contain_text("Ohne Tausendertrennzeichen")
        volume.fill("2,3")
        form.locator("input[name=reason]").fill("abgelesen")
        expect(form).to_contain_text("Es fehlt noch: das Häkchen")
        form.get_by_role("checkbox").check()
        with page.expect_request(lambda request: asked(request).get("op") == "reconcile") as sent:
            form.get_by_role("button", name="Dieses Volumen bestätigen").click()
        assert asked(sent.value)["volume"] == "2.3 mL"
        volume.fill("40,5")  # more than the program: once more
        expect(form.locator("input[name=volume-again]")).to_be_visible()


def test_why_a_pump_takes_no_order_is_said_in_the_language_of_the_page(stage, gateway):
    with opened(stage[1], gateway, "tablet", "day", locale="de-DE") as page:
        turn_to(page, gateway, Screen("pulled", "", "ward", "/bed/bed5"))
        why = page.locator("main [role=alert]").first.inner_text()
        turn_to(page, gateway, Screen("pulled", "", "ward", "/bed/bed5/order"))
        assert page.locator("main .note").inner_text() == why
        page.get_by_role("link", name="Zurück zu bed5").click()
        expect(page.locator("main")).to_contain_text(why)
