"""The built page: small, complete, nothing inline or foreign. Its canonical JSON is the gateway's."""

import gzip
import json
import random
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from pumpd.journal.records import canonical
from tests.bedside.page_modules import NODE, PAGE
from tests.patience import PATIENCE_S
from tools.hatch_build import PageBuildHook

ROOT = Path(__file__).parent.parent.parent
STATIC = ROOT / "pumpd/bedside/static"
SOURCES = [path for path in (PAGE / "src").rglob("*") if path.suffix in (".ts", ".tsx", ".css", ".js", ".html")]


@pytest.fixture(scope="module")
def html() -> str:
    index = STATIC / "index.html"
    assert index.is_file(), "the page is not built: run `make page`"
    return index.read_text()


def test_the_page_is_at_most_80_kb_as_a_browser_gets_it(html):
    """Compressed, in any of its four languages. All that the page ever loads is in it."""
    languages = {each: sized(f"assets/{each}-????????.js") for each in ("de", "es", "fr")}
    assert min(languages.values()) > 1000, "a language has no file"
    assert (
        sized("index.html") + sized("assets/page-*.js") + sized("assets/page-*.css") + max(languages.values()) <= 80_000
    )
    assert sized("index.html") + sized("assets/*.js") + sized("assets/*.css") <= 93_000


def sized(files: str) -> int:
    """Bytes of these files as a browser gets them."""
    return sum(len(path.with_name(f"{path.name}.br").read_bytes()) for path in STATIC.glob(files))


def test_every_text_of_the_page_is_there_compressed_and_the_same(html):
    texts = [
        path for path in STATIC.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg", ".txt", ".webmanifest")
    ]
    assert len(texts) > 6
    for path in texts:
        assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == path.read_bytes(), path.name
        given = f"process.stdout.write(require('zlib').brotliDecompressSync(require('fs').readFileSync('{path}.br')))"
        assert in_node("-e", given).stdout == path.read_text(), path.name


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(html):
    """The page works under the policy `default-src 'self'`."""
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=|javascript:", html) == []
    links = re.findall(r'\b(?:src|href)="([^"]*)"', html)
    assert links
    assert all(re.match(r"/[a-z]", link) for link in links), links


