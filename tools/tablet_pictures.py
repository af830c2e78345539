"""Take the pictures of docs/tablet.md: every screen of the page, in three sizes and two languages.

`python -m tools.tablet_pictures` takes them. `--check` lists pictures that are missing or belong to no screen. The page
is the built one (`make page`), the gateway the mock of `pumpd/bedside/page/dev`, the time one fixed minute.
"""

import argparse
import contextlib
import io
import itertools
import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, Route

from tests.browser.chromium import chromium
from tools.page_words import NODE, PAGE, Words

ROOT = Path(__file__).parent.parent
DOC = ROOT / "docs" / "tablet.md"
IMAGES = ROOT / "docs" / "images" / "tablet"
SIZES = {"tablet": (1280, 800), "upright": (800, 1280), "phone": (390, 844)}
WIDTHS = {"tablet": 480, "upright": 200, "phone": 146}  # in docs/tablet.md
LANGUAGES = {"en": "English", "de": "German"}  # of the pictures
COLOURS = 64
PIXELS = 0.6  # pixels of the picture for each of the page, to keep the files small
NURSE = "20417"
RUNNING = ("running", "restRunning", "stopping", "alarms", "ward", "medium", "low")  # scenes with flow


def _nothing(_page: Page, _said: Words) -> None:
    pass


def _order(page: Page, said: Words) -> None:
    """Fill in an order outside a soft limit, which shows every field that an order may have."""
    for label, value in (("Weight", "70"), ("Weight, typed again", "70"), ("Dose", "0.8")):
        page.get_by_label(said(label), exact=True).fill(said.typed(value))
    page.get_by_text(said("Actual"), exact=True).click()
    page.get_by_label(said("Why is this right for this patient?")).fill("no response at 0.5 mg/kg, asked by Dr A")
    page.locator(".docked .act:enabled").wait_for()


def _refused(page: Page, said: Words) -> None:
    for label, value in (("Weight", "70"), ("Weight, typed again", "71"), ("Dose", "1.2")):
        page.get_by_label(said(label), exact=True).fill(said.typed(value))
    page.locator(".problem").first.wait_for()


def _two_left(page: Page, said: Words) -> None:
    """An order to which nothing is missing but the container, which two of them can be."""
    for label, value in (("Weight", "70"), ("Weight, typed again", "70"), ("Dose", "0.5")):
        page.get_by_label(said(label), exact=True).fill(said.typed(value))
    page.get_by_text(said("Actual"), exact=True).click()
    page.locator(".docked .act:enabled").first.wait_for()
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(800)  # the acts are there for a touch


def _all_alarms(page: Page, _said: Words) -> None:
    page.locator(".alarm-acts button").first.click()


def _pair(page: Page, said: Words) -> None:
    page.get_by_label(said("Pairing word")).fill("JYXQ-7TKD")
    page.get_by_label(said("Name of this tablet")).fill("ward 7, bed 1")
    page.locator("form button.primary").click()
    page.get_by_test_id("pair-code").wait_for()


def _another_wristband(page: Page, said: Words) -> None:
    page.get_by_label(said("Wristband of the patient")).fill("P-2077")
    page.keyboard.press("Enter")
    page.get_by_test_id("verdict").evaluate("each => each.scrollIntoView({ block: 'center' })")


def _why_pause(page: Page, said: Words) -> None:
    page.get_by_role("button", name=said("Pause"), exact=True).click()
    page.get_by_role("group", name=said("Why was it paused?")).wait_for()


def _rest(page: Page, said: Words) -> None:
    page.get_by_text("50 mL").first.click()
    page.get_by_text(said("Slower, over a longer time")).click()
    page.get_by_label(said("Time for the rest")).fill("40")
    page.locator(".docked .act:enabled").wait_for()
    page.evaluate("scrollTo(0, 0)")


def _heavier(page: Page, said: Words) -> None:
    """An order for 110 kg where 70 kg are on record."""
    for label, value in (("Weight", "110"), ("Weight, typed again", "110")):
        page.get_by_label(said(label), exact=True).fill(said.typed(value))
    page.get_by_text(said("Actual"), exact=True).click()
    page.locator(".problem").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


def _course(page: Page, _said: Words) -> None:
    page.locator(".course").first.wait_for()


def _order_course(page: Page, said: Words) -> None:
    page.get_by_role("button", name=said("Order a course")).click()
    form = page.get_by_role("form", name=said("Order a course"))
    form.get_by_role("radio").first.click()
    form.get_by_label(said("Name of the course")).fill("C-2")
    form.get_by_label(said("First day")).fill("2026-12-07")
    for weekday in (0, 2, 4):
        form.get_by_role("checkbox").nth(weekday).check()
    form.evaluate("each => each.scrollIntoView()")


