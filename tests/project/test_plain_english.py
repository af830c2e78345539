"""The words and phrases that this project has replaced by plain English do not come back.

Comments, messages and documents are checked together with names: `\\b` also matches at the ends of an identifier.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHECKED = ("pumpd", "drivers", "simulators", "examples", "config", "systemd", "docs", "README.md")
TEXT = {".py", ".md", ".ts", ".tsx", ".mjs", ".css", ".toml", ".service", ".conf", ".html"}
# Quotes of requirements, and pages that a tool prints from them or from names in the tests.
LEFT_OUT = ("docs/safety/", "docs/requirements.md", "docs/safety-case.md", "docs/explanations/exploration.md")

# Each pattern with what to write, and the few places where it is right.
PHRASES = {
    # archaic or translated
    r"\banew\b": ("again, from the start", ()),
    r"\bwhoever\b": ("the person who, the caller", ()),
    r"\b(some|any|every)body\b": ("a person, anyone, everyone", ()),
    r"\bnobodys?_": ("no_one, or the missing thing", ("pumpd/cli/driver.py",)),  # the option --nobody-connected
    r"\bas ever\b": ("still", ()),
    r"\bfor ever\b": ("forever, without end", ()),
    r"\btruly\b": ("really", ()),
    r"\b(is|are) (not )?to be had\b": ("cannot be reached, is not available", ()),
    r"\bof ours\b": ("of pumpd", ()),
    r"\bof before\b": ("earlier, previous", ()),
    r"\bthe one before\b": ("the previous one", ()),
    r"\bwithout a word\b": ("silently", ()),
    r"\bif need be\b": ("if necessary", ()),
    r"\b(goes|go|going) on\b": ("continues", ()),
    r"\bcame of it\b": ("the result", ()),
    r"\bstands? in for\b": ("replaces", ()),
    r"\ba look\b|\blooks? (at|alike)\b": ("a check, a poll; check, examine", ()),
    r"\b(has|have) it mended\b|\bmended\b": ("repaired", ()),
    r"\btells? no\b|\btold of\b|\bas told\b": ("does not report; is informed; as commanded", ()),
    r"\b(speak|speaks) to\b": ("communicate with", ()),
    # the vocabulary (docs/overview.md)
    r"\brows?_lost\b|\bjournal rows?\b|\brows\b": (
        "journal entries",
        (
            "docs/reference/journal.md",  # the names of version 0.1
            "pumpd/journal/export.py",
            "pumpd/journal/records.py",
            "pumpd/bedside/page/icons.mjs",  # of an image
        ),
    ),
    r"\bdesks?\b": ("service", ("docs/tutorial.md",)),  # a gateway on a desk
    r"\bjudge[sd]?\b": ("evaluate", ()),
    r"\baftercare\b": ("observation", ()),
    r"\bunordered\b": ("unprescribed", ()),
    r"\bstands\b|\bstood\b": (
        "stopped, no flow",
        (
            "pumpd/infusion/record.py",  # the names of version 0.1
            "pumpd/journal/records.py",
            "pumpd/wire/guard.py",  # a deadman stands down
        ),
    ),
    r"\btak(e|es|en|ing) up\b|\btook up\b": ("recover", ("docs/reference/pumpsim.md",)),  # play of a drive
    r"\bmeets?_|_met\b|\bmet again\b": ("identified", ()),
    r"\b(own|pump's) expiry\b": ("loss-of-control behaviour", ()),
    r"\b(in|of|has) \w+ figures\b": ("digits", ()),
}


def _files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "--", *CHECKED], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]  # not the files deleted just now
    return [name for name in names if Path(name).suffix in TEXT and not name.startswith(LEFT_OUT)]


@pytest.fixture(scope="module")
def texts() -> dict[str, list[str]]:
    return {name: (ROOT / name).read_text(encoding="utf-8").splitlines() for name in _files()}


@pytest.mark.parametrize("pattern", PHRASES)
def test_a_phrase_that_was_replaced_does_not_come_back(pattern, texts):
    instead, allowed = PHRASES[pattern]
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, lines in texts.items()
        if name not in allowed
        for number, line in enumerate(lines, 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert not found, f"write instead: {instead}\n" + "\n".join(found)


@pytest.mark.parametrize("pattern", PHRASES)
def test_no_place_is_allowed_without_need(pattern, texts):
    for name in PHRASES[pattern][1]:
        assert any(re.search(pattern, line, re.IGNORECASE) for line in texts[name]), f"{name} no longer needs {pattern}"
