"""The ward's page in a real Chromium: what it shows, WCAG 2.2 AA, the keyboard, and that it only reads."""

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from pumpd_ward.board import accounts
from pumpd_ward.local.child import free_port, listens
from pumpd_ward.local.postgres import Postgres
from pumpd_ward.roles import Role
from pumpd_ward.store.migrate import migrate
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.rights import BOARD
from pumpd_ward.store.writing import Arrived, write
from tests.browser.chromium import chromium

from . import made

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ward" / "page" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "correct horse battery"
RUN = """
async () => {
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const found = await axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
  return found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.target.join(" ")).join("; ")}`);
}
"""


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await migrate(connection)
    await accounts.add(connection, "charge", PASSWORD, Role.ENGINEER)
    now = datetime.now(UTC)

    async def arrive(gateway: str, entries: list[dict], age_s: float = 0) -> None:
        dated = [
            {**each, "ts": (now - timedelta(seconds=age_s + 3 * (len(entries) - place))).isoformat()}
            for place, each in enumerate(entries)
        ]
        batch = made.batch(0, dated, gateway)
        await write(connection, [Arrived(batch, now - timedelta(seconds=age_s))], Partitions())

    running = [made.changed(1, "running"), *(made.reading(seq, simulated=True) for seq in range(2, 40))]
    await arrive("bed-1", running)
    await arrive("bed-2", [*running, made.alarm(40, "raised")])
    low = {**made.alarm(40, "raised", "battery"), "priority": "low", "cause": "The battery is low"}
    medium = {**made.alarm(41, "raised", "near_end"), "priority": "medium", "cause": "The infusion ends soon"}
    await arrive("bed-3", [*running, low, medium, made.alarm(42, "acknowledged", "battery")])
    await arrive("bed-4", running, age_s=3600)
    await arrive("bed-5", [{**made.alarm(1, "raised", "no_tablet"), "pump": ""}])
    await arrive("bed-6", running)
    for message in (
        made.status("m1", "bed-1", now, **HEALTHY, certificates={"fleet": (now + timedelta(days=400)).isoformat()}),
        made.status("m2", "bed-2", now - timedelta(seconds=90), **{**HEALTHY, "clock_synchronized": False}),
        made.status(
            "m3", "bed-3", now, **HEALTHY | BAD, certificates={"fleet": (now + timedelta(days=9.5)).isoformat()}
        ),
        *(made.status(each, "bed-6", now, **HEALTHY) for each in ("m6", "m7")),
    ):
        await write(connection, [Arrived(message, now - timedelta(seconds=5))], Partitions())
    await write(connection, [Arrived(made.status("m6", "bed-6", now, **HEALTHY), now)], Partitions())
    await connection.execute("INSERT INTO gap (gateway, journal, first, last) VALUES ('bed-1', 1, 3, 7)")
    await connection.close()


PUMPS = [{"name": "pump-a", "driver": "new-era", "model": "ne-1000", "simulated": True}]
HEALTHY = {"version": "0.2.0", "clock_synchronized": True, "disk_free_mb": 21_400, "disk_mb": 30_000, "supply": "mains"}
HEALTHY |= {"supply_left_s": None, "under_voltage": False, "pumps": PUMPS}
BAD = {"version": "0.1.0", "disk_free_mb": 900, "supply": "battery", "supply_left_s": 1200, "under_voltage": True}


