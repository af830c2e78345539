"""A nurse's hand: it counts what it does on a tablet (docs/decisions/0040-few-touches-and-what-is-filled-in.md).

One touch is one tap, one key of a keyboard on the screen (the page's own or the tablet's), one hold, or one pull of a
scanner's trigger.
"""

import contextlib

from playwright.sync_api import Locator, Page, expect

HELD_MS = 3000  # at most; 1.5 s are enough
TRIES = 5  # a hold does not count while the machine is too busy to see that the finger stays
TYPING_MS = 120  # between two keys of a person
# All keys of a scanner, 2 ms apart however busy the machine is: each is pressed where the focus is, and typed there.
AT_ONCE = """
code => {
  const begun = performance.now();
  [...code].forEach((key, n) => {
    const pressed = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    Object.defineProperty(pressed, "timeStamp", { value: begun + 2 * n });
    document.activeElement.dispatchEvent(pressed);
    document.execCommand("insertText", false, key);
  });
}
"""


class Hand:
    def __init__(self, page: Page) -> None:
        self.page, self.touches = page, 0

    def tap(self, what: Locator) -> None:
        what.click()
        self.touches += 1

    def keys(self, group: str, text: str) -> None:
        """On the keys that the page shows."""
        pad = self.page.get_by_role("group", name=group, exact=True)
        for each in text:
            self.tap(pad.get_by_role("button", name=each, exact=True))

    def types(self, field: Locator, text: str) -> None:
        """On the tablet's own keyboard, which a tap on the field opens."""
        self.tap(field)
        self.page.keyboard.type(text, delay=TYPING_MS)
        self.touches += len(text)

    def types_on(self, field: Locator, text: str) -> None:
        """The same into a field that has the focus already, with the keyboard open."""
        expect(field).to_be_focused()
        self.page.keyboard.type(text, delay=TYPING_MS)
        self.touches += len(text)

    def scan(self, code: str, end: str = "Enter") -> None:
        """Like a keyboard that types fast, wherever the focus is."""
        self.page.evaluate(AT_ONCE, code)
        self.page.keyboard.press(end)
        self.touches += 1

    def hold(self, button: Locator, until: Locator) -> None:
        """One hold, `until` this is on the screen."""
        self.touches += 1
        for _ in range(TRIES):
            expect(button).to_be_enabled()
            box = button.bounding_box()
            assert box is not None
            self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            self.page.mouse.down()
            with contextlib.suppress(AssertionError):
                expect(until).to_be_visible(timeout=HELD_MS)
            self.page.mouse.up()
            if until.count():
                return
        raise AssertionError("the hold had no effect")
