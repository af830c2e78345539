"""The HTTP side: stop needs nothing, no foreign code runs, and the live stream resumes where it ended."""

import asyncio
import gzip
import json
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pumpd.bedside import app as app_room
from pumpd.bedside.files import Files
from pumpd.bedside.link import AWAY, NoControlError
from pumpd.control.tablets.keys import KeyStore
from pumpd.journal import JournalError
from pumpd.pump import Done, PumpState
from tests.bedside.tablet import Tablet, bedsides


async def events(here, after: int, seconds: float) -> list[tuple[str, int, dict]]:
    """The events of one viewer within this time: name, id and data."""
    found, stream = [], here.feed.events(here.tablet.id, after)
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            text = await asyncio.wait_for(anext(stream), left)
        except TimeoutError:
            break
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
        if "event" in fields:
            found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
    return found


@pytest.mark.requirement("SEC-19", "STP-01")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"pump":"bed1"}',
        b"{",
        b"\xff\x00",
        b"null",
        b'{"pump":7}',
        b'{"pump":"../x"}',
        b'{"now":1}',
        b"x" * 100_000,
    ],
)
async def test_any_body_sent_to_stop_stops(tmp_path, monkeypatch, body):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        async with here.client() as stranger:  # no cookie, no key, nobody signed in
            answer = await stranger.post("/api/stop", content=body)
        assert (answer.status_code, answer.json()["result"]) == (200, {"stopping": ["bed1"]})
        await here.testbed.until("stopped", within_s=5)


