"""`make docs`: the site is made of docs/ as it is, leads nowhere wrong, and loads nothing from elsewhere."""

import pytest

from tools.docs_site import ROOT, build, navigation, prepared, problems

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    built = tmp_path_factory.mktemp("site") / "site"
    build(DOCS, built)
    return built


@pytest.mark.realtime  # it starts a process, which takes some seconds
def test_the_site_holds_every_page_and_nothing_in_it_is_broken_or_from_elsewhere(site):
    assert problems(site) == []
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    built = {path.relative_to(site) for path in site.rglob("*.html")}
    missing = {page for page in pages - built if page.name != "README.html"}  # a folder's README is its index
    assert missing == set()


def test_the_navigation_has_the_sections_and_pages_of_the_index_in_its_order():
    index = "# Docs\n## One\n- [A `b`](a.md), [c](c/d.md)\n- [out](https://example.org/e.md)\n## Two\n- [f](f.md)\n"
    one = {"One": [{"A b": "a.md"}, {"c": "c/d.md"}]}
    assert navigation(index) == [{"Documentation": "README.md"}, one, {"Two": [{"f": "f.md"}]}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [a test](../tests/x.py)", "see a test"),
        ("see [a page](other.md#there) and [the web](https://example.org)", None),
        ("```\n[x](../tests/x.py)\n```", None),
        ("- a\n  more", "- a\n    more"),
        ("1. a\n\n   ```sh\n   b\n   ```\n2. c", "1. a\n\n    ```sh\n    b\n    ```\n2. c"),
        ("- a\n  - b\n- c\n\nd", "- a\n    - b\n- c\n\nd"),
    ],
)
def test_a_page_is_changed_only_where_the_site_needs_it(tmp_path, text, expected):
    docs = tmp_path / "docs"
    docs.mkdir()
    assert prepared(text, docs / "page.md", docs) == (text if expected is None else expected) + "\n"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="there.html#here">', []),
        ('<a href="https://example.org">', []),
        ('<a href="gone.html">', ["page.html: gone.html: no such page"]),
        ('<a href="there.html#gone">', ["page.html: there.html#gone: no such heading"]),
        ('<script src="https://example.org/x.js"></script>', ["page.html: loads https://example.org/x.js"]),
        ('<link rel="stylesheet" href="//example.org/x.css">', ["page.html: loads //example.org/x.css"]),
        ('<img src="gone.png">', ["page.html: gone.png: no such file"]),
    ],
)
def test_what_is_wrong_with_a_site_is_found(tmp_path, html, found):
    (tmp_path / "there.html").write_text('<p id="here">', encoding="utf-8")
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert problems(tmp_path) == found


def test_a_style_sheet_that_loads_from_elsewhere_is_found(tmp_path):
    (tmp_path / "a.css").write_text("@font-face{src:url(https://example.org/f.woff2)}", encoding="utf-8")
    assert problems(tmp_path) == ["a.css: loads from elsewhere"]
