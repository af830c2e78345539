"""What the page's service worker keeps is served whole or not at all, and an update is taken at the next start."""

import contextlib

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import WITHIN_S, wait_until
from tests.browser.page_server import build, serving
from tests.browser.tablet import PATIENCE_MS

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

ACTIVE = """async version => {
  const names = await caches.keys();
  const { active, waiting, installing } = (await navigator.serviceWorker.getRegistration()) ?? {};
  return navigator.serviceWorker.controller && active && !waiting && !installing
    && names.some(name => name.includes(`page-${version}-`));
}"""
NAMES = "() => caches.keys()"


@pytest.fixture
def builds(tmp_path):
    return {version: build(tmp_path / version, version) for version in ("one", "two", "three")}


@pytest.fixture
def opened(browser, builds):
    """A page with the worker of the first build, and the server of both."""
    context = browser.new_context()
    with contextlib.closing(context), serving(builds["one"]) as server:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.url)
        active(page, "one")
        yield page, server


def active(page, version: str) -> None:
    # Not `wait_for_function`: to wait, it needs `eval`, which the page's policy forbids.
    wait_until(lambda: page.evaluate(ACTIVE, version), WITHIN_S, f"the worker of build {version}")


def runs(page, version: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-version", version)
    expect(page.locator("button.stop")).to_be_visible()


def test_an_update_is_shown_at_the_next_load_and_the_version_before_it_is_kept_for_half_loaded_pages(opened, builds):
    page, server = opened
    for version in ("two", "three"):
        server.folder = builds[version]
        page.reload()
        runs(page, version)
        active(page, version)

    def kept() -> list[str]:
        return [name.split("-")[1] for name in page.evaluate(NAMES)]

    wait_until(lambda: kept() == ["two", "three"], WITHIN_S, "the first build to be forgotten")


@pytest.mark.requirement("STP-12")
@pytest.mark.parametrize("how", ["broken", "hanging"])
def test_a_new_page_whose_script_cannot_be_had_is_not_served(opened, builds, how):
    page, server = opened
    server.folder = builds["two"]
    setattr(server, how, "page-two.js")
    page.reload()
    runs(page, "one")
    setattr(server, how, "")
    page.reload()
    runs(page, "two")


@pytest.mark.requirement("STP-12")
@pytest.mark.parametrize("hanging", [False, True])
def test_without_the_gateway_the_kept_page_runs(opened, hanging):
    page, server = opened
    if hanging:
        server.hanging = "/"
    else:
        server.close()
    page.reload()
    runs(page, "one")


@pytest.mark.requirement("STP-12")
def test_a_kept_page_keeps_its_script_although_the_gateway_has_another_one(opened, builds):
    """The page comes from the worker because the gateway is slow; then the gateway answers, without the old script."""
    page, server = opened
    server.folder = builds["two"]
    server.hanging = "two"
    before = len(server.asked)
    page.reload()
    runs(page, "one")
    assert "/assets/page-one.js" not in server.asked[before:]


@pytest.mark.requirement("STP-12", "STP-01")
def test_the_worker_neither_keeps_nor_answers_the_stop_page(opened, tmp_path):
    page, server = opened
    page.goto(f"{server.url}/stop", wait_until="commit")
    pages = [path for path in server.asked if path != "/favicon.ico"]  # the browser asks for that one by itself
    assert pages[-1] == "/stop"
    assert page.evaluate("async () => (await caches.match('/stop')) === undefined")
    assert page.locator("html[data-version]").count() == 0