@contextlib.contextmanager
def serving(server: Postgres, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A board in a process of its own, on a store with some beds."""
    asyncio.run(_fill(server.dsn))
    config, port = folder / "ward.toml", free_port()
    store, board = f'[store]\ndsn = "{server.dsn_of(BOARD)}"\n', f"[board]\nport = {port}\nsilent_s = 600\n"
    config.write_text(f'name = "Ward 7"\n{store}{board}')
    with (folder / "board.log").open("wb") as log:
        command = [sys.executable, "-m", "pumpd_ward", "--config", str(config), "board"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert process.poll() is None, (folder / "board.log").read_text()
            assert time.monotonic() < deadline, (folder / "board.log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture(scope="module")
def address(server, tmp_path_factory) -> Iterator[str]:
    with serving(server, tmp_path_factory.mktemp("board")) as (address, _):
        yield address


@contextlib.contextmanager
def opened(address: str, width: int = 1280, height: int = 800, path: str = "") -> Iterator:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(address)
        page.get_by_label("Name").fill("charge")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.locator(".bed").first.wait_for()
        yield page
        context.close()


def test_the_beds_are_there_the_silent_one_first_and_each_alarm_has_a_word_and_a_mark(address):
    with opened(address) as page:
        cards = page.locator(".bed").all_inner_texts()
        assert [re.search(r"bed-\d", each)[0] for each in cards] == [
            "bed-4",
            "bed-6",
            "bed-2",
            "bed-3",
            "bed-1",
            "bed-5",
        ]
        assert "Silent" in cards[0]
        assert "last: Running" in cards[0]
        assert "3 running" in page.get_by_label("Summary").inner_text().replace("\n", " ")  # of two it is not known
        assert "Two machines send under this name" in cards[1]
        assert "!!!" in cards[2]
        assert "high priority" in page.locator(".bed").nth(2).text_content()
        assert "acknowledged" in cards[3]
        assert "SIMULATED" in cards[4]
        assert page.locator(".silent .values.old").count() == 2  # of these, no value counts
        assert "not a cleared medical device" in page.locator("footer").inner_text()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_axe_finds_nothing_on_any_screen_and_nothing_is_wider_than_it(address, width, height):
    wrong = {}
    with opened(address, width, height) as page:
        for path in ("#/", "#/bed/bed-2/pump-a", "#/alarms", "#/fleet", "#/search"):
            page.goto(f"{address}/{path}")
            page.locator("h1").first.wait_for(state="attached")
            page.wait_for_timeout(500)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong[path] = ["wider than the screen"]
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                if not page.evaluate("() => 'axe' in window"):
                    page.evaluate(AXE.read_text(encoding="utf-8"))
                if found := page.evaluate(RUN):
                    wrong[f"{path} {scheme}"] = found
    assert wrong == {}


def test_every_screen_can_be_reached_by_the_keyboard(address):
    with opened(address) as page:
        reached = set()
        page.locator("body").focus()
        for _ in range(14):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.textContent")
            )
        assert {
            "#/",
            "#/alarms",
            "#/fleet",
            "#/search",
            "#/bed/bed-4/pump-a",
            "#/bed/bed-1/pump-a",
            "Sign out",
        } <= reached


def test_a_bed_has_its_trend_and_no_control(address):
    with opened(address) as page:
        page.get_by_role("link", name=re.compile("bed-2")).click()
        page.locator(".curves canvas").first.wait_for()
        assert page.get_by_text("The line is blocked").is_visible()
        for path in ("#/", "#/bed/bed-2/pump-a", "#/alarms", "#/fleet", "#/search"):
            page.goto(f"{address}/{path}")
            page.wait_for_timeout(300)
            assert page.get_by_role("button").all_inner_texts() == ["Sign out"], path


def test_the_health_of_each_gateway_is_true_and_what_needs_a_person_is_marked(address):
    with opened(address) as page:
        page.get_by_role("link", name="Gateways", exact=True).click()
        page.get_by_role("row", name=re.compile("bed-1")).wait_for()
        rows = {
            row.locator("th").inner_text().split(",")[0].removeprefix("! "): row.locator("td").all_inner_texts()
            for row in page.locator("tbody tr").all()
        }
        names = page.locator("thead th").all_inner_texts()[1:]
        health = {name: dict(zip(names, cells, strict=True)) for name, cells in rows.items()}
        good = health["bed-1"]
        assert (good["Version"], good["Clock"], good["Disk"], good["Supply"]) == (
            *("0.2.0", "right"),
            *("21.4 GB free", "mains"),
        )
        assert good["Certificates"] == "fleet: 399 days"
        assert good["Missing"] == "! 5"
        assert good["Pumps"] == "pump-a (ne-1000, simulated)"
        assert health["bed-2"]["Clock"] == "! 1 min 25 s behind, not synchronised"
        bad = health["bed-3"]
        assert (bad["Disk"], bad["Certificates"]) == ("! 0.9 GB free", "! fleet: 9 days")
        assert bad["Supply"] == "! battery, 20 min 0 s left, voltage low"
        assert health["bed-4"]["Last message"].startswith("! silent for")
        assert page.get_by_role("rowheader", name=re.compile("bed-6")).inner_text() == "! bed-6"
        assert page.get_by_text("two machines send under this name").count() == 1


def test_alarms_have_their_response_times_and_are_found_by_time_gateway_and_priority(address):
    with opened(address) as page:
        page.get_by_role("link", name="Alarms", exact=True).click()
        history = page.get_by_role("region", name="Alarm history").locator("tbody tr")
        history.first.wait_for()
        assert history.count() == 4
        low = page.get_by_role("region", name="Response times").get_by_role("row", name=re.compile("low"))
        assert low.locator("td").all_inner_texts() == ["1", "1", "6 s", "6 s"]
        page.get_by_label("Priority").select_option("high")
        page.get_by_text("2 alarms, the newest first.").wait_for()
        page.get_by_label(re.compile("Gateway")).fill("bed-5")
        page.keyboard.press("Tab")
        page.get_by_text("1 alarm, the newest first.").wait_for()
        page.get_by_label(re.compile("^To")).fill("2020-01-01T00:00")
        page.keyboard.press("Tab")
        page.get_by_role("alert").get_by_text("before `to`").wait_for()


def test_entries_are_found_by_gateway_and_kind_with_the_keyboard_alone(address):
    with opened(address) as page:
        page.get_by_role("link", name="Search", exact=True).press("Enter")
        page.get_by_role("region", name="Entries").locator("tbody tr").first.wait_for()
        page.get_by_label(re.compile("Gateway")).focus()
        page.keyboard.type("bed-3")
        page.keyboard.press("Tab")
        page.keyboard.type("alarm_raised")
        page.keyboard.press("Tab")
        page.get_by_text("2 entries").wait_for()
        rows = page.get_by_role("region", name="Entries").locator("tbody tr").all_inner_texts()
        assert {row.split("\t")[1] for row in rows} == {"bed-3"}


def test_the_page_sends_nothing_but_questions(address):
    with opened(address) as page:
        sent = []
        page.on("request", lambda request: sent.append((request.method, request.url.removeprefix(address))))
        for path in ("#/", "#/bed/bed-2/pump-a", "#/alarms", "#/fleet", "#/search"):
            page.goto(f"{address}/{path}")
            page.wait_for_timeout(500)
        assert sent
        assert {method for method, _ in sent} == {"GET"}
        assert all(url.startswith("/") for _, url in sent)


def test_when_the_server_dies_the_page_says_that_it_is_old(server, tmp_path):
    with serving(server, tmp_path) as (address, process), opened(address) as page:
        process.kill()
        process.wait(10)
        page.get_by_text("Not live").wait_for(timeout=20_000)
        assert page.locator(".bed").count() == 6
