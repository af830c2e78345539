"""On the way to a started infusion every screen says what to do: no scanner, the wrong wristband, a role or the drug
library missing, a reload; and a number that cannot be read is explained at its field. Scenes of the mock.
"""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.hand import Hand
from tools.tablet_pictures import Screen, opened, turn_to

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

ORDER = Screen("order", "", "ordering", "/bed/bed1/order")
READY = Screen("ready", "", "ready")
ALL_ROLES = "view,confirm,prescribe,maintain"


@pytest.fixture
def page(stage):
    gateway, browser = stage
    gateway.ask(f"roles={ALL_ROLES}&library=1")
    with opened(browser, gateway, "tablet", "day") as made:
        yield made


@pytest.fixture
def gateway(stage):
    return stage[0]


def hold(page):
    return page.get_by_test_id("hold")


@pytest.mark.requirement("PRG-21")
@pytest.mark.parametrize("by", ["Enter", "Tab", "button"])
def test_a_wrong_wristband_is_red_at_once_and_the_button_stays_grey(page, gateway, by):
    turn_to(page, gateway, READY)
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or "") if "request" in request.url else None)
    expect(hold(page)).to_contain_text("Scan or type the wristband first")
    field = page.get_by_label("Wristband of the patient")
    for read, right in (("P-2077", False), ("P-1042", True), ("p-1042", False)):
        if by == "button":
            field.fill(read)
            page.get_by_role("button", name="Check", exact=True).click()
        else:
            Hand(page).scan(read, by)
        verdict = page.get_by_test_id("verdict")
        if right:
            expect(verdict).to_contain_text("This is the wristband of P-1042")
            expect(hold(page)).to_be_enabled()
        else:
            expect(verdict).to_contain_text(f"{read} is not the wristband of P-1042. Nothing starts.")
            expect(hold(page)).to_be_disabled()
            expect(hold(page)).to_contain_text("another patient's wristband")
    assert not any("confirm" in each for each in sent)


@pytest.mark.requirement("PRG-21")
def test_of_a_scan_the_end_of_the_token_is_not_enough_and_typed_it_is(page, gateway):
    turn_to(page, gateway, READY)
    hand = Hand(page)
    hand.scan("1042")
    expect(page.get_by_test_id("verdict")).to_contain_text("is not the wristband")
    hand.keys("Keys", "104")
    expect(hold(page)).to_be_disabled()
    hand.keys("Keys", "2")
    expect(page.get_by_test_id("verdict")).to_contain_text("This is the wristband of P-1042")
    expect(hold(page)).to_be_enabled()
    hand.keys("Keys", "7")  # whatever is typed next replaces it
    expect(hold(page)).to_be_disabled()


def test_a_scan_arrives_wherever_the_focus_is_and_presses_nothing(page, gateway):
    turn_to(page, gateway, READY)
    page.evaluate("() => document.querySelector('footer button.stop').focus()")
    with page.expect_request(lambda request: "wristband" in (request.post_data or "")) as sent:
        Hand(page).scan("P-2077")
    assert json.loads(json.loads(sent.value.post_data)["request"]) == {  # for the record
        "op": "wristband", "pump": "bed1", "read": "P-2077",
    }  # fmt: skip
    expect(page.get_by_test_id("verdict")).to_contain_text("is not the wristband")
    expect(page.locator("footer button.stop")).to_have_attribute("data-shows", "ready")


def test_a_wristband_counts_for_a_minute_and_then_the_button_says_so(stage):
    gateway, browser = stage
    gateway.ask(f"roles={ALL_ROLES}&library=1")
    with opened(browser, gateway, "tablet", "day", clock=True) as page:
        turn_to(page, gateway, READY)
        field = page.get_by_label("Wristband of the patient")
        field.fill("P-1042")
        field.press("Enter")
        expect(page.get_by_test_id("verdict")).to_contain_text("This is the wristband")
        page.clock.fast_forward(61_000)
        expect(page.get_by_test_id("verdict")).to_contain_text("More than a minute ago")
        expect(hold(page)).to_be_disabled()


