"""A tablet: its own browser context, and what a nurse does on it. Elements are found by role and name."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.gateway import DOCTOR, PINS, RealGateway

SIZES = {"tablet": (1280, 800), "phone": (390, 844)}
PATIENCE_MS = 20_000  # for a busy machine; a test that passes does not wait
HELD_MS = 1700
ROLES = ("view", "confirm", "prescribe", "maintain")

expect.set_options(timeout=PATIENCE_MS)
patients = (f"P-{number}" for number in itertools.count(1000))


class Tablet:
    def __init__(self, page: Page, gateway: RealGateway, name: str, url: str) -> None:
        self.page, self.gateway, self.name, self.url = page, gateway, name, url
        self.id = self.badge = ""
        page.set_default_timeout(PATIENCE_MS)

    # -- navigation -------------------------------------------------------------------------------------------------

    def open(self, path: str = "#/") -> None:
        self.page.goto(f"{self.url}/{path}")

    def bed(self, bed: str, screen: str = "") -> None:
        """By the part of the address after the #, like a link: the page is not reloaded."""
        self.page.evaluate("hash => { location.hash = hash; }", f"#/bed/{bed}{screen and '/'}{screen}")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(bed)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def region(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name)

    def see(self, text: str) -> None:
        expect(self.page.locator("main").get_by_text(text).first).to_be_visible()

    # -- pairing and sign-in -----------------------------------------------------------------------------------------

    def pair(self, *roles: str) -> None:
        """As a person at the gateway with the tablet in hand."""
        opened = self.gateway.ask(op="pair_open", roles=roles or ROLES)
        self.open(f"#pair={opened['result']['token']}")
        self.page.get_by_label("Name of this tablet").fill(self.name)
        self.button("Pair").click()
        code = self.page.get_by_label("Short code").inner_text()
        accepted = self.gateway.ask(op="pair_accept", code=code)
        assert accepted["ok"], accepted
        self.id = accepted["result"]["id"]
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Beds")

    def sign_in(self, bed: str, badge: str = DOCTOR) -> None:
        self.bed(bed, "sign-in")
        self.type_pin(badge, PINS[badge])
        self.badge = badge
        expect(self.button("Sign out")).to_be_visible()

    def type_pin(self, badge: str, pin: str, button: str = "Sign in") -> None:
        self.page.get_by_role("textbox", name="Badge number").fill(badge)
        self.page.get_by_label("PIN", exact=True).fill(pin)
        self.page.locator("main").get_by_role("button", name=button, exact=True).click()

    def signed_in(self, bed: str, badge: str = DOCTOR) -> None:
        """Sign that person in, on that bed's page, and anyone else out."""
        self.bed(bed)
        if self.button("Sign out").count() and self.badge != badge:
            self.button("Sign out").click()
            expect(self.button("Sign out")).to_have_count(0)
        if self.button("Sign out").count() == 0:
            self.sign_in(bed, badge)
        self.bed(bed)

    # -- infusions ---------------------------------------------------------------------------------------------------

    def fill_order(self, bed: str, **fields: str) -> None:
        asked: dict[str, str] = {
            "Drug": "Ketamine 1 mg/mL, constant rate", "Weight": "70", "Weight, typed again": "70",
            "Which weight?": "Actual", "Dose": "0.5", "Duration": "40", "Container": "50 mL",
        } | fields  # fmt: skip
        patient = asked.pop("patient", None) or next(patients)
        self.gateway.free(bed)
        self.gateway.ask(op="associate", pump=bed, patient=patient, by="the test")
        self.bed(bed, "order")
        expect(self.page.get_by_role("form", name="Order")).to_contain_text(patient)
        for label, value in asked.items():
            if label in ("Drug", "Which weight?", "Container"):
                self.page.get_by_role("group", name=label).get_by_text(value, exact=True).click()
            else:
                self.page.get_by_label(label, exact=True).fill(value)

    def order(self, bed: str, **fields: str) -> None:
        """Order, load, read back and scan the wristband: the review is ready for the hold."""
        self.fill_order(bed, **fields)
        self.button("Load the pump").click()
        self.scan(bed)
        expect(self.hold("start")).to_be_enabled()

    def scan(self, bed: str, wristband: str = "") -> None:
        """Type as a scanner does, wherever the focus is. Default: the right wristband, which is compared at once."""
        expect(self.page.get_by_label("Wristband of the patient")).to_be_visible()
        patient = self.gateway.pumps()[bed]["infusion"]["review"]["patient"]
        self.page.keyboard.type(wristband or patient)
        self.page.keyboard.press("Enter")
        right = not wristband or wristband == patient
        expect(self.page.get_by_test_id("verdict")).to_contain_text(
            f"This is the wristband of {patient}" if right else f"{wristband} is not the wristband of {patient}"
        )

    def hold(self, what: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(f"^Hold to {what}"))

    def press_and_hold(self, button: Locator, held_ms: int = HELD_MS) -> None:
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.wait_for_timeout(held_ms)
        self.page.mouse.up()

    def start(self, bed: str, **fields: str) -> None:
        self.order(bed, **fields)
        self.press_and_hold(self.hold("start"))
        self.gateway.until(bed, "running")

    def stop_button(self, bed: str) -> Locator:
        return self.page.locator("button.stop", has_text=bed)


def stopped_pump(url: str) -> str:
    """The pump that a stop names in its address."""
    return parse_qs(urlsplit(url).query)["pump"][0]


@contextmanager
def tablet(
    browser: Browser, gateway: RealGateway, name: str, size: str = "tablet", url: str = "", **options: Any
) -> Iterator[Tablet]:
    """`url`: the address of the gateway for this tablet, if not the gateway's own."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    try:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        made = Tablet(page, gateway, name, url or gateway.url)
        try:
            yield made
        except BaseException:
            print(f"{name} at {page.url}:\n{page.locator('body').inner_text(timeout=2000)}")
            raise
        assert errors == []
    finally:
        context.close()
