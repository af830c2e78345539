"""The documentation holds together: links resolve, the index lists each page once, the overview names what exists."""

import functools
import re
from collections import Counter
from pathlib import Path

import pytest

from tools import configuration_page

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SKIPPED = {"node_modules", ".venv", ".uv", "static"}
SOURCES = ("pumpd", "drivers", "simulators", "examples", "tests", "tools", "benchmarks")

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_NAME = re.compile(r"`([A-Za-z_][\w.]*)\(\)`")
_CLASS = re.compile(r"`([A-Z][a-z]+[A-Z]?\w*)`")
_DEFINED = re.compile(r"^( *)(?:async def|def|class) (\w+)", re.MULTILINE)
_PATH = re.compile(r"`((?:\w[\w-]*/)+(?:[\w.-]+\.\w+)?)`")


def pages() -> list[Path]:
    tops = [top for top in ROOT.iterdir() if top.name not in SKIPPED]  # .venv alone has more files than all others
    found = [*ROOT.glob("*.md"), *(path for top in tops for path in top.rglob("*.md"))]
    return sorted(path for path in found if not SKIPPED & {*path.relative_to(ROOT).parts})


def links(text: str) -> list[str]:
    return _LINK.findall(_CODE.sub("", text))


def anchors(text: str) -> set[str]:
    """The anchors of headings, as the usual hosting pages make them."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub(lambda found: found[0].replace("\n#", "\n "), text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    found = []
    for link in links(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists():
            found.append(f"{link}: no such file")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8")):
            found.append(f"{link}: no such heading")
    return found


def test_every_relative_link_leads_to_a_file_and_a_heading():
    found = {page.relative_to(ROOT).as_posix(): broken(page) for page in pages()}
    assert {page: links for page, links in found.items() if links} == {}


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "there.md").write_text("# One two\n```sh\n# three\n```\n")
    page.write_text("[a](there.md#one-two) [b](there.md#three) [c](gone.md) [d](https://example.org/x) `[e](code.md)`")
    assert broken(page) == ["there.md#three: no such heading", "gone.md: no such file"]


def test_the_index_lists_every_page_exactly_once():
    index = DOCS / "README.md"
    listed = Counter(
        (DOCS / link).resolve() for link in links(index.read_text(encoding="utf-8")) if not link.startswith("http")
    )
    assert set(listed) == {path for path in DOCS.rglob("*.md") if path != index}
    assert [path.name for path, times in listed.items() if times > 1] == []


@functools.cache
def defined() -> dict[str, set[str]]:
    """Every function, method and class of the sources, and the names below each. By their lines: to parse 1,500 files
    takes seconds.
    """
    found: dict[str, set[str]] = {}
    for path in (path for source in SOURCES for path in (ROOT / source).rglob("*.py") if not SKIPPED & {*path.parts}):
        above: list[tuple[int, str]] = []
        for indented, name in _DEFINED.findall(path.read_text(encoding="utf-8")):
            while above and above[-1][0] >= len(indented):
                above.pop()
            found.setdefault(name, set())
            if above:
                found[above[-1][1]].add(name)
            above.append((len(indented), name))
    return found


def unknown_names(text: str) -> list[str]:
    """Names written as `function()`, `Class.method()` or `Class` that no source defines."""
    names = defined()
    return [
        name
        for name in [*_NAME.findall(text), *_CLASS.findall(text)]
        if name.split(".")[-1] not in names
        or ("." in name and name.split(".")[-1] not in names.get(name.split(".")[-2], set()))
    ]


def unknown_paths(text: str) -> list[str]:
    return [path for path in _PATH.findall(text) if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", ["docs/overview.md", "CONTRIBUTING.md", "tests/README.md"])
def test_every_path_and_function_that_a_guide_to_the_code_names_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert unknown_names(text) == []
    assert [path for path in unknown_paths(text) if not (ROOT / "tests" / path).exists()] == []


def test_a_name_that_no_longer_exists_is_found():
    text = "`advance()` `Testbed.truth()` `Testbed` `advanced_()` `Testbed.gone()` `Testbet`"
    assert unknown_names(text) == ["advanced_", "Testbed.gone", "Testbet"]
    assert unknown_paths("`pumpd/infusion/advance.py` `pumpd/gone/` `a/b`") == ["pumpd/gone/"]


def test_the_configuration_page_is_up_to_date_and_gives_every_key_a_meaning():
    assert configuration_page.PAGE.read_text(encoding="utf-8") == configuration_page.page()