def _assess(page: Page, _said: Words) -> None:
    page.get_by_role("radio").first.click()
    page.get_by_text("PHQ-9", exact=True).click()
    page.locator("input[name=total]").fill("7")


def _correct(page: Page, said: Words) -> None:
    page.get_by_role("button", name=said("Correct the date")).click()
    page.locator("input[type=date]").fill("2026-11-24")
    page.locator("input[type=time]").fill("09:30")
    page.get_by_label(said("How do you know?")).fill("written on the sheet of that day")
    page.evaluate("scrollTo(0, 0)")


def _vitals(page: Page, said: Words) -> None:
    page.get_by_role("button", name=said("Record vital signs")).click()
    page.locator("form.vitals").evaluate("each => each.scrollIntoView({ block: 'center' })")


def _self_test(page: Page, _said: Words) -> None:
    page.locator(".self-test button").click()
    page.locator(".self-test").evaluate("each => each.scrollIntoView({ block: 'center' })")


@dataclass(frozen=True)
class Screen:
    """`scene` of the mock, `at` the address after the #. `then` is done before the picture is taken."""

    name: str
    caption: str
    scene: str = "idle"
    at: str = "/bed/bed1"
    person: str = NURSE
    paired: bool = True
    silent_s: int = 0
    then: Callable[[Page, Words], None] = _nothing


_FORM = "/bed/bed1/order"
SCREENS = (
    Screen("pair", "A new tablet: scan the gateway's code, or type its pairing word", paired=False, at="/"),
    Screen("pair-code", "Six digits, to be typed at the gateway", paired=False, at="/", then=_pair),
    Screen("beds", "All beds of the gateway, each with its own Stop", "ward", "/"),
    Screen("sign-in", "Badge and PIN; sign-out after 3 minutes without a touch", "idle", "/bed/bed1/sign-in", ""),
    Screen("idle", "A bed without an infusion: one scan of the wristband opens the order"),
    Screen("order", "The usual values are filled in, the weight is typed or confirmed", "ordering", _FORM),
    Screen("order-refused", "Outside the hard limits: refused at the field", "ordering", _FORM, then=_refused),
    Screen("order-container", "Two containers hold it: the one in the pump loads", "ordering", _FORM, then=_two_left),
    Screen("order-soft", "A soft limit needs a reason and a second confirmation", "ordering", _FORM, then=_order),
    Screen("loading", "The pump is being loaded and read back", "loading"),
    Screen("review", "The review: the program as read back from the pump; the wristband, then hold for 1.5 s", "ready"),
    Screen("review-wristband", "The wristband of another patient: nothing starts", "ready", then=_another_wristband),
    Screen("review-two-nurses", "A profile of two steps that a second nurse must check", "gentle"),
    Screen("running", "Running: what was given, what is left, and how old that is", "running"),
    Screen("running-signed-out", "The same with nobody signed in: Stop still works", "running", person=""),
    Screen("pause", "Paused with one touch: why is asked afterwards", "running", then=_why_pause),
    Screen("paused", "Paused, with the time left for pauses", "paused"),
    Screen("link-old", "No news for 7 s: values turn grey", "running", silent_s=8),
    Screen("link-dead", "No news for 15 s: values are struck through", "running", silent_s=16),
    Screen("alarm-high", "Stopped by an alarm: the cause, what to do, and that nothing flows", "tripped"),
    Screen("alarm-medium", "A medium alarm during an infusion", "medium"),
    Screen("alarm-low", "A low alarm", "low"),
    Screen("alarm-all", "All active alarms, the highest first", "alarms", then=_all_alarms),
    Screen("uncertain", "Uncertain delivery: only a person at the pump can read what was given", "uncertain"),
    Screen("stopping", "Stop was pressed: stopping, until the pump is reported as stopped", "stopping"),
    Screen("stop-unconfirmed", "A stop that is not confirmed", "unconfirmed"),
    Screen("ended", "Complete, and the observation afterwards", "complete"),
    Screen("interrupted", "Stopped by mistake: the rest can still be given", "interrupted"),
    Screen("rest", "The rest: never more than is left, never faster", "interrupted", "/bed/bed1/rest", then=_rest),
    Screen("rest-review", "The review of the rest, with vital signs", "restReady"),
    Screen("rest-running", "The rest runs: given in this delivery, and of the whole treatment", "restRunning"),
    Screen("rest-ended", "The treatment is complete", "restComplete"),
    Screen("rest-moved", "Another pump offers the rest to the same patient", "moved", "/bed/bed2"),
    Screen("not-ready", "Vital signs or the self-test speak against a start", "notReady"),
    Screen("vitals", "Vital signs entered by hand during the infusion", "restRunning", then=_vitals),
    Screen("self-test", "The self-test before a session, on demand", "notReady", then=_self_test),
    Screen("expired", "An order that nobody started expires", "expired"),
    Screen("weight-on-record", "Another weight than on record", "ordering", _FORM, then=_heavier),
    Screen("course", "The treatments of a patient, and what is due next", "moved", "/bed/bed2/course", then=_course),
    Screen("course-order", "A course: first day and weekdays", "moved", "/bed/bed2/course", then=_order_course),
    Screen("course-response", "After the sixth: how it worked", "afterSix", "/bed/bed1/course", then=_assess),
    Screen("wrong-date", "A wrong date, corrected by two people", "suspect", "/bed/bed1/course", then=_correct),
    Screen("bench", "The engineer's panel, on simulated pumps only", "running", "bench/bed1"),
)  # fmt: skip
NIGHT = ("beds", "review", "running", "alarm-high", "order-soft", "ended")  # these also in night colours