def test_every_file_that_the_page_names_is_there(html):
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    named = re.findall(r'\b(?:src|href)="/([^"]+)"', html) + [icon["src"].lstrip("/") for icon in manifest["icons"]]
    assert [name for name in named if not (STATIC / name).is_file()] == ["stop"]  # that page is bedside's own
    kept = json.loads(
        re.findall(r"FILES = (\[.*?\])", (STATIC / "sw.js").read_text(), re.DOTALL)[0].replace("PAGE", '"/"')
    )
    there = {f"/assets/{path.name}" for path in STATIC.glob("assets/*") if path.suffix in (".js", ".css")}
    assert {path for path in kept if path.startswith("/assets/")} == there, (
        "the service worker keeps every part of the page"
    )
    assert (STATIC / "icon-512.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.requirement("STP-12", "STP-01")
def test_the_page_s_html_itself_links_to_stop_in_four_languages(html):
    """It needs no script, and comes after the element that the script fills."""
    assert html.index('id="page"') < html.index('href="/stop"')
    link = re.search(r'<a href="/stop">(.*?)</a>', html, re.DOTALL)
    assert link
    assert re.findall(r'lang="(\w+)">[^<]+<', link[1]) == ["en", "de", "es", "fr"]


def test_pulling_down_does_not_reload_the_page():
    """Browsers take it from one or the other of the two elements."""
    style = next(STATIC.glob("assets/*.css")).read_text()
    assert re.search(r"html,body\{overscroll-behavior:none\}", style)


def test_the_manifest_makes_the_page_installable_and_has_the_disclaimer():
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    assert manifest["display"] == "standalone"
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    assert "not a cleared medical device" in manifest["description"].lower()


def test_the_lock_file_names_only_the_public_registry_and_has_a_hash_for_every_package():
    lock = json.loads((PAGE / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert package.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/"), name
        assert package["integrity"].startswith("sha512-"), name


LICENCES = {"d3-array": "ISC", "preact": "MIT"}
NOTHING_OF = {"internmap"}  # d3-array names it; the part that is used does not


def test_the_licence_of_every_package_in_the_bundle_ships_with_the_page():
    lock = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    bundled = {name.removeprefix("node_modules/") for name, each in lock.items() if name and not each.get("dev")}
    assert bundled - NOTHING_OF == set(LICENCES)
    notices = (STATIC / "THIRD-PARTY-NOTICES.txt").read_text()
    for name, licence_name in LICENCES.items():
        folder = PAGE / "node_modules" / name
        (licence,) = (path for path in folder.iterdir() if re.match(r"licen[cs]e(\.|$)", path.name, re.IGNORECASE))
        assert licence.read_text().strip() in notices, name
        assert f"{name} {json.loads((folder / 'package.json').read_text())['version']} ({licence_name})" in notices
    assert "/THIRD-PARTY-NOTICES.txt" in next(STATIC.glob("assets/page-*.js")).read_text()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "pumpd/bedside/static/**" in wheel["artifacts"]


def test_an_import_cycle_in_the_page_fails_the_check():
    rules = json.loads((PAGE / ".oxlintrc.json").read_text())
    assert "import" in rules["plugins"]
    assert rules["rules"]["import/no-cycle"] == ["error", {"ignoreTypes": False}]
    assert "oxlint --deny-warnings src" in json.loads((PAGE / "package.json").read_text())["scripts"]["check"]


@pytest.mark.requirement("SEC-20")
def test_every_screen_has_the_disclaimer():
    """The strip of Frame.tsx, on every screen, and the page without script."""
    script = next(STATIC.glob("assets/page-*.js")).read_text()
    assert "Not a cleared medical device" in script
    assert "Not a cleared medical device" in (STATIC / "index.html").read_text()
    assert "<Strip " in (PAGE / "src/parts/Frame.tsx").read_text()


@pytest.mark.parametrize("built", [False, True])
def test_a_distribution_without_the_page_is_not_built(tmp_path, built):
    hook = PageBuildHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel")
    if built:
        index = tmp_path / "pumpd/bedside/static/index.html"
        index.parent.mkdir(parents=True)
        index.touch()
        hook.initialize("standard", {})
        return
    with pytest.raises(RuntimeError, match="make page"):
        hook.initialize("standard", {})
    hook.initialize("editable", {})


def test_text_from_a_pump_is_never_markup():
    """Preact writes text as text. Only these would get around it."""
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function")
    found = [f"{path.name}: {way}" for path in SOURCES for way in ways.findall(path.read_text())]
    assert found == []


@pytest.mark.requirement("STP-12")
def test_storage_is_used_only_in_the_one_guarded_way():
    """A browser that blocks it throws as soon as it is named, and would take the page and Stop with it."""
    ways = re.compile(r"\b(?:localStorage|sessionStorage)\b")
    sources = [path for path in SOURCES if path.suffix in (".ts", ".tsx") and not path.name.endswith(".test.ts")]
    assert {path.name for path in sources if ways.search(path.read_text())} == {"storage.ts"}


def test_no_source_file_is_long():
    """A table of messages has one to five lines for each, and nothing else."""
    most = {path: 800 if path.parent.name in ("texts", "reasons") else 400 for path in SOURCES}
    assert [path.name for path in SOURCES if len(path.read_text().splitlines()) > most[path]] == []


CHARACTERS = 'aZ9 "\\/\x00\x08\t\n\x0c\r\x1f\x7f\x80éß\u2028\u2029\ufeff\uffff\U00010000😀'


def some_value(rng: random.Random, depth: int = 0):
    """JSON as in a review: whole numbers, any text, lists and objects."""
    text = lambda: "".join(rng.choices(CHARACTERS, k=rng.randrange(6)))
    kinds = [lambda: None, lambda: rng.random() < 0.5, lambda: rng.randrange(-(2**53) + 1, 2**53), text]
    if depth < 3:
        kinds.append(lambda: [some_value(rng, depth + 1) for _ in range(rng.randrange(4))])
        kinds.append(lambda: {text(): some_value(rng, depth + 1) for _ in range(rng.randrange(6))})
    return rng.choice(kinds)()


def in_node(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NODE), *arguments],
        cwd=PAGE,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )


@pytest.mark.realtime
@pytest.mark.requirement("ALM-03")
def test_the_page_s_own_tests_pass():
    """The tests beside its sources: numbers, sentences, alarm patterns, freshness, Stop, canonical JSON."""
    done = in_node("--test", "--test-reporter=tap", "src/**/*.test.ts")
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[0]) > 50
    assert "ok 1 - high: number and length of the pulses, and the interval" in " ".join(done.stdout.split())


@pytest.mark.realtime
def test_canonical_json_is_the_same_in_the_page_and_at_the_gateway():
    """What a tablet signs is character for character what control verifies."""
    rng = random.Random(20261126)
    values = [some_value(rng) for _ in range(2000)]
    done = in_node("dev/canonical.ts", given="".join(json.dumps(value) + "\n" for value in values))
    assert [json.loads(line) for line in done.stdout.split("\n")[:-1]] == [canonical(value) for value in values]
