"""An alarm reaches the tablet although any one answer, stream or service of the browser fails at first.

On the mock: what the page needs before it can show an alarm fails once, in every way that it can, and works afterwards.
"""

import pytest
from playwright.sync_api import Page, Route, expect

from tools.tablet_pictures import Screen, opened

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

WITHIN_MS = 30_000  # 5 s without an answer or 7 s without news, the pauses between tries, and a busy machine
ALARM = Screen("alarm", "", "tripped", "/bed/bed1")

ANSWERS = ("about", "nonce", "hello", "live")
FAULTS = {
    "cut": lambda route: route.abort(),
    "hangs": lambda _: None,
    "fails": lambda route: route.fulfill(status=500, body="<h1>Internal error</h1>", content_type="text/html"),
    "empty": lambda route: route.fulfill(status=200, body=""),
    "other": lambda route: route.fulfill(status=200, body="null", content_type="application/json"),
    "refused": lambda route: route.fulfill(status=403, json={"ok": False, "reasons": ["no"], "result": {}}),
}
LOCKS, SIGN = "LockManager.prototype.request", "SubtleCrypto.prototype.sign"
POST, STORE = "BroadcastChannel.prototype.postMessage", "IDBFactory.prototype.open"
BROWSERS = {
    "the key store never answers": f"{STORE} = at_first({STORE}, () => ({{}}))",
    "the key store throws": f"{STORE} = at_first({STORE}, () => {{ throw Error('no'); }})",
    "the lock never comes": f"{LOCKS} = once({LOCKS}, () => new Promise(() => undefined))",
    "the lock is refused": f"{LOCKS} = once({LOCKS}, () => Promise.reject(Error('no')))",
    "no signature comes": f"{SIGN} = once({SIGN}, () => new Promise(() => undefined))",
    "the first stream tells no state": """
      const real = EventSource.prototype.addEventListener;
      const deaf = [];
      EventSource.prototype.addEventListener = function (kind, ...given) {
        if (!deaf.length) deaf.push(this);
        if (kind !== "state" || deaf[0] !== this) real.call(this, kind, ...given);
      };
    """,
    "no channel": "window.BroadcastChannel = class { constructor() { throw Error('no'); } }",
    "the channel is closed": f"{POST} = once({POST}, () => {{ throw Error('closed'); }})",
}
ONCE = """
const begun = Date.now();
const at_first = (real, instead) =>
  function (...given) { return Date.now() - begun < 1000 ? instead(...given) : real.apply(this, given); };
const once = (real, instead) => {
  let used = false;
  return function (...given) {
    if (used) return real.apply(this, given);
    used = true;
    return instead(...given);
  };
};
"""


def shows_the_alarm(page: Page, gateway) -> None:
    gateway.show(ALARM)
    page.goto(f"{gateway.url}/#{ALARM.at}")
    expect(page.locator(".alarm-first .alarm-symbol")).to_be_visible(timeout=WITHIN_MS)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_alarm_comes_although_an_answer_is_lost(stage, answer, fault):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        lost: list[str] = []

        def lose(route: Route) -> None:
            if lost:
                route.continue_()
            else:
                lost.append(route.request.url)
                FAULTS[fault](route)

        page.route(f"**/api/{answer}*", lose)
        shows_the_alarm(page, gateway)
        assert lost


@pytest.mark.parametrize("fault", BROWSERS)
def test_an_alarm_comes_although_a_service_of_the_browser_fails(stage, fault):
    gateway, browser = stage
    with opened(browser, gateway, "tablet", "day") as page:
        page.add_init_script(ONCE + BROWSERS[fault])
        shows_the_alarm(page, gateway)
