"""Which words on a page are no message: every message of its language is marked, and what is not marked is seen.

The browser gets the file of the language with ⟦ and ⟧ around each text. What remains outside of them must be data: in
what the gateway sent, and there no text that came with a message, or a unit.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

from playwright.sync_api import Page, Route

from tools.page_words import CLOSE, NODE, OPEN, PAGE

STATIC = PAGE.parent / "static"
DATE = re.compile(
    r"\b(?:(?:So|Mo|Di|Mi|Do|Fr|Sa)\b ?)?"
    r"(?:\d+\. (?:Jan\.|Feb\.|März|Apr\.|Mai|Juni|Juli|Aug\.|Sept\.|Okt\.|Nov\.|Dez\.) \d{4})?"
)
UNITS = {"ml", "mg", "mg/ml", "mg/kg", "mg/h", "ml/h", "kg", "mmhg", "min", "ng/ml", "pumpd", "spo₂", "bpm", "utc"}
ALIKE = {"abc", "phq-9", "madrs"}  # what is spelled alike in every language
PRINT = "import(process.argv[1]).then((made) => process.stdout.write(JSON.stringify({ ...made })))"
LISTEN = """
window.told = { strings: new Set(), messages: new Set() };
const keep = (value) => {
  if (typeof value === "string") told.strings.add(value);
  else if (typeof value === "object" && value !== null) {
    for (const text of Object.keys(value.said ?? {})) told.messages.add(text);
    Object.values(value).forEach(keep);
  }
  return value;
};
const parse = JSON.parse;
JSON.parse = (...given) => keep(parse(...given));
const json = Response.prototype.json;
Response.prototype.json = function () { return json.call(this).then(keep); };
"""
SHOWN = """() => {
  const texts = [], labels = [document.title.replace(/, pumpd bedside$/, "")];
  const seen = (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: false });
  const walker = document.createTreeWalker(document.getElementById("page"), NodeFilter.SHOW_ALL);
  for (let at = walker.nextNode(); at; at = walker.nextNode()) {
    if (at.nodeType === Node.TEXT_NODE && seen(at.parentElement)) texts.push(at.data);
    if (at.nodeType !== Node.ELEMENT_NODE || !seen(at)) continue;
    for (const name of ["aria-label", "title", "placeholder", "alt", "aria-valuetext", "aria-description"])
      if (at.getAttribute(name)) labels.push(at.getAttribute(name));
  }
  return { texts, labels, strings: [...told.strings], messages: [...told.messages] };
}"""


@cache
def _marked(name: str) -> str:
    """The file of a language with every text in it marked."""
    done = subprocess.run(
        [str(NODE), "-e", PRINT, str(STATIC / "assets" / name)], capture_output=True, text=True, check=True, timeout=60
    )
    made: dict[str, Any] = json.loads(done.stdout)
    mark = lambda text: "|".join(f"{OPEN}{form}{CLOSE}" for form in text.split("|"))
    return f"export const texts = {json.dumps([mark(each) for each in made['texts']])};"


def marking(page: Page, language: str) -> None:
    """Before the page is opened: what it shows in this language will be marked."""

    def fulfil(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        route.fulfill(body=_marked(name), content_type="text/javascript")

    page.add_init_script(LISTEN)
    page.route(f"**/assets/{language}-*.js", fulfil)


def unmarked(page: Page, *typed: str) -> list[str]:
    """What the page shows, says or labels outside of any message. `typed`: what the test itself put there."""
    shown = page.evaluate(SHOWN)
    data = {_plain(each) for each in [*shown["strings"], *typed] if each not in shown["messages"]}
    outside = [*_outside(shown["texts"])]
    for label in shown["labels"]:
        outside += _outside([label])
    return [each for each in outside if not _known(each, data)]


def _outside(nodes: list[str]) -> Iterator[str]:
    """The parts of these texts, in their order, that are within no mark."""
    depth = 0
    for node in nodes:
        for part in re.split(f"([{OPEN}{CLOSE}])", node):
            if part in (OPEN, CLOSE):
                depth += 1 if part == OPEN else -1
            elif depth == 0 and part.strip():
                yield part


def _known(text: str, data: set[str]) -> bool:
    for part in re.split(r"[·:()“”„]|, |\. ", DATE.sub("", text)):
        plain = _plain(part)
        if len(re.findall(r"[^\W\d_]", plain)) < 2 or plain in UNITS | ALIKE:
            continue
        if not any(plain in each for each in data):
            return False
    return True


def _plain(text: str) -> str:
    """Without what is around data: a number before it, the end of a sentence."""
    return re.sub(r"^[\W\d_]+|[\W_]+$", "", re.sub(r"(?<=\d),(?=\d)", ".", text.casefold()))
