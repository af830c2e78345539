"""What can stand between a finger on Stop and the pump, each in a real browser.

Each condition is made new for each press: a context manager that yields the press and the beds that it stops.
"""

import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Route, expect

from tests.browser.gateway import RealGateway, network, wait_until
from tests.browser.page_server import build, serving
from tests.browser.stop_frames import StopFrames
from tests.browser.tablet import PATIENCE_MS, Tablet

BED = "bed1"
SUSPENDED_S = 7.0  # longer than bedside keeps an idle connection


@dataclass(frozen=True)
class Here:
    browser: Browser
    gateway: RealGateway

    @property
    def all_beds(self) -> tuple[str, ...]:
        return tuple(self.gateway.beds)

    @contextlib.contextmanager
    def context(self, script: str = "", **options: object) -> Iterator[BrowserContext]:
        """`script` runs before any of the page's."""
        made = self.browser.new_context(**options)
        made.set_default_timeout(PATIENCE_MS)
        with contextlib.closing(made):
            if script:
                made.add_init_script(script)
            yield made

    @contextlib.contextmanager
    def unpaired(self, script: str = "", **options: object) -> Iterator[Page]:
        with self.context(script, **options) as context:
            yield context.new_page()

    @contextlib.contextmanager
    def paired(self, script: str = "", url: str = "") -> Iterator[Page]:
        """A paired tablet that shows the bed."""
        with self.context(script) as context:
            made = Tablet(context.new_page(), self.gateway, "ward tablet", url or self.gateway.url)
            made.pair()
            made.bed(BED)
            expect(made.stop_button(BED)).to_be_visible()
            yield made.page


@dataclass(frozen=True)
class Ready:
    press: Callable[[], object]
    beds: tuple[str, ...] = (BED,)


Condition = Callable[[Here], AbstractContextManager[Ready]]
CONDITIONS: dict[str, Condition] = {}


def condition(name: str) -> Callable[[Callable[..., Iterator[Ready]]], Condition]:
    def named(made: Callable[..., Iterator[Ready]]) -> Condition:
        CONDITIONS[name] = contextlib.contextmanager(made)
        return CONDITIONS[name]

    return named


def measured(here: Here, frames: StopFrames, name: str) -> float:
    """Seconds from the finger to the end of the stop frame, on the slowest of the beds that it stops."""
    with CONDITIONS[name](here) as ready:
        return frames.after(ready.press, ready.beds)


def finger(button: Locator) -> Callable[[], None]:
    """Presses where the button is now."""
    expect(button).to_be_visible()
    box = button.bounding_box()
    assert box is not None
    mouse = button.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def press() -> None:
        mouse.down()
        mouse.up()

    return press


def on_bed(page: Page) -> Locator:
    return page.locator("button.stop", has_text=BED)


def on_all(page: Page) -> Locator:
    return page.locator("button.stop", has_text="all pumps")


@condition("one tab")
def _one(here: Here) -> Iterator[Ready]:
    with here.paired() as page:
        yield Ready(finger(on_bed(page)))


def _tabs(here: Here, count: int, script: str = "") -> Iterator[Ready]:
    with here.paired(script) as page:
        for _ in range(count - 1):
            page.context.new_page().goto(page.url, wait_until="commit")
        if not script:
            for each in page.context.pages:
                expect(on_bed(each)).to_be_visible()
        page.wait_for_timeout(3000)  # each has tried to follow
        yield Ready(finger(on_bed(page)))


@condition("seven tabs")
def _seven(here: Here) -> Iterator[Ready]:
    yield from _tabs(here, 7)


@condition("eight tabs")
def _eight(here: Here) -> Iterator[Ready]:
    yield from _tabs(here, 8)


NO_LOCKS = "delete Navigator.prototype.locks; delete globalThis.BroadcastChannel;"


@condition("seven tabs, and no locks")
def _seven_alone(here: Here) -> Iterator[Ready]:
    """Each tab follows the gateway by itself: their streams take all connections of the browser."""
    yield from _tabs(here, 7, NO_LOCKS)