class Mock:
    """The gateway that is none, in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.paired = True
        self.silent = False

    def show(self, screen: Screen) -> int:
        """Returns the number that the state of this scene has; see DRAWN."""
        self.paired, self.silent = screen.paired, screen.silent_s > 0
        given = f"still=1&scene={screen.scene}&person={screen.person}&unpaired={0 if screen.paired else 1}"
        running = "&running=1006" if screen.scene in RUNNING else ""
        return self.ask(given + running)

    def ask(self, query: str) -> int:
        """Change what it plays; see the head of mock.ts. Returns the number of the state."""
        with urllib.request.urlopen(f"{self.url}/mock?{query}", timeout=60) as answer:  # noqa: S310  # http on loopback, our own
            return int(json.load(answer)["result"]["turn"])


@contextlib.contextmanager
def mock() -> Iterator[Mock]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = subprocess.Popen(
        [str(NODE), "dev/mock.ts", str(port)], cwd=PAGE, stdout=subprocess.PIPE, text=True
    )  # our own
    try:
        assert node.stdout is not None
        assert node.stdout.readline().startswith("http"), "the mock did not start"
        yield Mock(port)
    finally:
        node.terminate()
        node.communicate(timeout=10)


# The browser has no key yet, so one is stored: the page is then paired when the mock reports it so.
KEY = """
async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  await new Promise((done) => {
    const open = indexedDB.open("pumpd", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("keys");
    open.onsuccess = () => {
      const put = open.result.transaction("keys", "readwrite").objectStore("keys").put(pair, "tablet");
      put.transaction.oncomplete = () => { open.result.close(); done(); };
    };
  });
}
"""


# The number of the newest state of the mock that the page has drawn. What it then listens for, it asks for after a
# frame (an effect), and that may change what is drawn: four frames are more than any screen needs.
DRAWN = """
const FRAMES = 4;
window.drawn = 0;
const listen = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (kind, listener, ...rest) {
  const heard = (event) => {
    try {
      listener.call(this, event);
    } finally {
      const { turn } = JSON.parse(event.data);
      const drawing = (left) => {
        if (left) requestAnimationFrame(() => setTimeout(drawing, 0, left - 1));
        else window.drawn = turn;
      };
      drawing(FRAMES);
    }
  };
  return listen.call(this, kind, kind === "state" ? heard : listener, ...rest);
};
"""


@contextlib.contextmanager
def opened(
    browser: Browser, at: Mock, size: str, theme: str, *, clock: bool = False, locale: str = "en"
) -> Iterator[Page]:
    """A tablet with a key, before any screen. `clock`: its time can be moved forward. `locale`: its language."""
    width, height = SIZES[size]
    scheme: Literal["dark", "light"] = "dark" if theme == "night" else "light"
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        device_scale_factor=PIXELS,
        service_workers="block",
        locale=locale,
    )
    try:
        context.add_init_script(DRAWN)
        page = context.new_page()
        if clock:
            page.clock.install()
        page.goto(f"{at.url}/manifest.webmanifest")
        page.evaluate(KEY)
        yield page
    finally:
        context.close()


ENGLISH = Words()
LINK = "**/api/*"


def _lost(route: Route) -> None:
    route.abort()


def turn_to(page: Page, at: Mock, screen: Screen, said: Words = ENGLISH) -> None:
    """Show that screen. The page is reloaded only if a new state alone would not lead there. `said`: its language."""
    was_paired, was_silent = at.paired, at.silent
    turn = at.show(screen)
    page.unroute(LINK, _lost)
    page.goto(f"{at.url}/#{screen.at}")
    # A page that is not paired, or has no link, asks again after some seconds only.
    if was_silent or not (screen.paired and was_paired):
        page.reload()
    page.get_by_role("heading", level=1).wait_for()
    page.locator("button.stop").first.wait_for()
    if screen.paired:
        page.locator(".badge-clock").wait_for()  # the gateway's: its state is here
        page.wait_for_function("turn => window.drawn >= turn", arg=turn)
    if screen.silent_s:
        page.wait_for_timeout(800)
        page.route(LINK, _lost)  # so that it stays lost
        page.clock.fast_forward(screen.silent_s * 1000)
    page.evaluate("scrollTo(0, 0)")  # the previous screen may have been scrolled
    screen.then(page, said)
    if screen.then is not _nothing or not screen.paired:
        page.wait_for_timeout(200)


@dataclass(frozen=True)
class Picture:
    screen: Screen
    size: str
    language: str = "en"
    theme: str = "day"

    @property
    def file(self) -> str:
        language = "" if self.language == "en" else f"-{self.language}"
        return f"{self.screen.name}-{self.size}{language}{'-night' if self.theme == 'night' else ''}.webp"


def pictures() -> list[Picture]:
    """Each picture, those of one browser window together."""
    made = [
        Picture(screen, size, language)
        for language in LANGUAGES
        for size in SIZES
        for screen in sorted(SCREENS, key=lambda each: each.silent_s > 0)
    ]
    return made + [Picture(screen, "tablet", theme="night") for screen in SCREENS if screen.name in NIGHT]


def take(only: list[str]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    wanted = [each for each in pictures() if not only or each.screen.name in only]
    with mock() as at, chromium() as browser:
        for (size, language, theme, silent), group in itertools.groupby(wanted, _window):
            with opened(browser, at, size, theme, clock=silent, locale=language) as page:
                for each in group:
                    page.goto("about:blank")  # nothing is open any more on the next screen
                    page.unroute_all()
                    turn_to(page, at, each.screen, Words(language))
                    taken = Image.open(io.BytesIO(page.screenshot()))
                    small = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
                    small.convert("RGB").save(IMAGES / each.file, lossless=True, method=6)
                    print(each.file, flush=True)
    if not only:
        DOC.write_text(document(), encoding="utf-8")


def _window(of: Picture) -> tuple[str, str, str, bool]:
    return of.size, of.language, of.theme, of.screen.silent_s > 0


def document() -> str:
    """docs/tablet.md: what is written by hand up to its first heading of a screen, and every picture."""
    head = DOC.read_text(encoding="utf-8").partition("\n## ")[0]
    shown = {each.file: each for each in pictures()}
    made = [head]
    for screen in SCREENS:
        of_screen = [each for each in shown.values() if each.screen is screen and each.theme == "day"]
        made.append(f"\n## {screen.caption}\n\n" + "\n".join(_image(each) for each in of_screen) + "\n")
    night = [each for each in shown.values() if each.theme == "night"]
    made.append("\n## Night colours\n\nThe tablet's own setting or the moon in the top bar turns them on.\n\n")
    made.append("\n".join(_image(each) for each in night) + "\n")
    return "".join(made)


def _image(of: Picture) -> str:
    words = [of.screen.caption, LANGUAGES[of.language], of.size, *(["night"] if of.theme == "night" else [])]
    alt = ", ".join(words).replace('"', "'")
    return f'<img src="images/tablet/{of.file}" alt="{alt}" width="{WIDTHS[of.size]}">'


def stale() -> list[str]:
    wanted = {each.file for each in pictures()}
    there = {path.name for path in IMAGES.glob("*.webp")}
    return [
        *(f"docs/images/tablet/{name}: missing" for name in sorted(wanted - there)),
        *(f"docs/images/tablet/{name}: of no screen any more" for name in sorted(there - wanted)),
        *([] if DOC.read_text(encoding="utf-8") == document() else ["docs/tablet.md: does not show them all"]),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.tablet_pictures", description=__doc__)
    parser.add_argument("screen", nargs="*", help="only these")
    parser.add_argument("--check", action="store_true", help="take none; say what is stale")
    options = parser.parse_args()
    if options.check:
        print("\n".join(stale()) or "docs/images/tablet: every screen is there")
        return 1 if stale() else 0
    take(options.screen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