@pytest.mark.requirement("SEC-19")
async def test_stop_works_with_all_keys_revoked_the_clock_wrong_and_the_disk_full(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        KeyStore(here.settings.keys_path).revoke(here.tablet.id)
        here.settings.keys_path.write_text("{ not a file of keys")
        here.settings.staff_path.write_text("neither is this")

        def full(*_):
            raise JournalError("disk full")

        monkeypatch.setattr(here.testbed.gateway.journal._journal, "append", full)
        clock = here.testbed.gateway.clock
        monkeypatch.setattr(clock, "now", lambda: datetime(1970, 1, 1, tzinfo=UTC))
        answer = await here.tablet.post("/api/stop")
        assert answer == {"ok": True, "result": {"stopping": ["bed1"]}, "reasons": []}
        await asyncio.sleep(3)
        assert not here.testbed.pump.truth()["running"]
        monkeypatch.undo()


@pytest.mark.requirement("SEC-19")
async def test_stop_needs_only_one_answer_from_control(tmp_path, monkeypatch):
    """No cryptography, no journal, no file. Control gives that answer without waiting."""
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        for name in ("_verified", "answer"):
            monkeypatch.setattr(type(here.testbed.gateway.tablets), name, None)
        monkeypatch.setattr(KeyStore, "all", None)
        monkeypatch.setattr(type(here.feed.history), "events", None)
        assert (await here.tablet.post("/api/stop"))["ok"]
        await here.testbed.until("stopped", within_s=5)
        monkeypatch.undo()


async def test_an_unknown_pump_is_refused_with_the_reason(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        answer = await here.tablet.http.post("/api/stop", json={"pump": "bed9"})
        assert (answer.status_code, answer.json()["ok"]) == (404, False)
        assert "'bed9' is not configured" in answer.json()["reasons"][0]


async def test_without_control_stop_sends_the_nurse_to_the_pump(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:

        async def nobody(_message):
            raise NoControlError(AWAY)

        control = here.feed._control
        monkeypatch.setattr(control, "ask", nobody, raising=False)
        answer = await here.tablet.http.post("/api/stop")
        assert (answer.status_code, answer.json()["reasons"]) == (503, [AWAY])
        page = await here.tablet.http.post("/stop")
        assert "stop it there, clamp the line" in page.text
        monkeypatch.undo()


async def test_the_page_without_script_stops_and_shows_the_answer(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        page = await here.tablet.http.get("/stop")
        assert '<form method="post" action="/stop">' in page.text
        assert "<script" not in page.text
        assert "SIMULATED" in page.text
        assert "not a cleared medical device" in page.text
        for words in ("Stop all pumps", "Alle Pumpen stoppen", "Parar todas las bombas", "Arrêter toutes les pompes"):
            assert words in page.text
        outcome = (await here.tablet.http.post("/stop")).text
        for language, words in {"en": "Stop sent", "de": "Stopp gesendet", "es": "enviada", "fr": "envoyé"}.items():
            assert re.search(f'<p lang="{language}">[^<]*{words}[^<]* bed1.</p>', outcome), language
        await here.testbed.until("stopped", within_s=5)


async def test_a_page_from_another_site_stops_nothing(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        elsewhere = {"sec-fetch-site": "cross-site"}
        assert (await here.tablet.http.post("/api/stop", headers=elsewhere)).status_code == 403
        assert "No pump was stopped" in (await here.tablet.http.post("/stop", headers=elsewhere)).text
        await asyncio.sleep(3)
        assert here.testbed.state() == "running"


@pytest.mark.requirement("SEC-20")
async def test_about_has_the_disclaimer(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        for path in ("/api/about", "/api/openapi.json", "/stop"):
            assert "not a cleared medical device" in (await here.tablet.http.get(path)).text


async def test_every_answer_has_the_headers_that_keep_foreign_code_out(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        for method, path in (
            ("GET", "/"),
            ("GET", "/nothing"),
            ("GET", "/api/nonce"),
            ("PUT", "/api/stop"),
            ("POST", "/api/pair"),
        ):
            answer = await here.tablet.http.request(method, path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert answer.headers["cache-control"] in (("no-store", "no-cache") if path == "/" else ("no-store",))
            assert "server" not in answer.headers


async def test_files_are_served_only_from_the_directory_of_the_page(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        static = tmp_path / "static"
        (static / "assets").mkdir(parents=True)
        (static / "index.html").write_text("<!doctype html><title>page</title>")
        (static / "assets" / "app-1.js").write_text("1")
        (static / ".hidden").write_text("no")
        (tmp_path / "secret").write_text("no")
        (static / "link").symlink_to(tmp_path / "secret")
        served = app_room.Bedside(here.settings, here.feed._control, here.feed, static)
        here.transport.app = served.app()
        assert "page" in (await here.tablet.http.get("/")).text
        script = await here.tablet.http.get("/assets/app-1.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
        for path in (
            "/assets",
            "/assets/",
            "/.hidden",
            "/link",
            "/../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/%00",
        ):
            assert (await here.tablet.http.get(path)).status_code == 404, path
        assert "form" in (await here.tablet.http.get("/stop")).text


GZIPPED = gzip.compress(b"long text", mtime=0)  # else each worker would collect tests of other names


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"small"),
        ("gzip, deflate", "gzip", GZIPPED),
        ("br;q=0, gzip;q=0.5", "gzip", GZIPPED),
        ("br; q=0.000, GZIP", "gzip", GZIPPED),
        ("br;q=0.1", "br", b"small"),
        ("identity", None, b"long text"),
        ("", None, b"long text"),
        ("brotli, xbr", None, b"long text"),
    ],
)
async def test_a_file_is_served_as_small_as_the_browser_takes_it(tmp_path, accepted, encoding, body):
    static = tmp_path / "static"
    static.mkdir()
    (static / "page.js").write_bytes(b"long text")
    (static / "page.js.br").write_bytes(b"small")
    (static / "page.js.gz").write_bytes(GZIPPED)
    (static / "icon.png").write_bytes(b"png")
    files = Files(static)
    answer = files.answer("page.js", accepted)
    assert (bytes(answer.body), answer.headers.get("content-encoding")) == (body, encoding)
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-length"] == str(len(body))
    assert "vary" not in files.answer("icon.png", accepted).headers
    assert "page.js" in files
    assert "page.js.br" not in files


@pytest.mark.parametrize("path", ["/api/live", "/api/library", "/api/bench/bed1"])
async def test_without_the_cookie_of_a_paired_tablet_nothing_is_shown(tmp_path, monkeypatch, path):
    async with bedsides(tmp_path, monkeypatch) as here, here.client() as stranger:
        assert (await stranger.get(path)).status_code == 401
        assert (await stranger.post("/api/alive")).status_code == 401
        stranger.cookies.set("__Host-pumpd", "guess")
        assert (await stranger.get(path)).status_code == 401


async def test_a_cookie_is_kept_from_scripts_other_sites_and_plain_http(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        tablet = Tablet(here.client(), key=here.tablet.key)
        answer = await tablet.http.post("/api/hello", json=await tablet.sealed('{"op":"hello"}'))
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-pumpd=")
        for part in ("httponly", "secure", "samesite=strict", "path=/", "max-age=43200"):
            assert part in cookie
        await tablet.http.aclose()


async def test_the_live_stream_resumes_after_the_last_event_and_beats(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        await asyncio.sleep(60)

        first = await events(here, 0, 5)
        assert {name for name, _, _ in first} == {"history", "state", "beat"}
        assert sum(name == "beat" for name, _, _ in first) in (2, 3)
        entries = [data for name, _, data in first if name == "history" and data["points"]]
        assert entries[0]["whole"]
        assert len(entries[0]["points"]) >= 25
        states = [data for name, _, data in first if name == "state"]
        assert states[0]["person"]["name"] == "Nurse 2001"
        assert states[0]["tablet"]["name"] == "ward tablet"
        assert "tablets" not in states[0]
        last = max(number for _, number, _ in first)
        await asyncio.sleep(20)
        again = [data for _, _, data in await events(here, last, 3) if data.get("points")]
        assert not again[0]["whole"]
        assert again[0]["points"][0][0] > entries[-1]["points"][-1][0]
        stale = [data for _, _, data in await events(here, 10**9, 1) if data.get("points")]
        assert stale[0]["whole"]  # an id of another journal


async def test_while_control_is_away_there_is_no_beat(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:

        def gone():
            raise NoControlError(AWAY)

        monkeypatch.setattr(here.testbed.gateway.live, "state", gone)
        await asyncio.sleep(2)
        found = [name for name, _, _ in await events(here, 0, 6)]
        monkeypatch.undo()
        assert "away" in found
        assert not {"beat", "state"} & set(found)


def test_private_keys_are_not_readable_for_everyone(tmp_path):
    from pumpd.bedside.certificates import make

    made = make(tmp_path / "tls", "ward-7", ["ward-7.local", "192.0.2.7"])
    assert stat.S_IMODE((tmp_path / "tls" / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


@pytest.mark.requirement("STP-04")
async def test_the_gateway_decides_for_each_pump_whether_it_is_stopped_and_a_waiting_pump_is_not(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:

        def stopped():
            return here.testbed.gateway.live.state()["pumps"][0]["stopped"]

        await here.ready()
        await asyncio.sleep(3)  # readings confirm it over two seconds
        assert stopped() is True
        assert (await here.tablet.confirm())["ok"]
        await here.testbed.until("running")
        assert stopped() is False
        assert (await here.tablet.post("/api/stop"))["ok"]
        assert stopped() is False, "only a reading shows that it stopped"
        await here.testbed.until("stopped")
        assert stopped() is True
        runner = here.testbed.gateway.runners["bed1"]
        read = runner.driver.read

        async def waiting():
            return Done(replace((await read()).value, state=PumpState.WAITING))

        monkeypatch.setattr(runner.driver, "read", waiting)
        await asyncio.sleep(5)
        assert stopped() is False, "it may start by itself"
        monkeypatch.setattr(runner._polling, "reading", None)
        assert stopped() is False, "nothing is known about it"


async def test_a_developers_localhost_is_not_closed_to_plain_http_for_a_year(tmp_path, monkeypatch):
    """A browser applies this header to a name, whatever the port."""
    async with bedsides(tmp_path, monkeypatch) as here:
        for host in ("localhost", "localhost:8443"):
            answer = await here.tablet.http.get("/api/about", headers={"host": host})
            assert "strict-transport-security" not in answer.headers
        answer = await here.tablet.http.get("/api/about", headers={"host": "ward-7.local:8443"})
        assert "strict-transport-security" in answer.headers