@condition("six connections that hang")
def _six(here: Here) -> Iterator[Ready]:
    with network(here.gateway) as wireless, here.paired(url=wireless.url) as page:
        press = finger(on_bed(page))
        wireless.hold()
        page.evaluate("() => { for (let each = 0; each < 6; each++) void fetch(`/api/about?${each}`); }")
        page.wait_for_timeout(1000)
        wireless.hold_no_more()
        yield Ready(press)


@condition("pressed without a network, from its return")
def _no_network(here: Here) -> Iterator[Ready]:
    with network(here.gateway) as wireless, here.paired(url=wireless.url) as page:
        press = finger(on_bed(page))
        wireless.lost()
        press()
        page.wait_for_timeout(4000)
        yield Ready(wireless.back)


DENIED = 'throw new DOMException("denied", "SecurityError")'
NO_STORAGE = f"""
  for (const name of ["localStorage", "sessionStorage"])
    Object.defineProperty(globalThis, name, {{ get() {{ {DENIED}; }} }});
"""
NO_DATA = f"""{NO_STORAGE}
  IDBFactory.prototype.open = () => {{ {DENIED}; }};
  for (const name of ["open", "keys", "match"]) CacheStorage.prototype[name] = async () => {{ {DENIED}; }};
  LockManager.prototype.request = async () => {{ {DENIED}; }};
  globalThis.BroadcastChannel = class {{ constructor() {{ {DENIED}; }} }};
  ServiceWorkerContainer.prototype.register = async () => {{ {DENIED}; }};
"""
OLD_BROWSER = """
  Object.defineProperty(Crypto.prototype, "subtle", { value: undefined });
  delete Crypto.prototype.randomUUID; delete AbortSignal.timeout; delete AbortSignal.any;
  for (const name of ["locks", "serviceWorker", "wakeLock"]) delete Navigator.prototype[name];
  for (const name of ["BroadcastChannel", "AudioContext"]) delete globalThis[name];
"""


@condition("localStorage blocked")
def _no_storage(here: Here) -> Iterator[Ready]:
    with here.paired(NO_STORAGE) as page:
        yield Ready(finger(on_bed(page)))


@condition("all site data blocked")
def _no_data(here: Here) -> Iterator[Ready]:
    with here.unpaired(NO_DATA) as page:
        page.goto(here.gateway.url)
        yield Ready(finger(on_all(page)), here.all_beds)


@condition("an old browser")
def _old_browser(here: Here) -> Iterator[Ready]:
    with here.unpaired(OLD_BROWSER) as page:
        page.goto(here.gateway.url)
        yield Ready(finger(on_all(page)), here.all_beds)


def _without_script(here: Here, page: Page) -> Ready:
    """From a touch of the link in the page's HTML, over the page without script, to the pumps."""
    page.goto(here.gateway.url, wait_until="commit")
    expect(page.locator(".without-script")).to_have_css("position", "fixed")  # now it does not move any more
    follow = finger(page.locator('a[href="/stop"]'))

    def press() -> None:
        follow()
        page.get_by_role("button", name="Stop all pumps").click()  # once it does not move any more

    return Ready(press, here.all_beds)


SCRIPT = re.compile(r"/assets/page-.*\.js$")


@condition("a script error at load")
def _broken_script(here: Here) -> Iterator[Ready]:
    with here.unpaired() as page:
        page.route(SCRIPT, lambda route: route.fulfill(body="throw new Error('x')", content_type="text/javascript"))
        yield _without_script(here, page)


@contextlib.contextmanager
def never_comes(page: Page, path: str | re.Pattern[str]) -> Iterator[None]:
    """The browser waits for it."""
    waiting: list[Route] = []
    page.route(path, lambda route: waiting.append(route))  # noqa: PLW0108  # it takes no builtin
    yield
    for route in waiting:
        with contextlib.suppress(Error):  # the page that asked is gone
            route.abort()