@pytest.mark.requirement("SEC-07")
@pytest.mark.parametrize(
    ("roles", "at", "says"),
    [
        ("view", "/bed/bed1", "You can look, not change anything"),
        ("view", "/bed/bed1/order", "You can look, not change anything"),
        ("view,confirm", "/bed/bed1", "A prescriber can order from any paired tablet"),
        ("view,confirm", "/bed/bed1/order", "A prescriber can order from any paired tablet"),
        ("view", "/bed/bed1/course", "A person with one of them signs in"),
        ("view,prescribe", "/bed/bed1", "Ask a nurse to sign in"),
    ],
)
def test_without_the_role_a_screen_says_who_can_do_it(page, gateway, roles, at, says):
    gateway.ask(f"roles={roles}")
    turn_to(page, gateway, Screen("role", "", "idle", at))
    expect(page.locator("main")).to_contain_text(says)


def test_a_review_without_the_role_says_who_starts_it_and_until_when_it_waits(page, gateway):
    gateway.ask("roles=view")
    turn_to(page, gateway, READY)
    expect(page.locator("main")).to_contain_text("A nurse with that role signs in")
    expect(page.locator("main")).to_contain_text("The order waits until 14:58")
    expect(hold(page)).to_contain_text("It takes the role “confirm”")


def test_a_prescriber_who_may_not_associate_orders_for_a_token(page, gateway):
    gateway.ask("roles=view,prescribe")
    turn_to(page, gateway, Screen("order", "", "idle", "/bed/bed1/order"))
    Hand(page).scan("P-1042")
    expect(page.get_by_role("form", name="Order")).to_contain_text("not yet associated with this pump")


def test_without_a_drug_library_the_screen_says_what_to_do_and_goes_on_when_it_comes(page, gateway):
    gateway.ask("library=0")
    turn_to(page, gateway, ORDER)
    expect(page.locator("main")).to_contain_text("If it does not come, call the person who looks after the gateway")
    gateway.ask("library=1")
    expect(page.get_by_role("form", name="Order")).to_be_visible()


def test_a_pump_with_an_order_takes_no_other_and_leads_back(page, gateway):
    turn_to(page, gateway, Screen("busy", "", "ready", "/bed/bed1/order"))
    expect(page.locator("main")).to_contain_text("This pump has an order already")
    page.get_by_role("link", name="Back to bed1").click()
    expect(hold(page)).to_be_visible()


def test_nobody_signed_in_signs_in_on_the_screen_itself_and_goes_on_there(page, gateway):
    for at, then in (("/bed/bed1/order", "Load the pump"), ("/bed/bed1/course", "Order a course")):
        turn_to(page, gateway, Screen("signed out", "", "ordering", at, person=""))
        page.get_by_label("Badge number").fill("20417")
        page.keyboard.press("Enter")
        page.keyboard.type("000000")  # the focus went to the PIN
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=then)).to_be_visible()


@pytest.mark.parametrize("spot", ["top left", "bottom right of the state"])
def test_the_whole_card_opens_a_bed_and_its_stop_stops(page, gateway, spot):
    turn_to(page, gateway, Screen("beds", "", "ward", "/"))
    card = page.locator("li.bed", has_text="bed3")
    box = card.bounding_box()
    stop = card.get_by_role("button", name="Stop").bounding_box()
    assert box is not None
    assert stop is not None
    x, y = (3, 24) if spot == "top left" else (box["width"] - 3, stop["y"] - box["y"] - 3)
    page.mouse.click(box["x"] + x, box["y"] + y)
    expect(page.get_by_role("heading", level=1)).to_have_text("bed3")
    page.get_by_role("link", name="All beds").click()
    with page.expect_request("**/api/stop?*"):
        card.get_by_role("button", name="Stop").click()


def fill(page):
    page.get_by_role("button", name="Choose another").click()
    page.get_by_role("group", name="Drug").get_by_text("Ketamine 2 mg/mL, constant rate", exact=True).click()
    page.get_by_label("Weight", exact=True).fill("71")
    page.get_by_role("group", name="Which weight?").get_by_text("Ideal", exact=True).click()


def kept(page):
    return page.evaluate("() => sessionStorage.getItem('form')")


