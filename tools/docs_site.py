"""The documentation as a site: `python -m tools.docs_site` writes it to `site/`, from `docs/` as it is.

Zensical builds it, without a network. The navigation is the index of docs/README.md. What leads out of `docs/`, such as
a link to a test, is shown as text, because the site holds the documentation only. After the build everything in it is
checked: a link that leads nowhere, or a font or script from elsewhere, fails.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SECTION = re.compile(r"^## (.+)$")
_ITEM = re.compile(r"^( *)([-*]|\d+\.) ")

_CONFIG = """\
[project]
site_name = "pumpd"
site_description = "Infusion-pump control and monitoring. Not a cleared medical device."
site_dir = "built"
use_directory_urls = false
nav = {nav}

[project.theme]
language = "en"
font = false
features = ["navigation.sections", "navigation.path", "navigation.footer", "navigation.top", "content.code.copy"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Dark"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Light"

[project.markdown_extensions]
attr_list = {{}}
tables = {{}}
toc.permalink = true
toc.slugify.object = "pymdownx.slugs.slugify"
toc.slugify.kwds = {{ case = "lower" }}
pymdownx.highlight = {{}}
pymdownx.superfences = {{}}
"""


# -- before the build --------------------------------------------------------------------------------------------------


def navigation(index: str) -> list[dict[str, object]]:
    """The sections of docs/README.md with the pages that they list, in its order."""
    found: list[dict[str, object]] = [{"Documentation": "README.md"}]
    pages: list[dict[str, str]] = []
    for line in index.splitlines():
        if section := _SECTION.match(line):
            pages = []
            found.append({section[1]: pages})
        for title, target in _LINK.findall(line):
            if target.endswith(".md") and "://" not in target:
                pages.append({title.replace("`", ""): target})
    return found


def prepared(text: str, page: Path, docs: Path) -> str:
    """The text of a page as Zensical needs it: nothing leads out of `docs`, and lists are indented by four."""
    return "\n".join(_lines(text, page, docs)) + "\n"


def _lines(text: str, page: Path, docs: Path) -> Iterator[str]:
    fenced, deep = False, 0

    def kept(link: re.Match[str]) -> str:
        target = link[2].partition("#")[0]
        outside = target and "://" not in target and not (page.parent / target).resolve().is_relative_to(docs)
        return link[1] if outside else link[0]

    for line in text.splitlines():
        width = len(line) - len(line.lstrip(" "))
        fence = bool(_FENCE.match(line))
        if not fenced and not fence and (item := _ITEM.match(line)):
            deep = len(item[0]) - len(item[1])  # what belongs to this item is indented so far
            yield " " * (4 * (len(item[1]) // 2)) + _LINK.sub(kept, line.lstrip(" "))
            continue
        if not line.strip():
            yield line
        elif deep and width >= deep:
            yield " " * (4 - deep) + (line if fenced or fence else _LINK.sub(kept, line))
        else:
            deep = deep if fenced else 0
            yield line if fenced or fence else _LINK.sub(kept, line)
        fenced ^= fence


# -- after it ----------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """What a page has and needs: its anchors, where its links lead, and what a browser loads for it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        loaded = given.get("src") or (given.get("href") if tag == "link" and given.get("rel") != "canonical" else "")
        if loaded:
            self.loads.append(loaded)


def problems(site: Path) -> list[str]:
    """Links that lead nowhere, and what would be loaded from elsewhere."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.loads:
            if urlsplit(link).scheme in {"http", "https"} or link.startswith("//"):
                found.append(f"{name}: loads {link}")
            elif not link.startswith("data:") and not (path.parent / unquote(urlsplit(link).path)).exists():
                found.append(f"{name}: {link}: no such file")
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{name}: {link}: no such page")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name}: {link}: no such heading")
    elsewhere = re.compile(r"url\(\s*['\"]?(https?:)?//|@import")
    sheets = (each for each in sorted(site.rglob("*.css")) if elsewhere.search(each.read_text(encoding="utf-8")))
    return found + [f"{sheet.relative_to(site)}: loads from elsewhere" for sheet in sheets]


def build(docs: Path, site: Path) -> None:
    """Raises CalledProcessError when Zensical fails."""
    with tempfile.TemporaryDirectory() as given:
        work = Path(given).resolve()
        shutil.copytree(docs, work / "docs")
        for page in (work / "docs").rglob("*.md"):
            page.write_text(prepared(page.read_text(encoding="utf-8"), page, work / "docs"), encoding="utf-8")
        nav = navigation((work / "docs" / "README.md").read_text(encoding="utf-8"))
        (work / "zensical.toml").write_text(_CONFIG.format(nav=_toml(nav)), encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--config-file", str(work / "zensical.toml")]
        subprocess.run(command, cwd=work, check=True)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(work / "built", site)
    (site / "404.html").unlink(missing_ok=True)  # a page for a server, which this site does not need


def _toml(value: object) -> str:
    """Lists of tables on one line each, as TOML writes them."""
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


def main() -> int:
    build(ROOT / "docs", SITE)
    found = problems(SITE)
    print("\n".join(found) or f"{SITE}/index.html")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