@condition("a script that does not come")
def _no_script(here: Here) -> Iterator[Ready]:
    with here.unpaired() as page, never_comes(page, SCRIPT):
        yield _without_script(here, page)


@condition("a language that does not come")
def _no_language(here: Here) -> Iterator[Ready]:
    with here.unpaired(locale="de-DE") as page, never_comes(page, "**/assets/de-*.js"):
        page.goto(here.gateway.url)
        yield Ready(finger(on_all(page)), here.all_beds)


@condition("scripts turned off")
def _scripts_off(here: Here) -> Iterator[Ready]:
    with here.unpaired(java_script_enabled=False) as page:
        yield _without_script(here, page)


@condition("an error while the page is drawn")
def _broken_drawing(here: Here) -> Iterator[Ready]:
    with here.paired() as page:
        page.add_init_script("Object.defineProperty(document, 'title', { set() { throw new Error('x'); } })")
        page.reload()
        expect(page.get_by_role("alert").first).to_be_visible()
        yield Ready(finger(on_bed(page)))


@condition("a state that cannot be read")
def _broken_state(here: Here) -> Iterator[Ready]:
    with here.paired() as page:
        broken = 'event: state\nid: 1\ndata: {"ts":"","pumps":null}\n\n'
        page.route("**/api/live*", lambda route: route.fulfill(body=broken, content_type="text/event-stream"))
        page.reload()
        page.wait_for_timeout(1000)
        yield Ready(finger(on_all(page)), here.all_beds)


@condition("errors in the handlers of a touch")
def _broken_handlers(here: Here) -> Iterator[Ready]:
    script = """
      for (const kind of ["pointerdown", "pointerup", "click"])
        addEventListener(kind, () => { throw new Error("x"); }, { capture: true });
      globalThis.AudioContext = class { constructor() { throw new Error("no sound"); } };
    """
    with here.paired() as page:
        page.add_init_script(script)
        page.reload()
        yield Ready(finger(on_bed(page)))


# Not `wait_for_function`: to wait, it needs `eval`, which the page's policy forbids.
CONTROLLED = "() => navigator.serviceWorker.controller !== null"


@condition("a stale service worker")
def _stale_worker(here: Here) -> Iterator[Ready]:
    """The page is the worker's: the gateway has a newer one, and not yet its script."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(build(Path(folder) / "one", "one"), here.gateway.url) as server,
        here.unpaired() as page,
    ):
        page.goto(server.url)
        wait_until(lambda: page.evaluate(CONTROLLED), PATIENCE_MS / 1e3, "the service worker")
        server.folder = build(Path(folder) / "two", "two")
        server.broken = "page-two.js"
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-version", "one")
        yield Ready(finger(on_all(page)), here.all_beds)


@condition("a service worker that sleeps")
def _sleeping_worker(here: Here) -> Iterator[Ready]:
    with here.paired() as page:
        wait_until(lambda: page.evaluate(CONTROLLED), PATIENCE_MS / 1e3, "the service worker")
        press = finger(on_bed(page))
        browser = page.context.new_cdp_session(page)
        browser.send("ServiceWorker.enable")
        browser.send("ServiceWorker.stopAllWorkers")
        yield Ready(press)


@contextlib.contextmanager
def suspended(page: Page) -> Iterator[None]:
    """Nothing of the page runs, as on a tablet that saves power. (The browser itself freezes no page in sight.)"""
    browser = page.context.browser
    assert browser is not None
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [each["id"] for each in processes if each["type"] == "renderer"]
    for each in renderers:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in renderers:
            os.kill(each, signal.SIGCONT)


@condition("a page that was suspended")
def _suspended(here: Here) -> Iterator[Ready]:
    with here.paired() as page:
        press = finger(on_bed(page))
        with suspended(page):
            time.sleep(SUSPENDED_S)
        yield Ready(press)