def test_a_reload_keeps_the_form_and_nothing_of_it_stays(page, gateway):
    turn_to(page, gateway, ORDER)
    fill(page)
    page.reload()
    expect(page.get_by_label("Weight", exact=True)).to_have_value("71")
    expect(page.get_by_role("radio", name="Ideal")).to_be_checked()
    expect(page.get_by_role("radio", name="Ketamine 2 mg/mL")).to_be_checked()

    page.get_by_role("button", name="Sign out").click()  # nothing of a patient stays
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    assert kept(page) is None

    turn_to(page, gateway, ORDER)
    fill(page)
    assert "71" in kept(page)
    gateway.ask("scene=idle")  # the pump's patient changes
    turn_to(page, gateway, Screen("other", "", "suspect", "/bed/bed1/order"))
    expect(page.get_by_role("form", name="Order")).to_contain_text("P-9999")
    assert "71" not in (kept(page) or "")
    expect(page.get_by_label("Weight", exact=True)).not_to_have_value("71")


def test_what_was_sent_is_not_kept(page, gateway):
    turn_to(page, gateway, ORDER)
    page.get_by_role("button", name="I have checked it: still 70 kg").click()
    page.get_by_role("group", name="Container").get_by_text("60 mL", exact=True).click()
    assert kept(page)
    page.get_by_role("button", name="Load the pump").click()
    expect(hold(page)).to_be_visible()
    assert kept(page) is None


BLOCKED = """Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("denied"); } });"""


def test_a_browser_that_blocks_storage_only_forgets_the_form(page, gateway):
    page.add_init_script(BLOCKED)
    turn_to(page, gateway, ORDER)
    page.reload()
    fill(page)
    expect(page.get_by_label("Weight", exact=True)).to_have_value("71")
    page.reload()
    expect(page.get_by_label("Weight", exact=True)).to_have_value("")


@pytest.mark.requirement("PRG-29")
@pytest.mark.parametrize(
    ("locale", "typed", "says"),
    [
        ("en-GB", "1,500", "Without separators for thousands"),
        ("en-GB", "72,5", "Write a point, not a comma"),
        ("en-GB", "70kg", "The unit is there already"),
        ("en-GB", "150 lb", "This field is in kg"),
        ("en-GB", ".5", "Write a digit on both sides"),
        ("de-DE", "1.500", "Ohne Tausendertrennzeichen"),
        ("de-DE", "70 kg", "Die Einheit steht schon da"),
        ("es-ES", "1.500", "Sin separador de millares"),
        ("fr-FR", "1 500", "Sans séparateur de milliers"),
    ],
)
def test_a_number_that_cannot_be_read_is_explained_at_its_field_and_not_sent(stage, locale, typed, says):
    gateway, browser = stage
    gateway.ask(f"roles={ALL_ROLES}&library=1")
    with opened(browser, gateway, "tablet", "day", locale=locale) as page:
        turn_to(page, gateway, ORDER)
        sent = []
        page.on("request", lambda request: sent.append(request.post_data or "") if "request" in request.url else None)
        field = page.locator("input[name=weight]")
        field.fill(typed)
        expect(page.locator(".field", has=field)).to_contain_text(says)
        expect(field).to_have_attribute("aria-invalid", "true")
        page.wait_for_timeout(600)  # a form is checked 400 ms after the last key
        assert not any(f'"weight":"{typed}' in each.replace("\\", "") for each in sent)


@pytest.mark.requirement("PRG-29")
@pytest.mark.parametrize(("locale", "typed"), [("de-DE", "72,5"), ("de-DE", "72.5"), ("en-GB", "72.5")])
def test_a_decimal_of_the_language_goes_out_with_a_point(stage, locale, typed):
    gateway, browser = stage
    gateway.ask(f"roles={ALL_ROLES}&library=1")
    with opened(browser, gateway, "tablet", "day", locale=locale) as page:
        turn_to(page, gateway, ORDER)
        expect(page.locator("input[name=dose]")).to_have_value("0,5" if locale == "de-DE" else "0.5")
        with page.expect_request(lambda request: "72.5 kg" in (request.post_data or "")) as sent:
            page.locator("input[name=weight]").fill(typed)
        assert "0.5 mg/kg" in sent.value.post_data


@pytest.mark.parametrize(("days", "noted"), [(31, 0), (30, 1), (1, 1)])
def test_the_end_of_the_certificate_is_on_the_overview_thirty_days_before(page, gateway, days, noted):
    gateway.ask(f"certificate={days}")
    turn_to(page, gateway, Screen("beds", "", "ward", "/"))
    expect(page.get_by_test_id("certificate")).to_have_count(noted)
    if noted:
        expect(page.get_by_test_id("certificate")).to_contain_text(
            "ends in 30 days" if days == 30 else "ends in 1 day."
        )
    gateway.ask("certificate=")
